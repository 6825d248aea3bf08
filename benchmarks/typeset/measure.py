"""Interleaved rounds: every route runs once in each round, so that what else the machine does hits all of them."""

from __future__ import annotations

import gc
import os
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Output:
    """What one run of a route has made.

    Attributes:
        pages: Images.
        size: Bytes of all of them.
    """

    pages: int
    size: int


@dataclass(frozen=True)
class Route:
    """One way from a text to images.

    Attributes:
        name: What it is called in the table.
        run: Takes the whole way once.
        prepare: What has to be done before each run and is not timed.
    """

    name: str
    run: Callable[[], Output]
    prepare: Callable[[], object] | None = None


@dataclass
class Timing:
    """Seconds of a route in each round.

    Attributes:
        output: What its last run has made.
        wall: Seconds by the clock.
        cpu: Seconds of processor time, of this process and of all it has started.
    """

    output: Output
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def interleave(routes: Sequence[Route], rounds: int) -> dict[str, Timing]:
    """Runs the routes in turn, `rounds` times, after one round that does not count.

    Returns:
        The timings by name, in the order of the routes.
    """
    timings: dict[str, Timing] = {}
    for number in range(rounds + 1):
        for route in routes:
            if route.prepare is not None:
                route.prepare()
            gc.collect()
            others = _cpu_of_others()
            wall, own = time.perf_counter(), time.process_time()
            output = route.run()
            wall, own = time.perf_counter() - wall, time.process_time() - own
            timing = timings.setdefault(route.name, Timing(output))
            if number:
                timing.wall.append(wall)
                timing.cpu.append(own + _cpu_of_others() - others)
    return timings


def ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """The median over the rounds of how many times as long the first took as the second."""
    return statistics.median(one / other for one, other in zip(ones, others, strict=True))


def _cpu_of_others() -> float:
    """Seconds of processor time of the processes that this one has started, ended or not (those only on Linux)."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime + _cpu_of_living()


def _cpu_of_living() -> float:
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            facts = file.read_text().rpartition(")")[2].split()
        except OSError:
            # It has just ended.
            continue
        number = int(file.parent.name)
        parents[number] = int(facts[1])
        # Its own time and that of the children it has waited for; see proc(5).
        ticks[number] = sum(map(int, facts[11:15]))
    mine = sum(ticks[number] for number in parents if _descends(number, parents))
    return mine / os.sysconf("SC_CLK_TCK")


def _descends(number: int, parents: dict[int, int]) -> bool:
    while number in parents:
        number = parents[number]
        if number == os.getpid():
            return True
    return False

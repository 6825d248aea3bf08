"""Seconds for each answer by stage, with no line read before and with all of them, for `reading`."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reading_ways import Bench, Way

STAGES = ("search", "typeset", "read", "verify")


@dataclass(frozen=True)
class Timing:
    """How long one answer took.

    Attributes:
        corpus: The set.
        way: The way.
        cold: Whether the reader had read no line before; else it had just answered the same question.
        stages: Seconds in each of `STAGES`, by the clock.
        total: Seconds from question to answer, by the clock.
        processor: Seconds of the processor, on all its cores together.
    """

    corpus: str
    way: str
    cold: bool
    stages: tuple[float, ...]
    total: float
    processor: float


def time_every_way(bench: Bench, corpus: str, question: str, ways: Sequence[Way]) -> Iterator[Timing]:
    """Asks one question in every way, first with all lines forgotten and then again."""
    for way in ways:
        bench.recogniser.forget()
        yield _time(bench, corpus, question, way, cold=True)
        yield _time(bench, corpus, question, way, cold=False)


def _time(bench: Bench, corpus: str, question: str, way: Way, *, cold: bool) -> Timing:
    wall, processor = time.perf_counter(), time.process_time()
    answer = bench.ask(question, way)
    processor, total = time.process_time() - processor, time.perf_counter() - wall
    stages = tuple(answer.usage.seconds[stage] for stage in STAGES)
    return Timing(corpus, way.name, cold, stages, total, processor)

"""How fast the typesetter is beside named alternatives, side by side in one run.

    python -m benchmarks.typeset --data ../shared/evaldata
    python -m benchmarks.typeset --data ../shared/evaldata --texts en --stream-mb 0
    python -m benchmarks.typeset --data ../shared/evaldata --texts

Prints Markdown; docs/speed.md is made of it. Every route runs once in each round. Columns: pages that were made;
milliseconds for 1,000 characters of the source, by the clock and of processor time (of all processes that take part),
medians over the rounds; how many times as long as the typesetter took in the same round, the median of the rounds, by
the clock and in processor time; bytes for each character.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from glyph_rag.typeset.profile import PRESETS, RenderProfile

from . import ours, peers, pillow, streaming
from .measure import Route, Timing, interleave, ratio
from .samples import COMPLEX, NAMES, Sample, load
from .versions import machine, versions

TARGETS = ((pillow.PER_LINE, 20.0), (peers.DEOCR, 6.0), (peers.PIXELPROMPT, 20.0))
COMPLEX_TARGET = 10.0
FLOOR_TARGET = 2.0


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", nargs="*", default=list(NAMES), choices=NAMES)
    parser.add_argument("--chars", type=int, default=80_000, help="characters of each text")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--preset", default="careful", choices=list(PRESETS))
    parser.add_argument("--stream-mb", type=int, default=200, help="megabytes of text to stream; 0 for none")
    parser.add_argument("--cjk-ttf", type=Path, help="a TrueType font with Chinese for Glyph's route")
    arguments = parser.parse_args()
    print(f"{machine()}. {'; '.join(versions())}.\n")
    print(f"Preset {arguments.preset}, {arguments.rounds} rounds.\n")
    results: dict[str, dict[str, Timing]] = {}
    with ExitStack() as closing:
        for name in arguments.texts:
            sample = load(arguments.data, name, arguments.chars)
            # The peers have no strip for a label.
            profile = replace(RenderProfile.preset(arguments.preset), label_px=0)
            routes, notes = gather(sample, profile, closing, arguments.cjk_ttf)
            results[name] = interleave(routes, arguments.rounds)
            print("\n".join(table(sample, results[name])))
            print("".join(f"\nSkipped: {note}.\n" for note in notes))
    if results:
        print("\n".join(verdicts(results)))
    if arguments.stream_mb:
        print("\n".join(memory(arguments.data, arguments.stream_mb, arguments.preset)))


def gather(
    sample: Sample, profile: RenderProfile, closing: ExitStack, cjk: Path | None
) -> tuple[list[Route], list[str]]:
    """All routes that can run here, and why others cannot."""
    routes, notes = ours.routes(sample, profile), []
    lack = pillow.missing(sample)
    if lack:
        notes.append(f"{pillow.PER_LINE} ({lack})")
    else:
        routes += pillow.routes(sample, profile)
    starts: list[tuple[str, peers.Start]] = [
        (peers.DEOCR, peers.deocr),
        (peers.PIXELPROMPT, peers.pixelprompt),
        (peers.GLYPH, partial(peers.glyph, cjk=cjk)),
    ]
    for name, start in [] if sample.name in COMPLEX else starts:
        try:
            routes += start(sample, profile, closing)
        except peers.MissingError as reason:
            notes.append(f"{name} ({reason})")
    return [*routes, *ours.floors(sample, profile)], notes


def table(sample: Sample, timings: dict[str, Timing]) -> Iterator[str]:
    """One text: a row for each route."""
    bases = [name for name in (ours.ISAL, ours.ZLIB) if name in timings]
    ratios = [f"x {base.rpartition(' ')[2]}, {kind}" for base in bases for kind in ("wall", "CPU")]
    columns = ["route", "pages", "ms / 1,000 chars", "CPU", *ratios, "bytes / char"]
    chars = len(sample.text)
    yield f"### {sample.name}, {chars:,} characters\n"
    yield f"| {' | '.join(columns)} |"
    yield f"|{' --- |' * len(columns)}"
    for name, timing in timings.items():
        cells = [name, str(timing.output.pages)]
        cells += [f"{statistics.median(seconds) * 1e6 / chars:.3f}" for seconds in (timing.wall, timing.cpu)]
        for base in bases:
            cells += [f"{value:.2f}" for value in times(timing, timings[base])]
        cells.append(f"{timing.output.size / chars:.1f}")
        yield f"| {' | '.join(cells)} |"


def times(one: Timing, other: Timing) -> tuple[float, float]:
    """How many times as long as another one a route takes, by the clock and in processor time."""
    return ratio(one.wall, other.wall), ratio(one.cpu, other.cpu)


def verdicts(results: dict[str, dict[str, Timing]]) -> Iterator[str]:
    """What was aimed at and what was reached."""
    yield "### Targets\n"
    yield "| text | compared | aim | with | wall | CPU | reached, by both |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, timings in results.items():
        for base in (ours.ISAL, ours.ZLIB):
            if base not in timings:
                continue
            codec = base.rpartition(" ")[2]
            for route, aim in [] if name == "code" else aims(name, timings):
                wall, cpu = times(timings[route], timings[base])
                reached = "yes" if min(wall, cpu) >= aim else "no"
                yield f"| {name} | {route} | >= {aim:g} x | {codec} | {wall:.1f} x | {cpu:.1f} x | {reached} |"
            floor = ours.floor_of(base)
            wall, cpu = times(timings[base], timings[floor])
            reached = "yes" if max(wall, cpu) <= FLOOR_TARGET else "no"
            yield f"| {name} | {floor} | <= {FLOOR_TARGET:g} x | {codec} | {wall:.1f} x | {cpu:.1f} x | {reached} |"
    yield ""


def aims(name: str, timings: dict[str, Timing]) -> list[tuple[str, float]]:
    """The routes of a text for which a target was set, with it."""
    targets = [(start, COMPLEX_TARGET if name in COMPLEX else aim) for start, aim in TARGETS]
    return [(route, aim) for start, aim in targets for route in timings if route.startswith(start)]


def memory(data: Path, megabytes: int, preset: str) -> Iterator[str]:
    """Long inputs: what they take."""
    cases: Sequence[tuple[str, str]] = (
        ("stream", f"{megabytes} MB of documents in five scripts"),
        ("line", "one line of 10 MB without a space"),
        ("lines", "one file of 100,000 lines"),
    )
    yield "### Memory\n"
    yield "| input | typeset, MB | pages | seconds | CPU | resident, MB | peak, MB |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for case, title in cases:
        for reading in streaming.measure(case, data, megabytes, preset):
            sizes = [f"{size / 1e6:.0f}" for size in (reading.done, reading.resident, reading.peak)]
            times_taken = f"{reading.seconds:.0f} | {reading.cpu:.0f}"
            yield f"| {title} | {sizes[0]} | {reading.pages:,} | {times_taken} | {sizes[1]} | {sizes[2]} |"


if __name__ == "__main__":
    main()

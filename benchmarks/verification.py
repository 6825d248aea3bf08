"""Verification of answers: how many false ones are caught and how many true ones are flagged, by class and language.

    python benchmarks/verification.py --data ../shared/evaldata

Sentences and gold answers of seven sets are falsified in many ways, and reworded in harmless ones; every answer is
verified against three pages, one of which it was made from. A falsified answer is caught if it is flagged as
unsupported, or corrected, so that the source's own words stand in its place. The documents are parted in two halves:
the rules were developed on one (`--half dev`), the figures count on the other.

Two classes stand apart, because comparing words cannot decide them. Paraphrases beyond light rewording look like
inventions, so their being flagged is no fault. A pronoun that was replaced by the wrong name may look right.

Seconds are those of the processor, for one answer of mostly one sentence, with nothing remembered between answers.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal

from rich.console import Console
from rich.table import Table
from verification_false import FALSE, Change, Scene
from verification_sources import Source, is_development, load
from verification_true import PARAPHRASES, TRUE, wrongly_named

from glyph_rag.read.verification.fold import fold
from glyph_rag.read.verify import verify
from glyph_rag.typeset.page import Page

Kind = Literal["false", "true", "paraphrase", "wrong name for pronoun"]
Outcome = Literal["flagged", "corrected", "passed"]


@dataclass(frozen=True)
class Case:
    """An answer, and the pages it is verified against."""

    kind: Kind
    name: str
    language: str
    text: str
    pages: tuple[Page, ...]


@dataclass(frozen=True)
class Result:
    """What became of a case.

    Attributes:
        outcome: The worst of its sentences.
        text: What verification made of it.
        seconds: How long that took.
    """

    outcome: Outcome
    text: str
    seconds: float


def make_cases(sets: dict[str, list[Source]], half: str, each: int, seed: int) -> Iterator[Case]:
    """For each class and set, up to so many cases."""
    tables: tuple[tuple[Kind, dict[str, Change]], ...] = (
        ("false", FALSE),
        ("true", TRUE),
        ("paraphrase", PARAPHRASES),
        ("wrong name for pronoun", {"wrong name": wrongly_named}),
    )
    for set_name, sources in sets.items():
        sources = [s for s in sources if is_development(s) == (half == "dev") and s.sentences]
        for kind, changes in tables:
            for name, change in changes.items():
                yield from _some(kind, name, change, sources, each, Random(f"{seed} {set_name} {kind} {name}"))


def _some(kind: Kind, name: str, change: Change, sources: Sequence[Source], each: int, rng: Random) -> Iterator[Case]:
    made = 0
    for _ in range(40 * each):
        source, other, third, hidden = (rng.choice(sources) for _ in range(4))
        if len({s.id for s in (source, other, third, hidden)}) < 4:
            continue
        scene = Scene(rng, source, other, hidden, rng.choice(source.sentences))
        text = change(scene)
        if not text or not text.strip():
            continue
        pages = [source.page_with(scene.sentence), other.page_with(_tail_of(text, other)), third.pages[0]]
        rng.shuffle(pages)
        if kind == "false" and any(_stands_on(name, text, page) for page in pages):
            continue
        if kind != "false" and not _is_shown(name, scene, text, pages):
            continue
        made += 1
        yield Case(kind, name, source.language, text, tuple(pages))
        if made == each:
            return


def _stands_on(name: str, text: str, page: Page) -> bool:
    """Whether a page says a falsified answer by chance; of a short one, its numbers are enough."""
    if name == '"the answer is", digit':
        return all(number in page.text for number in re.findall(r"\d+", text))
    return fold(text).text in fold(page.text).text


def _tail_of(text: str, source: Source) -> str:
    """The sentence of a source that a text ends with, so that its page is shown."""
    return next((sentence for sentence in source.sentences if text.endswith(sentence)), "")


def _is_shown(name: str, scene: Scene, text: str, pages: Sequence[Page]) -> bool:
    """Whether what a true answer was made from stands whole on a shown page."""
    shown = [page.text for page in pages]
    if name == 'joined by "and"':
        return any(scene.sentence in t for t in shown) and any(
            text.endswith(s) and any(s in t for t in shown) for o in (scene.source, scene.other) for s in o.sentences
        )
    return name in _FROM_ANYWHERE or any(scene.sentence in t for t in shown)


_FROM_ANYWHERE = frozenset(
    ("short answer", '"the answer is"', "question taken up", "name for pronoun", "question and answer")
)


def check(case: Case) -> Result:
    """Verifies one answer."""
    started = time.process_time()
    sentences, _ = verify(case.text, case.pages)
    seconds = time.process_time() - started
    supports = {sentence.support for sentence in sentences}
    outcome: Outcome = "passed"
    if "unsupported" in supports or not sentences:
        outcome = "flagged"
    elif "corrected" in supports:
        outcome = "corrected"
    return Result(outcome, " ".join(sentence.text for sentence in sentences), seconds)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--half", choices=("dev", "test"), default="test")
    parser.add_argument("--each", type=int, default=4, help="cases of each class from each set")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--show", default="", help="print the failures of a class, or of 'all'")
    arguments = parser.parse_args()
    counts: dict[tuple[Kind, str], Counter[Outcome]] = defaultdict(Counter)
    seconds: list[float] = []
    console = Console(width=140)
    for case in make_cases(load(arguments.data, arguments.seed), arguments.half, arguments.each, arguments.seed):
        result = check(case)
        seconds.append(result.seconds)
        counts[case.kind, case.name][result.outcome] += 1
        counts[case.kind, f"  {case.language}"][result.outcome] += 1
        counts[case.kind, "ALL"][result.outcome] += 1
        wrong: Outcome = "flagged" if case.kind in ("true", "paraphrase") else "passed"
        if result.outcome == wrong and arguments.show in (case.name, "all"):
            console.print(f"{case.kind} | {case.name} | {case.language} | {case.text!r}", markup=False, soft_wrap=True)
    kinds: tuple[Kind, ...] = ("false", "true", "paraphrase", "wrong name for pronoun")
    for kind in kinds:
        console.print(_table(kind, {name: count for (of, name), count in counts.items() if of == kind}))
    seconds.sort()
    median, slow, slowest = (1000 * seconds[int(share * (len(seconds) - 1))] for share in (0.5, 0.99, 1))
    console.print(
        f"{len(seconds)} answers; {median:.1f} ms median, {slow:.1f} ms 99th percentile, {slowest:.1f} ms most"
    )


def _table(kind: str, counts: dict[str, Counter[Outcome]]) -> Table:
    good = "caught" if kind not in ("true", "paraphrase") else "not flagged"
    table = Table(f"{kind} answers", "cases", "flagged", "corrected", "passed", good)
    for name, count in sorted(counts.items(), key=lambda item: (item[0] == "ALL", item[0].startswith("  "), item[0])):
        right = (
            count["flagged"] + count["corrected"]
            if kind not in ("true", "paraphrase")
            else count["corrected"] + count["passed"]
        )
        cells = (count["flagged"], count["corrected"], count["passed"])
        table.add_row(name, str(count.total()), *map(str, cells), f"{right / count.total():.3f}")
    return table


if __name__ == "__main__":
    main()

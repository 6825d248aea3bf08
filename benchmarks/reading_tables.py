"""What `reading` has found, as tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from reading_seconds import STAGES, Timing
from reading_strings import StringOutcome
from reading_ways import SOURCE, Outcome

One = TypeVar("One", Outcome, StringOutcome, Timing)

NONE = "-"


@dataclass(frozen=True)
class Table:
    """Rows under a heading.

    Attributes:
        title: The heading.
        columns: What the columns are called.
        rows: As many cells in each as there are columns.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def as_text(self) -> str:
        """Aligned columns: the words to the left, the figures to the right."""
        widths = [max(map(len, column)) for column in zip(self.columns, *self.rows, strict=True)]
        lines = ["  ".join(_aligned(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
                 for row in (self.columns, *self.rows)]  # fmt: skip
        return "\n".join([self.title, "", lines[0], "-" * len(lines[0]), *lines[1:]])

    def as_markdown(self) -> str:
        """A section with a table."""
        rows = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join([f"### {self.title}", "", *("| " + " | ".join(row) + " |" for row in rows)])


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if cell[:1].isdigit() or cell == NONE else cell.ljust(width)


def answers_table(outcomes: Sequence[Outcome]) -> Table:
    """(a) For each set and way: whether answers are right, and whether what they cite is."""
    rows = []
    asked = [outcome for outcome in outcomes if outcome.answerable]
    for corpus, way, of_way in _by_set_and_way(asked):
        source = {o.question: o.contains for o in asked if o.corpus == corpus and o.way == SOURCE}
        judged = [o for o in of_way if o.judged]
        right = [o for o in judged if o.contains]
        answered = [o for o in of_way if o.answered]
        cited = way != SOURCE
        rows.append(
            (
                corpus,
                way,
                str(len(of_way)),
                share([o.shown for o in of_way]),
                share([o.answered for o in of_way]),
                share([o.contains for o in judged]),
                str(sum(source[o.question] and not o.contains for o in judged)) if cited else NONE,
                str(sum(o.contains and not source[o.question] for o in judged)) if cited else NONE,
                f"{sum(o.verbatim for o in of_way)}/{sum(o.quotes for o in of_way)}" if cited else NONE,
                share([o.in_gold for o in answered]) if cited else NONE,
                share([o.in_place for o in right]) if cited else NONE,
            )
        )
    columns = (
        "set", "way", "asked", "page found", "answered", "contains gold", "lost", "gained", "verbatim", "cites gold",
        "in place",
    )  # fmt: skip
    return Table("Answers and citations", columns, tuple(rows))


def abstention_table(outcomes: Sequence[Outcome]) -> Table:
    """(a) For each set with questions that have no answer, and each way: who was refused."""
    sets = {o.corpus for o in outcomes if not o.answerable}
    rows = []
    for corpus, way, of_way in _by_set_and_way([o for o in outcomes if o.corpus in sets]):
        without = [o for o in of_way if not o.answerable]
        answerable = [o for o in of_way if o.answerable]
        evident = [o for o in answerable if o.shown]
        counts = [str(len(group)) for group in (without, answerable, evident)]
        refused = [share([not o.answered for o in group]) for group in (without, answerable, evident)]
        rows.append((corpus, way, *(cell for pair in zip(counts, refused, strict=True) for cell in pair)))
    columns = (
        "set", "way", "unanswerable", "refused", "answerable", "wrongly refused", "evidence shown", "refused even so",
    )  # fmt: skip
    return Table("Abstention", columns, tuple(rows))


def strings_table(outcomes: Sequence[StringOutcome]) -> Table:
    """(b) For each set and way: what became of planted strings."""
    rows = []
    for corpus, way, of_way in _by_set_and_way(outcomes):
        given = [o for o in of_way if o.given]
        fates = [o.fate for o in of_way]
        rows.append(
            (
                corpus,
                way,
                str(len(of_way)),
                *(str(fates.count(fate)) for fate in ("page not found", "refused", "other sentence")),
                str(len(given)),
                share([o.raw for o in given]),
                share([o.final for o in given]),
                str(fates.count("left out")),
                str(fates.count("flagged")),
                str(fates.count("cut short")),
                str(fates.count("WRONG")),
            )
        )
    columns = (
        "set", "way", "asked", "page not found", "refused", "other sentence", "sentence given", "exact as read",
        "exact after verification", "left out", "flagged", "cut short", "wrong",
    )  # fmt: skip
    return Table("Exact strings", columns, tuple(rows))


def kinds_table(outcomes: Sequence[StringOutcome]) -> Table:
    """(b) For each kind of string and way: how many of those whose sentence was given are exact."""
    ways = list(dict.fromkeys(o.way for o in outcomes))
    rows = []
    for kind in dict.fromkeys(o.kind for o in outcomes):
        cells = []
        for way in ways:
            given = [o for o in outcomes if o.kind == kind and o.way == way and o.given]
            cells.append(f"{sum(o.raw for o in given)}, {sum(o.final for o in given)} of {len(given)}")
        rows.append((kind, *cells))
    return Table("Exact strings by kind: as read, after verification", ("kind", *ways), tuple(rows))


def failures(outcomes: Sequence[StringOutcome]) -> list[str]:
    """(b) One line for each string whose page was found and that is not in the answer."""
    return [
        f"{o.fate}: {o.corpus}, {o.way}, {o.kind} {o.value!r}: read {o.read_as!r}, answered {o.text!r}"
        for o in outcomes
        if o.fate not in ("right", "page not found")
    ]


def tokens_table(outcomes: Sequence[Outcome], tokenizer: str) -> Table:
    """(c) For each set and way: tokens for each question, on average.

    Args:
        outcomes: What came of the questions.
        tokenizer: What the tokenizer is called that counted, or what stands there if none did.
    """
    rows = []
    for corpus, way, of_way in _by_set_and_way([o for o in outcomes if o.way != SOURCE]):
        as_text = [o for o in outcomes if o.corpus == corpus and o.way == "text"]
        counted = [o.counted_tokens for o in as_text if o.counted_tokens is not None]
        images, prompt, text, text_prompt = (
            fmean(values)
            for values in (
                [o.image_tokens for o in of_way],
                [o.tokens for o in of_way],
                [o.text_tokens for o in of_way],
                [o.tokens for o in as_text],
            )
        )
        rows.append(
            (
                corpus,
                way,
                f"{images:.0f}",
                f"{prompt:.0f}",
                f"{text:.0f}",
                f"{fmean(counted):.0f}" if counted else NONE,
                f"{text / images:.2f}" if images else NONE,
                f"{text_prompt / prompt:.2f}",
            )
        )
    columns = (
        "set", "way", "image tokens", "whole prompt", "as text (estimate)", f"as text ({tokenizer})", "text / images",
        "text prompt / prompt",
    )  # fmt: skip
    return Table("Tokens for each question, on average", columns, tuple(rows))


def seconds_table(timings: Sequence[Timing]) -> Table:
    """(d) For each set and way, cold and warm: seconds for each answer, in all and by stage."""
    rows = []
    everything = [*timings, *_as_one_set(timings)]
    for corpus, way, of_way in _by_set_and_way(everything):
        for cold in (True, False):
            taken = [t for t in of_way if t.cold is cold]
            totals = sorted(t.total for t in taken)
            stages = [fmean(t.stages[at] for t in taken) for at in range(len(STAGES))]
            figures = (fmean(totals), percentile(totals, 0.95), totals[-1], fmean(t.processor for t in taken), *stages)
            rows.append((corpus, way, "cold" if cold else "warm", str(len(taken)), *(f"{f:.3f}" for f in figures)))
    columns = ("set", "way", "lines", "asked", "mean", "p95", "max", "processor", *STAGES)
    return Table("Seconds for each answer", columns, tuple(rows))


def _as_one_set(timings: Sequence[Timing]) -> list[Timing]:
    if len({t.corpus for t in timings}) < 2:
        return []
    return [Timing("ALL", t.way, t.cold, t.stages, t.total, t.processor) for t in timings]


def percentile(ordered: Sequence[float], part: float) -> float:
    """The value that so large a part of ascending values does not exceed (nearest rank)."""
    return ordered[max(math.ceil(part * len(ordered)), 1) - 1]


def share(flags: Sequence[bool]) -> str:
    """The share that is true, or a dash of none."""
    return f"{fmean(flags):.3f}" if flags else NONE


def _by_set_and_way(found: Sequence[One]) -> list[tuple[str, str, list[One]]]:
    """Groups by set and then by way, in the order in which they first came."""
    groups: dict[str, dict[str, list[One]]] = {}
    for one in found:
        groups.setdefault(one.corpus, {}).setdefault(one.way, []).append(one)
    return [(corpus, way, of_way) for corpus, ways in groups.items() for way, of_way in ways.items()]

"""What stands behind the labels of a plan: the stretches of documents that an answer is checked against."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from glyph_rag.read.answer import Citation
from glyph_rag.read.plan import Excerpt
from glyph_rag.typeset.page import Page, cut


@dataclass(frozen=True, eq=False)
class Source:
    """A stretch of a document that a reader was shown.

    Attributes:
        labels: What it is called in the plan; several where it is shown twice, or goes on from one page to the next.
        page: The words, as a page.
        home: The page of the store that they stand on.
    """

    labels: tuple[str, ...]
    page: Page
    home: Page


def sources(excerpts: Sequence[Excerpt], shown: Collection[str] | None = None) -> list[Source]:
    """What was shown, each word of it once, in the order of the plan.

    Args:
        excerpts: What stands behind the labels of the plan.
        shown: The labels that the reader was shown in the end, or None for all.
    """
    by_home: dict[str, list[Excerpt]] = {}
    for excerpt in excerpts:
        if shown is None or excerpt.label in shown:
            by_home.setdefault(excerpt.home.id, []).append(excerpt)
    return [source for parts in by_home.values() for source in _joined(parts)]


def at_home(citations: Sequence[Citation], shown: Sequence[Source]) -> tuple[Citation, ...]:
    """Citations of what was shown as citations of the store's pages, whose ids and boxes they get."""
    homes = {source.page.id: source.home for source in shown}
    return tuple(
        replace(citation, page_id=home.id, boxes=home.boxes_of(citation.start, citation.end))
        for citation in citations
        for home in [homes[citation.page_id]]
    )


def _joined(parts: Sequence[Excerpt]) -> list[Source]:
    """The stretches of one page that are shown; those with nothing but white space between them are one."""
    home = parts[0].home
    runs: list[tuple[int, int, list[str]]] = []
    for part in sorted(parts, key=lambda part: (part.shown.start, -part.shown.end)):
        start, end = part.shown.start, part.shown.end
        between = home.text[runs[-1][1] - home.start : start - home.start] if runs else "-"
        if runs and not between.strip():
            first, last, labels = runs.pop()
            start, end, labels = first, max(last, end), [*labels, part.label]
        else:
            labels = [part.label]
        runs.append((start, end, labels))
    return [Source(tuple(labels), _whole_if_all(home, start, end), home) for start, end, labels in runs]


def _whole_if_all(home: Page, start: int, end: int) -> Page:
    """The part of a page between two offsets; the page itself where nothing but white space is left of it."""
    rest = home.text[: start - home.start] + home.text[end - home.start :]
    return cut(home, start, end) if rest.strip() else home

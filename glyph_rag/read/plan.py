"""ReadingPlan: what a reader is shown.

A plan holds pixels and geometry and no source text, so a reader cannot answer from anything but what it sees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from glyph_rag.corpus.document import Chunk
from glyph_rag.search.hit import Hit
from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.glyphs.ink import Levels
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.png import encode
from glyph_rag.typeset.render import page_key, page_label
from glyph_rag.typeset.scripts import scripts_of
from glyph_rag.typeset.tokens import estimate_text_tokens, image_tokens


@dataclass(frozen=True)
class Passage:
    """A part of a page that earned the hit, as a place and not as words.

    Attributes:
        lines: The box of each line, in the order of reading.
        scripts: The scripts it is written in, as in `typeset.scripts`, so that a reader can tell what it cannot read.
    """

    lines: tuple[Box, ...]
    scripts: frozenset[str]


@dataclass(frozen=True, eq=False)
class PlanPage:
    """One page as a reader is shown it.

    Attributes:
        label: What the page is called in this plan, and in the strip at its top: "P1", "P2", ...
        page_id: The page's id in the store.
        levels: Its pixels: uint8 (height, width), ink from 0 for paper to 15 for full ink.
        ink: Colour of full ink, "#rrggbb".
        paper: Colour of the paper.
        passages: The parts that earned the hit, in the order of the page.
        tokens: What a reader pays for the image.
        column_width: Room for a line, in pixels: a line that leaves much of it empty was not broken for want of room.
        key: What the image is known by in the cache.
        cache: Where image files are kept.
    """

    label: str
    page_id: str
    levels: Levels = field(repr=False)
    ink: str = field(repr=False)
    paper: str = field(repr=False)
    passages: tuple[Passage, ...] = field(repr=False)
    tokens: int
    column_width: int = field(repr=False)
    key: str = field(default="", repr=False)
    cache: PageCache | None = field(default=None, repr=False)

    def png(self) -> bytes:
        """The page as a PNG file."""
        if self.cache is None:
            return encode(self.levels, self.ink, self.paper)
        return self.cache.get(self.key, lambda: encode(self.levels, self.ink, self.paper))


@dataclass(frozen=True, eq=False)
class ReadingPlan:
    """What a reader is shown, and what it costs.

    Attributes:
        pages: The pages, best first.
        image_tokens: What the page images cost.
        text_tokens: What the same pages would cost as text (an estimate).
    """

    pages: tuple[PlanPage, ...]
    image_tokens: int
    text_tokens: int

    def __str__(self) -> str:
        rows = [
            f"{page.label}  {page.levels.shape[1]} x {page.levels.shape[0]} px  {page.tokens} tokens"
            for page in self.pages
        ]
        total = f"{self.image_tokens} image tokens; about {self.text_tokens} as text"
        return "\n".join([*rows, total])


def make_plan(hits: Sequence[Hit], cache: PageCache | None = None) -> ReadingPlan:
    """Shows every hit's page, whole; image files are kept in the cache, if there is one."""
    pages = tuple(_show(number, hit, cache) for number, hit in enumerate(hits, 1))
    text_tokens = sum(estimate_text_tokens(hit.page.text) for hit in hits)
    return ReadingPlan(pages, sum(page.tokens for page in pages), text_tokens)


def _show(number: int, hit: Hit, cache: PageCache | None) -> PlanPage:
    page, layout = hit.page, hit.page.layout
    title = f"[P{number}] {page_label(page)}"
    return PlanPage(
        label=f"P{number}",
        page_id=page.id,
        levels=page.levels(title),
        ink=page.profile.ink,
        paper=page.profile.paper,
        passages=tuple(_locate(page, chunk) for chunk in sorted(hit.chunks, key=lambda chunk: chunk.start)),
        tokens=image_tokens(layout.width, layout.height, page.profile.patch),
        column_width=page.profile.column_width,
        key=page_key(page, title),
        cache=cache,
    )


def _locate(page: Page, chunk: Chunk) -> Passage:
    return Passage(page.layout.lines_of(chunk.start, chunk.end), scripts_of(chunk.text, share=0.2))

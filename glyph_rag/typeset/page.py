"""Page: consecutive chunks of one document, typeset under one profile."""

from __future__ import annotations

import bisect
import hashlib
import io
import reprlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from glyph_rag.corpus.document import Chunk, Document, Format, Mark, MetadataValue
from glyph_rag.typeset.compose.fill import Filler
from glyph_rag.typeset.compose.layout import Box, Layout
from glyph_rag.typeset.draw import draw_on
from glyph_rag.typeset.furniture import draw_label, draw_line_numbers
from glyph_rag.typeset.profile import RenderProfile

if TYPE_CHECKING:
    from PIL import Image

    from glyph_rag.typeset.glyphs.ink import Levels


@dataclass(frozen=True)
class Page:
    """The unit of retrieval and of reading. It holds text and geometry; pixels are drawn when asked for.

    Attributes:
        id: 32 hex digits, derived from the document's id, the words and the profile.
        document_id: The document it is a page of.
        source: The document's path or URI.
        text: The words that stand on it: the document's text from `start` to `end`.
        start: Offset of the first character in the document.
        first_line: The document's line on which the page starts, counted from 1.
        blocks: For each chunk on the page, the half-open span of the document that stands here.
        profile: How it is set.
        format: The document's format; the lines of code are kept as they are, other text may flow.
        metadata: The document's metadata.
        marks: Where in the original the text comes from, for formats without lines.
    """

    id: str
    document_id: str
    source: str
    text: str
    start: int
    first_line: int
    blocks: tuple[tuple[int, int], ...]
    profile: RenderProfile = field(repr=False)
    format: Format = "text"
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict, compare=False)
    marks: tuple[Mark, ...] = field(default=(), repr=False)

    def __repr__(self) -> str:
        return (
            f"Page(id={self.id!r}, document_id={self.document_id!r}, source={self.source!r},"
            f" text={reprlib.repr(self.text)}, start={self.start}, first_line={self.first_line})"
        )

    @property
    def end(self) -> int:
        """One past the last character, as an offset into the document."""
        return self.start + len(self.text)

    @cached_property
    def layout(self) -> Layout:
        """The glyph map: which character stands where."""
        blocks = [(a, self.text[a - self.start : b - self.start]) for a, b in self.blocks]
        return Filler(self.profile, code=self.format == "code").layout(blocks)

    def levels(self, label: str = "") -> Levels:
        """Draws the page: uint8 (height, width), ink from 0 for paper to 15 for black.

        Args:
            label: What to call the page in the strip at its top, if the profile has one.
        """
        side = np.zeros((self.layout.width, self.layout.height), np.uint8)
        draw_on(side, self.layout)
        draw_label(side, label, self.profile)
        draw_line_numbers(side, self.layout, self.profile, self.text, self.start, self.first_line)
        return side.T

    def image(self, label: str = "") -> Image.Image:
        """Draws the page as a Pillow image: 8-bit grey, or RGB if the profile's ink or paper is coloured."""
        from PIL import Image

        if (self.profile.ink, self.profile.paper) == ("#000000", "#ffffff"):
            return Image.fromarray(255 - 17 * np.ascontiguousarray(self.levels(label)))
        return Image.open(io.BytesIO(self.png(label))).convert("RGB")

    def png(self, label: str = "") -> bytes:
        """Draws the page as a PNG file."""
        from glyph_rag.typeset.png import encode

        return encode(self.levels(label), self.profile.ink, self.profile.paper)

    def _repr_png_(self) -> bytes:
        """The page, for notebooks."""
        return self.png()

    def boxes_of(self, start: int, end: int) -> tuple[Box, ...]:
        """The rectangles, in pixels, of the document's characters [start, end) on this page, one for each line."""
        return self.layout.boxes_of(start, end)

    def line_of(self, offset: int) -> int:
        """The document's line that the character at `offset` stands on, counted from 1."""
        return self.first_line + self.text.count("\n", 0, max(0, offset - self.start))

    def label_of(self, offset: int) -> str:
        """Where in the original the character at `offset` is, or an empty string for formats with lines."""
        at = bisect.bisect_right(self.marks, offset, key=lambda mark: mark.start)
        return self.marks[at - 1].label if at else ""


def make_pages(
    document: Document, chunks: Sequence[Chunk], profile: RenderProfile
) -> Iterator[tuple[Page, Sequence[Chunk]]]:
    """Typesets a document.

    Args:
        document: The document.
        chunks: Its chunks, in order, covering all of its text but white space.
        profile: How to set it.

    Yields:
        Each page with the chunks that stand on it, wholly or in part.
    """
    spans = [(_with_indent(document.text, chunk.start), chunk.end) for chunk in chunks]
    line, counted = 1, 0
    blocks = [(a, document.text[a:b]) for a, b in spans]
    for (first, last, start, end), layout in Filler(profile, code=document.format == "code").pages(blocks):
        line, counted = line + document.text.count("\n", counted, start), start
        text = document.text[start:end]
        page = Page(
            id=_page_id(document.id, document.format, start, text, profile),
            document_id=document.id,
            source=document.source,
            text=text,
            start=start,
            first_line=line,
            blocks=tuple((max(a, start), min(b, end)) for a, b in spans[first:last]),
            profile=profile,
            format=document.format,
            metadata=document.metadata,
            marks=marks_within(document.marks, start, end),
        )
        if layout is not None:
            page.__dict__["layout"] = layout
        yield page, chunks[first:last]


def cut(page: Page, start: int, end: int) -> Page:
    """A part of a page as a page of its own, under the same profile.

    Args:
        page: The page.
        start: First character, as an offset into the document; not before that of the page.
        end: One past the last; not behind that of the page.
    """
    if (start, end) == (page.start, page.end):
        return page
    text = page.text[start - page.start : end - page.start]
    return replace(
        page,
        id=_page_id(page.document_id, page.format, start, text, page.profile),
        text=text,
        start=start,
        first_line=page.line_of(start),
        blocks=tuple((max(a, start), min(b, end)) for a, b in page.blocks if a < end and b > start),
        marks=marks_within(page.marks, start, end),
    )


def repage(page: Page, profile: RenderProfile) -> list[Page]:
    """Typesets what stands on a page under another profile; there may be several pages of it then."""
    if profile == page.profile:
        return [page]
    blocks = [(a, page.text[a - page.start : b - page.start]) for a, b in page.blocks]
    pages = []
    for (_, _, start, end), _ in Filler(profile, code=page.format == "code").pages(blocks):
        part = cut(page, start, end)
        name = _page_id(page.document_id, page.format, start, part.text, profile)
        pages.append(replace(part, id=name, profile=profile))
    return pages


def _page_id(document_id: str, form: Format, start: int, text: str, profile: RenderProfile) -> str:
    name = f"{document_id}\0{form}\0{start}\0{profile.fingerprint}\0{text}"
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def marks_within(marks: Sequence[Mark], start: int, end: int) -> tuple[Mark, ...]:
    """The marks that hold somewhere between two offsets."""
    first = max(0, bisect.bisect_right(marks, start, key=lambda mark: mark.start) - 1)
    last = bisect.bisect_left(marks, end, key=lambda mark: mark.start)
    return tuple(marks[first:last])


def _with_indent(text: str, start: int) -> int:
    """Where the blanks begin that stand between the start of the line and `start`, or `start` if there is more."""
    indent = start
    while indent and text[indent - 1] in " \t":
        indent -= 1
    return indent if indent == 0 or text[indent - 1] == "\n" else start

"""The typesetter itself, by several routes, and the floor below it: its pixels, already there, only compressed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from unittest import mock

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.corpus.split import split
from glyph_rag.typeset import png
from glyph_rag.typeset.glyphmap import glyph_map, to_json
from glyph_rag.typeset.glyphs import fonts, words
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

from .measure import Output, Route
from .samples import Sample

ISAL = "glyph-rag, isal"
ZLIB = "glyph-rag, zlib"


def pages(document: Document, profile: RenderProfile, chunks: Sequence[Chunk] | None = None) -> Iterator[Page]:
    """The pages of a document; their layout, which is the glyph map, is made by the time they are drawn.

    Args:
        document: The document.
        profile: How to set it.
        chunks: Its chunks, or None if it is yet to be split.
    """
    for page, _ in make_pages(document, split(document) if chunks is None else chunks, profile):
        yield page


def render(document: Document, profile: RenderProfile, chunks: Sequence[Chunk] | None = None) -> Output:
    """From text to PNG files and glyph maps, nothing of which is kept."""
    count = size = 0
    for page in pages(document, profile, chunks):
        count, size = count + 1, size + len(page.png())
    return Output(count, size)


def has_isal() -> bool:
    """Whether the typesetter found isal."""
    return png._isal() is not None


def routes(sample: Sample, profile: RenderProfile) -> list[Route]:
    """The typesetter with empty tables, with tables filled by other text, and with all words known."""
    document, other = sample.document, sample.other_document
    chunks = split(document)

    def forget() -> None:
        words._cases.clear()
        fonts.typecase.cache_clear()

    def know_other() -> None:
        forget()
        render(other, profile)

    def run() -> Output:
        return render(document, profile, chunks)

    def run_split() -> Output:
        return render(document, profile)

    def run_zlib() -> Output:
        with _without_isal():
            return render(document, profile, chunks)

    def run_json() -> Output:
        count = size = 0
        for page in pages(document, profile, chunks):
            size += len(page.png()) + len(to_json(glyph_map(page)).encode())
            count += 1
        return Output(count, size)

    best = ISAL if has_isal() else ZLIB
    # Those that empty the tables go first; the second leaves them with all words of this text.
    found = [
        Route(f"{best}, cold: no word or glyph drawn yet", run, forget),
        Route(f"{best}, after other text of this kind", run, know_other),
    ]
    if has_isal():
        found.append(Route(ISAL, run))
    return [
        *found,
        Route(ZLIB, run_zlib),
        Route(f"{best}, glyph map as JSON", run_json),
        Route(f"{best}, split into chunks first", run_split),
    ]


def floors(sample: Sample, profile: RenderProfile) -> list[Route]:
    """Deflate alone of the rows of pixels that the typesetter makes."""
    rows = _rows(sample, profile)

    def squeeze(deflate: Callable[[bytes], bytes]) -> Callable[[], Output]:
        return lambda: Output(len(rows), sum(len(deflate(row)) for row in rows))

    def squeeze_runs() -> Output:
        with _without_isal():
            return squeeze(png.deflate)()

    found = [Route(floor_of(ISAL), squeeze(png.deflate))] if has_isal() else []
    return [
        *found,
        Route(floor_of(ZLIB), squeeze_runs),
        Route("deflate alone, zlib level 1", squeeze(lambda row: zlib.compress(row, 1))),
        Route("deflate alone, zlib level 6", squeeze(lambda row: zlib.compress(row, 6))),
    ]


def floor_of(name: str) -> str:
    """The route that does nothing but the deflate of `ISAL` or of `ZLIB`."""
    return "deflate alone, isal level 1" if name == ISAL else "deflate alone, zlib looking for runs"


def _rows(sample: Sample, profile: RenderProfile) -> list[bytes]:
    """The rows of each page as they are handed to deflate."""
    taken: list[bytes] = []

    def take(data: bytes) -> bytes:
        taken.append(data)
        return b""

    with mock.patch.object(png, "deflate", take):
        render(sample.document, profile)
    return taken


def _without_isal() -> AbstractContextManager[object]:
    return mock.patch.object(png, "_isal", return_value=None)

"""Cuts a document into chunks: exact spans that follow its headings and paragraphs.

The text is first cut into pieces that lie side by side (whole blocks where they fit, sentences, lines or
words where they do not), then neighbouring pieces are packed. So no character can be lost, and nothing is
looked at twice.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from glyph_rag.corpus.blocks import Block, blocks
from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.corpus.sentences import sentence_spans
from glyph_rag.errors import InputError

# Raised whenever the same text gives other chunks: documents already indexed are then split again.
SPLIT_VERSION: int = 1

# An embedder sees a bounded number of tokens. A Latin character is about a quarter of one, one of these
# nearly one.
_WIDE = re.compile(
    "[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff01-\uff9f\U0001b000-\U0001b2ff"
    "\U00020000-\U0003ffff]+"
)
_WIDE_UNITS = 3
_KEEP_WHOLE = 1.15  # a block a little over the target is better whole than with its last sentence cut off
_LONGEST_SENTENCE = 1.5
_REMNANT = 0.2
_FULL_ENOUGH = 0.7  # past this, a block that has to be cut anyway starts a chunk of its own
_JOINERS = "\u200d\ufe0e\ufe0f"


class _Piece(NamedTuple):
    """A stretch of text that is not cut any more; it ends where the next one starts.

    Attributes:
        start: Its first character.
        units: Its size, with the white space behind it.
        opens_torn_block: Whether it is the first piece of a block that had to be cut.
        leads: Whether it leads up to the next piece: a title inside a quotation, "the following:".
    """

    start: int
    units: int
    opens_torn_block: bool = False
    leads: bool = False


class _Section(NamedTuple):
    """A heading, or several without words between them, and what follows up to the next one."""

    headings: tuple[str, ...]
    pieces: list[_Piece]
    heading_pieces: int
    end: int


def split(document: Document, *, target: int = 800) -> list[Chunk]:
    """Cuts a document into chunks.

    The chunks are in order, do not overlap, carry no outer white space and together hold every character that
    is not white space. A heading starts a chunk and stays with what follows it. No chunk is larger than 1.5
    times `target`.

    Args:
        document: The document.
        target: How large chunks get, in units: a Latin character is 1 unit, a Chinese, Japanese or Korean one
            is 3.

    Returns:
        The chunks; none for a document without words.

    Raises:
        InputError: `target` is too small to cut by.
    """
    if target < 20:
        raise InputError(f"chunks of {target} units are too small", hint="use a target of 20 or more")
    if not document.text.strip():
        return []
    counts: dict[str, int] = {}
    chunks: list[Chunk] = []
    for section in _sections(document, target):
        starts = [*_pack(section, target), section.end]
        for start, end in pairwise(starts):
            chunk = _chunk(document, start, end, section.headings, counts)
            if chunk is not None:
                chunks.append(chunk)
    return chunks


def _chunk(document: Document, start: int, end: int, headings: tuple[str, ...], counts: dict[str, int]) -> Chunk | None:
    text = document.text[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    if not text:
        return None
    # The headings are part of what is embedded, so a chunk under a renamed heading is another chunk.
    words = "\x1f".join([document.id, *headings, text]).encode("utf-8", "surrogatepass")
    digest = hashlib.sha256(words).hexdigest()
    counts[digest] = counts.get(digest, 0) + 1
    identity = hashlib.sha256(f"{digest}\x1f{counts[digest]}".encode("ascii")).hexdigest()[:32]
    return Chunk(identity, document.id, start, start + len(text), text, headings)


def _sections(document: Document, target: int) -> Iterator[_Section]:
    headings: tuple[str, ...] = ()
    pieces: list[_Piece] = []
    heading_pieces = room_taken = 0
    for block, end in _bounded(document):
        if block.kind == "heading":
            # Headings without words between them stay together, up to half a chunk.
            if len(pieces) > heading_pieces or room_taken > target // 2:
                yield _Section(headings, pieces, heading_pieces, block.start)
                pieces, heading_pieces, room_taken = [], 0, 0
            headings = block.headings
            new = list(_pieces(document.text, block, block.start, end, target))
            pieces += new
            heading_pieces += len(new)
            room_taken += sum(piece.units for piece in new)
        else:
            room = target
            if len(pieces) == heading_pieces:
                room = max(target - room_taken, target // 2)
            pieces += _pieces(document.text, block, block.start, end, room)
    if pieces:
        yield _Section(headings, pieces, heading_pieces, len(document.text))


def _bounded(document: Document) -> Iterator[tuple[Block, int]]:
    """Each block with its end. The first one starts with the text, whatever stands before it."""
    last: Block | None = None
    for block in blocks(document):
        if last is None:
            block.start = 0
        else:
            yield last, block.start
        last = block
    if last is None:
        last = Block(0, "prose")
    yield last, len(document.text)


# -- cutting ---------------------------------------------------------------------------------------------


def _units(text: str) -> int:
    if text.isascii():
        return len(text)
    return len(text) + (_WIDE_UNITS - 1) * (len(text) - len(_WIDE.sub("", text)))


def _pieces(text: str, block: Block, start: int, end: int, room: int) -> Iterator[_Piece]:
    """The block whole where it fits into `room`, otherwise its parts, sentences, lines or words."""
    words = text[start:end].strip()
    if _units(words) <= room * _KEEP_WHOLE:
        leads = block.kind == "heading" or (block.kind == "prose" and words.endswith((":", "：")))
        # White space counts here, or blocks with a sea of blank lines between them would be packed together.
        yield _Piece(start, _units(text[start:end]), leads=leads)
        return
    if block.parts:
        starts = [start, *(part.start for part in block.parts[1:]), end]
        for part, part_start, part_end in zip(block.parts, starts, starts[1:], strict=False):
            yield from _pieces(text, part, part_start, part_end, room)
        return
    cuts = _line_starts(text, start, end) if block.kind == "lines" else _sentence_starts(text, start, end)
    for cut, cut_end in zip(cuts, [*cuts[1:], end], strict=True):
        for piece in _sentence(text, cut, cut_end, room):
            yield piece._replace(opens_torn_block=piece.start == start)


def _sentence_starts(text: str, start: int, end: int) -> list[int]:
    found = [start + at for at, _ in sentence_spans(text[start:end])]
    return [start, *found[1:]]


def _line_starts(text: str, start: int, end: int) -> list[int]:
    starts = [start]
    at = text.find("\n", start, end)
    while at >= 0 and at + 1 < end:
        starts.append(at + 1)
        at = text.find("\n", at + 1, end)
    return starts


def _sentence(text: str, start: int, end: int, room: int) -> Iterator[_Piece]:
    units = _units(text[start:end])
    if units <= room * _LONGEST_SENTENCE:
        yield _Piece(start, units)
        return
    while start < end:
        cut = min(_word_cut(text, start, room), end)
        yield _Piece(start, _units(text[start:cut]))
        start = cut


def _word_cut(text: str, start: int, room: int) -> int:
    """Where to cut so that about `room` units stand before the cut: behind white space if there is any."""
    window = text[start : start + room]
    if not window.isascii():
        window = window[: _prefix(window, room)]
    # What is left is cut in the second half, so that each step gets on.
    for at in range(len(window), len(window) // 2, -1):
        if window[at - 1].isspace():
            return start + at
    cut = start + len(window)
    lowest = max(start + 1, cut - 16)
    while cut > lowest and cut < len(text) and _clings(text, cut):
        cut -= 1
    return cut


def _prefix(window: str, room: int) -> int:
    units = 0
    for at, char in enumerate(window):
        units += _WIDE_UNITS if _WIDE.match(char) else 1
        if units > room:
            return max(at, 1)
    return len(window)


def _clings(text: str, at: int) -> bool:
    """Whether the character at `at` belongs to the one before it: an accent, or the next part of an emoji."""
    return text[at] in _JOINERS or text[at - 1] == "\u200d" or unicodedata.category(text[at]).startswith("M")


# -- packing ---------------------------------------------------------------------------------------------


def _pack(section: _Section, target: int) -> list[int]:
    """Where the chunks of a section start."""
    starts: list[int] = []
    size = size_before = 0
    last = _Piece(0, 0)
    for number, piece in enumerate(section.pieces):
        # The words right after a heading stay with it; they were cut to the room that it leaves.
        most = target * _LONGEST_SENTENCE if number <= section.heading_pieces else target
        if number > section.heading_pieces and piece.opens_torn_block:
            most = target * _FULL_ENOUGH
        if starts and size + piece.units <= most:
            size += piece.units
        else:
            first, size_before, size = piece, size, piece.units
            if starts and last.leads and last.start > starts[-1] and last.units + size <= target * _KEEP_WHOLE:
                first = last
                size_before -= last.units
                size += last.units
            starts.append(first.start)
        last = piece
    # A few words left over at the end of a section are little use alone.
    if len(starts) > 1 and size < target * _REMNANT and size_before + size <= target * _KEEP_WHOLE:
        starts.pop()
    return starts

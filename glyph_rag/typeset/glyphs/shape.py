"""Words that only HarfBuzz can set: joined, stacked and reordered letters, marks, emoji, mixtures of faces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import uharfbuzz as hb

from glyph_rag.typeset.glyphs import hexbox
from glyph_rag.typeset.glyphs.fonts import CJK, COMPLEX, EMOJI, HEX_BOX, LATIN, NO_INK, PEN, Typecase, is_format
from glyph_rag.typeset.unicode.graphemes import cluster_starts

_PLAIN = {"kern": False, "liga": False, "clig": False, "calt": False}
"""Alphabets are set letter by letter: an identifier or a quote has to be read character for character."""

_SELECTOR, _JOINER, _FIRST_FLAG = 0xFE0F, 0x200D, 0x1F1E6

MAX_MARKS = 12
"""A longer cluster is not writing; its characters are set one by one, so that none covers another."""


@dataclass(frozen=True, eq=False)
class Shaped:
    """A word as positioned glyphs.

    Attributes:
        face: uint8 (g,): face of each glyph, or `HEX_BOX`.
        glyph: uint32 (g,): glyph id, or the code point of a hex box.
        size: uint8 (g,): size of type.
        x: int64 (g,): pen position in 1/64 pixel, from the left edge of the word.
        y: int64 (g,): rise above the baseline in 1/64 pixel.
        pens: int64 (n + 1,): for each character the pen position where it starts, and where the last one ends, in the
            direction of reading: falling from right to left.
    """

    face: npt.NDArray[np.uint8]
    glyph: npt.NDArray[np.uint32]
    size: npt.NDArray[np.uint8]
    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    pens: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Piece:
    """Characters [start, end) of a word, all in one face at one size."""

    start: int
    end: int
    face: int
    size: int


def shape(word: str, rtl: bool, case: Typecase) -> Shaped:
    """Shapes a word.

    Args:
        word: The word; white space does not belong in it.
        rtl: Whether it runs from right to left.
        case: Fonts and sizes; every character of the word has been looked up in it.
    """
    array = np.frombuffer(word.encode("utf-32-le", "surrogatepass"), np.uint32)
    codes: list[int] = array.tolist()
    starts = [*np.flatnonzero(cluster_starts(array)).tolist(), len(codes)]
    pieces = list(_pieces(codes, starts, case))
    glyphs: list[tuple[int, int, int, int, int]] = []
    pens = [0] * (len(codes) + 1)
    left = 0
    for piece in reversed(pieces) if rtl else pieces:
        parts, widths = _shape_piece(piece, codes, rtl, case)
        glyphs += [(face, glyph, size, left + x, y) for face, glyph, size, x, y in parts]
        edges = _edges(piece, widths, starts)
        for at, edge in enumerate(edges[:-1], piece.start):
            pens[at] = left + (edges[-1] - edge if rtl else edge)
        left += edges[-1]
    pens[-1] = 0 if rtl else left
    table = np.array(glyphs, np.int64).reshape(-1, 5)
    return Shaped(
        table[:, 0].astype(np.uint8),
        table[:, 1].astype(np.uint32),
        table[:, 2].astype(np.uint8),
        table[:, 3],
        table[:, 4],
        np.array(pens, np.int64),
    )


def _pieces(codes: list[int], starts: list[int], case: Typecase) -> Iterator[_Piece]:
    """The word cut where the face changes, which is never within a cluster that some face has all of."""
    found: list[_Piece] = []
    for start, end in itertools.pairwise(starts):
        for piece in _cluster(codes, start, end, case):
            last = found[-1] if found else None
            if last and last.face == piece.face and last.size == piece.size and piece.face != HEX_BOX:
                found[-1] = _Piece(last.start, piece.end, last.face, last.size)
            else:
                found.append(piece)
    yield from found


def _cluster(codes: list[int], start: int, end: int, case: Typecase) -> Iterator[_Piece]:
    base = codes[start]
    inked = [code for code in codes[start:end] if not is_format(code)]
    if not inked:
        yield _Piece(start, end, NO_INK, LATIN)
        return
    shared = _shared_face(codes[start:end], inked, case) if len(inked) <= MAX_MARKS else None
    if shared is not None:
        size = EMOJI if shared in case.emoji else int(case.size[base])
        # A base that is nobody's in particular, such as a dotted circle, is set like its marks.
        if size == LATIN and any(case.size[code] == COMPLEX for code in inked):
            size = COMPLEX
        yield _Piece(start, end, shared, size)
        return
    for at in range(start, end):
        code = codes[at]
        missing = case.face[code] == HEX_BOX or (at > start + MAX_MARKS and not is_format(code))
        yield _Piece(at, at + 1, HEX_BOX if missing else int(case.face[code]), int(case.size[code]))


def _shared_face(cluster: list[int], inked: list[int], case: Typecase) -> int | None:
    """The face that a whole cluster is set in, or None if no face has all of it."""
    emoji = any(code in (_SELECTOR, _JOINER) or code >= _FIRST_FLAG for code in cluster)
    first = int(case.face[inked[0]])
    if not emoji and first != HEX_BOX and all(case.face[code] == first for code in inked[1:]):
        return first
    order = [*case.candidates(cluster[0]), *case.candidates(inked[-1])]
    if emoji:
        order.sort(key=lambda face: face not in case.emoji)
    return next((face for face in dict.fromkeys(order) if all(case.covers(face, code) for code in inked)), None)


def _shape_piece(
    piece: _Piece, codes: list[int], rtl: bool, case: Typecase
) -> tuple[list[tuple[int, int, int, int, int]], dict[int, int]]:
    """The glyphs (face, glyph, size, x, y) of a piece, and the width of each cluster by its first character."""
    if piece.face == NO_INK:
        return [], {}
    if piece.face == HEX_BOX:
        width = hexbox.width(codes[piece.start]) * PEN
        return [(HEX_BOX, codes[piece.start], LATIN, 0, 0)], {piece.start: width}
    font = case.font(piece.face)
    plain = piece.size not in (COMPLEX, EMOJI)
    infos, positions = run_harfbuzz(font, codes, piece.start, piece.end, rtl=rtl, plain=plain)
    wide, high = case.em(piece.size)
    upem = font.face.upem
    glyphs, pen = [], 0
    widths: dict[int, int] = {}
    for info, position in zip(infos, positions, strict=True):
        advance = position.x_advance * wide // upem
        if piece.size == CJK:
            advance = (advance + PEN // 2) // PEN * PEN
        x, y = pen + position.x_offset * wide // upem, position.y_offset * high // upem
        glyphs.append((piece.face, info.codepoint, piece.size, x, y))
        widths[info.cluster] = widths.get(info.cluster, 0) + advance
        pen += advance
    return glyphs, widths


def run_harfbuzz(
    font: hb.Font, codes: list[int], start: int, end: int, *, rtl: bool, plain: bool
) -> tuple[list[hb.GlyphInfo], list[hb.GlyphPosition]]:
    """The glyphs of codes[start:end] from left to right; clusters are indices into `codes`.

    Args:
        font: The font, in its own units.
        codes: Code points; those around the part to be shaped count, as Arabic letters join across a change of face.
        start: First to be shaped.
        end: One past the last.
        rtl: Whether they run from right to left.
        plain: Whether letters stay letters: no kerning and no ligatures that the script does not demand.
    """
    buffer = hb.Buffer()
    buffer.add_codepoints(codes, start, end - start)
    buffer.flags = hb.BufferFlags.DO_NOT_INSERT_DOTTED_CIRCLE
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if rtl else "ltr"
    # Not the language of whoever runs the program.
    buffer.language = "und"
    hb.shape(font, buffer, _PLAIN if plain else {})
    return buffer.glyph_infos, buffer.glyph_positions


def is_emoji_sign(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Which characters ask for their cluster to be set in the emoji face: joiners, selectors, flags, pictographs."""
    signs: npt.NDArray[np.bool_] = (codes == _SELECTOR) | (codes == _JOINER) | (codes >= _FIRST_FLAG)
    return signs


def _edges(piece: _Piece, widths: dict[int, int], starts: list[int]) -> list[int]:
    """Where each character of a piece starts, and the last one ends, from the edge where reading starts.

    A glyph for several clusters (a ligature) is shared out among them evenly; marks stand at the end of their cluster.
    """
    heads = [start for start in starts if piece.start <= start < piece.end] or [piece.start]
    inked = sorted(at for at, width in widths.items() if width)
    edges = [0] * (piece.end - piece.start + 1)
    pen = 0
    for at, after in itertools.pairwise([*inked, piece.end]):
        sharing = [head for head in heads if at <= head < after] or [at]
        for number, (head, following) in enumerate(itertools.pairwise([*sharing, after])):
            edges[head - piece.start] = pen + widths[at] * number // len(sharing)
            end = pen + widths[at] * (number + 1) // len(sharing)
            edges[head + 1 - piece.start : following - piece.start] = [end] * (following - head - 1)
        pen += widths[at]
    edges[-1] = pen
    return edges

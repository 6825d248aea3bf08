"""Many words in one call to HarfBuzz, for words that are in one face throughout: nearly all of them.

The words are shaped as a line of text with spaces between them, which is how they stand on the page; the results are
told apart by their clusters. This gives what `shape` gives for each word, ten times as fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.glyphs.fonts import CJK, COMPLEX, EMOJI, HEX_BOX, NO_INK, PEN, Typecase
from glyph_rag.typeset.glyphs.shape import MAX_MARKS, is_emoji_sign, run_harfbuzz
from glyph_rag.typeset.unicode import scripts
from glyph_rag.typeset.unicode.graphemes import cluster_starts

_WORDS_PER_CALL = 1000

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ShapedRun:
    """Words as positioned glyphs; int64 arrays.

    Attributes:
        owner: (g,): the word that each glyph belongs to, as an index into the words given.
        glyph: (g,): glyph ids.
        x: (g,): pen positions in 1/64 pixel, from the left edge of the word.
        y: (g,): rise above the baseline in 1/64 pixel.
        advance: (words,): width of each word in 1/64 pixel.
        pens: (characters + words,): for each character of each word, and the end of each word, the pen position in the
            direction of reading; see `Shaped.pens`.
    """

    owner: Integers
    glyph: Integers
    x: Integers
    y: Integers
    advance: Integers
    pens: Integers


def alike(words: Sequence[str], case: Typecase) -> dict[tuple[int, int, int], list[int]]:
    """Those words that are in one face and script throughout.

    Returns:
        Indices of words by (face, size, script).
    """
    codes = np.frombuffer("".join(words).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.array(list(map(len, words)), np.int64)
    begins = np.cumsum(lengths) - lengths
    owner = np.repeat(np.arange(len(words)), lengths)
    face, size = case.face[codes].astype(np.int64), case.size[codes].astype(np.int64)
    inked = face != NO_INK
    kind = face * 4 + size
    high = np.maximum.reduceat(np.where(inked, kind, -1), begins)
    low = np.minimum.reduceat(np.where(inked, kind, 1 << 20), begins)
    plain = (high == low) & (high // 4 != HEX_BOX)
    plain &= ~np.logical_or.reduceat(is_emoji_sign(codes), begins)
    # No cluster with more characters than `shape` would set as one.
    run = np.arange(len(codes)) - np.maximum.accumulate(np.where(cluster_starts(codes), np.arange(len(codes)), 0))
    plain &= np.maximum.reduceat(np.minimum(run, np.arange(len(codes)) - begins[owner]), begins) < MAX_MARKS
    script = scripts.script_of(codes).astype(np.int64)
    own = np.where((script > scripts.INDEX["Zzzz"]) & inked, script, 0)
    script = np.maximum.reduceat(own, begins)
    plain &= np.minimum.reduceat(np.where(own > 0, own, 1 << 20), begins) >= script
    groups: dict[tuple[int, int, int], list[int]] = {}
    for number in np.flatnonzero(plain).tolist():
        key = int(high[number]) // 4, int(high[number]) % 4, int(script[number])
        groups.setdefault(key, []).append(number)
    return groups


def shape_run(words: Sequence[str], face: int, size: int, rtl: bool, case: Typecase) -> ShapedRun:
    """Shapes words that `alike` has put together.

    Args:
        words: The words.
        face: Number of their face.
        size: Their size of type.
        rtl: Whether they run from right to left.
        case: Fonts and sizes.
    """
    parts = [
        _shape_line(words[at : at + _WORDS_PER_CALL], at, face, size, rtl, case)
        for at in range(0, len(words), _WORDS_PER_CALL)
    ]
    return ShapedRun(
        np.concatenate([part.owner for part in parts]),
        np.concatenate([part.glyph for part in parts]),
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.y for part in parts]),
        np.concatenate([part.advance for part in parts]),
        np.concatenate([part.pens for part in parts]),
    )


def _shape_line(words: Sequence[str], first: int, face: int, size: int, rtl: bool, case: Typecase) -> ShapedRun:
    codes = np.frombuffer(" ".join([*words, ""]).encode("utf-32-le", "surrogatepass"), np.uint32)
    lengths = np.array(list(map(len, words)), np.int64) + 1
    begins = np.cumsum(lengths) - lengths
    font = case.font(face)
    infos, positions = run_harfbuzz(font, codes.tolist(), 0, len(codes), rtl=rtl, plain=size not in (COMPLEX, EMOJI))
    table = np.array(
        [
            (info.codepoint, info.cluster, position.x_advance, position.x_offset, position.y_offset)
            for info, position in zip(infos, positions, strict=True)
        ],
        np.int64,
    ).reshape(-1, 5)
    glyph, cluster, advance, right, up = table.T
    wide, high = case.em(size)
    upem = font.face.upem
    advance = advance * wide // upem
    if size == CJK:
        advance = (advance + PEN // 2) // PEN * PEN
    owner = np.searchsorted(begins, cluster, side="right") - 1
    spaces = cluster == begins[owner] + lengths[owner] - 1
    advance[spaces] = 0
    width = np.bincount(cluster, advance, len(codes)).astype(np.int64)
    total = np.add.reduceat(width, begins)
    # Glyphs come from left to right, and the words of a line that runs the other way from last to first.
    left = np.cumsum(total) - total
    if rtl:
        left = total.sum() - left - total
    x = np.cumsum(advance) - advance - left[owner] + right * wide // upem
    return ShapedRun(
        owner[~spaces] + first,
        glyph[~spaces],
        x[~spaces],
        (up * high // upem)[~spaces],
        total,
        _pens(codes, cluster, width, total, begins, lengths, rtl),
    )


def _pens(
    codes: npt.NDArray[np.uint32],
    cluster: Integers,
    width: Integers,
    total: Integers,
    begins: Integers,
    lengths: Integers,
    rtl: bool,
) -> Integers:
    """Where each character starts; the space behind each word stands for its end."""
    heads = np.zeros(len(codes), bool)
    heads[cluster] = True
    heads[begins] = heads[begins + lengths - 1] = True
    number = np.cumsum(heads) - 1
    starts = cluster_starts(codes) | heads
    ordinal = np.cumsum(starts) - 1
    ordinal -= ordinal[np.flatnonzero(heads)][number]
    share = np.bincount(number, starts).astype(np.int64)
    widths = width[np.flatnonzero(heads)]
    pen = np.cumsum(widths) - widths
    # A mark stands at the end of its cluster.
    edge: Integers = pen[number] + widths[number] * (ordinal + ~starts) // share[number]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    edge -= pen[number[begins]][owner]
    return total[owner] - edge if rtl else edge

"""Texts as rows of words: where words begin and end, which may begin a line, and which way they run."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.compose.columns import Row, aligned, find_tables
from glyph_rag.typeset.compose.paragraphs import source_lines
from glyph_rag.typeset.glyphs.fonts import NO_INK, PEN, SHAPED, SOLO, SPACE
from glyph_rag.typeset.glyphs.han import BESIDE_HAN, is_han, is_shared_sign, languages_of
from glyph_rag.typeset.glyphs.words import WordCase
from glyph_rag.typeset.unicode import bidi, linebreak, segment
from glyph_rag.typeset.unicode.graphemes import cluster_starts

FLOW_MARK = "→"
"""What stands for a newline where text runs on after it: of the signs tried, one that recognisers do not misread."""

_LONG_WORD = 48
"""Longer words are cast in parts."""

_LONG_CLUSTER = 256
"""No writing has clusters this long; without a limit, a megabyte of accents would be one glyph."""

Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.uint32]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Setting:
    """Texts ready to be broken into lines. All offsets are into the texts joined by newlines.

    Attributes:
        case: Where the words are.
        offsets: int64 (texts + 1,): where each text starts; the last is one past the end and a newline.
        ids: int32 (w,): the words.
        start: int64 (w,): first character of each.
        end: int64 (w,): one past its last character.
        after: int64 (w,): white space behind it, in pixels.
        origin: int64 (w,): where its source line starts if it is the first word there, else where it starts itself.
        before: int64 (w,): white space from there up to it, in pixels.
        opens: bool (w,): whether a line may start with it.
        level: uint8 (w,): its bidirectional level, or None if everything runs from left to right.
        level_after: uint8 (w,): that of the white space behind it; empty if there are no levels.
        paragraphs: int64 (p, 3): text, first character and end of each paragraph; empty ones are empty lines.
        base: uint8 (p,): the level of each paragraph, or None.
    """

    case: WordCase
    offsets: Integers
    ids: npt.NDArray[np.int32]
    start: Integers
    end: Integers
    after: Integers
    origin: Integers
    before: Integers
    opens: Flags
    level: npt.NDArray[np.uint8] | None
    level_after: npt.NDArray[np.uint8]
    paragraphs: Integers
    base: npt.NDArray[np.uint8] | None


def set_texts(texts: Sequence[str], words: WordCase, *, flow: bool, join: bool, room: int) -> Setting:
    """Sets texts, each of them as if it stood alone.

    Args:
        texts: The texts.
        words: Where words are cast.
        flow: Whether newlines become marks, after which the text runs on.
        join: Whether lines that an editor broke are one.
        room: Pixels of the longest line; wider words are cut.
    """
    offsets = np.cumsum([0, *(len(text) + 1 for text in texts)])
    if flow:
        texts = [_mark_newlines(text, join=join) for text in texts]
    # The last text ends with a newline too: how white space at the end runs must not depend on what comes after.
    text = "".join(f"{text}\n" for text in texts)
    spans = list(_paragraphs(texts, offsets.tolist(), flow=flow, join=join))
    paragraphs = np.array(spans, np.int64).reshape(-1, 3)
    tables = [] if flow else find_tables(text, spans)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    words.case.look_up(codes)
    kind = words.case.kind[codes]
    clusters = cluster_starts(codes)
    space = _spaces(kind, clusters)
    breaks = _breaks(codes)
    if flow:
        breaks[1:] |= codes[:-1] == ord(FLOW_MARK)
    level, base = _levels(codes, paragraphs, tables)
    solo = kind & SOLO > 0
    wide = _beside_han(codes, solo)
    bounds = breaks | solo | wide
    bounds[1:] |= solo[:-1] | wide[:-1] | (space[1:] != space[:-1])
    if level is not None:
        bounds[1:] |= level[1:] != level[:-1]
    bounds |= _face_changes(codes, kind, clusters, words)
    bounds[[cell for table in tables for row in table for cell in row.cells]] = True
    bounds &= clusters
    bounds[:1] = True
    begin = np.flatnonzero(bounds)
    end = np.append(begin[1:], len(codes))
    inked = ~space[begin] if len(codes) else np.zeros(len(begin), bool)
    begin, end = _cut_long(begin[inked], end[inked], clusters)
    opens = np.append(breaks[begin], False)
    opens[np.searchsorted(begin, paragraphs[:, 1])] = True
    opens = opens[:-1]
    levels = level[begin] if level is not None else None
    languages = languages_of(codes, offsets[:-1])
    ids = _find(text, codes, begin, end, levels, words)
    begin, end, ids, opens, levels = _cut_wide(text, begin, end, ids, opens, levels, clusters, words, room)
    ltr = np.ones(len(begin), bool) if levels is None else levels % 2 == 0
    if wide.any():
        signs = wide[begin] & ltr & (end - begin == 1)
        ids[signs] = words.in_form(codes[begin[signs]], BESIDE_HAN)
    if languages is not None:
        _localise(ids, codes, begin, end, languages[np.searchsorted(offsets, begin, side="right") - 1], ltr, words)
    white = np.concatenate([[0], np.cumsum(np.where(space, words.case.advance[codes] // PEN, 0), dtype=np.int64)])
    after = white[np.append(begin[1:], len(codes))] - white[end]
    if tables:
        after = aligned(tables, begin, after, words.width[ids].astype(np.int64), room)
    origin = _origins(codes, begin, end)
    before = white[begin] - white[origin]
    level_after = level[np.minimum(end, len(codes) - 1)] if level is not None else np.zeros(0, np.uint8)
    return Setting(words, offsets, ids, begin, end, after, origin, before, opens, levels, level_after, paragraphs, base)


def _paragraphs(texts: Sequence[str], offsets: list[int], *, flow: bool, join: bool) -> Iterator[tuple[int, int, int]]:
    for number, (text, offset) in enumerate(zip(texts, offsets, strict=False)):
        if flow:
            yield number, offset, offset + len(text)
        else:
            for start, end in source_lines(text, join=join):
                yield number, offset + start, offset + end


_NEWLINE = re.compile(r"(?<=\S)([^\S\n]*)\n(?=\s*\S)")


def _mark_newlines(text: str, *, join: bool) -> str:
    """Puts a mark in the place of each newline between words; of several newlines in a row, of the first."""
    ends = {end for _, end in source_lines(text, join=join)}
    return _NEWLINE.sub(lambda found: found[1] + (FLOW_MARK if found.end() - 1 in ends else "\n"), text)


def _spaces(kind: npt.NDArray[np.uint8], clusters: Flags) -> Flags:
    """Which characters are white space: not those that carry a mark of their own."""
    space = kind & SPACE > 0
    space[:-1] &= clusters[1:] | space[1:]
    return space


def _breaks(codes: Codes) -> Flags:
    """Whether a line may start with each character, by UAX #14 and by dictionary where words are not spaced."""
    breaks = linebreak.break_before(codes) > 0
    if linebreak.is_complex_context(codes).any():
        breaks |= segment.word_start_mask(codes)
    return breaks


def _face_changes(codes: Codes, kind: npt.NDArray[np.uint8], clusters: Flags, words: WordCase) -> Flags:
    """Where letters that have to be shaped meet another face: words in one face are shaped many at a time."""
    changes = np.zeros(len(codes), bool)
    shaped = kind & SHAPED > 0
    if shaped.any():
        # A cluster is in the face of its first character.
        heads = np.maximum.accumulate(np.where(clusters, np.arange(len(codes)), 0))
        face = words.case.face[codes[heads]]
        inked = face != NO_INK
        changes[1:] = (face[1:] != face[:-1]) & inked[1:] & inked[:-1] & (shaped[1:] | shaped[:-1])
    return changes


def _levels(
    codes: Codes, paragraphs: Integers, tables: Sequence[Sequence[Row]]
) -> tuple[npt.NDArray[np.uint8] | None, npt.NDArray[np.uint8] | None]:
    if not len(codes) or not bidi.has_rtl(codes):
        return None, None
    # An empty paragraph stands where the next one starts, or behind the text.
    starts = np.minimum(paragraphs[:, 1], len(codes) - 1)
    cells = np.array([cell for table in tables for row in table for cell in row.cells], np.int64)
    places = np.union1d(starts, cells)
    level = bidi.levels(codes, places)
    base = bidi.paragraph_levels(codes, np.unique(starts))[np.searchsorted(np.unique(starts), starts)]
    for table in tables:
        _direct_table(table, codes, level, base, starts)
    return level, base


def _direct_table(
    table: Sequence[Row], codes: Codes, level: npt.NDArray[np.uint8], base: npt.NDArray[np.uint8], starts: Integers
) -> None:
    """Makes all rows of a table run the way the first one does, whichever way the words in a cell run."""
    rows = np.searchsorted(starts, [row.start for row in table], side="right") - 1
    direction = base[rows[0]]
    base[rows] = direction
    for row in table:
        cells = level[row.start : row.end]
        cells[cells < direction] += 2
        bars = codes[row.start : row.end] == ord("|")
        cells[bars] = direction


def _cut_long(begin: Integers, end: Integers, clusters: Flags) -> tuple[Integers, Integers]:
    """Cuts words of more characters than are cast in one piece, between clusters if they are of human size."""
    if not len(begin) or int((end - begin).max()) <= _LONG_WORD:
        return begin, end
    extra = []
    for number in np.flatnonzero(end - begin > _LONG_WORD).tolist():
        at, stop = int(begin[number]), int(end[number])
        places = np.flatnonzero(clusters[at + 1 : stop]) + at + 1
        while stop - at > _LONG_WORD:
            fitting = int(np.searchsorted(places, at + _LONG_WORD, side="right")) - 1
            if fitting >= 0 and places[fitting] > at:
                at = int(places[fitting])
            else:
                longer = int(places[fitting + 1]) if fitting + 1 < len(places) else stop
                at = min(longer, at + _LONG_CLUSTER)
                if at >= stop:
                    break
            extra.append(at)
    begin = np.sort(np.concatenate([begin, np.array(extra, np.int64)]))
    end = np.sort(np.concatenate([end, np.array(extra, np.int64)]))
    return begin, end


def _find(
    text: str,
    codes: Codes,
    begin: Integers,
    end: Integers,
    levels: npt.NDArray[np.uint8] | None,
    words: WordCase,
) -> npt.NDArray[np.int32]:
    ids = np.zeros(len(begin), np.int32)
    single = end - begin == 1
    if levels is not None:
        rtl = levels % 2 > 0
        single &= ~rtl
        ids[rtl] = words.find(_slices(text, begin[rtl], end[rtl]), rtl=True)
    else:
        rtl = np.zeros(len(begin), bool)
    ids[single] = words.singles(codes[begin[single]])
    rest = ~single & ~rtl
    ids[rest] = words.find(_slices(text, begin[rest], end[rest]), rtl=False)
    return ids


def _localise(
    ids: npt.NDArray[np.int32],
    codes: Codes,
    begin: Integers,
    end: Integers,
    language: npt.NDArray[np.uint8],
    ltr: Flags,
    words: WordCase,
) -> None:
    """Exchanges single Han characters for the forms of the language of their text; changes `ids`."""
    han = is_han(codes[begin]) & (end - begin == 1) & ltr
    for number in np.unique(language[han]).tolist():
        if number:
            wanted = han & (language == number)
            ids[wanted] = words.in_form(codes[begin[wanted]], number)


def _beside_han(codes: Codes, solo: Flags) -> Flags:
    """Which signs stand beside characters that are set in a square, and so are set in one too."""
    # Korean is written with the signs of Latin writing.
    square = solo & ((codes < 0xAC00) | (codes > 0xD7A3))
    if not square.any():
        return square
    beside = is_shared_sign(codes)
    beside &= np.append(square[1:], False) | np.insert(square[:-1], 0, False)
    return beside


def _slices(text: str, begin: Integers, end: Integers) -> list[str]:
    return [text[a:b] for a, b in zip(begin.tolist(), end.tolist(), strict=True)]


def _cut_wide(
    text: str,
    begin: Integers,
    end: Integers,
    ids: npt.NDArray[np.int32],
    opens: Flags,
    levels: npt.NDArray[np.uint8] | None,
    clusters: Flags,
    words: WordCase,
    room: int,
) -> tuple[Integers, Integers, npt.NDArray[np.int32], Flags, npt.NDArray[np.uint8] | None]:
    """Cuts words that are wider than a line, between clusters."""
    wide = np.flatnonzero(words.width[ids] > room)
    if not len(wide):
        return begin, end, ids, opens, levels
    cuts = []
    for number in wide.tolist():
        pen = int(words.pen[ids[number]])
        start, stop = int(begin[number]), int(end[number])
        at = np.abs(words.pens[pen : pen + stop - start + 1] - words.pens[pen]) // PEN
        heads = [0, *(np.flatnonzero(clusters[start + 1 : stop]) + 1).tolist(), stop - start]
        places: list[int] = []
        for head, following in itertools.pairwise(heads):
            # A cluster that no line has room for, as under a flood of accents, is cut between characters.
            places += range(head, following) if at[following] - at[head] > room - 2 else [head]
        line = 0
        for place, next_place in itertools.pairwise([*places[1:], stop - start]):
            # One pixel to spare: a part may be a little wider than its share of the whole.
            if at[next_place] - at[line] > room - 2:
                cuts.append((start + place, number))
                line = place
    if not cuts:
        return begin, end, ids, opens, levels
    cut_at = np.array([place for place, _ in cuts], np.int64)
    owners = np.array([owner for _, owner in cuts], np.int64)
    order = np.argsort(np.concatenate([begin, cut_at]), kind="stable")
    begin = np.concatenate([begin, cut_at])[order]
    end = np.sort(np.concatenate([end, cut_at]))
    opens = np.concatenate([opens, np.zeros(len(cut_at), bool)])[order]
    if levels is not None:
        levels = np.concatenate([levels, levels[owners]])[order]
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    return begin, end, _find(text, codes, begin, end, levels, words), opens, levels


def _origins(codes: Codes, begin: Integers, end: Integers) -> Integers:
    """For each word, where its source line starts if nothing but white space is in front of it, else itself."""
    newlines = np.concatenate([[0], np.flatnonzero(codes == 0x0A) + 1])
    starts = newlines[np.searchsorted(newlines, begin, side="right") - 1]
    previous = np.concatenate([[0], end[:-1]])
    return np.where(starts >= previous, starts, begin)

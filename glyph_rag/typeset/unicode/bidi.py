"""The Unicode bidirectional algorithm (UAX #9): which way each character runs, and how a line is put in order.

`levels` resolves whole texts at once; `line_levels` and `visual_order` finish one line after lines have been broken.
Weak and neutral characters are resolved on arrays of runs, with an L or R standing before and after every isolating
run sequence, so that no rule looks beyond one. Python runs at most once for each bracket and explicit character.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from glyph_rag.errors import InputError
from glyph_rag.typeset.unicode.bidi_nesting import (
    AL,
    AN,
    BN,
    CLASSES,
    CLOSE,
    CS,
    EN,
    ES,
    ET,
    LRE,
    LRI,
    NSM,
    ON,
    OPEN,
    PDF,
    PDI,
    WS,
    B,
    Bytes,
    Flags,
    Ints,
    L,
    R,
    Runs,
    S,
    Sequences,
    bracket_pairs,
    carry,
    explicit_sequences,
    find_isolates,
    resolve_brackets,
)
from glyph_rag.typeset.unicode.tables import load

_PIECE = 1 << 14

# How much each resolved class adds to an even and to an odd level: rules I1 and I2.
_RAISE = np.zeros((2, len(CLASSES)), np.uint8)
_RAISE[0, [R, EN, AN]] = 1, 2, 2
_RAISE[1, [L, EN, AN]] = 1

# What rule L1 sets back before a separator or the end of a line. Explicit characters and BN are passed over by the
# rule; they are set back with the rest, as section 5.2 has it.
_BLANK = np.zeros(len(CLASSES), np.bool_)
_BLANK[[WS, B, BN]] = True
_BLANK[LRE:] = True


def has_rtl(codes: npt.NDArray[np.uint32]) -> bool:
    """Whether anything in this text can make a level other than 0 in a left-to-right paragraph.

    That is any R, AL or AN, and any explicit embedding, override or isolate. False means that `levels` is all 0
    with `base` None or 0.

    Args:
        codes: uint32 (n,): code points.
    """
    # In pieces that stay in the processor's cache, and that end the search early.
    return any(_raised(codes[start : start + _PIECE]) for start in range(0, len(codes), _PIECE))


def paragraph_levels(codes: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64] | None = None) -> Bytes:
    """Rules P2 and P3: level 1 where the first strong character outside isolates is R or AL, else 0.

    Args:
        codes: uint32 (n,): code points.
        starts: int64 (p,): where paragraphs start, not falling, the first at 0. None is one paragraph.

    Returns:
        uint8 (p,). An empty paragraph has level 0.

    Raises:
        InputError: The starts do not fit the text.
    """
    bounds = _bounds(codes, starts)
    result = np.zeros(len(bounds) - 1, np.uint8)
    filled = bounds[1:] > bounds[:-1]
    if filled.any():
        runs = _runs_of(load("bidi").take(codes), bounds[:-1][filled])
        result[filled] = _first_strong(runs)
    return result


def levels(
    codes: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64] | None = None, base: int | None = None
) -> Bytes:
    """Embedding level of every character: rules P2 to I2, and L1 for separators but not for the ends of lines.

    A paragraph separator (class B) ends a paragraph only as its last character; before that it is white space.
    Characters that rule X9 removes have the level of the character before them, or of the paragraph. Takes time in
    proportion to the length of the text.

    Args:
        codes: uint32 (n,): code points; lone surrogates and unassigned ones have the classes Unicode gives them.
        starts: int64 (p,): where paragraphs start, not falling, the first at 0. None is one paragraph.
        base: Level of all paragraphs, 0 or 1; None finds that of each by rules P2 and P3.

    Returns:
        uint8 (n,), 0 to 126.

    Raises:
        InputError: The starts do not fit the text, or the base is neither 0 nor 1.
    """
    if base not in (None, 0, 1):
        raise InputError(f"a paragraph cannot have level {base}", hint="pass 0, 1 or None")
    bounds = _bounds(codes, starts)
    if not len(codes):
        return np.zeros(0, np.uint8)
    heads = bounds[:-1][bounds[1:] > bounds[:-1]]
    runs = _runs_of(load("bidi").take(codes), heads)
    if (runs.kind >= LRE).any():
        isolates = find_isolates(runs)
        bases = _bases(base, isolates.rtl[len(runs.kind) :].astype(np.uint8))
        sequences = explicit_sequences(runs, bases, isolates)
    else:
        bases = _bases(base, _first_strong(runs))
        sequences = _plain_sequences(runs, bases)
    by_run = _settle(runs, bases, sequences, _resolve(sequences, runs, codes))
    return np.repeat(by_run, np.diff(runs.start))


def line_levels(line: Bytes, codes: npt.NDArray[np.uint32], base: int) -> Bytes:
    """Rule L1 for one line: separators, and white space before them and at the end, take the paragraph's level.

    Args:
        line: uint8 (n,): levels of the characters of the line, as `levels` gave them.
        codes: uint32 (n,): the characters.
        base: Level of the paragraph.

    Returns:
        uint8 (n,), a new array.
    """
    kind = load("bidi").take(codes)
    result = line.copy()
    solid = np.flatnonzero(~_BLANK[kind])
    result[solid[-1] + 1 if len(solid) else 0 :] = base
    tabs = np.flatnonzero(kind == S)
    if len(tabs):
        result[_before(tabs, solid, len(kind))] = base
    return result


def visual_order(items: Bytes) -> Ints:
    """Rule L2: the items of one line from left to right.

    Args:
        items: uint8 (n,): levels of the items in logical order: characters, or words that have one level each.

    Returns:
        int64 (n,): indices of the items in visual order.
    """
    count = len(items)
    top = int(items.max(initial=0))
    if top == 0:
        return np.arange(count)
    cuts = [0, *(np.flatnonzero(items[1:] != items[:-1]) + 1).tolist(), count]
    if len(cuts) == 2:
        return np.arange(count - 1, -1, -1) if top & 1 else np.arange(count)
    height = items[cuts[:-1]].tolist()
    order = list(range(len(height)))
    lowest = min((level for level in height if level & 1), default=top + 1)
    for level in range(top, lowest - 1, -1):
        _reverse_stretches(order, height, level)
    result: list[int] = []
    for run in order:
        # A run is turned round once for each level from the lowest odd one to its own.
        forward = range(cuts[run], cuts[run + 1])
        result.extend(reversed(forward) if height[run] & 1 else forward)
    return np.array(result, np.int64)


def _reverse_stretches(order: list[int], height: list[int], level: int) -> None:
    """Turn round, in place, every stretch of runs at this level or higher."""
    start = -1
    for place, run in enumerate(order):
        if height[run] >= level:
            if start < 0:
                start = place
        elif start >= 0:
            order[start:place] = order[start:place][::-1]
            start = -1
    if start >= 0:
        order[start:] = order[start:][::-1]


def _raised(codes: npt.NDArray[np.uint32]) -> bool:
    top = int(codes.max())
    for low, high in _raising_ranges():
        if top < low:
            return False
        near = (codes - np.uint32(low)) < np.uint32(high - low)
        if near.any() and _raising().take(codes[near]).any():
            return True
    return False


@cache
def _raising() -> Flags:
    """Flags (0x110000,): which code points can raise a level in a left-to-right paragraph."""
    classes = np.zeros(len(CLASSES), np.bool_)
    classes[[R, AL, AN]] = True
    classes[LRE:PDI] = True
    classes[PDF] = False
    return classes[load("bidi")]


@cache
def _raising_ranges() -> list[tuple[int, int]]:
    """The few ranges of code points that hold all of those, each as first and one past last."""
    places = np.flatnonzero(_raising())
    gaps = np.flatnonzero(np.diff(places) > 0x100)
    firsts, lasts = places[np.append(0, gaps + 1)], places[np.append(gaps, len(places) - 1)]
    return list(zip(firsts.tolist(), (lasts + 1).tolist(), strict=True))


def _bounds(codes: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64] | None) -> Ints:
    """int64 (p + 1,): where paragraphs start, then the length of the text."""
    bounds = np.append(np.zeros(1, np.int64) if starts is None else starts, len(codes))
    if bounds[0] != 0 or (bounds[1:] < bounds[:-1]).any():
        raise InputError("the starts of paragraphs do not fit the text", hint="begin with 0, never fall, end within it")
    return bounds


def _bases(base: int | None, found: Bytes) -> Bytes:
    return found if base is None else np.full(len(found), base, np.uint8)


def _runs_of(kind: Bytes, heads: Ints) -> Runs:
    """Cut where the class changes, at paragraphs, and around what `Runs` says stands alone."""
    cut = np.empty(len(kind), np.bool_)
    np.not_equal(kind[1:], kind[:-1], out=cut[1:])
    alone = (kind >= LRE) | ((kind - np.uint8(OPEN)) <= CLOSE - OPEN)
    cut |= alone
    cut[heads] = True
    ends = np.append(heads[1:], len(kind)) - 1
    cut[ends[kind[ends] == B]] = True
    start = np.flatnonzero(cut)
    return Runs(kind[start], np.append(start, len(kind)), np.append(np.searchsorted(start, heads), len(start)))


def _first_strong(runs: Runs) -> Bytes:
    """uint8 (p,): level of each paragraph by rules P2 and P3."""
    if (runs.kind >= LRI).any():
        return find_isolates(runs).rtl[len(runs.kind) :].astype(np.uint8)
    strong = np.append(np.flatnonzero(runs.kind <= AL), len(runs.kind))
    first = strong[np.searchsorted(strong, runs.paragraph[:-1])]
    found = first < runs.paragraph[1:]
    rtl: Flags = found & (runs.kind[np.where(found, first, 0)] != L)
    return rtl.astype(np.uint8)


def _plain_sequences(runs: Runs, bases: Bytes) -> Sequences:
    """Rule X10 for text without explicit characters: each paragraph is one sequence."""
    run = np.flatnonzero(runs.kind != BN)
    return Sequences(run, runs.kind[run], np.searchsorted(run, runs.paragraph), bases, bases, bases)


def _settle(runs: Runs, bases: Bytes, sequences: Sequences, resolved: Bytes) -> Bytes:
    """Levels of all runs, uint8 (r,): rule L1 before separators, then what rule X9 removed follows what precedes it."""
    by_run = np.empty(len(runs.kind), np.uint8)
    known = np.zeros(len(runs.kind), np.bool_)
    heads = runs.paragraph[:-1]
    by_run[heads] = bases
    by_run[sequences.run] = resolved
    known[heads] = known[sequences.run] = True
    separator, final = runs.kind == S, runs.paragraph[1:] - 1
    separator[final] |= runs.kind[final] == B
    separators = np.flatnonzero(separator)
    if len(separators):
        barrier = separator | ~_BLANK[runs.kind]
        # White space at the end of a paragraph without a separator must not join that of the next.
        barrier[final] = True
        back = _before(separators, np.flatnonzero(barrier), len(runs.kind))
        by_run = np.where(back, np.repeat(bases, np.diff(runs.paragraph)), by_run)
        known |= back
    return by_run if known.all() else by_run[carry(known)]


def _before(separators: Ints, barriers: Ints, count: int) -> Flags:
    """Flags (count,): the separators, and what lies between each and the barrier before it. They are barriers too."""
    at = np.searchsorted(barriers, separators)
    first = np.where(at > 0, barriers[at - 1] + 1, 0)
    change = np.zeros(count + 1, np.int8)
    change[first] += 1
    change[separators + 1] -= 1
    return np.cumsum(change[:-1], dtype=np.int8).view(np.bool_)


def _resolve(sequences: Sequences, runs: Runs, codes: npt.NDArray[np.uint32]) -> Bytes:
    """Rules W1 to I2: uint8 (m,), levels of the runs of the sequences."""
    counts = np.diff(sequences.start)
    sos = sequences.start[:-1] + 2 * np.arange(len(counts))
    inner = np.ones(len(sequences.run) + 2 * len(counts), np.bool_)
    inner[sos] = inner[sos + counts + 1] = False
    kind = np.empty(len(inner), np.uint8)
    kind[inner] = sequences.kind
    kind[sos] = sequences.sos
    kind[sos + counts + 1] = sequences.eos
    level = np.repeat(sequences.level, counts + 2)
    embedding = level & np.uint8(1)

    present = np.bincount(kind, minlength=len(CLASSES)).astype(np.bool_)
    marks = None
    if present[NSM]:
        marks = kind == NSM
        kind = _resolve_marks(kind, marks)
    single = None
    if present[ES] or present[CS]:
        single = np.zeros(len(inner), np.bool_)
        single[inner] = (runs.start[sequences.run + 1] - runs.start[sequences.run]) == 1
    _resolve_numbers(kind, single)
    if present[OPEN] and present[CLOSE]:
        where = np.flatnonzero((kind == OPEN) | (kind == CLOSE))
        owner = np.searchsorted(sos, where) - 1
        first = runs.start[sequences.run[where - 2 * owner - 1]]
        pairs = bracket_pairs(where, kind[where] == OPEN, load("bidi_brackets")[codes[first]], owner)
        if len(pairs):
            resolve_brackets(kind, pairs, embedding, marks)
    _resolve_neutrals(kind, embedding)
    level += _RAISE[embedding, kind]
    return level[inner]


def _resolve_marks(kind: Bytes, marks: Flags) -> Bytes:
    """W1. A mark after an isolate initiator or PDI copies that, which is as neutral as the ON of the rule."""
    kind = kind[carry(~marks)]
    kind[marks & ((kind == OPEN) | (kind == CLOSE))] = ON
    return kind


def _resolve_numbers(kind: Bytes, single: Flags | None) -> None:
    """W2 to W7, in place. `single` says which runs are one character long."""
    strong = kind[carry(kind <= AL)] if (kind == EN).any() else None
    if strong is not None:
        kind[(kind == EN) & (strong == AL)] = AN  # W2
    kind[kind == AL] = R  # W3
    if single is not None:
        middle = np.flatnonzero(((kind == ES) | (kind == CS)) & single)  # W4
        left = kind[middle - 1]
        joins = (left == kind[middle + 1]) & ((left == EN) | ((left == AN) & (kind[middle] == CS)))
        kind[middle[joins]] = left[joins]
    terminators = np.flatnonzero(kind == ET)  # W5
    if len(terminators) and strong is not None:
        first, last, sizes = _stretches(terminators)
        beside = (kind[first - 1] == EN) | (kind[last + 1] == EN)
        kind[terminators[np.repeat(beside, sizes)]] = EN
    kind[(kind >= ES) & (kind <= CS)] = ON  # W6
    if strong is not None:
        kind[(kind == EN) & (strong == L)] = L  # W7


def _resolve_neutrals(kind: Bytes, embedding: Bytes) -> None:
    """N1 and N2, in place: between equal directions that direction, else the one of the embedding."""
    neutral = np.flatnonzero(kind >= OPEN)
    if not len(neutral):
        return
    first, last, sizes = _stretches(neutral)
    before, after = kind[first - 1] != L, kind[last + 1] != L
    kind[neutral] = np.repeat(np.where(before == after, before, embedding[first]).astype(np.uint8), sizes)


def _stretches(places: Ints) -> tuple[Ints, Ints, Ints]:
    """First, last and size of every stretch of adjacent places."""
    heads = np.flatnonzero(np.concatenate([[True], np.diff(places) != 1]))
    sizes = np.diff(np.append(heads, len(places)))
    return places[heads], places[heads + sizes - 1], sizes

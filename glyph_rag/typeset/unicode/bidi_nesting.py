"""What nests in UAX #9: embeddings, overrides and isolates (rules X1 to X10), and paired brackets (BD16, N0).

Everything works on runs: stretches of characters of one class inside one paragraph. Python runs once for each explicit
formatting character and each nested bracket; all other characters are handled as arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

# The bidirectional classes as the asset numbers them. OPEN and CLOSE are the paired brackets among ON. The order lets
# one comparison pick a group: strong up to AL, beside numbers ES to CS, neutral from OPEN, explicit from LRE.
CLASSES = (
    "L", "R", "AL", "EN", "AN", "ES", "ET", "CS", "NSM", "BN", "OPEN", "CLOSE", "ON", "WS", "S", "B",
    "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
)  # fmt: skip
L, R, AL, EN, AN, ES, ET, CS, NSM, BN, OPEN, CLOSE, ON, WS, S, B = range(16)
LRE, RLE, LRO, RLO, PDF, LRI, RLI, FSI, PDI = range(16, 25)

MAX_DEPTH = 125  # BD2
BRACKET_DEPTH = 63  # BD16
_NO_OVERRIDE = 2
_NONE, _CONTEXT = 2, 3


@dataclass(frozen=True)
class Runs:
    """A text cut where the class or the paragraph changes.

    Brackets, explicit characters and the separator at the end of a paragraph stand alone.

    Attributes:
        kind: uint8 (r,): class of each run.
        start: int64 (r + 1,): first character of each run, then the number of characters.
        paragraph: int64 (p + 1,): first run of each paragraph, then the number of runs. None is empty.
    """

    kind: Bytes
    start: Ints
    paragraph: Ints


@dataclass(frozen=True)
class Sequences:
    """Isolating run sequences (BD13), one after the other, without what rule X9 removes.

    Attributes:
        run: int64 (m,): the runs, in the order of the sequences.
        kind: uint8 (m,): their classes, after overrides.
        start: int64 (k + 1,): where in `run` each sequence starts, then m. A sequence may be empty.
        level: uint8 (k,): embedding level of each sequence.
        sos: uint8 (k,): L or R before the start of each sequence.
        eos: uint8 (k,): L or R after its end.
    """

    run: Ints
    kind: Bytes
    start: Ints
    level: Bytes
    sos: Bytes
    eos: Bytes


@dataclass(frozen=True)
class Isolates:
    """Which isolates there are (BD9), and which way text inside and outside them runs (P2, P3).

    Attributes:
        opener: int64 (r,): for a matched PDI its isolate initiator, else -1.
        rtl: bool (r + p,): whether the first strong character directly inside the isolate that run i opens is R or
            AL; from r on the same for whole paragraphs.
    """

    opener: Ints
    rtl: Flags


def carry(keep: Flags) -> Ints:
    """For each place the nearest place at or before it where `keep` is set; `keep[0]` must be set."""
    return np.maximum.accumulate(np.where(keep, np.arange(len(keep)), 0))


def find_isolates(runs: Runs) -> Isolates:
    """Match isolates, however deep (BD9), and find the first strong character in each (P2)."""
    count, paragraphs = len(runs.kind), len(runs.paragraph) - 1
    events = np.flatnonzero(runs.kind >= LRI)
    owners = np.searchsorted(runs.paragraph, events, "right") - 1
    opener = np.full(count, -1, np.int64)
    inside = []  # after each event: the innermost open isolate, or the paragraph
    stack: list[int] = []
    paragraph = -1
    for event, owner, kind in zip(events.tolist(), owners.tolist(), runs.kind[events].tolist(), strict=True):
        if owner != paragraph:
            paragraph = owner
            stack = [count + owner]
        if kind != PDI:
            stack.append(event)
        elif len(stack) > 1:
            opener[event] = stack.pop()
        inside.append(stack[-1])
    around = np.empty(count + 1, np.int64)
    known = np.zeros(count + 1, np.bool_)
    around[events + 1] = inside
    around[runs.paragraph[:-1]] = count + np.arange(paragraphs)
    known[events + 1] = known[runs.paragraph[:-1]] = True
    strong = np.flatnonzero(runs.kind <= AL)[::-1]
    rtl = np.zeros(count + paragraphs, np.bool_)
    # Backwards, so that of several strong characters in one isolate the first is the one that stays.
    rtl[around[carry(known)[strong]]] = runs.kind[strong] != L
    return Isolates(opener, rtl)


def explicit_sequences(runs: Runs, base: Bytes, isolates: Isolates) -> Sequences:
    """Rules X1 to X10.

    Args:
        runs: The text.
        base: uint8 (p,): level of each paragraph.
        isolates: What `find_isolates` found in it.
    """
    level, override = _walk(runs, base, isolates)
    kind = np.where(override == _NO_OVERRIDE, runs.kind, override)
    run = np.flatnonzero((runs.kind != BN) & ((runs.kind < LRE) | (runs.kind > PDF)))  # X9
    owner = np.searchsorted(runs.paragraph, run, "right") - 1
    sequence = _chain(run, level[run], owner, runs.kind, isolates.opener)
    order = np.argsort(sequence, kind="stable")
    start = np.searchsorted(sequence[order], np.arange(sequence.max(initial=-1) + 2))
    # The level on either side of every run that stays, seen past what X9 removed; at the ends that of the paragraph.
    levels = level[run]
    edge = np.concatenate([[True], owner[1:] != owner[:-1], [True]])[: len(owner) + 1]
    before = np.where(edge[:-1], base[owner], np.roll(levels, 1))
    after = np.where(edge[1:] | ((runs.kind[run] >= LRI) & (runs.kind[run] <= FSI)), base[owner], np.roll(levels, -1))
    first, last = order[start[:-1]], order[start[1:] - 1]
    embedding = levels[first]
    return Sequences(
        run=run[order],
        kind=kind[run[order]],
        start=start,
        level=embedding,
        sos=(np.maximum(embedding, before[first]) & 1).astype(np.uint8),
        eos=(np.maximum(embedding, after[last]) & 1).astype(np.uint8),
    )


def _chain(run: Ints, level: Bytes, owner: Ints, kind: Bytes, opener: Ints) -> Ints:
    """Which sequence each remaining run is in: level runs, joined across isolates (BD7, BD13)."""
    if not len(run):
        return np.empty(0, np.int64)
    first = np.concatenate([[True], (level[1:] != level[:-1]) | (owner[1:] != owner[:-1])])
    part = np.cumsum(first) - 1
    heads = np.flatnonzero(first)
    tails = np.append(heads[1:], len(run)) - 1
    # The level run that ends with the isolate initiator matching the PDI with which this one starts, or -1.
    opened_by = opener[run[heads]]
    at = np.minimum(np.searchsorted(run, opened_by), len(run) - 1)
    joined = (opened_by >= 0) & (run[tails[part[at]]] == opened_by)
    sequence: Ints = np.cumsum(~joined) - 1
    for index, earlier in zip(np.flatnonzero(joined).tolist(), part[at[joined]].tolist(), strict=True):
        sequence[index] = sequence[earlier]
    chained: Ints = sequence[part]
    return chained


def _walk(runs: Runs, base: Bytes, isolates: Isolates) -> tuple[Bytes, Bytes]:
    """Rules X1 to X8: level and override (L, R or _NO_OVERRIDE) of every run, both uint8 (r,)."""
    events = np.flatnonzero(runs.kind >= LRE)
    owners = np.searchsorted(runs.paragraph, events, "right") - 1
    walker = _Walker()
    own, after = [], []  # what holds for each explicit character itself, and what for the text that follows
    paragraph = -1
    kinds = runs.kind[events]
    kinds = np.where(kinds == FSI, np.where(isolates.rtl[events], RLI, LRI), kinds)  # X5c
    for owner, kind in zip(owners.tolist(), kinds.tolist(), strict=True):
        if owner != paragraph:
            paragraph = owner
            walker = _Walker(int(base[owner]))
        own.append(walker.step(kind))
        after.append(walker.state)
    state = np.empty(len(runs.kind) + 1, np.uint16)
    known = np.zeros(len(runs.kind) + 1, np.bool_)
    heads = runs.paragraph[:-1]
    ends = runs.paragraph[1:] - 1
    closed = runs.kind[ends] == B  # X8: the separator is outside everything
    known[events] = known[events + 1] = known[heads] = known[ends[closed]] = True
    outside = np.array([_state(level, _NO_OVERRIDE) for level in base.tolist()], np.uint16)
    state[events + 1] = after
    state[heads] = outside
    state[ends[closed]] = outside[closed]
    state[events] = own
    state = state[carry(known)[:-1]]
    return (state >> 2).astype(np.uint8), (state & 3).astype(np.uint8)


def _state(level: int, override: int) -> int:
    """Level and override in one number, because lists of numbers become arrays much sooner than lists of pairs."""
    return level << 2 | override


class _Walker:
    """The directional status stack of rules X1 to X8, for one paragraph."""

    def __init__(self, base: int = 0) -> None:
        self.state = _state(base, _NO_OVERRIDE)
        self._stack: list[tuple[int, bool]] = []  # what was in force before, whether an isolate had begun it
        self._isolated = False
        self._overflow_isolates = self._overflow_embeddings = self._valid_isolates = 0

    def step(self, kind: int) -> int:
        """Take one explicit character (FSI already decided); returns the state that holds for that character."""
        state = self.state
        if kind < PDF:
            self._embed(kind)
        elif kind == PDF:
            self._end_embedding()
        elif kind == PDI:
            self._end_isolate()
            state = self.state
        else:
            self._isolate(kind)
        return state

    def _fits(self, level: int) -> bool:
        return level <= MAX_DEPTH and not self._overflow_isolates and not self._overflow_embeddings

    def _push(self, level: int, override: int, isolate: bool) -> None:
        self._stack.append((self.state, self._isolated))
        self.state = _state(level, override)
        self._isolated = isolate

    def _pop(self) -> None:
        self.state, self._isolated = self._stack.pop()

    def _embed(self, kind: int) -> None:
        """X2 to X5."""
        level = (self.state >> 2) + 1
        level += (level & 1) != (kind in (RLE, RLO))
        if self._fits(level):
            self._push(level, {LRO: L, RLO: R}.get(kind, _NO_OVERRIDE), False)
        elif not self._overflow_isolates:
            self._overflow_embeddings += 1

    def _isolate(self, kind: int) -> None:
        """X5a and X5b."""
        level = (self.state >> 2) + 1
        level += (level & 1) != (kind == RLI)
        if self._fits(level):
            self._valid_isolates += 1
            self._push(level, _NO_OVERRIDE, True)
        else:
            self._overflow_isolates += 1

    def _end_isolate(self) -> None:
        """X6a."""
        if self._overflow_isolates:
            self._overflow_isolates -= 1
        elif self._valid_isolates:
            self._overflow_embeddings = 0
            while not self._isolated:
                self._pop()
            self._pop()
            self._valid_isolates -= 1

    def _end_embedding(self) -> None:
        """X7."""
        if self._overflow_isolates:
            return
        if self._overflow_embeddings:
            self._overflow_embeddings -= 1
        elif self._stack and not self._isolated:
            self._pop()


def bracket_pairs(where: Ints, opens: Flags, shape: Bytes, owner: Ints) -> Ints:
    """BD16: which brackets make pairs.

    Args:
        where: int64 (b,): places of the brackets, rising.
        opens: bool (b,): which of them open.
        shape: uint8 (b,): equal for brackets that fit each other.
        owner: int64 (b,): which sequence each is in.

    Returns:
        int64 (pairs, 2): places of the opening and the closing bracket, in no order.
    """
    # Most pairs hold no other bracket. Taking those out first changes nothing, as long as the stack cannot overflow.
    plain = opens[:-1] & ~opens[1:] & (shape[:-1] == shape[1:]) & (owner[:-1] == owner[1:])
    rest = np.ones(len(where), np.bool_)
    rest[:-1] &= ~plain
    rest[1:] &= ~plain
    found = np.flatnonzero(plain)
    if np.bincount(owner[rest & opens]).max(initial=0) >= BRACKET_DEPTH:
        rest[:] = True
        found = found[:0]
    columns = (column[rest].tolist() for column in (where, opens, shape, owner))
    nested = np.array(_match(*columns), np.int64).reshape(-1, 2)
    return np.concatenate([np.stack([where[found], where[found + 1]], axis=1), nested])


def _match(where: list[int], opens: list[bool], shape: list[int], owner: list[int]) -> list[tuple[int, int]]:
    """BD16 with a stack; arguments and result as those of `bracket_pairs`."""
    pairs = []
    stack: list[tuple[int, int]] = []
    current, full = -1, False
    for place, opening, form, sequence in zip(where, opens, shape, owner, strict=True):
        if sequence != current:
            current, full = sequence, False
            stack.clear()
        if full:
            continue
        if opening:
            full = len(stack) == BRACKET_DEPTH
            stack.append((form, place))
            continue
        for depth in range(len(stack) - 1, -1, -1):
            if stack[depth][0] == form:
                pairs.append((stack[depth][1], place))
                del stack[depth:]
                break
    return pairs


def resolve_brackets(kind: Bytes, pairs: Ints, embedding: Bytes, marks: Flags | None) -> None:
    """N0: give brackets a direction, in place.

    Args:
        kind: uint8 (m,): classes after W7, with L or R before and after every sequence.
        pairs: int64 (pairs, 2): what `bracket_pairs` found.
        embedding: uint8 (m,): direction of the embedding, L or R.
        marks: bool (m,): what was NSM before W1; None if nothing was.
    """
    opening, closing = pairs.T
    left, right = np.flatnonzero(kind == L), np.flatnonzero((kind == R) | (kind == EN) | (kind == AN))
    left_before, right_before = np.searchsorted(left, opening), np.searchsorted(right, opening)
    holds_left = np.searchsorted(left, closing) > left_before
    holds_right = np.searchsorted(right, closing) > right_before
    along = embedding[opening]
    same, other = np.where(along == L, (holds_left, holds_right), (holds_right, holds_left))
    direction = np.where(same, along, np.where(other, _CONTEXT, _NONE)).astype(np.uint8)
    # Index -1, where nothing strong of one kind comes before, finds the -1 appended; L or R comes before any bracket.
    last_left, last_right = np.append(left, -1)[left_before - 1], np.append(right, -1)[right_before - 1]
    _take_context(direction, pairs, np.maximum(last_left, last_right), last_right > last_left)
    resolved = direction != _NONE
    ends = pairs[resolved].ravel()
    kind[ends] = np.repeat(direction[resolved], 2)
    if marks is not None:
        for end in ends[marks[ends + 1]].tolist():
            after = end + 1
            while marks[after]:
                kind[after] = kind[end]
                after += 1


def _take_context(direction: Bytes, pairs: Ints, strong: Ints, rightward: Flags) -> None:
    """N0 c, in place: pairs that hold only the opposite direction take the one before their opening bracket.

    Args:
        direction: uint8 (pairs,): L, R, _CONTEXT or _NONE; no _CONTEXT is left.
        pairs: int64 (pairs, 2): places of the brackets.
        strong: int64 (pairs,): the strong character before each opening bracket.
        rightward: bool (pairs,): whether that one is R.
    """
    asking = np.flatnonzero(direction == _CONTEXT)
    if not len(asking):
        return
    resolved = np.flatnonzero(direction != _NONE)
    ends = pairs[resolved].ravel()
    order = np.argsort(ends)
    ends, pair_of_end = ends[order], np.repeat(resolved, 2)[order]
    # A bracket resolved earlier is as strong as a letter.
    before = np.searchsorted(ends, pairs[asking, 0]) - 1
    follows = (before >= 0) & (ends[before] > strong[asking])
    direction[asking] = rightward[asking]
    chained = np.flatnonzero(follows)
    chained = chained[np.argsort(pairs[asking[chained], 0])]
    for pair, earlier in zip(asking[chained].tolist(), pair_of_end[before[chained]].tolist(), strict=True):
        direction[pair] = direction[earlier]

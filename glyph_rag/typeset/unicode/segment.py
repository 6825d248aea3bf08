"""Where words start in scripts that are written without spaces between them: Thai, Lao, Khmer and Burmese.

UAX #14 leaves the letters of these scripts (line-break class SA) to a dictionary. The dictionaries and the method are
those of ICU (`dictbe.cpp`): of the words that the text may go on with, the longest is taken that two more words can
follow, and what no word matches is kept together up to where one does. Two things differ. No word starts inside an
orthographic cluster, and an unknown stretch longer than `LONGEST_UNKNOWN` is cut between clusters.

Digits, punctuation, joiners and everything of other scripts divide the text into stretches, and a place next to one of
them is never reported: there UAX #14 alone decides. Other scripts of class SA (New Tai Lue, Tai Le, Tai Tham, Ahom)
have no dictionary here, so nothing is reported in them and each run stays in one piece.
"""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.unicode import lexicon
from glyph_rag.typeset.unicode.lexicon import (
    BEGIN,
    DOT,
    END,
    KILLER,
    MARK,
    NO_END,
    NO_START,
    OUTSIDE,
    ROOT,
    SUFFIX,
    WORD_ENDS,
    Lexicon,
)

SCRIPTS = frozenset(lexicon.SCRIPTS)
"""ISO 15924 tags of the scripts whose words are known."""

LONGEST_UNKNOWN = 40
"""Characters that no word matches and that are still kept in one piece."""

_SHORT = 600  # Up to here arrays cost more than they save, and texts repeat often enough to be remembered.
_BLOCK = 1 << 16  # Positions looked up at a time: keeps memory small and caches warm.
_KNOWN = 4096  # Positions whose words are kept at hand; only those just passed are asked for again.
_MARGIN = 64  # More than the longest word.
_ROOT_THRESHOLD = 3  # ICU: a shorter word is joined with unknown text after it ...
_PREFIX_THRESHOLD = 3  # ... unless that starts like a word for at least as long as this.
_REPETITION = 0x46  # The byte of mai yamok; the other sign of Thai is paiyannoi.

_STRETCHES = re.compile("|".join(f"(?P<{tag}>[{script.letters}]+)" for tag, script in lexicon.SCRIPTS.items()))


def word_starts(text: str) -> list[int]:
    """The offsets at which words start, ascending and without 0.

    Args:
        text: Usually a run of one of `SCRIPTS`; anything else in it is passed over.
    """
    if len(text) <= _SHORT:
        return list(_short_word_starts(text))
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    starts: list[int] = np.flatnonzero(word_start_mask(codes)).tolist()
    return starts


def word_start_mask(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """The same for a whole text in any scripts at once, which is several times faster than run by run.

    Args:
        codes: uint32 (n,): code points.

    Returns:
        bool (n,): whether a word starts with this character.
    """
    mask = np.zeros(len(codes), np.bool_)
    if not len(codes) or codes.max() < 0x0E00:
        return mask
    low = np.minimum(codes, lexicon.TOP)
    numbers = lexicon.letter_scripts()[low]
    counts = np.bincount(numbers, minlength=len(SCRIPTS) + 1)
    for number, tag in enumerate(lexicon.SCRIPTS, 1):
        if counts[number]:
            letters = np.flatnonzero(numbers == number)
            data = np.full(len(codes) + _MARGIN, OUTSIDE, np.uint8)
            data[letters] = np.frombuffer(lexicon.letter_bytes(), np.uint8)[low[letters]]
            mask[_Sweep(lexicon.lexicon(tag), data, letters).starts()] = True
    return mask


@lru_cache(maxsize=2048)
def _short_word_starts(text: str) -> tuple[int, ...]:
    found: list[int] = []
    for stretch in _STRETCHES.finditer(text):
        first, last = stretch.span()
        words = lexicon.lexicon(stretch.lastgroup or "")
        if last - first >= words.least:
            data = bytes(map(lexicon.letter_bytes().__getitem__, map(ord, stretch.group())))
            division = _Division(words, data + bytes([OUTSIDE, OUTSIDE]))
            at = division.piece_end(0, last - first)
            while at < last - first:
                if not division.is_glued(at):
                    found.append(first + at)
                at = division.piece_end(at, last - first)
    return tuple(found)


class _Division:
    """Divides stretches of letters as ICU's dictionary engines do.

    Args:
        words: The lexicon of the script.
        data: The text, one byte a character, at least two bytes longer than it.
    """

    def __init__(self, words: Lexicon, data: bytes) -> None:
        self._steps, self._traits, self._data = words.steps, words.traits, data
        self._known: dict[int, tuple[int, ...]] = {}

    def piece_end(self, start: int, stop: int) -> int:
        """Where the piece ends that starts at `start`, in a stretch that ends at `stop`."""
        at = self._word_end(start, stop)
        if (
            at - start < _ROOT_THRESHOLD
            and at < stop
            and not self._ends(at)
            and (at == start or not self._resembles_word(at, stop))
        ):
            at = self._next_plausible(at, stop)
        while self._traits[self._data[at]] & MARK:
            at += 1
        if self._traits[self._data[at]] & SUFFIX and not self._ends(at):
            at += self._suffix_length(at)
        return at

    def is_glued(self, at: int) -> bool:
        """Whether the character at `at` belongs to an orthographic cluster with what is before it."""
        traits, data = self._traits, self._data
        if traits[data[at]] & NO_START or traits[data[at - 1]] & NO_END:
            return True
        after = traits[data[at + 1]]
        return bool((traits[data[at + 2]] if after & DOT else after) & KILLER)

    def _ends(self, start: int) -> tuple[int, ...]:
        """Where the words end that start at `start`, the shortest first."""
        ends = self._known.get(start)
        if ends is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            ends = self._known[start] = self._look_up(start)
        return ends

    def _look_up(self, start: int) -> tuple[int, ...]:
        steps, data = self._steps, self._data
        state, at, ends = ROOT, start, []
        while state:
            byte = data[at]
            entry = steps[state + byte]
            if entry & 0xFF != byte:
                break
            at += 1
            if entry & WORD_ENDS:
                ends.append(at)
            state = entry >> 9
        return tuple(ends)

    def _word_end(self, start: int, stop: int) -> int:
        """The end of the word that starts at `start`; `start` when there is none."""
        ends = self._ends(start)
        if not ends:
            return start
        best = ends[-1]
        if len(ends) == 1 or best == stop:
            return best
        for end in reversed(ends):
            following = self._ends(end)
            if following:
                best = end
                if following[-1] == stop or any(map(self._ends, reversed(following))):
                    break
        return best

    def _resembles_word(self, at: int, stop: int) -> bool:
        """Whether ICU's count of the characters shared with a word, one too many, reaches the threshold."""
        if stop - at < _PREFIX_THRESHOLD:
            return False
        state = ROOT
        for byte in self._data[at : at + _PREFIX_THRESHOLD - 1]:
            entry = self._steps[state + byte]
            if entry & 0xFF != byte:
                return False
            state = entry >> 9
        return True

    def _next_plausible(self, start: int, stop: int) -> int:
        """The next place after `start` where a word may start, or where unknown text gets too long."""
        traits, data = self._traits, self._data
        for at in range(start + 1, stop):
            if traits[data[at]] & BEGIN and traits[data[at - 1]] & END and self._ends(at):
                return at
            if at - start >= LONGEST_UNKNOWN and not self.is_glued(at):
                return at
        return stop

    def _suffix_length(self, at: int) -> int:
        """How many of the signs at `at` belong to the word before them: at most one of abbreviation and repetition."""
        before, first, second = (self._data[at + offset] for offset in (-1, 0, 1))
        if first == _REPETITION:
            return int(before != _REPETITION)
        if self._traits[before] & SUFFIX:
            return 0
        return 2 if second == _REPETITION else 1


class _Sweep:
    """Divides all stretches of one script in a text at once.

    Words are looked up for all positions together. That settles most pieces; `_Division` does the others.

    Args:
        words: The lexicon of the script.
        data: uint8 (n + _MARGIN,): the text, `OUTSIDE` for what is no letter of the script.
        letters: int64: where the letters of the script are, ascending.
    """

    def __init__(self, words: Lexicon, data: npt.NDArray[np.uint8], letters: npt.NDArray[np.int64]) -> None:
        self._words, self._data, self._letters = words, data, letters
        self._traits = np.frombuffer(words.traits, np.uint8)[data]

    def starts(self) -> npt.NDArray[np.int64]:
        """The offsets where words start, ascending."""
        gaps = np.flatnonzero(np.diff(self._letters) > 1) + 1
        firsts = self._letters[np.concatenate([np.zeros(1, np.int64), gaps])]
        lasts = self._letters[np.concatenate([gaps - 1, np.full(1, len(self._letters) - 1)])] + 1
        long_enough = lasts - firsts >= self._words.least
        division = _Division(self._words, self._data.tobytes())
        steps = self._sure_steps().tobytes()
        found: list[int] = []
        for at, stop in zip(firsts[long_enough].tolist(), lasts[long_enough].tolist(), strict=True):
            while at < stop:
                at = at + steps[at] if steps[at] else division.piece_end(at, stop)
                found.append(at)
        ends = np.array(found, np.int64)
        starts: npt.NDArray[np.int64] = ends[~self._are_glued(ends) & (self._data[ends] != OUTSIDE)]
        return starts

    def _are_glued(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """See `_Division.is_glued`."""
        traits = self._traits
        after = traits[places + 1]
        after = np.where(after & DOT, traits[places + 2], after)
        glued: npt.NDArray[np.bool_] = (traits[places] & NO_START | traits[places - 1] & NO_END | after & KILLER) != 0
        return glued

    def _sure_steps(self) -> npt.NDArray[np.uint8]:
        """uint8 (n + _MARGIN,): how long the piece at each place is, 0 where that takes a closer look."""
        matches, resembles = self._matches()
        any_word = np.zeros(len(self._data), np.bool_)
        longest = np.zeros(len(self._data), np.uint8)
        for length, places in enumerate(matches):
            any_word[places] = True
            longest[places] = length
        reaches_end = self._data[np.arange(len(longest)) + longest] == OUTSIDE
        two = reaches_end & any_word
        for length, places in enumerate(matches):
            two[places[any_word[places + length]]] = True
        steps = longest.copy()
        for length in range(len(matches) - 1, 0, -1):
            places = matches[length]
            steps[places[any_word[places + length]]] = length
        for length, places in enumerate(matches):
            steps[places[two[places + length]]] = length
        np.copyto(steps, longest, where=reaches_end)
        return self._without_doubtful(steps, any_word, resembles)

    def _without_doubtful(
        self, steps: npt.NDArray[np.uint8], any_word: npt.NDArray[np.bool_], resembles: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.uint8]:
        """Clears the steps that something is added to: unknown text, marks or suffixes."""
        after = np.arange(len(steps)) + steps
        follows = any_word[after] | (self._data[after] == OUTSIDE)
        joined = (steps < _ROOT_THRESHOLD) & ~(follows | resembles[after])
        joined |= (self._traits[after] & MARK) != 0
        joined |= (self._traits[after] & SUFFIX != 0) & ~follows
        return np.where(joined, np.uint8(0), steps)

    def _matches(self) -> tuple[list[npt.NDArray[np.int64]], npt.NDArray[np.bool_]]:
        """Looks up words at all letters.

        Returns:
            By length, the places where a word of that length starts; and bool (n + _MARGIN,): whether the text there
            starts like a word, see `_Division._resembles_word`.
        """
        resembles = np.zeros(len(self._data), np.bool_)
        found: list[list[npt.NDArray[np.int64]]] = [[]]
        for first in range(0, len(self._letters), _BLOCK):
            places = self._letters[first : first + _BLOCK]
            states = np.full(len(places), ROOT, np.uint32)
            length = 0
            while len(places):
                data = self._data[places + length]
                entries = self._words.table[states + data]
                length += 1
                matched = (entries & 0xFF) == data
                places, entries = places[matched], entries[matched]
                if length == len(found):
                    found.append([])
                found[length].append(places[(entries & WORD_ENDS) != 0])
                if length == _PREFIX_THRESHOLD - 1:
                    resembles[places] = self._data[places + length] != OUTSIDE
                states = entries >> 9
                goes_on = states != 0
                places, states = places[goes_on], states[goes_on]
        empty = np.zeros(0, np.int64)
        return [np.concatenate([empty, *blocks]) for blocks in found], resembles

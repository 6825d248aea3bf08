"""Unigram, the tokenizer of SentencePiece and of the multilingual models made with it.

The model is that of Kudo, "Subword Regularization", ACL 2018; the steps are those of SentencePiece and of the
`tokenizers` package: substitute and compose characters, make runs of spaces one, mark where words begin, then cut each
word into the pieces that are likeliest together. The tests hold this one against `tokenizers`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

_MARK: Final = "\u2581"
"""Stands for the space before a word."""

_WORD = re.compile(f"{_MARK}?[^{_MARK}]+|{_MARK}")
_SPACES = re.compile(" {2,}")
_FIRST_MARK: Final = "\u0300"
_LONGEST_KEPT = 32
"""Longer words are cut anew each time: in a script without spaces they are sentences, and hardly come twice."""

_UNKNOWN_PENALTY = 10.0
"""How much less likely an unknown character is than the rarest piece; `kUnkPenalty` in SentencePiece."""


class Unigram:
    """Text to token numbers. Safe to call from several threads."""

    def __init__(
        self, pieces: Sequence[str], scores: Sequence[float], *, unknown: int, substitutions: Mapping[int, str]
    ) -> None:
        """Prepares a tokenizer.

        Args:
            pieces: The vocabulary; the number of a piece is its place. None has the mark of a word but at its start.
            scores: The logarithm of how likely each piece is.
            unknown: The number of the token for characters that no piece has.
            substitutions: What stands for a character, by code point; characters that are not in it stay.
        """
        self._numbers = {piece: number for number, piece in enumerate(pieces)}
        self._scores = scores
        self._longest = max(map(len, pieces))
        self._unknown = unknown
        self._unknown_score = min(scores) - _UNKNOWN_PENALTY
        self._substitutions = substitutions
        self._kept = lru_cache(maxsize=1 << 16)(self._cut)

    def encode(self, text: str) -> list[int]:
        """The numbers of the tokens of a text, without markers around them."""
        plain = _compose(text.translate(self._substitutions))
        marked = _SPACES.sub(" ", plain).replace(" ", _MARK)
        if not marked.startswith(_MARK):
            marked = _MARK + marked
        numbers: list[int] = []
        for word in _WORD.findall(marked):
            numbers += self._kept(word) if len(word) <= _LONGEST_KEPT else self._cut(word)
        return numbers

    def _cut(self, word: str) -> tuple[int, ...]:
        """The likeliest pieces of a word (Viterbi), neighbouring unknown characters as one token."""
        number, start = self._last_pieces(word)
        cut: list[int] = []
        end = len(word)
        while end > 0:
            if not (cut and cut[-1] == number[end] == self._unknown):
                cut.append(number[end])
            end = start[end]
        return tuple(reversed(cut))

    def _last_pieces(self, word: str) -> tuple[list[int], list[int]]:
        """For each end within a word, the last piece of the likeliest pieces up to it, and where that piece starts."""
        length = len(word)
        score = [0.0] + [-float("inf")] * length
        number, start = [self._unknown] * (length + 1), [0] * (length + 1)
        known, scores = self._numbers.get, self._scores
        for begin in range(length):
            so_far = score[begin]
            for end in range(begin + 1, min(begin + self._longest, length) + 1):
                piece = known(word[begin:end])
                if piece is not None and so_far + scores[piece] > score[end]:
                    score[end], number[end], start[end] = so_far + scores[piece], piece, begin
            unknown = so_far + self._unknown_score
            if unknown > score[begin + 1]:
                score[begin + 1], number[begin + 1], start[begin + 1] = unknown, self._unknown, begin
        return number, start


def _compose(text: str) -> str:
    """Neighbours that are one character together, such as a letter and its accent, as that character.

    As in SentencePiece, and unlike in NFC, other marks stay in the order in which they were typed.
    """
    if unicodedata.is_normalized("NFC", text):
        return text
    composed: list[str] = []
    for character in text:
        together = _together(composed[-1], character) if composed and character >= _FIRST_MARK else None
        if together:
            composed[-1] = together
        else:
            composed.append(character)
    return "".join(composed)


@lru_cache(maxsize=1 << 14)
def _together(character: str, mark: str) -> str | None:
    both = unicodedata.normalize("NFC", character + mark)
    return both if len(both) == 1 else None

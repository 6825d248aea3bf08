"""Folding: a text without the differences that do not matter, with the way back to every character."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

__all__ = ["EMPHASIS", "Folded", "fold"]

EMPHASIS = "*`"
"""Markdown's: not words, and a reader may leave them out."""

_LOOKALIKES = str.maketrans("‘’‚‛“”„‟′″‐‑‒–—―−…·•", "''''\"\"\"\"'\"-------...")
# Vowel points of Arabic and Hebrew and the stroke that widens an Arabic word: written or not, it is the same word.
_POINTS = frozenset(map(chr, (0x640, 0x670, *range(0x64B, 0x660), *range(0x591, 0x5C8))))

_MARKUP_STAR = re.compile(r"(?<![^\W_])\*|\*(?![^\W_])")
_POWER = re.compile(r"(?<=\d)[⁰¹²³⁴-⁹]")


@dataclass(frozen=True)
class Folded:
    """A text without its white space, case, emphasis and typographic variants.

    Attributes:
        text: What is left of it.
        origins: For each character of that, its offset in the text.
    """

    text: str
    origins: list[int]


@lru_cache(maxsize=65536)
def _fold_character(character: str) -> str:
    if character.isspace() or character == "`" or character in _POINTS:
        return ""
    if unicodedata.category(character) in ("Cf", "Cc"):
        return ""
    return unicodedata.normalize("NFKC", character.translate(_LOOKALIKES)).casefold().replace(" ", "")


def fold(text: str) -> Folded:
    """Folds a text, character by character.

    A star goes unless it stands between two letters or digits, where it may multiply. A digit written high behind
    another digit is a power and gets a caret, so that 10⁵ is not 105.
    """
    parts = [_fold_character(character) for character in text]
    if "*" in text:
        for match in _MARKUP_STAR.finditer(text):
            parts[match.start()] = ""
    for match in _POWER.finditer(text):
        parts[match.start()] = "^" + parts[match.start()]
    return Folded("".join(parts), [at for at, part in enumerate(parts) for _ in part])

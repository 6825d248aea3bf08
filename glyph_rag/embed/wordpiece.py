"""WordPiece, the tokenizer of BERT and of the models made from it.

The `tokenizers` package does the same and brings 50 MB of network clients along, which a package that never goes to
the network should not install. The tests hold this one against that one.

The steps are those of Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
Understanding", NAACL 2019, in its uncased form: clean, part Chinese characters, take off accents, lower the case, split
at white space and punctuation, then cut each word into the longest pieces that the vocabulary holds.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

_ASCII_WORD = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_LONGEST_WORD = 100
_LINE_BREAKS = "\t\n\r"


class WordPiece:
    """Text to token numbers. Safe to call from several threads."""

    def __init__(self, vocabulary: Mapping[str, int], max_tokens: int) -> None:
        """Prepares a tokenizer.

        Args:
            vocabulary: The number of each piece; pieces that continue a word start with "##".
            max_tokens: Texts are cut to this many tokens, the first and the last marker included.
        """
        self._vocabulary, self._room = vocabulary, max_tokens - 2
        self._first, self._last, self._unknown = (vocabulary[name] for name in ("[CLS]", "[SEP]", "[UNK]"))
        self._pieces = lru_cache(maxsize=1 << 16)(self._cut)

    @classmethod
    def load(cls, path: Path, max_tokens: int) -> WordPiece:
        """Reads the vocabulary of a `tokenizer.json`."""
        return cls(json.loads(path.read_text("utf-8"))["model"]["vocab"], max_tokens)

    def encode(self, text: str) -> list[int]:
        """The numbers of the tokens of a text, with the markers around them."""
        numbers: list[int] = []
        for word in _words(text):
            numbers += self._pieces(word)
            if len(numbers) >= self._room:
                break
        return [self._first, *numbers[: self._room], self._last]

    def _cut(self, word: str) -> tuple[int, ...]:
        if len(word) > _LONGEST_WORD:
            return (self._unknown,)
        numbers, start = [], 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self._vocabulary.get(word[start:end] if not start else f"##{word[start:end]}")
                if number is not None:
                    break
            else:
                return (self._unknown,)
            numbers.append(number)
            start = end
        return tuple(numbers)


def _words(text: str) -> list[str]:
    if text.isascii() and text.isprintable():
        return _ASCII_WORD.findall(text.lower())
    spaced = "".join(map(_clean, text))
    plain = "".join(c for c in unicodedata.normalize("NFD", spaced) if unicodedata.category(c) != "Mn")
    return "".join(map(_separate, plain)).split()


@lru_cache(maxsize=1 << 16)
def _clean(character: str) -> str:
    """White space as a space, Chinese characters between spaces, nothing for controls."""
    if character in _LINE_BREAKS:
        return " "
    code = ord(character)
    if code == 0xFFFD or unicodedata.category(character) in ("Cc", "Cf", "Cn", "Co", "Cs"):
        return ""
    if character.isspace():
        return " "
    return f" {character} " if _is_chinese(code) else character


@lru_cache(maxsize=1 << 16)
def _separate(character: str) -> str:
    """The letter in lower case, punctuation between spaces."""
    lower = character.lower()
    is_ascii_sign = character.isascii() and not character.isalnum() and character != " "
    return f" {lower} " if is_ascii_sign or unicodedata.category(character).startswith("P") else lower


def _is_chinese(code: int) -> bool:
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0xF900 <= code <= 0xFAFF
        or 0x20000 <= code <= 0x2A6DF
        or 0x2A700 <= code <= 0x2CEAF
        or 0x2F800 <= code <= 0x2FA1F
    )

"""What speaks for a sentence as the answer to a question, measured without a language model.

Everything here is lexical and works in any script: words, or overlapping character pairs where a
script writes no spaces, compared with tolerance for inflection and weighted by how rare they are among
the candidates.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

__all__ = ["MATCHED", "Analysis", "FloatArray", "analyse", "is_unspaced", "matches", "rarity"]

FloatArray = NDArray[np.float32]

MATCHED = 0.7  # from here on two words count as the same
_EQUAL = 0.999

# Scripts that write no spaces between words: compared by overlapping pairs of characters.
_UNSPACED = r"\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_THAI = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
# Indic vowel signs are combining marks, which \w leaves out, so their blocks are named; the danda
# stays a stop.
_WORD = re.compile(
    rf"[{_UNSPACED}]+|[{_THAI}]+|\d+(?:[.,]\d+)*"
    rf"|(?:[^\W\d_{_UNSPACED}{_THAI}]|[\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0966-\u0dff])+"
)
_IS_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_IS_THAI = re.compile(rf"[{_THAI}]")
_MARKS = re.compile(r"[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]")
# The article and the conjunctions that Arabic writes as part of the word.
_ARABIC_PREFIX = re.compile(r"^(?:[وفبلك]?ال|لل|[وفبل](?=\w{4}))(?=\w{3})")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NUMBER_WORDS = _words(
    "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty "
    "sixty seventy eighty "
    "ninety hundred thousand million billion trillion half third quarter dozen first second"
)
# A Chinese numeral counts as a number where a unit or another numeral follows it.
_CJK_NUMBER = re.compile(
    r"[一二三四五六七八九十百千万亿两兩萬億][年月日个個名人座位次种種家岁歲米公里元倍平吨成分条條部所届只天小世百千万亿]|百分之"
)


@dataclass(frozen=True)
class Analysis:
    """A text as comparable words.

    Attributes:
        words: The words in order, folded for comparison.
        names: Those written like names: capitalised inside a sentence, or Latin inside an unspaced script.
        numbers: Those that are numbers.
    """

    words: tuple[str, ...]
    names: frozenset[str]
    numbers: frozenset[str]


def analyse(text: str) -> Analysis:
    """Split a text into words; where it writes no spaces, into pairs of characters (Thai: triples)."""
    text = unicodedata.normalize("NFKC", text)
    words: list[str] = []
    names, numbers = set[str](), set[str]()
    unspaced = is_unspaced(text)
    for match in _WORD.finditer(text):
        raw = match.group()
        if _IS_UNSPACED.match(raw):
            words.extend([raw[i : i + 2] for i in range(len(raw) - 1)] or [raw])
            continue
        if _IS_THAI.match(raw):
            words.extend([raw[i : i + 3] for i in range(max(1, len(raw) - 2))])
            continue
        word = _fold(raw)
        words.append(word)
        if raw[0].isdecimal() or word in _NUMBER_WORDS:
            numbers.add(word)
        elif raw[0].isupper() and (unspaced or (match.start() > 0 and len(words) > 1)):
            names.add(word)
    if unspaced:
        numbers.update(m.group() for m in _CJK_NUMBER.finditer(text))
    return Analysis(tuple(words), frozenset(names), frozenset(numbers))


def is_unspaced(text: str) -> bool:
    """Tell whether a text is written, at least in part, in a script without spaces between words."""
    return _IS_UNSPACED.search(text) is not None or _IS_THAI.search(text) is not None


def _fold(word: str) -> str:
    word = _MARKS.sub("", unicodedata.normalize("NFKD", word.casefold()))
    word = _ARABIC_PREFIX.sub("", word)
    return unicodedata.normalize("NFC", word)


def matches(wanted: Sequence[str], present: Sequence[str]) -> FloatArray:
    """Compare words, forgiving inflection.

    Returns:
        One row for each wanted word and one column for each present word: 1 where they are equal, at
        least 0.7 where they are close or share a stem, else 0. Short words and numbers match exactly
        or not at all.
    """
    close = process.cdist(wanted, present, scorer=fuzz.ratio, score_cutoff=60, dtype=np.float32) / np.float32(100)
    exact_only = np.logical_or.outer([_is_rigid(word) for word in wanted], [_is_rigid(word) for word in present])
    close[exact_only & (close < _EQUAL)] = 0
    for row, column in np.argwhere((close > 0) & (close < 0.9)):
        if _share_stem(wanted[row], present[column]):
            close[row, column] = 0.9
    close[close < MATCHED] = 0
    return np.asarray(close, dtype=np.float32)


def rarity(found: NDArray[np.bool_]) -> FloatArray:
    """Weigh each word (row) by how few of the sentences (columns) hold it."""
    total, holding = found.shape[1], found.sum(axis=1)
    return np.asarray(np.log1p((total - holding + 0.5) / (holding + 0.5)), dtype=np.float32)


def _is_rigid(word: str) -> bool:
    return len(word) < 4 or word[0].isdecimal()


def _share_stem(one: str, other: str) -> bool:
    shared = 0
    while shared < min(len(one), len(other)) and one[shared] == other[shared]:
        shared += 1
    return shared >= 4 and shared >= 0.6 * max(len(one), len(other))

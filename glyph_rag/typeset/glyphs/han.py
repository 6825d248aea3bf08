"""Forms that depend on the text around them: of Han characters by country, and of the signs that stand beside them."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

SIMPLIFIED, TRADITIONAL, JAPANESE, KOREAN = range(4)
"""What a text is taken to be; texts without Han characters are the first, which is the form that the font has as is."""

LANGUAGES = ("zh-Hans", "zh-Hant", "ja", "ko")
"""BCP 47 tags, by number."""

BESIDE_HAN = len(LANGUAGES)
"""The form of signs that stand beside Han characters."""

_SHARED_SIGNS = np.array([0xB7, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D, 0x2025, 0x2026], np.uint32)
"""Middle dot, dash, quotation marks and dots: as wide as a letter in Latin writing, and as a square in Chinese."""

_ENOUGH = 20
"""One kana among this many Han characters makes a text Japanese, and one Hangul syllable makes it Korean."""

_FIRST, _LAST = 0x3400, 0x9FFF


def is_han(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Which characters are unified ideographs."""
    han: npt.NDArray[np.bool_] = (codes >= _FIRST) & (codes <= _LAST) | (codes >= 0x20000) & (codes <= 0x3FFFF)
    return han


def is_shared_sign(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Which characters are drawn in one way beside letters and in another beside Han characters."""
    return np.isin(codes, _SHARED_SIGNS)


def languages_of(codes: npt.NDArray[np.uint32], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8] | None:
    """The language of the Han characters of each text, by what stands around them.

    Kana tells Japanese and Hangul Korean. Between the two ways of writing Chinese, what counts is whether more
    characters are only in Big5 or only in GB 2312.

    Args:
        codes: uint32 (n,): code points of all texts.
        starts: int64 (texts,): where each text starts.

    Returns:
        uint8 (texts,): numbers of `LANGUAGES`, or None if all are the first.
    """
    if not len(codes) or not is_han(codes).any():
        return None
    starts = np.minimum(starts, len(codes) - 1)
    kind = _kinds()[np.minimum(codes, _BEYOND)]
    present = np.bincount(kind, minlength=_HANGUL + 1)
    if not present[[_BIG5, _KANA, _HANGUL]].any():
        return None
    count = {name: np.add.reduceat(kind == name, starts) for name in (_OTHER, _BIG5, _GB, _KANA, _HANGUL)}
    han = count[_OTHER] + count[_BIG5] + count[_GB]
    languages = np.zeros(len(starts), np.uint8)
    languages[count[_BIG5] > count[_GB]] = TRADITIONAL
    languages[(count[_HANGUL] > 0) & (count[_HANGUL] * _ENOUGH >= han)] = KOREAN
    languages[(count[_KANA] > 0) & (count[_KANA] * _ENOUGH >= han)] = JAPANESE
    return languages if languages.any() else None


_OTHER, _BIG5, _GB, _KANA, _HANGUL = range(1, 6)
_BEYOND = 0xD7A4


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """What each code point up to the end of the Hangul syllables tells, and at the end what those beyond do."""
    kinds = np.zeros(_BEYOND + 1, np.uint8)
    kinds[0x3040:0x3100] = _KANA
    kinds[0xAC00:_BEYOND] = _HANGUL
    for code in range(_FIRST, _LAST + 1):
        big5, simplified = _has("big5", chr(code)), _has("gb2312", chr(code))
        kinds[code] = _OTHER if big5 == simplified else _BIG5 if big5 else _GB
    return kinds


def _has(encoding: str, character: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True

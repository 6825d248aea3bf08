"""Text as a model may take it, whatever it was dressed up as: the other half of finding instructions in it.

Compatibility forms, case and accents are folded, look-alike letters made alike, characters without ink left out, those
that spell letters without ink spelled out, digits within words read as the letters they resemble, and s p a c e d
letters joined.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from glyph_rag.corpus.hidden import NO_INK

__all__ = ["Unmasked", "unmask", "unmask_word"]

_JOINED = "\u0300-\u036f\u064b-\u065f\u1160-\u11ff\u3099\u309a"
# Plain words of ASCII, or white space, or a character with what joins it.
_PIECE = re.compile(rf"([!-~]+(?: [!-~]+)*)(?![{_JOINED}])|\s+|\S[{_JOINED}]{{0,4}}")
_MARKS = re.compile(r"[\u0300-\u036f\u0640\u064b-\u065f\u0670]+")
_BREAK = re.compile(r"\n[^\S\n]*\n|\u2029")
# Cyrillic, Greek, Armenian, small capitals; letters whose accent is a part of them; variants of Arabic letters.
_ALIKE = str.maketrans(
    "авекмнорстухіјѕһԁԛԝԍαβγεηικνορτυχωσօոսհցɑɡɩıɪɴʀᴏᴇɢᴜᴛꜱᴀᴘᴠᴄᴅʟᴍʙʏᴡᴋʜᴊꜰᴢđłøħŧىئؤةگک",
    "abekmhopctyxijshdqwgabyenikvoptuxwoonuhgagiiinroegutsapvcdlmbywkhjfzdlohtيييهكك",
)
_QUOTES = str.maketrans("’‘ʼ`´", "'''''")
_DIGITS = str.maketrans("013457$", "oieasts")
_WORD = re.compile(r"(?<![a-z0-9$])(?=[a-z]*[013457$])[a-z013457$]{3,24}(?![a-z0-9])")
_UNSPACED = r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]"
_BETWEEN_UNSPACED = re.compile(rf"(?<={_UNSPACED}) (?={_UNSPACED})")
_HYPHENATED = re.compile(r"(?<=[a-z])- (?=[a-z])")
_SPELLED = re.compile(r"(?<!\w)[^\W\d_](?:[ .*_|·~-]{1,2}[^\W\d_]){5,}(?!\w)")
_BETWEEN_SPELLED = re.compile(r"[ .*_|·~-]+")
_TAGS, _FIRST_TAG = range(0xE0020, 0xE007F), 0xE0000


@dataclass(frozen=True)
class Unmasked:
    """Unmasked text, and where it comes from.

    Attributes:
        text: In lower case; white space is one space, or a line feed for a blank line.
        starts: For each character of it, where what it was made of starts in the original.
        ends: For each character, one past where that ends.
        spelled: Half-open spans of `text` that were written letter by letter, now without gaps between words.
        plain: The same as `text` before digits became letters.
    """

    text: str
    starts: list[int]
    ends: list[int]
    spelled: list[tuple[int, int]]
    plain: str


def unmask(text: str) -> Unmasked:
    """Unmasks a text. Takes linear time."""
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for piece in _PIECE.finditer(text):
        start, end = piece.span()
        if piece.lastindex:
            parts.append(piece[0].lower().translate(_QUOTES))
            starts += range(start, end)
            ends += range(start + 1, end + 1)
            continue
        folded = _fold(piece[0]) if end - start < 8 else _fold_space(piece[0])
        if folded:
            parts.append(folded)
            starts += [start] * len(folded)
            ends += [end] * len(folded)
    whole = "".join(parts)
    gaps = [found.span() for pattern in (_BETWEEN_UNSPACED, _HYPHENATED) for found in pattern.finditer(whole)]
    whole, starts, ends, _ = _without(whole, starts, ends, gaps, [])
    letters = [found.span() for found in _SPELLED.finditer(whole)]
    gaps = [found.span() for start, end in letters for found in _BETWEEN_SPELLED.finditer(whole, start, end)]
    whole, starts, ends, spelled = _without(whole, starts, ends, gaps, letters)
    read = _WORD.sub(_read_digits, whole)
    return Unmasked(read, starts, ends, spelled, whole)


def unmask_word(word: str) -> str:
    """A word or phrase in the form that it has in unmasked text."""
    return unmask(word).plain


def _read_digits(word: re.Match[str]) -> str:
    """A word with a few digits for letters; a number with a few letters stays one."""
    letters = sum("a" <= character <= "z" for character in word[0])
    return word[0].translate(_DIGITS) if 3 * letters >= len(word[0]) else word[0]


def _without(
    text: str, starts: list[int], ends: list[int], gaps: list[tuple[int, int]], spans: list[tuple[int, int]]
) -> tuple[str, list[int], list[int], list[tuple[int, int]]]:
    """A text and its offsets without some of its stretches, and where other stretches are then."""
    if not gaps:
        return text, starts, ends, spans
    keep = bytearray(b"\1" * len(text))
    for start, end in gaps:
        keep[start:end] = bytes(end - start)
    kept = [at for at, flag in enumerate(keep) if flag]
    place = dict(zip(kept, range(len(kept)), strict=True))
    moved = [(place[start], place[end - 1] + 1) for start, end in spans]
    return "".join([text[at] for at in kept]), [starts[at] for at in kept], [ends[at] for at in kept], moved


def _fold_space(cluster: str) -> str:
    return "\n" if _BREAK.search(cluster) else " "


@lru_cache(maxsize=16_384)
def _fold(cluster: str) -> str:
    """One letter with its marks, or white space."""
    if cluster.isspace():
        return _fold_space(cluster)
    if ord(cluster[0]) in _TAGS:
        return chr(ord(cluster[0]) - _FIRST_TAG).lower()
    shown = NO_INK.sub("", cluster)
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", shown).casefold())
    folded = unicodedata.normalize("NFC", _MARKS.sub("", folded))
    return NO_INK.sub("", folded.translate(_ALIKE).translate(_QUOTES))

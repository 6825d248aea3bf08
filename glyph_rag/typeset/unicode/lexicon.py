"""The scripts that need a dictionary to break lines, their characters, and the dictionaries."""

from __future__ import annotations

import lzma
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

MARK = 1
"""Belongs to the character before it: general category M."""
BEGIN = 2
"""May begin a word after unknown text."""
END = 4
"""May end unknown text."""
SUFFIX = 8
"""Signs of abbreviation and repetition."""
NO_START = 16
"""Never starts a word: marks, vowels written after their consonant, signs of repetition."""
NO_END = 32
"""Never ends a word: vowels written before their consonant, signs that stack the next one."""
KILLER = 64
"""Shows that the consonant before it closes the syllable."""
DOT = 128
"""May stand between that consonant and the sign."""

OUTSIDE = 0xFE
"""Stands for every character that is no letter of the script at hand; no word holds it."""

ROOT = 1
"""The first state of every table."""
WORD_ENDS = 0x100
"""The bit of a table's entry that says so; the byte is below it, the next state above."""

TOP = 0xAA80
"""No letter of these scripts is as high as this."""


@dataclass(frozen=True)
class Script:
    """What the characters of a script can do: the insides of regular expression sets.

    Source: Script, Line_Break and General_Category of Unicode 17; `begin`, `unending`, `suffixes` and `least` are those
    of ICU's `dictbe.cpp`. The rest is how the scripts are written.

    Attributes:
        letters: Those of line-break class SA; the other sets are parts of this one.
        marks: See `MARK`.
        begin: See `BEGIN`.
        unending: The letters that are not `END`.
        no_start: See `NO_START`, beside marks.
        no_end: See `NO_END`.
        suffixes: See `SUFFIX`.
        killers: See `KILLER`.
        dots: See `DOT`.
        least: Stretches of fewer characters are never divided.
    """

    letters: str
    marks: str
    begin: str
    unending: str
    no_start: str
    no_end: str
    suffixes: str = ""
    killers: str = ""
    dots: str = ""
    least: int = 4


SCRIPTS = {
    "Thai": Script(
        letters="\u0e01-\u0e3a\u0e40-\u0e4e",
        marks="\u0e31\u0e34-\u0e3a\u0e47-\u0e4e",
        begin="\u0e01-\u0e2e\u0e40-\u0e44",
        unending="\u0e31\u0e40-\u0e44",
        no_start="\u0e30\u0e32\u0e33\u0e45\u0e46",
        no_end="\u0e40-\u0e44",
        suffixes="\u0e2f\u0e46",
        least=5,
    ),
    "Laoo": Script(
        letters="\u0e81\u0e82\u0e84\u0e86-\u0e8a\u0e8c-\u0ea3\u0ea5\u0ea7-\u0ebd\u0ec0-\u0ec4\u0ec6\u0ec8-\u0ece"
        "\u0edc-\u0edf",
        marks="\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece",
        begin="\u0e81-\u0eae\u0edc\u0edd\u0ec0-\u0ec4",
        unending="\u0ec0-\u0ec4",
        no_start="\u0eb0\u0eb2\u0eb3\u0ebd\u0ec6",
        no_end="\u0ec0-\u0ec4",
    ),
    "Khmr": Script(
        letters="\u1780-\u17d3\u17d7\u17dc\u17dd",
        marks="\u17b4-\u17d3\u17dd",
        begin="\u1780-\u17b3",
        unending="\u17d2",
        no_start="\u17d7",
        no_end="\u17d2",
    ),
    "Mymr": Script(
        letters="\u1000-\u103f\u1050-\u108f\u109a-\u109f\ua9e0-\ua9ef\ua9fa-\ua9fe\uaa60-\uaa7f",
        marks="\u102b-\u103e\u1056-\u1059\u105e-\u1060\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f"
        "\u109a-\u109d\ua9e5\uaa7b-\uaa7d",
        begin="\u1000-\u102a",
        unending="",
        no_start="\ua9e6\uaa70",
        no_end="\u1039",
        killers="\u1039\u103a",
        dots="\u1037",
    ),
}
"""By ISO 15924 tag. The order numbers the scripts, from 1."""


@dataclass(frozen=True)
class Lexicon:
    """A script made ready for looking up words.

    Attributes:
        table: uint32: the automaton that accepts its words, see `pack` in `scripts/build_assets/dictionaries.py`.
        steps: The same memory, for one look at a time.
        traits: What the character behind each byte can do; 256 values.
        least: See `Script`.
    """

    table: npt.NDArray[np.uint32]
    steps: memoryview
    traits: bytes
    least: int


@cache
def lexicon(tag: str) -> Lexicon:
    """The lexicon of a script, loaded once.

    Raises:
        KeyError: If there is none for it.
    """
    script = SCRIPTS[tag]
    packed = (files("glyph_rag") / "assets" / "dictionaries" / f"{tag}.xz").read_bytes()
    table = np.frombuffer(lzma.decompress(packed), "<u4").astype(np.uint32)
    table.flags.writeable = False
    return Lexicon(table, table.data, _traits(script), script.least)


@cache
def letter_bytes() -> bytes:
    """The byte that stands for each code point below `TOP`: no two letters of a script share one."""
    table = bytearray([OUTSIDE]) * TOP
    for script in SCRIPTS.values():
        for code in _members(script.letters):
            # Thai to Burmese are told apart by their low bytes; the extensions of Burmese get bytes that it leaves.
            table[code] = code & 0xFF if code < 0xA9E0 else (code - 0xA940 if code < 0xAA00 else code - 0xA9A0)
    return bytes(table)


@cache
def letter_scripts() -> npt.NDArray[np.uint8]:
    """The number of the script of each code point below or equal to `TOP`, 0 for all but letters."""
    table = np.zeros(TOP + 1, np.uint8)
    for number, script in enumerate(SCRIPTS.values(), 1):
        table[_members(script.letters)] = number
    return table


_BLOCKS = (*range(0x0E00, 0x0F00), *range(0x1000, 0x10A0), *range(0x1780, 0x1800), *range(0xA9E0, TOP))


def _members(inside: str) -> list[int]:
    """The code points of a regular expression set."""
    return [code for code in _BLOCKS if inside and re.match(f"[{inside}]", chr(code))]


def _traits(script: Script) -> bytes:
    traits = bytearray(256)
    stands_for = letter_bytes()
    for trait, inside in (
        (END, script.letters),
        (MARK | NO_START, script.marks),
        (BEGIN, script.begin),
        (NO_START, script.no_start),
        (NO_END, script.no_end),
        (SUFFIX, script.suffixes),
        (KILLER, script.killers),
        (DOT, script.dots),
    ):
        for code in _members(inside):
            traits[stands_for[code]] |= trait
    for code in _members(script.unending):
        traits[stands_for[code]] &= ~END
    traits[OUTSIDE] = 0
    return bytes(traits)

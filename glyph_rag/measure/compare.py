"""What stands on a line by its source, and how far that is from what was read there."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from glyph_rag.typeset.compose.layout import Line
from glyph_rag.typeset.compose.setting import FLOW_MARK
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.scripts import script_of

OTHER = "OTHER"
"""Stands for the script of a line without letters."""

_BLANKS = re.compile(r"\s+")
# Han, kana, Hangul is not among them: Korean puts blanks between words. 3000-303F and FF00-FFEF are punctuation.
_UNSPACED = "\u2e80-\u312f\u31a0-\ua4cf\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_IDLE_BLANKS = re.compile(f"(?<=[{_UNSPACED}]) | (?=[{_UNSPACED}])")


class Difference(NamedTuple):
    """How far a reading is from the source.

    Attributes:
        characters: Length of the source.
        errors: Characters to insert, delete or replace (Levenshtein) to get from one to the other.
        folded_errors: As many where the full-width and the half-width form of a character count as the same.
    """

    characters: int
    errors: int
    folded_errors: int


def source_of(page: Page, line: Line) -> str:
    """The characters of the source that stand on a line of a page, with the mark that is drawn for a newline."""
    parts = []
    at = line.start
    for run in line.runs:
        parts.append(page.text[at - page.start : run.start - page.start])
        drawn = page.text[run.start - page.start : run.end - page.start]
        parts.append(drawn.replace("\n", FLOW_MARK))
        at = run.end
    return normalise("".join(parts))


def normalise(text: str) -> str:
    """The text in NFC, with each stretch of white space as one blank, and without what does not show.

    Blanks beside Han and kana do not count: some authors put them around Latin letters and others do not. Nor do
    characters of category Cf, as the soft hyphen, the zero width joiners and the marks of direction: they have no ink.
    """
    inked = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return _IDLE_BLANKS.sub("", _BLANKS.sub(" ", unicodedata.normalize("NFC", inked)).strip())


def compare(source: str, reading: str) -> Difference:
    """Compares what was read with a source that is normalised."""
    reading = normalise(reading)
    errors = Levenshtein.distance(source, reading)
    folded = Levenshtein.distance(_fold_width(source), _fold_width(reading)) if errors else 0
    return Difference(len(source), errors, folded)


def main_script(text: str) -> str:
    """The script that most letters of a text are in, as in `typeset.scripts`, or `OTHER` if it has no letters."""
    counts = Counter(script for script in map(script_of, text) if script)
    # Of two with equal counts the one that comes first in the alphabet, so that the result is one.
    return min(counts, key=lambda script: (-counts[script], script), default=OTHER)


def _fold_width(text: str) -> str:
    """Full-width and half-width forms as the ordinary ones (UAX #11: the <wide> and <narrow> decompositions)."""
    return "".join(
        unicodedata.normalize("NFKC", character)
        if unicodedata.decomposition(character).startswith(("<wide>", "<narrow>"))
        else character
        for character in text
    )

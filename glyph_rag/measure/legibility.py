"""The audit: pages are drawn, read back line by line, and compared with their source.

The boxes of the lines are known, so nothing is measured but whether the characters can be told apart. What reads is a
small recogniser and not the vision-language model that the pages are for: its errors rank ways of setting type and
find pages that are broken; they do not foretell the errors of another reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from glyph_rag.measure.compare import Difference, compare, main_script, source_of
from glyph_rag.read.ocr.recognise import SCRIPTS, LineRecogniser
from glyph_rag.typeset.compose.layout import Box, Line
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.scripts import scripts_of

WORST = 10
"""How many of the worst lines an audit names unless told otherwise."""


class ReadLine(NamedTuple):
    """A line and what was read of it.

    Attributes:
        page_id: The page it stands on.
        box: Where, in pixels.
        source: What stands there, as `measure.compare.source_of` says it.
        reading: What was read.
    """

    page_id: str
    box: Box
    source: str
    reading: str


@dataclass(frozen=True)
class Count:
    """How many lines were read, and what was wrong with them.

    Attributes:
        lines: How many lines.
        characters: How many characters their source has.
        errors: How many characters are too many, too few or another than in the source.
        folded_errors: The same where full-width and half-width forms of a character count as one.
    """

    lines: int = 0
    characters: int = 0
    errors: int = 0
    folded_errors: int = 0

    @classmethod
    def of(cls, differences: Iterable[Difference]) -> Count:
        """The sums over some lines."""
        table = np.array([(1, *difference) for difference in differences], np.int64).reshape(-1, 4)
        return Count(*table.sum(axis=0).tolist())

    @property
    def cer(self) -> float:
        """Character error rate: errors for each character of the source. Above 1 where more was read than is there."""
        return self.errors / max(self.characters, 1)

    @property
    def folded_cer(self) -> float:
        """The same where full-width and half-width forms of a character count as one."""
        return self.folded_errors / max(self.characters, 1)


@dataclass(frozen=True)
class Legibility:
    """What an audit found.

    Attributes:
        pages: How many pages were drawn.
        total: The counts over all lines that were read.
        unread: How many lines were left out because the recogniser does not know their script.
        by_script: The counts by the script that most letters of a line are in, as in `measure.compare.main_script`.
        worst: The lines with the most errors, the worst first; of equal ones the earlier first.
    """

    pages: int
    total: Count
    unread: int
    by_script: Mapping[str, Count] = field(repr=False)
    worst: tuple[ReadLine, ...] = field(repr=False)

    @property
    def lines(self) -> int:
        """How many lines were read."""
        return self.total.lines

    @property
    def characters(self) -> int:
        """How many characters the source of those lines has."""
        return self.total.characters

    @property
    def errors(self) -> int:
        """How many characters were misread."""
        return self.total.errors

    @property
    def cer(self) -> float:
        """Character error rate: errors for each character of the source."""
        return self.total.cer


def audit_pages(
    pages: Iterable[Page],
    recogniser: LineRecogniser,
    *,
    scripts: frozenset[str] = SCRIPTS,
    worst: int = WORST,
) -> Legibility:
    """Draws pages, reads them and compares what was read with the source.

    Args:
        pages: The pages; pixels are held of one at a time.
        recogniser: Reads the lines.
        scripts: The scripts it knows, as in `typeset.scripts`. A line with other letters (5 % of its letters or more)
            is not read but counted in `Legibility.unread`.
        worst: How many of the worst lines to name.

    Raises:
        ReaderError: If the recogniser cannot read at all.
    """
    differences: list[Difference] = []
    of_script: dict[str, list[Difference]] = {}
    misread: list[tuple[int, ReadLine]] = []
    drawn = unread = 0
    for page in pages:
        drawn += 1
        for source, line, reading in _read(page, recogniser, scripts):
            if reading is None:
                unread += 1
                continue
            difference = compare(source, reading)
            differences.append(difference)
            of_script.setdefault(main_script(source), []).append(difference)
            if difference.errors:
                misread.append((difference.errors, ReadLine(page.id, line.box, source, reading)))
    # The sort is stable, so of equal lines the earlier stays first.
    misread.sort(key=lambda entry: -entry[0])
    return Legibility(
        pages=drawn,
        total=Count.of(differences),
        unread=unread,
        by_script=MappingProxyType({script: Count.of(of_script[script]) for script in sorted(of_script)}),
        worst=tuple(line for _, line in misread[:worst]),
    )


def _read(page: Page, recogniser: LineRecogniser, scripts: frozenset[str]) -> list[tuple[str, Line, str | None]]:
    """Source of each line of a page, the line, and what was read: None in scripts that the recogniser does not know."""
    lines = [(source_of(page, line), line) for line in page.layout.lines]
    known = [scripts_of(source) <= scripts for source, _ in lines]
    # Pages are kept in columns of pixels; lines are rows.
    levels = np.ascontiguousarray(page.levels())
    boxes = [line.box for (_, line), read in zip(lines, known, strict=True) if read]
    readings = iter(recogniser.read(levels, boxes))
    return [(source, line, next(readings) if read else None) for (source, line), read in zip(lines, known, strict=True)]

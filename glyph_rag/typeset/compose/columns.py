"""Tables keep their columns: cells of neighbouring rows start at the same place, if the rows fit on a line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]


class Row(NamedTuple):
    """A row of a table, as offsets into the text.

    Attributes:
        start: Its first character that is no white space.
        cells: Where the cells start that have to stand below those of the row above.
        end: One past its last character.
    """

    start: int
    cells: tuple[int, ...]
    end: int


_GAP = re.compile(r"(?<=\S)(?: {2,}| *\t[ \t]*)(?=\S)")


def find_tables(text: str, paragraphs: Sequence[tuple[int, int, int]]) -> list[list[Row]]:
    """Finds rows of tables: lines between bars, lines with tabs, and lines with cells that start at the same column.

    Args:
        text: All of the text.
        paragraphs: Text, start and end of each paragraph.

    Returns:
        Tables, of at least two rows each.
    """
    if "|" not in text and "\t" not in text and "  " not in text:
        return []
    rows = ((number, *_row(text, start, end)) for number, start, end in paragraphs)
    groups = (list(group) for _, group in itertools.groupby(rows, key=lambda row: row[:2]))
    return [[row for _, _, row in group] for group in groups if group[0][1] and len(group) > 1]


def _row(text: str, start: int, end: int) -> tuple[tuple[int | str, ...], Row]:
    """A line as a row, and what has to be the same in all rows of its table: nothing if it is none."""
    line = text[start:end]
    first = start + len(line) - len(line.lstrip())
    if text.startswith("|", first) and text.find("|", first + 1, end) > 0:
        bars = tuple(at for at in range(first, end) if text[at] == "|" and text[at - 1] != "\\")
        return ("bars",), Row(first, bars, end)
    gaps = list(_GAP.finditer(text, first, end)) if "\t" in line or "  " in line else []
    if not gaps:
        return (), Row(first, (), end)
    cells = tuple(gap.end() for gap in gaps)
    if all("\t" in gap.group() for gap in gaps):
        return ("tabs", len(gaps)), Row(first, cells, end)
    return ("spaces", *(cell - start for cell in cells)), Row(first, cells, end)


def aligned(tables: Sequence[Sequence[Row]], begin: Integers, after: Integers, width: Integers, room: int) -> Integers:
    """White space behind words such that the cells of tables stand below one another.

    Args:
        tables: From `find_tables`.
        begin: int64 (w,): where each word starts in the text; one word starts with each cell.
        after: int64 (w,): white space behind each word, in pixels.
        width: int64 (w,): its width.
        room: Pixels of a line; wider tables stay as they are.

    Returns:
        int64 (w,): `after`, with more of it in front of cells.
    """
    advance = width + after
    position: list[int] = (np.cumsum(advance) - advance).tolist()
    end: list[int] = (np.cumsum(advance) - after).tolist()
    wider = after.copy()
    for table in tables:
        cells = np.array([cell for row in table for cell in row.cells])
        if not np.isin(cells, begin).all():
            continue  # A cell that starts with a mark belongs to the white space in front of it.
        rows = [np.searchsorted(begin, (row.start, *row.cells, row.end)).tolist() for row in table]
        for word, extra in _shifts(rows, position, end, room):
            wider[word] += extra
    return wider


def _shifts(
    rows: Sequence[Sequence[int]], position: Sequence[int], end: Sequence[int], room: int
) -> list[tuple[int, int]]:
    """Which words of a table need how much more space behind them; none if a row would become too long.

    Args:
        rows: For each row its first word, the first word of each further cell, and one past its last word.
        position: Where each word stands if all stood on one line, in pixels.
        end: Where it ends.
        room: Pixels of a line.
    """
    shift = [0] * len(rows)
    shifts: list[tuple[int, int]] = []
    for cells in itertools.zip_longest(*(row[1:-1] for row in rows)):
        places = {
            row: position[word] - position[rows[row][0]] + shift[row]
            for row, word in enumerate(cells)
            if word is not None
        }
        furthest = max(places.values())
        for row, x in places.items():
            if furthest > x and cells[row] > rows[row][0]:
                shifts.append((cells[row] - 1, furthest - x))
                shift[row] += furthest - x
    longest = max(end[row[-1] - 1] - position[row[0]] + shift[number] for number, row in enumerate(rows))
    return shifts if longest <= room else []

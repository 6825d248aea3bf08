"""The property tables of UAX #14, #29 and #24, from the Unicode character database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from glyph_rag.typeset.unicode import graphemes, linebreak_rules, scripts
from glyph_rag.typeset.unicode.tables import CODE_POINTS, pack

from .sources import (
    ASSETS,
    UCD_BRACKETS,
    UCD_CORE_PROPERTIES,
    UCD_EAST_ASIAN_WIDTH,
    UCD_EMOJI,
    UCD_GENERAL_CATEGORY,
    UCD_GRAPHEME_BREAK,
    UCD_LINE_BREAK,
    UCD_SCRIPT_ALIASES,
    UCD_SCRIPTS,
    AssetError,
    Source,
    locate,
    write_output,
)

# What the data files say in @missing comments, which the JSON form has lost.
IDEOGRAPHIC = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x2FFFE), (0x30000, 0x3FFFE))
PICTOGRAPHIC = ((0x1F000, 0x1F800), (0x1F900, 0x1FB00), (0x1FC00, 0x1FFFE))
CURRENCY = (0x20A0, 0x20D0)

Values = npt.NDArray[np.str_]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Database:
    """The files of the character database that the tables are made from."""

    folders: Sequence[Path]
    cache: Path

    def rows(self, source: Source) -> list[dict[str, str | list[str]]]:
        """The rows of one file."""
        content = json.loads(locate(source, self.folders, self.cache).read_text("utf-8"))
        rows: list[dict[str, str | list[str]]] = content[Path(source.member).stem]
        return rows

    def ranges(self, source: Source, value: str) -> Iterator[tuple[slice, str]]:
        """Code points and what the field ``value`` says of them, in the order of the file."""
        for row in self.rows(source):
            if value in row:
                bounds = row["range"]
                yield slice(int(bounds[0], 16), int(bounds[-1], 16) + 1), str(row[value])

    def values(self, source: Source, value: str, default: str) -> Values:
        """One value for each code point, shape (0x110000,)."""
        table = np.full(CODE_POINTS, default, dtype="U24")
        for span, found in self.ranges(source, value):
            table[span] = found
        return table

    def flags(self, source: Source, name: str) -> Flags:
        """Which code points have a binary property, shape (0x110000,)."""
        table = np.zeros(CODE_POINTS, dtype=np.bool_)
        for span, found in self.ranges(source, "property"):
            if found == name:
                table[span] = True
        return table


def build(folders: Sequence[Path], cache: Path, assets: Path = ASSETS) -> None:
    """Write ``unicode/linebreak.bin``, ``grapheme.bin``, ``script.bin`` and ``brackets.bin``.

    Raises:
        AssetError: The sources are not the pinned ones, or hold a value or a combination that the code has no
            class for.
    """
    data = Database(folders, cache)
    pictographic = data.flags(UCD_EMOJI, "Extended_Pictographic")
    tables = {
        "linebreak": line_break(data, pictographic),
        "grapheme": grapheme_break(data, pictographic),
        "script": script(data),
        "brackets": brackets(data),
    }
    for name, table in tables.items():
        write_output(f"unicode/{name}.bin", pack(table), assets)


def line_break(data: Database, pictographic: Flags) -> npt.NDArray[np.uint8]:
    """Class, complex-context bit and width bit of each code point; see `linebreak_rules`."""
    lb = _line_break_property(data)
    category = data.values(UCD_GENERAL_CATEGORY, "category", "Cn")
    width = data.values(UCD_EAST_ASIAN_WIDTH, "width", "N")
    for start, stop in IDEOGRAPHIC:
        width[start:stop] = np.where(category[start:stop] == "Cn", "W", width[start:stop])
    wide = np.isin(width, ["F", "W", "H"])
    complex_context = lb == "SA"
    # LB1.
    lb[complex_context] = np.where(np.isin(category[complex_context], ["Mn", "Mc"]), "CM", "AL")
    lb[np.isin(lb, ["AI", "SG", "XX"])] = "AL"
    lb[lb == "CJ"] = "NS"
    unassigned = pictographic & (category == "Cn")
    if not np.isin(lb[unassigned], ["ID", "AL"]).all():
        raise AssetError("an unassigned pictograph is of neither class ID nor AL")
    lb[unassigned] = np.where(lb[unassigned] == "ID", "EP", "EL")
    lb[(lb == "OP") & wide] = "OW"
    lb[(lb == "CP") & wide] = "CW"
    lb[(lb == "QU") & (category == "Pi")] = "QI"
    lb[(lb == "QU") & (category == "Pf")] = "QF"
    lb[0x2010] = "HH"
    lb[0x25CC] = "DC"
    table = _numbered(lb, linebreak_rules.CLASSES)
    table |= np.where(complex_context, linebreak_rules.COMPLEX_BIT, 0).astype(np.uint8)
    return table | np.where(wide, linebreak_rules.WIDE_BIT, 0).astype(np.uint8)


def _line_break_property(data: Database) -> Values:
    table = np.full(CODE_POINTS, "XX", dtype="U3")
    for start, stop in (*IDEOGRAPHIC, *PICTOGRAPHIC):
        table[start:stop] = "ID"
    table[slice(*CURRENCY)] = "PR"
    for span, found in data.ranges(UCD_LINE_BREAK, "lineBreakProperty"):
        table[span] = found
    return table


def grapheme_break(data: Database, pictographic: Flags) -> npt.NDArray[np.uint8]:
    """Class of each code point; see `graphemes.CLASSES`."""
    cluster = data.values(UCD_GRAPHEME_BREAK, "property", "Other")
    cluster[cluster == "Regional_Indicator"] = "RI"
    conjunct = np.full(CODE_POINTS, "None", dtype="U24")
    for span, found in data.ranges(UCD_CORE_PROPERTIES, "syllabicCategory"):
        conjunct[span] = found
    combinations = (
        ("Other", "Consonant", "Consonant"),
        ("Extend", "Extend", "Extend"),
        ("Extend", "Linker", "Linker"),
        ("Extend", "None", "Joiner"),
        ("ZWJ", "Extend", "ZWJ"),
    )
    merged = cluster.copy()
    settled = conjunct == "None"
    for of_cluster, of_conjunct, name in combinations:
        found_both = (cluster == of_cluster) & (conjunct == of_conjunct)
        merged[found_both] = name
        settled |= found_both
    if not settled.all() or (merged[pictographic] != "Other").any():
        raise AssetError("a combination of cluster properties has no class")
    merged[pictographic] = "Pictographic"
    return _numbered(merged, graphemes.CLASSES)


def script(data: Database) -> npt.NDArray[np.uint8]:
    """Script of each code point, an index into `scripts.NAMES`."""
    tags = {row["longName"]: row["shortName"] for row in data.rows(UCD_SCRIPT_ALIASES) if row["property"] == "sc"}
    long_names = [next(str(name) for name, tag in tags.items() if tag == wanted) for wanted in scripts.NAMES]
    return _numbered(data.values(UCD_SCRIPTS, "script", "Unknown"), long_names)


def brackets(data: Database) -> npt.NDArray[np.uint8]:
    """Twice the number of a bracket's pair, from 1, plus 1 for the closing side; 0 for anything else."""
    table = np.zeros(CODE_POINTS, dtype=np.uint8)
    opening = [row for row in data.rows(UCD_BRACKETS) if row["type"] == "o"]
    for number, row in enumerate(opening, start=1):
        table[int(str(row["codepoint"]), 16)] = 2 * number
        table[int(str(row["bracket"]), 16)] = 2 * number + 1
    return table


def _numbered(values: Values, names: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Names to their indices."""
    found, inverse = np.unique(values, return_inverse=True)
    unknown = sorted(set(found.tolist()) - set(names))
    if unknown:
        raise AssetError(f"no class for {', '.join(unknown)}")
    numbers = np.array([names.index(name) for name in found.tolist()], dtype=np.uint8)
    return numbers[inverse]

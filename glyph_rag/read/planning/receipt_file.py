"""Receipts as JSON files: written whole, and believed only where every value is what it has to be."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

from glyph_rag.errors import InputError, LimitError
from glyph_rag.read.planning.receipt import KINDS, MeasuredDensity, Receipt, Tally

JSONValue: TypeAlias = "str | int | float | bool | list[JSONValue] | dict[str, JSONValue] | None"

FORMAT: Final = "glyph-rag-receipt-1"
MOST_BYTES: Final = 1_000_000
"""Size of the largest receipt that is read."""

_MOST_ROWS = 5_000
_MOST_COUNT = 10**12
_MOST_CHARACTERS = 300
_HINT = "calibrate again with `glyph-rag calibrate`, or remove the file"
_FINGERPRINT = re.compile(r"(?:[0-9a-f]{16})?")
_COUNTS = tuple(field.name for field in fields(Tally) if field.type == "int")


def write(path: Path, receipt: Receipt) -> None:
    """Writes a receipt beside its place and then moves it there.

    Raises:
        InputError: If the file cannot be written.
    """
    text = json.dumps({"format": FORMAT, **asdict(receipt)}, indent=1, ensure_ascii=False)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}", hint="choose another file") from error


def read(path: Path) -> Receipt:
    """Reads a receipt.

    Raises:
        LimitError: If the file is larger than `MOST_BYTES`.
        InputError: If it cannot be read, is of another format, or a value is missing, unknown or out of range.
    """
    name = repr(str(path))
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read the receipt {name}: {error.strerror}", hint="name a file that exists") from error
    if len(data) > MOST_BYTES:
        raise LimitError(f"the receipt {name} has over {MOST_BYTES:,} bytes", hint=_HINT)
    try:
        return _receipt(json.loads(data))
    except InputError as error:
        raise InputError(f"{name} is no receipt: {error.message}", hint=_HINT) from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} is no receipt: it is not JSON", hint=_HINT) from error


def _receipt(value: JSONValue) -> Receipt:
    if isinstance(value, dict) and value.get("format") != FORMAT:
        raise InputError(f"its format is {_short(value.get('format'))} and not {FORMAT!r}")
    row = _row(value, "", frozenset({"format", *_names(Receipt)}))
    densities = tuple(_density(entry, f"densities[{at}]") for at, entry in enumerate(_rows(row, "densities")))
    names = [density.name for density in densities]
    if len(set(names)) < len(names):
        raise InputError("it has two densities of one name")
    receipt = Receipt(
        reader=_text(row, "reader", ""),
        model=_text(row, "model", "", empty=True),
        provider=_text(row, "provider", "", empty=True),
        version=_text(row, "version", ""),
        made=_date(row, "made"),
        seed=_count(row, "seed", "", least=-_MOST_COUNT),
        densities=densities,
        tallies=tuple(_tally(entry, f"tallies[{at}]", names) for at, entry in enumerate(_rows(row, "tallies"))),
    )
    cells = [(tally.density, tally.language, tally.script, tally.kind) for tally in receipt.tallies]
    if len(set(cells)) < len(cells):
        raise InputError("it counts one kind of question twice")
    return receipt


def _density(value: JSONValue, place: str) -> MeasuredDensity:
    row = _row(value, place, _names(MeasuredDensity))
    marks = [_text(row, name, place, empty=True) for name in ("fingerprint", "shown")]
    if not all(_FINGERPRINT.fullmatch(mark) for mark in marks) or bool(marks[0]) != bool(marks[1]):
        raise InputError(f"{place} has no fingerprint of 16 hex digits")
    return MeasuredDensity(_text(row, "name", place), *marks)


def _tally(value: JSONValue, place: str, densities: list[str]) -> Tally:
    row = _row(value, place, _names(Tally))
    density, kind = _text(row, "density", place), _text(row, "kind", place)
    if density not in densities:
        raise InputError(f"{place}.density is {_short(density)}, which is none of its densities")
    if kind not in KINDS:
        raise InputError(f"{place}.kind is {_short(kind)}")
    counts = {name: _count(row, name, place) for name in _COUNTS}
    seconds = row["seconds"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _MOST_COUNT:
        raise InputError(f"{place}.seconds is {_short(seconds)}")
    asked = counts["asked"]
    if counts["right"] + counts["abstained"] > asked or counts["verified"] + counts["silent"] > asked:
        raise InputError(f"{place} has more answers than questions")
    return Tally(
        density=density,
        language=_text(row, "language", place),
        script=_text(row, "script", place),
        kind=kind,
        seconds=float(seconds),
        **counts,
    )


def _names(of: type[Receipt] | type[MeasuredDensity] | type[Tally]) -> frozenset[str]:
    return frozenset(field.name for field in fields(of))


def _row(value: JSONValue, place: str, names: frozenset[str]) -> dict[str, JSONValue]:
    if not isinstance(value, dict):
        raise InputError(f"{place or 'the whole'} is no object")
    if value.keys() != names:
        differing = ", ".join(sorted(names.symmetric_difference(value))[:5])
        raise InputError(f"{place or 'the whole'} differs in its fields: {differing[:_MOST_CHARACTERS]}")
    return value


def _rows(row: Mapping[str, JSONValue], name: str) -> list[JSONValue]:
    value = row[name]
    if not isinstance(value, list) or len(value) > _MOST_ROWS:
        raise InputError(f"{name} is not a list of at most {_MOST_ROWS:,} entries")
    return value


def _text(row: Mapping[str, JSONValue], name: str, place: str, *, empty: bool = False) -> str:
    value = row[name]
    if not isinstance(value, str) or len(value) > _MOST_CHARACTERS or not (value or empty):
        raise InputError(f"{_at(place, name)} is {_short(value)}")
    return value


def _count(row: Mapping[str, JSONValue], name: str, place: str, *, least: int = 0) -> int:
    value = row[name]
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= _MOST_COUNT:
        raise InputError(f"{_at(place, name)} is {_short(value)}")
    return value


def _date(row: Mapping[str, JSONValue], name: str) -> str:
    value = _text(row, name, "")
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        date = None
    # Dates are compared as strings, so they have to be spelled alike.
    if date is None or date.tzinfo is None or value != date.isoformat(timespec="seconds") or date.utcoffset():
        raise InputError(f"{name} is {_short(value)}, and no time in UTC")
    return value


def _at(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


def _short(value: JSONValue) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"

"""Values of rows, held against their seal and against what they have to be.

A seal finds accidents. Whoever changes a row on purpose can make one for it too, and shall do no more than damage.
"""

from __future__ import annotations

import json
from typing import Any

from glyph_rag.errors import StoreDamagedError
from glyph_rag.store.seal import BACKUP_HINT, check_seal


def sealed(what: str, found: tuple[Any, ...] | None, kinds: str) -> tuple[Any, ...]:
    """A row without the seal at its end.

    Args:
        what: Names the row.
        found: The row; None where it is missing.
        kinds: For each value "n", a number that counts something, or "t", a text.

    Raises:
        StoreDamagedError: If it is missing, is not what was written, or has a value that glyph-rag never writes.
    """
    if found is None:
        raise missing(what)
    *values, mark = found
    check_seal(what, mark, tuple(values))
    for kind, value in zip(kinds, values, strict=True):
        if not (isinstance(value, str) if kind == "t" else isinstance(value, int) and value >= 0):
            raise nonsense(what)
    return tuple(values)


def parsed(what: str, text: str) -> Any:  # noqa: ANN401 - whatever JSON says
    """What a text says in JSON.

    Raises:
        StoreDamagedError: If it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise nonsense(what) from error


def listed(what: str, text: str, *kinds: type) -> list[tuple[Any, ...]]:
    """The entries of a JSON list, of which each is a list of values of these types, or a value where there is one type.

    Raises:
        StoreDamagedError: If it is no such list.
    """
    found = parsed(what, text)
    if not isinstance(found, list):
        raise nonsense(what)
    entries = [tuple(entry) if isinstance(entry, list) else (entry,) for entry in found]
    if any(tuple(map(type, entry)) != kinds for entry in entries):
        raise nonsense(what)
    return entries


def text_of(what: str, value: object) -> str:
    """A value that has to be a text.

    Raises:
        StoreDamagedError: If it is none.
    """
    if not isinstance(value, str):
        raise nonsense(what)
    return value


def missing(what: str) -> StoreDamagedError:
    """The error for something that other rows speak of and that is not there."""
    return StoreDamagedError(f"glyph.db: {what} is missing", hint=BACKUP_HINT)


def nonsense(what: str) -> StoreDamagedError:
    """The error for something that somebody else has written."""
    return StoreDamagedError(f"glyph.db: {what} has a value that glyph-rag never writes", hint=BACKUP_HINT)

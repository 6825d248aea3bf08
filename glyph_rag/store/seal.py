"""Seals: 16 bytes beside each row that say whether it is still what was written.

SQLite has no checksums of its own, so a bit that a disk turned over would be served as if it had been written. Each
row whose content is handed out carries the seal of its own values, its row number among them, and is held against
it whenever it is read. SHA-256 is used because most processors compute it in hardware; it is cut to 16 bytes.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

from glyph_rag.errors import StoreDamagedError

Value: TypeAlias = str | int | float | bytes | None

BACKUP_HINT: Final = "restore it from a backup; `glyph-rag doctor` lists all that is wrong"


def seal(values: tuple[Value, ...], data: bytes = b"") -> bytes:
    """The seal of a row: 16 bytes.

    Args:
        values: The row's short values, with its row number.
        data: Its long one, if it has one.
    """
    return hashlib.sha256(repr(values).encode("utf-8", "surrogatepass") + b"\0" + data).digest()[:16]


def check_seal(what: str, found: object, values: tuple[Value, ...], data: object = b"") -> None:
    """Raises `StoreDamagedError` if a row is not what was written.

    Args:
        what: Names the row for the message, such as "page 7".
        found: The seal that stands beside it.
        values: Its short values, as read.
        data: Its long one, as read; anything but bytes is damage.
    """
    if not isinstance(data, bytes) or found != seal(values, data):
        raise StoreDamagedError(f"glyph.db: {what} does not match its checksum", hint=BACKUP_HINT)

"""Cursors: where a list of hits is to be gone on with. They hold a place and two digests, and give no rights."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from glyph_rag.errors import InputError

_DIGEST: Final = 12
_SIZE: Final = 4 + 2 * _DIGEST


@dataclass(frozen=True)
class Place:
    """Which list of hits, in which state of the store; a cursor is such a place and a number of hits.

    Attributes:
        question: All that decides the list, but what is in the store.
        state: The name of the store's state.
    """

    question: str
    state: str

    def cursor(self, done: int) -> str:
        """The cursor after so many hits."""
        data = done.to_bytes(4, "big") + _digest(self.question) + _digest(self.state)
        return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")

    def after(self, cursor: str) -> int:
        """How many hits come before a cursor.

        Raises:
            InputError: If it is none, or belongs to another question or state.
        """
        if not isinstance(cursor, str):
            raise InputError(f"{cursor!r} is not a cursor", hint="take it from a hit: after=hits[-1].cursor")
        try:
            data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            data = b""
        if len(data) != _SIZE:
            raise InputError(f"{cursor[:60]!r} is not a cursor", hint="take it from a hit: after=hits[-1].cursor")
        if data[4 : 4 + _DIGEST] != _digest(self.question):
            raise InputError(
                "the cursor belongs to another question",
                hint="go on with the question, filter and settings that the hit was found with",
            )
        if data[4 + _DIGEST :] != _digest(self.state):
            raise InputError("the store has changed since the cursor was made", hint="search again from the start")
        return int.from_bytes(data[:4], "big")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_DIGEST]

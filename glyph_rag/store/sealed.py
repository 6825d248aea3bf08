"""Vectors that stay in the index file, and are held against their SHA-256 when they are first touched."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from glyph_rag.embed.embedder import FloatArray
from glyph_rag.errors import StoreDamagedError
from glyph_rag.store.load import Rows

_log = logging.getLogger(__name__)

SEALED_TOGETHER: Final = 32
"""So many vectors have one SHA-256: 48 KiB of 384 float32, 0.04 ms."""

_UNSEEN: Final = 0
_SOUND: Final = 1
_DAMAGED: Final = 2

Fetch: TypeAlias = Callable[[Rows], FloatArray]
"""The vectors with these row numbers, from where they are kept for good: float32 (n, dimension)."""


@dataclass(frozen=True, eq=False)
class Sealed:
    """Vectors in the order of the lists. Safe to use from several threads.

    What is damaged is fetched from the database, a vector at a time, so that nothing wrong is ever handed out.

    Attributes:
        name: The file's name, for messages.
        data: float32 or float16 (n, dimension), mapped.
        seals: SHA-256 of each 32 vectors: uint8 (ceil(n / 32), 32).
        rows: The row number of the vector in each slot: int64 (n,).
        fetch: Asked for what is damaged. Where None, an error is raised instead.
    """

    name: str
    data: npt.NDArray[np.generic]
    seals: npt.NDArray[np.uint8]
    rows: Rows
    fetch: Fetch | None = field(repr=False)

    @cached_property
    def _seen(self) -> npt.NDArray[np.uint8]:
        return np.full(len(self.seals), _UNSEEN, np.uint8)

    def take(self, slots: Rows) -> FloatArray:
        """The vectors in these slots, in any order: float32 (n, dimension).

        Raises:
            StoreDamagedError: If one is damaged, and cannot be fetched either.
        """
        parts = slots // SEALED_TOGETHER
        for number in np.unique(parts[self._seen[parts] == _UNSEEN]).tolist():
            self._look(number)
        found: FloatArray = self.data[slots].astype(np.float32, copy=False)
        damaged = self._seen[parts] == _DAMAGED
        if damaged.any():
            found[damaged] = self._fetched(self.rows[slots[damaged]])
        return found

    def all_sound(self) -> bool:
        """Whether all of it is what was written. Reads all of it that has not been looked at."""
        for number in np.flatnonzero(self._seen == _UNSEEN).tolist():
            self._look(number)
        return bool((self._seen == _SOUND).all())

    def _look(self, number: int) -> None:
        part = self.data[number * SEALED_TOGETHER : (number + 1) * SEALED_TOGETHER]
        if hashlib.sha256(part.tobytes()).digest() == self.seals[number].tobytes():
            self._seen[number] = _SOUND
            return
        self._seen[number] = _DAMAGED
        _log.warning("part %d of %s is damaged; what is in it is read from the database", number, self.name)

    def _fetched(self, rows: Rows) -> FloatArray:
        if self.fetch is None:
            raise StoreDamagedError(f"{self.name} is damaged", hint="delete it: it is made anew from the database")
        return self.fetch(rows)

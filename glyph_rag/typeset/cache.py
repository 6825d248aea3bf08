"""Rendered pages, kept in memory and, on request, on disk.

A page is stored under the digest of everything that decides how it looks, so an entry is never out of date, only
unused; what was not used for longest goes first. The cache may lose any entry at any time and is never the reason
that a page cannot be had: whatever goes wrong with the disk costs a rendering and a line in the log.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glyph_rag.errors import InputError
from glyph_rag.typeset.cache_disk import DiskCache

ENTRY_OVERHEAD = 256
"""Bytes that an entry in memory is counted with beside its body, for the key, the object headers and its place in the
order; 212 were measured, with keys of 64 digits on CPython 3.11."""

_KEY = re.compile(r"[0-9a-f]{32,128}")


@dataclass(frozen=True)
class CacheStats:
    """What a cache has done since it was made, and what it holds.

    Attributes:
        hits: Bodies that came from memory or from another thread that was just making them.
        disk_hits: Bodies that came from disk.
        misses: How often something had to be made.
        memory_bytes: Bytes held in memory, `ENTRY_OVERHEAD` for each entry included.
        disk_bytes: Bytes held on disk by all processes together, in whole blocks of 4096. At most this many are
            there; what others have removed may still be counted.
        evictions: Entries dropped by this cache to keep to its bounds, in memory and on disk.
        damaged: Entries on disk that were not what was written.
    """

    hits: int
    disk_hits: int
    misses: int
    memory_bytes: int
    disk_bytes: int
    evictions: int
    damaged: int


class _Flight:
    """One making of one body, on which other threads may wait."""

    def __init__(self) -> None:
        self.maker = threading.get_ident()
        self.landed = threading.Event()
        self.body: bytes | None = None


# One lock for all caches, held for microseconds and never while something is made, read or written. As it is the
# only one, fork can hold it too, and a child never starts with half a change or with a lock nobody will release.
_LOCK = threading.Lock()
_flights: dict[tuple[int, str], _Flight] = {}
_waiting: dict[int, _Flight] = {}


def _after_fork_in_child() -> None:
    """Only the thread that forked is left: the flights of the others will never land."""
    _flights.clear()
    _waiting.clear()
    _LOCK.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_after_fork_in_child)


class PageCache:
    """A bounded cache of bytes under hex digests, for many threads and, on disk, for many processes.

    Args:
        memory_bytes: Bound on what is kept in memory, `ENTRY_OVERHEAD` for each entry included.
        folder: Where to keep entries on disk, made if it does not exist; `None` for memory only. Several processes
            may share it.
        disk_bytes: Bound on the files in `folder`, counted in whole blocks of 4096 bytes; it holds for all processes
            together, at any moment and when they are killed.

    Raises:
        InputError: If a bound is negative.
    """

    def __init__(
        self, memory_bytes: int = 64 * 2**20, folder: Path | None = None, disk_bytes: int = 512 * 2**20
    ) -> None:
        if memory_bytes < 0 or disk_bytes < 0:
            raise InputError(f"cache bounds of {memory_bytes} and {disk_bytes} bytes", hint="0 keeps nothing")
        self._memory_bound = memory_bytes
        self._disk_bound = disk_bytes
        self._disk = None if folder is None else DiskCache(Path(folder).absolute(), disk_bytes)
        self._bodies: OrderedDict[str, bytes] = OrderedDict()
        self._memory_bytes = 0
        self._hits = self._disk_hits = self._misses = self._evictions = self._damaged = 0

    def __reduce__(self) -> tuple[type[PageCache], tuple[int, Path | None, int]]:
        """A copy, as in a spawned process, shares the folder and starts with empty memory."""
        return PageCache, (self._memory_bound, self._disk.folder if self._disk else None, self._disk_bound)

    def get(self, key: str, make: Callable[[], bytes]) -> bytes:
        """The body under a key, from memory, from disk, or made and then kept.

        Threads that ask for one key at once get the result of a single `make`. Where waiting for it would mean
        waiting for oneself, because `make` asks the cache in turn, the body is made a second time instead.

        Args:
            key: 32 to 128 lower-case hex digits: a digest of all that decides the body.
            make: Makes the body. It may call `get` with other keys.

        Raises:
            InputError: If the key is anything else.
            Exception: Whatever `make` raises; nothing is kept then, and the next caller makes it anew.
        """
        with _LOCK:
            body = self._remembered(key)
        if body is not None:
            return body
        if not _KEY.fullmatch(key):
            raise InputError(f"cache key {key[:140]!r}", hint="keys are digests of 32 to 128 lower-case hex digits")
        while True:
            with _LOCK:
                body = self._remembered(key)
                if body is not None:
                    return body
                flight = _flights.get((id(self), key))
                if flight is None:
                    own = _flights[id(self), key] = _Flight()
                    break
                if _waits_for_this_thread(flight):
                    own = _Flight()
                    break
                _waiting[threading.get_ident()] = flight
            body = self._wait(flight)
            if body is not None:
                return body
        return self._fly(key, make, own)

    def stats(self) -> CacheStats:
        """What the cache has done and what it holds."""
        disk_bytes = self._disk.size() if self._disk else 0
        with _LOCK:
            return CacheStats(
                hits=self._hits,
                disk_hits=self._disk_hits,
                misses=self._misses,
                memory_bytes=self._memory_bytes,
                disk_bytes=disk_bytes,
                evictions=self._evictions,
                damaged=self._damaged,
            )

    def clear(self) -> None:
        """Drops every entry in memory and on disk, also those of other processes; the counts of `stats` go on."""
        with _LOCK:
            self._bodies.clear()
            self._memory_bytes = 0
        if self._disk:
            self._disk.clear()

    def _remembered(self, key: str) -> bytes | None:
        body = self._bodies.get(key)
        if body is not None:
            self._bodies.move_to_end(key)
            self._hits += 1
        return body

    def _wait(self, flight: _Flight) -> bytes | None:
        """The body when another thread has made it, or `None` if it could not."""
        try:
            flight.landed.wait()
        finally:
            with _LOCK:
                _waiting.pop(threading.get_ident(), None)
                self._hits += flight.body is not None
        return flight.body

    def _fly(self, key: str, make: Callable[[], bytes], flight: _Flight) -> bytes:
        """Finds the body on disk or makes it, and tells those who wait before it is written."""
        body = None
        try:
            body, damaged = self._disk.read(key) if self._disk else (None, False)
            found = body is not None
            with _LOCK:
                self._disk_hits += found
                self._misses += not found
                self._damaged += damaged
            if body is None:
                body = make()
        finally:
            self._land(key, body, flight)
        if self._disk and not found:
            dropped = self._disk.write(key, body)
            with _LOCK:
                self._evictions += dropped
        return body

    def _land(self, key: str, body: bytes | None, flight: _Flight) -> None:
        with _LOCK:
            if body is not None:
                self._remember(key, body)
            # Not there if it was made a second time to avoid a deadlock, nor in a child that `make` has forked.
            if _flights.get((id(self), key)) is flight:
                del _flights[id(self), key]
                flight.body = body
                flight.landed.set()

    def _remember(self, key: str, body: bytes) -> None:
        cost = len(body) + ENTRY_OVERHEAD
        if cost > self._memory_bound or key in self._bodies:
            return
        self._bodies[key] = body
        self._memory_bytes += cost
        while self._memory_bytes > self._memory_bound:
            _, oldest = self._bodies.popitem(last=False)
            self._memory_bytes -= len(oldest) + ENTRY_OVERHEAD
            self._evictions += 1


def _waits_for_this_thread(flight: _Flight) -> bool:
    """Whether the maker of a flight is this thread, or waits for it, directly or through others."""
    while flight.maker != threading.get_ident():
        awaited = _waiting.get(flight.maker)
        if awaited is None or awaited.landed.is_set():
            return False
        flight = awaited
    return True

"""The page cache keeps to its bounds, never gives back wrong bytes and never fails because of its disk."""

from __future__ import annotations

import copy
import errno
import hashlib
import logging
import os
import shutil
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from glyph_rag.errors import InputError
from glyph_rag.typeset import cache, cache_disk
from glyph_rag.typeset.cache import ENTRY_OVERHEAD, PageCache

BLOCK = 4096
HEADER = 52
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals and fork")


def key_of(n: int) -> str:
    return hashlib.sha256(str(n).encode()).hexdigest()


def body_of(n: int) -> bytes:
    return hashlib.shake_128(str(n).encode()).digest(n * 977 % 30_000)


def never() -> bytes:
    raise AssertionError("made again")


def path_of(folder: Path, n: int) -> Path:
    return folder / key_of(n)[:2] / f"{key_of(n)}.page"


def blocks_of(folder: Path) -> int:
    """Bytes of the files in the subfolders, whoever put them there, in whole blocks."""
    total = 0
    for path in folder.glob("*/*"):
        try:
            total += -(-path.stat().st_size // BLOCK) * BLOCK
        except FileNotFoundError:
            continue
    return total


def in_threads(*jobs: Callable[[], object]) -> None:
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads), "deadlock"


def wait_until_waiting(threads: int) -> None:
    for _ in range(10_000):
        if len(cache._waiting) == threads:
            return
        time.sleep(0.001)
    raise AssertionError("nobody waits")


class Memory(RuleBasedStateMachine):
    """Against a dictionary in order of use."""

    bound = 3000

    def __init__(self) -> None:
        super().__init__()
        self.cache = PageCache(self.bound)
        self.model: OrderedDict[int, int] = OrderedDict()
        self.hits = self.misses = self.evictions = 0

    @rule(n=st.integers(0, 12), size=st.integers(0, 1200) | st.sampled_from([2744, 2745, 5000]))
    def get(self, n: int, size: int) -> None:
        size = self.model.get(n, size)
        made: list[int] = []
        body = self.cache.get(key_of(n), lambda: made.append(n) or bytes([n]) * size)
        assert body == bytes([n]) * size
        assert bool(made) == (n not in self.model)
        self.hits, self.misses = self.hits + (not made), self.misses + bool(made)
        if n in self.model:
            self.model.move_to_end(n)
        elif size + ENTRY_OVERHEAD <= self.bound:
            self.model[n] = size
        while self.used() > self.bound:
            self.model.popitem(last=False)
            self.evictions += 1

    @rule(n=st.integers(0, 12))
    def fail(self, n: int) -> None:
        if n not in self.model:
            with pytest.raises(AssertionError, match="made again"):
                self.cache.get(key_of(n), never)
            self.misses += 1

    @rule()
    def clear(self) -> None:
        self.cache.clear()
        self.model.clear()

    def used(self) -> int:
        return sum(size + ENTRY_OVERHEAD for size in self.model.values())

    @invariant()
    def counts(self) -> None:
        stats = self.cache.stats()
        assert (stats.hits, stats.misses, stats.evictions) == (self.hits, self.misses, self.evictions)
        assert stats.memory_bytes == self.used() <= self.bound


Memory.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestMemory = Memory.TestCase


@pytest.mark.parametrize(
    "key", ["", "ab" * 15, "a" * 129, "../" * 12, "AB" * 20, "ab" * 20 + "\n", "ab" * 20 + "/", "٣" * 40]
)
def test_a_key_is_a_digest_and_nothing_else(key: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="hex digits"):
        PageCache(folder=tmp_path / "cache").get(key, never)
    assert [path.name for path in tmp_path.rglob("*")] == ["cache"]


def test_bounds_are_not_negative() -> None:
    for bounds in ((-1, 0), (0, -1)):
        with pytest.raises(InputError):
            PageCache(bounds[0], None, bounds[1])


@pytest.mark.parametrize("memory_bytes", [0, 10**6])
def test_threads_make_a_body_once(memory_bytes: int) -> None:
    page_cache, entered, bodies = PageCache(memory_bytes), threading.Event(), []

    def make() -> bytes:
        entered.set()
        wait_until_waiting(8)
        return b"page"

    def follow() -> None:
        entered.wait(10)
        bodies.append(page_cache.get(key_of(1), never))

    in_threads(lambda: bodies.append(page_cache.get(key_of(1), make)), *[follow] * 8)
    assert bodies == [b"page"] * 9
    assert (page_cache.stats().hits, page_cache.stats().misses) == (8, 1)


def test_an_error_reaches_the_one_who_made_and_the_next_tries_again() -> None:
    page_cache, entered, outcomes = PageCache(), threading.Event(), []

    def fail() -> bytes:
        entered.set()
        wait_until_waiting(4)
        raise OSError("no font")

    def first() -> None:
        with pytest.raises(OSError, match="no font"):
            page_cache.get(key_of(1), fail)
        outcomes.append(b"error")

    def follow() -> None:
        entered.wait(10)
        outcomes.append(page_cache.get(key_of(1), lambda: b"page"))

    in_threads(first, *[follow] * 4)
    assert sorted(outcomes) == [b"error", *[b"page"] * 4]
    assert (page_cache.stats().hits, page_cache.stats().misses) == (3, 2)


def test_making_may_ask_for_other_keys_in_a_ring() -> None:
    caches, barrier, bodies = [PageCache(), PageCache(), PageCache()], threading.Barrier(3), {}

    def ask(n: int) -> None:
        def outer() -> bytes:
            barrier.wait(10)
            return b"outer" + caches[(n + 1) % 3].get(key_of((n + 1) % 3), lambda: b"inner")

        bodies[n] = caches[n].get(key_of(n), outer)

    in_threads(*[lambda n=n: ask(n) for n in range(3)])
    assert all(body.startswith(b"outer") for body in bodies.values())
    same = caches[0].get(key_of(7), lambda: b"a" + caches[0].get(key_of(7), lambda: b"b"))
    assert same == b"ab"
    assert sum(c.stats().memory_bytes for c in caches) == sum(
        len(b) + ENTRY_OVERHEAD for c in caches for b in c._bodies.values()
    )


def test_who_only_has_to_wake_up_does_not_wait() -> None:
    landed, other = cache._Flight(), cache._Flight()
    other.maker = -1
    cache._waiting[-1] = landed
    try:
        assert cache._waits_for_this_thread(other)
        landed.landed.set()
        assert not cache._waits_for_this_thread(other)
    finally:
        del cache._waiting[-1]


def test_disk_outlives_the_cache_and_a_copy_shares_it(tmp_path: Path) -> None:
    first = PageCache(folder=tmp_path / "a" / "cache")
    for n in range(30):
        assert first.get(key_of(n), lambda n=n: body_of(n)) == body_of(n)
    assert path_of(tmp_path / "a" / "cache", 3).is_file()
    for other in (PageCache(folder=tmp_path / "a" / "cache"), copy.copy(first)):
        assert [other.get(key_of(n), never) for n in range(30)] == [body_of(n) for n in range(30)]
        assert other.stats().disk_hits == 30
        assert other.stats().disk_bytes == first.stats().disk_bytes == blocks_of(tmp_path / "a" / "cache")
    first.clear()
    assert (first.stats().disk_bytes, first.stats().memory_bytes, blocks_of(tmp_path / "a" / "cache")) == (0, 0, 0)


def test_every_damage_is_found_removed_and_repaired(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    PageCache(0, tmp_path).get(key_of(3), lambda: body_of(3))
    path, cache = path_of(tmp_path, 3), PageCache(0, tmp_path)
    whole = path.read_bytes()
    damaged = [whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :] for at in range(HEADER + 8) for bit in (1, 128)]
    damaged += [whole[:-1] + bytes([whole[-1] ^ 1]), whole + b"x", b"", whole[HEADER:], b"\0" * len(whole)]
    damaged += [whole[:length] for length in (1, 7, 8, 12, 20, HEADER - 1, HEADER, HEADER + 1, len(whole) - 1)]
    for count, data in enumerate(damaged, 1):
        path.write_bytes(data)
        assert cache.get(key_of(3), lambda: body_of(3)) == body_of(3)
        assert path.read_bytes() == whole
        assert cache.stats().damaged == len(caplog.records) == count
    assert cache.get(key_of(3), never) == body_of(3)


def test_an_entry_of_another_key_is_foreign(tmp_path: Path) -> None:
    cache = PageCache(0, tmp_path)
    for n in (1, 2):
        cache.get(key_of(n), lambda n=n: body_of(n))
    shutil.copy(path_of(tmp_path, 1), path_of(tmp_path, 2))
    assert cache.get(key_of(2), lambda: body_of(2)) == body_of(2)
    path_of(tmp_path, 1).unlink()
    path_of(tmp_path, 1).mkdir()
    assert cache.get(key_of(1), lambda: body_of(1)) == body_of(1)


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = PageCache(0, tmp_path, 10 * BLOCK)
    for n in range(10):
        cache.get(key_of(n), lambda: b"x")
        os.utime(path_of(tmp_path, n), (1000 + n, 1000 + n))
    cache.get(key_of(0), never)
    cache.get(key_of(10), lambda: b"x")
    assert [n for n in range(11) if not path_of(tmp_path, n).exists()] == [1]
    assert (cache.stats().evictions, cache.stats().disk_bytes) == (1, 10 * BLOCK)
    cache.get(key_of(11), lambda: b"x" * 11 * BLOCK)
    assert not path_of(tmp_path, 11).exists()
    cache.get(key_of(12), lambda: b"x" * (10 * BLOCK - HEADER))
    assert path_of(tmp_path, 12).exists()
    assert blocks_of(tmp_path) == 10 * BLOCK


def test_writes_look_at_a_constant_number_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    files = cache_disk._files

    def counted(folder: Path) -> list[os.DirEntry[str]]:
        nonlocal looked
        found = list(files(folder))
        looked += len(found)
        return found

    monkeypatch.setattr(cache_disk, "_files", counted)
    for size in (50, 300):
        cache, looked = PageCache(0, tmp_path / str(size), size * BLOCK), 0
        for n in range(2 * size):
            cache.get(key_of(n), lambda: b"x")
        assert looked <= 10.5 * size


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    others = [tmp_path / "ab" / ("ab" + "c" * 36), tmp_path / "ab" / "notes.tmp", tmp_path / "notes" / "a.page"]
    others.append(tmp_path / (key_of(1) + ".page"))
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    cache = PageCache(0, tmp_path, 5 * BLOCK)
    for n in range(20):
        cache.get(key_of(n), lambda: b"x")
    cache.clear()
    assert all(path.read_text() == "mine" for path in others)
    assert not list(tmp_path.rglob("[0-9a-f][0-9a-f]/*.page"))


def test_the_ledger_is_not_believed_blindly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_disk, "_SCAN_AFTER", 7)
    fill = PageCache(0, tmp_path, 40 * BLOCK)
    for n in range(20):
        fill.get(key_of(n), lambda: b"x")
    ledger = tmp_path / "ledger"
    whole = ledger.read_bytes()
    for n, record in enumerate((b"", b"nonsense" * 40, whole[:-1], whole[:9] + b"\0" + whole[10:]), 100):
        leftover = path_of(tmp_path, 0).parent / "0123456789abcdef.tmp"
        leftover.write_bytes(b"of a killed process")
        ledger.write_bytes(record)
        fill.get(key_of(n), lambda: b"x")
        assert not leftover.exists()
        assert fill.stats().disk_bytes == blocks_of(tmp_path) == (n - 79) * BLOCK
    for n in range(1000, 1100):
        path_of(tmp_path, n).parent.mkdir(exist_ok=True)
        path_of(tmp_path, n).write_bytes(b"copied from elsewhere")
    for n in range(200, 225):
        fill.get(key_of(n), lambda: b"x")
    assert blocks_of(tmp_path) <= 40 * BLOCK
    ledger.unlink()
    assert fill.stats().disk_bytes == 0


def test_no_space_is_one_warning_and_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_space(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    cache = PageCache(0, tmp_path)
    cache.get(key_of(0), lambda: b"x")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", no_space)
        for n in range(1, 9):
            assert cache.get(key_of(n), lambda: b"x") == b"x"
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1000, 951, 49))
        assert cache.get(key_of(1), lambda: b"x") == b"x"
    assert cache.stats().disk_bytes == blocks_of(tmp_path) == BLOCK
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "No space left" in caplog.text
    cache.get(key_of(1), lambda: b"x")
    assert cache.get(key_of(1), never) == b"x"


@pytest.mark.parametrize(
    "obstacle", ["folder is a file", "no writing", "folder vanishes", "subfolder is a file", "parent"]
)
def test_a_folder_that_cannot_be_used_is_one_warning(
    obstacle: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "cache"
    if obstacle == "folder is a file":
        folder.write_text("mine")
    elif obstacle == "parent":
        folder.write_text("mine")
        folder = folder / "below"
    cache = PageCache(0, folder)
    if obstacle == "no writing":
        PageCache(0, folder).get(key_of(0), lambda: b"x")
        (folder / "ledger").unlink()
        (folder / "ledger").mkdir()
    elif obstacle == "folder vanishes":
        folder.rmdir()
    elif obstacle == "subfolder is a file":
        (folder / key_of(1)[:2]).write_text("mine")
    for n in (1, 1, 2, 3):
        assert cache.get(key_of(n), lambda: b"x") == b"x"
    cache.clear()
    assert len(caplog.records) == 1
    assert "cannot be written" in caplog.text
    assert cache.stats().disk_bytes == 0
    if obstacle == "no writing":
        assert cache.get(key_of(0), never) == b"x"


def test_an_unreadable_entry_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied")

    cache = PageCache(0, tmp_path)
    monkeypatch.setattr(cache_disk, "_read_entry", refuse)
    for _ in range(3):
        assert cache.get(key_of(1), lambda: b"x") == b"x"
    assert len(caplog.records) == 1


@posix_only
def test_a_stopped_writer_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = []
    monkeypatch.setattr(cache_disk.time, "sleep", waits.append)
    cache = PageCache(0, tmp_path)
    cache.get(key_of(0), lambda: b"x")
    with PageCache(0, tmp_path)._disk._locked(0):
        cache.get(key_of(1), lambda: b"x")
        assert waits
        waits.clear()
        cache.get(key_of(2), lambda: b"x")
        assert not waits
        assert cache.get(key_of(0), never) == b"x"
    for n in (1, 2):
        cache.get(key_of(n), lambda: b"x")
        assert cache.get(key_of(n), never) == b"x"

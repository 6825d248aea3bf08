"""Processes that share a folder of the page cache, also when they are killed or forked."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from glyph_rag.typeset.cache import PageCache
from tests.test_page_cache import BLOCK, blocks_of, body_of, key_of, posix_only

CHILD = """
import hashlib, os, random, signal, sys
from pathlib import Path
from glyph_rag.typeset import cache_disk
from glyph_rag.typeset.cache import PageCache

def key_of(n): return hashlib.sha256(str(n).encode()).hexdigest()
def body_of(n): return hashlib.shake_128(str(n).encode()).digest(n * 977 % 30_000)
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
folder, bound = Path(sys.argv[1]), int(sys.argv[2])
"""


def start(script: str, folder: Path, bound: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD + script, str(folder), str(bound), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@posix_only
@pytest.mark.parametrize(
    "death",
    [
        "cache_disk._write_entry = die",
        "Path.replace = die",
        "header = cache_disk._header; cache_disk._header = lambda *a: die() if puts > 30 else header(*a)",
        "remove = cache_disk._remove; cache_disk._remove = lambda p: (p.name[0] in '01' and die()) or remove(p)",
        "",
    ],
)
def test_killed_writers_leave_a_usable_folder(death: str, tmp_path: Path) -> None:
    bound = 60 * BLOCK
    script = f"""
puts = 0
{death}
cache = PageCache(0, folder, bound)
for puts in range(int(sys.argv[3]), 100_000):
    cache.get(key_of(puts), lambda: body_of(puts))
    print(puts, flush=True)
"""
    for round_ in range(2):
        with start(script, tmp_path, bound, str(round_ * 1000)) as child:
            for _ in range(90 if not death else 100_000):
                if not child.stdout.readline():
                    break
            child.kill()
        assert child.returncode == -signal.SIGKILL
        assert blocks_of(tmp_path) <= PageCache(0, tmp_path).stats().disk_bytes <= bound
    cache = PageCache(0, tmp_path, bound)
    for n in (*range(60), *range(1000, 1060)):
        assert cache.get(key_of(n), lambda n=n: body_of(n)) == body_of(n)
        assert blocks_of(tmp_path) <= bound
    assert cache.stats().damaged == 0
    assert not list(tmp_path.rglob("*.tmp"))


def test_processes_share_a_small_folder(tmp_path: Path) -> None:
    bound = 40 * BLOCK
    script = """
cache, dice = PageCache(0, folder, bound), random.Random(int(sys.argv[3]))
for _ in range(500):
    n = dice.randrange(30)
    assert cache.get(key_of(n), lambda: body_of(n)) == body_of(n)
stats = cache.stats()
assert stats.damaged == 0
print(stats.disk_hits, stats.evictions)
"""
    children = [start(script, tmp_path, bound, str(seed)) for seed in range(4)]
    disk, highest, counts = PageCache(0, tmp_path)._disk, 0, []
    while any(child.poll() is None for child in children):
        with disk._locked(60):
            highest = max(highest, blocks_of(tmp_path))
        time.sleep(0.002)
    for child in children:
        out, err = child.communicate()
        assert (child.returncode, err) == (0, "")
        counts.append([int(count) for count in out.split()])
    assert all(sum(column) > 0 for column in zip(*counts, strict=True))
    assert 0 < highest <= bound
    assert blocks_of(tmp_path) <= disk.size() <= bound


@posix_only
def test_a_forked_child_finds_no_lock_held(tmp_path: Path) -> None:
    script = """
import threading, time, warnings
warnings.simplefilter("ignore")
cache, done, entered = PageCache(200_000, folder, bound), threading.Event(), threading.Event()

def spin(seed):
    dice = random.Random(seed)
    while not done.is_set():
        n = dice.randrange(60)
        cache.get(key_of(n), lambda: body_of(n))

def stuck():
    entered.set()
    done.wait()
    return b"parent"

threads = [threading.Thread(target=spin, args=(seed,)) for seed in range(3)]
threads.append(threading.Thread(target=lambda: cache.get(key_of(1000), stuck)))
for thread in threads: thread.start()
entered.wait()
for _ in range(10):
    child = os.fork()
    if not child:
        signal.alarm(20)
        ok = cache.get(key_of(1000), lambda: b"child") == b"child"
        ok &= all(cache.get(key_of(n), lambda: body_of(n)) == body_of(n) for n in range(60))
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
done.set()
for thread in threads: thread.join()
assert cache.get(key_of(1000), None) == b"parent"
"""
    child = start(script, tmp_path, 100 * BLOCK)
    try:
        assert child.communicate(timeout=100)[1] == ""
    finally:
        child.kill()
    assert child.returncode == 0

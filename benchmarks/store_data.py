"""What `benchmarks/store.py` and the rivals in it are filled with, and how they are timed."""

from __future__ import annotations

import hashlib
import resource
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Figures = dict[str, float]
DIMENSION = 384
K = 10
QUERIES = 200
BATCH = 2_000
_LETTERS = str.maketrans("0123456789abcdef", "aeiourstlnmdcpbg")


def vectors(count: int, seed: int) -> FloatArray:
    """Unit vectors around a few thousand centres: float32 (count, 384)."""
    chance = np.random.default_rng(0)
    centres = chance.standard_normal((2_000, DIMENSION), np.float32)
    chance = np.random.default_rng(seed)
    near = centres[chance.integers(0, len(centres), count)]
    found = near + 0.9 * chance.standard_normal((count, DIMENSION), np.float32)
    unit: FloatArray = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def text(number: int) -> str:
    """Sixty words, drawn from fifty thousand as unevenly as words are."""
    chance = np.random.default_rng(number)
    words = np.minimum(chance.zipf(1.3, 60), 50_000)
    return f"Record {number}: " + " ".join(map(_word, words.tolist()))


@lru_cache(maxsize=1 << 16)
def _word(number: int) -> str:
    """A word of three to nine letters that shares its parts with others no more than words do."""
    letters = hashlib.sha256(str(number).encode()).hexdigest().translate(_LETTERS)
    return letters[: 3 + number % 7]


def times(search: Callable[..., object], queries: Sequence[object] | FloatArray) -> list[float]:
    """Milliseconds of each search; one before them is not counted."""
    search(queries[0])
    taken = []
    for query in queries:
        started = time.perf_counter()
        search(query)
        taken.append(1000 * (time.perf_counter() - started))
    return taken


def resident() -> float:
    """MiB of memory that this process has in use, with what it has touched of mapped files."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def private() -> float:
    """MiB of that which are its own, and not the system's cache of a file."""
    try:
        pages = Path("/proc/self/statm").read_text().split()
        return (int(pages[1]) - int(pages[2])) * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

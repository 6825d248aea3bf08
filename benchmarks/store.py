"""How a store behaves as it grows: building, opening, searching, changing; next to two things people use instead.

    python benchmarks/store.py 10000 100000

Synthetic: clusters of unit vectors of 384 dimensions, and text to go with them, one document of one page and one chunk
each, so that it is the store that is measured. Filters pick one document in a hundred. Every figure is from this run,
on this machine; each store is opened in a process of its own, so that its memory can be told.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path

import numpy as np

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.store.rows import Prepared, content_key
from glyph_rag.store.scope import Scope
from glyph_rag.store.store import Store
from glyph_rag.store.vectors import Precision
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile

DIMENSION = 384
K = 10
QUERIES = 200
BATCH = 2_000
TEAM = Scope(
    condition="EXISTS (SELECT 1 FROM metadata m WHERE m.document = d.row AND m.key = 'team' AND m.kind = 'number'"
    " AND m.value = ?)",
    parameters=(7,),
)
INFO = EmbedderInfo("synthetic", "synthetic-384", DIMENSION, 512, None)
Figures = dict[str, float]
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


def prepared(numbers: range) -> Iterator[Prepared]:
    """Documents of one page and one chunk, without typesetting them."""
    profile = RenderProfile()
    for number in numbers:
        words = text(number)
        document = Document(f"d{number}", words, metadata={"team": number % 100, "year": 1990 + number % 35})
        chunk = Chunk(f"c{number}", document.id, 0, len(words), words)
        page = Page(f"p{number}", document.id, document.id, words, 0, 1, ((0, len(words)),), profile)
        yield Prepared(document, document.digest, [chunk], [(page, [chunk])])


def add(store: Store, numbers: range, found: FloatArray) -> None:
    """Adds documents with their vectors, in one transaction."""
    entries = list(prepared(numbers))
    keys = [content_key(entry.chunks[0]) for entry in entries]
    store.write(entries, dict(zip(keys, found, strict=True)))


def build(folder: Path, count: int, precision: Precision) -> Figures:
    """Makes a store of so many chunks."""
    started = time.perf_counter()
    with closing(Store.open(folder, INFO, precision=precision)) as store:
        for at in range(0, count, BATCH):
            stop = min(count, at + BATCH)
            add(store, range(at, stop), vectors(stop - at, at + 1))
        store.save_index()
    seconds = time.perf_counter() - started
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {"build s": seconds, "bytes per chunk": size / count}


def measure(folder: Path, count: int) -> Figures:
    """Opens a store that is there, searches it, and adds to it."""
    before = _resident()
    started = time.perf_counter()
    store = Store.open(folder, INFO, create=False)
    queries = vectors(QUERIES, 10**9)
    store.nearest_chunks(queries[0], K)
    figures = {"open s": time.perf_counter() - started, "memory MiB": _resident() - before}
    plain = _times(lambda query: store.nearest_chunks(query, K), queries)
    filtered = _times(lambda query: store.nearest_chunks(query, K, TEAM), queries)
    words = [" ".join(text(number).split()[2:8]) for number in range(50)]
    lexical = _times(lambda question: store.matching_chunks(question, K), words)
    for name, times in {"search": plain, "filtered": filtered, "words": lexical}.items():
        figures |= {f"{name} p50 ms": float(np.median(times)), f"{name} p99 ms": float(np.quantile(times, 0.99))}
    figures["recall@10"] = _recall(store, count, queries[:50])
    store.close()

    with closing(Store.open(folder, INFO, create=False)) as store:
        found = vectors(100, 10**9 + 1)
        started = time.perf_counter()
        add(store, range(count, count + 100), found)
        store.save_index()
        figures["add 100 s"] = time.perf_counter() - started
        started = time.perf_counter()
        store.nearest_chunks(queries[0], K)
        figures["first search after s"] = time.perf_counter() - started
    return figures


def rival_flat(count: int) -> Figures:
    """faiss.IndexFlatIP with a dictionary: nothing on disk, nothing to filter by."""
    import faiss

    before = _resident()
    started = time.perf_counter()
    index = faiss.IndexFlatIP(DIMENSION)
    texts = {}
    for at in range(0, count, BATCH):
        stop = min(count, at + BATCH)
        index.add(vectors(stop - at, at + 1))
        texts.update({number: text(number) for number in range(at, stop)})
    figures = {"build s": time.perf_counter() - started, "memory MiB": _resident() - before}
    queries = vectors(QUERIES, 10**9)
    times = _times(lambda query: [texts[row] for row in index.search(query[None], K)[1][0].tolist()], queries)
    return figures | {"search p50 ms": float(np.median(times)), "search p99 ms": float(np.quantile(times, 0.99))}


def rival_langchain(count: int) -> Figures:
    """LangChain's InMemoryVectorStore, with the same vectors and a function as the filter."""
    from langchain_core.documents import Document as LangChainDocument
    from langchain_core.vectorstores import InMemoryVectorStore

    class Ready:
        """An embedder that has been told what to answer."""

        waiting: list[list[float]]

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            """The vectors that it was told."""
            return self.waiting

    before = _resident()
    started = time.perf_counter()
    ready = Ready()
    store = InMemoryVectorStore(ready)
    for at in range(0, count, BATCH):
        stop = min(count, at + BATCH)
        ready.waiting = vectors(stop - at, at + 1).tolist()
        entries = [LangChainDocument(text(n), metadata={"team": n % 100}) for n in range(at, stop)]
        store.add_documents(entries)
    figures = {"build s": time.perf_counter() - started, "memory MiB": _resident() - before}
    queries = [query.tolist() for query in vectors(5, 10**9)]
    plain = _times(lambda query: store.similarity_search_by_vector(query, K), queries)
    chosen = _times(
        lambda query: store.similarity_search_by_vector(query, K, filter=lambda d: d.metadata["team"] == 7), queries
    )
    return figures | {"search p50 ms": float(np.median(plain)), "filtered p50 ms": float(np.median(chosen))}


def _recall(store: Store, count: int, queries: FloatArray) -> float:
    """How many of the true ten nearest are found, by exact search over the vectors the store was built from."""
    import faiss

    exact = faiss.IndexFlatIP(DIMENSION)
    for at in range(0, count, BATCH):
        exact.add(vectors(min(BATCH, count - at), at + 1))
    _, truth = exact.search(queries, K)
    found = []
    for query, true in zip(queries, truth.tolist(), strict=True):
        ids = {int(store.load_chunk(row).document_id[1:]) for row, _ in store.nearest_chunks(query, K)}
        found.append(len(ids & set(true)) / K)
    return float(np.mean(found))


def _times(search: Callable[..., object], queries: Sequence[object] | FloatArray) -> list[float]:
    search(queries[0])
    times = []
    for query in queries:
        started = time.perf_counter()
        search(query)
        times.append(1000 * (time.perf_counter() - started))
    return times


def _resident() -> float:
    """MiB of memory that this process has in use."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 2**20
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _alone(*arguments: object) -> Figures:
    """Measures in a process of its own."""
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.stderr.write(ended.stderr)
        return {}
    figures: Figures = json.loads(ended.stdout)
    return figures


def _one(what: str, *arguments: str) -> Figures:
    if what == "flat":
        return rival_flat(int(arguments[0]))
    if what == "langchain":
        return rival_langchain(int(arguments[0]))
    if what == "build":
        return build(Path(arguments[0]), int(arguments[1]), "float16" if arguments[2] == "float16" else "float32")
    return measure(Path(arguments[0]), int(arguments[1]))


def main() -> None:
    """Prints a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="*", type=int, default=[10_000])
    parser.add_argument("--precision", nargs="+", default=["float32", "float16"])
    parser.add_argument("--langchain-up-to", type=int, default=100_000, help="It keeps vectors as lists of floats.")
    parser.add_argument("--one", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_one(*options.one)))
        return
    print(f"{os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}")
    for count in options.counts:
        table: dict[str, Figures] = {}
        for precision in options.precision:
            with tempfile.TemporaryDirectory() as folder:
                table[f"glyph-rag {precision}"] = _alone("build", folder, count, precision) | _alone(
                    "measure", folder, count
                )
            print(count, json.dumps({k: round(v, 4) for k, v in table[f"glyph-rag {precision}"].items()}), flush=True)
        table["IndexFlatIP + dict"] = _alone("flat", count)
        if count <= options.langchain_up_to:
            table["InMemoryVectorStore"] = _alone("langchain", count)
        names = list(dict.fromkeys(name for figures in table.values() for name in figures))
        print(f"\n| {count:,} chunks | {' | '.join(table)} |\n| --- |{' ---: |' * len(table)}")
        for name in names:
            cells = [f"{figures[name]:,.3g}" if name in figures else "-" for figures in table.values()]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()

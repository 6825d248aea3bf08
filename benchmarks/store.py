"""How a store behaves as it grows: building, opening, searching, changing; next to two things people use instead.

    python benchmarks/store.py 10000 100000
    python benchmarks/store.py 10000 100000 1000000 --keep stores --only build
    python benchmarks/store.py 10000 100000 1000000 --keep stores --plot docs/images/scale.svg

Synthetic: clusters of unit vectors of 384 dimensions, and text to go with them, one document of one page and one chunk
each, so that it is the store that is measured. Filters pick one document in a hundred. Every figure is from this run,
on this machine, but for the building of stores that are kept: that is from the run that built them. Each store is
opened in a process of its own, so that its memory can be told; what is added is added to a copy.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from store_data import BATCH, DIMENSION, QUERIES, Figures, FloatArray, K, private, resident, text, times, vectors
from store_plot import svg
from store_rivals import flat, langchain

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.embed.embedder import EmbedderInfo
from glyph_rag.limits import Limits
from glyph_rag.search.access import Access
from glyph_rag.search.retriever import Retriever
from glyph_rag.store.rows import Prepared, content_key
from glyph_rag.store.store import Store
from glyph_rag.store.vectors import Precision
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile

TEAM = Access().narrowed(Limits(), where={"team": 7})
INFO = EmbedderInfo("synthetic", "synthetic-384", DIMENSION, 512, None)
QUESTIONS = 50


class Ready:
    """An embedder that has been told what to answer, so that searching is what is measured."""

    info = INFO
    vector: FloatArray

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """The vector that it was told, for each."""
        return np.stack([self.vector] * len(texts))

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """The vector that it was told, for each."""
        return np.stack([self.vector] * len(texts))


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
    """Makes a store of so many chunks; how long that took is remembered beside it."""
    told = folder.with_suffix(".json")
    if told.is_file():
        figures: Figures = json.loads(told.read_text())
        return figures
    started = time.perf_counter()
    store = Store.open(folder, INFO, precision=precision)
    for at in range(0, count, BATCH):
        stop = min(count, at + BATCH)
        add(store, range(at, stop), vectors(stop - at, at + 1))
    filled = time.perf_counter()
    store.save_index()
    store.close()
    ended = time.perf_counter()
    size = sum(path.stat().st_size for path in folder.iterdir())
    figures = {"build s": ended - started, "index of it s": ended - filled, "bytes per chunk": size / count}
    told.write_text(json.dumps(figures))
    return figures


def measure(folder: Path, count: int) -> Figures:
    """Opens a store that is there and searches it."""
    queries = vectors(QUERIES, 10**9)
    before, own = resident(), private()
    started = time.perf_counter()
    store = Store.open(folder, INFO, create=False)
    store.nearest_chunks(queries[0], K)
    figures = {"open s": time.perf_counter() - started}
    fresh = _percentiles("fresh search", times(lambda query: store.nearest_chunks(query, K), queries))
    plain = times(lambda query: store.nearest_chunks(query, K), queries)
    figures |= {"memory MiB": resident() - before, "of it private MiB": private() - own}
    filtered = times(lambda query: store.nearest_chunks(query, K, TEAM.scope), queries)
    figures |= fresh | _percentiles("search", plain) | _percentiles("filtered", filtered)
    figures |= _percentiles("words", times(lambda question: store.matching_chunks(question, K), _questions()))
    figures |= _percentiles("fused", _fused(store, queries, Access()))
    figures |= _percentiles("fused filtered", _fused(store, queries, TEAM))
    figures["recall@10"], figures["filtered recall@10"] = _recalls(store, count, queries[:QUESTIONS])
    store.close()
    return figures


def grow(folder: Path, count: int) -> Figures:
    """Adds a hundred chunks to a store that is there."""
    with closing(Store.open(folder, INFO, create=False)) as store:
        query, found = vectors(1, 10**9)[0], vectors(100, 10**9 + 1)
        store.nearest_chunks(query, K)
        started = time.perf_counter()
        add(store, range(count, count + 100), found)
        store.save_index()
        figures = {"add 100 s": time.perf_counter() - started}
        started = time.perf_counter()
        store.nearest_chunks(query, K)
        return figures | {"first search after s": time.perf_counter() - started}


def _questions() -> list[str]:
    return [" ".join(text(number).split()[2:8]) for number in range(QUESTIONS)]


def _fused(store: Store, queries: FloatArray, access: Access) -> list[float]:
    """Milliseconds of whole searches: words and vectors, fused, with the pages loaded."""
    ready = Ready()
    retriever = Retriever(store, ready, Limits())

    def search(asked: tuple[str, FloatArray]) -> object:
        ready.vector = asked[1]
        return retriever.search(asked[0], K, access=access)

    return times(search, list(zip(_questions(), queries, strict=False)))


def _recalls(store: Store, count: int, queries: FloatArray) -> tuple[float, float]:
    """How many of the true ten nearest are found, of all and of those that pass the filter."""
    import faiss

    exact = faiss.IndexFlatIP(DIMENSION)
    for at in range(0, count, BATCH):
        exact.add(vectors(min(BATCH, count - at), at + 1))
    bits = np.packbits(np.arange(count) % 100 == 7, bitorder="little")
    chosen = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
    shares = []
    for access, how in ((Access(), None), (TEAM, chosen)):
        _, truth = exact.search(queries, K, params=how)
        found = []
        for query, true in zip(queries, truth.tolist(), strict=True):
            near = store.nearest_chunks(query, K, access.scope)
            found.append(len({int(store.load_chunk(row).document_id[1:]) for row, _ in near} & set(true)) / K)
        shares.append(float(np.mean(found)))
    return shares[0], shares[1]


def _percentiles(name: str, taken: list[float]) -> Figures:
    return {f"{name} p50 ms": float(np.median(taken)), f"{name} p99 ms": float(np.quantile(taken, 0.99))}


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
    if what in ("flat", "langchain"):
        return {"flat": flat, "langchain": langchain}[what](int(arguments[0]))
    if what == "build":
        return build(Path(arguments[0]), int(arguments[1]), "float16" if arguments[2] == "float16" else "float32")
    return {"measure": measure, "grow": grow}[what](Path(arguments[0]), int(arguments[1]))


def _store(folder: Path, count: int, precision: str, only: str | None) -> Figures:
    """Builds a store, unless it is there, and measures it."""
    figures = _alone("build", folder, count, precision)
    if only == "build":
        return figures
    figures |= _alone("measure", folder, count)
    with tempfile.TemporaryDirectory(dir=folder.parent) as other:
        copy = Path(other) / "kb"
        shutil.copytree(folder, copy)
        return figures | _alone("grow", copy, count)


def _print(count: int, table: dict[str, Figures]) -> None:
    names = list(dict.fromkeys(name for figures in table.values() for name in figures))
    print(f"\n| {count:,} chunks | {' | '.join(table)} |\n| --- |{' ---: |' * len(table)}")
    for name in names:
        cells = [f"{figures[name]:,.3g}" if name in figures else "-" for figures in table.values()]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _plot(path: Path, tables: dict[int, dict[str, Figures]]) -> None:
    lines: dict[str, dict[int, float]] = {}
    for count, table in tables.items():
        for name, figures in table.items():
            for kind, shown in (("search p50 ms", ""), ("filtered p50 ms", ", 1 % filter")):
                if kind in figures:
                    lines.setdefault(f"{name}{shown}", {})[count] = figures[kind]
    path.write_text(svg("Milliseconds of a vector search, median", lines), encoding="utf-8")


def main() -> None:
    """Prints a table for each size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="*", type=int, default=[10_000], help="Chunks in each store; 10000 by default.")
    parser.add_argument("--precision", nargs="+", choices=["float32", "float16"], default=["float32", "float16"])
    parser.add_argument("--keep", type=Path, help="Where stores are built and left for the next run.")
    parser.add_argument("--only", choices=["build"], help="Build what is not there, and measure nothing.")
    parser.add_argument("--langchain-up-to", type=int, default=100_000, help="It keeps vectors as lists of floats.")
    parser.add_argument("--plot", type=Path, help="Draw the searches as SVG.")
    parser.add_argument("--one", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(_one(*options.one)))
        return
    print(f"{os.cpu_count()} cores, OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}")
    tables: dict[int, dict[str, Figures]] = {}
    for count in options.counts:
        table = tables[count] = {}
        for precision in options.precision:
            with tempfile.TemporaryDirectory() as other:
                folder = (options.keep or Path(other)) / f"{count}-{precision}"
                folder.parent.mkdir(parents=True, exist_ok=True)
                table[f"glyph-rag {precision}"] = _store(folder, count, precision, options.only)
            print(count, precision, json.dumps(table[f"glyph-rag {precision}"]), flush=True)
        if options.only != "build":
            table["IndexFlatIP + dict"] = _alone("flat", count)
            if not find_spec("langchain_core"):
                print("langchain-core is not installed, so InMemoryVectorStore is left out")
            elif count <= options.langchain_up_to:
                table["InMemoryVectorStore"] = _alone("langchain", count)
        _print(count, table)
    if options.plot:
        _plot(options.plot, tables)


if __name__ == "__main__":
    main()

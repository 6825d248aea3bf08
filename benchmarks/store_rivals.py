"""What people use instead of a store, measured beside it by `benchmarks/store.py`, each in a process of its own."""

from __future__ import annotations

import time

import numpy as np
from store_data import BATCH, DIMENSION, QUERIES, Figures, K, resident, text, times, vectors


def flat(count: int) -> Figures:
    """faiss.IndexFlatIP with a dictionary: nothing on disk, filters by a bitmap made beforehand."""
    import faiss

    before = resident()
    started = time.perf_counter()
    index = faiss.IndexFlatIP(DIMENSION)
    texts = {}
    for at in range(0, count, BATCH):
        stop = min(count, at + BATCH)
        index.add(vectors(stop - at, at + 1))
        texts.update({number: text(number) for number in range(at, stop)})
    figures = {"build s": time.perf_counter() - started, "memory MiB": resident() - before}
    bits = np.packbits(np.arange(count) % 100 == 7, bitorder="little")
    chosen = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
    queries = vectors(QUERIES, 10**9)

    def search(query: np.ndarray, how: faiss.SearchParameters | None) -> list[str]:
        return [texts[row] for row in index.search(query[None], K, params=how)[1][0].tolist()]

    plain = times(lambda query: search(query, None), queries)
    filtered = times(lambda query: search(query, chosen), queries)
    for name, taken in {"search": plain, "filtered": filtered}.items():
        figures |= {f"{name} p50 ms": float(np.median(taken)), f"{name} p99 ms": float(np.quantile(taken, 0.99))}
    found = vectors(100, 10**9 + 1)
    started = time.perf_counter()
    index.add(found)
    return figures | {"recall@10": 1.0, "add 100 s": time.perf_counter() - started}


def langchain(count: int) -> Figures:
    """LangChain's InMemoryVectorStore, with the same vectors and a function as the filter."""
    from langchain_core.documents import Document
    from langchain_core.vectorstores import InMemoryVectorStore

    class Ready:
        """An embedder that has been told what to answer."""

        waiting: list[list[float]]

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            """The vectors that it was told."""
            return self.waiting

    before = resident()
    started = time.perf_counter()
    ready = Ready()
    store = InMemoryVectorStore(ready)

    def add(numbers: range, found: np.ndarray) -> None:
        ready.waiting = found.tolist()
        store.add_documents([Document(text(number), metadata={"team": number % 100}) for number in numbers])

    for at in range(0, count, BATCH):
        stop = min(count, at + BATCH)
        add(range(at, stop), vectors(stop - at, at + 1))
    figures = {"build s": time.perf_counter() - started, "memory MiB": resident() - before}
    queries = [query.tolist() for query in vectors(5, 10**9)]
    plain = times(lambda query: store.similarity_search_by_vector(query, K), queries)
    filtered = times(
        lambda query: store.similarity_search_by_vector(query, K, filter=lambda d: d.metadata["team"] == 7), queries
    )
    started = time.perf_counter()
    add(range(count, count + 100), vectors(100, 10**9 + 1))
    added = time.perf_counter() - started
    for name, taken in {"search": plain, "filtered": filtered}.items():
        figures |= {f"{name} p50 ms": float(np.median(taken)), f"{name} p99 ms": float(max(taken))}
    return figures | {"recall@10": 1.0, "add 100 s": added}

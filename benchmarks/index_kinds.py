"""Kinds of FAISS index side by side: what each costs to build, to keep and to ask, at a recall@10 of 0.97.

    python benchmarks/index_kinds.py 100000 --data clusters uniform
    python benchmarks/index_kinds.py 100000 --data text --embeddings real.npy

For each kind the smallest effort (lists probed, or candidates kept) that reaches the recall is looked for. The filters
let 1 % and 30 % of the vectors through, drawn at random, and are asked with the same effort. `text` is an array of real
embeddings, drawn with noise until there are enough. This is what the choice in docs/scale.md rests on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
DIMENSION, K, QUERIES, AIM = 384, 10, 200, 0.97
EFFORTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)


def unit(found: FloatArray) -> FloatArray:
    """The same at unit length."""
    scaled: FloatArray = found / np.linalg.norm(found, axis=1, keepdims=True)
    return scaled


def make(kind: str, count: int, embeddings: Path | None) -> FloatArray:
    """Vectors of one of the three distributions: float32 (count, 384)."""
    chance = np.random.default_rng(1)
    if kind == "uniform":
        return unit(chance.standard_normal((count, DIMENSION), np.float32))
    if kind == "clusters":
        centres = np.random.default_rng(0).standard_normal((2_000, DIMENSION), np.float32)
        near = centres[chance.integers(0, len(centres), count)]
        return unit(near + np.float32(0.9) * chance.standard_normal((count, DIMENSION), np.float32))
    real = np.load(embeddings) if embeddings else np.zeros((0, DIMENSION), np.float32)
    first, second = (real[chance.integers(0, len(real), count)] for _ in range(2))
    share = np.float32(0.35) * chance.random((count, 1), np.float32)
    noise = unit(chance.standard_normal((count, DIMENSION), np.float32))
    return unit((1 - share) * first + share * second + np.float32(0.35) * noise)


def lists_for(count: int) -> int:
    """How many lists an inverted file of so many vectors gets here."""
    return int(4 * np.sqrt(count))


def kinds(count: int) -> dict[str, Callable[[], faiss.Index]]:
    """What is compared: each makes an empty index."""
    lists, metric = lists_for(count), faiss.METRIC_INNER_PRODUCT

    def factory(words: str) -> Callable[[], faiss.Index]:
        return lambda: faiss.index_factory(DIMENSION, words, metric)

    return {
        "Flat": factory("Flat"),
        "IVF-Flat": factory(f"IVF{lists},Flat"),
        "IVF-fp16": factory(f"IVF{lists},SQfp16"),
        "IVF-SQ8": factory(f"IVF{lists},SQ8"),
        "IVF-PQ96, re-ranked": factory(f"IVF{lists},PQ96,RFlat"),
        "IVF-PQ192x4fs, re-ranked": factory(f"IVF{lists},PQ192x4fs,RFlat"),
        "IVF-RaBitQ, re-ranked": factory(f"RR,IVF{lists},RaBitQ,RFlat"),
        "IVF-RaBitQfs, re-ranked": factory(f"RR,IVF{lists},RaBitQfs,RFlat"),
        "HNSW32-SQ8": factory("HNSW32_SQ8"),
    }


def inner(index: faiss.Index) -> faiss.Index:
    """The index behind transformations and re-ranking."""
    while True:
        index = faiss.downcast_index(index)
        if isinstance(index, faiss.IndexRefine):
            index = index.base_index
        elif isinstance(index, faiss.IndexPreTransform):
            index = index.index
        else:
            return index


def parameters(index: faiss.Index, effort: int, chosen: faiss.IDSelector | None) -> faiss.SearchParameters:
    """How hard to look, through the layers of an index."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexRefine):
        below = parameters(index.base_index, effort, chosen)
        return faiss.IndexRefineSearchParameters(k_factor=40.0, base_index_params=below)
    if isinstance(index, faiss.IndexPreTransform):
        return faiss.SearchParametersPreTransform(index_params=parameters(index.index, effort, chosen))
    if isinstance(index, faiss.IndexHNSW):
        return faiss.SearchParametersHNSW(efSearch=max(effort, K), sel=chosen)
    if isinstance(index, faiss.IndexIVFRaBitQ):
        return faiss.IVFRaBitQSearchParameters(nprobe=effort, sel=chosen, qb=8)
    if isinstance(index, faiss.IndexIVF):
        return faiss.SearchParametersIVF(nprobe=effort, sel=chosen)
    return faiss.SearchParameters(sel=chosen)


def recall(index: faiss.Index, queries: FloatArray, truth: npt.NDArray[np.int64], how: faiss.SearchParameters) -> float:
    """How many of the true nearest are found."""
    _, found = index.search(queries, K, params=how)
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found.tolist(), truth.tolist(), strict=True)]))


def measure(make_index: Callable[[], faiss.Index], data: FloatArray, queries: FloatArray) -> str:
    """One line of the table."""
    started = time.perf_counter()
    index = make_index()
    for trained in (inner(index), getattr(inner(index), "pq", None)):
        if trained is not None and hasattr(trained, "cp"):
            # As few as the store itself takes: more cost minutes, and change nothing.
            trained.cp.niter, trained.cp.max_points_per_centroid = 8, 64
    index.train(data)
    index.add(data)
    built = time.perf_counter() - started
    _, truth = faiss.knn(queries, data, K, faiss.METRIC_INNER_PRODUCT)
    base = inner(index)
    size = getattr(base, "code_size", 4 * DIMENSION)
    if isinstance(base, faiss.IndexHNSW):
        size = faiss.downcast_index(base.storage).code_size + 4 * base.hnsw.nb_neighbors(0)
    found, effort = 0.0, 0
    for effort in EFFORTS:
        found = recall(index, queries, truth, parameters(index, effort, None))
        if found >= AIM or effort >= getattr(base, "nlist", EFFORTS[-1]):
            break
    times = []
    for query in queries:
        started = time.perf_counter()
        index.search(query[None], K, params=parameters(index, effort, None))
        times.append(1000 * (time.perf_counter() - started))
    cells = [
        f"{built:.1f}", f"{size}", f"{effort}", f"{found:.3f}",
        f"{np.median(times):.2f}", f"{np.quantile(times, 0.99):.2f}",
    ]  # fmt: skip
    for share in (0.01, 0.3):
        mask = np.random.default_rng(7).random(len(data)) < share
        _, inside = faiss.knn(queries, data[mask], K, faiss.METRIC_INNER_PRODUCT)
        bits = np.packbits(mask, bitorder="little")
        how = parameters(index, effort, faiss.IDSelectorBitmap(bits))
        try:
            cells.append(f"{recall(index, queries, np.flatnonzero(mask)[inside], how):.3f}")
        except RuntimeError:
            cells.append("no filter")
    return " | ".join(cells)


def main() -> None:
    """Prints a table for each distribution."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", type=int)
    parser.add_argument("--data", nargs="+", default=["clusters", "uniform"], choices=["clusters", "uniform", "text"])
    parser.add_argument("--embeddings", type=Path, help="Real embeddings for --data text: float32 (n, 384), .npy")
    parser.add_argument("--kinds", nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    faiss.omp_set_num_threads(options.threads)
    for name in options.data:
        data = make(name, options.count + QUERIES, options.embeddings)
        data, queries = data[:-QUERIES], data[-QUERIES:]
        print(f"\n| {name}, {options.count:,} vectors | build s | bytes | effort | recall@10 | p50 ms | p99 ms |"
              " recall 1 % | recall 30 % |\n| --- |" + " ---: |" * 8)  # fmt: skip
        for kind, make_index in kinds(options.count).items():
            if not options.kinds or kind in options.kinds:
                print(f"| {kind} | {measure(make_index, data, queries)} |", flush=True)


if __name__ == "__main__":
    main()

"""Measures what visual embedders cost beside the model, and prints the tables of `docs/embedders.md`.

`OMP_NUM_THREADS=1 python scripts/visual_embedders_doc.py pooling`, `... store`, or `... model MODEL`, where MODEL is
the hub id or path of a late-interaction model; the figures in the docs are of the tiny random one of the tests:
`python -c "import tests.tiny_retrievers as t, pathlib; t.colqwen2(pathlib.Path('tiny'))"`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image
from scipy.cluster.vq import kmeans2

from glyph_rag import Document, GlyphRAG, RenderProfile
from glyph_rag.corpus.split import split
from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.embed.late_interaction import LateInteractionEmbedder
from glyph_rag.embed.pooling import pooled
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.search.maxsim import maxsim, nearest_pages
from glyph_rag.store.scope import UNNAMED
from glyph_rag.store.store import Store
from glyph_rag.store.vectors import Precision
from glyph_rag.typeset.page import make_pages

DIMENSION = 128
PATCHES = 768
QUERY_VECTORS = 24
ROUNDS = 5

Result = TypeVar("Result")


class MadeUp:
    """Vectors out of a generator: of a page, of the given number, and of a question, near to some of one page."""

    def __init__(self, per_page: int) -> None:
        self._made = np.random.default_rng(7)
        self.info = EmbedderInfo("made-up", f"made-up-{per_page}", DIMENSION, 512, None, per_page)
        self._words = unit(self._made.standard_normal((2000, DIMENSION)))

    def embed_pages(self, images: Sequence[Image.Image]) -> list[FloatArray]:
        """See `PageEmbedder`."""
        return [self._near(self.info.vectors_per_page) for _ in images]

    def embed_queries(self, texts: Sequence[str]) -> list[FloatArray]:
        """See `PageEmbedder`."""
        return [self._near(QUERY_VECTORS) for _ in texts]

    def _near(self, count: int) -> FloatArray:
        words = self._words[self._made.choice(len(self._words), count)]
        return unit(words + self._made.normal(0, 0.07, words.shape))


def main() -> None:
    """Prints the table that the command line names."""
    parser = argparse.ArgumentParser(description="Measure what visual embedders cost.")
    parser.add_argument("table", choices=["pooling", "store", "model"])
    parser.add_argument("model", nargs="?", help="for the table of that name")
    arguments = parser.parse_args()
    if arguments.table == "pooling":
        pooling_table()
    elif arguments.table == "store":
        store_table()
    elif arguments.model:
        model_table(arguments.model)
    else:
        sys.exit("name a model")


def unit(vectors: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> FloatArray:
    """Of length 1."""
    made: FloatArray = (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)
    return made


def pooling_table(pages: int = 60) -> None:
    """How often the page that a question was made from is still the best, by way of pooling."""
    made = np.random.default_rng(0)
    words, common = unit(made.standard_normal((2000, DIMENSION))), unit(made.standard_normal((1, DIMENSION)))
    seen, whole = [], []
    for _ in range(pages):
        chosen = made.choice(len(words), 150)
        patches = words[np.repeat(chosen, 6)[:PATCHES]] + 0.5 * common + made.normal(0, 0.06, (PATCHES, DIMENSION))
        empty = made.random(PATCHES) < 0.2
        patches[empty] = common + made.normal(0, 0.03, (int(empty.sum()), DIMENSION))
        seen.append(chosen[:128])
        whole.append(unit(patches))
    queries = [unit(words[made.choice(c, 6)] + 0.3 * common + made.normal(0, 0.09, (6, DIMENSION))) for c in seen]
    ways: dict[str, Callable[[FloatArray, int], FloatArray]] = {
        "Ward": pooled,
        "neighbours": lambda page, most: unit(np.stack([part.sum(axis=0) for part in np.array_split(page, most)])),
        "k-means": lambda page, most: unit(kmeans2(page, most, minit="points", seed=1, missing="warn")[0] + 1e-9),
    }
    print("| pooling | vectors a page | right page first | ms a page |\n| --- | --- | --- | --- |")
    print(f"| none | {PATCHES} | {_right(queries, whole):.2f} | 0 |")
    for name, way in ways.items():
        for most in (16, 32, 64, 128)[: 4 if name == "Ward" else 3]:
            start = time.perf_counter()
            few = [way(page, most) for page in whole]
            took = (time.perf_counter() - start) / pages
            print(f"| {name} | {most} | {_right(queries, few):.2f} | {1000 * took:.1f} |")


def store_table() -> None:
    """Room for a page, and the time that a question takes."""
    print("| pages | vectors a page | kept as | bytes a page | a question | of the ten best |")
    print("| --- | --- | --- | --- | --- | --- |")
    for pages, per_page, precision in _STORES:
        embedder = MadeUp(per_page)
        queries = embedder.embed_queries([""] * 20)
        with tempfile.TemporaryDirectory() as name:
            with closing(Store.open(Path(name), embedder.info, RenderProfile(), precision=precision)) as store:
                words = [f"Page {n} of a book that has very few words on each of its pages." for n in range(pages)]
                Indexer(store, embedder, Limits()).add([Document(f"d{n}", text) for n, text in enumerate(words)])
                exact, _ = _asked(store, queries, pages)
                found, took = _asked(store, queries, 64)
            size = sum(file.stat().st_size for file in Path(name).iterdir())
        same = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(exact, found, strict=True)])
        print(f"| {pages} | {per_page} | {precision} | {size // pages:,} | {1000 * took:.0f} ms | {same:.2f} |")


_STORES: tuple[tuple[int, int, Precision], ...] = (
    *((500, 1, "float32"), (500, 16, "float32"), (500, 64, "float32"), (500, 64, "float16")),
    *((1000, 64, "float16"), (3000, 64, "float16")),
)


def model_table(model: str) -> None:
    """Where the time of a page goes."""
    embedder = LateInteractionEmbedder(model)
    text = "\n\n".join(f"Paragraph {n} of a report on the harbour, its cranes and its {n} ships." for n in range(600))
    document = Document("report", text)
    chunks = split(document)
    pages = [page for page, _ in make_pages(document, chunks, RenderProfile())]
    drawn, images = _best(lambda: [page.image() for page in pages])
    set_, _ = _best(lambda: list(make_pages(document, chunks, RenderProfile())))
    looked, vectors = _best(lambda: embedder.embed_pages(images))
    patches = np.random.default_rng(0).standard_normal((PATCHES, DIMENSION))
    joined, _ = _best(lambda: [pooled(unit(patches), 64) for _ in pages])
    with tempfile.TemporaryDirectory() as name, GlyphRAG.open(name, embedder=embedder) as rag:
        start = time.perf_counter()
        rag.add([document])
        whole = time.perf_counter() - start
    each = 1000 / len(pages)
    print(f"{len(pages)} pages, {max(map(len, vectors))} vectors each at most; ms a page:")
    print(f"set {set_ * each:.0f}, drawn {drawn * each:.0f}, looked at {looked * each:.0f}, ", end="")
    print(f"{PATCHES} patches pooled {joined * each:.0f}, all with words indexed and stored {whole * each:.0f}")


def _right(queries: Sequence[FloatArray], pages: Sequence[FloatArray]) -> float:
    by_number = dict(enumerate(pages))
    scores = [maxsim(query, by_number) for query in queries]
    return float(np.mean([max(found, key=lambda page: found[page]) == n for n, found in enumerate(scores)]))


def _asked(store: Store, queries: Sequence[FloatArray], count: int) -> tuple[list[list[int]], float]:
    """The ten best of so many pages for each question, and the middle of the times."""
    found, times = [], []
    for query in queries:
        start = time.perf_counter()
        found.append(list(nearest_pages(store, query, count, UNNAMED))[:10])
        times.append(time.perf_counter() - start)
    return found, float(np.median(times))


def _best(work: Callable[[], Result]) -> tuple[float, Result]:
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        result = work()
        times.append(time.perf_counter() - start)
    return min(times), result


if __name__ == "__main__":
    main()

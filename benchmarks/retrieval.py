"""Whether the right documents are found: words, meaning, both, pages, and plain text RAG with the same vectors.

    python benchmarks/retrieval.py --data ../shared/evaldata --vectors vectors
    python benchmarks/retrieval.py --data ../shared/evaldata --sets "xquad de" cmrc2018 --embedder e5 --every 4

For each question the documents with gold evidence have to be found. Rows:

- "words" and "meaning": the two halves of a search by themselves, over chunks, a document where its best chunk stands.
- "fused": both, over chunks. "pages": what `GlyphRAG.search` gives, a document where its best page stands.
- "plain RAG": `InMemoryVectorStore` of langchain-core over the same chunks with the same vectors, as in the first
  example of its documentation. Left out where langchain-core is not installed.

Columns: recall at 1, 5 and 10 (the share of the documents with evidence; at 1 at most one of several), nDCG at 10 and
the mean reciprocal rank of the first. English sets are embedded with minilm, the others with e5, unless --embedder
says otherwise. Vectors are kept in the folder of --vectors, as embedding takes nearly all of the time. --half takes
every other question, so that what is tuned on one half can be reported on the other.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from reading_sets import LOADERS, Corpus, Question
from rich.console import Console
from rich.progress import track
from rich.table import Table

from glyph_rag import Embedder, EmbedderInfo
from glyph_rag.corpus.split import split
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.embed.language import knows
from glyph_rag.embed.open import open_embedder, text_embedder
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.search.candidates import Query
from glyph_rag.search.question import is_quoted, named
from glyph_rag.search.retriever import Retriever
from glyph_rag.store.scope import UNNAMED
from glyph_rag.store.store import Store

SETS = [name for name in LOADERS if name != "tatqa"]
DEPTH = 10
CHUNKS = 64
"""Chunks that each half is asked for; the documents they belong to are more than `DEPTH`, or all there are."""

Search = Callable[[str], Sequence[str]]
"""From a question to ids of documents, best first, each once."""


class KeptVectors:
    """The embedder behind it, but what was embedded before is taken from a file."""

    def __init__(self, embedder: Embedder, file: Path) -> None:
        self._embedder = embedder
        self._kept = sqlite3.connect(file, timeout=60)
        self._kept.execute(
            "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID"
        )

    @property
    def info(self) -> EmbedderInfo:
        """That of the embedder."""
        return self._embedder.info

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """As the embedder."""
        return self._each("document", texts, self._embedder.embed_documents)

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """As the embedder."""
        return self._each("query", texts, self._embedder.embed_queries)

    def close(self) -> None:
        """Closes the file."""
        self._kept.close()

    def _each(self, way: str, texts: Sequence[str], embed: Callable[[Sequence[str]], FloatArray]) -> FloatArray:
        keys = [hashlib.sha256(f"{way}\0{text}".encode("utf-8", "surrogatepass")).digest() for text in texts]
        missing = {key: text for key, text in zip(keys, texts, strict=True) if self._vector(key) is None}
        if missing:
            rows = zip(missing, embed(list(missing.values())), strict=True)
            with self._kept:
                self._kept.executemany("INSERT INTO vectors VALUES (?, ?)", [(k, v.tobytes()) for k, v in rows])
        return np.stack([found for key in keys if (found := self._vector(key)) is not None])

    def _vector(self, key: bytes) -> FloatArray | None:
        found = self._kept.execute("SELECT data FROM vectors WHERE key = ?", (key,)).fetchone()
        return None if found is None else np.frombuffer(found[0], np.float32)


@dataclass(frozen=True)
class Score:
    """What one way of searching found, of one question or as the mean of many; each from 0 to 1."""

    recall_1: float
    recall_5: float
    recall_10: float
    ndcg_10: float
    reciprocal_rank: float

    @classmethod
    def of(cls, found: Sequence[str], gold: frozenset[str]) -> Score:
        """The score of one ranking of documents."""
        right = [document in gold for document in found[:DEPTH]]
        gain = sum(1 / math.log2(rank + 2) for rank, hit in enumerate(right) if hit)
        ideal = sum(1 / math.log2(rank + 2) for rank in range(min(len(gold), DEPTH)))
        first = right.index(True) + 1 if True in right else math.inf
        at_1, at_5, at_10 = (sum(right[:depth]) / len(gold) for depth in (1, 5, 10))
        return cls(at_1, at_5, at_10, gain / ideal, 1 / first)

    @classmethod
    def mean(cls, scores: Sequence[Score]) -> Score:
        """The mean of the scores of several questions."""
        return cls(*np.mean([score.values() for score in scores], axis=0).tolist())

    def values(self) -> tuple[float, ...]:
        """The columns."""
        return self.recall_1, self.recall_5, self.recall_10, self.ndcg_10, self.reciprocal_rank


def ways_to_search(store: Store, embedder: Embedder) -> dict[str, Search]:
    """Each way by name."""
    document_of: dict[int, str] = {}

    def documents(rows: Iterable[int]) -> list[str]:
        for row in rows:
            if row not in document_of:
                document_of[row] = store.load_chunk(row).document_id
        return list(dict.fromkeys(document_of[row] for row in rows))

    def words(question: str) -> Sequence[str]:
        return documents([row for row, _ in store.matching_chunks(question, CHUNKS)])

    def meaning(question: str) -> Sequence[str]:
        return documents([row for row, _ in store.nearest_chunks(embedder.embed_queries([question])[0], CHUNKS)])

    def fused(question: str) -> Sequence[str]:
        known = knows(embedder.info.languages, question)
        vector = embedder.embed_queries([question])[0] if known else None
        query = Query(question, vector, named(question), is_quoted(question), UNNAMED)
        found = query.candidates(store, CHUNKS).scores
        return documents(sorted(found, key=lambda row: -found[row]))

    retriever = Retriever(store, embedder, Limits())

    def pages(question: str) -> Sequence[str]:
        return list(dict.fromkeys(hit.page.document_id for hit in retriever.search(question, 3 * DEPTH)))

    return {"words": words, "meaning": meaning, "fused": fused, "pages": pages}


class AsLists:
    """An embedder as langchain-core knows them."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Vectors of passages."""
        return [[float(value) for value in vector] for vector in self._embedder.embed_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        return [float(value) for value in self._embedder.embed_queries([text])[0]]


def plain_rag(corpus: Corpus, embedder: Embedder) -> Search | None:
    """Plain text RAG, or None if langchain-core is not installed."""
    try:
        from langchain_core.vectorstores import InMemoryVectorStore
    except ImportError:
        return None
    chunks = [chunk for document in corpus.documents for chunk in split(document)]
    plain = InMemoryVectorStore(AsLists(embedder))
    plain.add_texts([chunk.indexed_text for chunk in chunks], [{"document": chunk.document_id} for chunk in chunks])

    def search(question: str) -> Sequence[str]:
        return list(dict.fromkeys(found.metadata["document"] for found in plain.similarity_search(question, 3 * DEPTH)))

    return search


def measure(corpus: Corpus, questions: Sequence[Question], embedder: Embedder) -> Iterator[tuple[str, Score]]:
    """The mean score of each way, by name."""
    with tempfile.TemporaryDirectory() as folder, closing(Store.open(Path(folder) / "kb", embedder.info)) as store:
        Indexer(store, embedder, Limits()).add(corpus.documents)
        ways = ways_to_search(store, embedder)
        plain = plain_rag(corpus, embedder)
        for name, search in {**ways, **({"plain RAG": plain} if plain else {})}.items():
            asked = track(questions, description=f"{corpus.name}, {name}", console=Console(stderr=True), transient=True)
            yield name, Score.mean([Score.of(search(question.text), question.documents) for question in asked])


def chosen(corpus: Corpus, every: int, half: int | None) -> list[Question]:
    """The questions with evidence in the corpus, thinned out."""
    ids = {document.id for document in corpus.documents}
    questions = [question for question in corpus.questions if question.documents and question.documents <= ids][::every]
    return questions if half is None else questions[half::2]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", default=SETS, choices=[*LOADERS])
    parser.add_argument("--embedder", help="for all sets; minilm for English and e5 for the rest where not given")
    parser.add_argument("--every", type=int, default=1, help="take every n-th question")
    parser.add_argument("--half", type=int, choices=[0, 1], help="of these, take the even or the odd ones")
    parser.add_argument("--documents", type=int, help="take only the first so many documents of a set")
    parser.add_argument("--vectors", type=Path, help="folder in which vectors are kept")
    arguments = parser.parse_args()
    table = Table("set", "embedder", "questions", "search", "R@1", "R@5", "R@10", "nDCG@10", "MRR")
    for name in arguments.sets:
        corpus = LOADERS[name](arguments.data)
        corpus = replace(corpus, documents=corpus.documents[: arguments.documents])
        named = arguments.embedder or ("minilm" if corpus.language == "en" else "e5")
        questions = chosen(corpus, arguments.every, arguments.half)
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.vectors or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            with closing(KeptVectors(text_embedder(open_embedder(named)), folder / f"{named}.db")) as embedder:
                for way, score in measure(corpus, questions, embedder):
                    table.add_row(name, named, str(len(questions)), way, *(f"{value:.3f}" for value in score.values()))
        table.add_section()
    if "plain RAG" not in table.columns[3].cells:
        print("plain RAG is left out: install langchain-core", file=sys.stderr)
    Console(width=110).print(table)


if __name__ == "__main__":
    main()

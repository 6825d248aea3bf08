"""The retrieval benchmark counts what it says it counts, and runs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from glyph_rag import Document
from glyph_rag.testing import HashEmbedder

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

from reading_sets import Corpus, Question
from retrieval import KeptVectors, Score, chosen, measure

GOLD = frozenset({"a", "b"})
DOCUMENTS = tuple(Document(name, f"{name} speaks of {name * 3} and the harbour.") for name in ("ann", "bob", "cyd"))
QUESTIONS = tuple(Question(f"Who is {name * 3}?", (), frozenset({name})) for name in ("ann", "bob", "cyd"))
CORPUS = Corpus(
    "tiny", "en", DOCUMENTS, (*QUESTIONS, Question("lost?", (), frozenset({"zoe"})), Question("?", (), frozenset()))
)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (["a", "b"], (0.5, 1.0, 1.0, 1.0, 1.0)),
        (["x", "a"], (0.0, 0.5, 0.5, (1 / np.log2(3)) / (1 + 1 / np.log2(3)), 0.5)),
        ([*"uvwxyz", "a", "b"], (0.0, 0.0, 1.0, (1 / 3 + 1 / np.log2(9)) / (1 + 1 / np.log2(3)), 1 / 7)),
        ([*"qrstuvwxyz", "a"], (0.0, 0.0, 0.0, 0.0, 0.0)),
        ([], (0.0, 0.0, 0.0, 0.0, 0.0)),
    ],
)
def test_the_measures(found: list[str], expected: tuple[float, ...]) -> None:
    assert Score.of(found, GOLD).values() == pytest.approx(expected)


def test_the_mean_of_scores() -> None:
    mean = Score.mean([Score.of(["a", "b"], GOLD), Score.of([], GOLD)])
    assert mean == Score(0.25, 0.5, 0.5, 0.5, 0.5)


def test_questions_without_evidence_in_the_corpus_are_left_out() -> None:
    assert chosen(CORPUS, 1, None) == list(QUESTIONS)
    assert chosen(CORPUS, 2, None) == [QUESTIONS[0], QUESTIONS[2]]
    assert [*chosen(CORPUS, 1, 0), *chosen(CORPUS, 1, 1)] == [QUESTIONS[0], QUESTIONS[2], QUESTIONS[1]]


def test_vectors_are_kept_by_text_and_way(tmp_path: Path) -> None:
    behind = HashEmbedder()
    for _ in range(2):
        kept = KeptVectors(behind, tmp_path / "v.db")
        found = kept.embed_documents(["one", "two", "one"])
        assert np.array_equal(found, HashEmbedder().embed_documents(["one", "two", "one"]))
        kept.embed_queries(["one"])
        kept.close()
    assert behind.embedded == ["one", "two"]


def test_every_way_finds_what_is_easy_to_find() -> None:
    scores = dict(measure(CORPUS, QUESTIONS, HashEmbedder()))
    assert {"words", "meaning", "fused", "pages"} <= set(scores)
    assert all(score == Score(1.0, 1.0, 1.0, 1.0, 1.0) for score in scores.values())

"""Joining what is near in meaning with what shares words; and spreading hits out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.search.fusion import DENSE_SHARE, Scale
from glyph_rag.search.mmr import diversified

SIMILARITIES = st.dictionaries(st.integers(0, 30), st.floats(-1, 1), max_size=20)
WORDS = st.dictionaries(st.integers(0, 30), st.floats(1e-6, 1e3), max_size=20)


def ranked(similarities: dict[int, float], words: dict[int, float], covered: float = 1.0) -> list[int]:
    scale = Scale.of(similarities, words, covered)
    scores = {row: scale.score(similarities.get(row), words.get(row)) for row in {*similarities, *words}}
    return sorted(scores, key=lambda row: (-scores[row], row))


def test_found_by_both_beats_found_by_one() -> None:
    assert ranked({1: 0.9, 2: 0.8, 3: 0.1}, {4: 9.0, 2: 8.0, 5: 1.0})[0] == 2


def test_a_clear_lead_counts_for_more_than_a_narrow_one() -> None:
    assert ranked({1: 0.90, 2: 0.89, 3: 0.10}, {2: 9.0, 1: 2.0, 3: 1.0}, 0.7)[0] == 2


def test_without_vectors_the_words_decide_and_the_other_way_round() -> None:
    found = {3: 7.0, 1: 5.0, 2: 1.0}
    assert ranked({}, found) == ranked(found, {}) == [3, 1, 2]
    assert ranked({}, found, 0.0) == ranked(found, {}, 0.0) == [3, 1, 2]
    assert Scale.of({}, found).score(None, 7.0) == Scale.of(found, {}).score(7.0, None) == 1.0
    assert Scale.of({}, {}).score(None, None) == 0.0


def test_the_less_of_a_question_is_found_the_less_words_count() -> None:
    near, words = {1: 1.0, 2: 0.0}, {2: 5.0, 1: 0.1}
    assert ranked(near, words, 1.0) == [2, 1]
    assert ranked(near, words, 0.2) == [1, 2]
    shares = [Scale.of(near, words, covered / 10).dense_share for covered in range(11)]
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == (1.0, pytest.approx(DENSE_SHARE))


def test_one_candidate_is_as_near_as_anything_is() -> None:
    assert Scale.of({1: 0.3}, {1: 2.0}).score(0.3, 2.0) == pytest.approx(1.0)


@given(SIMILARITIES, WORDS, st.floats(0, 1))
def test_scores_stay_between_0_and_1_and_grow_with_both_halves(
    similarities: dict[int, float], words: dict[int, float], covered: float
) -> None:
    scale = Scale.of(similarities, words, covered)
    for row in {*similarities, *words}:
        score = scale.score(similarities.get(row), words.get(row))
        assert 0.0 <= score <= 1.0
        if row in words:
            assert scale.score(similarities.get(row), words[row] * 2) >= score
        if row in similarities:
            assert scale.score(similarities[row] + 0.1, words.get(row)) >= score
    if similarities and words:
        assert scale.score(max(similarities.values()), max(words.values())) == pytest.approx(1.0)


@st.composite
def vectors(draw: st.DrawFn) -> np.ndarray:
    seed, count = draw(st.integers(0, 10_000)), draw(st.integers(1, 12))
    found = np.random.default_rng(seed).standard_normal((count, 4)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@given(vectors(), st.floats(0, 1), st.randoms(use_true_random=False))
def test_each_next_one_is_the_best_trade(found: np.ndarray, relevance: float, chance) -> None:
    scores = [chance.random() for _ in found]
    order = diversified(scores, found, relevance)
    assert sorted(order) == list(range(len(found)))
    alike = (found @ found.T).astype(float)
    low = alike.min()

    def trade(at: int, before: list[int]) -> float:
        nearest = max(((alike[at, other] - low) / (1 - low) if low < 1 else 1.0 for other in before), default=0.0)
        return relevance * scores[at] - (1 - relevance) * max(0.0, nearest)

    for place, at in enumerate(order):
        best = max(trade(other, order[:place]) for other in order[place:])
        assert trade(at, order[:place]) == pytest.approx(best, abs=1e-5)


def test_lambda_1_is_by_score_and_a_double_comes_last() -> None:
    found = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert diversified([0.9, 0.8, 0.1], found, 1.0) == [0, 1, 2]
    assert diversified([0.9, 0.8, 0.1], found, 0.3) == [0, 2, 1]
    assert diversified([], np.zeros((0, 2), np.float32), 0.5) == []

"""Joining the dense and the lexical ranking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.search.fusion import fuse

SCORES = st.floats(-1e6, 1e6)
RANKINGS = st.lists(st.tuples(st.integers(0, 30), SCORES), max_size=20)


def _ids(ranking: list[tuple[int, float]]) -> list[int]:
    return [key for key, _ in ranking]


def test_found_by_both_beats_found_by_one() -> None:
    fused = fuse([(1, 0.9), (2, 0.8), (3, 0.1)], [(4, 9.0), (2, 8.0), (5, 1.0)])
    assert _ids(fused)[0] == 2


def test_without_vectors_the_words_decide_and_the_other_way_round() -> None:
    ranking = [(3, 7.0), (1, 5.0), (2, 1.0)]
    assert _ids(fuse([], ranking)) == [3, 1, 2]
    assert _ids(fuse(ranking, [])) == [3, 1, 2]
    assert fuse([], ranking)[0][1] == 1.0
    assert fuse([], list[tuple[int, float]]()) == []


def test_a_clear_lead_counts_for_more_than_a_narrow_one() -> None:
    fused = fuse([(1, 0.90), (2, 0.89), (3, 0.10)], [(2, 9.0), (1, 2.0), (3, 1.0)])
    assert _ids(fused)[0] == 2


def test_equal_scores_stand_in_the_order_of_their_ids() -> None:
    assert _ids(fuse([(9, 1.0), (2, 1.0), (5, 1.0)], [])) == [2, 5, 9]
    assert [key for key, _ in fuse([("b", 1.0)], [("a", 3.0)])] == ["a", "b"]


def test_an_id_that_stands_twice_counts_once_with_its_best_score() -> None:
    assert fuse([(1, 0.2), (1, 0.9), (2, 0.4)], [], dense_share=0.3) == fuse([(1, 0.9), (2, 0.4)], [])


def test_the_share_decides_who_leads() -> None:
    dense, lexical = [(1, 1.0), (2, 0.0)], [(2, 5.0), (1, 0.0)]
    assert _ids(fuse(dense, lexical, dense_share=0.8)) == [1, 2]
    assert _ids(fuse(dense, lexical, dense_share=0.2)) == [2, 1]


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="dense_share"):
        fuse([(1, 1.0)], [(1, 1.0)], dense_share=share)


@given(RANKINGS, RANKINGS, st.floats(0, 1))
def test_every_id_comes_back_once_in_order(
    dense: list[tuple[int, float]], lexical: list[tuple[int, float]], share: float
) -> None:
    fused = fuse(dense, lexical, dense_share=share)
    assert sorted(_ids(fused)) == sorted({key for key, _ in [*dense, *lexical]})
    assert all(-1e-9 <= score <= 1 + 1e-9 for _, score in fused)
    assert fused == sorted(fused, key=lambda item: (-item[1], item[0]))
    assert fused == fuse(dense[::-1], lexical[::-1], dense_share=share)

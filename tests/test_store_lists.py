"""The approximate index: as good as exact search where it matters, exact under narrow filters, and never trusted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.store import building, lists
from glyph_rag.store.building import listed
from glyph_rag.store.lists import Lists
from glyph_rag.store.load import Vectors
from glyph_rag.store.vectors import Exact, Precision, VectorIndex

DIMENSION = 24
NOTHING = np.zeros(0, np.int64)


def clustered(count: int, seed: int) -> np.ndarray:
    """Unit vectors around forty centres: float32 (count, 24)."""
    chance = np.random.default_rng(0)
    centres = chance.standard_normal((40, DIMENSION)).astype(np.float32)
    chance = np.random.default_rng(seed)
    found = centres[chance.integers(0, 40, count)] + 0.5 * chance.standard_normal((count, DIMENSION))
    unit: np.ndarray = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit


def vectors(first: int, data: np.ndarray) -> Vectors:
    """Two vectors to an owner, four to a document."""
    rows = np.arange(first, first + len(data), dtype=np.int64)
    return Vectors(rows, rows // 2, rows // 4, data)


def exact(data: np.ndarray, precision: Precision = "float32") -> VectorIndex:
    return VectorIndex(DIMENSION, precision).updated([vectors(1, data)], NOTHING, 1, "one")


def lists_of(index: VectorIndex) -> Lists:
    found = index.blocks[0].index
    assert isinstance(found, Lists)
    return found


def looked() -> None:
    """Called by what takes long."""


def recall(found: VectorIndex, true: VectorIndex, queries: np.ndarray, documents: np.ndarray | None = None) -> float:
    shares = []
    for query in queries:
        last = true.search(query, 10, documents)[-1][1]
        shares.append(np.mean([score >= last - 1e-5 for _, score in found.search(query, 10, documents)]))
    return float(np.mean(shares))


@pytest.fixture(scope="module")
def large() -> VectorIndex:
    return exact(clustered(6_000, 1))


@pytest.fixture(scope="module")
def large_listed(large: VectorIndex) -> VectorIndex:
    return listed(large, looked)


@given(
    data=st.integers(2, 300).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, 9))),
    gone=st.sets(st.integers(1, 300), max_size=60),
    documents=st.none() | st.sets(st.integers(0, 80)),
    count=st.integers(1, 40),
    precision=st.sampled_from(["float32", "float16"]),
    narrow=st.sampled_from([0, 20, 10**6]),
)
@settings(max_examples=40)
def test_looking_into_all_lists_is_exact_search(
    data: tuple[int, int], gone: set[int], documents: set[int] | None, count: int, precision: Precision, narrow: int
) -> None:
    index = exact(clustered(*data), precision)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building, "_AIM", 1.0)
        patch.setattr(building, "_FEWEST_PROBED", 10**6)
        patch.setattr(lists, "EXACT_BELOW", narrow)
        other = listed(index, looked)
        assert lists_of(other).tuning.probed == len(lists_of(other).centres)
        rows = np.array(sorted(gone), np.int64)
        added = vectors(1000, clustered(7, 77))
        index, other = (one.updated([added], rows, 2, "two") for one in (index, other))
        assert other.rows().tolist() == index.rows().tolist()
        chosen = None if documents is None else np.array(sorted(documents), np.int64)
        for query in clustered(3, 99):
            expected, found = (one.search(query, count, chosen) for one in (index, other))
            assert np.allclose([s for _, s in found], [s for _, s in expected], atol=1e-5)
            truth = dict(index.search(query, 10**6, chosen))
            assert {owner for owner, _ in found} <= set(truth)


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_recall_is_what_was_aimed_at_and_what_is_reported(
    large: VectorIndex, large_listed: VectorIndex, noise: float
) -> None:
    chance = np.random.default_rng(5)
    queries = clustered(200, 2) + noise * chance.standard_normal((200, DIMENSION)).astype(np.float32)
    tuning = lists_of(large_listed).tuning
    assert recall(large_listed, large, queries) >= 0.97
    assert 0.97 <= tuning.recall <= 1
    assert tuning.probed < len(lists_of(large_listed).centres) / 2
    assert (tuning.trained, tuning.asked) == (6_000, 128)


def test_directions_without_any_structure_are_found_by_looking_harder() -> None:
    data = np.random.default_rng(3).standard_normal((3_000, DIMENSION)).astype(np.float32)
    index = exact(data / np.linalg.norm(data, axis=1, keepdims=True))
    other = listed(index, looked)
    assert recall(other, index, np.random.default_rng(4).standard_normal((100, DIMENSION)).astype(np.float32)) >= 0.97


def test_a_narrow_filter_is_exact_however_coarse_the_bytes(large: VectorIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    # One component of a thousandfold range leaves nothing of the others in a byte.
    data = clustered(2_000, 6) * np.float32(0.05)
    data[:, 0] = np.linspace(0, 1e-6, len(data), dtype=np.float32)
    data[7, 1:] = 40
    index = exact(data)
    other = listed(index, looked)
    monkeypatch.setattr(lists, "_MARGINAL", 0)
    documents = np.arange(3, 400, 2)
    for query in clustered(50, 8):
        assert np.allclose(
            [s for _, s in other.search(query, 10, documents)], [s for _, s in index.search(query, 10, documents)]
        )


def test_a_wide_filter_finds_what_lies_far_from_the_query(
    large: VectorIndex, large_listed: VectorIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "EXACT_BELOW", 100)
    query = clustered(1, 9)[0]
    order = [owner for owner, _ in large.search(query, 6_000)]
    # Every document that has anything in the half that is nearer to the query is shut out.
    near = {owner // 2 for owner in order[:3_000]}
    documents = np.array(sorted({owner // 2 for owner in order} - near), np.int64)
    true = large.search(query, 10, documents)
    assert recall(large_listed, large, query[None], documents) >= 0.8
    assert {owner // 2 for owner, _ in large_listed.search(query, 50, documents)} <= set(documents.tolist())
    assert len(large_listed.search(query, 50, documents)) == min(50, len(large.search(query, 50, documents)))
    assert large_listed.search(query, 10, documents)[0][1] == pytest.approx(true[0][1], abs=1e-5)


def test_a_wide_filter_that_shuts_out_what_the_query_is_about_looks_harder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "EXACT_BELOW", 100)
    chance = np.random.default_rng(3)
    topics = chance.standard_normal((60, DIMENSION))
    of = chance.integers(0, 60, 6_000)
    data = topics[of] + 0.6 * chance.standard_normal((6_000, DIMENSION))
    data = (data / np.linalg.norm(data, axis=1, keepdims=True)).astype(np.float32)
    rows = np.arange(1, 6_001)
    true = VectorIndex(DIMENSION).updated([Vectors(rows, rows, rows, data)], NOTHING, 1, "one")
    found = listed(true, looked)
    shares = []
    for query in data[::300]:
        far = np.argsort(topics @ query)[:30]
        shares.append(recall(found, true, query[None], rows[np.isin(of, far)]))
    assert np.mean(shares) >= 0.95


def test_what_comes_later_is_found_at_once_and_filed_under_the_same_centres(
    large: VectorIndex, large_listed: VectorIndex
) -> None:
    new, gone = vectors(6_001, clustered(500, 10)), np.arange(1, 6_000, 7)
    true = large.updated([new], gone, 2, "two")
    found = large_listed.updated([new], gone, 2, "two")
    queries = clustered(60, 11)
    assert [type(block.index) for block in found.blocks] == [Lists, Exact]
    assert recall(found, true, queries) >= 0.97
    filed = listed(found, looked)
    assert filed.rows().tolist() == true.rows().tolist()
    assert lists_of(filed).centres is lists_of(large_listed).centres
    assert lists_of(filed).tuning.trained == 6_000
    assert recall(filed, true, queries) >= 0.97
    owners = np.array([3, 4, 3_100, 10**9])
    expected, given_back = true.all_vectors_of(owners), filed.all_vectors_of(owners)
    assert expected.keys() == given_back.keys() == {3, 4, 3_100}
    assert all(np.array_equal(expected[owner], given_back[owner]) for owner in expected)
    doubled = filed.updated([vectors(7_000, clustered(6_500, 12))], NOTHING, 3, "three")
    assert lists_of(listed(doubled, looked)).tuning.trained == len(doubled)


def test_an_index_follows_a_later_one(large: VectorIndex, large_listed: VectorIndex) -> None:
    later = large.updated([vectors(6_001, clustered(40, 13))], np.array([5, 6_003]), 2, "two")
    later = later.updated([vectors(6_041, clustered(3, 14))], np.array([6_041 - 2, 9]), 3, "three")
    found = large_listed.followed(later)
    assert (found.generation, found.state) == (3, "three")
    assert found.rows().tolist() == later.rows().tolist()
    assert recall(found, later, clustered(30, 15)) >= 0.97


def test_a_query_that_is_no_number_finds_nothing(large_listed: VectorIndex) -> None:
    nothing = np.full(DIMENSION, np.nan, np.float32)
    assert large_listed.search(nothing, 10) == large_listed.search(nothing, 10, np.arange(50)) == []


def test_many_threads_search_at_once(large_listed: VectorIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "EXACT_BELOW", 500)
    queries, some, many = clustered(40, 16), np.arange(0, 100), np.arange(0, 1_500, 2)

    def search(query: np.ndarray) -> list[list[tuple[int, float]]]:
        return [large_listed.search(query, 10, documents) for documents in (None, some, many)]

    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(search, queries))
    assert together == [search(query) for query in queries]

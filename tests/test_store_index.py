"""The index of vectors: exact whatever is added and removed, kept up at the cost of what changed, and never trusted."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.corpus.document import Document
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store import indexfile
from glyph_rag.store.load import Vectors
from glyph_rag.store.store import Store
from glyph_rag.store.vectors import Precision, VectorIndex
from glyph_rag.testing import HashEmbedder

EMBEDDER = HashEmbedder(16)
DIMENSION = 8


def unit(count: int, seed: int) -> np.ndarray:
    found = np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def vectors(first: int, count: int) -> Vectors:
    rows = np.arange(first, first + count, dtype=np.int64)
    return Vectors(rows, rows + 1000, rows // 3, unit(count, first))


CHANGES = st.lists(st.tuples(st.integers(0, 40), st.sets(st.integers(1, 200), max_size=20)), max_size=8)


@given(
    changes=CHANGES,
    documents=st.none() | st.sets(st.integers(0, 60)),
    precision=st.sampled_from(["float32", "float16"]),
)
def test_an_index_is_brute_force_over_what_is_there(
    changes: list[tuple[int, set[int]]], documents: set[int] | None, precision: Precision
) -> None:
    index, there, last = VectorIndex(DIMENSION, precision), {}, 0
    for generation, (count, gone) in enumerate(changes, 1):
        new = vectors(last + 1, count)
        before = index
        held = len(before)
        index = index.updated([new] if count else [], np.array(sorted(gone), np.int64), generation, "")
        assert len(before) == held  # Whoever searches the old one goes on.
        there.update(zip(new.rows.tolist(), new.data, strict=True))
        last += count
        there = {row: vector for row, vector in there.items() if row not in gone or row > last - count}
    assert index.rows().tolist() == sorted(there)
    assert index.compacted().rows().tolist() == sorted(there)
    assert len(index.blocks) <= 1 + np.log2(max(2, last))
    query = unit(1, 999)[0]
    chosen = None if documents is None else np.array(sorted(documents), np.int64)
    expected = sorted(
        (
            (row + 1000, float(vector @ query))
            for row, vector in there.items()
            if documents is None or row // 3 in documents
        ),
        key=lambda hit: (-hit[1], hit[0]),
    )
    for searched in (index, index.compacted()):
        found = searched.search(query, 5, chosen)
        assert np.allclose([s for _, s in found], [s for _, s in expected[:5]], atol=2e-3)
        assert {row for row, _ in found} <= {row for row, _ in expected}
        assert len(found) == min(5, len(expected))


@pytest.mark.parametrize("precision", ["float32", "float16"])
@pytest.mark.parametrize("count", [0, 1, 500])
def test_an_index_comes_back_from_its_file(tmp_path: Path, precision: Precision, count: int) -> None:
    index = VectorIndex(DIMENSION, precision).updated(
        [vectors(1, count)] if count else [], np.array([3], np.int64), 7, "name"
    )
    indexfile.save(index, tmp_path, "store")
    (path,) = tmp_path.iterdir()
    assert path.name == "index-7.faiss"
    again = indexfile.load(path, indexfile.read_header(path))
    assert again is not None
    assert (again.generation, again.state, again.last_row, again.precision) == (7, "name", index.last_row, precision)
    assert again.rows().tolist() == index.rows().tolist()
    assert again.search(unit(1, 5)[0], 9) == index.search(unit(1, 5)[0], 9)


def _claims(path: Path, **changed: object) -> None:
    """Rewrites the header of an index file, and makes its checksum fit."""
    _, line, data = path.read_bytes().split(b"\n", 2)
    path.write_bytes(_with_digest(json.dumps({**json.loads(line), **changed}).encode()) + data)


def _with_digest(line: bytes) -> bytes:
    return hashlib.sha256(line).hexdigest().encode() + b"\n" + line + b"\n"


HOSTILE: dict[str, Callable[[Path], None]] = {
    "more vectors than there are": lambda path: _claims(path, count=10**9),
    "fewer": lambda path: _claims(path, count=1),
    "a negative number": lambda path: _claims(path, count=-1),
    "a number that is none": lambda path: _claims(path, count="1"),
    "endless": lambda path: _claims(path, count=float("inf")),
    "no digests": lambda path: _claims(path, digests=[]),
    "digests that are none": lambda path: _claims(path, digests=7),
    "another dimension": lambda path: _claims(path, dimension=10**6),
    "a precision that is none": lambda path: _claims(path, precision="float8"),
    "another format": lambda path: _claims(path, format="glyph-rag-index-1"),
    "another store": lambda path: _claims(path, store="other"),
    "another past": lambda path: _claims(path, state="other"),
    "a later generation": lambda path: _claims(path, generation=10**6),
    "rows of the future": lambda path: _claims(path, last_row=0),
    "no header": lambda path: path.write_bytes(b""),
    "a long line": lambda path: path.write_bytes(b"x" * (3 << 20)),
    "no JSON": lambda path: path.write_bytes(b"\n\n"),
    "JSON that is too deep": lambda path: path.write_bytes(_with_digest(b"[" * 500_000)),
    "a list": lambda path: path.write_bytes(b"4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945\n[]\n"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_index_file_is_passed_over(tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add(Document(f"d{n}", f"words of number{n}") for n in range(20))
    (path,) = tmp_path.glob("index-*")
    HOSTILE[what](path)
    with caplog.at_level(logging.INFO), closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        row, score = store.nearest_chunks(EMBEDDER.embed_queries(["words of number7"])[0], 1)[0]
        assert (store.load_chunk(row).document_id, round(score, 4)) == ("d7", 1.0)
    assert path.name in caplog.text


def test_a_file_of_nothing_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add([Document("x", "some words")])
    (path,) = tmp_path.glob("index-*")
    count = 2**30
    _claims(path, count=count, digests=["0" * 64] * 7)
    line = path.read_bytes().split(b"\n", 2)[1]
    path.write_bytes(_with_digest(line + b" " * (-(66 + len(line)) % 64)))
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size + count * (3 * 8 + 4 * EMBEDDER.info.dimension))
    hashed = []
    monkeypatch.setattr(indexfile, "_digests", lambda portions: (hashed.append(portion) or "" for portion in portions))
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        assert len(store.nearest_chunks(EMBEDDER.embed_queries(["some words"])[0], 5)) == 1
    assert 0 < len(hashed) < 100


def test_a_newer_index_of_another_process_stays(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as slow, closing(Store.open(tmp_path, EMBEDDER.info)) as quick:
        Indexer(slow, EMBEDDER, Limits()).add([Document("x", "some words")])
        older = slow.searchable()[0]
        Indexer(quick, EMBEDDER, Limits()).add([Document("y", "other words")])
        (newer,) = tmp_path.glob("index-*")
        (tmp_path / "index-0.faiss.tmp").write_bytes(b"left over")
        indexfile.save(older, tmp_path, indexfile.read_header(newer).store)
        assert newer in set(tmp_path.glob("index-*"))
        assert not (tmp_path / "index-0.faiss.tmp").exists()
        Indexer(slow, EMBEDDER, Limits()).add([Document("z", "more words")])
        assert [path.name for path in tmp_path.glob("index-*")] == ["index-3.faiss"]


def test_a_disk_that_refuses_the_index_does_not_lose_the_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("glyph_rag.store.indexfile.write_atomically", refuse)
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add([Document("x", "words")])
        assert "no space left" in caplog.text
        assert len(store.nearest_chunks(EMBEDDER.embed_queries(["words"])[0], 5)) == 1
    assert list(tmp_path.glob("index-*")) == []


def test_keeping_up_looks_at_what_changed_and_nothing_else(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add(Document(f"d{n}", f"words of number{n}") for n in range(300))
        query = EMBEDDER.embed_queries(["words"])[0]
        store.nearest_chunks(query, 1)
        with store.reading() as snapshot:
            connection = snapshot.connection
        Indexer(store, EMBEDDER, Limits()).add([Document("d7", "changed"), Document("new", "added")])
        store.delete(["d8"])
        steps: list[int] = []
        connection.set_progress_handler(lambda: steps.append(1) and 0, 20)
        assert len(store.nearest_chunks(query, 1000)) == 300
        connection.set_progress_handler(None, 0)
    # A look at every row of the store would be some thousand steps of SQLite's machine.
    assert len(steps) * 20 < 1500


def test_the_log_of_what_has_gone_is_cut_and_an_index_older_than_that_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glyph_rag.store.store.GONE_KEPT", 5)
    with closing(Store.open(tmp_path, EMBEDDER.info)) as old, closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        query = EMBEDDER.embed_queries(["words of number3"])[0]
        for turn in range(6):
            Indexer(store, EMBEDDER, Limits()).add(
                Document(f"d{n}", f"words of number{n}, turn{turn}") for n in range(6)
            )
            if turn == 0:
                assert len(old.nearest_chunks(query, 100)) == 6  # Makes an index of this generation.
        with store.reading() as snapshot:
            assert snapshot.connection.execute("SELECT count(*) FROM gone").fetchone()[0] < 30
            (floor,) = snapshot.connection.execute("SELECT value FROM meta WHERE key = 'gone since'").fetchone()
            assert int(floor) > 1
        for one in (old, store):
            found = [one.load_chunk(row).text for row, _ in one.nearest_chunks(query, 100)]
            assert sorted(found) == [f"words of number{n}, turn5" for n in range(6)]


def test_opening_to_add_does_not_read_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add(Document(f"d{n}", f"words of number{n}") for n in range(100))
    read: list[object] = []
    monkeypatch.setattr(indexfile, "load", lambda *arguments: read.append(arguments))
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add([Document("new", "words")])
    assert read == []


def test_no_pickle_and_no_reader_of_faiss_in_the_store() -> None:
    source = Path(indexfile.__file__).parent
    for path in source.glob("*.py"):
        text = path.read_text("utf-8")
        for word in ("pickle", "marshal", "read_index", "deserialize_index", "allow_pickle", "enable_load"):
            assert word not in text, (path.name, word)

"""What is on disk: formats of the past, namespaces, typed metadata, and files nobody should follow."""

from __future__ import annotations

import gzip
import json
import math
import os
import sqlite3
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from glyph_rag.corpus.document import Document, Mark
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.errors import InputError, StoreDamagedError, StoreError, StoreLockedError, StoreMismatchError
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store.compact import compact
from glyph_rag.store.connect import connect
from glyph_rag.store.doctor import examine
from glyph_rag.store.exchange import export_lines
from glyph_rag.store.identity import embedder_of
from glyph_rag.store.overview import overview
from glyph_rag.store.scope import Named, Scope
from glyph_rag.store.snapshots import writer_lock
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder
from glyph_rag.typeset.profile import RenderProfile

EMBEDDER = HashEmbedder(16)
FORMAT_1 = Path(__file__).parent / "store_format_1.db.gz"


def add(store: Store, *entries: Document, namespace: str = "") -> None:
    Indexer(store, EMBEDDER, Limits(), namespace).add(entries)


@pytest.fixture
def format_1(tmp_path: Path) -> Path:
    """A store that the first version of this package made."""
    (tmp_path / "glyph.db").write_bytes(gzip.decompress(FORMAT_1.read_bytes()))
    return tmp_path


def as_if_set_today(folder: Path) -> None:
    """Typesetting has changed since; this says it has not."""
    profile = RenderProfile()
    with closing(sqlite3.connect(folder / "glyph.db")) as connection:
        for key, value in {"render profile": profile.fingerprint, "profile": profile.to_json()}.items():
            connection.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))
        connection.commit()


def test_a_store_of_format_1_is_brought_up_to_date(format_1: Path) -> None:
    as_if_set_today(format_1)
    (format_1 / "index-5.faiss").write_bytes(b'{"format": "glyph-rag-index-1"}\nold')
    assert embedder_of(format_1) == "hash"
    with closing(Store.open(format_1, EMBEDDER.info)) as store:
        assert store.document_ids() == ["d0", "d1", "d2", "d4", "long", "odd", "tree/leave.md", "tree/ports.txt"]
        assert store.tree_path("tree") == Path("/srv/tree")
        assert set(store.files_of_tree("tree")) == {"tree/leave.md", "tree/ports.txt"}
        query = "Document number 4 talks about topic4."
        for found in (store.nearest_chunks(EMBEDDER.embed_queries([query])[0], 1), store.matching_chunks(query, 1)):
            chunk = store.load_chunk(found[0][0])
            assert (chunk.document_id, chunk.text) == ("d4", query)
        page = store.load_page(store.pages_of_chunks([found[0][0]])[found[0][0]][0])
        assert page.metadata == {"n": 4, "even": True, "none": None}
        add(store, Document("new", "zebras"))
        assert store.delete(["long"]) == 1
    assert [finding for finding in examine(format_1) if not finding.harmless] == []


def test_nothing_is_embedded_again_when_format_1_is_brought_up_to_date(format_1: Path) -> None:
    as_if_set_today(format_1)
    embedder = HashEmbedder(16)
    with closing(Store.open(format_1, embedder.info)) as store:
        numbers = {"n": 1, "even": False, "none": None}
        report = Indexer(store, embedder, Limits()).add(
            [Document("d1", "Document number 1 talks about topic1.", metadata=numbers)]
        )
    assert (report.unchanged + report.updated, report.embedded, embedder.embedded) == (1, 0, [])


def test_a_store_of_format_1_that_was_set_otherwise_is_refused_untouched_and_can_be_exported(format_1: Path) -> None:
    with closing(sqlite3.connect(format_1 / "glyph.db")) as connection:
        connection.execute("UPDATE meta SET value = 'of long ago' WHERE key = 'render profile'")
        connection.commit()
    before = (format_1 / "glyph.db").read_bytes()
    with pytest.raises(StoreMismatchError, match=r"export.*import"):
        Store.open(format_1, EMBEDDER.info, RenderProfile())
    with closing(sqlite3.connect(format_1 / "glyph.db")) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert len((format_1 / "glyph.db").read_bytes()) == len(before)
    with pytest.raises(StoreMismatchError, match="glyph-rag compact"):
        overview(format_1)
    compact(format_1)
    lines = [json.loads(line) for line in export_lines(format_1)]
    assert [line["id"] for line in lines[1:-1]] == [
        "d0", "d1", "d2", "d4", "long", "odd", "tree/leave.md", "tree/ports.txt",
    ]  # fmt: skip
    assert next(line for line in lines if line.get("id") == "odd")["text"] == "lone \ud800 surrogate and 你好"


def test_a_store_of_format_1_waits_for_its_writer(format_1: Path) -> None:
    as_if_set_today(format_1)
    with writer_lock(format_1), pytest.raises(StoreLockedError):
        Store.open(format_1, EMBEDDER.info)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE documents SET text = CAST('other words' AS BLOB)", "UPDATE documents SET marks = '['",
        "UPDATE documents SET metadata = 5", "UPDATE chunks SET start = 'x'", "UPDATE chunks SET headings = 7",
        "UPDATE chunks SET content = x'00'", "UPDATE chunks SET vector = x'000000'", "DELETE FROM blocks",
        "DELETE FROM meta WHERE key = 'generation'",
    ],
)  # fmt: skip
def test_a_damaged_store_of_format_1_is_left_as_it_is(format_1: Path, damage: str) -> None:
    with closing(sqlite3.connect(format_1 / "glyph.db")) as connection:
        connection.execute(damage)
        connection.commit()
        before = list(connection.iterdump())
    with pytest.raises(StoreDamagedError):
        compact(format_1)
    with closing(sqlite3.connect(format_1 / "glyph.db")) as connection:
        assert list(connection.iterdump()) == before
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)


def test_a_store_of_the_future_is_refused(tmp_path: Path) -> None:
    Store.open(tmp_path, EMBEDDER.info).close()
    with closing(sqlite3.connect(tmp_path / "glyph.db")) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreMismatchError, match="upgrade glyph-rag"):
        Store.open(tmp_path, EMBEDDER.info)


def test_a_namespace_sees_its_own_documents_only(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        add(store, Document("same", "whales swim in the sea"))
        add(store, Document("same", "whales sleep in the sea"), namespace="blue")
        add(store, Document("other", "whales sing in the sea"), namespace="red")
        for namespace, expected in {"": "whales swim", "blue": "whales sleep", "red": "whales sing"}.items():
            scope = Scope(namespace)
            near = store.nearest_chunks(EMBEDDER.embed_queries(["whales"])[0], 10, scope)
            found = store.matching_chunks("whales sea", 10, scope)
            for ((row, _),) in (near, found):
                assert store.load_chunk(row).text == f"{expected} in the sea"
        assert len(store.nearest_chunks(EMBEDDER.embed_queries(["whales"])[0], 10)) == 1
        assert len(store.nearest_chunks(EMBEDDER.embed_queries(["whales"])[0], 10, Scope(None))) == 3
        assert store.nearest_chunks(EMBEDDER.embed_queries(["whales"])[0], 10, Scope("nobody")) == []
        row = store.pages_of_chunks([near[0][0]])[near[0][0]][0]
        page_id = store.load_page(row).id
        assert (store.page_row(page_id), store.page_row(page_id, "red")) == (None, row)
        assert store.delete(["same"], "red") == 0
        assert store.delete(["same"], "blue") == 1
        assert store.document_ids() == ["same"]


def test_equal_words_are_embedded_once_whoever_has_them(tmp_path: Path) -> None:
    embedder = HashEmbedder(16)
    with closing(Store.open(tmp_path, embedder.info)) as store:
        Indexer(store, embedder, Limits()).add([Document("a", "the same words")])
        report = Indexer(store, embedder, Limits(), "blue").add([Document("b", "the same words")])
    assert (report.added, report.embedded, embedder.embedded) == (1, 0, ["the same words"])


def test_a_file_that_moves_keeps_its_vectors(tmp_path: Path) -> None:
    tree, embedder = tmp_path / "tree", HashEmbedder(16)
    tree.mkdir()
    (tree / "a.txt").write_text("The words of a file that moves.")
    with closing(Store.open(tmp_path / "kb", embedder.info)) as store:
        Indexer(store, embedder, Limits()).add_path(tree)
        (tree / "deeper").mkdir()
        (tree / "a.txt").rename(tree / "deeper" / "b.txt")
        report = Indexer(store, embedder, Limits()).add_path(tree, sync=True)
        assert (report.added, report.removed, report.embedded) == (1, 1, 0)
        assert store.document_ids() == ["tree/deeper/b.txt"]


def test_a_document_that_turns_up_in_a_file_goes_with_the_file(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.txt").write_text("Words.")
    with closing(Store.open(tmp_path / "kb", EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add_path(tree)
        lines = list(export_lines(tmp_path / "kb"))
    with closing(Store.open(tmp_path / "new", EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add_exported(lines)
        assert Indexer(store, EMBEDDER, Limits()).add_path(tree).unchanged == 1
        (tree / "a.txt").unlink()
        assert Indexer(store, EMBEDDER, Limits()).add_path(tree, sync=True).removed == 1


TYPED = "SELECT document FROM metadata WHERE key = ? AND kind = ? AND value {} ?"


@pytest.mark.parametrize(
    ("operator", "key", "kind", "value", "expected"),
    [
        ("=", "v", "number", 1, {"int", "float"}),
        ("=", "v", "bool", 1, {"bool"}),
        ("=", "v", "text", "1", {"text"}),
        ("<", "v", "number", 2.5, {"int", "float", "small"}),
        (">=", "v", "number", 1.5, {"large"}),
        (">", "v", "text", "1", {"word", "odd"}),
        ("=", "v", "text", "\ud800".encode("utf-8", "surrogatepass"), {"odd"}),
        ("=", "nothing", "text", "", set()),
    ],
)
def test_metadata_is_compared_by_type(
    tmp_path: Path, operator: str, key: str, kind: str, value: str | float, expected: set[str]
) -> None:
    values = {
        "int": 1, "float": 1.0, "bool": True, "text": "1", "null": None, "nan": math.nan, "word": "ü", "odd": "\ud800",
        "large": 2**63 - 1, "small": -math.inf,
    }  # fmt: skip
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        add(store, *(Document(name, f"words {name}", metadata={"v": value}) for name, value in values.items()))
        scope = Scope("", Named(TYPED.format(operator), (key, kind, value)))
        found = store.nearest_chunks(EMBEDDER.embed_queries(["words"])[0], 99, scope)
        assert {store.load_chunk(row).document_id for row, _ in found} == expected
        found = store.matching_chunks("words", 99, scope)
        assert {store.load_chunk(row).document_id for row, _ in found} == expected


def test_a_filter_is_exact_at_any_selectivity(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        add(store, *(Document(f"d{n:03}", f"words of {n}", metadata={"v": n}) for n in range(200)))
        query = EMBEDDER.embed_queries(["words of 7"])[0]
        everything = store.nearest_chunks(query, 200)
        names = {row: store.load_chunk(row).document_id for row, _ in everything}
        for bound in (0, 1, 2, 50, 199, 200):
            scope = Scope("", Named(TYPED.format("<"), ("v", "number", bound)))
            expected = [(row, score) for row, score in everything if int(names[row][1:]) < bound]
            found = store.nearest_chunks(query, 200, scope)
            assert [row for row, _ in found] == [row for row, _ in expected]
            assert np.allclose([score for _, score in found], [score for _, score in expected])


@pytest.mark.parametrize(
    "document",
    [
        Document("\ud800", "words"),
        Document("x", "words", source="\udcff"),
        Document("x", "words", metadata={"\ud800": 1}),
        Document("x", "words", metadata={"n": 2**63}),
        Document("x", "words", metadata={"k": "\ud83d\ude00"}),
        Document("x", "words", marks=(Mark(0, "\ud83d\ude00"),)),
    ],
)
def test_what_cannot_be_stored_is_refused_before_anything_is(tmp_path: Path, document: Document) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        with pytest.raises(InputError, match=r"not UTF-8|64 bits|two surrogates"):
            add(store, Document("before", "words"), document)
        assert store.document_ids() == []


@pytest.mark.parametrize("length", [0, 1, 16_383, 16_384, 16_385, 50_000])
def test_texts_of_any_length_come_back(tmp_path: Path, length: int) -> None:
    text = ("é1\n\ud800好 " * (length // 6 + 1))[:length]
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        add(store, Document("x", text))
        line = json.loads(list(export_lines(tmp_path))[1])
        assert line["text"] == text
        with store.reading() as snapshot:
            for (row,) in snapshot.connection.execute("SELECT row FROM pages").fetchall():
                page = store.load_page(row)
                assert page.text == text[page.start : page.end]
    assert examine(tmp_path) == []


@pytest.mark.parametrize(
    "name", ["../escape", "/etc/passwd", "a\x00b", "CON", "x" * 300, "index-9.faiss", "glyph.db-wal"]
)
def test_no_file_is_named_by_a_user(tmp_path: Path, name: str) -> None:
    with closing(Store.open(tmp_path / "kb", EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits(), name).add([Document(name, "words", source=name, metadata={name: name})])
        assert store.document_ids(name) == [name]
        allowed = {"glyph.db", "glyph.db-wal", "glyph.db-shm", "writer.lock", "index-1.faiss"}
        assert {path.name for path in (tmp_path / "kb").iterdir()} <= allowed
    assert [path.name for path in tmp_path.iterdir()] == ["kb"]


def _link(path: Path) -> None:
    outside = path.parent.parent / "outside"
    outside.write_bytes(b"precious")
    path.unlink(missing_ok=True)
    path.symlink_to(outside)


def _pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
@pytest.mark.parametrize("make", [_link, _pipe, _folder])
@pytest.mark.parametrize("name", ["glyph.db", "glyph.db-wal", "glyph.db-shm", "glyph.db-journal", "writer.lock"])
def test_a_file_that_is_none_is_not_followed(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    with closing(Store.open(tmp_path / "kb", EMBEDDER.info)) as store:
        add(store, Document("x", "words"))
    make(tmp_path / "kb" / name)
    with pytest.raises(StoreError, match=r"is a link|not an ordinary file|there is no store"):
        add(Store.open(tmp_path / "kb", EMBEDDER.info, create=False), Document("y", "words"))
    if make is _link:
        assert (tmp_path / "outside").read_bytes() == b"precious"


@pytest.mark.skipif(os.name != "posix", reason="links and pipes as POSIX has them")
@pytest.mark.parametrize("make", [_link, _pipe, _folder])
def test_an_index_file_that_is_none_is_passed_over(tmp_path: Path, make: Callable[[Path], None]) -> None:
    with closing(Store.open(tmp_path / "kb", EMBEDDER.info)) as store:
        add(store, Document("x", "words"))
        make(tmp_path / "kb" / "index-1.faiss")
        make(tmp_path / "kb" / "index-2.faiss.tmp")
    with closing(Store.open(tmp_path / "kb", EMBEDDER.info)) as store:
        assert len(store.nearest_chunks(EMBEDDER.embed_queries(["words"])[0], 5)) == 1


def _journal_that_names(path: Path, other: Path) -> None:
    """A journal of a transaction over several databases, as SQLite's pager.c writes it, unsynced and so still hot."""
    magic, size = bytes.fromhex("d9d505f920a163d7"), 8192
    page, name = path.with_name("glyph.db").read_bytes()[:size], bytes(other)
    header = magic + struct.pack(">5I", 1, 0, 1, 512, size)
    record = struct.pack(">I", 1) + page + struct.pack(">I", sum(page[size - 200 : 0 : -200]))
    super_journal = struct.pack(">I", 0) + name + struct.pack(">2I", len(name), sum(name)) + magic
    path.write_bytes(header.ljust(512, b"\0") + record + super_journal)


def test_a_journal_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "kb", EMBEDDER.info)) as store:
        add(store, Document("x", "words"))
    (tmp_path / "outside").write_bytes(b"precious")
    _journal_that_names(tmp_path / "kb" / "glyph.db-journal", tmp_path / "outside")
    with pytest.raises(StoreError, match="leads to a file elsewhere"):
        Store.open(tmp_path / "kb", EMBEDDER.info)
    assert (tmp_path / "outside").read_bytes() == b"precious"


def test_a_hostile_statement_does_not_run(tmp_path: Path) -> None:
    """What a schema may call is what SQLite calls harmless: https://sqlite.org/security.html"""
    Store.open(tmp_path, EMBEDDER.info).close()
    with closing(connect(tmp_path / "glyph.db")) as connection:
        assert connection.execute("PRAGMA trusted_schema").fetchone() == (0,)
        assert connection.execute("PRAGMA cell_size_check").fetchone() == (1,)
        with pytest.raises(sqlite3.OperationalError, match="not authorized"):
            connection.execute("SELECT load_extension('evil')")
    with closing(connect(tmp_path / "glyph.db", read_only=True)) as connection, pytest.raises(sqlite3.OperationalError):
        connection.execute("DELETE FROM meta")


def test_half_precision_takes_half_the_room_and_finds_the_same(tmp_path: Path) -> None:
    entries = [Document(f"d{n}", f"words of number{n} and topic{n}") for n in range(60)]
    found, sizes = {}, {}
    for precision in ("float32", "float16"):
        with closing(Store.open(tmp_path / precision, EMBEDDER.info, precision=precision)) as store:
            add(store, *entries)
        with closing(Store.open(tmp_path / precision, EMBEDDER.info)) as store:
            near = store.nearest_chunks(EMBEDDER.embed_queries(["words of number7"])[0], 5)
            found[precision] = [(store.load_chunk(row).document_id, round(score, 2)) for row, score in near]
            with store.reading() as snapshot:
                (sizes[precision],) = snapshot.connection.execute("SELECT sum(length(data)) FROM vectors").fetchone()
        assert examine(tmp_path / precision) == []
    assert found["float32"][0] == found["float16"][0]
    assert sizes["float32"] == 2 * sizes["float16"]


def test_a_vector_that_half_precision_cannot_hold_is_refused(tmp_path: Path) -> None:
    class Loud(HashEmbedder):
        def embed_documents(self, texts: Sequence[str]) -> FloatArray:
            return super().embed_documents(texts) * np.float32(1e6)

    with closing(Store.open(tmp_path, EMBEDDER.info, precision="float16")) as store:
        with pytest.raises(InputError, match="no float16 number"):
            Indexer(store, Loud(EMBEDDER.info.dimension), Limits()).add([Document("a", "loud words")])
        assert store.document_ids() == []

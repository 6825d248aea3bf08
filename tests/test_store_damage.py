"""A damaged file is noticed or does no harm: nothing wrong is ever served as if it were right."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.corpus.document import Document
from glyph_rag.errors import StoreDamagedError, StoreMismatchError
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store.doctor import examine
from glyph_rag.store.exchange import export_lines
from glyph_rag.store.schema import PAGE_SIZE
from glyph_rag.store.seal import seal
from glyph_rag.store.store import Store
from tests import store_damage
from tests.store_damage import EMBEDDER, Observed, flipped, observe, outcome


@dataclass(repr=False)
class Sample:
    """The files of a store, what it may serve, and what it served before its last change."""

    files: dict[str, bytes]
    expected: tuple[Observed, ...]

    @cached_property
    def behind_terms(self) -> list[int]:
        """Where in the database the pages of terms say where each begins."""
        data = self.files["glyph.db"]
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(data[:18] + b"\1\1" + data[20:])  # Without a log: there is none in memory.
            blocks = [block for (block,) in connection.execute("SELECT block FROM terms_data WHERE id > 10")]
        found: list[int] = []
        for block in blocks:
            size = int.from_bytes(block[2:4], "big")  # By FTS5's file format: where what is behind begins.
            tail = data.find(block[size - 20 :])
            found += range(tail + 20, tail + 20 + len(block) - size) if tail >= 0 else ()
        return found


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)


@pytest.fixture(scope="module")
def folded(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    files = store_damage.make(tmp_path_factory.mktemp("folded") / "kb", folded=True)
    return Sample(files, store_damage.states(files))


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    files = store_damage.make(tmp_path_factory.mktemp("logged") / "kb", folded=False)
    return Sample(files, store_damage.states(files))


@settings(max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True))
def test_any_bit_of_the_database_may_turn_over(folded: Sample, place: float) -> None:
    files, expected = folded.files, folded.expected
    data = files["glyph.db"]
    assert outcome(files, "glyph.db", flipped(data, int(place * 8 * len(data))), expected[:1]) != "WRONG"


@settings(max_examples=25)
@given(place=st.floats(0, 1, exclude_max=True))
def test_the_database_may_be_cut_off_anywhere(folded: Sample, place: float) -> None:
    files, expected = folded.files, folded.expected
    data = files["glyph.db"]
    assert outcome(files, "glyph.db", data[: int(place * len(data))], expected[:1]) in ("detected", "harmless")


@settings(max_examples=30)
@given(place=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_a_damaged_log_shows_a_state_that_was(logged: Sample, place: float, cut: bool) -> None:
    files, expected = logged.files, logged.expected
    assert expected[0] != expected[1]
    data = files["glyph.db-wal"]
    damaged = data[: int(place * len(data))] if cut else flipped(data, int(place * 8 * len(data)))
    assert outcome(files, "glyph.db-wal", damaged, expected) in ("detected", "harmless")


@settings(max_examples=30)
@given(place=st.floats(0, 1, exclude_max=True), cut=st.booleans())
def test_a_damaged_index_file_does_no_harm(folded: Sample, place: float, cut: bool) -> None:
    files, expected = folded.files, folded.expected
    (name,) = (name for name in files if name.startswith("index-"))
    data = files[name]
    damaged = data[: int(place * len(data))] if cut else flipped(data, int(place * 8 * len(data)))
    assert outcome(files, name, damaged, expected[:1]) == "harmless"


@pytest.fixture
def kb(tmp_path: Path, folded: Sample) -> Path:
    for name, data in folded.files.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


@pytest.mark.parametrize("lost", [1, 100, PAGE_SIZE - 1])
@pytest.mark.parametrize("sample", ["folded", "logged"])
def test_a_database_that_lacks_its_end_is_not_served(
    tmp_path: Path, request: pytest.FixtureRequest, sample: str, lost: int
) -> None:
    for name, data in request.getfixturevalue(sample).files.items():
        (tmp_path / name).write_bytes(data[:-lost] if name == "glyph.db" else data)
    with pytest.raises(StoreDamagedError, match=r"glyph\.db is cut off"):
        observe(tmp_path)
    assert not all(finding.harmless for finding in examine(tmp_path))


def test_a_page_that_is_in_the_log_may_be_cut_off(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path / "kb", EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add([Document(str(n), f"text {n} " * 500) for n in range(50)])
        shutil.copytree(tmp_path / "kb", tmp_path / "copy")  # With all of it in the log.
    with (tmp_path / "copy" / "glyph.db").open("ab") as database:
        database.write(bytes(100))
    with closing(Store.open(tmp_path / "copy", EMBEDDER.info)) as store:
        assert len(store.document_ids()) == 50
    assert examine(tmp_path / "copy") == []


def change(folder: Path, *statements: str) -> None:
    """Changes a database behind the store's back, with a statement or two."""
    with closing(sqlite3.connect(folder / "glyph.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


DAMAGE: dict[str, tuple[str, str]] = {
    "another text": ("UPDATE texts SET data = CAST('other words' AS BLOB) WHERE document = 5", "text of document 5"),
    "no text": ("DELETE FROM texts WHERE document = 5", "text of document 5 is missing"),
    "other metadata": ("""UPDATE documents SET metadata = '{"n": 99}' WHERE row = 2""", "document 2"),
    "another source": ("UPDATE documents SET source = 'elsewhere' WHERE row = 2", "document 2"),
    "another tenant": ("UPDATE documents SET namespace = '' WHERE row = 13", "UNIQUE"),
    "another id": ("UPDATE documents SET id = 'd99' WHERE row = 2", "document 2"),
    "another span": ("UPDATE pages SET end = end - 3 WHERE row = 2", "page 2"),
    "another chunk": ("UPDATE chunks SET document = 5 WHERE row = 2", "chunk 2"),
    "another vector": ("UPDATE vectors SET data = zeroblob(64) WHERE row = 2", "vector 2"),
    "swapped vectors": ("UPDATE vectors SET chunk = 3 WHERE row = 2", "vector 2"),
    "another embedder": ("UPDATE meta SET value = 'other' WHERE key = 'embedder fingerprint'", "says about itself"),
    "another generation": ("UPDATE meta SET value = '1' WHERE key = 'generation'", "says about itself"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_row_that_was_changed_is_not_served_and_the_doctor_names_it(kb: Path, what: str) -> None:
    statement, named = DAMAGE[what]
    if named == "UNIQUE":
        with pytest.raises(sqlite3.IntegrityError):
            change(kb, statement)
        return
    change(kb, statement)
    for path in kb.glob("index-*"):
        path.unlink()  # So that vectors are read.
    with pytest.raises(StoreDamagedError, match=named):
        observe(kb)
    findings = [finding for finding in examine(kb) if not finding.harmless]
    assert findings
    assert all(finding.hint for finding in findings)


def _reseal(folder: Path, table: str, columns: str) -> None:
    """Seals rows as they are now, as somebody would who changes them on purpose."""
    with closing(sqlite3.connect(folder / "glyph.db")) as connection:
        query = f"SELECT {columns} FROM {table}"
        for values in connection.execute(query).fetchall():
            connection.execute(f"UPDATE {table} SET seal = ? WHERE row = ?", (seal(values), values[0]))
        connection.commit()


ODD = (-1, 2**62, 1.5, float("inf"), "abc", b"\xff", "[" * 5000, "[[1]]", '[["a", "b"]]', "[[1e999, 1]]", '{"a": [1]}')
SEALED = {
    "documents": "row, namespace, id, source, format, digest, length, metadata, marks",
    "pages": "row, document, id, start, end, first_line, blocks",
    "chunks": "row, document, id, start, end, first_page, last_page, headings",
}
CHANGED = {
    "documents": ("source", "length", "metadata", "marks", "format"),
    "pages": ("start", "end", "first_line", "blocks", "id"),
    "chunks": ("start", "end", "first_page", "last_page", "headings"),
}


@pytest.mark.parametrize(("table", "column"), [(table, column) for table in CHANGED for column in CHANGED[table]])
def test_a_row_that_was_made_by_hand_is_damage_and_no_crash(kb: Path, table: str, column: str) -> None:
    for odd in ODD:
        if isinstance(odd, str) and column in ("source", "id", "format"):
            continue  # Any text is one.
        with closing(sqlite3.connect(kb / "glyph.db")) as connection:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE row = 3", (odd,))
            connection.commit()
        _reseal(kb, table, SEALED[table])
        refused = _refused(lambda: observe(kb)) or _refused(lambda: list(export_lines(kb, vectors=True)))
        findings = [finding for finding in examine(kb, terms=False) if not finding.harmless]
        assert findings or not refused, odd


def _refused(read: Callable[[], object]) -> bool:
    """Whether what is read is damaged. Any other error is passed on."""
    try:
        read()
    except StoreDamagedError:
        return True
    return False


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO gone VALUES (99, 'abc')",
        "INSERT INTO gone VALUES (99, x'ff')",
        "UPDATE files SET digest = x'ff'",
        "UPDATE files SET id = x'ff'",
        "UPDATE trees SET path = x'ff'",
    ],
)
def test_a_row_without_a_seal_that_was_made_by_hand_is_no_crash_either(tmp_path: Path, statement: str) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.txt").write_text("some words")
    with closing(Store.open(tmp_path / "kb", EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add_path(tmp_path / "tree")
    with closing(sqlite3.connect(tmp_path / "kb" / "glyph.db")) as connection:
        connection.execute(statement)
        connection.commit()
    examine(tmp_path / "kb")
    with closing(Store.open(tmp_path / "kb", EMBEDDER.info)) as store, suppress(StoreDamagedError):
        assert len(store.nearest_chunks(EMBEDDER.embed_queries(["some words"])[0], 5)) == 1
        Indexer(store, EMBEDDER, Limits()).add_path(tmp_path / "tree", sync=True)


@pytest.mark.parametrize("key", ["generation", "dimension", "gone since", "vectors per page", "vectors"])
@pytest.mark.parametrize("value", ["", "-1", "1.5", "many", "9" * 30, "²"])
def test_a_store_that_says_nonsense_of_itself_is_damaged(kb: Path, key: str, value: str) -> None:
    _say(kb, key, value)
    with pytest.raises((StoreDamagedError, StoreMismatchError)):
        observe(kb)
    assert any(not finding.harmless for finding in examine(kb, terms=False))


@pytest.mark.parametrize("profile", ["", "{}", "7", "[" * 100_000])
def test_a_profile_that_is_none_is_told(kb: Path, profile: str) -> None:
    _say(kb, "profile", profile)
    with pytest.raises((StoreDamagedError, StoreMismatchError), match=r"its profile|another version"):
        observe(kb)


def _say(folder: Path, key: str, value: str) -> None:
    with closing(sqlite3.connect(folder / "glyph.db")) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))
        said = connection.execute("SELECT key, value FROM meta WHERE key <> 'seal' ORDER BY key").fetchall()
        sealed = seal(tuple(part for pair in said for part in pair)).hex()
        connection.execute("UPDATE meta SET value = ? WHERE key = 'seal'", (sealed,))
        connection.commit()


@settings(max_examples=40)
@given(place=st.floats(0, 1, exclude_max=True))
def test_what_words_are_looked_up_by_is_examined_too(folded: Sample, place: float) -> None:
    """Behind the terms of each page, FTS5 says where each of them begins. A walk from term to term does without."""
    files, expected = folded.files, folded.expected
    data, pages = files["glyph.db"], folded.behind_terms
    at = pages[int(place * len(pages))]
    assert outcome(files, "glyph.db", flipped(data, 8 * at + int(place * 1000) % 8), expected[:1]) != "WRONG"


SILENT: dict[str, tuple[str, str]] = {
    "typed metadata": ("UPDATE metadata SET value = 99 WHERE document = 2 AND key = 'n'", "filters see other metadata"),
    "metadata gone": ("DELETE FROM metadata WHERE document = 2", "filters see other metadata"),
    "terms gone": ("INSERT INTO terms (terms) VALUES ('delete-all')", "chunks without terms"),
    "terms of another text": (
        "INSERT INTO terms (rowid, words, parts) VALUES (2, 'other words', 'othe ther')",
        "index of words does not fit",
    ),
    "a vector lost": ("DELETE FROM vectors WHERE row = 2", "1 chunks without a vector"),
    "a file nobody knows": ("SELECT 1", "'stranger' is not a file of the store"),
}


@pytest.mark.parametrize("what", SILENT)
def test_the_doctor_finds_what_reading_does_not(kb: Path, what: str) -> None:
    statement, named = SILENT[what]
    change(kb, statement)
    (kb / "stranger").write_text("x")
    assert any(named in finding.what for finding in examine(kb))


def test_a_sound_store_has_no_findings(kb: Path) -> None:
    told: list[tuple[int, int]] = []
    assert examine(kb, progress=lambda done, total: told.append((done, total))) == []
    assert told[-1][0] == told[-1][1] == len(told)


def test_an_older_copy_of_the_database_is_noticed(tmp_path: Path, logged: Sample) -> None:
    for name, data in logged.files.items():
        if name != "glyph.db-wal":
            (tmp_path / name).write_bytes(data)
    assert any("older copy" in finding.what for finding in examine(tmp_path))


def test_an_index_file_of_another_past_is_not_used(kb: Path) -> None:
    """A database copied back over a newer one goes on counting from there, to the same numbers."""
    from glyph_rag.corpus.document import Document
    from glyph_rag.index import Indexer
    from glyph_rag.limits import Limits
    from glyph_rag.store.store import Store

    old = (kb / "glyph.db").read_bytes()

    def add(words: str) -> None:
        with closing(Store.open(kb, EMBEDDER.info)) as store:
            Indexer(store, EMBEDDER, Limits()).add([Document("new", words)])

    add("zebras are striped")
    (index,) = kb.glob("index-*.faiss")
    of_zebras = index.read_bytes()
    (kb / "glyph.db").write_bytes(old)
    add("whales are large")
    index.write_bytes(of_zebras)
    with closing(Store.open(kb, EMBEDDER.info)) as store:
        query = EMBEDDER.embed_queries(["whales are large"])[0]
        row, score = store.nearest_chunks(query, 1)[0]
        assert (store.load_chunk(row).text, round(score, 4)) == ("whales are large", 1.0)


@pytest.mark.parametrize("left", [None, b""])
def test_a_database_that_is_gone_is_not_taken_for_a_new_store(kb: Path, left: bytes | None) -> None:
    from glyph_rag.store.store import Store

    (kb / "glyph.db").unlink()
    if left is not None:
        (kb / "glyph.db").write_bytes(left)
    with pytest.raises(StoreDamagedError, match="holds nothing, but index-"):
        Store.open(kb, EMBEDDER.info)


def _no_table(folder: Path) -> None:
    change(folder, "DROP TABLE pages")


def _trigger(folder: Path) -> None:
    change(folder, "CREATE TRIGGER evil AFTER INSERT ON documents BEGIN DELETE FROM texts; END")


def _view(folder: Path) -> None:
    change(folder, "CREATE VIEW evil AS SELECT 1")


def _column(folder: Path) -> None:
    change(folder, "ALTER TABLE documents ADD COLUMN evil TEXT GENERATED ALWAYS AS (upper(id))")


def _index(folder: Path) -> None:
    change(folder, "CREATE INDEX evil ON documents (abs(length))")


@pytest.mark.parametrize("tamper", [_no_table, _trigger, _view, _column, _index])
def test_tables_that_are_not_ours_are_refused(kb: Path, tamper: Callable[[Path], None]) -> None:
    tamper(kb)
    with pytest.raises(StoreDamagedError, match="not as this package defines it"):
        observe(kb)
    assert [finding for finding in examine(kb) if not finding.harmless]

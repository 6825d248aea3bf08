"""The store loses nothing: not when killed, not when its index is damaged, not when others read."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from glyph_rag.corpus.document import Document
from glyph_rag.errors import StoreDamagedError, StoreError, StoreLockedError, StoreMismatchError
from glyph_rag.rag import GlyphRAG
from glyph_rag.store.identity import write_meta
from glyph_rag.testing import HashEmbedder
from glyph_rag.typeset.profile import RenderProfile

WRITER = """
import sys
from glyph_rag import Document, GlyphRAG
from glyph_rag.testing import HashEmbedder
with GlyphRAG.open(sys.argv[1], embedder=HashEmbedder()) as rag:
    print("ready", flush=True)
    rag.add(Document(f"d{n}", f"Document number {n} talks about topic{n}.") for n in range(int(sys.argv[2])))
"""


def open_kb(folder: Path, **options: object) -> GlyphRAG:
    return GlyphRAG.open(folder, embedder=HashEmbedder(), **options)


def documents(count: int) -> list[Document]:
    return [Document(f"d{n}", f"Document number {n} talks about topic{n}.") for n in range(count)]


def rows_of(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    with sqlite3.connect(folder / "glyph.db") as connection:
        tables = ("documents", "texts", "metadata", "chunks", "pages", "vectors", "files", "trees", "meta", "history")
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in tables}


def check_consistent(folder: Path) -> int:
    """Every document has its chunks, pages, vectors and terms, and nothing is left over; returns how many there are."""
    with sqlite3.connect(folder / "glyph.db") as connection:
        count = {
            t: connection.execute(f"SELECT count(*) FROM {t}").fetchone()[0]
            for t in ("documents", "texts", "chunks", "pages", "vectors", "terms_docsize")
        }
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert len(set(count.values())) == 1, count
    return count["documents"]


def test_what_is_added_is_found_after_reopening(tmp_path: Path) -> None:
    with open_kb(tmp_path) as rag:
        report = rag.add(documents(300))
    assert (report.added, report.embedded) == (300, 300)
    with open_kb(tmp_path, create=False) as rag:
        assert rag.search("topic123")[0].page.document_id == "d123"
        assert rag.stats().documents == 300


@pytest.mark.parametrize("after", [0.05, 0.2, 0.5])
def test_kill_9_while_indexing_then_finish(tmp_path: Path, after: float) -> None:
    total = 600
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(total)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    time.sleep(after)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.wait()
    process.stdout.close()

    before = check_consistent(tmp_path)
    with open_kb(tmp_path) as rag:
        assert rag.stats().documents == before
        if before:
            assert rag.search(f"topic{before - 1}")[0].page.document_id == f"d{before - 1}"
        report = rag.add(documents(total))
        assert (report.unchanged, report.added, report.updated) == (before, total - before, 0)
        assert rag.search(f"topic{total - 1}")[0].page.document_id == f"d{total - 1}"
    assert check_consistent(tmp_path) == total


def test_adding_the_same_again_changes_no_row_and_embeds_nothing(tmp_path: Path) -> None:
    with open_kb(tmp_path) as rag:
        rag.add(documents(40))
    before = rows_of(tmp_path)
    embedder = HashEmbedder()
    with GlyphRAG.open(tmp_path, embedder=embedder) as rag:
        assert rag.add(documents(40)).unchanged == 40
    assert rows_of(tmp_path) == before
    assert embedder.embedded == []


def test_changing_one_document_embeds_only_what_is_new(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    long = "\n\n".join(f"# Part {n}\n\nWords of part {n}. " + "More of them. " * 40 for n in range(6))
    with GlyphRAG.open(tmp_path, embedder=embedder) as rag:
        rag.add([*documents(5), Document("long", long, format="markdown")])
        embedder.embedded.clear()
        report = rag.add([*documents(5), Document("long", long.replace("part 3", "portion 3"), format="markdown")])
        assert (report.unchanged, report.updated, report.embedded) == (5, 1, 1)
        assert len(embedder.embedded) == 1
        assert rag.search("portion 3")[0].page.document_id == "long"


def test_deleting_takes_everything_along(tmp_path: Path) -> None:
    with open_kb(tmp_path) as rag:
        rag.add(documents(10))
        assert rag.delete(["d3", "d4", "nobody"]) == 2
        assert "d3" not in rag.document_ids()
        assert all(hit.page.document_id != "d3" for hit in rag.search("topic3", k=10))
    assert check_consistent(tmp_path) == 8


@pytest.mark.parametrize("damage", ["missing", "truncated", "flipped", "garbage", "foreign"])
def test_a_damaged_index_file_is_rebuilt(tmp_path: Path, damage: str) -> None:
    folder, other = tmp_path / "kb", tmp_path / "other"
    with open_kb(folder) as rag:
        rag.add(documents(50))
    with open_kb(other) as rag:
        rag.add([Document("x", "something else")])
    (path,) = folder.glob("index-*.faiss")
    data = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "foreign":
        shutil.copy(next(other.glob("index-*.faiss")), path)
    else:
        flipped = bytearray(data)
        flipped[len(data) // 2] ^= 1
        path.write_bytes({"truncated": data[:-7], "flipped": bytes(flipped), "garbage": b"\x00" * 100}[damage])
    with open_kb(folder) as rag:
        for n in (0, 17, 49):
            assert rag.search(f"Document number {n} talks about topic{n}.", k=1)[0].page.document_id == f"d{n}"


def test_an_index_file_of_the_past_is_brought_up_to_date(tmp_path: Path) -> None:
    with open_kb(tmp_path) as rag:
        rag.add(documents(20))
    (old,) = tmp_path.glob("index-*.faiss")
    saved = old.read_bytes()
    with open_kb(tmp_path) as rag:
        rag.delete(["d5"])
        rag.add([Document("new", "A brand new document about zebras.")])
    for path in tmp_path.glob("index-*.faiss"):
        path.unlink()
    old.write_bytes(saved)
    with open_kb(tmp_path) as rag:
        assert rag.search("zebras brand new", k=1)[0].page.document_id == "new"
        assert all(hit.page.document_id != "d5" for hit in rag.search("Document number 5 talks about topic5.", k=20))


@pytest.mark.parametrize("content", [b"not a database at all" * 500, None])
def test_a_damaged_database_is_named_and_never_served(tmp_path: Path, content: bytes | None) -> None:
    with open_kb(tmp_path) as rag:
        rag.add(documents(30))
    database = tmp_path / "glyph.db"
    data = bytearray(content or database.read_bytes())
    if content is None:
        data[100:] = b"\xff" * (len(data) - 100)
    database.write_bytes(bytes(data))
    with pytest.raises(StoreDamagedError, match=r"glyph\.db"), open_kb(tmp_path) as rag:
        rag.search("topic1")


def test_another_database_is_not_taken_for_a_store(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "glyph.db") as connection:
        connection.execute("CREATE TABLE somebody_elses (x)")
    with pytest.raises(StoreMismatchError, match="not a glyph-rag store"):
        open_kb(tmp_path)


def test_a_store_refuses_another_embedder_and_profile(tmp_path: Path) -> None:
    open_kb(tmp_path).close()
    with pytest.raises(StoreMismatchError, match="made with embedder 'hash', not 'other'"):
        GlyphRAG.open(tmp_path, embedder=HashEmbedder(name="other"))
    with pytest.raises(StoreMismatchError, match="render profile"):
        open_kb(tmp_path, profile=RenderProfile(latin_px=11))
    with pytest.raises(StoreMismatchError, match="name it: embedder="):
        GlyphRAG.open(tmp_path)


def test_there_has_to_be_a_store_to_open(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store in"):
        open_kb(tmp_path / "nowhere", create=False)
    assert not (tmp_path / "nowhere").exists()
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="is a file"):
        open_kb(tmp_path / "file")


def test_one_writer_at_a_time_and_readers_go_on(tmp_path: Path) -> None:
    with open_kb(tmp_path) as writer, open_kb(tmp_path) as other:
        writer.add(documents(3))
        with writer._store.writing():
            assert other.search("topic2")[0].page.document_id == "d2"
            with pytest.raises(StoreLockedError, match="another process is writing") as caught:
                other.add(documents(4))
            assert caught.value.retryable
        assert other.add(documents(4)).added == 1
        assert writer.search("topic3")[0].page.document_id == "d3"


def test_threads_search_while_one_adds(tmp_path: Path) -> None:
    errors: list[Exception] = []
    done = threading.Event()

    def searching(rag: GlyphRAG) -> None:
        while not done.is_set():
            try:
                for hit in rag.search("Document number 1 talks about topic1."):
                    assert hit.chunks[0].text == hit.page.text
            except Exception as error:  # noqa: BLE001 - whatever goes wrong in a thread has to reach the test
                errors.append(error)
                return

    with open_kb(tmp_path) as rag, open_kb(tmp_path) as reader:
        rag.add(documents(2))
        threads = [threading.Thread(target=searching, args=(which,)) for which in (rag, rag, reader)]
        for thread in threads:
            thread.start()
        rag.add(documents(600))
        rag.delete([f"d{n}" for n in range(300)])
        done.set()
        for thread in threads:
            thread.join()
    assert errors == []


def test_any_unicode_comes_back_as_it_was(tmp_path: Path) -> None:
    text = "lone \ud800 surrogate, NUL \x00, emoji 👩\u200d👧, 你好, العربية\n\nsecond\r\npart"
    with open_kb(tmp_path) as rag:
        rag.add([Document("odd", text, metadata={"n": 1, "x": None, "ok": True, "f": 0.5})])
        page = rag.search("surrogate")[0].page
        assert text[page.start : page.end] == page.text
        assert page.text.startswith("lone \ud800")
        assert page.metadata == {"n": 1, "x": None, "ok": True, "f": 0.5}
        assert page.image().size == (page.layout.width, page.layout.height)


def test_an_interrupted_add_keeps_whole_batches(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def progress(done: int, total: int) -> None:
        if done == 700:
            raise StopError

    with open_kb(tmp_path) as rag:
        with pytest.raises(StopError):
            rag.add(documents(1000), progress=progress)
        assert 0 < rag.stats().documents < 700
        rag.add(documents(1000))
    assert check_consistent(tmp_path) == 1000


def test_a_store_keeps_its_own_profile(tmp_path: Path) -> None:
    wide = RenderProfile(width=896, columns=1, latin_px=12, latin_line=14)
    with open_kb(tmp_path, profile=wide) as rag:
        rag.add(documents(1))
        page = rag.search("topic0")[0].page
    with open_kb(tmp_path) as rag:
        again = rag.search("topic0")[0].page
        assert (again.id, again.profile) == (page.id, wide)
        assert again.png() == page.png()


def test_a_small_change_does_not_rewrite_the_index(tmp_path: Path) -> None:
    with open_kb(tmp_path) as rag:
        rag.add(documents(200))
        (before,) = tmp_path.glob("index-*.faiss")
        rag.add([Document("new", "A brand new document about zebras.")])
        assert list(tmp_path.glob("index-*.faiss")) == [before]
        rag.add(documents(400))
        assert list(tmp_path.glob("index-*.faiss")) != [before]
    with open_kb(tmp_path) as rag:
        assert rag.search("zebras brand new")[0].page.document_id == "new"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises((StoreError, PermissionError), match=str(tmp_path.name)):
        open_kb(tmp_path / "kb")


def test_a_store_of_another_version_says_so(tmp_path: Path) -> None:
    open_kb(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "glyph.db")
    with connection:
        write_meta(connection, {"profile": '{"width": 672, "margin": 8}'})
    connection.close()
    with pytest.raises(StoreMismatchError, match="another version"):
        open_kb(tmp_path)

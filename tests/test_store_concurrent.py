"""Readers are never blocked and each sees one state; only one writes."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from glyph_rag.corpus.document import Document
from glyph_rag.errors import InputError, StoreError, StoreLockedError
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.rag import GlyphRAG
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder
from tests import store_readers

EMBEDDER = HashEmbedder(32)


def add(store: Store, *texts: str) -> None:
    Indexer(store, EMBEDDER, Limits()).add([Document(text.split()[0], text) for text in texts])


def nearest(store: Store, question: str) -> list[str]:
    found = store.nearest_chunks(EMBEDDER.embed_queries([question])[0], 100)
    return [store.load_chunk(row).text for row, _ in found]


def test_processes_read_while_one_writes() -> None:
    written, reads, wrong = store_readers.together(3, 3)
    assert wrong == []
    assert written > 0
    assert min(reads) > 0


def test_a_snapshot_stays_as_it_is_while_others_write(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        add(store, "whales swim", "zebras run")
        with store.reading():
            assert sorted(nearest(store, "whales")) == ["whales swim", "zebras run"]
            changed = threading.Thread(
                target=lambda: (add(store, "whales sleep", "apes climb"), store.delete(["zebras"]))
            )
            changed.start()
            changed.join()
            assert sorted(nearest(store, "whales")) == ["whales swim", "zebras run"]
            assert store.document_ids() == ["whales", "zebras"]
        assert sorted(nearest(store, "whales")) == ["apes climb", "whales sleep"]


def test_a_page_is_found_and_loaded_in_one_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    find = Store.page_row

    def replaced_meanwhile(store: Store, page_id: str, namespace: str = "") -> int | None:
        row = find(store, page_id, namespace)
        writer.add(Document("whales", "whales sleep"))
        return row

    with GlyphRAG.open(tmp_path, embedder=EMBEDDER) as reader, GlyphRAG.open(tmp_path, embedder=EMBEDDER) as writer:
        writer.add(Document("whales", "whales swim"))
        (hit,) = reader.search("whales")
        monkeypatch.setattr(Store, "page_row", replaced_meanwhile)
        assert reader.page(hit.page.id).text == "whales swim"
        with pytest.raises(InputError, match="there is no page"):
            reader.page(hit.page.id)


def test_a_reader_of_an_older_snapshot_never_gets_the_index_of_a_newer_one(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        add(store, "whales swim")
        with store.reading():

            def newer() -> None:
                add(store, "apes climb")
                assert sorted(nearest(store, "apes")) == ["apes climb", "whales swim"]  # Makes the newer index.

            other = threading.Thread(target=newer)
            other.start()
            other.join()
            assert nearest(store, "apes") == ["whales swim"]
        assert sorted(nearest(store, "apes")) == ["apes climb", "whales swim"]


def test_reading_goes_on_during_a_transaction_of_the_same_store(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        add(store, "whales swim")
        seen: list[list[str]] = []
        with store._transaction() as connection:
            connection.execute("DELETE FROM documents")
            reader = threading.Thread(target=lambda: seen.append(nearest(store, "whales")))
            reader.start()
            reader.join(20)
            assert seen == [["whales swim"]]
            with pytest.raises(ZeroDivisionError), store.writing():
                raise ZeroDivisionError
        assert nearest(store, "whales") == []


def test_a_store_can_be_opened_at_any_moment_of_a_change(tmp_path: Path) -> None:
    done = threading.Event()
    Store.open(tmp_path, EMBEDDER.info).close()

    def change() -> None:
        with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
            number = 0
            while not done.is_set():
                number += 1
                store.set_tree_path("tree", tmp_path / str(number))

    writer = threading.Thread(target=change)
    writer.start()
    try:
        for _ in range(150):
            with closing(Store.open(tmp_path, EMBEDDER.info, create=False)) as store:
                assert store.nearest_chunks(np.ones(32, np.float32), 1) == []
    finally:
        done.set()
        writer.join()


def test_several_processes_may_make_the_same_store(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from glyph_rag.store.store import Store\n"
        "from glyph_rag.errors import StoreLockedError; from glyph_rag.testing import HashEmbedder\n"
        "for n in range(20):\n"
        "    while True:\n"
        "        try: Store.open(Path(sys.argv[1]) / str(n), HashEmbedder(32).info).close(); break\n"
        "        except StoreLockedError: pass\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    assert [process.communicate()[1] for process in running] == [""] * 3
    assert len(list(tmp_path.iterdir())) == 20


def test_many_threads_search_one_store(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        add(store, *(f"d{n} words of number{n}" for n in range(40)))
        wrong: list[object] = []

        def search(number: int) -> None:
            for _ in range(20):
                best = nearest(store, f"d{number} words of number{number}")[0]
                if best != f"d{number} words of number{number}":
                    wrong.append(best)

        threads = [threading.Thread(target=search, args=(n,)) for n in range(12)]
        for thread in threads:
            thread.start()
        for n in range(40, 60):
            add(store, f"d{n} words of number{n}")
        for thread in threads:
            thread.join()
        assert wrong == []


def test_another_process_may_not_write_and_a_killed_one_holds_no_lock(tmp_path: Path) -> None:
    holder = (
        "import sys, time; from pathlib import Path; from glyph_rag.store.snapshots import writer_lock\n"
        "with writer_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        process = subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(StoreLockedError) as caught:
            add(store, "whales swim")
        assert caught.value.retryable
        assert nearest(store, "whales") == []
        process.kill()
        process.wait()
        process.stdout.close()
        add(store, "whales swim")
        assert nearest(store, "whales") == ["whales swim"]


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path, EMBEDDER.info)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.nearest_chunks(np.ones(32, np.float32), 1)
    store.close()

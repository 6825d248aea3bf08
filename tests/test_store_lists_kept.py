"""An approximate index in its file and in a store: made beside the work, followed, damaged, killed, never trusted."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from glyph_rag.cli.console import _telling
from glyph_rag.cli.store import _print_overview
from glyph_rag.corpus.document import Document
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store import building, indexfile
from glyph_rag.store.building import listed
from glyph_rag.store.compact import compact
from glyph_rag.store.derived import DerivedIndex
from glyph_rag.store.doctor import examine
from glyph_rag.store.lists import Lists
from glyph_rag.store.overview import overview
from glyph_rag.store.scope import Named, Scope
from glyph_rag.store.store import Store
from glyph_rag.store.vectors import Exact, Precision, VectorIndex
from glyph_rag.testing import HashEmbedder
from tests.store_crash import record_life, survey
from tests.store_io import default_vfs
from tests.test_store_lists import clustered, exact, lists_of, looked

EMBEDDER = HashEmbedder(16)


def saved(index: VectorIndex, folder: Path) -> Path:
    indexfile.save(index, folder, "store")
    (path,) = folder.glob("index-*")
    return path


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_lists_come_back_from_their_file(tmp_path: Path, precision: Precision) -> None:
    index = listed(exact(clustered(900, 20), precision), looked)
    path = saved(index, tmp_path)
    again = indexfile.load(path, indexfile.read_header(path))
    assert again is not None
    assert indexfile.is_whole(path, indexfile.read_header(path))
    assert lists_of(again).tuning == lists_of(index).tuning
    assert again.rows().tolist() == index.rows().tolist()
    documents = np.arange(0, 200, 3)
    for query in clustered(20, 21):
        assert again.search(query, 12) == index.search(query, 12)
        assert again.search(query, 12, documents) == index.search(query, 12, documents)
    assert saved(listed(again, looked), tmp_path).read_bytes()[200:] == path.read_bytes()[200:]


SECTIONS = ("rows", "owners", "documents", "positions", "starts", "centres", "scale", "seals", "full", "codes")


def places(path: Path) -> dict[str, range]:
    """Where each array stands in a file."""
    header = indexfile.read_header(path)
    at = path.read_bytes().index(b"\n", 65) + 1
    found = {}
    for name, (dtype, shape) in indexfile._sections(header).items():
        length = int(np.prod(shape)) * np.dtype(dtype).itemsize
        found[name] = range(at, at + length)
        at += length
    assert at == path.stat().st_size
    return found


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("section", "where"), [*((section, 0.5) for section in SECTIONS), ("rows", 0), ("full", 0), ("full", 1)]
)
def test_damage_is_never_served(
    tmp_path: Path, section: str, where: float, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, 120, monkeypatch)
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        before = everything(store)
    (path,) = tmp_path.glob("index-*")
    assert tuple(places(path)) == SECTIONS
    inside = places(path)[section]
    flip(path, inside[int(where * (len(inside) - 1))])
    assert not indexfile.is_whole(path, indexfile.read_header(path))
    assert [(one.what, one.harmless) for one in examine(tmp_path)] == [(f"{path.name} is damaged", True)]
    caplog.clear()
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        assert everything(store) == before
        assert path.name in caplog.text
        Indexer(store, EMBEDDER, Limits()).add([Document("new", "words of the new one")])
    assert examine(tmp_path) == []
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        caplog.clear()
        assert everything(store)
        assert caplog.text == ""


@pytest.mark.parametrize("cut", [1, 10_000])
def test_a_file_that_is_cut_off_is_made_anew(tmp_path: Path, cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 120, monkeypatch)
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        before = everything(store)
    (path,) = tmp_path.glob("index-*")
    path.write_bytes(path.read_bytes()[:-cut])
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        assert everything(store) == before


def fill(folder: Path, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of so many documents whose index is approximate from fifty on, but looks into all lists."""
    monkeypatch.setattr(building, "LISTED_FROM", 50)
    monkeypatch.setattr(building, "_FEWEST_PROBED", 10**6)
    monkeypatch.setattr("glyph_rag.store.derived._MANY", 20)
    with closing(Store.open(folder, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add(documents(range(count)))


def documents(numbers: range) -> list[Document]:
    return [Document(f"d{n}", f"words of number{n} and number{n // 2}", metadata={"n": n}) for n in numbers]


def everything(store: Store) -> list[list[float]]:
    """How near to some questions the nearest are, in all documents and in few; and that each is as near as it says."""
    few = Scope(condition=Named("SELECT row FROM documents WHERE row % 7 = 0"))
    found = []
    for number in range(0, 40, 5):
        (query,) = EMBEDDER.embed_queries([f"words of number{number} and number{number // 2}"])
        for scope in (Scope(), few):
            near = store.nearest_chunks(query, 5, scope)
            for row, score in near:
                (said,) = EMBEDDER.embed_documents([store.load_chunk(row).text])
                assert said @ query == pytest.approx(score, abs=1e-5)
            assert len(near) == 5
            found.append([round(score, 4) for _, score in near])
    return found


def kind(store: Store) -> list[type]:
    return [type(block.index) for block in store.searchable()[0].blocks]


def test_a_store_that_grows_changes_to_lists_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("glyph_rag.cli.store.out", Console(highlight=False, soft_wrap=True))
    fill(tmp_path, 40, monkeypatch)
    assert overview(tmp_path).index_kind == "exact"
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        assert kind(store) == [Exact]
        Indexer(store, EMBEDDER, Limits()).add(documents(range(40, 120)))
    seen = overview(tmp_path)
    assert (seen.index_kind, seen.index_vectors, seen.index_behind) == ("lists", 120, 0)
    assert (seen.index_lists, seen.index_probed) == (44, 44)
    assert (seen.index_recall, seen.index_asked, seen.index_generation) == (1, 40, 2)
    _print_overview(seen)
    assert "44 of 44 lists are looked into; recall@10 was 1.000 for 40 queries" in capsys.readouterr().out
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        assert kind(store) == [Lists]
        store.delete([f"d{n}" for n in range(90)])
        store.save_index()
    assert (overview(tmp_path).index_kind, overview(tmp_path).index_vectors) == ("exact", 30)
    assert examine(tmp_path) == []


def test_searches_go_on_while_lists_are_made_and_then_use_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 40, monkeypatch)
    begun, go_on = threading.Event(), threading.Event()
    make = building.listed

    def slow(index: VectorIndex, look: building.Look) -> VectorIndex:
        begun.set()
        assert go_on.wait(30)
        return make(index, look)

    monkeypatch.setattr(building, "listed", slow)
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store, closing(Store.open(tmp_path, EMBEDDER.info)) as reader:
        Indexer(store, EMBEDDER, Limits()).add(documents(range(40, 120)))
        assert begun.wait(30)
        assert everything(reader)
        assert (kind(store), kind(reader)) == ([Exact], [Exact])
        # The index that is being made knows nothing of these.
        store.delete(["d3", "d4"])
        Indexer(store, EMBEDDER, Limits()).add(documents(range(200, 203)))
        expected = everything(store)
        go_on.set()
        store._derived.finish()
        assert kind(store) == [Lists, Exact]
        assert everything(store) == expected
        # Another process sees it with the next change.
        store.delete(["d5"])
        assert everything(reader) == everything(store)
        assert kind(reader) == [Lists, Exact]
    assert examine(tmp_path) == []


def test_what_comes_while_lists_are_made_is_in_the_next_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 40, monkeypatch)
    go_on, make = threading.Event(), building.listed

    def slow(index: VectorIndex, look: building.Look) -> VectorIndex:
        assert go_on.wait(30)
        return make(index, look)

    monkeypatch.setattr(building, "listed", slow)
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        for first in range(40, 200, 40):
            Indexer(store, EMBEDDER, Limits()).add(documents(range(first, first + 40)))
        go_on.set()
    assert (overview(tmp_path).index_vectors, overview(tmp_path).index_behind) == (200, 0)


def test_whoever_interrupts_the_closing_gives_the_index_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fill(tmp_path, 40, monkeypatch)
    make = building.listed

    def slow(index: VectorIndex, look: building.Look) -> VectorIndex:
        for _ in range(3_000):
            look()
            threading.Event().wait(0.01)
        return make(index, look)

    monkeypatch.setattr(building, "listed", slow)
    store = Store.open(tmp_path, EMBEDDER.info)
    Indexer(store, EMBEDDER, Limits()).add(documents(range(40, 120)))
    thread = store._derived._making
    assert thread is not None
    join, interrupts = thread.join, [KeyboardInterrupt()]

    def interrupted() -> None:
        if interrupts:
            raise interrupts.pop()
        join()

    monkeypatch.setattr(thread, "join", interrupted)
    with caplog.at_level(logging.INFO), pytest.raises(KeyboardInterrupt):
        store.close()
    assert "the next write begins again" in caplog.text
    store.close()
    monkeypatch.setattr(building, "listed", make)
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        assert everything(store)
        store.save_index()
    assert overview(tmp_path).index_kind == "lists"


KILLED = """
import os, sys
from contextlib import closing
from pathlib import Path
from glyph_rag.store import building
from glyph_rag.store.store import Store
from tests.test_store_lists_kept import EMBEDDER, documents
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits

building.LISTED_FROM = 50
setattr(building, sys.argv[2], lambda *_: os._exit(9))
with closing(Store.open(Path(sys.argv[1]), EMBEDDER.info)) as store:
    Indexer(store, EMBEDDER, Limits()).add(documents(range(40, 120)))
"""


def test_killed_while_lists_are_made_nothing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 40, monkeypatch)
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), "_recall"],
        cwd=Path(__file__).parent.parent, env={**os.environ, "PYTHONPATH": "."}, check=False, capture_output=True,
    )  # fmt: skip
    assert ended.returncode == 9, ended.stderr
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        assert store.stats().documents == 120
        assert everything(store)[0][0] == 1
        store.save_index()
    assert (overview(tmp_path).index_kind, overview(tmp_path).index_behind) == ("lists", 0)
    assert examine(tmp_path) == []


def test_a_disk_that_refuses_the_lists_leaves_the_exact_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no space left on device")

    fill(tmp_path, 40, monkeypatch)
    with pytest.MonkeyPatch.context() as patch, closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        patch.setattr(indexfile, "write_atomically", refuse)
        Indexer(store, EMBEDDER, Limits()).add(documents(range(40, 120)))
        store._derived.finish()
        assert "no space left" in caplog.text
        assert kind(store) == [Exact]
        assert everything(store)[0][0] == 1


def test_compacting_and_restoring_make_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 120, monkeypatch)
    next(tmp_path.glob("index-*")).unlink()
    compact(tmp_path)
    assert overview(tmp_path).index_kind == "lists"
    assert examine(tmp_path) == []


def test_a_crash_anywhere_in_the_life_of_an_approximate_index(monkeypatch: pytest.MonkeyPatch) -> None:
    if default_vfs() is None:
        pytest.skip("SQLite's operations cannot be recorded here")
    monkeypatch.setattr(building, "LISTED_FROM", 4)
    monkeypatch.setattr(building, "_FEWEST_PROBED", 10**6)
    begin = DerivedIndex.save_later

    def and_wait(self: DerivedIndex, make: Callable[[], VectorIndex | None]) -> None:
        begin(self, make)
        self.finish()  # What a thread does while nobody records would be missing.

    monkeypatch.setattr(DerivedIndex, "save_later", and_wait)
    made = record_life()
    assert any(operation.name.endswith(".faiss.tmp") for operation in made.operations)
    counted, wrong = survey(made, 397)
    assert wrong == []
    assert counted.total() > 40


def test_the_command_line_says_that_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path, 40, monkeypatch)
    monkeypatch.setattr("glyph_rag.cli.console.err", Console(stderr=True, highlight=False, soft_wrap=True))
    make = building.listed
    monkeypatch.setattr(building, "listed", lambda index, look: threading.Event().wait(0.3) or make(index, look))
    with _telling("glyph_rag.store.derived"), closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add(documents(range(40, 120)))
    assert capsys.readouterr().err == "the index is being made; waiting for it\n"

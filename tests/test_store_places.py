"""A store where nobody expects it: moved, replaced, carried through a fork, under odd names."""

from __future__ import annotations

import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from glyph_rag.corpus.document import Document, Mark
from glyph_rag.errors import GlyphRAGError, InputError, StoreError, StoreLockedError
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store.backup import backup, restore
from glyph_rag.store.compact import compact
from glyph_rag.store.doctor import examine
from glyph_rag.store.overview import overview
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder

if sys.platform != "win32":
    import resource

EMBEDDER = HashEmbedder(16)


def opened(folder: Path) -> Store:
    return Store.open(folder, EMBEDDER.info)


def add(store: Store, *names: str) -> None:
    Indexer(store, EMBEDDER, Limits()).add([Document(name, f"what {name} says") for name in names])


def held(folder: Path) -> list[str]:
    with closing(opened(folder)) as store:
        return store.document_ids()


def in_another_thread(read: Callable[[], object]) -> object:
    """What a thread that has no connection yet reads."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(read()))
    thread.start()
    thread.join()
    return found[0]


def test_a_process_may_go_to_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with closing(opened(Path("kb"))) as store:
        add(store, "a")
        monkeypatch.chdir(tmp_path / "elsewhere")
        with store.reading():
            assert in_another_thread(store.document_ids) == ["a"]
        add(store, "b")
        with store.writing(), closing(opened(tmp_path / "kb")) as other, pytest.raises(StoreLockedError):
            add(other, "c")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert held(tmp_path / "kb") == ["a", "b"]


def _move(kb: Path) -> None:
    kb.rename(kb.parent / "moved")


def _delete(kb: Path) -> None:
    shutil.rmtree(kb)


def _replace(kb: Path) -> None:
    backup(kb, kb.parent / "copy")
    _move(kb)
    restore(kb.parent / "copy", kb)


@pytest.mark.skipif(sys.platform == "win32", reason="files that are open cannot be moved there")
@pytest.mark.parametrize("happens", [_move, _delete, _replace])
def test_a_store_that_is_no_longer_there_takes_nothing_and_serves_nothing(
    tmp_path: Path, happens: Callable[[Path], None]
) -> None:
    kb = tmp_path / "kb"
    with closing(opened(kb)) as store:
        add(store, "a")
        happens(kb)
        for use in (store.document_ids, store.stats, lambda: store.delete(["a"]), lambda: add(store, "lost")):
            with pytest.raises(StoreError, match="no longer the file that was opened"):
                use()
    assert kb.exists() == (happens is _replace)


@pytest.mark.skipif(sys.platform == "win32", reason="files that are open cannot be moved there")
def test_closing_a_store_leaves_the_log_of_the_one_in_its_place_alone(tmp_path: Path) -> None:
    kb = tmp_path / "kb"
    old = opened(kb)
    add(old, "a")
    _replace(kb)
    with closing(opened(kb)) as new:
        add(new, "b")  # In the log only.
        assert (kb / "glyph.db-wal").stat().st_size > 0
        old.close()
        assert (kb / "glyph.db-wal").stat().st_size > 0
        assert held(kb) == ["a", "b"]


def in_a_child(first: Callable[[], object], meanwhile: Callable[[], None], then: Callable[[], object]) -> list[str]:
    """What comes of two things in a forked process, between which this one does something."""
    (out, into), (wait, go) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        for work in (first, then):
            try:
                told = repr(work())
            except GlyphRAGError as error:
                told = type(error).__name__
            os.write(into, told.encode().ljust(100))
            os.read(wait, 1)
        os._exit(0)
    found = [os.read(out, 100).decode().strip()]
    meanwhile()
    os.write(go, b".")
    found.append(os.read(out, 100).decode().strip())
    os.write(go, b".")
    os.waitpid(child, 0)
    for handle in (out, into, wait, go):
        os.close(handle)
    return found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_store_that_is_open_may_be_forked(tmp_path: Path) -> None:
    store = opened(tmp_path)
    add(store, "a")

    def others_write() -> None:
        store.close()  # The last connection but the child's: with it goes the log.
        for name in ("b", "c"):
            with closing(opened(tmp_path)) as other:
                add(other, name)
                other.delete(["a"])

    assert in_a_child(store.document_ids, others_write, store.document_ids) == ["['a']", "['b', 'c']"]
    assert examine(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_writes_by_a_lock_of_its_own(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as store:
        add(store, "a")
        with store.writing():
            tried = in_a_child(lambda: store.delete(["a"]), lambda: add(store, "b"), lambda: store.delete(["a"]))
        assert tried == ["StoreLockedError", "StoreLockedError"]
        tried = in_a_child(lambda: store.delete(["a"]), lambda: add(store, "c"), store.document_ids)
        assert tried == ["1", "['b', 'c']"]


@pytest.mark.parametrize("name", ["file:kb?mode=memory", ":memory:", "a b  c", "ünï 知識 ‮", "a%41?x#y", "e\u0301", "é"])
def test_a_folder_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(opened(Path(name))) as store:
        add(store, "a")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert held(tmp_path / name) == ["a"]
    backup(Path(name), Path("file:copy?mode=memory"))
    restore(tmp_path / "file:copy?mode=memory", tmp_path / "new")
    assert held(tmp_path / "new") == ["a"]


@pytest.mark.parametrize("path", ["file/kb", "n" * 300, "nul\0l", "dangling"])
@pytest.mark.parametrize("use", [opened, overview, compact, examine, lambda path: restore(path.parent / "copy", path)])
def test_a_folder_that_cannot_be_is_an_error_that_names_it(
    tmp_path: Path, use: Callable[[Path], object], path: str
) -> None:
    with closing(opened(tmp_path / "kb")) as store:
        add(store, "a")
    backup(tmp_path / "kb", tmp_path / "copy")
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere" / "at all")
    with pytest.raises((StoreError, InputError)) as caught:
        use(tmp_path / path)
    assert path[:3] in caught.value.message
    if use is not examine:
        with pytest.raises(StoreError):
            backup(tmp_path / "kb", tmp_path / path)


@contextmanager
def descriptors(free: int) -> Iterator[None]:
    """Inside, the process can open so many more files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken: list[int] = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        with suppress(OSError):
            while True:
                taken.append(os.open(os.devnull, os.O_RDONLY))
        for _ in range(free):
            os.close(taken.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        for handle in taken:
            os.close(handle)


@pytest.mark.skipif(sys.platform == "win32", reason="sets a limit of POSIX")
@pytest.mark.parametrize("free", range(9))
def test_too_many_open_files_are_an_error_that_names_one(tmp_path: Path, free: int) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    with closing(opened(old)) as store:
        add(store, "a")
    with closing(opened(old)) as store:
        uses: list[Callable[[], object]] = [
            lambda: opened(new).close(),
            lambda: add(store, "b"),
            lambda: store.nearest_chunks(EMBEDDER.embed_queries(["a"])[0], 3),
            lambda: overview(old),
            lambda: compact(old),
        ]
        for use in uses:
            with suppress(StoreError), descriptors(free):
                use()
    assert held(old) in (["a"], ["a", "b"])
    assert not [finding for finding in examine(old) if not finding.harmless]
    assert held(new) == []


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = opened(tmp_path)
    add(store, "a")
    store.close()
    store.close()
    for use in (store.document_ids, lambda: store.delete(["a"]), lambda: add(store, "b"), store.save_index):
        with pytest.raises(StoreError, match="the store is closed"):
            use()


def test_names_that_no_store_can_hold_are_an_error(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as store:
        for use in (store.delete, store.documents, store.digests):
            with pytest.raises(InputError, match="not UTF-8"):
                use(["\ud800"])
        with pytest.raises(InputError, match="not UTF-8"):
            store.page_row("\ud800")
        with pytest.raises(InputError, match="not a string"):
            Indexer(store, EMBEDDER, Limits()).add([Document("a", "text", source=Path("a.txt"))])  # type: ignore[arg-type]
        for mark in (Mark(0, 1), Mark("0", "a"), Mark(True, "a")):  # type: ignore[arg-type]
            with pytest.raises(InputError, match="is not a mark"):
                Indexer(store, EMBEDDER, Limits()).add([Document("a", "text", marks=(mark,))])

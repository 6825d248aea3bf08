"""Kills the writer of a store at every operation on its files, and looks at what is there then.

python -m tests.store_crash --all       every operation, every kind of crash
python -m tests.store_crash             a spread sample, as the tests take it
python -m tests.store_crash --process   really ends a process, at a sample of operations
"""

from __future__ import annotations

import argparse
import gzip
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from glyph_rag.corpus.document import Document
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store.backup import backup, restore
from glyph_rag.store.compact import compact
from glyph_rag.store.connect import connect_any_format, format_of
from glyph_rag.store.doctor import examine
from glyph_rag.store.exchange import export_lines
from glyph_rag.store.scope import Scope
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder
from tests.store_io import CRASHES, Crash, Disk, Operation, recording

EMBEDDER = HashEmbedder(16)
EVERYBODY = Scope(namespace=None)
KILLED = 137
EMPTY = ('{"end": 0}',)
FORMAT_1 = Path(__file__).parent / "store_format_1.db.gz"
Content = tuple[str, ...] | None
"""What a store holds, as its export without the header; None where there is none."""


@dataclass
class Step:
    """One thing done to a store: from which operation to which, and what the store held before and after."""

    name: str
    first: int
    last: int
    before: Content
    after: Content


@dataclass
class Recording:
    """A life of a store."""

    start: dict[str, bytes]
    operations: list[Operation] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def life(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is done to a store, one step after the other; closing and opening are steps too."""
    opened: list[Store] = []

    def open_it() -> None:
        opened.append(Store.open(folder, EMBEDDER.info))

    def close_it() -> None:
        opened.pop().close()

    def add(documents: list[Document], namespace: str = "") -> None:
        Indexer(opened[-1], EMBEDDER, Limits(), namespace).add(documents)

    def delete(*names: str) -> None:
        opened[-1].delete(names)
        opened[-1].save_index()

    yield "create", open_it
    yield "add", lambda: add([_document(n) for n in range(6)])
    yield "close", close_it
    yield "open", open_it
    yield "update", lambda: add([_document(1, "rewritten"), _document(2, "so is this")])
    yield "delete", lambda: delete("d3", "d4")
    yield "add for a tenant", lambda: add([_document(0, "of a tenant"), _document(7)], "tenant")
    yield "close", close_it
    yield "compact", lambda: compact(folder)
    yield "open", open_it
    yield "add a long one", lambda: add([Document("long", "many words in a row. " * 2500, metadata={"n": 1})])
    yield "delete all", lambda: delete("long", *(f"d{n}" for n in range(9)))
    yield "close", close_it
    yield "compact", lambda: compact(folder)


def migration(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """A store of format 1 is brought up to date."""
    yield "migrate", lambda: compact(folder)


def _document(number: int, words: str = "first") -> Document:
    return Document(f"d{number}", f"Document {number}: {words}. topic{number}", metadata={"n": number})


def record(folder: Path, script: Callable[[Path], Iterator[tuple[str, Callable[[], object]]]]) -> Recording:
    """Does what a script says in a folder, and writes down every operation on a file."""
    made = Recording(_files(folder))
    before = content(folder)
    with recording(folder, made.operations.append):
        for name, do in script(folder):
            first = len(made.operations)
            do()
            last = len(made.operations)
            after = content(folder)
            del made.operations[last:]  # Looking at it is no part of the life.
            made.steps.append(Step(name, first, last, before, after))
            before = after
    return made


def content(folder: Path) -> Content:
    """Everything a store holds, read from a copy; None if there is no store, or not yet."""
    with _copied(_files(folder)) as copy:
        return _held(copy)


def crashes(
    made: Recording, every: int, kinds: tuple[Crash, ...] = CRASHES
) -> Iterator[tuple[Step, int, Crash, dict[str, bytes]]]:
    """What is on the disk after a crash right after every so many operations, and at the end of every step."""
    disk, ends = Disk(made.start), {step.last for step in made.steps}
    done = 0
    for step in made.steps:
        for number in range(step.first, step.last + 1):
            if number > done:
                disk.do(made.operations[number - 1])
                done = number
            if number % every == 0 or number in ends:
                for kind in kinds:
                    yield step, number, kind, disk.after(kind, random.Random(f"{number} {kind}"))


def check(files: dict[str, bytes], allowed: tuple[Content, ...]) -> str | None:
    """Opens what a crash left behind; says what is wrong with it, or None if it is whole and of an allowed content."""
    with _copied(files) as folder:
        return check_folder(folder, allowed)


def check_folder(folder: Path, allowed: tuple[Content, ...]) -> str | None:
    """Like `check`, for a folder."""
    if _format(folder) == 1:
        compact(folder)
    with closing(Store.open(folder, EMBEDDER.info)) as store, store.reading() as snapshot:
        # Every chunk is nearest to itself, so the vector index shows this very state.
        query = "SELECT chunk, data FROM vectors WHERE chunk IS NOT NULL"
        rows = snapshot.connection.execute(query).fetchall()
        for chunk, data in rows:
            found = dict(store.nearest_chunks(np.frombuffer(data, "<f4"), 100, EVERYBODY))
            if not np.isclose(found.get(chunk, 0), 1, atol=1e-4):
                return f"chunk {chunk} is not found by its own vector"
        if len(store.nearest_chunks(np.ones(16, np.float32), 1000, EVERYBODY)) != len(rows):
            return "the index has other vectors than the database"
    if damage := [finding.what for finding in examine(folder) if not finding.harmless]:
        return f"damaged: {damage}"
    held = _held(folder)
    # A store whose making was cut short is made by opening it.
    if held in allowed or (held == EMPTY and None in allowed):
        return None
    return f"it holds {len(held or ()) - 1} documents, in a way it never did"


def survey(made: Recording, every: int) -> tuple[Counter[str], list[str]]:
    """Crashes a recorded life; how many crashes of each step, and what went wrong."""
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    for step, number, kind, files in crashes(made, every):
        # When the call has returned, what it did is there to stay, whatever happens then.
        allowed = (step.after,) if number == step.last else (step.before, step.after)
        counted[f"{step.name}: {kind}"] += 1
        try:
            problem = check(files, allowed)
        except Exception as error:  # noqa: BLE001 - whatever a store raises after a crash is a failure
            problem = f"{type(error).__name__}: {error}"
        if problem:
            wrong.append(f"{step.name}, operation {number} of {step.first}..{step.last}, {kind}: {problem}")
    return counted, wrong


def record_life() -> Recording:
    """The life of a store, recorded."""
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        return record(Path(folder), life)


def record_migration() -> Recording:
    """The migration of a store of format 1, recorded."""
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        (Path(name) / "glyph.db").write_bytes(gzip.decompress(FORMAT_1.read_bytes()))
        return record(Path(name), migration)


def record_backup() -> Recording:
    """A backup being written: its folder, not the store's."""
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        folder, target = Path(name) / "kb", Path(name) / "backup"
        with closing(Store.open(folder, EMBEDDER.info)) as store:
            Indexer(store, EMBEDDER, Limits()).add([_document(n) for n in range(6)])
        target.mkdir()
        made = Recording({})
        with recording(target, made.operations.append):
            backup(folder, target)
        made.steps.append(Step("backup", 0, len(made.operations), None, content(folder)))
        return made


def record_restoration(source: Path) -> Recording:
    """A backup, made in `source`, being restored: the folder of the store that comes of it."""
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        folder, target = Path(name) / "kb", Path(name) / "new"
        with closing(Store.open(folder, EMBEDDER.info)) as store:
            Indexer(store, EMBEDDER, Limits()).add([_document(n) for n in range(6)])
        backup(folder, source)
        target.mkdir()
        made = Recording({})
        with recording(target, made.operations.append):
            restore(source, target)
        made.steps.append(Step("restore", 0, len(made.operations), None, content(target)))
        return made


def restored_again(source: Path, files: dict[str, bytes]) -> Content:
    """What a store that a crash left half restored holds, having restored it again if there is none yet."""
    with _copied(files) as folder:
        if not (folder / "glyph.db").exists():
            restore(source, folder)
        return content(folder)


def restored(files: dict[str, bytes]) -> Content:
    """What a backup that a crash left behind restores to; raises what `restore` raises."""
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        source = Path(name) / "backup"
        source.mkdir()
        for file, data in files.items():
            (source / file).write_bytes(data)
        restore(source, Path(name) / "kb")
        return content(Path(name) / "kb")


def kill_process(at: int, allowed: tuple[Content, ...]) -> str | None:
    """Really ends a process at an operation; what is wrong with what it left behind, if anything is."""
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        command = [sys.executable, "-m", "tests.store_crash", "--victim", name, str(at)]
        ended = subprocess.run(command, cwd=Path(__file__).parent.parent, check=False, capture_output=True)
        if ended.returncode != KILLED:
            return f"it was not killed, but ended with {ended.returncode}: {ended.stderr.decode()}"
        return check_folder(Path(name), allowed)


def _victim(folder: Path, at: int) -> None:
    """Lives a store's life up to an operation, and ends there without a word."""
    left = at

    def tell(operation: Operation) -> None:
        nonlocal left
        left -= 1
        if not left:
            os._exit(KILLED)

    with recording(folder, tell):
        for _, do in life(folder):
            do()


def _held(folder: Path) -> Content:
    form = _format(folder)
    if not form:
        return None
    if form == 1:
        compact(folder)
    return tuple(export_lines(folder, vectors=True))[1:]


def _format(folder: Path) -> int:
    """The format of the store in a folder; 0 if there is none, or none yet."""
    if not (folder / "glyph.db").is_file():
        return 0
    with closing(connect_any_format(folder / "glyph.db")) as connection:
        return format_of(connection)


@contextmanager
def _copied(files: dict[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        for file, data in files.items():
            (Path(name) / file).write_bytes(data)
        yield Path(name)


def _files(folder: Path) -> dict[str, bytes]:
    """The files of a folder, but for shared memory, which no crash outlives."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def main() -> None:
    """Crashes, and prints what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--process", action="store_true")
    parser.add_argument("--victim", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.victim:
        _victim(Path(options.victim[0]), int(options.victim[1]))
        return
    wrong = _process() if options.process else _survey(1 if options.all else 17)
    for line in wrong[:40]:
        print(f"  WRONG {line}")
    raise SystemExit(bool(wrong))


def _survey(every: int) -> list[str]:
    failed: list[str] = []
    for title, made in (("life", record_life()), ("migration", record_migration())):
        started = time.perf_counter()
        counted, wrong = survey(made, every)
        seconds = time.perf_counter() - started
        operations = len(made.operations)
        print(f"{title}: {operations} operations, {counted.total()} crashes, {len(wrong)} failures, {seconds:.0f} s")
        for name, count in counted.items():
            print(f"  {name}: {count}")
        failed += wrong
    return failed


def _process() -> list[str]:
    made = record_life()
    failed = []
    for step in made.steps:
        for at in range(step.first + 1, step.last + 1, 23):
            problem = kill_process(at, (step.before, step.after))
            print(f"{step.name}, operation {at}: {problem or 'whole'}")
            failed += [f"{step.name}, operation {at}: {problem}"] if problem else []
    return failed


if __name__ == "__main__":
    main()

"""The files of a store: which names may be there, and how one is written so that it is there wholly or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from glyph_rag.errors import GlyphRAGError, StoreError

DATABASE: Final = "glyph.db"
LOCK: Final = "writer.lock"
DISK_HINT: Final = "check the path, the disk and the permissions"
_JOURNAL: Final = f"{DATABASE}-journal"
_FIXED: Final = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", _JOURNAL, LOCK)
_NAMES_A_FILE: Final = bytes.fromhex("d9d505f920a163d7")


@contextmanager
def naming_os_errors(path: Path) -> Iterator[None]:
    """Turns what the system says went wrong inside into a `StoreError` that names the file or folder."""
    try:
        yield
    except GlyphRAGError:
        raise
    except (OSError, ValueError) as error:  # A ValueError is about a path with a null character.
        reason = getattr(error, "strerror", None) or error
        raise StoreError(f"{path} cannot be used: {reason}", hint=DISK_HINT) from error


def identity(path: Path) -> tuple[int, int]:
    """What tells a file from all others, whatever name it has: its device, and its number there.

    Raises:
        OSError: If there is none.
    """
    found = path.stat()
    return found.st_dev, found.st_ino


def index_files(folder: Path) -> list[Path]:
    """The index files in a folder, that of the latest change first.

    Raises:
        StoreError: If the folder cannot be looked into.
    """
    with naming_os_errors(folder):
        return sorted(folder.glob("index-*.faiss"), key=lambda path: (len(path.name), path.name), reverse=True)


def check_files(folder: Path) -> None:
    """Raises `StoreError` if a file of the store is a link, a pipe or anything but a file, or leads to one elsewhere.

    Whoever can put files into the folder must not be able to make us write to one outside of it.
    """
    for name in _FIXED:
        check_regular(folder / name)
    _check_journal(folder / _JOURNAL)


def check_regular(path: Path) -> None:
    """Raises `StoreError` if there is something at `path` that is not an ordinary file."""
    with naming_os_errors(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
    if not stat.S_ISREG(mode):
        what = "a link" if stat.S_ISLNK(mode) else "not an ordinary file"
        raise StoreError(f"{path} is {what}", hint="a store's files are never links; copy the file itself here")


def _check_journal(path: Path) -> None:
    """Raises `StoreError` if a journal names another file, which SQLite would read, and remove, wherever it is.

    That is for transactions over several databases (https://sqlite.org/atomiccommit.html, section 5), and ours have
    one. A journal that names none is what a crash leaves while a database is being made, and rolled back.
    """
    with naming_os_errors(path):
        try:
            handle = open_regular(path)
        except FileNotFoundError:
            return
        with os.fdopen(handle, "rb") as journal:
            size = journal.seek(0, os.SEEK_END)
            journal.seek(max(0, size - len(_NAMES_A_FILE)))
            if size >= 2 * len(_NAMES_A_FILE) and journal.read() == _NAMES_A_FILE:
                raise StoreError(f"{path} leads to a file elsewhere", hint="it is not this store's: delete it")


def write_atomically(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Writes a file so that it is there completely or not at all, also after a power cut.

    The parts go to a temporary file beside it, which is synced and then renamed; then the folder is synced. As
    tantivy does it (`atomic_write` in its directory/mmap_directory).

    Raises:
        OSError: If the disk refuses. The file is as it was then.
    """
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.unlink(missing_ok=True)
    # O_EXCL: made by us, here and now, and no link that somebody left there.
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o644)
    try:
        try:
            for part in parts:
                _write_all(handle, memoryview(part).cast("B"))
            os.fsync(handle)
        finally:
            os.close(handle)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def open_regular(path: Path) -> int:
    """Opens an ordinary file for reading; returns its handle.

    Raises:
        OSError: If there is none, or it is a link or a pipe.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(f"{path.name} is not an ordinary file")
    return handle


def sync_folder(folder: Path) -> None:
    """Makes sure that names made, changed or removed in a folder stay so after a power cut."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _write_all(handle: int, data: memoryview) -> None:
    while data:
        data = data[os.write(handle, data[: 1 << 26]) :]

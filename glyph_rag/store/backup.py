"""Copies of a store that can be trusted: made while others read and write, verified before they are used.

<backup>/glyph.db  manifest.json
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, TypeAlias

from glyph_rag.errors import InputError, StoreDamagedError, StoreError
from glyph_rag.store import identity
from glyph_rag.store.connect import connect, connect_any_format, format_of, naming_errors
from glyph_rag.store.files import (
    DATABASE,
    DISK_HINT,
    LOCK,
    check_regular,
    naming_os_errors,
    open_regular,
    sync_folder,
    write_atomically,
)
from glyph_rag.store.overview import derived_index, reading, require
from glyph_rag.store.schema import FORMAT_VERSION
from glyph_rag.store.snapshots import writer_lock

Progress: TypeAlias = Callable[[int, int], object]
"""Called with how much is done and how much there is. An exception it raises stops the work."""

_MANIFEST: Final = "manifest.json"
_RESTORED: Final = f"{DATABASE}.restored"
_FORMAT: Final = "glyph-rag-backup-1"
_PAGES_AT_A_TIME: Final = 2048
_PORTION: Final = 1 << 22
_HINT: Final = "use another copy of the backup, or an older one"


@dataclass(frozen=True)
class Manifest:
    """What a backup says about itself.

    Attributes:
        format: Names this kind of backup.
        store: The id of the store it was made from.
        generation: The state it shows.
        documents: How many documents it holds.
        bytes: Size of its database.
        sha256: Digest of that, in hex.
    """

    format: str
    store: str
    generation: int
    documents: int
    bytes: int
    sha256: str


def backup(folder: Path, target: Path, progress: Progress | None = None) -> Manifest:
    """Copies one state of a store. Nobody who reads or writes has to wait.

    A backup that was interrupted has no manifest and cannot be restored; making it again begins anew.

    Args:
        folder: The store's folder.
        target: Where the copy goes: a folder that does not exist, is empty, or holds an interrupted backup, which is
            told by the file that becomes the manifest.
        progress: Is told how many pages of the database are copied.

    Raises:
        StoreError: If there is no store in the folder, or no room.
        StoreDamagedError: If the database is damaged.
        InputError: If there is something else in `target`.
    """
    require(folder)
    with naming_os_errors(target):
        _begin(target)
    store, generation, documents = _copy(folder, target / DATABASE, progress)
    with naming_os_errors(target):
        copy = target / DATABASE
        _sync(copy)
        manifest = Manifest(_FORMAT, store, generation, documents, copy.stat().st_size, _digest(copy))
        write_atomically(target / _MANIFEST, [json.dumps(asdict(manifest), indent=2).encode()])
    return manifest


def _begin(target: Path) -> None:
    """Makes an empty folder of the target, but for the file that says that a backup has begun."""
    begun = target / f"{_MANIFEST}.tmp"
    if target.exists():
        names = {path.name for path in target.iterdir()} if target.is_dir() else {""}
        # A database alone is no backup of ours: it may be a store, and the only copy of it.
        if names and not (begun.name in names and names <= _PARTS):
            raise InputError(f"there is something in {str(target)!r} already", hint="name a folder that does not exist")
        for name in names - {begun.name}:
            check_regular(target / name)
            (target / name).unlink()
    target.mkdir(parents=True, exist_ok=True)
    check_regular(begun)
    begun.touch()


def _copy(folder: Path, copy: Path, progress: Progress | None) -> tuple[str, int, int]:
    """Copies the database; returns the store's id, the generation and how many documents it holds."""
    with reading(folder) as source, closing(sqlite3.connect(copy.absolute(), isolation_level=None)) as made:
        identity.check_meta(source, folder)
        (count,) = source.execute("SELECT count(*) FROM documents").fetchone()
        generation = identity.number(source, folder, "generation")
        try:
            source.backup(made, pages=_PAGES_AT_A_TIME, progress=_told(progress))
            # One file that is complete in itself; connecting to it makes it a store with a log of its own again.
            made.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.OperationalError as error:  # It does not say which of the two files it is about.
            raise StoreError(f"{folder / DATABASE} cannot be copied to {copy}: {error}", hint=DISK_HINT) from error
        problems = [problem for (problem,) in made.execute("PRAGMA quick_check") if problem != "ok"]
        if problems:
            raise StoreDamagedError(f"{folder / DATABASE}: {problems[0]}", hint="see `glyph-rag doctor`")
        return identity.meta(source, folder, "store_id"), generation, int(count)


def restore(source: Path, folder: Path, progress: Progress | None = None) -> Manifest:
    """Makes a store from a backup, having verified that the backup is what was written.

    Args:
        source: The backup's folder.
        folder: Where the store goes: a folder that does not exist, is empty, or holds an interrupted restoration.
        progress: Is told how many bytes are copied.

    Raises:
        InputError: If `source` is no backup, or there is something in `folder`.
        StoreDamagedError: If the backup is damaged or incomplete. There is no store in `folder` then.
        StoreLockedError: If another process is restoring into the same folder.
        StoreError: If a file cannot be read or written.
    """
    manifest = read_manifest(source)
    with naming_os_errors(folder):
        if folder.exists() and (not folder.is_dir() or not all(map(_is_unfinished, folder.iterdir()))):
            raise InputError(f"there is something in {str(folder)!r} already", hint="restore into a new folder")
        folder.mkdir(parents=True, exist_ok=True)
    with writer_lock(folder):
        # It gets its name last: until then there is no store, and the restoration can be begun again.
        restored = folder / _RESTORED
        try:
            write_atomically(restored, _verified(source / DATABASE, manifest, progress))
            _make_index(restored)
            restored.replace(folder / DATABASE)
            sync_folder(folder)
        except OSError as error:
            raise StoreError(f"{source / DATABASE} cannot be copied to {folder}: {error}", hint=DISK_HINT) from error
    return manifest


def _verified(database: Path, manifest: Manifest, progress: Progress | None) -> Iterator[bytes]:
    """The database of a backup, portion by portion; raises `StoreDamagedError` at the end if it is another."""
    digest, done = hashlib.sha256(), 0
    for portion in _portions(database):
        digest.update(portion)
        done += len(portion)
        if progress is not None:
            progress(done, manifest.bytes)
        yield portion
    if digest.hexdigest() != manifest.sha256:
        raise StoreDamagedError(f"{database} is not what was backed up", hint=_HINT)


def read_manifest(source: Path) -> Manifest:
    """What a backup says about itself.

    Raises:
        InputError: If there is no complete backup in the folder.
        StoreDamagedError: If what it says makes no sense.
    """
    path = source / _MANIFEST
    with naming_os_errors(path):
        if not path.is_file():
            raise InputError(
                f"there is no complete backup in {str(source)!r}", hint=f"a backup has a {_MANIFEST}, written last"
            )
    try:
        claims = json.loads(next(_portions(path), b""))
        manifest = Manifest(**{field.name: claims[field.name] for field in fields(Manifest)})
        counts = (manifest.generation, manifest.documents, manifest.bytes)
        names = (manifest.format, manifest.store, manifest.sha256)
        if not (all(isinstance(n, int) and n >= 0 for n in counts) and all(isinstance(n, str) for n in names)):
            raise TypeError("a value is of another kind")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreDamagedError(f"{path} cannot be read: {error!r}", hint=_HINT) from error
    if manifest.format != _FORMAT:
        raise StoreDamagedError(f"{path} has format {manifest.format!r}, not {_FORMAT!r}", hint="upgrade glyph-rag")
    return manifest


_PARTS: Final = frozenset({DATABASE, f"{DATABASE}-journal", f"{DATABASE}-wal", f"{DATABASE}-shm", f"{_MANIFEST}.tmp"})


def _is_unfinished(path: Path) -> bool:
    """Whether a file is one that an interrupted restoration leaves."""
    name = path.name.removesuffix(".tmp")
    return name in (_RESTORED, LOCK) or (name.startswith("index-") and name.endswith(".faiss"))


def _make_index(database: Path) -> None:
    """Writes the index file beside a database that is about to be a store."""
    folder = database.parent
    # Of whatever format; if it is an earlier one, the index is made when the store is brought up to date.
    with closing(connect_any_format(database, read_only=True)) as connection, naming_errors(database):
        if format_of(connection) != FORMAT_VERSION:
            return
    with closing(connect(database, read_only=True)) as connection, naming_errors(database):
        connection.execute("BEGIN")
        derived = derived_index(connection, folder)
        derived.save(derived.at(connection, identity.number(connection, folder, "generation"), None))


def _told(progress: Progress | None) -> Callable[[int, int, int], object] | None:
    return None if progress is None else lambda _, left, total: progress(total - left, total)


def _portions(path: Path) -> Iterator[bytes]:
    with os.fdopen(open_regular(path), "rb") as file:
        while portion := file.read(_PORTION):
            yield portion


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    for portion in _portions(path):
        digest.update(portion)
    return digest.hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    sync_folder(path.parent)

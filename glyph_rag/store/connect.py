"""How a store's database is opened: as ours, with nothing of somebody else's running in it, and errors by name."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from glyph_rag.errors import InputError, StoreDamagedError, StoreError, StoreLockedError, StoreMismatchError
from glyph_rag.store import files, schema
from glyph_rag.store.seal import BACKUP_HINT

_WAIT_SECONDS: Final = 30
_LONGEST_VALUE: Final = 1 << 29
_WRITER_CACHE_KIB: Final = 65_536
_WAL_BYTES_KEPT: Final = 1 << 26


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Opens the database of a store of the present format, or an empty one.

    Args:
        path: The database.
        read_only: Refuse every statement that writes.

    Raises:
        StoreDamagedError: If the file is not an SQLite database, or tables in it are not ours.
        StoreMismatchError: If it is one, but not a store, or one of another format.
        StoreError: If the file is a link, or cannot be used.
    """
    connection = connect_any_format(path, read_only=read_only)
    try:
        with naming_errors(path), one_state(connection):
            version = format_of(connection)
            if version not in (0, schema.FORMAT_VERSION):
                raise StoreMismatchError(
                    f"{path} has format {version}, not {schema.FORMAT_VERSION}",
                    hint="`glyph-rag compact` brings it up to date",
                )
            foreign = schema.foreign_objects(connection) if version else []
            if foreign:
                raise StoreDamagedError(
                    f"{path}: {', '.join(foreign)}: not as this package defines it",
                    hint="another program changed the database; restore it from a backup",
                )
    except BaseException:
        connection.close()
        raise
    return connection


def connect_any_format(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Like `connect`, but also opens stores of earlier formats, and does not look at the tables."""
    files.check_files(path.parent)
    with naming_errors(path):
        # Absolute: SQLite may take a name that begins with "file:" for a URI.
        name = path.absolute()
        connection = sqlite3.connect(name, isolation_level=None, check_same_thread=False, timeout=_WAIT_SECONDS)
        try:
            _make_safe(connection)
            with one_state(connection):
                _check_identity(connection, path)
                _check_length(connection, path)
            if read_only:
                connection.execute("PRAGMA query_only = ON")
            else:
                _configure(connection)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def one_state(connection: sqlite3.Connection) -> Iterator[None]:
    """Everything read inside is of one state: between two statements on their own, somebody may write."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def format_of(connection: sqlite3.Connection) -> int:
    """The format version of a store; 0 if the database is empty."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()  # Of the state with the tables.
    return int(version)


@contextmanager
def naming_errors(path: Path) -> Iterator[None]:
    """Turns what SQLite says went wrong inside into the errors of this package, which name the file."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise  # Such as using a store that is closed: nothing is wrong with the file.
    except UnicodeEncodeError as error:
        raise InputError(f"{error.object[:60]!r} is not UTF-8", hint="use names without surrogates") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        # The low byte is the primary code: https://sqlite.org/rescode.html
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreLockedError(f"{path} is in use: {error}", hint="try again") from error
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            hint = f"{files.DISK_HINT}; the folder has to be writable, also for reading"
            raise StoreError(f"{path} cannot be used: {error}", hint=hint) from error
        raise StoreDamagedError(f"{path} cannot be read: {error}", hint=BACKUP_HINT) from error


def _make_safe(connection: sqlite3.Connection) -> None:
    """As https://sqlite.org/security.html advises for databases that may come from somebody else."""
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    if sys.version_info >= (3, 12):
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_DEFENSIVE, True)


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {schema.PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
    connection.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != schema.APPLICATION_ID:
        raise StoreMismatchError(f"{path} is not a glyph-rag store", hint="choose another folder")
    version = format_of(connection)
    if bool(tables) != bool(version):
        raise StoreDamagedError(f"{path} does not say which format it has", hint=BACKUP_HINT)
    if version > schema.FORMAT_VERSION:
        raise StoreMismatchError(
            f"{path} has format {version}, this version reads up to {schema.FORMAT_VERSION}",
            hint="upgrade glyph-rag",
        )


def _check_length(connection: sqlite3.Connection, path: Path) -> None:
    """Raises `StoreDamagedError` if the file ends amid a page: SQLite takes what is missing of it for zeros.

    While the log is folded in, or after that was cut short, the file may end so, but that page is in the log then.
    """
    pages, size = connection.execute("SELECT page_count, page_size FROM pragma_page_count, pragma_page_size").fetchone()
    with files.naming_os_errors(path):
        there = path.stat().st_size
        if there % size and there < pages * size and there // size + 1 not in _logged(path, size):
            raise StoreDamagedError(
                f"{path} is cut off: {there:,} of {pages * size:,} bytes are there", hint=BACKUP_HINT
            )


def _logged(path: Path, page_size: int) -> set[int]:
    """The numbers of the pages in the log of a database (https://sqlite.org/fileformat2.html, section 4.1).

    The log may be opened beside SQLite: its locks are on other files, so closing this one lets go of none.
    """
    try:
        handle = files.open_regular(path.with_name(f"{path.name}-wal"))
    except FileNotFoundError:
        return set()
    with os.fdopen(handle, "rb") as log:
        frames = range(32, log.seek(0, os.SEEK_END), 24 + page_size)
        return {int.from_bytes(log.read(4), "big") for at in frames if log.seek(at)}

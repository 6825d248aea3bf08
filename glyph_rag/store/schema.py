"""The tables of a store, and how a connection to them is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from glyph_rag.errors import StoreDamagedError, StoreError, StoreLockedError, StoreMismatchError
from glyph_rag.store.terms import FTS_COLUMNS, FTS_TOKENIZER

FORMAT_VERSION = 1
BACKUP_HINT = "restore it from a backup"
APPLICATION_ID = 0x676C7068  # "glph", so that `file` and other tools can tell what the database is

_TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- A file of an indexed tree, so that an unchanged one need not be read again and a vanished one is noticed.
CREATE TABLE files (id TEXT PRIMARY KEY, tree TEXT NOT NULL, digest TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE trees (name TEXT PRIMARY KEY, path TEXT NOT NULL) WITHOUT ROWID;

-- text is UTF-8 with surrogates passed, as a BLOB, so that any str comes back as it was.
CREATE TABLE documents (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, file TEXT, source TEXT NOT NULL, format TEXT NOT NULL,
    digest TEXT NOT NULL, metadata TEXT NOT NULL, marks TEXT NOT NULL, text BLOB NOT NULL);
CREATE INDEX documents_by_file ON documents (file);

-- Offsets are characters of the document, bytes are offsets into documents.text.
-- AUTOINCREMENT: a row number is never used twice, so a FAISS file can never show one chunk's vector for another.
CREATE TABLE chunks (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    start INTEGER NOT NULL, end INTEGER NOT NULL, byte_start INTEGER NOT NULL, byte_end INTEGER NOT NULL,
    headings TEXT NOT NULL, content BLOB NOT NULL, vector BLOB NOT NULL);
CREATE INDEX chunks_by_document ON chunks (document);
CREATE INDEX chunks_by_content ON chunks (content);

CREATE TABLE pages (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    start INTEGER NOT NULL, end INTEGER NOT NULL, byte_start INTEGER NOT NULL, byte_end INTEGER NOT NULL,
    first_line INTEGER NOT NULL);
CREATE INDEX pages_by_document ON pages (document);

CREATE TABLE blocks (
    page INTEGER NOT NULL REFERENCES pages (row) ON DELETE CASCADE,
    chunk INTEGER NOT NULL REFERENCES chunks (row) ON DELETE CASCADE,
    start INTEGER NOT NULL, end INTEGER NOT NULL, PRIMARY KEY (page, chunk)) WITHOUT ROWID;
CREATE INDEX blocks_by_chunk ON blocks (chunk);

CREATE VIRTUAL TABLE terms USING fts5 ({", ".join(FTS_COLUMNS)}, tokenize = "{FTS_TOKENIZER}");
CREATE TRIGGER chunk_gone AFTER DELETE ON chunks BEGIN DELETE FROM terms WHERE rowid = old.row; END;
"""


def connect(path: Path) -> sqlite3.Connection:
    """Opens the database, creating an empty one where there is none.

    Raises:
        StoreDamagedError: If the file is not an SQLite database.
        StoreMismatchError: If it is one, but not a store, or one of a newer format.
    """
    with naming_errors(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        try:
            _check_identity(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def naming_errors(path: Path) -> Iterator[None]:
    """Turns what SQLite says went wrong inside into the errors of this package, which name the file."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        # The low byte is the primary code: https://sqlite.org/rescode.html
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise StoreLockedError(f"{path} is in use: {error}", hint="try again") from error
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            raise StoreError(f"{path} cannot be used: {error}", hint="check the disk and the permissions") from error
        raise StoreDamagedError(f"{path} cannot be read: {error}", hint=BACKUP_HINT) from error


def _check_identity(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreMismatchError(f"{path} is not a glyph-rag store", hint="choose another folder")
    if version > FORMAT_VERSION:
        raise StoreMismatchError(
            f"{path} has format {version}, this version reads up to {FORMAT_VERSION}",
            hint="upgrade glyph-rag",
        )


def is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the database has no tables yet."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    return not tables


def create(connection: sqlite3.Connection, meta: dict[str, str]) -> None:
    """Makes the tables, in one transaction."""
    rows = ", ".join("(?, ?)" for _ in meta)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(_TABLES):
            connection.execute(statement)
        connection.execute(f"INSERT INTO meta VALUES {rows}", [part for pair in meta.items() for part in pair])
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements

"""The tables of a store. What each promises is in docs/store-format.md."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import Final

from glyph_rag.store.terms import FTS_COLUMNS, FTS_TOKENIZER

FORMAT_VERSION: Final = 2
APPLICATION_ID: Final = 0x676C7068  # "glph", so that `file` and other tools can tell what the database is
PAGE_SIZE: Final = 8192
"""Five vectors of 384 float32 to a page of the database; with SQLite's own 4096 there are two, and a fifth is waste."""

_TABLES = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- A file of an indexed tree, so that an unchanged one need not be read again and a vanished one is noticed.
CREATE TABLE files (
    namespace TEXT NOT NULL, id TEXT NOT NULL, tree TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (namespace, id)) WITHOUT ROWID;
CREATE TABLE trees (
    namespace TEXT NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (namespace, name)) WITHOUT ROWID;

-- AUTOINCREMENT, here and below: a row number is never used twice, so nothing outside the database can mistake one
-- row for another.
CREATE TABLE documents (
    row INTEGER PRIMARY KEY AUTOINCREMENT, namespace TEXT NOT NULL, id TEXT NOT NULL, file TEXT, source TEXT NOT NULL,
    format TEXT NOT NULL, digest TEXT NOT NULL, length INTEGER NOT NULL, metadata TEXT NOT NULL, marks TEXT NOT NULL,
    seal BLOB NOT NULL, UNIQUE (namespace, id));
CREATE INDEX documents_by_file ON documents (namespace, file) WHERE file IS NOT NULL;

-- A document's text in parts, so that a page of a long one is read without the rest. UTF-8 with surrogates passed, as
-- a BLOB, so that any str comes back as it was. Offsets here and below are characters of the document.
CREATE TABLE texts (
    document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    start INTEGER NOT NULL, data BLOB NOT NULL, seal BLOB NOT NULL, PRIMARY KEY (document, start)) WITHOUT ROWID;

-- documents.metadata by value, for filters. kind keeps true from 1 and "1" from 1.
CREATE TABLE metadata (
    document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    key TEXT NOT NULL, kind TEXT NOT NULL, value, PRIMARY KEY (document, key)) WITHOUT ROWID;
CREATE INDEX metadata_by_value ON metadata (key, kind, value);

-- blocks is JSON: for each chunk on the page, the span of the document that stands there.
CREATE TABLE pages (
    row INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    id TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, first_line INTEGER NOT NULL,
    blocks TEXT NOT NULL, seal BLOB NOT NULL);
CREATE INDEX pages_by_document ON pages (document);
CREATE INDEX pages_by_id ON pages (id);

-- A chunk stands on consecutive pages, whose rows are consecutive too.
CREATE TABLE chunks (
    row INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    id TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL,
    first_page INTEGER NOT NULL, last_page INTEGER NOT NULL, headings TEXT NOT NULL, seal BLOB NOT NULL);
CREATE INDEX chunks_by_document ON chunks (document);

-- Of a chunk or of a page (one of the two is NULL); several vectors may belong to one page. data is little-endian
-- float32 or float16, as meta says. content is a digest of what was embedded: equal content, equal vector.
CREATE TABLE vectors (
    row INTEGER PRIMARY KEY AUTOINCREMENT, document INTEGER NOT NULL REFERENCES documents (row) ON DELETE CASCADE,
    chunk INTEGER, page INTEGER, content BLOB NOT NULL, data BLOB NOT NULL, seal BLOB NOT NULL,
    CHECK ((chunk IS NULL) <> (page IS NULL)));
CREATE INDEX vectors_by_document ON vectors (document);
CREATE INDEX vectors_by_content ON vectors (content);

-- A random name for the state after each change: an index file made from another past of this store (one that a
-- restored backup has left behind, say) knows the number of a generation, but not its name.
CREATE TABLE history (generation INTEGER PRIMARY KEY, state TEXT NOT NULL);

-- Which vectors went when, so that an index of the past is brought up to date without looking at those that stayed.
CREATE TABLE gone (generation INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (generation, row)) WITHOUT ROWID;
CREATE TRIGGER vector_gone AFTER DELETE ON vectors BEGIN
    INSERT INTO gone SELECT value + 1, old.row FROM meta WHERE key = 'generation'; END;

-- Without a copy of the terms: it would be the largest thing in the store.
CREATE VIRTUAL TABLE terms USING fts5 ({", ".join(FTS_COLUMNS)}, content = '', tokenize = "{FTS_TOKENIZER}");
"""

# SQLite makes these itself: row counters, statistics, and the tables inside FTS5, whose wording is its own affair.
_BY_SQLITE = frozenset(
    {"sqlite_sequence", "sqlite_stat1", "sqlite_stat4", "terms_data", "terms_idx", "terms_docsize", "terms_config"}
)


def make_tables(connection: sqlite3.Connection) -> None:
    """Makes the tables, inside the caller's transaction."""
    for statement in _statements():
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {FORMAT_VERSION}")


def foreign_objects(connection: sqlite3.Connection) -> list[str]:
    """What a database has besides our tables, lacks of them, or defines otherwise: a name for each, sorted.

    A trigger or view that somebody put in would run with our statements.
    """
    return sorted({str(name) for _, name, _ in objects(connection) ^ _expected()})


def objects(connection: sqlite3.Connection) -> frozenset[tuple[str, str, str | None]]:
    """Type, name and wording of everything in a database's schema that SQLite did not make itself."""
    found = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
    return frozenset(entry for entry in found if not (entry[0] == "table" and entry[1] in _BY_SQLITE))


@lru_cache(maxsize=1)
def _expected() -> frozenset[tuple[str, str, str | None]]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        make_tables(connection)
        return objects(connection)
    finally:
        connection.close()


@lru_cache(maxsize=1)
def _statements() -> tuple[str, ...]:
    statements, current = [], ""
    for line in _TABLES.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return tuple(statements)

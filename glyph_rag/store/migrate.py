"""Stores of earlier formats. What was written once is read for ever."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import numpy as np

from glyph_rag.corpus.document import Chunk, Document, Mark
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.store import identity, rows, schema
from glyph_rag.store.checked import missing, nonsense
from glyph_rag.store.connect import format_of
from glyph_rag.store.terms import TERMS_VERSION
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile

_OF_FORMAT_1 = ("meta", "files", "trees", "documents", "chunks", "pages", "blocks")


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Rewrites the tables of a store of format 1, in one transaction. The caller holds the writer lock.

    Raises:
        StoreDamagedError: If something in it cannot be read. It is left as it is.
    """
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if format_of(connection) == 1:
            _put_aside(connection)
            schema.make_tables(connection)
            _copy(connection)
            for table in _OF_FORMAT_1:
                connection.execute(f"DROP TABLE old_{table}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _put_aside(connection: sqlite3.Connection) -> None:
    """Renames the tables, so that the new ones can have their names; the terms are made anew from the texts."""
    connection.execute("DROP TRIGGER chunk_gone")
    connection.execute("DROP TABLE terms")
    indexes = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL"
    for (name,) in connection.execute(indexes).fetchall():
        connection.execute(f'DROP INDEX "{name}"')
    for table in _OF_FORMAT_1:
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")


def _copy(connection: sqlite3.Connection) -> None:
    meta = dict(connection.execute("SELECT key, value FROM old_meta").fetchall())
    if "generation" not in meta:
        raise missing("its generation")
    new = {"gone since": meta["generation"], "vectors": "float32", "terms version": str(TERMS_VERSION)}
    identity.write_meta(connection, {**meta, **new})
    connection.execute("INSERT INTO files SELECT '', id, tree, digest FROM old_files")
    connection.execute("INSERT INTO trees SELECT '', name, path FROM old_trees")
    counters = rows.RowCounters(connection)
    for (row,) in connection.execute("SELECT row FROM old_documents ORDER BY row").fetchall():
        try:
            rows.insert_document(connection, counters, _read(connection, row), _vectors(connection, row), "<f4")
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            # That format has no seals; a digest of each chunk's words, by which its vector is found, is near to one.
            raise nonsense(f"document {row}") from error


def _read(connection: sqlite3.Connection, row: int) -> rows.Prepared:
    """A document as format 1 has it."""
    name, file, source, form, digest, metadata, marks, data = connection.execute(
        "SELECT id, file, source, format, digest, metadata, marks, text FROM old_documents WHERE row = ?", (row,)
    ).fetchone()
    text = data.decode("utf-8", "surrogatepass")
    document = Document(
        name, text, source, json.loads(metadata), form, tuple(Mark(*mark) for mark in json.loads(marks))
    )
    chunks = {
        chunk_row: Chunk(chunk_id, name, start, end, text[start:end], tuple(json.loads(headings)))
        for chunk_row, chunk_id, start, end, headings in connection.execute(
            "SELECT row, id, start, end, headings FROM old_chunks WHERE document = ? ORDER BY row", (row,)
        )
    }
    pages = list(_pages(connection, row, document, chunks))
    return rows.Prepared(document, digest, list(chunks.values()), pages, file)


def _pages(
    connection: sqlite3.Connection, row: int, document: Document, chunks: dict[int, Chunk]
) -> Iterator[tuple[Page, list[Chunk]]]:
    """The pages of a document. Under which profile they were set is nothing that is kept with a page."""
    profile = RenderProfile()
    query = "SELECT row, id, start, end, first_line FROM old_pages WHERE document = ? ORDER BY row"
    for page_row, page_id, start, end, first_line in connection.execute(query, (row,)).fetchall():
        blocks = connection.execute(
            "SELECT chunk, start, end FROM old_blocks WHERE page = ? ORDER BY start, chunk", (page_row,)
        ).fetchall()
        page = Page(
            page_id, document.id, document.source, document.text[start:end], start, first_line,
            tuple((a, b) for _, a, b in blocks), profile,
        )  # fmt: skip
        yield page, [chunks[chunk] for chunk, _, _ in blocks]


def _vectors(connection: sqlite3.Connection, row: int) -> dict[bytes, FloatArray]:
    query = "SELECT content, vector FROM old_chunks WHERE document = ?"
    return {content: np.frombuffer(data, "<f4") for content, data in connection.execute(query, (row,))}

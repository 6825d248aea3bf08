"""Values to rows. Every function works inside the caller's transaction."""

from __future__ import annotations

import hashlib
import json
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np

from glyph_rag.corpus.document import Chunk, Document, MetadataValue
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.errors import InputError
from glyph_rag.store import load
from glyph_rag.store.checked import missing
from glyph_rag.store.seal import Value, seal
from glyph_rag.store.terms import FTS_COLUMNS, index_terms
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.render import page_key

_VARIABLES: Final = 900  # SQLite before 3.32 takes at most 999 in a statement
_LARGEST_INTEGER: Final = 2**63 - 1

SPLIT_PAIR: Final = re.compile("(?<=[\ud800-\udbff])(?=[\udc00-\udfff])")
"""Where two surrogates meet that JSON takes for one character."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Prepared:
    """One document, ready to be written but for its vectors.

    Attributes:
        document: The document.
        digest: Changes whenever the document would be stored differently.
        chunks: Its chunks, in order.
        pages: Its pages, each with the chunks that stand on it.
        file: Id of the file it came from, if it came from one.
        namespace: Whose it is; ids are unique within a namespace.
    """

    document: Document
    digest: str
    chunks: Sequence[Chunk]
    pages: Sequence[tuple[Page, Sequence[Chunk]]]
    file: str | None = None
    namespace: str = ""


@dataclass(frozen=True)
class IndexedFile:
    """A file of a tree of which every document has been indexed.

    Attributes:
        id: Names the file in the store.
        tree: Name of the tree it belongs to.
        digest: Changes whenever the file would give other documents.
        document_ids: All documents it holds.
        namespace: Whose it is.
    """

    id: str
    tree: str
    digest: str
    document_ids: tuple[str, ...]
    namespace: str = ""


def content_key(chunk: Chunk) -> bytes:
    """16 bytes that are equal for chunks with equal embedded text, whatever document they are in."""
    return hashlib.sha256(chunk.indexed_text.encode("utf-8", "surrogatepass")).digest()[:16]


def page_content_key(page: Page) -> bytes:
    """16 bytes that are equal for pages that look alike, whatever document they are in."""
    return bytes.fromhex(page_key(page))[:16]


def metadata_value(document_id: str, key: str, value: MetadataValue) -> tuple[str, str | int | float | bytes | None]:
    """A metadata value as the `metadata` table has it: its kind, and what SQLite compares.

    Integers and floats are one kind and compare as numbers; a NaN is a number that equals nothing. A string that is
    no UTF-8 (lone surrogates) is kept as bytes, which no other string is.

    Raises:
        InputError: If it is an integer of more than 64 bits.
    """
    if value is None:
        return "null", None
    if isinstance(value, bool):
        return "bool", int(value)
    if isinstance(value, str):
        data = value.encode("utf-8", "surrogatepass")
        return "text", value if is_utf8(value) else data
    if isinstance(value, int) and not -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER:
        raise InputError(
            f"metadata {key!r} of document {document_id!r} is an integer of more than 64 bits",
            hint="store it as a string",
        )
    return "number", None if isinstance(value, float) and math.isnan(value) else value


class RowCounters:
    """The next row number of each table; none is given out twice in the life of a store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        """Reads where the store stands, inside a write transaction.

        Raises:
            StoreDamagedError: If that is no number.
        """
        self._last: dict[str, int] = dict(connection.execute("SELECT name, seq FROM sqlite_sequence").fetchall())
        if not all(isinstance(last, int) and 0 <= last < _LARGEST_INTEGER for last in self._last.values()):
            raise missing("the count of rows")

    def take(self, table: str) -> int:
        """A row number that the table never had."""
        self._last[table] = self._last.get(table, 0) + 1
        return self._last[table]


def insert_document(
    connection: sqlite3.Connection,
    counters: RowCounters,
    prepared: Prepared,
    vectors: Mapping[bytes, FloatArray],
    dtype: str,
    *,
    of_pages: bool = False,
) -> None:
    """Adds a document with its text, metadata, pages, chunks, vectors and terms.

    Args:
        connection: In a write transaction; the store has no document of this namespace and id.
        counters: Where row numbers come from.
        prepared: The document.
        vectors: For the content key of each chunk, or of each page, its vectors: float32 (dimension,) or
            (n, dimension).
        dtype: How vectors are stored: "<f4" or "<f2".
        of_pages: Whether they are the pages' vectors and not the chunks'.

    Raises:
        InputError: If an id, a namespace or a metadata key is not UTF-8, an integer too large, or a vector no numbers.
    """
    document, row = prepared.document, counters.take("documents")
    check_names(prepared.namespace, document, prepared.file or "")
    values: tuple[Value, ...] = (
        row, prepared.namespace, document.id, document.source, document.format, prepared.digest, len(document.text),
        json.dumps(dict(document.metadata)), json.dumps([[mark.start, mark.label] for mark in document.marks]),
    )  # fmt: skip
    connection.execute(
        "INSERT INTO documents (row, namespace, id, source, format, digest, length, metadata, marks, seal, file)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (*values, seal(values), prepared.file),
    )
    connection.executemany("INSERT INTO texts VALUES (?, ?, ?, ?)", _parts(row, document.text))
    connection.executemany(
        "INSERT INTO metadata VALUES (?, ?, ?, ?)",
        [(row, key, *metadata_value(document.id, key, value)) for key, value in document.metadata.items()],
    )
    page_rows, pages_of = _insert_pages(connection, counters, row, prepared.pages)
    chunk_rows = []
    for chunk in prepared.chunks:
        chunk_rows.append(_insert_chunk(connection, counters, row, chunk, pages_of[chunk.id]))
        index_terms_of(connection, chunk_rows[-1], chunk.indexed_text)
    owners: list[tuple[int | None, int | None, bytes]]
    if of_pages:
        owners = [(None, at, page_content_key(page)) for at, (page, _) in zip(page_rows, prepared.pages, strict=True)]
    else:
        owners = [(at, None, content_key(chunk)) for at, chunk in zip(chunk_rows, prepared.chunks, strict=True)]
    for chunk_row, page_row, content in owners:
        for vector in np.atleast_2d(vectors[content]):
            data = _stored(vector, dtype)
            keys = (counters.take("vectors"), row, chunk_row, page_row, content)
            connection.execute("INSERT INTO vectors VALUES (?, ?, ?, ?, ?, ?, ?)", (*keys, data, seal(keys, data)))


def delete_documents(connection: sqlite3.Connection, namespace: str, document_ids: Sequence[str]) -> int:
    """Removes documents with all that belongs to them; returns how many there were.

    Raises:
        StoreDamagedError: If the text of one cannot be read: its terms would stay in the index.
    """
    gone: list[int] = []
    for part, places in portions(document_ids):
        query = f"SELECT row FROM documents WHERE namespace = ? AND id IN ({places})"
        gone += [row for (row,) in connection.execute(query, (namespace, *part))]
    for row in gone:
        _forget_terms(connection, row)
    connection.executemany("DELETE FROM documents WHERE row = ?", [(row,) for row in gone])
    return len(gone)


def documents_of_file(connection: sqlite3.Connection, namespace: str, file: str) -> list[str]:
    """Ids of the documents that came from a file."""
    query = "SELECT id FROM documents WHERE namespace = ? AND file = ? ORDER BY id"
    return [row[0] for row in connection.execute(query, (namespace, file))]


def complete_file(connection: sqlite3.Connection, file: IndexedFile) -> int:
    """Records a file with its documents; returns how many were removed because it no longer holds them."""
    connection.executemany(
        "UPDATE documents SET file = ? WHERE namespace = ? AND id = ? AND file IS NOT ?",
        [(file.id, file.namespace, document, file.id) for document in file.document_ids],
    )
    stale = set(documents_of_file(connection, file.namespace, file.id)) - set(file.document_ids)
    connection.execute(
        "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (file.namespace, file.id, file.tree, file.digest)
    )
    return delete_documents(connection, file.namespace, sorted(stale))


def index_terms_of(connection: sqlite3.Connection, chunk_row: int, text: str) -> None:
    """Puts the terms of a chunk into the index under its row number."""
    connection.execute(
        f"INSERT INTO terms (rowid, {', '.join(FTS_COLUMNS)}) VALUES (?, ?, ?)", (chunk_row, *index_terms(text))
    )


def portions(values: Sequence[Item]) -> Iterator[tuple[Sequence[Item], str]]:
    """Values in parts that fit into one statement, each with its question marks."""
    for at in range(0, len(values), _VARIABLES):
        part = values[at : at + _VARIABLES]
        yield part, ", ".join("?" * len(part))


def check_names(namespace: str, document: Document, file: str = "") -> None:
    """Raises `InputError` if SQLite cannot keep a name as TEXT, JSON cannot keep a value, or a mark is none."""
    for text in (namespace, document.id, document.source, file, *document.metadata):
        if not isinstance(text, str):
            raise InputError(f"document {document.id!r}: {text!r} is not a string", hint="ids and sources are strings")
        if not is_utf8(text):
            raise InputError(f"document {document.id!r}: {text!r} is not UTF-8", hint="use names without surrogates")
    for mark in document.marks:
        if not (type(mark.start) is int and isinstance(mark.label, str)):
            raise InputError(
                f"document {document.id!r}: {mark!r} is not a mark", hint="an offset and a label: Mark(0, 'p. 1')"
            )
    for value in (*document.metadata.values(), *(mark.label for mark in document.marks)):
        if isinstance(value, str) and SPLIT_PAIR.search(value):
            raise InputError(
                f"document {document.id!r}: {value[:60]!r} has one character in two surrogates",
                hint="""join them: value.encode("utf-16", "surrogatepass").decode("utf-16")""",
            )


def is_utf8(text: str) -> bool:
    """Whether SQLite can keep it as TEXT."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _parts(document_row: int, text: str) -> Iterator[tuple[int, int, bytes, bytes]]:
    for start in range(0, max(1, len(text)), load.PART):
        data = text[start : start + load.PART].encode("utf-8", "surrogatepass")
        yield document_row, start, data, seal((document_row, start), data)


def _stored(vector: FloatArray, dtype: str) -> bytes:
    with np.errstate(over="ignore"):
        kept = vector.astype(dtype)
    if not np.isfinite(kept).all():
        raise InputError(f"a vector holds what is no {kept.dtype} number", hint="vectors have length 1")
    return kept.tobytes()


def _insert_pages(
    connection: sqlite3.Connection,
    counters: RowCounters,
    document_row: int,
    pages: Sequence[tuple[Page, Sequence[Chunk]]],
) -> tuple[list[int], dict[str, tuple[int, int]]]:
    """Adds a document's pages; returns their rows, and the first and last page row of each chunk id."""
    rows: list[int] = []
    pages_of: dict[str, tuple[int, int]] = {}
    for page, chunks in pages:
        row = counters.take("pages")
        keys = (row, document_row, page.id, page.start, page.end, page.first_line, json.dumps(page.blocks))
        connection.execute("INSERT INTO pages VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*keys, seal(keys)))
        for chunk in chunks:
            pages_of[chunk.id] = (pages_of.get(chunk.id, (row, row))[0], row)
        rows.append(row)
    return rows, pages_of


def _insert_chunk(
    connection: sqlite3.Connection, counters: RowCounters, document_row: int, chunk: Chunk, pages: tuple[int, int]
) -> int:
    row = counters.take("chunks")
    keys = (row, document_row, chunk.id, chunk.start, chunk.end, *pages, json.dumps(chunk.headings))
    connection.execute("INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*keys, seal(keys)))
    return row


def _forget_terms(connection: sqlite3.Connection, document_row: int) -> None:
    """Takes a document's chunks out of the term index, which has to be told again what was put in."""
    columns = ", ".join(FTS_COLUMNS)
    for row, chunk in load.chunks_of_document(connection, document_row):
        connection.execute(
            f"INSERT INTO terms (terms, rowid, {columns}) VALUES ('delete', ?, ?, ?)",
            (row, *index_terms(chunk.indexed_text)),
        )

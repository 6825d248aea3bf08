"""Values to rows and back. Every function works inside the caller's transaction."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from glyph_rag.corpus.document import Chunk, Document, Mark
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.store.terms import FTS_COLUMNS, index_terms
from glyph_rag.typeset.page import Page, marks_within
from glyph_rag.typeset.profile import RenderProfile

_VARIABLES = 900  # SQLite before 3.32 takes at most 999 in a statement


def content_key(chunk: Chunk) -> bytes:
    """16 bytes that are equal for chunks with equal embedded text, whatever document they are in."""
    return hashlib.sha256(chunk.indexed_text.encode("utf-8", "surrogatepass")).digest()[:16]


def _portions(values: Sequence[object]) -> Iterator[tuple[Sequence[object], str]]:
    for at in range(0, len(values), _VARIABLES):
        part = values[at : at + _VARIABLES]
        yield part, ", ".join("?" * len(part))


class _ByteOffsets:
    """Character offsets of a text to offsets in its UTF-8 bytes."""

    def __init__(self, text: str, offsets: Iterable[int]) -> None:
        self.data = text.encode("utf-8", "surrogatepass")
        self._known: dict[int, int] = {}
        at = size = 0
        for offset in sorted(set(offsets)):
            size += offset - at if text.isascii() else len(text[at:offset].encode("utf-8", "surrogatepass"))
            self._known[offset] = size
            at = offset

    def __call__(self, offset: int) -> int:
        return self._known[offset]


def insert_document(connection: sqlite3.Connection, document: Document, digest: str, file: str | None) -> int:
    """Adds a document; returns its row number."""
    marks = json.dumps([[mark.start, mark.label] for mark in document.marks])
    cursor = connection.execute(
        "INSERT INTO documents (id, file, source, format, digest, metadata, marks, text)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            document.id, file, document.source, document.format, digest,
            json.dumps(dict(document.metadata)), marks, document.text.encode("utf-8", "surrogatepass"),
        ),
    )  # fmt: skip
    return int(cursor.lastrowid or 0)


def insert_chunks(
    connection: sqlite3.Connection,
    document_row: int,
    document: Document,
    chunks: Sequence[Chunk],
    vectors: Mapping[bytes, FloatArray],
) -> dict[str, int]:
    """Adds a document's chunks with their vectors and terms; returns the row number of each chunk id."""
    bytes_at = _ByteOffsets(document.text, [offset for chunk in chunks for offset in (chunk.start, chunk.end)])
    chunk_rows: dict[str, int] = {}
    places = ", ".join("?" * (1 + len(FTS_COLUMNS)))
    for chunk in chunks:
        content = content_key(chunk)
        cursor = connection.execute(
            "INSERT INTO chunks (id, document, start, end, byte_start, byte_end, headings, content, vector)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                chunk.id, document_row, chunk.start, chunk.end, bytes_at(chunk.start), bytes_at(chunk.end),
                json.dumps(chunk.headings), content, vectors[content].astype("<f4").tobytes(),
            ),
        )  # fmt: skip
        row = chunk_rows[chunk.id] = int(cursor.lastrowid or 0)
        connection.execute(
            f"INSERT INTO terms (rowid, {', '.join(FTS_COLUMNS)}) VALUES ({places})",
            (row, *index_terms(chunk.indexed_text)),
        )
    return chunk_rows


def insert_pages(
    connection: sqlite3.Connection,
    document_row: int,
    document: Document,
    pages: Sequence[tuple[Page, Sequence[Chunk]]],
    chunk_rows: Mapping[str, int],
) -> None:
    """Adds a document's pages, and which chunks stand on them."""
    bytes_at = _ByteOffsets(document.text, [offset for page, _ in pages for offset in (page.start, page.end)])
    for page, chunks in pages:
        cursor = connection.execute(
            "INSERT INTO pages (id, document, start, end, byte_start, byte_end, first_line)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                page.id,
                document_row,
                page.start,
                page.end,
                bytes_at(page.start),
                bytes_at(page.end),
                page.first_line,
            ),
        )
        connection.executemany(
            "INSERT INTO blocks VALUES (?, ?, ?, ?)",
            [
                (cursor.lastrowid, chunk_rows[chunk.id], start, end)
                for chunk, (start, end) in zip(chunks, page.blocks, strict=True)
            ],
        )


def delete_documents(connection: sqlite3.Connection, document_ids: Sequence[str]) -> int:
    """Removes documents with all that belongs to them; returns how many there were."""
    removed = 0
    for part, places in _portions(document_ids):
        removed += connection.execute(f"DELETE FROM documents WHERE id IN ({places})", part).rowcount
    return removed


def documents_of_file(connection: sqlite3.Connection, file: str) -> list[str]:
    """Ids of the documents that came from a file."""
    return [row[0] for row in connection.execute("SELECT id FROM documents WHERE file = ? ORDER BY id", (file,))]


def select_digests(connection: sqlite3.Connection, document_ids: Sequence[str]) -> dict[str, str]:
    """Digests of those of the documents that are there."""
    found: dict[str, str] = {}
    for part, places in _portions(document_ids):
        found.update(connection.execute(f"SELECT id, digest FROM documents WHERE id IN ({places})", part).fetchall())
    return found


def select_vectors(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
    """Vectors by content key, for those keys that some chunk has."""
    found: dict[bytes, FloatArray] = {}
    for part, places in _portions(keys):
        query = f"SELECT content, vector FROM chunks WHERE content IN ({places})"
        found.update((key, np.frombuffer(data, "<f4")) for key, data in connection.execute(query, part))
    return found


def load_vectors(connection: sqlite3.Connection, chunk_rows: Sequence[int], dimension: int) -> FloatArray:
    """Vectors of chunks, in the order given: float32 (len(chunk_rows), dimension)."""
    found: dict[int, bytes] = {}
    for part, places in _portions(chunk_rows):
        found.update(connection.execute(f"SELECT row, vector FROM chunks WHERE row IN ({places})", part).fetchall())
    data = b"".join(found[row] for row in chunk_rows)
    return np.frombuffer(data, "<f4").reshape(len(chunk_rows), dimension)


def select_pages_of_chunks(connection: sqlite3.Connection, chunk_rows: Sequence[int]) -> dict[int, list[int]]:
    """For each chunk row, the rows of its pages, in order."""
    pages: dict[int, list[int]] = {row: [] for row in chunk_rows}
    for part, places in _portions(chunk_rows):
        query = f"SELECT chunk, page FROM blocks WHERE chunk IN ({places}) ORDER BY chunk, page"
        for chunk, page in connection.execute(query, part):
            pages[chunk].append(page)
    return pages


def load_page(connection: sqlite3.Connection, row: int, profile: RenderProfile) -> Page:
    """The page with this row number."""
    page_id, start, end, first_line, document_id, source, form, metadata, marks, data = connection.execute(
        "SELECT p.id, p.start, p.end, p.first_line, d.id, d.source, d.format, d.metadata, d.marks,"
        " substr(d.text, p.byte_start + 1, p.byte_end - p.byte_start)"
        " FROM pages p JOIN documents d ON d.row = p.document WHERE p.row = ?",
        (row,),
    ).fetchone()
    blocks = connection.execute("SELECT start, end FROM blocks WHERE page = ? ORDER BY start", (row,)).fetchall()
    return Page(
        id=page_id, document_id=document_id, source=source, text=data.decode("utf-8", "surrogatepass"), start=start,
        first_line=first_line, blocks=tuple(blocks), profile=profile, format=form, metadata=json.loads(metadata),
        marks=marks_within([Mark(*mark) for mark in json.loads(marks)], start, end),
    )  # fmt: skip


def load_chunk(connection: sqlite3.Connection, row: int) -> Chunk:
    """The chunk with this row number."""
    chunk_id, document_id, start, end, headings, data = connection.execute(
        "SELECT c.id, d.id, c.start, c.end, c.headings, substr(d.text, c.byte_start + 1, c.byte_end - c.byte_start)"
        " FROM chunks c JOIN documents d ON d.row = c.document WHERE c.row = ?",
        (row,),
    ).fetchone()
    text = data.decode("utf-8", "surrogatepass")
    return Chunk(chunk_id, document_id, start, end, text, tuple(json.loads(headings)))

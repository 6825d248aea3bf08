"""Rows back to values. Whatever is handed out has been held against its seal."""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from glyph_rag.corpus.document import Chunk, Document, Mark
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.errors import InputError
from glyph_rag.store.checked import listed, nonsense, parsed, sealed
from glyph_rag.store.checked import missing as missing  # Others take it from here.
from glyph_rag.store.seal import check_seal
from glyph_rag.typeset.page import Page, marks_within
from glyph_rag.typeset.profile import RenderProfile

PART: Final = 16_384
"""Characters in each part of a document's text but the last."""

_DOCUMENT: Final = "SELECT row, namespace, id, source, format, digest, length, metadata, marks, seal FROM documents"
_CHUNK: Final = "SELECT row, document, id, start, end, first_page, last_page, headings, seal FROM chunks"
_DOCUMENT_KINDS: Final = "ntttttntt"
_CHUNK_KINDS: Final = "nntnnnnt"
_VECTOR: Final = "SELECT row, document, chunk, page, content, data, seal FROM vectors"

Rows = npt.NDArray[np.int64]


class Vectors(NamedTuple):
    """Vectors of chunks or of pages, in ascending order of their rows.

    Attributes:
        rows: Their own row numbers: int64 (n,).
        owners: Row of what each belongs to, a chunk, or in a store of a page embedder a page: int64 (n,). An owner may
            have several vectors.
        documents: Rows of the documents these belong to: int64 (n,), ascending too.
        data: float32 (n, dimension).
    """

    rows: Rows
    owners: Rows
    documents: Rows
    data: FloatArray


class Head(NamedTuple):
    """What a store has of a document: all but its text, unless that was asked for.

    Attributes:
        row: Its row number.
        namespace: Whose it is.
        document: The document; its text is empty unless it comes from `load_document`.
        digest: Changes whenever the document would be stored differently.
        length: Characters in its text.
    """

    row: int
    namespace: str
    document: Document
    digest: str
    length: int


def load_text(connection: sqlite3.Connection, document_row: int, start: int, end: int) -> str:
    """A document's text from `start` to `end`.

    Raises:
        StoreDamagedError: If part of it is missing or is not what was written.
    """
    first = start // PART * PART
    found = connection.execute(
        "SELECT start, data, seal FROM texts WHERE document = ? AND start >= ? AND start < ? ORDER BY start",
        (document_row, first, max(end, first + 1)),
    ).fetchall()
    parts = []
    for number, (at, data, mark) in enumerate(found):
        check_seal(f"text of document {document_row}", mark, (document_row, at), data)
        if at != first + number * PART:
            raise missing(f"text of document {document_row}")
        parts.append(data.decode("utf-8", "surrogatepass"))
    text = "".join(parts)
    if not parts or first + len(text) < end:
        raise missing(f"text of document {document_row}")
    return text[start - first : end - first]


def load_head(connection: sqlite3.Connection, document_row: int) -> Head:
    """A document without its text.

    Raises:
        StoreDamagedError: If there is none, or it is not what was written.
    """
    found = connection.execute(f"{_DOCUMENT} WHERE row = ?", (document_row,)).fetchone()
    what = f"document {document_row}"
    values = sealed(what, found, _DOCUMENT_KINDS)
    row, namespace, name, source, form, digest, length, metadata, marks = values
    try:
        document = Document(name, "", source, parsed(what, metadata), form, _marks(what, marks))
    except (InputError, AttributeError) as error:
        raise nonsense(what) from error
    return Head(row, namespace, document, digest, length)


def load_page(connection: sqlite3.Connection, row: int, profile: RenderProfile) -> Page:
    """The page with this row number.

    Raises:
        StoreDamagedError: If there is none, or it is not what was written.
    """
    found = connection.execute(
        "SELECT row, document, id, start, end, first_line, blocks, seal FROM pages WHERE row = ?", (row,)
    ).fetchone()
    what = f"page {row}"
    _, document_row, page_id, start, end, first_line, blocks = sealed(what, found, "nntnnnt")
    document = load_head(connection, document_row).document
    return Page(
        id=page_id, document_id=document.id, source=document.source,
        text=load_text(connection, document_row, start, end), start=start, first_line=first_line,
        blocks=tuple((a, b) for a, b in listed(what, blocks, int, int)), profile=profile, format=document.format,
        metadata=document.metadata, marks=marks_within(document.marks, start, end),
    )  # fmt: skip


def load_chunk(connection: sqlite3.Connection, row: int) -> Chunk:
    """The chunk with this row number.

    Raises:
        StoreDamagedError: If there is none, or it is not what was written.
    """
    document_row, chunk = _chunk(connection, row)
    return replace(chunk, document_id=load_head(connection, document_row).document.id)


def load_indexed_text(connection: sqlite3.Connection, chunk_row: int) -> str:
    """What is searched of a chunk, without looking at its document's row.

    Raises:
        StoreDamagedError: If there is none, or it is not what was written.
    """
    return _chunk(connection, chunk_row)[1].indexed_text


def document_ids(connection: sqlite3.Connection, namespace: str) -> list[str]:
    """The ids of all documents of a namespace, sorted.

    Raises:
        StoreDamagedError: If a document is not what was written.
    """
    found = connection.execute(f"{_DOCUMENT} WHERE namespace = ? ORDER BY id", (namespace,))
    return [sealed(f"document {entry[0]}", entry, _DOCUMENT_KINDS)[2] for entry in found]


def load_document(connection: sqlite3.Connection, row: int) -> Head:
    """A document with its text.

    Raises:
        StoreDamagedError: If there is none, or it is not what was written.
    """
    head = load_head(connection, row)
    return head._replace(document=replace(head.document, text=load_text(connection, row, 0, head.length)))


def chunks_of_document(connection: sqlite3.Connection, document_row: int) -> Iterator[tuple[int, Chunk]]:
    """Row and value of each chunk of a document, in order.

    Raises:
        StoreDamagedError: If the document or a chunk is not what was written.
    """
    document = load_document(connection, document_row).document
    for found in connection.execute(f"{_CHUNK} WHERE document = ? ORDER BY row", (document_row,)):
        row, _, chunk_id, start, end, _, _, headings = sealed("a chunk", found, _CHUNK_KINDS)
        yield row, Chunk(chunk_id, document.id, start, end, document.text[start:end], _headings("a chunk", headings))


def pages_of_chunk(connection: sqlite3.Connection, row: int) -> list[int]:
    """The rows of the pages that a chunk stands on, in order.

    Raises:
        StoreDamagedError: If there is no such chunk, or it is not what was written.
    """
    found = connection.execute(f"{_CHUNK} WHERE row = ?", (row,)).fetchone()
    _, _, _, start, end, first, last, _ = sealed(f"chunk {row}", found, _CHUNK_KINDS)
    if not first <= last <= first + end - start:  # Something of it stands on each of its pages.
        raise nonsense(f"chunk {row}")
    return list(range(first, last + 1))


def chunks_of_pages(connection: sqlite3.Connection, page_rows: Sequence[int]) -> dict[int, list[int]]:
    """For each page row, the rows of the chunks that stand on it, in order.

    Raises:
        StoreDamagedError: If one of them is not what was written.
    """
    found: dict[int, list[int]] = {row: [] for row in page_rows}
    of_document: dict[int, list[int]] = {}
    for page, document in _documents_of_pages(connection, sorted(page_rows)):
        of_document.setdefault(document, []).append(page)
    for document, pages in of_document.items():
        query = f"{_CHUNK} WHERE document = ? AND last_page >= ? AND first_page <= ? ORDER BY row"
        for entry in connection.execute(query, (document, pages[0], pages[-1])):
            first, last = bisect_left(pages, entry[5]), bisect_right(pages, entry[6])
            if first < last:
                sealed("a chunk", entry, _CHUNK_KINDS)
            for page in pages[first:last]:
                found[page].append(entry[0])
    return found


def pages_in(connection: sqlite3.Connection, documents: Rows | None, most: int) -> list[int] | None:
    """The rows of all pages of these documents, or of all there are where None; None if they are more than `most`."""
    if documents is None:
        rows = connection.execute("SELECT row FROM pages LIMIT ?", (most + 1,))
        found = [row for (row,) in rows]
        return found if len(found) <= most else None
    found = []
    for document in documents.tolist():
        found += [row for (row,) in connection.execute("SELECT row FROM pages WHERE document = ?", (document,))]
        if len(found) > most:
            return None
    return found


def vectors_after(
    connection: sqlite3.Connection, row: int, dimension: int, dtype: str, portion: int = 8192
) -> Iterator[Vectors]:
    """The vectors that came after the one with this row number, in portions.

    Args:
        connection: In a transaction.
        row: Where to begin; 0 for all of them.
        dimension: Their length.
        dtype: How they are stored.
        portion: How many come at a time.

    Raises:
        StoreDamagedError: If one is not what was written.
    """
    cursor = connection.execute(f"{_VECTOR} WHERE row > ? ORDER BY row", (row,))
    while found := cursor.fetchmany(portion):
        for *keys, data, mark in found:
            check_seal(f"vector {keys[0]}", mark, tuple(keys), data)
        data = np.frombuffer(b"".join(entry[5] for entry in found), dtype)
        if data.size != len(found) * dimension:
            raise missing("part of a vector")
        numbers = [(*entry[:2], entry[3] if entry[2] is None else entry[2]) for entry in found]
        try:
            rows, documents, owners = np.array(numbers, np.int64).T.copy()
        except (OverflowError, TypeError, ValueError) as error:
            raise nonsense("a vector") from error
        if rows[0] < 1 or owners.min() < 1 or documents[0] < 1 or (np.diff(documents) < 0).any():
            raise nonsense("a vector")
        yield Vectors(rows, owners, documents, data.reshape(-1, dimension).astype(np.float32, copy=False))


def vectors_in_rows(connection: sqlite3.Connection, rows: Sequence[int], dtype: str) -> FloatArray:
    """The vectors with these row numbers, of which there is at least one, in their order: float32 (n, dimension).

    Raises:
        StoreDamagedError: If one is missing or is not what was written.
    """
    found = []
    for row in rows:
        entry = connection.execute(f"{_VECTOR} WHERE row = ?", (row,)).fetchone()
        if entry is None:
            raise missing(f"vector {row}")
        *keys, data, mark = entry
        check_seal(f"vector {row}", mark, tuple(keys), data)
        found.append(np.frombuffer(data, dtype).astype(np.float32, copy=False))
    return np.stack(found)


def vectors_of_document(
    connection: sqlite3.Connection, document_row: int, dtype: str
) -> Iterator[tuple[bytes, FloatArray]]:
    """Content key and vectors of each chunk or page of a document: float32 (n, dimension).

    Raises:
        StoreDamagedError: If one is not what was written.
    """
    return _owned(connection, "document = ?", document_row, dtype)


def vectors_of(connection: sqlite3.Connection, contents: Sequence[bytes], dtype: str) -> dict[bytes, FloatArray]:
    """Vectors by content key, for those keys that some chunk or page has: float32 (n, dimension).

    Raises:
        StoreDamagedError: If one is not what was written.
    """
    found: dict[bytes, FloatArray] = {}
    for content in contents:
        for _, vectors in _owned(connection, "content = ?", content, dtype):
            found[content] = vectors
            break
    return found


def _documents_of_pages(connection: sqlite3.Connection, page_rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    for row in page_rows:
        found = connection.execute("SELECT document FROM pages WHERE row = ?", (row,)).fetchone()
        if found is None:
            raise missing(f"page {row}")
        yield row, found[0]


def _owned(
    connection: sqlite3.Connection, condition: str, parameter: int | bytes, dtype: str
) -> Iterator[tuple[bytes, FloatArray]]:
    """Content key and vectors of one chunk or page after the other."""
    found = connection.execute(f"{_VECTOR} WHERE {condition} ORDER BY row", (parameter,))
    for _, entries in groupby(found, lambda entry: entry[2:4]):
        vectors = []
        for *keys, data, mark in entries:
            check_seal(f"vector {keys[0]}", mark, tuple(keys), data)
            vectors.append(np.frombuffer(data, dtype).astype(np.float32, copy=False))
        if not isinstance(keys[4], bytes) or len({len(vector) for vector in vectors}) > 1:
            raise nonsense(f"vector {keys[0]}")
        yield keys[4], np.stack(vectors)


def _chunk(connection: sqlite3.Connection, row: int) -> tuple[int, Chunk]:
    """The row of a chunk's document, and the chunk without its document's id."""
    found = connection.execute(f"{_CHUNK} WHERE row = ?", (row,)).fetchone()
    _, document, chunk_id, start, end, _, _, headings = sealed(f"chunk {row}", found, _CHUNK_KINDS)
    text = load_text(connection, document, start, end)
    return document, Chunk(chunk_id, "", start, end, text, _headings(f"chunk {row}", headings))


def _marks(what: str, text: str) -> tuple[Mark, ...]:
    return tuple(Mark(*mark) for mark in listed(what, text, int, str))


def _headings(what: str, text: str) -> tuple[str, ...]:
    return tuple(heading for (heading,) in listed(what, text, str))

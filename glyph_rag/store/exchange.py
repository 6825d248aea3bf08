"""Documents out of a store and into another, as JSON Lines that outlive every embedder and profile.

The first line is about the store; then comes a line for each document, with its text, metadata and, if wanted, the
vectors of its chunks or pages; the last line is {"end": <number of documents>}, so that a file that was cut off is
noticed. A text is a string, or a list of its parts where it is cut between two surrogates that JSON would take for one
character.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias, get_args

import numpy as np

from glyph_rag.corpus.document import Document, Format, Mark
from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.errors import GlyphRAGError, InputError
from glyph_rag.store import identity, load
from glyph_rag.store.overview import reading
from glyph_rag.store.rows import SPLIT_PAIR
from glyph_rag.store.vectors import DTYPES

Progress: TypeAlias = Callable[[int, int], object]
"""Called with how many documents are done and how many there are. An exception it raises stops the work."""

_FORMAT: Final = "glyph-rag-export-1"


@dataclass(frozen=True)
class Exported:
    """A document on its way from one store to another.

    Attributes:
        namespace: Whose it is.
        document: The document.
        vectors: Vectors of its chunks or pages by content key: float32 (n, dimension). Empty unless they were
            exported, and from a store with the embedder of the one that reads them.
        number: Which of the export's documents it is, counted from 1.
        total: How many there are.
    """

    namespace: str
    document: Document
    vectors: Mapping[bytes, FloatArray] = field(default_factory=dict)
    number: int = 0
    total: int = 0


def export_lines(
    folder: Path, *, namespace: str | None = None, vectors: bool = False, progress: Progress | None = None
) -> Iterator[str]:
    """The documents of a store, from one snapshot, as lines of JSON without line feeds.

    No embedder is needed, and the store may have been made with a profile that this version no longer knows.

    Args:
        folder: The store's folder.
        namespace: Whose documents; everybody's where None.
        vectors: Whether to put the vectors in.
        progress: Is told how many documents are done.

    Raises:
        StoreError: If there is no store in the folder.
        StoreDamagedError: If a document is not what was written.
    """
    with reading(folder) as connection:
        where, parameters = ("", ()) if namespace is None else (" WHERE namespace = ?", (namespace,))
        (total,) = connection.execute(f"SELECT count(*) FROM documents{where}", parameters).fetchone()
        about = {key: identity.meta(connection, folder, key) for key in ("embedder", "embedder fingerprint")}
        dimension = identity.number(connection, folder, "dimension")
        yield json.dumps({"format": _FORMAT, **about, "dimension": dimension, "documents": total})
        dtype = DTYPES[identity.precision_of(connection, folder)] if vectors else None
        query = f"SELECT row FROM documents{where} ORDER BY row"
        for done, (row,) in enumerate(connection.execute(query, parameters), 1):
            head = load.load_document(connection, row)
            document = head.document
            record: dict[str, object] = {
                "namespace": head.namespace, "id": document.id, "source": document.source, "format": document.format,
                "metadata": dict(document.metadata), "marks": [[mark.start, mark.label] for mark in document.marks],
                "text": parts if len(parts := SPLIT_PAIR.split(document.text)) > 1 else document.text,
            }  # fmt: skip
            if dtype:
                found = load.vectors_of_document(connection, row, dtype)
                record["vectors"] = {key.hex(): base64.b64encode(value.tobytes()).decode() for key, value in found}
            yield json.dumps(record)
            if progress is not None:
                progress(done, total)
        yield json.dumps({"end": total})


def read_lines(lines: Iterable[str], embedder: EmbedderInfo) -> Iterator[Exported]:
    """The documents of an export.

    Args:
        lines: What `export_lines` made, with or without line feeds.
        embedder: The vectors of another one are left out.

    Raises:
        InputError: If a line is not what an export has there, or the last one is missing. The documents before it have
            been handed out by then.
    """
    source = iter(lines)
    header = _parsed(next(source, ""), 1)
    if header.get("format") != _FORMAT:
        raise InputError(f"this is no export: its first line has format {header.get('format')!r}", hint=_HINT)
    same = header.get("embedder fingerprint") == embedder.fingerprint
    total, count = header.get("documents"), 0
    for number, line in enumerate(source, 2):
        record = _parsed(line, number)
        if "end" in record:
            if record["end"] != count:
                raise InputError(f"the export has {count} documents, not {record['end']}", hint=_HINT)
            return
        count += 1
        try:
            yield _exported(record, embedder if same else None, count, total if isinstance(total, int) else 0)
        except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
            raise InputError(f"line {number} of the export is no document: {_why(error)}", hint=_HINT) from error
    raise InputError(f"the export is cut off after {count} documents", hint=_HINT)


_HINT: Final = "make it again with `glyph-rag export`"


def _why(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"it has no {error}"
    return error.message if isinstance(error, GlyphRAGError) else str(error)


def _parsed(line: str, number: int) -> dict[str, object]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"line {number} of the export is not JSON: {error}", hint=_HINT) from error
    if not isinstance(record, dict):
        raise InputError(f"line {number} of the export is not a JSON object", hint=_HINT)
    return record


def _exported(record: dict[str, object], embedder: EmbedderInfo | None, number: int, total: int) -> Exported:
    namespace, text, metadata, marks = record["namespace"], record["text"], record["metadata"], record["marks"]
    if isinstance(text, list):
        text = "".join(text)
    form = next((known for known in get_args(Format) if known == record["format"]), None)
    if not (isinstance(namespace, str) and isinstance(text, str) and isinstance(metadata, dict) and form):
        raise TypeError("its namespace, text, metadata or format is invalid")
    if not isinstance(marks, list):
        raise TypeError("its marks are no list")
    document = Document(
        id=str(record["id"]), text=text, source=str(record["source"]), metadata=metadata,
        format=form, marks=tuple(Mark(int(start), str(label)) for start, label in marks),
    )  # fmt: skip
    vectors = record.get("vectors")
    found = _vectors(vectors, embedder) if embedder and isinstance(vectors, dict) else {}
    return Exported(namespace, document, found, number, total)


def _vectors(record: dict[str, str], embedder: EmbedderInfo) -> dict[bytes, FloatArray]:
    found = {}
    for key, value in record.items():
        vectors = np.frombuffer(base64.b64decode(value, validate=True), "<f4")
        count, rest = divmod(vectors.size, embedder.dimension)
        if rest or not 1 <= count <= max(1, embedder.vectors_per_page) or not np.isfinite(vectors).all():
            raise ValueError(f"a vector is not {embedder.dimension} finite numbers")
        found[bytes.fromhex(key)] = vectors.reshape(count, -1)
    return found

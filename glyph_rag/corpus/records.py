"""Files of records: one JSON object a line, or a JSON list of objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from glyph_rag.corpus import text as plain
from glyph_rag.corpus.document import Document, Format, Mark, MetadataValue
from glyph_rag.corpus.source import Skipped, SourceFile
from glyph_rag.errors import LimitError, LoadError
from glyph_rag.limits import Limits

_TEXT_KEYS = ("text", "content", "page_content", "body")
_ID_KEYS = ("id", "_id", "key", "number")
_SOURCE_KEYS = ("source", "url", "path")
# JSON can spell characters that neither a database nor a font can take.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


def load_lines(file: SourceFile, form: Format, limits: Limits) -> Iterator[Document | Skipped]:
    """Loads a file with one JSON object a line. A broken line is reported, the others are loaded."""
    found = False
    seen: dict[str, int] = {}
    for number, line in _lines(plain.decode(file.data)):
        found = True
        try:
            yield _document(file, _parsed(line), number, seen, form, limits)
        except (LoadError, LimitError) as error:
            yield file.skipped(f"line {number}: {error.message}", f"#{number}")
    if not found:
        raise LoadError("empty")


def load_json(file: SourceFile, form: Format, limits: Limits) -> Iterator[Document | Skipped]:
    """Loads a JSON file: as records where it is a list of objects with a text each, otherwise as text."""
    text = plain.decode(file.data)
    records = _records(text)
    if not records:
        yield file.document(text, "code", limits)
        return
    seen: dict[str, int] = {}
    for number, record in enumerate(records, start=1):
        try:
            yield _document(file, record, number, seen, form, limits)
        except (LoadError, LimitError) as error:
            yield file.skipped(f"record {number}: {error.message}", f"#{number}")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    start, number = 0, 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        number += 1
        if line := text[start:end].strip():
            yield number, line
        start = end + 1


def _parsed(line: str) -> Mapping[str, object]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise LoadError(f"no JSON at column {error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise LoadError(f"JSON that cannot be read: {error}") from error
    if not isinstance(record, dict):
        raise LoadError("not a JSON object")
    return record


def _records(text: str) -> list[Mapping[str, object]]:
    if not text.lstrip().startswith("["):
        return []
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return []
    is_records = all(isinstance(item, dict) and _first(item, _TEXT_KEYS) for item in found)
    return found if is_records else []


def _first(record: Mapping[str, object], keys: tuple[str, ...]) -> str:
    """The first of these fields that is a string with characters in it, or a number."""
    for key in keys:
        value = record.get(key)
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
    return ""


def _document(
    file: SourceFile,
    record: Mapping[str, object],
    number: int,
    seen: dict[str, int],
    form: Format,
    limits: Limits,
) -> Document:
    """Makes the document of one record.

    Raises:
        LoadError: It has no text.
        LimitError: It has too much.
    """
    text = _text(record)
    if not text.strip():
        raise LoadError("no text")
    limits.check("document_chars", len(text), "characters in the record")
    name = _clean(_first(record, _ID_KEYS) or str(number))
    seen[name] = seen.get(name, 0) + 1
    if seen[name] > 1:  # several records with one id would otherwise replace each other without a word
        name = f"{name}~{seen[name]}"
    source = _clean(_first(record, _SOURCE_KEYS)) or f"{file.source}#{name}"
    marks = (Mark(0, f"record {number}"),)
    return Document(f"{file.id}#{name}", text, source, _metadata(file, record, form), form, marks)


def _text(record: Mapping[str, object]) -> str:
    title = _first(record, ("title",))
    body = _first(record, _TEXT_KEYS)
    if not body:
        lines = [f"{key}: {value}" for key, value in record.items() if isinstance(value, str) and value.strip()]
        return _clean("\n".join(lines))
    return _clean(body if not title or title in body else f"{title}\n\n{body}")


def _metadata(file: SourceFile, record: Mapping[str, object], form: Format) -> dict[str, MetadataValue]:
    fields: dict[str, MetadataValue] = {}
    for key, value in record.items():
        if key in _TEXT_KEYS or not (value is None or isinstance(value, str | int | float)):
            continue
        fields[_clean(key)] = _clean(value) if isinstance(value, str) else value
    return {**fields, "path": file.path, "format": form}


def _clean(text: str) -> str:
    return _UNSTORABLE.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n")

"""Documents of LangChain to documents of the store and back, word for word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from glyph_rag.corpus.document import Document as Source
from glyph_rag.corpus.document import MetadataValue
from glyph_rag.errors import InputError
from glyph_rag.passages import Given
from glyph_rag.search.hit import Hit
from glyph_rag.typeset.page import Page
from langchain_core.documents import Document

NESTED_KEY: Final = "langchain_nested"
"""The metadata value that holds, as JSON, all values that are not flat. One cannot filter by them."""

_LARGEST_INTEGER: Final = 2**63 - 1


def to_source(document: Document, document_id: str) -> Source:
    """A document as the store keeps it. Its source is what its metadata calls so, as in `Given.of`.

    Raises:
        InputError: Its metadata has the reserved key, or a value that JSON cannot hold.
    """
    if NESTED_KEY in document.metadata:
        raise InputError(f"metadata has the key {NESTED_KEY!r}", hint="it is reserved; choose another")
    flat = {key: value for key, value in document.metadata.items() if _is_flat(value)}
    nested = {key: value for key, value in document.metadata.items() if key not in flat}
    if nested:
        flat[NESTED_KEY] = _json(nested)
    source = Given.of("", document.metadata).source
    return Source(document_id, document.page_content, source, flat)


def to_document(source: Source) -> Document:
    """The document that `to_source` was given. Tuples come back as lists, as JSON has them."""
    return Document(id=source.id, page_content=source.text, metadata=restored(source.metadata))


def page_document(page: Page, score: float | None = None) -> Document:
    """A page as a document: its words, and where they stand. Never its pixels."""
    place = page.label_of(page.start)
    where: dict[str, object] = {
        "source": page.source,
        "document_id": page.document_id,
        "page_id": page.id,
        "line_start": page.first_line,
        "line_end": page.line_of(page.end - 1),
    }
    if place:
        where["place"] = place
    if score is not None:
        where["score"] = score
    return Document(id=page.id, page_content=page.text, metadata={**restored(page.metadata), **where})


def hit_document(hit: Hit) -> Document:
    """A hit as a document, with its score; see `page_document`."""
    return page_document(hit.page, hit.score)


def restored(metadata: Mapping[str, MetadataValue]) -> dict[str, object]:
    """Metadata as it was before the store."""
    nested = metadata.get(NESTED_KEY)
    flat: dict[str, object] = {key: value for key, value in metadata.items() if key != NESTED_KEY}
    return {**flat, **json.loads(nested)} if isinstance(nested, str) else flat


def _is_flat(value: object) -> bool:
    if isinstance(value, int) and not isinstance(value, bool):
        return -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER
    return value is None or isinstance(value, str | bool | float)


def _json(nested: Mapping[str, object]) -> str:
    try:
        return json.dumps(nested, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        names = ", ".join(repr(key) for key in nested)
        hint = "values are what JSON can hold: a date as text, a number of NumPy as int or float"
        raise InputError(f"metadata cannot be kept, of {names}: {error}", hint=hint) from error

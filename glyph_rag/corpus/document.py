"""Documents and chunks: the two values that everything after the corpus is made from."""

from __future__ import annotations

import bisect
import hashlib
import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeAlias, get_args

from glyph_rag.errors import InputError

MetadataValue: TypeAlias = str | int | float | bool | None
Format: TypeAlias = Literal["text", "markdown", "rst", "code", "html", "pdf", "docx", "record"]


@dataclass(frozen=True)
class Mark:
    """Where in the original a stretch of text comes from, when lines of the text are not lines of a file.

    Attributes:
        start: Offset into the document's text, in characters. A mark holds until the next one.
        label: What a person would look for, such as "page 3" or "Leave > Carrying days over".
    """

    start: int
    label: str


@dataclass(frozen=True)
class Document:
    """One source.

    Attributes:
        id: Identifies the document in a store; adding another one with the same id replaces it.
        text: All of its text. Every offset in the package points into this string.
        source: Path or URI shown in citations. The id where empty.
        metadata: Flat values to filter by.
        format: How the text is written; decides how it is split.
        marks: For formats without lines (PDF, docx, HTML): page numbers or heading paths, by offset, ascending.
    """

    id: str
    text: str
    source: str = ""
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    format: Format = "text"
    marks: tuple[Mark, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) or not self.id:
            raise InputError(
                f"document id {self.id!r} is not a string with characters in it",
                hint="give each document an id",
            )
        if not isinstance(self.text, str):
            raise InputError(f"text of document {self.id!r} is {type(self.text).__name__}", hint="pass a str")
        if self.format not in get_args(Format):
            raise InputError(
                f"format of document {self.id!r} is {self.format!r}",
                hint=f"one of {', '.join(get_args(Format))}",
            )
        if not isinstance(self.metadata, Mapping):
            raise InputError(
                f"metadata of document {self.id!r} is {type(self.metadata).__name__}", hint="pass a dictionary"
            )
        for key, value in self.metadata.items():
            if not isinstance(key, str) or not (value is None or isinstance(value, str | int | float | bool)):
                raise InputError(
                    f"metadata {key!r} of document {self.id!r} is {type(value).__name__}",
                    hint="keys are strings; values are str, int, float, bool or None",
                )
        if not self.source:
            object.__setattr__(self, "source", self.id)

    def __repr__(self) -> str:
        return (
            f"Document(id={self.id!r}, text={reprlib.repr(self.text)}, source={self.source!r},"
            f" metadata={reprlib.repr(dict(self.metadata))}, format={self.format!r}, marks={reprlib.repr(self.marks)})"
        )

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of everything a reader of this document could see: equal digests, equal documents."""
        record = [
            self.text,
            self.source,
            self.format,
            dict(self.metadata),
            [(m.start, m.label) for m in self.marks],
        ]
        data = json.dumps(record, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(data.encode("ascii")).hexdigest()

    @cached_property
    def _line_starts(self) -> list[int]:
        starts, at = [0], self.text.find("\n")
        while at >= 0:
            starts.append(at + 1)
            at = self.text.find("\n", at + 1)
        return starts

    def line_of(self, offset: int) -> int:
        """The line that the character at `offset` stands on, counted from 1; lines end at a line feed."""
        return bisect.bisect_right(self._line_starts, offset)

    def label_of(self, offset: int) -> str:
        """The label of the last mark at or before `offset`, or an empty string."""
        at = bisect.bisect_right(self.marks, offset, key=lambda mark: mark.start)
        return self.marks[at - 1].label if at else ""


@dataclass(frozen=True)
class Chunk:
    """A contiguous span of one document: the unit of embedding.

    Attributes:
        id: Derived from the document's id and the chunk's words, so that an unchanged chunk keeps its id when
            text before it changes.
        document_id: The document it belongs to.
        start: First character, as an offset into the document's text.
        end: One past the last character.
        text: `document.text[start:end]`.
        headings: Titles of the sections it stands in, outermost first.
    """

    id: str
    document_id: str
    start: int
    end: int
    text: str
    headings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Chunk(id={self.id!r}, document_id={self.document_id!r}, start={self.start}, end={self.end},"
            f" text={reprlib.repr(self.text)}, headings={self.headings!r})"
        )

    @property
    def indexed_text(self) -> str:
        """What is embedded and searched: the headings, then the words. Equal texts have equal vectors."""
        return "\n".join([" > ".join(self.headings), self.text]) if self.headings else self.text

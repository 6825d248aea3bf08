"""What the corpus reads from: one file's bytes, and the reason where something could not be read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

from glyph_rag.corpus.document import Document, Format, Mark, MetadataValue
from glyph_rag.corpus.hidden import HIDDEN_KEY
from glyph_rag.errors import LoadError
from glyph_rag.limits import Limits

# Raised whenever a loader gives another text for the same bytes: files already indexed are then read again.
LOAD_VERSION: int = 2


@dataclass(frozen=True)
class Skipped:
    """Something that was not loaded, and why.

    Attributes:
        source: The file, folder or record, as shown to the user.
        reason: Why, in plain words.
        file_id: The id of the file it is about. Ends in "/" where a whole folder could not be read.
    """

    source: str
    reason: str
    file_id: str

    def covers(self, file_id: str) -> bool:
        """Whether the file called `file_id` may still be there, unread: it must not be taken for deleted."""
        return file_id == self.file_id or (self.file_id.endswith("/") and file_id.startswith(self.file_id))


@dataclass(frozen=True)
class SourceFile:
    """One file of a tree, read but not parsed. Holds the bytes, so keep one at a time.

    Attributes:
        id: Name of the root folder and the path below it: the same however the root was spelled.
        source: The root as the user gave it and the path below it.
        path: The path below the root.
        data: The bytes.
    """

    id: str
    source: str
    path: str
    data: bytes = field(repr=False)

    @cached_property
    def digest(self) -> str:
        """Hex SHA-256 of the bytes and of the loaders' version: equal digests parse to equal documents."""
        return hashlib.sha256(b"%d\n" % LOAD_VERSION + self.data).hexdigest()

    def skipped(self, reason: str, part: str = "") -> Skipped:
        """Says why this file, or the named part of it, is left out."""
        return Skipped(self.source + part, reason, self.id)

    def document(
        self,
        text: str,
        form: Format,
        limits: Limits,
        *,
        marks: tuple[Mark, ...] = (),
        title: str = "",
        hidden: int = 0,
    ) -> Document:
        """Makes the one document that this file is.

        Args:
            text: What was read from it.
            form: How the text is written.
            limits: Bounds the text's length.
            marks: Where stretches of the text come from, for formats without lines.
            title: Kept as metadata where there is one.
            hidden: How many characters of hidden text were left out; kept as metadata where there were any.

        Raises:
            LoadError: There is no text.
            LimitError: There is too much of it.
        """
        if not text.strip():
            raise LoadError("empty: all of its text is hidden" if hidden else "empty")
        limits.check("document_chars", len(text), "characters in the file")
        facts: dict[str, MetadataValue] = {"path": self.path, "format": form}
        if title:
            facts["title"] = title
        if hidden:
            facts[HIDDEN_KEY] = hidden
        return Document(self.id, text, self.source, facts, form, marks)

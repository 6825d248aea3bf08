"""The bounds on what one call may take, in one place."""

from __future__ import annotations

from dataclasses import dataclass, fields

from glyph_rag.errors import InputError, LimitError


@dataclass(frozen=True)
class Limits:
    """Upper bounds. Each is inclusive, and going past one raises `LimitError` or skips the file, never truncates.

    Attributes:
        file_bytes: Largest file that is loaded, in bytes.
        document_chars: Longest document text, in characters; the labels of a document's marks have as much again.
        id_chars: Longest id or source of a document or name of a namespace, in characters.
        metadata_keys: Most metadata values of one document.
        metadata_chars: Longest metadata of one document, in characters of its keys and strings.
        question_chars: Longest question, in characters.
        k: Most hits one search returns.
        hits: Most hits of one question, with all that come by its cursors.
        filter_depth: Most filters inside each other.
        filter_values: Most keys and values in one filter.
    """

    file_bytes: int = 100_000_000
    document_chars: int = 50_000_000
    id_chars: int = 4_096
    metadata_keys: int = 1_000
    metadata_chars: int = 1_000_000
    question_chars: int = 10_000
    k: int = 1_000
    hits: int = 10_000
    filter_depth: int = 16
    filter_values: int = 5_000

    def __post_init__(self) -> None:
        for field in fields(self):
            bound = getattr(self, field.name)
            if type(bound) is not int or bound < 1:
                raise InputError(f"Limits.{field.name} is {bound!r}", hint="limits are whole numbers from 1 on")

    def check(self, name: str, value: int, what: str) -> None:
        """Raises `LimitError` when `value` goes past the limit called `name`.

        Args:
            name: A field of this class.
            value: What was asked for.
            what: The thing being measured, for the message.
        """
        bound: int = getattr(self, name)
        if value > bound:
            raise LimitError(f"{what}: {value:,} is over the limit of {bound:,}", hint=f"raise Limits.{name}")

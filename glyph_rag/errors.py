"""Every error this package raises on purpose, as one tree.

    GlyphRAGError
    ├── InputError                 what was handed in cannot be used
    │   ├── LoadError              a file cannot be turned into a document
    │   └── LimitError             something is larger than `Limits` allows
    ├── ProfileError               a render profile is contradictory or out of range
    ├── RenderError                pages could not be drawn
    ├── StoreError                 what is on disk cannot be used
    │   ├── StoreLockedError       another process is writing
    │   ├── StoreMismatchError     made with another embedder, profile or format
    │   └── StoreDamagedError      the database is not what was written
    ├── EmbedderError              an embedder cannot be loaded or misbehaved
    ├── ReaderError                a reader cannot read what it is shown
    └── MissingExtraError          an optional dependency is not installed

Each error carries a `hint`: what to do about it. `retryable` says whether the same call may succeed later.
"""

from __future__ import annotations


class GlyphRAGError(Exception):
    """Base of all errors of this package.

    Attributes:
        hint: What the user can do about it, or an empty string.
        retryable: Whether the same call may succeed later, unchanged.
    """

    retryable: bool = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class InputError(GlyphRAGError, ValueError):
    """What was handed in cannot be used."""


class LoadError(InputError):
    """A file cannot be turned into a document."""


class LimitError(InputError):
    """Something is larger than `Limits` allows."""


class ProfileError(GlyphRAGError, ValueError):
    """A render profile is contradictory or out of range."""


class RenderError(GlyphRAGError):
    """Pages could not be drawn, for reasons that are not in the text."""

    retryable = True


class StoreError(GlyphRAGError):
    """What is on disk cannot be used."""


class StoreLockedError(StoreError):
    """Another process is writing to the store."""

    retryable = True


class StoreMismatchError(StoreError):
    """The store was made with another embedder, render profile or format."""


class StoreDamagedError(StoreError):
    """The database is not what was written."""


class EmbedderError(GlyphRAGError):
    """An embedder cannot be loaded, or returned something that is no embedding."""


class ReaderError(GlyphRAGError):
    """A reader cannot read what it is shown."""


class MissingExtraError(GlyphRAGError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, *, distribution: str = "glyph-rag") -> None:
        super().__init__(f"the package {package!r} is not installed", hint=f"pip install '{distribution}[{extra}]'")

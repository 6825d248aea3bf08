"""What a store says about itself, and whether it fits what it is opened with."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

from glyph_rag.embed.embedder import EmbedderInfo
from glyph_rag.errors import ProfileError, StoreDamagedError, StoreMismatchError
from glyph_rag.store import schema
from glyph_rag.store.terms import TERMS_VERSION
from glyph_rag.typeset.profile import RenderProfile


def describe(embedder: EmbedderInfo, profile: RenderProfile) -> dict[str, str]:
    """What a new store says about itself."""
    return {"store_id": uuid.uuid4().hex, "generation": "0", "profile": profile.to_json(), **_fit(embedder, profile)}


def check_fit(connection: sqlite3.Connection, folder: Path, embedder: EmbedderInfo, profile: RenderProfile) -> None:
    """Raises `StoreMismatchError` if a store was made with another embedder, render profile or set of terms."""
    for key, value in _fit(embedder, profile).items():
        made_with = meta(connection, folder, key)
        if made_with != value:
            raise StoreMismatchError(
                f"the store in {str(folder)!r} was made with {key} {made_with!r}, not {value!r}",
                hint=f"open it with that {key}, or index into a new folder",
            )


def meta(connection: sqlite3.Connection, folder: Path, key: str) -> str:
    """One of the things a store says about itself.

    Raises:
        StoreDamagedError: If it does not.
    """
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if found is None:
        raise StoreDamagedError(f"{folder / 'glyph.db'} does not say its {key}", hint=schema.BACKUP_HINT)
    return str(found[0])


def profile_of(connection: sqlite3.Connection, folder: Path) -> RenderProfile:
    """The render profile that a store was made with.

    Raises:
        StoreMismatchError: If it is none that this version knows.
    """
    try:
        return RenderProfile.from_json(meta(connection, folder, "profile"))
    except ProfileError as error:
        raise StoreMismatchError(
            f"the store in {str(folder)!r} was made by another version of glyph-rag: {error.message}",
            hint="index into a new folder",
        ) from error


def embedder_of(folder: Path) -> str | None:
    """The name of the embedder that the store in a folder was made with, or None if there is no store."""
    if not (folder / "glyph.db").is_file():
        return None
    with schema.naming_errors(folder / "glyph.db"):
        connection = schema.connect(folder / "glyph.db")
        try:
            return None if schema.is_empty(connection) else meta(connection, folder, "embedder")
        finally:
            connection.close()


def _fit(embedder: EmbedderInfo, profile: RenderProfile) -> dict[str, str]:
    return {
        "embedder": embedder.name,
        "embedder fingerprint": embedder.fingerprint,
        "dimension": str(embedder.dimension),
        "render profile": profile.fingerprint,
        "terms version": str(TERMS_VERSION),
    }

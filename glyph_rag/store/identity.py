"""What a store says about itself, and whether it fits what it is opened with."""

from __future__ import annotations

import sqlite3
import uuid
from pathlib import Path

from glyph_rag.embed.embedder import EmbedderInfo
from glyph_rag.errors import ProfileError, StoreDamagedError, StoreMismatchError
from glyph_rag.store import connect
from glyph_rag.store.files import DATABASE
from glyph_rag.store.seal import BACKUP_HINT, seal
from glyph_rag.store.terms import TERMS_VERSION
from glyph_rag.store.vectors import DTYPES, Precision
from glyph_rag.typeset.profile import RenderProfile

_DIGITS = 19
_PER_PAGE = "vectors per page"


def describe(embedder: EmbedderInfo, profile: RenderProfile, precision: Precision) -> dict[str, str]:
    """What a new store says about itself."""
    return {
        "store_id": uuid.uuid4().hex, "generation": "0", "gone since": "0", "vectors": precision,
        "profile": profile.to_json(), **_fit(embedder), **_fit_pages(profile),
    }  # fmt: skip


def check_fit(
    connection: sqlite3.Connection, folder: Path, embedder: EmbedderInfo | None, profile: RenderProfile
) -> None:
    """Raises `StoreMismatchError` if a store was made with another embedder, render profile or set of terms."""
    expected = {**(_fit(embedder) if embedder else {}), **_fit_pages(profile)}
    for key, value in expected.items():
        made_with = str(vectors_per_page(connection)) if key == _PER_PAGE else meta(connection, folder, key)
        if made_with != value:
            raise StoreMismatchError(
                f"the store in {str(folder)!r} was made with {key} {made_with!r}, not {value!r}",
                hint=f"open it with that {key}, or `glyph-rag export` it and `glyph-rag import` it into a new folder",
            )


def meta(connection: sqlite3.Connection, folder: Path, key: str) -> str:
    """One of the things a store says about itself.

    Raises:
        StoreDamagedError: If it does not.
    """
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    if found is None:
        raise StoreDamagedError(f"{folder / DATABASE} does not say its {key}", hint=BACKUP_HINT)
    return str(found[0])


def number(connection: sqlite3.Connection, folder: Path, key: str) -> int:
    """One of the numbers that a store says of itself.

    Raises:
        StoreDamagedError: If it does not, or says something else there.
    """
    return _number(meta(connection, folder, key), f"{folder / DATABASE}: its {key}")


def vectors_per_page(connection: sqlite3.Connection) -> int:
    """How many vectors a page of a store may have; 0 where vectors are of chunks, as in stores that do not say."""
    found = connection.execute("SELECT value FROM meta WHERE key = ?", (_PER_PAGE,)).fetchone()
    return _number(str(found[0]), f"{DATABASE}: its {_PER_PAGE}") if found else 0


def write_meta(connection: sqlite3.Connection, values: dict[str, str]) -> None:
    """Changes what a store says about itself, and seals it, inside the caller's transaction."""
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))
    connection.execute("INSERT OR REPLACE INTO meta VALUES ('seal', ?)", (_seal_of_meta(connection),))


def check_meta(connection: sqlite3.Connection, folder: Path) -> None:
    """Raises `StoreDamagedError` if what a store says about itself is not what was written."""
    if meta(connection, folder, "seal") != _seal_of_meta(connection):
        raise StoreDamagedError(
            f"{folder / DATABASE}: what the store says about itself does not match its checksum", hint=BACKUP_HINT
        )


def precision_of(connection: sqlite3.Connection, folder: Path) -> Precision:
    """How a store keeps its vectors.

    Raises:
        StoreDamagedError: If it is none of the ways there are.
    """
    precision = meta(connection, folder, "vectors")
    for known in DTYPES:
        if known == precision:
            return known
    raise StoreDamagedError(f"{folder / DATABASE} has {precision!r} vectors", hint=BACKUP_HINT)


def profile_of(connection: sqlite3.Connection, folder: Path) -> RenderProfile:
    """The render profile that a store was made with.

    Raises:
        StoreMismatchError: If it is none that this version knows.
    """
    try:
        return RenderProfile.from_json(meta(connection, folder, "profile"))
    except RecursionError as error:
        raise StoreDamagedError(f"{folder / DATABASE}: its profile is invalid", hint=BACKUP_HINT) from error
    except ProfileError as error:
        raise StoreMismatchError(
            f"the store in {str(folder)!r} was made by another version of glyph-rag: {error.message}",
            hint="`glyph-rag export` it and `glyph-rag import` it into a new folder",
        ) from error


def embedder_of(folder: Path) -> str | None:
    """The name of the embedder that the store in a folder was made with, or None if there is no store."""
    path = folder / DATABASE
    if not path.is_file():
        return None
    connection = connect.connect_any_format(path, read_only=True)
    try:
        with connect.naming_errors(path):
            return meta(connection, folder, "embedder") if connect.format_of(connection) else None
    finally:
        connection.close()


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS):
        raise StoreDamagedError(f"{what} is {text[:40]!r}", hint=BACKUP_HINT)
    return int(text)


def _seal_of_meta(connection: sqlite3.Connection) -> str:
    found = connection.execute("SELECT key, value FROM meta WHERE key <> 'seal' ORDER BY key").fetchall()
    return seal(tuple(part for pair in found for part in pair)).hex()


def _fit(embedder: EmbedderInfo) -> dict[str, str]:
    return {
        "embedder": embedder.name,
        "embedder fingerprint": embedder.fingerprint,
        "dimension": str(embedder.dimension),
        _PER_PAGE: str(embedder.vectors_per_page),
    }


def _fit_pages(profile: RenderProfile) -> dict[str, str]:
    return {"render profile": profile.fingerprint, "terms version": str(TERMS_VERSION)}

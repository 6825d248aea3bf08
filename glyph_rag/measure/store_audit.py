"""The audit of a store: a random sample of its pages is drawn and read back."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from glyph_rag.errors import InputError, StoreError, StoreMismatchError
from glyph_rag.measure.legibility import WORST, Legibility, audit_pages
from glyph_rag.read.ocr.recognise import SCRIPTS, LineRecogniser, PaddleRecogniser
from glyph_rag.store import connect, identity, load
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile

Progress = Callable[[int, int], object]
"""Called with how many pages were read and how many there are to read."""


def audit_store(
    folder: str | Path,
    sample: int = 50,
    seed: int = 0,
    *,
    recogniser: LineRecogniser | None = None,
    scripts: frozenset[str] = SCRIPTS,
    worst: int = WORST,
    progress: Progress | None = None,
) -> Legibility:
    """Reads back a random sample of the pages of a store. No embedder is needed, and nothing is written.

    Args:
        folder: The store's folder.
        sample: How many pages to read; all of them if the store has fewer.
        seed: Which sample. The same seed gives the same pages for a store of the same pages, in whatever order they
            were indexed.
        recogniser: Reads the lines; PP-OCRv6 where None.
        scripts: The scripts it knows; see `audit_pages`.
        worst: How many of the worst lines to name.
        progress: Is told how far it is.

    Raises:
        InputError: If `sample` is less than 1.
        StoreError: If there is no store in the folder.
        StoreMismatchError: If the store's pages were set by another version of this package.
        StoreDamagedError: If the store cannot be read.
        ReaderError: If the recogniser cannot read at all.
    """
    if sample < 1:
        raise InputError(f"a sample of {sample} pages", hint="choose at least 1")
    pages = _draw_sample(Path(folder), sample, seed)

    def told() -> Iterator[Page]:
        for done, page in enumerate(pages, 1):
            yield page
            if progress is not None:
                progress(done, len(pages))

    return audit_pages(told(), recogniser or PaddleRecogniser(), scripts=scripts, worst=worst)


def _draw_sample(folder: Path, count: int, seed: int) -> list[Page]:
    database = folder / "glyph.db"
    if not database.is_file():
        raise StoreError(f"there is no store in {str(folder)!r}", hint="make one with `glyph-rag index`")
    with connect.naming_errors(database), closing(connect.connect(database, read_only=True)) as connection:
        connection.execute("BEGIN")
        profile = _profile(connection, folder)
        # By id, which follows from the page's words: row numbers tell in which order the pages were added.
        found = [row for (row,) in connection.execute("SELECT row FROM pages ORDER BY id")]
        chosen = random.Random(seed).sample(found, min(count, len(found)))
        return [load.load_page(connection, row, profile) for row in chosen]


def _profile(connection: sqlite3.Connection, folder: Path) -> RenderProfile:
    """How the pages of a store are set, if they still look as they did when they were indexed."""
    profile = RenderProfile.from_json(identity.meta(connection, folder, "profile"))
    if identity.meta(connection, folder, "render profile") != profile.fingerprint:
        raise StoreMismatchError(
            f"the pages of {str(folder)!r} were set by another version of glyph-rag", hint="index into a new folder"
        )
    return profile

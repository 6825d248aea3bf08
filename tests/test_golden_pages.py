"""Pages that were looked at and found good: pixel for pixel, they stay as they are.

Each text in tests/golden has its page beside it as a PNG file. Where pixels change on purpose, raise TYPESET_VERSION,
write the pages anew with ``GLYPH_RAG_WRITE_GOLDEN=1 python -m pytest tests/test_golden_pages.py``, and look at
every one of them before it is committed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glyph_rag.corpus.document import Chunk, Document, Format
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

FOLDER = Path(__file__).parent / "golden"
MANIFEST = FOLDER / "manifest.json"
WRITE = bool(os.environ.get("GLYPH_RAG_WRITE_GOLDEN"))
LARGEST = 400_000

WIDE = RenderProfile(width=560, columns=1)


@dataclass(frozen=True)
class Golden:
    """How a text is set."""

    profile: RenderProfile = WIDE
    format: Format = "text"
    label: str = ""


PAGES = {
    "latin": Golden(),
    "chinese": Golden(),
    "japanese-korean": Golden(),
    "arabic-hebrew": Golden(label="arabic-hebrew.txt · שלום · page 1"),
    "indic": Golden(),
    "thai-khmer-burmese": Golden(),
    "more-scripts": Golden(),
    "symbols": Golden(),
    "code": Golden(RenderProfile(width=420, columns=1, line_numbers=True, code_font="mono"), "code", "code.py"),
    "table": Golden(RenderProfile(width=336, columns=1), "markdown"),
    "flow": Golden(RenderProfile(width=224, columns=1, newline="flow")),
    "coloured": Golden(
        RenderProfile(width=420, ink="#f4e8c8", paper="#10233f", align="justify", space_after=4, label_px=0)
    ),
}


def page_of(name: str) -> Page:
    golden = PAGES[name]
    text = (FOLDER / f"{name}.txt").read_text("utf-8")
    document = Document("golden", text, f"{name}.txt", format=golden.format)
    ((page, _),) = make_pages(document, [Chunk("c", "golden", 0, len(text), text)], golden.profile)
    return page


def recorded() -> dict[str, dict[str, object]]:
    found = json.loads(MANIFEST.read_text("utf-8")) if MANIFEST.is_file() else {}
    assert isinstance(found, dict)
    return found


def measured(page: Page, label: str) -> dict[str, object]:
    levels = page.levels(label)
    digest = hashlib.sha256(np.ascontiguousarray(levels).tobytes()).hexdigest()
    return {"height": levels.shape[0], "width": levels.shape[1], "missing": page.layout.missing, "sha256": digest}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_as_it_was(name: str) -> None:
    page, label, path = page_of(name), PAGES[name].label, FOLDER / f"{name}.png"
    if WRITE:
        path.write_bytes(page.png(label))
        manifest = recorded() | {name: measured(page, label)}
        MANIFEST.write_text(json.dumps({key: manifest[key] for key in PAGES if key in manifest}, indent=1) + "\n")
    before = np.asarray(Image.open(path).convert("RGB"))
    now = np.asarray(Image.open(io.BytesIO(page.png(label))).convert("RGB"))
    assert now.shape == before.shape
    changed = (now != before).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert not len(rows), (
        f"{len(rows)} pixels differ, the first at row {rows[0]}, column {columns[0]}; see the head of this file"
    )
    assert measured(page, label) == recorded()[name]


def test_the_folder_holds_these_pages_and_little_more() -> None:
    names = {path.name for path in FOLDER.iterdir()}
    assert names == {"manifest.json"} | {f"{name}.{end}" for name in PAGES for end in ("txt", "png")}
    assert set(recorded()) == set(PAGES)
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < LARGEST

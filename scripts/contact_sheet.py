"""Write `docs/images/scripts.png`, one sentence in each of many scripts: ``python -m scripts.contact_sheet``.

The sentence is article 1 of the Universal Declaration of Human Rights, set by the typesetter at its default profile,
and so are the captions. The whole is enlarged twice without smoothing, so that the pixels a model sees can be seen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.typeset.glyphs.ink import Levels
from glyph_rag.typeset.page import make_pages
from glyph_rag.typeset.png import encode
from glyph_rag.typeset.profile import RenderProfile

ROOT = Path(__file__).parents[1]
SENTENCES = ROOT / "tests" / "data" / "languages.txt"
OUTPUT = ROOT / "docs" / "images" / "scripts.png"

COLUMNS = 3
ENLARGED = 2
_BORDER = 6
_RULE = 4
"""Ink level of the line around each panel."""

PANEL = replace(
    RenderProfile.preset("careful"), width=308, columns=1, label_px=0, crop_width=False, margin_x=6, margin_y=4
)
CAPTION = replace(PANEL, latin_px=8.0, latin_line=10, paragraph_gap=0, margin_y=2)

NAMES = {
    "en": "English", "fr": "French", "de": "German", "pl": "Polish", "tr": "Turkish", "vi": "Vietnamese",
    "yo": "Yoruba", "el": "Greek", "el-polyton": "Greek, polytonic", "ru": "Russian", "kk": "Kazakh", "hy": "Armenian",
    "ka": "Georgian", "zh-Hans": "Chinese, simplified", "zh-Hant": "Chinese, traditional", "ja": "Japanese",
    "ko": "Korean", "ko-jamo": "Korean, as single letters", "ar": "Arabic", "fa": "Persian", "ur": "Urdu",
    "ug": "Uyghur", "he": "Hebrew", "yi": "Yiddish", "dv": "Dhivehi (Thaana)", "syr": "Assyrian (Syriac)",
    "nqo": "Manding (N'Ko)", "ff-Adlm": "Fula (Adlam)", "hi": "Hindi (Devanagari)", "sa": "Sanskrit (Devanagari)",
    "bn": "Bengali", "pa": "Panjabi (Gurmukhi)", "gu": "Gujarati", "or": "Odia", "ta": "Tamil", "te": "Telugu",
    "kn": "Kannada", "ml": "Malayalam", "si": "Sinhala", "th": "Thai", "lo": "Lao", "km": "Khmer", "my": "Burmese",
    "shn": "Shan (Myanmar)", "bo": "Tibetan", "jv-Java": "Javanese", "ccp": "Chakma", "nod": "Northern Thai (Tai Tham)",
    "mn-Mong": "Mongolian", "am": "Amharic (Ethiopic)", "chr": "Cherokee", "iu": "Inuktitut (syllabics)",
    "zgh": "Tamazight (Tifinagh)", "vai": "Vai", "ii": "Nuosu (Yi)",
}  # fmt: skip
"""English name of each language shown, by its tag in the file of sentences."""


class Panel(NamedTuple):
    """A sentence with its caption: uint8 (height, width) ink levels, and where it stands on the sheet."""

    levels: Levels
    column: int
    top: int


def sheet() -> Levels:
    """The contact sheet as ink levels, 0 for paper to 15 for black: uint8 (height, width), not yet enlarged."""
    panels = list(_arranged(_panel(tag, text) for tag, text in _sentences()))
    step = PANEL.width + _BORDER
    height = max(panel.top + len(panel.levels) for panel in panels) + _BORDER
    whole = np.zeros((height, COLUMNS * step + _BORDER), np.uint8)
    for levels, column, top in panels:
        left = column * step + _BORDER
        whole[top : top + len(levels), left : left + PANEL.width] = levels
    return whole


def _sentences() -> list[tuple[str, str]]:
    lines = SENTENCES.read_text("utf-8").splitlines()
    found = dict(line.split("\t", 1) for line in lines if line and not line.startswith("#"))
    return [(tag, found[tag]) for tag in NAMES]


def _panel(tag: str, text: str) -> Levels:
    caption, body = _set(f"{NAMES[tag]} · {tag}", CAPTION), _set(text, PANEL)
    levels = np.concatenate([caption, body])
    for edge in (levels[0], levels[-1], levels[:, 0], levels[:, -1], levels[len(caption) - 1]):
        np.maximum(edge, _RULE, out=edge)
    return levels


def _set(text: str, profile: RenderProfile) -> Levels:
    """The text on one page, cut off below its last line."""
    document = Document("sheet", text)
    ((page, _),) = make_pages(document, [Chunk("text", "sheet", 0, len(text), text)], profile)
    bottom = int(page.layout.line_box[:, 3].max()) + profile.margin_y
    return np.ascontiguousarray(page.levels()[:bottom])


def _arranged(panels: Iterable[Levels]) -> Iterable[Panel]:
    """Puts each panel below the shortest column."""
    bottom = [_BORDER] * COLUMNS
    for levels in panels:
        column = bottom.index(min(bottom))
        yield Panel(levels, column, bottom[column])
        bottom[column] += len(levels) + _BORDER


def main() -> None:
    """Writes the picture."""
    enlarged = sheet().repeat(ENLARGED, axis=0).repeat(ENLARGED, axis=1)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_bytes(encode(enlarged))
    print(f"{OUTPUT.relative_to(ROOT)}: {len(NAMES)} languages, {enlarged.shape[1]} x {enlarged.shape[0]} pixels")


if __name__ == "__main__":
    main()

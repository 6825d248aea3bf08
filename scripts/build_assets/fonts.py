"""Fonts: DejaVu Sans as it is, and a subset of Noto Sans CJK SC."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

from .sources import ASSETS, DEJAVU_SANS, NOTO_CJK, AssetError, locate, write_output

CJK_FACE = "Noto Sans CJK SC"

# Inclusive code point ranges. The Latin and symbol ranges are here so that a page set wholly in this face has
# no holes, and because Chinese and Japanese typography wants the full-width forms of the shared punctuation.
CJK_RANGES = (
    (0x0020, 0x007E),  # ASCII
    (0x00A0, 0x00FF),  # Latin-1
    (0x1100, 0x11FF),  # Hangul jamo
    (0x2010, 0x2027),  # dashes, quotation marks, ellipsis
    (0x2030, 0x205E),
    (0x20A0, 0x20BF),  # currency
    (0x2100, 0x214F),  # letter-like symbols
    (0x2150, 0x218F),  # number forms
    (0x2190, 0x21FF),  # arrows
    (0x2460, 0x24FF),  # enclosed alphanumerics
    (0x2500, 0x25FF),  # box drawing, blocks, geometric shapes
    (0x2600, 0x267F),  # miscellaneous symbols
    (0x2E80, 0x2FDF),  # radicals
    (0x2FF0, 0x2FFF),  # ideographic description
    (0x3000, 0x33FF),  # punctuation, kana, bopomofo, compatibility jamo, strokes, enclosed, compatibility
    (0x3400, 0x4DBF),  # ideographs, extension A
    (0x4E00, 0x9FFF),  # unified ideographs
    (0xA960, 0xA97F),  # Hangul jamo extended A
    (0xAC00, 0xD7FF),  # Hangul syllables, jamo extended B
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFE10, 0xFE1F),  # vertical forms
    (0xFE30, 0xFE6F),  # compatibility and small forms
    (0xFF00, 0xFFEF),  # half- and full-width forms
)
DROPPED_TABLES = ("BASE", "DSIG", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx")
KEPT_NAME_IDS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14)


def build(folders: Sequence[Path], cache: Path, assets: Path = ASSETS) -> None:
    """Write the two font files.

    Raises:
        AssetError: A source or an output is not the pinned one.
    """
    write_output("fonts/DejaVuSans.ttf", locate(DEJAVU_SANS, folders, cache).read_bytes(), assets)
    write_output("fonts/NotoSansCJKsc-subset.otf", subset_cjk(locate(NOTO_CJK, folders, cache)), assets)


def subset_cjk(collection: Path) -> bytes:
    """The simplified-Chinese regular face cut down to CJK_RANGES, unhinted and without layout features.

    Args:
        collection: Path of ``NotoSansCJK-Regular.ttc``.

    Returns:
        An OpenType/CFF font. Equal inputs give equal bytes: no time stamp is written.

    Raises:
        AssetError: The collection does not hold the face.
    """
    names = [face["name"].getDebugName(4) for face in TTCollection(collection, lazy=True).fonts]
    if CJK_FACE not in names:
        raise AssetError(f"{collection.name} holds no {CJK_FACE}: {names}")
    font = TTFont(collection, fontNumber=names.index(CJK_FACE), recalcTimestamp=False, lazy=True)
    subsetter = subset.Subsetter(_options())
    subsetter.populate(unicodes=[code for first, last in CJK_RANGES for code in range(first, last + 1)])
    subsetter.subset(font)
    buffer = BytesIO()
    font.save(buffer)
    return buffer.getvalue()


def _options() -> subset.Options:
    options = subset.Options()
    options.hinting = False  # pages are rendered at a multiple of their size, where hints only distort
    options.layout_features = []
    options.name_IDs = list(KEPT_NAME_IDS)
    options.name_languages = [0x409]
    options.notdef_outline = True
    options.glyph_names = False
    options.recalc_timestamp = False
    options.drop_tables += DROPPED_TABLES
    return options

"""Fonts: DejaVu Sans and DejaVu Sans Mono, a subset of Noto Sans CJK SC, and the Noto faces of `noto.py`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import cffsubr  # type: ignore[import-not-found,unused-ignore]
from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont
from fontTools.unicodedata import script

from .noto import build_noto, subset_truetype
from .sources import ASSETS, DEJAVU_MONO, DEJAVU_SANS, NOTO_CJK, AssetError, locate, write_output

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
    (0x1F100, 0x1F1AD),  # enclosed alphanumerics, short of the regional indicators: those are the emoji face's
    (0x1F200, 0x1F265),  # enclosed ideographs
)
RARE_PLANE = "𠮷𨋢𠝹𥄫𢯎𡁻𢫏𠺢𦧲𡃁𠱂𠸎𠻺𠽌𡁯𡁵𡃶𡃴𠮩𠹌𠵱𠹭𠺝𡅏𢱕𢳂𢵌𢶍"
"""Ideographs of Japanese names and written Cantonese beyond U+20000, besides those of JIS X 0213."""

IDEOGRAPHS = (range(0x3400, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x2FA20))

CJK_FEATURES = ("calt", "ccmp", "ljmo", "locl", "tjmo", "vjmo")
"""Conjoining jamo, kana with a ring, and the forms of a country. Nothing vertical, nothing optional."""

DROPPED_TABLES = ("BASE", "DSIG", "GDEF", "GPOS", "VORG", "vhea", "vmtx")
KEPT_NAME_IDS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 14)


def build(folders: Sequence[Path], cache: Path, assets: Path = ASSETS) -> None:
    """Write all font files.

    Raises:
        AssetError: A source or an output is not the pinned one.
    """
    faces: dict[str, bytes] = {}
    covered: set[int] = set()
    for source, dropped in ((DEJAVU_SANS, _is_picture), (DEJAVU_MONO, _is_joining)):
        font = TTFont(locate(source, folders, cache), recalcTimestamp=False)
        codes = {code for code in font.getBestCmap() if not dropped(code)}
        faces[Path(source.member).name] = subset_truetype(font, codes)
        covered.update(codes)
    cjk = subset_cjk(locate(NOTO_CJK, folders, cache))
    faces["NotoSansCJKsc-subset.otf"] = cjk
    covered.update(TTFont(BytesIO(cjk), lazy=True).getBestCmap())
    faces.update(build_noto(covered, folders, cache))
    wrong = []
    for name, data in faces.items():
        try:
            write_output(f"fonts/{name}", data, assets)
        except AssetError as error:
            wrong.append(str(error))
    if wrong:
        raise AssetError("\n".join(wrong))


def _is_picture(code: int) -> bool:
    # DejaVu has a few faces and animals. A sequence of emoji has to find all its parts in the emoji face.
    return 0x1F300 <= code < 0x1F650


def _is_joining(code: int) -> bool:
    # Squeezed into one width, Arabic and Lao are harder to read than in faces of their own.
    return script(chr(code)) in ("Arab", "Laoo")


def subset_cjk(collection: Path) -> bytes:
    """The simplified-Chinese regular face cut down to CJK_RANGES and CJK_FEATURES, unhinted.

    The forms of Japan, Korea and Taiwan are kept for the ideographs in common use there (JIS X 0208, KS X 1001, level
    one of Big5); Hong Kong gets those of Taiwan. All forms of all ideographs would add about 3 MB.

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
    _prune_national_forms(font)
    wanted = {code for first, last in CJK_RANGES for code in range(first, last + 1)}
    wanted.update(map(ord, RARE_PLANE), (code for code in _encodable("euc_jis_2004") if code >= 0x20000))
    subsetter = subset.Subsetter(_options())
    subsetter.populate(unicodes=wanted & font.getBestCmap().keys())
    subsetter.subset(font)
    return _subroutinise(font)


def _prune_national_forms(font: TTFont) -> None:
    """Drops from ``locl`` all ideographs that are rare in the country, and the rules of Hong Kong."""
    common = {"JAN ": _encodable("shift_jis"), "KOR ": _encodable("euc_kr"), "ZHT ": _big5_level_one()}
    codes: dict[str, set[int]] = {}
    for code, glyph in font.getBestCmap().items():
        codes.setdefault(glyph, set()).add(code)
    table = font["GSUB"].table
    for writing in table.ScriptList.ScriptRecord:
        systems = {record.LangSysTag: record.LangSys for record in writing.Script.LangSysRecord}
        if systems:
            # In place: a table that is read lazily forgets what was set before it was first looked at.
            systems["ZHH "].FeatureIndex[:] = systems["ZHT "].FeatureIndex
    systems = {
        record.LangSysTag: record.LangSys
        for writing in table.ScriptList.ScriptRecord
        if writing.ScriptTag == "hani"
        for record in writing.Script.LangSysRecord
    }
    for language, kept in common.items():
        for mapping in _national_mappings(table, systems[language].FeatureIndex):
            for glyph in list(mapping):
                ideographs = codes.get(glyph, set())
                if any(_is_ideograph(code) for code in ideographs) and not ideographs & kept:
                    del mapping[glyph]


def _national_mappings(table: object, features: Iterable[int]) -> list[dict[str, str]]:
    """The one-to-one substitutions of these features that are ``locl``, to be edited in place."""
    mappings = []
    for index in features:
        record = table.FeatureList.FeatureRecord[index]  # type: ignore[attr-defined]
        if record.FeatureTag == "locl":
            for lookup in record.Feature.LookupListIndex:
                for subtable in table.LookupList.Lookup[lookup].SubTable:  # type: ignore[attr-defined]
                    mappings.append(getattr(subtable, "ExtSubTable", subtable).mapping)
    return mappings


def _encodable(codec: str) -> set[int]:
    """The ideographs that a legacy character set holds."""
    return {code for block in IDEOGRAPHS for code in block if chr(code).encode(codec, "ignore")}


def _big5_level_one() -> set[int]:
    """The 5,401 common ideographs of Big5: lead bytes A4 to C6, up to C67E."""
    coded = ((code, chr(code).encode("big5", "ignore")) for code in _encodable("big5"))
    return {code for code, pair in coded if b"\xa4\x40" <= pair <= b"\xc6\x7e"}


def _is_ideograph(code: int) -> bool:
    return any(code in block for block in IDEOGRAPHS)


def _subroutinise(font: TTFont) -> bytes:
    # fontTools keeps the whole collection's subroutines; finding this subset's own saves 6 percent without loss.
    buffer = BytesIO()
    font.save(buffer)
    buffer.seek(0)
    smaller = TTFont(buffer, recalcTimestamp=False)
    cffsubr.subroutinize(smaller, keep_glyph_names=False)
    buffer = BytesIO()
    smaller.save(buffer)
    return buffer.getvalue()


def _options() -> subset.Options:
    options = subset.Options()
    options.hinting = False  # pages are rendered at a multiple of their size, where hints only distort
    options.layout_features = list(CJK_FEATURES)
    options.name_IDs = list(KEPT_NAME_IDS)
    options.name_languages = [0x409]
    options.notdef_outline = True
    options.glyph_names = False
    options.recalc_timestamp = False
    options.drop_tables += DROPPED_TABLES
    return options

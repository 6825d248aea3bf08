"""The bundled faces: the manifest tells the truth, and between them they can set what people write.

`python -m tests.test_assets_fonts` prints how many assigned characters no face has, by script.
"""

from __future__ import annotations

import hashlib
import sys
import unicodedata
from collections import Counter
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import uharfbuzz as hb

from glyph_rag.typeset.glyphs.faces import FACES, Face
from glyph_rag.typeset.unicode.scripts import NAMES, script_of

FONTS = files("glyph_rag") / "assets" / "fonts"
BY_NAME = {face.name: face for face in FACES}
BY_SCRIPT = {script: face for face in FACES for script in face.scripts}
SHARED = {"Zyyy", "Zinh", "Zzzz"}
LANGUAGES = [
    line.split("\t")
    for line in (Path(__file__).parent / "data" / "languages.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]

CORE = {
    "Latn": "A-Z a-z À-ÖØ-öø-ʯ Ḁ-ỹ ﬀ-ﬆ",
    "Grek": "Ͱ-ͷͺ-Ϳ΄-ΊΌΎ-ΡΣ-Ͽ ἀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὟ-ώᾀ-ᾴᾶ-ῄῆ-ΐῖ-Ίῠ-`ῲ-ῴῶ-῾",
    "Cyrl": "Ѐ-ԥ",
    "Hani": "㐀-䶵 一-鿯 々〇",
    "Hira": "ぁ-ゖゝ-ゟ",
    "Kana": "ァ-ヺヽ-ヿㇰ-ㇿｦ-ｯ",
    "Hang": "가-힣 ᄀ-ᇿ ꥠ-ꥼ ힰ-ퟆퟋ-ퟻ ㄱ-ㅣㅥ-ㆎ",
    "Bopo": "ㄅ-ㄯㆠ-ㆺ",
    "Arab": "ء-غف-يٮ-ۓەۥۦۮۯۺ-ۿ ݐ-ݿ ࢠ-ࢴ ﭐ-ﮱﯓ-ﰿ ﹰ-ﹴﹶ-ﻼ",
    "Armn": "Ա-Ֆՙա-և ﬓ-ﬗ",
    "Brai": "⠀-⣿",
    "Tfng": "ⴰ-ⵥⵯ",
    "Cans": "ᐁ-ᙬᙯ-ᙿ ᢰ-ᣵ",
    "Syrc": "ܐ-ܯݍ-ݏ",
    "Bamu": "ꚠ-꛷",
    "Taml": "ஃஅ-ஊஎ-ஐஒ-கஙசஜஞடணதந-பம-ஹா-ூெ-ைொ-்ௐ",
}
"""What a face has to have of a script whose rare or historic letters it may lack, as ranges. All of it elsewhere."""

GAPS = {
    "Bali": "1B4C",
    "Brah": "11070 11071 11072 11073 11074 11075",
    "Cakm": "11147",
    "Glag": "2C2F 2C5F",
    "Kthi": "110C2",
    "Lisu": "11FB0",
    "Mong": "180F",
    "Tglg": "170D 1715 171F",
}
"""Letters that came with Unicode 13 and 14, after the face was drawn."""


@cache
def font(name: str) -> hb.Font:
    return hb.Font(hb.Face(hb.Blob((FONTS / name).read_bytes())))


def has(face: Face, code: int) -> bool:
    return bool(font(face.name).get_nominal_glyph(code))


def script(character: str) -> str:
    return NAMES[int(script_of(np.array([ord(character)], np.uint32))[0])]


def shape(face: str, text: str, language: str = "", features: dict[str, bool] | None = None) -> list[tuple[int, int]]:
    """Glyph ids and advances in font units."""
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    if language:
        buffer.language = language
    hb.shape(font(face), buffer, features)
    return [(info.codepoint, at.x_advance) for info, at in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True)]


def characters(ranges: str) -> list[int]:
    found: list[int] = []
    for part in ranges.split():
        while part:
            last = part[2] if part[1:2] == "-" else part[0]
            found += range(ord(part[0]), ord(last) + 1)
            part = part[3:] if part[1:2] == "-" else part[1:]
    return found


def letters_of(script_name: str) -> list[int]:
    table = script_of(np.arange(0x110000, dtype=np.uint32))
    codes = np.flatnonzero(table == NAMES.index(script_name)).tolist()
    return [code for code in codes if unicodedata.category(chr(code))[0] in "LMN"]


def test_the_manifest_is_what_is_on_disk():
    on_disk = {item.name: hashlib.sha256(item.read_bytes()).hexdigest() for item in FONTS.iterdir()}
    assert on_disk == {face.name: face.sha256 for face in FACES}
    assert len(BY_NAME) == len(FACES)


def test_all_faces_together_stay_small():
    assert sum(len((FONTS / face.name).read_bytes()) for face in FACES) < 16_000_000


def test_no_script_has_two_first_choices():
    assert Counter(script for face in FACES for script in face.scripts).most_common(1)[0][1] == 1


def test_kinds():
    assert [face.kind for face in FACES[:3]] == ["latin", "mono", "cjk"]
    assert Counter(face.kind for face in FACES)["emoji"] == 1
    assert all(face.kind == "complex" for face in FACES if len(face.scripts) == 1 and face.scripts[0] not in _SIGNS)


_SIGNS = {"Zmth", "Zsym", "Zsye"}


@pytest.mark.parametrize("name", sorted(BY_SCRIPT.keys() - _SIGNS))
def test_a_face_has_the_letters_of_its_scripts(name):
    wanted = characters(CORE[name]) if name in CORE else letters_of(name)
    assert wanted
    assert [f"{code:04X}" for code in wanted if not has(BY_SCRIPT[name], code)] == GAPS.get(name, "").split()


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.name)
def test_faces_open_and_carry_no_hints(face):
    tags = set(font(face.name).face.table_tags)
    assert {"cmap", "head", "hhea", "hmtx", "maxp", "name"} <= tags
    assert not tags & {"fpgm", "prep", "cvt ", "fvar", "gvar"}
    assert ("CFF " in tags) == face.name.endswith(".otf")


@pytest.mark.parametrize("face", [face for face in FACES if face.kind == "complex"], ids=lambda face: face.name)
def test_script_faces_leave_the_alphabets_to_others_but_keep_spaces(face):
    assert has(face, 0x20) or not face.scripts
    assert not any(has(face, ord(letter)) for letter in "AZazéЖя")


def runs(text: str) -> list[tuple[Face, str]]:
    """Splits a line by face: marks and shared characters stay with the script before them where its face has them."""
    found: list[tuple[Face, str]] = []
    current = FACES[0]
    for character in text:
        own = BY_SCRIPT.get(script(character))
        wanted = [own] if own else [current]
        face = next(
            face for face in (*wanted, *FACES) if has(face, ord(character)) or character in "\u200b\u200c\u200d"
        )
        if found and face is found[-1][0]:
            found[-1] = face, found[-1][1] + character
        else:
            found.append((face, character))
        current = face
    return found


@pytest.mark.parametrize(("language", "text"), LANGUAGES, ids=[language for language, _ in LANGUAGES])
def test_every_language_is_set_in_the_faces_of_its_script(language, text):
    for character in text:
        name = script(character)
        if name not in SHARED:
            assert has(BY_SCRIPT[name], ord(character)), f"{character} U+{ord(character):04X} {name}"
    for face, run in runs(text):
        assert all(glyph for glyph, _ in shape(face.name, run)), f"{run!r} in {face.name}"


def test_the_sample_shows_most_scripts():
    shown = {script(character) for _, text in LANGUAGES for character in text} - SHARED
    assert len(shown) >= 40


@pytest.mark.parametrize(
    ("text", "glyphs"),
    [
        ("👨‍👩‍👧", 1),  # a family of three, joined
        ("👩‍🚀", 1),
        ("👩🏽‍🚀", 1),
        ("🏳️‍🌈", 1),
        ("👍🏽", 1),
        ("🇫🇷", 1),
        ("🇯🇵", 1),
        ("🏴󠁧󠁢󠁥󠁮󠁧󠁿", 1),
        ("❤️", 1),
        ("1️⃣", 1),
        ("😵‍💫", 1),
        ("👍👍", 2),
    ],
)
def test_a_sequence_of_emoji_becomes_one_glyph(text, glyphs):
    (emoji,) = (face for face in FACES if face.kind == "emoji")
    shaped = [(glyph, advance) for glyph, advance in shape(emoji.name, text) if advance]
    assert len(shaped) == glyphs
    assert all(glyph for glyph, _ in shaped)


def test_flags_differ():
    (emoji,) = (face for face in FACES if face.kind == "emoji")
    flags = ["🇫🇷", "🇩🇪", "🇯🇵", "🇺🇸", "🇧🇷", "🇮🇳", "🇿🇦", "🇺🇦"]
    assert len({shape(emoji.name, flag)[0] for flag in flags}) == len(flags)


def test_pictures_are_left_to_the_emoji_face():
    first = next(face for face in FACES if has(face, ord("😀")))
    assert first.kind == "emoji"


CJK = next(face.name for face in FACES if face.kind == "cjk")


def test_conjoining_jamo_become_the_syllables_they_spell():
    text = "모든 인간은 태어날 때부터 자유로우며 값 뷁"
    assert shape(CJK, unicodedata.normalize("NFD", text)) == shape(CJK, text)


@pytest.mark.parametrize("text", ["ᄒᆞᆫ", "ᄫᅩᆼ", "나랏말ᄊᆞ미", "ᄠᅳᆮ"])
def test_jamo_without_a_syllable_are_fitted_into_one_square(text):
    shaped = shape(CJK, text)
    syllables = sum(1 for code in map(ord, text) if 0x1100 <= code < 0x1160 or code >= 0xAC00)
    square = shape(CJK, "가")[0][1]
    assert sum(advance for _, advance in shaped) == syllables * square
    nominal = [font(CJK).get_nominal_glyph(ord(character)) for character in text]
    assert [glyph for glyph, _ in shaped] != nominal
    assert all(glyph for glyph, _ in shaped)


def test_kana_take_their_ring():
    assert len(shape(CJK, "か゚")) == 1


@pytest.mark.parametrize(
    ("text", "language"), [("直", "ja"), ("骨", "ja"), ("誤", "ja"), ("骨", "zh-tw"), ("令", "ko")]
)
def test_ideographs_take_the_form_of_the_country(text, language):
    assert shape(CJK, text, language) != shape(CJK, text, "zh-cn")


def test_hong_kong_takes_the_forms_of_taiwan():
    text = "骨門戶角道"
    assert shape(CJK, text, "zh-hk") == shape(CJK, text, "zh-tw")


def test_ideographs_of_japanese_names_outside_the_basic_plane():
    assert all(has(BY_NAME[CJK], ord(character)) for character in "𠮟𠮷𡈽𩸽𨋢")


MONO = next(face.name for face in FACES if face.kind == "mono")


def test_monospaced_is_monospaced():
    codes = [*range(0x20, 0x7F), *range(0xA1, 0x180), *range(0x2500, 0x25A0), 0x416, 0x3A9]
    glyphs = [font(MONO).get_nominal_glyph(code) for code in codes]
    assert all(glyphs)
    assert len({font(MONO).get_glyph_h_advance(glyph) for glyph in glyphs}) == 1


def test_lines_of_boxes_join():
    face = font(MONO)
    extents = {character: face.get_glyph_extents(face.get_nominal_glyph(ord(character))) for character in "─│█"}
    width = shape(MONO, "─")[0][1]
    line = face.get_font_extents("ltr")
    assert extents["─"].x_bearing <= 0
    assert extents["─"].x_bearing + extents["─"].width >= width
    for character in "│█":
        top = extents[character].y_bearing
        assert top >= line.ascender - 2
        assert top + extents[character].height <= line.descender + 2


@pytest.mark.parametrize(
    ("name", "text", "glyphs"),
    [
        ("Deva", "क्षत्रज्ञ", 3),
        ("Beng", "ক্ষ", 1),
        ("Taml", "க்ஷ", 1),
        ("Mlym", "ന്റ", 1),
        ("Khmr", "ស្ត្រ", 3),
        ("Mymr", "က္က", 2),
        ("Tibt", "སྐྱ", 1),
        ("Sinh", "ක්‍ෂ", 1),
    ],
)
def test_letters_join(name, text, glyphs):
    assert len([glyph for glyph, advance in shape(BY_SCRIPT[name].name, text) if glyph]) == glyphs


def test_arabic_letters_take_four_forms():
    name = BY_SCRIPT["Arab"].name
    alone, joined = shape(name, "ب")[0], shape(name, "ببب")
    assert len({alone, *joined}) == 4


def test_marks_sit_on_their_letters():
    for name, text in (("Hebr", "בָּ"), ("Arab", "بَّ"), ("Thai", "ที่"), ("Laoo", "ທີ່"), ("Latn", "m̃")):
        advances = [advance for _, advance in shape(BY_SCRIPT[name].name, text)]
        assert sum(1 for advance in advances if advance) == 1, name


@pytest.mark.parametrize(
    "text",
    ["∀∃∈∉∑∫√∞≤≥≠≈⊂⊆∧∨¬⇒⇔", "←↑→↓↔⇐⇒", "✓✗✔✘★☆♠♥♦♣", "𝒜𝔸𝐀𝑥𝛼𝟘", "♩♪♫♬𝄞𝄢", "①②③Ⅷ½⅔℃№™", "⌘⌥⇧⏎⌫⎋⏏", "⠿⡇⣿", "─│┌┐╬░▒▓█"],
)
def test_signs(text):
    assert [character for character in text if not any(has(face, ord(character)) for face in FACES)] == []


def main() -> None:
    """Prints what no face has."""
    codes = [*range(0x10000), *range(0x10000, 0x1FC00)]
    table = script_of(np.array(codes, np.uint32))
    missing: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for code, number in zip(codes, table.tolist(), strict=True):
        name = NAMES[number]
        if name == "Zzzz" or unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Co", "Cn"):
            continue
        total[name] += 1
        missing[name] += not any(has(face, code) for face in FACES)
    for name, count in missing.most_common():
        if count:
            print(f"{name}  {count:5d} of {total[name]:5d}")
    print(f"all   {missing.total():5d} of {total.total():5d}")


if __name__ == "__main__":
    sys.exit(main())

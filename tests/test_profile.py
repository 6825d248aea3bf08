"""RenderProfile, its presets, and fonts of the user's own."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import FrozenInstanceError, fields, replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.fields import CHOICES, INTEGERS, SIZE_STEP, SIZES, SWITCHES, contrast
from glyph_rag.typeset.profile import PRESETS, RenderProfile, UserFont

FONT = sorted(Path(str(files("glyph_rag") / "assets" / "fonts")).glob("*.ttf"))[0]
NAMES = tuple(field.name for field in fields(RenderProfile))


@st.composite
def profiles(draw: st.DrawFn, fonts: st.SearchStrategy[tuple[UserFont, ...]]) -> RenderProfile:
    values = {name: draw(st.integers(low, high)) for name, (low, high) in INTEGERS.items()}
    values["patch"] = draw(st.sampled_from([1, 14, 28, 32, 64]))
    for name in ("width", "height"):
        values[name] = draw(st.integers(math.ceil(1000 / values["patch"]), 4096 // values["patch"])) * values["patch"]
    values["first_line_indent"] = max(values["first_line_indent"], -values["left_indent"])
    values["label_px"] = draw(st.sampled_from([0, 6, 10, 48]))
    sizes = {name: draw(st.integers(24, 24 * 4)) * SIZE_STEP for name in SIZES}
    lines = {name.replace("_px", "_line"): math.ceil(size) + draw(st.integers(0, 9)) for name, size in sizes.items()}
    grey = st.integers(0, 0x50)
    dark, light = draw(st.tuples(grey, grey, grey)), draw(st.tuples(grey, grey, grey))
    try:
        return RenderProfile(
            **{**values, **lines},
            **sizes,
            **{name: draw(st.sampled_from(words)) for name, words in CHOICES.items()},
            **{name: draw(st.booleans()) for name in SWITCHES},
            ink="#" + bytes(dark).hex(),
            paper="#" + bytes(255 - part for part in light).hex().upper(),
            fonts=draw(fonts),
        )
    except ProfileError as error:
        assert "room" in error.message or "column" in error.message or "contrast" in error.message
        assume(False)
        raise


ANY_FONTS = st.lists(
    st.builds(UserFont, st.text(min_size=1), st.binary(max_size=3).map(lambda data: hashlib.sha256(data).hexdigest())),
    max_size=3,
).map(tuple)
REAL_FONTS = st.sampled_from([(), (UserFont.load(FONT),)])


# ---------------------------------------------------------------- the profile


@given(profiles(ANY_FONTS))
def test_json_round_trip(profile: RenderProfile) -> None:
    again = RenderProfile.from_json(profile.to_json())
    assert again == profile
    assert hash(again) == hash(profile)
    assert again.fingerprint == profile.fingerprint


@given(profiles(ANY_FONTS))
def test_every_line_of_every_profile_has_room(profile: RenderProfile) -> None:
    indents = profile.left_indent + profile.right_indent + max(0, profile.first_line_indent)
    largest = max(profile.latin_px, profile.cjk_px, profile.complex_px)
    assert profile.column_width - indents >= 8 * largest * profile.horizontal_scale / 100
    used = profile.columns * profile.column_width + (profile.columns - 1) * profile.gutter + 2 * profile.margin_x
    assert profile.width - profile.columns < used <= profile.width
    assert profile.column_height >= max(getattr(profile, name) for name in INTEGERS if name.endswith("_line"))
    assert contrast(profile.ink, profile.paper) >= 4.5


OTHER_VALUES = {
    "width": 700,
    "height": 924,
    "patch": 14,
    "margin_x": 9,
    "margin_y": 9,
    "columns": 1,
    "gutter": 13,
    "latin_px": 10.25,
    "latin_line": 13,
    "cjk_px": 13.25,
    "cjk_line": 17,
    "complex_px": 12.25,
    "complex_line": 19,
    "mono_px": 10.25,
    "mono_line": 13,
    "code_font": "mono",
    "paragraph_gap": 5,
    "newline": "flow",
    "align": "justify",
    "first_line_indent": 1,
    "left_indent": 1,
    "right_indent": 1,
    "space_before": 1,
    "space_after": 1,
    "horizontal_scale": 99,
    "ink": "#000001",
    "paper": "#fffffe",
    "crop_width": False,
    "crop_height": False,
    "label_px": 11,
    "line_numbers": True,
    "fonts": (UserFont("x", "0" * 64),),
}


def test_every_field_is_part_of_the_fingerprint() -> None:
    assert set(OTHER_VALUES) == set(NAMES)
    prints = {replace(RenderProfile(), **{name: value}).fingerprint for name, value in OTHER_VALUES.items()}
    assert len(prints | {RenderProfile().fingerprint}) == len(NAMES) + 1


def test_the_bundled_fonts_and_the_version_are_part_of_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RenderProfile().fingerprint
    with monkeypatch.context() as patch:
        patch.setattr("glyph_rag.typeset.profile._bundled_fonts", lambda: (("a.ttf", "0" * 64),))
        assert RenderProfile().fingerprint != before
    monkeypatch.setattr("glyph_rag.typeset.profile.TYPESET_VERSION", 999)
    assert RenderProfile().fingerprint != before


def test_own_fonts_count_by_what_is_in_them_and_in_order() -> None:
    def printed(*fonts: UserFont) -> str:
        return RenderProfile(fonts=fonts).fingerprint

    a, b = UserFont("a", "a" * 64), UserFont("b", "b" * 64)
    assert printed(a) == printed(UserFont("elsewhere", "a" * 64))
    assert len({printed(), printed(a), printed(b), printed(a, b), printed(b, a)}) == 5


def test_one_spelling_of_each_value() -> None:
    one = RenderProfile(latin_px=10, ink="#0A0B0C", paper="#FfF")
    other = RenderProfile(latin_px=10.0, ink="#0a0b0c", paper="#ffffff")
    assert one == other
    assert one.to_json() == other.to_json()
    assert one.fingerprint == other.fingerprint


def test_a_profile_is_a_value() -> None:
    assert RenderProfile() in {RenderProfile.preset("careful")}
    with pytest.raises(FrozenInstanceError):
        RenderProfile().width = 700  # type: ignore[misc]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 600}, r"width 600 is not a multiple of the patch of 28"),
        ({"height": 28}, r"height is 28 \(choose a whole number, 112 to 4096 pixels\)"),
        ({"width": 672.0}, r"width is 672\.0 \(choose a whole number"),
        ({"patch": 0}, r"patch is 0 \(choose a whole number, 1 to 64 pixels\)"),
        ({"columns": True}, r"columns is True \(choose a whole number, 1 to 4\)"),
        ({"latin_px": 2}, r"latin_px is 2 \(choose 6 to 48 pixels, in steps of 0\.25\)"),
        ({"cjk_px": 12.1}, r"cjk_px is 12\.1 .*steps of 0\.25"),
        ({"mono_px": math.nan}, r"mono_px is nan"),
        ({"mono_px": math.inf}, r"mono_px is inf"),
        ({"latin_px": 10**400}, r"latin_px is 1000"),
        ({"complex_px": "12px"}, r"complex_px is '12px'"),
        ({"complex_px": True}, r"complex_px is True"),
        ({"cjk_line": 5}, r"cjk_line is 5"),
        ({"cjk_line": 12}, r"cjk_line is 12, less than the font size cjk_px of 13 \(choose 13 to 96 pixels"),
        ({"mono_line": 9}, r"mono_line is 9, less"),
        ({"label_px": 3}, r"label_px is 3 \(choose 0, for none, or 6 to 48\)"),
        ({"horizontal_scale": 20}, r"horizontal_scale is 20 \(choose a whole number, 50 to 150 percent\)"),
        ({"newline": "wrap"}, r"newline is 'wrap' \(choose one of keep, paragraph, flow\)"),
        ({"align": ["left"]}, r"align is \['left'\]"),
        ({"crop_width": 1}, r"crop_width is 1 \(choose true or false\)"),
        ({"ink": "black"}, r"ink is 'black' \(choose a colour such as"),
        ({"ink": "#12345"}, r"ink is '#12345'"),
        ({"ink": "#00000g"}, r"ink is"),
        ({"ink": "#000000\n"}, r"ink is"),
        ({"ink": "#888888"}, r"ink #888888 on paper #ffffff has a contrast of 3\.5 \(.*at least 4\.5"),
        ({"columns": 4, "width": 336}, r"room for \d+ pixels, but 8 em of the largest face are 104"),
        ({"left_indent": 250}, r"room for \d+ pixels"),
        ({"columns": 3, "cjk_px": 6, "complex_px": 6, "code_font": "mono", "mono_px": 48, "mono_line": 48}, "are 384"),
        ({"first_line_indent": -4, "left_indent": 3}, r"first_line_indent is -4 .*left_indent at most, which is 3"),
        ({"height": 112, "space_before": 80}, r"a column is \d+ pixels high"),
        ({"fonts": ["a.ttf"]}, r"fonts is \['a\.ttf'\]"),
        ({"fonts": (UserFont("a", "0" * 64),) * 17}, r"17 entries \(choose at most 16"),
    ],
)
def test_a_profile_that_cannot_be_drawn_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError, match=message) as caught:
        RenderProfile(**change)  # type: ignore[arg-type]
    assert caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "3",
        '{"width": 672}',
        "{",
        '"x"',
        RenderProfile().to_json().replace("margin_x", "margin"),
    ],
)
def test_what_is_no_profile_is_refused(text: str) -> None:
    with pytest.raises(ProfileError, match="no render profile"):
        RenderProfile.from_json(text)


@pytest.mark.parametrize("fonts", [3, [3], [{}], [{"path": "a"}], [{"path": "a", "sha256": "0"}], None, "ab"])
def test_json_with_strange_fonts_is_refused(fonts: object) -> None:
    with pytest.raises(ProfileError):
        RenderProfile.from_json(json.dumps({**json.loads(RenderProfile().to_json()), "fonts": fonts}))


def test_presets_go_from_legible_to_dense() -> None:
    assert list(PRESETS) == ["careful", "balanced", "dense"]
    assert RenderProfile() == PRESETS["careful"]
    profiles = list(PRESETS.values())
    for wide, tight in pairwise(profiles):
        assert all(getattr(wide, name) > getattr(tight, name) for name in SIZES)
    assert len({profile.fingerprint for profile in profiles}) == 3
    with pytest.raises(ProfileError, match=r"no preset 'Blanced' \(did you mean 'balanced'\? presets are careful"):
        RenderProfile.preset("Blanced")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    # Understanding SC 1.4.3 names #767676 as the lightest grey that passes on white.
    assert contrast("#767676", "#ffffff") >= 4.5 > contrast("#777777", "#ffffff")


# ---------------------------------------------------------------- fonts of the user's own


def test_a_font_is_read_and_hashed(tmp_path: Path) -> None:
    path = tmp_path / "own.ttf"
    shutil.copy(FONT, path)
    font = UserFont.load(path)
    assert font == UserFont(str(path), hashlib.sha256(FONT.read_bytes()).hexdigest())
    assert font.read() == FONT.read_bytes()
    path.write_bytes(FONT.read_bytes() + b"\0")
    with pytest.raises(ProfileError, match="has changed since"):
        font.read()
    path.unlink()
    with pytest.raises(ProfileError, match="no font file"):
        font.read()


@pytest.mark.parametrize("data", [b"", b"hello", b"\0" * 4096, b"wOF2" + b"\0" * 400, FONT.read_bytes()[:200]])
def test_what_is_no_font_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "own.ttf").write_bytes(data)
    with pytest.raises(ProfileError, match=r"is no font \(name a \.ttf"):
        UserFont.load(tmp_path / "own.ttf")


@pytest.mark.parametrize(("path", "sha256"), [("", "0" * 64), ("a", "0"), ("a", "A" * 64), ("a", 3), (3, "0" * 64)])
def test_a_font_is_named_and_hashed(path: str, sha256: str) -> None:
    with pytest.raises(ProfileError):
        UserFont(path, sha256)

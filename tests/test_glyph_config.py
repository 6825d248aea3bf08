"""render_config files in the keys of Glyph's."""

from __future__ import annotations

import json
import logging
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.config.load import load_render_config
from glyph_rag.typeset.profile import RenderProfile
from tests.test_profile import FONT
from tests.test_render_config import write

GLYPH_EN = {
    "page-size": "595,842",
    "dpi": 72,
    "margin-x": 10,
    "margin-y": 10,
    "font-path": "../config/Verdana.ttf",
    "font-size": 9,
    "line-height": 10,
    "font-color": "#000000",
    "alignment": "LEFT",
    "horizontal-scale": 1.0,
    "first-line-indent": 0,
    "left-indent": 0,
    "right-indent": 0,
    "space-before": 0,
    "space-after": 0,
    "border-width": 0,
    "border-padding": 0,
    "page-bg-color": "#FFFFFF",
    "para-bg-color": "#FFFFFF",
    "auto-crop-width": True,
    "auto-crop-last-page": True,
}
"""config/config_en.json of Glyph, commit 61afa7f."""

GLYPH_ZH = {**GLYPH_EN, "font-path": "../config/SourceHanSansHWSC-VF.ttf"}
"""config/config_zh.json."""


@pytest.mark.parametrize("config", [GLYPH_EN, GLYPH_ZH])
def test_glyphs_published_configs(tmp_path: Path, config: dict[str, object], caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "config").mkdir()
    path = write(tmp_path / "config", json.dumps(config, indent=4), "config.json")
    with pytest.raises(ProfileError, match=r"config\.json, line 6: there is no font file .*drop the key"):
        load_render_config(path)
    font = tmp_path / "config" / Path(str(config["font-path"])).name
    shutil.copy(FONT, font)
    with caplog.at_level(logging.INFO, "glyph_rag"):
        profile = load_render_config(path)
    assert "595 x 842 pixels becomes one of 588 x 840" in caplog.text
    assert [Path(own.path).resolve() for own in profile.fonts] == [font.resolve()]
    assert replace(profile, fonts=()) == GLYPH_PROFILE
    assert load_render_config(write(tmp_path / "config", yaml.safe_dump(config))).fingerprint == profile.fingerprint


GLYPH_PROFILE = RenderProfile(
    width=588,
    height=840,
    margin_x=10,
    margin_y=10,
    columns=1,
    label_px=0,
    newline="keep",
    latin_px=9,
    cjk_px=9,
    complex_px=9,
    mono_px=9,
    paragraph_gap=10,
    latin_line=10,
    cjk_line=10,
    complex_line=10,
    mono_line=10,
)


def test_absent_keys_are_what_glyphs_code_takes_then() -> None:
    wanted = replace(GLYPH_PROFILE, margin_x=20, margin_y=20, align="justify", crop_width=False, crop_height=False)
    assert load_render_config({"dpi": 72}) == load_render_config({"page_size": "A4"}) == wanted
    assert load_render_config({"font-size": 9.5}).latin_line == 10


def test_points_become_pixels() -> None:
    profile = load_render_config({**GLYPH_EN, "dpi": 96, "font-path": [], "left-indent": 6, "first-line-indent": -6})
    assert (profile.width, profile.height) == (784, 1120)  # 793.3 x 1122.7
    assert (profile.margin_x, profile.latin_px, profile.latin_line) == (13, 12.0, 13)
    assert (profile.left_indent, profile.first_line_indent) == (8, -8)
    assert load_render_config({"dpi": 72, "font-size": 7.7, "line-height": 7.7}).latin_line == 8


@pytest.mark.parametrize(
    ("size", "sides"),
    [
        ("letter", (588, 784)),
        ("Legal", (588, 1008)),
        ("A5", (392, 588)),
        (" 560 , 560 ", (560, 560)),
        ([560, 840.5], (560, 840)),
        ("2048.5,1000", (2044, 980)),
    ],
)
def test_page_sizes(size: object, sides: tuple[int, int]) -> None:
    profile = load_render_config({"page-size": size, "dpi": 72})
    assert (profile.width, profile.height) == sides


@pytest.mark.parametrize("dpi", [60, 72, 80, 96, 100, 110, 120, 144, 150, 300])
def test_sides_that_are_whole_patches_stay_so(dpi: int) -> None:
    points = f"{672 * 72 / dpi},{896 * 72 / dpi}"
    profile = load_render_config({"page-size": points, "dpi": dpi, "font-size": 9 * 72 / dpi, "margin-x": 0})
    assert (profile.width, profile.height) == (672, 896)


@pytest.mark.parametrize(
    ("markup", "newline"),
    [
        ("<br/>", "keep"),
        ("<br />", "keep"),
        ('<font color="#FF0000"> \\n </font>', "flow"),
        ('<font color="#FF0000"> \n </font>', "flow"),
    ],
)
def test_newline_markup(tmp_path: Path, markup: str, newline: str) -> None:
    assert load_render_config({"newline-markup": markup}).newline == newline
    path = write(tmp_path, json.dumps({"newline-markup": markup}), "config.json")
    assert load_render_config(path).newline == newline
    if "\n" not in markup:
        assert load_render_config(write(tmp_path, f"newline-markup: {markup}\n")).newline == newline


def test_dark_paper() -> None:
    profile = load_render_config({"font-color": "#EEEEEE", "page-bg-color": "#101010", "para-bg-color": "#101010"})
    assert (profile.ink, profile.paper) == ("#eeeeee", "#101010")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"font-sise": 9}, r"Glyph's config files have no key 'font-sise' \(did you mean 'font-size'"),
        ({"columns": 2}, r"'columns' is a key of ours and 'page-size' one of Glyph's"),
        ({"preset": "dense"}, r"'preset' is a key of ours"),
        ({"page-size": "A44"}, r"page-size is 'A44' \(did you mean 'A4'\? choose"),
        ({"page-size": "595"}, r"page-size is '595'"),
        ({"page-size": "nan,842"}, r"page-size is 'nan,842'"),
        ({"page-size": [True, 842]}, r"page-size is \[True, 842\]"),
        ({"page-size": [None, 842]}, r"page-size is \[None, 842\]"),
        ({"page-size": "50,842"}, r"width is 28 \(choose a whole number, 112 to"),
        ({"dpi": 0}, r"dpi is 0 \(choose a number, 30 to 600"),
        ({"dpi": "72"}, r"dpi is '72'"),
        ({"dpi": math.nan}, r"dpi is nan"),
        ({"margin-x": -1}, r"margin_x is -1"),
        ({"margin-x": True}, r"margin-x is True"),
        ({"margin-x": 400}, r"margin_x is 400 \(choose a whole number, 0 to 256"),
        ({"margin-x": 250, "left-indent": 20}, r"a line has room for 68 pixels"),
        ({"font-size": "9pt"}, r"font-size is '9pt'"),
        ({"font-size": 5}, r"font_size is 5\.0 \(choose 6 to 48 pixels"),
        ({"line-height": 8}, r"line-height is 8 \(choose at least the font size, 9"),
        ({"font-color": "red"}, r"font-color is 'red'"),
        ({"font-color": "#eeeeee"}, r"contrast of"),
        ({"alignment": "MIDDLE"}, r"alignment is 'MIDDLE' \(choose LEFT, RIGHT"),
        ({"horizontal-scale": 90}, r"horizontal-scale is 90 \(choose a number, 0\.5 to 1\.5"),
        ({"border-width": 1}, r"border-width is 1 \(borders are not supported; choose 0"),
        ({"border-padding": 2.5}, r"border-padding is 2\.5 \(borders"),
        ({"para-bg-color": "#eeeeee"}, r"para-bg-color is '#eeeeee' \(paragraphs have the paper of the page, #ffffff"),
        ({"para-border-color": "none"}, r"para-border-color is 'none'"),
        ({"auto-crop-width": "yes"}, r"auto-crop-width is 'yes'"),
        ({"newline-markup": "<p>"}, r"newline-markup is '<p>' \(choose '<br/>' or"),
        ({"newline-markup": 3}, r"newline-markup is 3"),
        ({"font-path": 3}, r"font-path is 3"),
    ],
)
def test_mistakes_in_glyphs_configs_are_named(change: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError, match=message) as caught:
        load_render_config({**{key: value for key, value in GLYPH_EN.items() if key != "font-path"}, **change})
    assert str(caught.value).count("render_config:") == 1
    assert caught.value.hint

"""The config files of Glyph (github.com/thu-coai/Glyph, scripts/word2png_function.py), as render profiles.

Lengths there are points, of which `dpi` pixels make 72. What an absent key means is what Glyph's code takes then, not
what its published files say.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, cast, get_args

from glyph_rag.typeset.config.file import Settings
from glyph_rag.typeset.fields import SIZE_STEP, SIZES, Align, Newline, check_integer, colour_of, size_of
from glyph_rag.typeset.profile import RenderProfile, UserFont

KEYS: Final[Mapping[str, str]] = {
    "page_size": 'Sides of the page, "width,height", or a name: A4, Letter. Default A4.',
    "dpi": "Pixels to 72 points, 30 to 600. Default 72.",
    "margin_x": "`margin_x`. Default 20.",
    "margin_y": "`margin_y`. Default 20.",
    "font_path": "`fonts`. The bundled fonts stand behind it, and are used where the key is absent.",
    "font_size": "All font sizes. Default 9.",
    "line_height": "All line heights, and the height of an empty line. Default `font-size` + 1.",
    "font_color": "`ink`. Default #000000.",
    "alignment": "`align`: LEFT, RIGHT, CENTER or JUSTIFY. Default JUSTIFY.",
    "horizontal_scale": "`horizontal_scale`, as a factor: 0.5 to 1.5. Default 1.0.",
    "first_line_indent": "`first_line_indent`. Default 0.",
    "left_indent": "`left_indent`. Default 0.",
    "right_indent": "`right_indent`. Default 0.",
    "space_before": "`space_before`. Default 0.",
    "space_after": "`space_after`. Default 0.",
    "border_width": "0 only: borders are not drawn.",
    "border_padding": "0 only: borders are not drawn.",
    "page_bg_color": "`paper`. Default #FFFFFF.",
    "para_bg_color": "The same as `page-bg-color` only: paragraphs have no paper of their own.",
    "para_border_color": "Any colour, without effect: borders are not drawn.",
    "auto_crop_width": "`crop_width`. Default false.",
    "auto_crop_last_page": "`crop_height`. Default false.",
    "newline_markup": '`newline`: `<br/>` is "keep", `<font color="#FF0000"> \\n </font>` is "flow". Default `<br/>`.',
}
"""What each key of Glyph's means here. Lengths are in points."""

PAGE_SIZES: Final[Mapping[str, tuple[float, float]]] = {
    **{
        name: (width * 72 / 25.4, height * 72 / 25.4)
        for name, width, height in (
            ("A3", 297, 420),
            ("A4", 210, 297),
            ("A5", 148, 210),
            ("A6", 105, 148),
            ("B4", 250, 353),
            ("B5", 176, 250),
        )
    },
    "LETTER": (612.0, 792.0),
    "LEGAL": (612.0, 1008.0),
    "TABLOID": (792.0, 1224.0),
}
"""Width and height in points, upright: ISO 216 and the North American sizes."""

_LENGTHS: Final[Mapping[str, int]] = {
    "margin_x": 20,
    "margin_y": 20,
    "first_line_indent": 0,
    "left_indent": 0,
    "right_indent": 0,
    "space_before": 0,
    "space_after": 0,
}
"""Keys that are lengths and have the name of a field, with their defaults in points."""

SHARED: Final = frozenset((*_LENGTHS, "horizontal_scale", "font_path"))
"""Keys that do not tell a config of Glyph's from one of ours."""

_MARKER = re.compile(r"""<font color=["']#[0-9A-Fa-f]{6}["']>\s*(\\n|\n)\s*</font>""")

_log = logging.getLogger(__name__)


def to_profile(settings: Settings) -> RenderProfile:
    """The profile that a config of Glyph's describes: one column, no labels, one font size for all scripts.

    Sides are rounded down to whole patches, because readers resample pages that have others, which blurs them.

    Raises:
        ProfileError: If a key is unknown, or its value is out of range or asks for something that is not drawn.
    """
    _refuse_unknown(settings)
    _refuse_undrawn(settings)
    scale = _number(settings, "dpi", 72, 30, 600) / 72
    values = {
        **_sides(settings, scale),
        **_type(settings, scale),
        **{name: _length(settings, name, default, scale) for name, default in _LENGTHS.items()},
        "columns": 1,
        "label_px": 0,
        "newline": _newline(settings),
        "align": _align(settings),
        "horizontal_scale": round(100 * _number(settings, "horizontal_scale", 1, 0.5, 1.5)),
        "ink": _colour(settings, "font_color", "#000000"),
        "paper": _colour(settings, "page_bg_color", "#ffffff"),
        "crop_width": _switch(settings, "auto_crop_width"),
        "crop_height": _switch(settings, "auto_crop_last_page"),
        "fonts": user_fonts(settings, "font_path"),
    }
    with settings.locating():
        return RenderProfile(**values)


def user_fonts(settings: Settings, key: str) -> tuple[UserFont, ...]:
    """The fonts that a key names, read and hashed.

    Raises:
        ProfileError: If the value is no path or list of paths, or a file is missing or no font.
    """
    paths = settings.paths(key)
    with settings.locating(key):
        return tuple(UserFont.load(path) for path in paths)


def _refuse_unknown(settings: Settings) -> None:
    for key in settings.values:
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            ask = f"did you mean {near[0].replace('_', '-')!r}? " if near else ""
            message = f"Glyph's config files have no key {settings.spelled[key]!r}"
            raise settings.error(key, message, f"{ask}docs/render-config.md lists their keys")


def _refuse_undrawn(settings: Settings) -> None:
    for key in ("border_width", "border_padding"):
        if _number(settings, key, 0, 0, 1000):
            raise settings.bad_value(key, "borders are not supported; choose 0, or drop the key")
    _colour(settings, "para_border_color", "#ffffff")
    page = _colour(settings, "page_bg_color", "#ffffff")
    if _colour(settings, "para_bg_color", page) != page:
        raise settings.bad_value("para_bg_color", f"paragraphs have the paper of the page, {page}; drop the key")


def _number(settings: Settings, key: str, default: float, low: float, high: float) -> float:
    value = settings.values.get(key, default)
    # NaN fails the comparison.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high:
        return float(value)
    raise settings.bad_value(key, f"choose a number, {low:g} to {high:g}")


def _length(settings: Settings, key: str, default: float, scale: float) -> int:
    """A length in whole pixels."""
    pixels = round(_number(settings, key, default, -1000, 1000) * scale)
    with settings.locating(key):
        check_integer(key, pixels)
    return pixels


def _sides(settings: Settings, scale: float) -> dict[str, Any]:
    """Width and height of the page in pixels."""
    asked = [points * scale for points in _page_size(settings)]
    patch = RenderProfile.patch
    # The quotient may fall short of a whole number by an error of rounding.
    width, height = (math.floor(round(side / patch, 6)) * patch for side in asked)
    with settings.locating("page_size"):
        check_integer("width", width)
        check_integer("height", height)
    if [width, height] != asked:
        _log.info(
            "%s: a page of %.5g x %.5g pixels becomes one of %d x %d, whole patches of %d, so that readers do not "
            "resample it",
            *(settings.place("page_size"), *asked, width, height, patch),
        )
    return {"width": width, "height": height}


def _points(side: object) -> float:
    """A side of a page in points, or a number that is none if it is no number."""
    try:
        return math.nan if isinstance(side, bool) else float(str(side))
    except ValueError:
        return math.nan


def _page_size(settings: Settings) -> tuple[float, float]:
    value = settings.values.get("page_size", "A4")
    if isinstance(value, str) and value.strip().upper() in PAGE_SIZES:
        return PAGE_SIZES[value.strip().upper()]
    sides = value if isinstance(value, (list, tuple)) else str(value).split(",")
    points = [_points(side) for side in sides]
    if len(points) == 2 and all(0 < side < 10000 for side in points):
        return points[0], points[1]
    near = get_close_matches(str(value).upper(), PAGE_SIZES, 1)
    ask = f"did you mean {near[0]!r}? " if near else ""
    raise settings.bad_value("page_size", f'{ask}choose "width,height" in points, or one of {", ".join(PAGE_SIZES)}')


def _type(settings: Settings, scale: float) -> dict[str, Any]:
    """Font sizes in quarter pixels to the em, line heights in pixels."""
    points = _number(settings, "font_size", 9, 1, 200)
    leading = _number(settings, "line_height", points + 1, 1, 300)
    if leading < points:
        raise settings.bad_value("line_height", f"choose at least the font size, {points:g}")
    with settings.locating("font_size"):
        size = size_of("font_size", round(points * scale / SIZE_STEP) * SIZE_STEP)
    line = max(round(leading * scale), math.ceil(size))
    with settings.locating("line_height"):
        check_integer("latin_line", line)
    sizes = dict.fromkeys(SIZES, size)
    return {**sizes, **{name.replace("_px", "_line"): line for name in SIZES}, "paragraph_gap": line}


def _newline(settings: Settings) -> Newline:
    value = settings.values.get("newline_markup", "<br/>")
    if isinstance(value, str) and re.fullmatch(r"<br\s*/?>", value.strip()):
        return "keep"
    if isinstance(value, str) and _MARKER.fullmatch(value.strip()):
        return "flow"
    raise settings.bad_value("newline_markup", """choose '<br/>' or '<font color="#FF0000"> \\n </font>'""")


def _align(settings: Settings) -> Align:
    value = settings.values.get("alignment", "JUSTIFY")
    for word in get_args(Align):
        if isinstance(value, str) and value.lower() == word:
            return cast(Align, word)
    raise settings.bad_value("alignment", "choose LEFT, RIGHT, CENTER or JUSTIFY")


def _switch(settings: Settings, key: str) -> bool:
    value = settings.values.get(key, False)
    if isinstance(value, bool):
        return value
    raise settings.bad_value(key, "choose true or false")


def _colour(settings: Settings, key: str, default: str) -> str:
    with settings.locating(key):
        return colour_of(settings.spelled.get(key, key), settings.values.get(key, default))

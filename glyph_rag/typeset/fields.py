"""The fields of a render profile: what each may be, and the checks of a single value."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

from glyph_rag.errors import ProfileError

CodeFont = Literal["mono", "sans"]
Newline = Literal["keep", "paragraph", "flow"]
Align = Literal["left", "right", "center", "justify"]

INTEGERS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "width": (112, 4096),
        "height": (112, 4096),
        "patch": (1, 64),
        "margin_x": (0, 256),
        "margin_y": (0, 256),
        "columns": (1, 4),
        "gutter": (0, 128),
        "latin_line": (6, 96),
        "cjk_line": (6, 96),
        "complex_line": (6, 96),
        "mono_line": (6, 96),
        "paragraph_gap": (0, 96),
        "first_line_indent": (-256, 256),
        "left_indent": (0, 256),
        "right_indent": (0, 256),
        "space_before": (0, 96),
        "space_after": (0, 96),
        "horizontal_scale": (50, 150),
        "label_px": (0, 48),
    }
)
"""Fields that are whole numbers, with the smallest and the largest allowed."""

SIZES: Final = ("latin_px", "cjk_px", "complex_px", "mono_px")
"""Fields that are font sizes: `SIZE_RANGE` pixels to the em, in steps of `SIZE_STEP`."""

SIZE_RANGE: Final = (6.0, 48.0)
SIZE_STEP: Final = 0.25

CHOICES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"code_font": get_args(CodeFont), "newline": get_args(Newline), "align": get_args(Align)}
)
"""Fields that are one word of a few."""

SWITCHES: Final = ("crop_width", "crop_height", "line_numbers")
COLOURS: Final = ("ink", "paper")

MIN_CONTRAST: Final = 4.5
"""Least contrast of ink on paper: success criterion 1.4.3 of WCAG 2.2, level AA."""

MIN_COLUMN_EM: Final = 8
"""Least room for a line, in em of the largest face: narrower columns break most words."""

MIN_LABEL: Final = 6
"""Least height of a label that can be read, in pixels."""

MAX_FONTS: Final = 16
"""Most fonts of the user's own."""


def check_integer(name: str, value: object) -> None:
    """Raises `ProfileError` unless the value may be that one of `INTEGERS`."""
    low, high = INTEGERS[name]
    if type(value) is not int or not low <= value <= high:
        unit = {"columns": "", "horizontal_scale": " percent"}.get(name, " pixels")
        raise ProfileError(f"{name} is {value!r}", hint=f"choose a whole number, {low} to {high}{unit}")


def size_of(name: str, value: object) -> float:
    """A font size as `SIZE_RANGE` and `SIZE_STEP` allow it, in pixels to the em; raises `ProfileError` for others."""
    low, high = SIZE_RANGE
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
    if low <= number <= high and not number % SIZE_STEP:
        return float(number)
    raise ProfileError(f"{name} is {value!r}", hint=f"choose {low:g} to {high:g} pixels, in steps of {SIZE_STEP}")


def colour_of(name: str, value: object) -> str:
    """A colour as "#rrggbb" in lower case, from that or "#rgb" in any case; raises `ProfileError` for others."""
    if isinstance(value, str) and re.fullmatch("#(?:[0-9a-fA-F]{3}){1,2}", value):
        digits = value[1:].lower()
        return "#" + (digits if len(digits) == 6 else "".join(2 * digit for digit in digits))
    raise ProfileError(f"{name} is {value!r}", hint="choose a colour such as '#1a1a1a'")


def check_choice(name: str, value: object) -> None:
    """Raises `ProfileError` unless the value may be that one of `CHOICES`."""
    if value not in CHOICES[name]:
        raise ProfileError(f"{name} is {value!r}", hint=f"choose one of {', '.join(CHOICES[name])}")


def check_switch(name: str, value: object) -> None:
    """Raises `ProfileError` unless the value is a bool."""
    if not isinstance(value, bool):
        raise ProfileError(f"{name} is {value!r}", hint="choose true or false")


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21, as WCAG 2.2 defines it."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Relative luminance of an sRGB colour, 0 to 1, as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

"""RenderProfile: everything that decides the pixels of a page, and the presets."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.fields import (
    CHOICES,
    COLOURS,
    INTEGERS,
    MAX_FONTS,
    MIN_COLUMN_EM,
    MIN_CONTRAST,
    MIN_LABEL,
    SIZE_STEP,
    SIZES,
    SWITCHES,
    Align,
    CodeFont,
    Newline,
    check_choice,
    check_integer,
    check_switch,
    colour_of,
    contrast,
    size_of,
)
from glyph_rag.typeset.glyphs.faces import FACES

TYPESET_VERSION = 2
"""Raised whenever the same text under the same profile would give other pixels or other page breaks."""


@dataclass(frozen=True)
class UserFont:
    """A font of the user's own, asked before the bundled ones. Of a collection, the first face counts.

    Attributes:
        path: Where the file is.
        sha256: Hex digest of the file; it, and not the path, is part of a profile's fingerprint.
    """

    path: str
    sha256: str

    def __post_init__(self) -> None:
        if not isinstance(self.path, str) or not self.path:
            raise ProfileError(f"the path of a font is {self.path!r}", hint="name a .ttf, .otf or .ttc file")
        if not isinstance(self.sha256, str) or not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ProfileError(
                f"the sha256 of the font {self.path!r} is {self.sha256!r}",
                hint="it has 64 lower-case hex digits; UserFont.load(path) computes it",
            )

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The font in a file, which is read and hashed.

        Raises:
            ProfileError: If there is no such file, or it is no font with outlines.
        """
        data = _read_font(Path(path))
        return cls(str(Path(path).absolute()), hashlib.sha256(data).hexdigest())

    def read(self) -> bytes:
        """The bytes of the file.

        Raises:
            ProfileError: If the file is gone, or no longer the one that was hashed.
        """
        data = _read_font(Path(self.path))
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ProfileError(
                f"the font {self.path!r} has changed since the profile was made",
                hint="restore the file, or make the profile again; pages set in another font are other pages",
            )
        return data


@dataclass(frozen=True)
class RenderProfile:
    """How text becomes pixels. The default, "careful", packs about twice the text that the same tokens would hold.

    Sides are multiples of `patch`, so that a reader with 14-pixel patches merged 2 x 2 (Qwen2.5-VL, GLM-4.1V, Glyph)
    takes the page as it is, without resampling. All lengths are in pixels. Font sizes are multiples of 1/4.

    Attributes:
        width: Page width.
        height: Height of a full page.
        patch: Side of the square that a reader counts as one token.
        margin_x: Empty border on the left and on the right.
        margin_y: Empty border at the top and at the bottom.
        columns: Columns of text on a page. Two waste less than one where lines are short, as in notes, lists and code.
        gutter: Empty space between columns.
        latin_px: Font size of Latin, Greek and Cyrillic, in pixels to the em.
        latin_line: Height of a line that holds only those.
        cjk_px: Font size of Han, kana and Hangul.
        cjk_line: Height of a line that holds any of them.
        complex_px: Font size of every other script: Arabic, Hebrew, Indic, Thai, Khmer, Burmese, Ethiopic and so on.
        complex_line: Height of a line that holds any of them.
        mono_px: Font size of the monospaced face.
        mono_line: Height of a line in the monospaced face.
        code_font: Face of documents of format "code": the monospaced one, or "sans", which is denser.
        paragraph_gap: Extra space where the text has an empty line.
        newline: What a newline of the source becomes. "keep": each breaks the line. "paragraph": lines that an editor
            hard-wrapped are joined, others break. "flow": joined likewise, and others become a visible mark, after
            which the text runs on; those of code all do.
        align: Where the lines of a paragraph are set.
        first_line_indent: Extra indent of a paragraph's first line; down to minus `left_indent`, for a hanging one.
        left_indent: Indent of all lines on the left.
        right_indent: Indent of all lines on the right.
        space_before: Extra space before each paragraph.
        space_after: Extra space after each paragraph.
        horizontal_scale: Width of all glyphs, in percent of what the font says.
        ink: Colour of the text, "#rrggbb".
        paper: Colour of the page, "#rrggbb".
        crop_width: Crop a page whose lines are all short, to whole patches.
        crop_height: Crop a page with less text, to whole patches.
        label_px: Height of a strip at the top of each page that carries its label; 0 for none.
        line_numbers: Write the source's line numbers beside the lines.
        fonts: Fonts of the user's own, asked in order before the bundled ones.

    Raises:
        ProfileError: If a field has the wrong type or is out of range, or two of them contradict each other.
    """

    width: int = 672
    height: int = 896
    patch: int = 28
    margin_x: int = 6
    margin_y: int = 4
    columns: int = 2
    gutter: int = 10
    latin_px: float = 10.5
    latin_line: int = 12
    cjk_px: float = 13.0
    cjk_line: int = 16
    complex_px: float = 12.0
    complex_line: int = 18
    mono_px: float = 10.0
    mono_line: int = 12
    code_font: CodeFont = "sans"
    paragraph_gap: int = 4
    newline: Newline = "paragraph"
    align: Align = "left"
    first_line_indent: int = 0
    left_indent: int = 0
    right_indent: int = 0
    space_before: int = 0
    space_after: int = 0
    horizontal_scale: int = 100
    ink: str = "#000000"
    paper: str = "#ffffff"
    crop_width: bool = True
    crop_height: bool = True
    label_px: int = 10
    line_numbers: bool = False
    fonts: tuple[UserFont, ...] = ()

    def __post_init__(self) -> None:
        for name in INTEGERS:
            check_integer(name, getattr(self, name))
        # One spelling of each value, so that equal profiles have one fingerprint.
        for name in SIZES:
            object.__setattr__(self, name, size_of(name, getattr(self, name)))
        for name in COLOURS:
            object.__setattr__(self, name, colour_of(name, getattr(self, name)))
        for name in CHOICES:
            check_choice(name, getattr(self, name))
        for name in SWITCHES:
            check_switch(name, getattr(self, name))
        _check_fonts(self.fonts)
        self._check_lines()
        self._check_room()
        self._check_contrast()

    def _check_lines(self) -> None:
        for name in SIZES:
            size, line = getattr(self, name), getattr(self, name.replace("_px", "_line"))
            if line < size:
                line_name = name.replace("_px", "_line")
                raise ProfileError(
                    f"{line_name} is {line}, less than the font size {name} of {size:g}",
                    hint=f"choose {math.ceil(size)} to {INTEGERS[line_name][1]} pixels, or a smaller font",
                )
        if 0 < self.label_px < MIN_LABEL:
            raise ProfileError(
                f"label_px is {self.label_px}", hint=f"choose 0, for none, or {MIN_LABEL} to {INTEGERS['label_px'][1]}"
            )

    def _check_room(self) -> None:
        for name in ("width", "height"):
            if getattr(self, name) % self.patch:
                raise ProfileError(
                    f"{name} {getattr(self, name)} is not a multiple of the patch of {self.patch}",
                    hint="readers resample such a page, which blurs it",
                )
        if self.first_line_indent < -self.left_indent:
            raise ProfileError(
                f"first_line_indent is {self.first_line_indent}",
                hint=f"it may hang by left_indent at most, which is {self.left_indent}",
            )
        room = self.column_width - self.left_indent - self.right_indent - max(0, self.first_line_indent)
        needed = math.ceil(MIN_COLUMN_EM * self._largest_px * self.horizontal_scale / 100)
        if room < needed:
            raise ProfileError(
                f"a line has room for {room} pixels, but {MIN_COLUMN_EM} em of the largest face are {needed}",
                hint="choose a larger width, fewer columns, or smaller margin_x, gutter, indents or font sizes",
            )
        tallest = max(self.latin_line, self.cjk_line, self.complex_line, self.mono_line)
        if self.column_height < tallest + self.space_before + self.space_after:
            raise ProfileError(
                f"a column is {self.column_height} pixels high, too low for a line of {tallest}",
                hint="choose a larger height, or smaller margin_y, label_px, space_before or space_after",
            )

    def _check_contrast(self) -> None:
        ratio = contrast(self.ink, self.paper)
        if ratio < MIN_CONTRAST:
            raise ProfileError(
                f"ink {self.ink} on paper {self.paper} has a contrast of {ratio:.1f}",
                hint=f"choose colours with a contrast of at least {MIN_CONTRAST}; black on white has 21",
            )

    @property
    def _largest_px(self) -> float:
        sizes = (self.latin_px, self.cjk_px, self.complex_px)
        return max(*sizes, self.mono_px) if self.code_font == "mono" else max(sizes)

    @classmethod
    def preset(cls, name: str) -> RenderProfile:
        """One of `PRESETS`.

        Raises:
            ProfileError: If there is none of that name.
        """
        if name not in PRESETS:
            near = get_close_matches(name, PRESETS, 1, cutoff=0.5)
            ask = f"did you mean {near[0]!r}? " if near else ""
            raise ProfileError(f"there is no preset {name!r}", hint=f"{ask}presets are {', '.join(PRESETS)}")
        return PRESETS[name]

    def to_json(self) -> str:
        """All fields, as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The profile that `to_json` wrote.

        Raises:
            ProfileError: If a field is missing, unknown or out of range.
        """
        hint = "another version of glyph-rag wrote it, or it was edited; index into a new folder"
        try:
            values = json.loads(text)
            names = {field.name for field in fields(cls)}
            if not isinstance(values, dict) or values.keys() != names:
                differing = sorted(names.symmetric_difference(values))
                raise ProfileError(f"this is no render profile; it differs in {', '.join(differing)}", hint=hint)
            return cls(**{**values, "fonts": tuple(UserFont(**font) for font in values["fonts"])})
        except ProfileError:
            raise
        except (ValueError, TypeError) as error:
            raise ProfileError(f"this is no render profile: {text[:200]!r}", hint=hint) from error

    @property
    def column_width(self) -> int:
        """Room for a line before indents, in pixels."""
        return (self.width - 2 * self.margin_x - (self.columns - 1) * self.gutter) // self.columns

    @property
    def column_height(self) -> int:
        """Room for the lines of one column on a full page, below the label, in pixels."""
        return self.height - 2 * self.margin_y - self.label_px

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits; equal exactly when every page would be equal, fonts included."""
        parts = [f"version={TYPESET_VERSION}"]
        parts += [f"{name}={getattr(self, name)}" for name in sorted((*INTEGERS, *CHOICES, *SWITCHES, *COLOURS))]
        parts += [f"{name}={int(getattr(self, name) / SIZE_STEP)}/4" for name in sorted(SIZES)]
        parts += [f"font={font.sha256}" for font in self.fonts]
        parts += [f"bundled={name} {sha256}" for name, sha256 in _bundled_fonts()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _bundled_fonts() -> tuple[tuple[str, str], ...]:
    """Name and sha256 of each bundled font, in order."""
    return tuple((face.name, face.sha256) for face in FACES)


def _check_fonts(fonts: object) -> None:
    if not isinstance(fonts, tuple) or not all(isinstance(font, UserFont) for font in fonts):
        raise ProfileError(f"fonts is {fonts!r}", hint="choose a tuple of UserFont; UserFont.load(path) makes one")
    if len(fonts) > MAX_FONTS:
        raise ProfileError(f"fonts has {len(fonts)} entries", hint=f"choose at most {MAX_FONTS}")


def _read_font(path: Path) -> bytes:
    import uharfbuzz as hb

    if not path.is_file():
        raise ProfileError(f"there is no font file {str(path)!r}", hint="name a .ttf, .otf or .ttc file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ProfileError(f"cannot read the font {str(path)!r}", hint=str(error)) from error
    if not data or not hb.Face(hb.Blob(data)).glyph_count:
        raise ProfileError(f"{str(path)!r} is no font", hint="name a .ttf, .otf or .ttc file; unpack .woff2 first")
    return data


PRESETS: Final[Mapping[str, RenderProfile]] = MappingProxyType(
    {
        # About 2 x: what readers that were never trained on such pages still read.
        "careful": RenderProfile(),
        # About 3 x.
        "balanced": RenderProfile(
            latin_px=9.0,
            latin_line=10,
            cjk_px=12.0,
            cjk_line=14,
            complex_px=10.5,
            complex_line=15,
            mono_px=9.0,
            mono_line=10,
            paragraph_gap=2,
            newline="flow",
            horizontal_scale=97,
        ),
        # About 4 x: small print, for readers that were trained on such pages.
        "dense": RenderProfile(
            latin_px=8.0,
            latin_line=9,
            cjk_px=11.0,
            cjk_line=13,
            complex_px=9.5,
            complex_line=13,
            mono_px=8.0,
            mono_line=9,
            paragraph_gap=1,
            newline="flow",
            horizontal_scale=98,
        ),
    }
)
"""Profiles by name, from the most legible to the densest. Sizes differ by script so that all are about as legible.

docs/legibility.md says how much each holds, how well that can be read, and what else was tried.
"""

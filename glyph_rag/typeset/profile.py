"""RenderProfile: everything that decides the pixels of a page."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Self

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.fonts import BUNDLED_FONTS

TYPESET_VERSION = 1
"""Raised whenever the same text under the same profile would give other pixels or other page breaks."""


@dataclass(frozen=True)
class RenderProfile:
    """How text becomes pixels. The default packs about twice the text that the same tokens would hold.

    Sides are multiples of `patch`, so that a reader with 14-pixel patches merged 2 x 2 (Qwen2.5-VL, GLM-4.1V, Glyph)
    takes the page as it is, without resampling.

    Attributes:
        width: Page width in pixels.
        height: Height of a full page in pixels; a page with less text is cropped to whole patches.
        patch: Side of the square that a reader counts as one token, in pixels.
        margin: Empty border on every side, in pixels.
        columns: Columns of text on a page. Two waste less than one where lines are short, as in notes, lists and code.
        gutter: Empty space between columns, in pixels.
        latin_px: Font size of Latin, Greek and Cyrillic, in pixels to the em.
        latin_line: Height of a line that holds only those, in pixels.
        cjk_px: Font size of Han, kana and Hangul, in pixels to the em.
        cjk_line: Height of a line that holds any of them, in pixels.
        paragraph_gap: Extra space where the text has an empty line, in pixels.
    """

    width: int = 672
    height: int = 896
    patch: int = 28
    margin: int = 8
    columns: int = 2
    gutter: int = 12
    latin_px: int = 10
    latin_line: int = 12
    cjk_px: int = 13
    cjk_line: int = 16
    paragraph_gap: int = 4

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            if getattr(self, name) % self.patch:
                raise ProfileError(
                    f"{name} {getattr(self, name)} is not a multiple of the patch of {self.patch}",
                    hint="readers resample such a page, which blurs it",
                )
        for name, low, high in (
            ("patch", 1, 64),
            ("width", 224, 4096),
            ("height", 112, 4096),
            ("margin", 0, 64),
            ("columns", 1, 4),
            ("gutter", 0, 64),
            ("latin_px", 6, 48),
            ("cjk_px", 6, 48),
            ("paragraph_gap", 0, 48),
            ("latin_line", self.latin_px, 96),
            ("cjk_line", self.cjk_px, 96),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ProfileError(f"{name} is {value}", hint=f"choose {low} to {high} pixels")

    def to_json(self) -> str:
        """All fields, as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The profile that `to_json` wrote.

        Raises:
            ProfileError: If a field is missing, unknown or out of range.
        """
        try:
            fields = json.loads(text)
            return cls(**{str(name): int(value) for name, value in fields.items()})
        except (ValueError, TypeError, AttributeError) as error:
            raise ProfileError(f"this is no render profile: {text[:200]!r}", hint=str(error)) from error

    @property
    def column_width(self) -> int:
        """Room for a line, in pixels."""
        return (self.width - 2 * self.margin - (self.columns - 1) * self.gutter) // self.columns

    @property
    def column_height(self) -> int:
        """Room for the lines of one column on a full page, in pixels."""
        return self.height - 2 * self.margin

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits; equal exactly when every page would be equal, fonts included."""
        parts = [str(TYPESET_VERSION), *(f"{k}={v}" for k, v in sorted(asdict(self).items()))]
        parts += [f"{font.name}={font.sha256}" for font in BUNDLED_FONTS]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

"""Text of Word files that Word would not show: marked as hidden, in the colour of the paper, or too small to see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from glyph_rag.corpus.hidden import RGB, SMALLEST_PT, is_faint

if TYPE_CHECKING:
    from docx.oxml.xmlchemy import BaseOxmlElement as Element

__all__ = ["Looks"]

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_VAL = f"{_W}val"
_HEX = re.compile(r"[0-9a-fA-F]{6}")
_OFF = frozenset({"0", "false", "off"})
_WHITE: RGB = (255, 255, 255)


@dataclass(frozen=True)
class _Look:
    """What is said of a stretch of text; None where nothing is said (ISO/IEC 29500-1, 17.3.2)."""

    vanish: bool | None = None
    ink: RGB | None = None
    half_points: int | None = None

    def over(self, below: _Look) -> _Look:
        """This look, and the other one for what this one leaves open."""
        return _Look(
            below.vanish if self.vanish is None else self.vanish,
            self.ink or below.ink,
            self.half_points or below.half_points,
        )


class Looks:
    """Tells which runs of a Word file are not seen, by their own properties and those of their styles."""

    def __init__(self, styles: Element, document: Element) -> None:
        """Reads the styles.

        Args:
            styles: The root of the styles part.
            document: The root of the main part.
        """
        self._styles = {style.get(f"{_W}styleId", ""): style for style in styles.iterchildren(f"{_W}style")}
        self._default = _look(styles.find(f"{_W}docDefaults/{_W}rPrDefault/{_W}rPr"))
        defaults = [name for name, style in self._styles.items() if _is_default_of_paragraphs(style)]
        self._default_style = defaults[0] if defaults else ""
        self._has_background = document.find(f"{_W}background") is not None
        self._of_style = cache(self._look_of_style)

    def is_hidden(self, run: Element, paragraph: Element) -> bool:
        """Whether a run is not seen."""
        own = run.find(f"{_W}rPr")
        look = _look(own).over(self._of_style(_named(own, "rStyle")))
        style = _named(paragraph.find(f"{_W}pPr"), "pStyle") or self._default_style
        look = look.over(self._of_style(style)).over(self._default)
        if look.vanish or (look.half_points is not None and look.half_points < 2 * SMALLEST_PT):
            return True
        if look.ink is None:
            return False
        paper = self._paper(own, paragraph)
        return paper is not None and is_faint(look.ink, paper)

    def _look_of_style(self, name: str) -> _Look:
        look = _Look()
        for style in self._chain(name):
            look = look.over(_look(style.find(f"{_W}rPr")))
        return look

    def _chain(self, name: str) -> list[Element]:
        """A style, and those that it is based on; a file may have them go round in a circle."""
        chain: list[Element] = []
        while name in self._styles and self._styles[name] not in chain:
            chain.append(self._styles[name])
            name = _named(chain[-1], "basedOn")
        return chain

    def _paper(self, own: Element | None, paragraph: Element) -> RGB | None:
        """The colour that text stands on, or None where that is not known."""
        properties = paragraph.find(f"{_W}pPr")
        if own is not None and own.find(f"{_W}highlight") is not None:
            return None
        if fill := _fill(own) or _fill(properties):
            return _rgb(fill)
        if any(style.find(f".//{_W}shd") is not None for style in self._chain(_named(properties, "pStyle"))):
            return None
        for above in paragraph.iterancestors():
            if above.tag == f"{_W}tc" and (fill := _fill(above.find(f"{_W}tcPr"))):
                return _rgb(fill)
            if above.tag == f"{_W}txbxContent" or (above.tag == f"{_W}tbl" and self._is_shaded(above)):
                return None
        return None if self._has_background else _WHITE

    def _is_shaded(self, table: Element) -> bool:
        """Whether a table may give its cells a background of its own."""
        properties = table.find(f"{_W}tblPr")
        if properties is None:
            return False
        styles = self._chain(_named(properties, "tblStyle"))
        return any(element.find(f".//{_W}shd") is not None for element in (properties, *styles))


def _is_default_of_paragraphs(style: Element) -> bool:
    return style.get(f"{_W}type") == "paragraph" and style.get(f"{_W}default", "0") not in _OFF


def _named(properties: Element | None, tag: str) -> str:
    """The value of a property, or an empty string."""
    found = None if properties is None else properties.find(f"{_W}{tag}")
    return "" if found is None else str(found.get(_VAL, ""))


def _fill(properties: Element | None) -> str:
    """The colour of a background, or an empty string where there is none."""
    shade = None if properties is None else properties.find(f"{_W}shd")
    fill = "" if shade is None else str(shade.get(f"{_W}fill", ""))
    return "" if fill == "auto" else fill


def _look(properties: Element | None) -> _Look:
    if properties is None:
        return _Look()
    vanish = properties.find(f"{_W}vanish")
    size = _named(properties, "sz")
    return _Look(
        vanish=None if vanish is None else vanish.get(_VAL, "1").lower() not in _OFF,
        ink=_rgb(_named(properties, "color")),
        half_points=int(size) if size.isascii() and size.isdecimal() and len(size) < 9 else None,
    )


def _rgb(value: str) -> RGB | None:
    if not _HEX.fullmatch(value):
        return None
    red, green, blue = bytes.fromhex(value)
    return red, green, blue

"""HTML text that a browser would not show: what attributes, styles and the page's own simple style rules hide.

This is no browser. Of style sheets inside the page it knows rules whose selector is one element (`p.note#x`), and
nothing of linked ones. Where it does not know every rule, it judges colours and sizes only where the markup itself
states both sides, so that text that is seen is not taken for hidden.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from glyph_rag.corpus.hidden import RGB, SMALLEST_PT, is_faint

if TYPE_CHECKING:
    from lxml.html import HtmlElement

__all__ = ["Sheet", "own_styles", "remove_hidden"]

_Declarations: TypeAlias = dict[str, str]

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_SELECTOR = re.compile(r"(\*|[a-z][\w-]*)?((?:[.#][\w-]+)*)", re.IGNORECASE)
_TOUCHES_LOOK = re.compile(r"color|background|font", re.IGNORECASE)
_PX = {"px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78, "rem": 16.0, "vw": 10.0, "vh": 10.0}
_NUMBER = r"(?<![\w.])-?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_LENGTH = re.compile(rf"({_NUMBER})(px|pt|pc|in|cm|mm|rem|em|ex|ch|vw|vh|%)?(?![\w.])")
_SHORTHAND_SIZE = re.compile(rf"(0(?=\s|/)|{_NUMBER}(?:px|pt|pc|in|cm|mm|rem|em|%)(?=\s|/))")
_OFF_SCREEN_PX = -500.0
_NO_CLIP = re.compile(r"rect\(\s*(?:[01](?:px)?[\s,]+){3}[01](?:px)?\s*\)")
_NO_PATH = re.compile(r"inset\(\s*(?:[5-9]\d|100)(?:\.\d+)?%|circle\(\s*0|polygon\(\s*(?:0(?:px|%)?[\s,]*)+\)")
_NO_SCALE = re.compile(r"scale[xy]?\(\s*0?\.?0*\s*[,)]")
_TRANSPARENT = 0.05
_DEFAULT_PX = 16.0
_WHITE: RGB = (255, 255, 255)
# Tags that sheets seldom give a look of their own.
_PLAIN_TAGS = frozenset({"b", "big", "br", "em", "font", "i", "s", "small", "span", "strong", "sub", "sup", "u"})
_MOST_RULES = 2_000


@dataclass(frozen=True)
class _Rule:
    tag: str
    marks: frozenset[str]
    rank: tuple[int, int, int, int]
    plain: _Declarations
    important: _Declarations


@dataclass
class Sheet:
    """The style rules inside a page, as far as they are understood.

    Attributes:
        rules: By one thing that an element needs to have: a tag, ".class" or "#id", or "*".
        count: How many there are.
        is_whole: Whether no other rule can give an element a colour, a background or a size.
    """

    rules: dict[str, list[_Rule]] = field(default_factory=dict)
    count: int = 0
    is_whole: bool = True
    _known: dict[tuple[str, str, str, str], _Declarations] = field(default_factory=dict)

    def declarations(self, element: HtmlElement) -> _Declarations:
        """What rules and the `style` attribute say about an element, by the order of the cascade."""
        key = (element.tag, element.get("class", ""), element.get("id", ""), element.get("style", ""))
        if key not in self._known:
            self._known[key] = self._cascade(*key)
        return self._known[key]

    def _cascade(self, tag: str, classes: str, name: str, style: str) -> _Declarations:
        marks = {f".{part}" for part in classes.split()} | ({f"#{name}"} if name else set())
        rules = [
            rule
            for key in ("*", tag, *sorted(marks))
            for rule in self.rules.get(key, ())
            if rule.tag in ("*", tag) and rule.marks <= marks
        ]
        rules.sort(key=lambda rule: rule.rank)
        plain, important = _declared(style)
        parts = [*(rule.plain for rule in rules), plain, *(rule.important for rule in rules), important]
        return {name: value for part in parts for name, value in part.items()}


@dataclass(frozen=True)
class _Look:
    """How text looks at a place of the page; None where that is not known."""

    gone: bool = False
    visible: bool = True
    clear: bool = False
    px: float | None = _DEFAULT_PX
    ink: RGB | None = None
    paper: RGB | None = _WHITE

    @property
    def is_hidden(self) -> bool:
        """Whether text with this look is not seen."""
        if self.gone or not self.visible or self.clear:
            return True
        if self.px is not None and self.px < SMALLEST_PT * _PX["pt"]:
            return True
        return self.ink is not None and self.paper is not None and is_faint(self.ink, self.paper)


def own_styles(tree: HtmlElement) -> Sheet:
    """The style rules inside a page."""
    sheet = Sheet()
    sheet.is_whole = not any("stylesheet" in link.get("rel", "").lower() for link in tree.iter("link"))
    for element in tree.iter("style"):
        if element.get("media", "all").strip().lower() in ("", "all", "screen"):
            _read(sheet, _COMMENT.sub(" ", element.text or ""))
    return sheet


def remove_hidden(root: HtmlElement, sheet: Sheet) -> int:
    """Takes text that is not seen out of a part of a page; returns how many characters that were.

    Args:
        root: The part. Its ancestors say how it looks, but are left alone.
        sheet: The page's own style rules.
    """
    from lxml import etree

    look = _Look(paper=_WHITE if sheet.is_whole else None)
    for above in reversed(list(root.iterancestors(etree.Element))):
        look = _look(above, look, sheet)
    removed = 0
    waiting = [(root, _look(root, look, sheet))]
    while waiting:
        element, look = waiting.pop()
        if look.gone:
            removed += _length("".join(element.itertext()))
            element.tag = "hidden" if element is not root else element.tag
            element[:] = []
            element.text = None
            continue
        if look.is_hidden and element.text:
            removed += _length(element.text)
            element.text = None
        for child in element:
            if look.is_hidden and child.tail:
                removed += _length(child.tail)
                child.tail = " "
            waiting.append((child, _look(child, look, sheet)))
    etree.strip_elements(root, "hidden", with_tail=False)
    return removed


def _length(text: str) -> int:
    return len(" ".join(text.split()))


def _read(sheet: Sheet, css: str) -> None:
    """Adds the rules of a style element. Rules inside others (`@media`) hold only sometimes, so they are not known."""
    sheet.is_whole = sheet.is_whole and "@import" not in css
    for prelude, body in _blocks(css):
        plain, important = _declared(body)
        for selector in prelude.split(",", _MOST_RULES):
            found = _SELECTOR.fullmatch(selector.strip())
            if found is None or not found.group() or sheet.count >= _MOST_RULES:
                sheet.is_whole = sheet.is_whole and not _TOUCHES_LOOK.search(body)
                continue
            tag, marks = (found.group(1) or "*").lower(), re.findall(r"[.#][\w-]+", found.group(2))
            ids = sum(mark[0] == "#" for mark in marks)
            rank = (ids, len(marks) - ids, int(tag != "*"), sheet.count)
            rule = _Rule(tag, frozenset(marks), rank, plain, important)
            sheet.rules.setdefault(marks[-1] if marks else tag, []).append(rule)
            sheet.count += 1


def _blocks(css: str) -> Iterator[tuple[str, str]]:
    """What stands before each outermost pair of braces, and between them."""
    depth, start, prelude = 0, 0, ""
    for brace in re.finditer(r"[{}]", css):
        if brace.group() == "{":
            if depth == 0:
                prelude, start = css[start : brace.start()].rpartition(";")[2].strip(), brace.end()
            depth += 1
        elif depth:
            depth -= 1
            if depth == 0:
                yield prelude, css[start : brace.start()]
                start = brace.end()


def _declared(style: str) -> tuple[_Declarations, _Declarations]:
    """Declarations by name in lower case: the plain ones, and the important ones."""
    plain: _Declarations = {}
    important: _Declarations = {}
    for declaration in _COMMENT.sub(" ", style).split(";"):
        name, colon, value = declaration.partition(":")
        if colon:
            value, mark, _ = value.lower().partition("!")
            (important if mark else plain)[name.strip().lower()] = value.strip()
    return plain, important


def _look(element: HtmlElement, above: _Look, sheet: Sheet) -> _Look:
    if not element.attrib and not sheet.rules and (sheet.is_whole or element.tag in _PLAIN_TAGS):
        return above
    said = sheet.declarations(element)
    if not sheet.is_whole and (element.tag not in _PLAIN_TAGS or element.get("class") or element.get("id")):
        above = replace(above, px=None, ink=None, paper=None)
    if above.gone or _is_gone(element, said):
        return replace(above, gone=True)
    look = _coloured(element, above, said)
    if "visibility" in said:
        look = replace(look, visible=said["visibility"] not in ("hidden", "collapse"))
    if "font-size" in said or "font" in said:
        look = replace(look, px=_font_px(said, above.px))
    return look


def _is_gone(element: HtmlElement, said: _Declarations) -> bool:
    """Whether nothing inside an element can be seen, whatever is said of its parts."""
    if element.get("hidden") is not None or element.get("aria-hidden", "").lower() == "true":
        return True
    if not said:
        return False
    if said.get("display") == "none" or said.get("content-visibility") == "hidden":
        return True
    return _share(said.get("opacity", "1")) <= _TRANSPARENT or _is_cut_off(said) or _is_off_screen(said)


def _is_cut_off(said: _Declarations) -> bool:
    if _NO_CLIP.search(said.get("clip", "")) or _NO_PATH.search(said.get("clip-path", "")):
        return True
    if _NO_SCALE.search(said.get("transform", "")):
        return True
    if said.get("overflow", "").split()[:1] not in (["hidden"], ["clip"]):
        return False
    sides = (_px(said.get(name, ""), None) for name in ("height", "max-height", "width", "max-width"))
    return any(side is not None and side <= 1 for side in sides)


def _is_off_screen(said: _Declarations) -> bool:
    names = ["text-indent", "margin-left", "margin-top", "transform"]
    if said.get("position", "static") != "static":
        names += ["left", "top", "right", "bottom"]
    lengths = [length for name in names if name in said for length in _LENGTH.findall(said[name])]
    return any(_in_px(number, unit, _DEFAULT_PX) <= _OFF_SCREEN_PX for number, unit in lengths if unit != "%")


def _coloured(element: HtmlElement, above: _Look, said: _Declarations) -> _Look:
    ink = said.get("color") or element.get("color") or (element.get("text") if element.tag == "body" else None)
    paper = said.get("background-color") or said.get("background") or element.get("bgcolor")
    look = above
    if paper is not None and paper not in ("none", "inherit", "transparent", "initial", "unset"):
        colour, opacity = _colour(paper)
        look = replace(look, paper=colour if opacity == 1 else look.paper if opacity == 0 else None)
    if said.get("background-image", "none") != "none" or element.get("background"):
        look = replace(look, paper=None)
    if ink is not None and ink != "inherit":
        colour, opacity = _colour(ink)
        # Type cut out of a picture has no colour of its own.
        is_clear = opacity <= _TRANSPARENT and not any(name.endswith("background-clip") for name in said)
        look = replace(look, ink=colour if opacity > _TRANSPARENT else None, clear=is_clear)
    return look


def _colour(value: str) -> tuple[RGB | None, float]:
    """A CSS colour, None where it is none that is known, and its opacity, 0 to 1."""
    value = value.strip().lower()
    if value == "transparent":
        return None, 0
    if "(" in value:
        value = re.sub(r"[\s,/]+", ",", value.partition(")")[0]).replace("(,", "(") + ")"
        name, _, numbers = value.partition("(")
        parts = numbers.rstrip("),").split(",")
        if len(parts) == 4 and name.rstrip("a") in ("rgb", "hsl"):
            return _rgb(f"{name.rstrip('a')}({','.join(parts[:3])})"), _share(parts[3])
    elif len(value) in (5, 9) and re.fullmatch(r"#[0-9a-f]+", value):
        digits = len(value) // 4  # of each part: "#rgba" or "#rrggbbaa"
        return _rgb(value[:-digits]), int(value[-digits:], 16) / (16**digits - 1)
    return _rgb(value.replace("a(", "(")), 1


def _rgb(value: str) -> RGB | None:
    from PIL import ImageColor

    try:
        return ImageColor.getrgb(value)[:3]
    except ValueError:
        return None


def _share(value: str) -> float:
    """A number or percentage as a share of one; 1 where it is neither."""
    try:
        return float(value.rstrip("% ")) / (100 if "%" in value else 1)
    except ValueError:
        return 1


def _font_px(said: _Declarations, above: float | None) -> float | None:
    value = said.get("font-size")
    if value is None:
        found = _SHORTHAND_SIZE.search(said["font"])
        value = found.group(1) if found else ""
    return above if value in ("inherit", "smaller", "larger") else _px(value, above)


def _px(value: str, em: float | None) -> float | None:
    """A CSS length in pixels, or None where it is none, or relative to something unknown."""
    found = _LENGTH.match(value)
    if found is None:
        return None
    number, unit = found.groups()
    if em is None and unit in ("em", "ex", "ch", "%"):
        return 0 if float(number) == 0 else None
    return _in_px(number, unit, em or 0)


def _in_px(number: str, unit: str | None, em: float) -> float:
    if unit in ("em", "ex", "ch", "%"):
        return float(number) * em * {"em": 1, "ex": 0.5, "ch": 0.5, "%": 0.01}[unit]
    return float(number) * _PX.get(unit or "px", 1.0)

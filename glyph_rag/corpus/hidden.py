"""Text that a person does not see but a machine reads: characters without ink, and ink in the colour of the paper.

Characters that have no ink but a purpose are not hidden: joiners in the scripts and emoji that need them, selectors
behind a character that has variants, direction marks in text that runs from right to left.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

__all__ = ["FAINTEST", "HIDDEN_KEY", "NO_INK", "RGB", "SMALLEST_PT", "hidden_at", "is_faint", "without_hidden"]

RGB: TypeAlias = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

HIDDEN_KEY = "glyph_rag.hidden"
"""The key of a document's metadata under which stands how many characters of hidden text were left out of it."""

SMALLEST_PT = 1.5
"""Type below this size, in points, is no text for people."""

FAINTEST = 1.1
"""Contrast of ink and paper (WCAG 2.2, 1 to 21) below which ink is not seen."""

# Controls that are white space (`str.isspace`) are set as white space, so they are seen.
_CONTROLS = "\\x00-\\x08\\x0e-\\x1b\\x7f-\\x84\\x86-\\x9f"
_BIDI = "\u202a-\u202e\u2066-\u2069"
_SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
_INKLESS = (
    f"{_CONTROLS}{_BIDI}{_SELECTORS}\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2065"
    "\u206a-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
)
# The flags of England, Scotland and so on are spelled in tag characters (UTS 51, emoji tag sequences).
_RUN = re.compile(f"(?:\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{{3,6}}\U000e007f)|([{_INKLESS}]+)")
NO_INK = re.compile(f"[{_INKLESS}]")
"""One character that leaves no ink: default ignorable in Unicode, or a control that is no white space."""

_RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
# Scripts that join, stack or reorder their letters, and those that are written without spaces.
_NEEDY = re.compile(
    "[\u0590-\u109f\u1100-\u11ff\u1700-\u18af\u1900-\u1cff\u2e80-\ua4cf\ua800-\ua9ff\uaa00-\uabff\uac00-\ud7ff\uf900-\ufaff"
    "\ufb1d-\ufdff\ufe70-\ufefc\uff01-\uff9f\U00010800-\U00011fff\U0001e800-\U0001efff\U00020000-\U0003ffff]"
)
# Letters with variants: Myanmar, Mongolian, Phags-pa, kana, Han, and the letter-like sign of information.
_VARIED = re.compile(
    "[\u1000-\u109f\u1800-\u18af\u2139\u2e80-\ua4cf\ua840-\ua877\uaa60-\uaa7f\uf900-\ufaff\U00020000-\U0003ffff]"
)
_HAN = re.compile("[\u2e80-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060"
_DIRECTION = "\u200e\u200f\u061c"
_ONCE = "\u00ad\u034f\u2061\u2062\u2063\u2064"
_OF_SCRIPT = "\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f"
_OPENS, _CLOSES = "\u202a\u202b\u202d\u202e\u2066\u2067\u2068", "\u202c\u2069"
_OVERRIDES, _ISOLATES = "\u202d\u202e", "\u2066\u2067\u2068"
_MOST_IN_A_ROW = 2


def hidden_at(text: str) -> list[int]:
    """Where characters stand that have no ink and no purpose: ascending offsets. Takes linear time.

    Tag characters outside of flags, controls, overrides of direction, embeddings and isolates that are not closed on
    their line, and zero-width characters and selectors where no script and no emoji needs them.
    """
    if NO_INK.search(text) is None:
        return []
    found: list[int] = []
    start = 0
    for line in text.split("\n"):
        if NO_INK.search(line):
            found += (start + at for at in sorted({*_without_purpose(line), *_unpaired(line)}))
        start += len(line) + 1
    return found


def without_hidden(text: str) -> tuple[str, int]:
    """The text without its hidden characters, and how many those were."""
    hidden = hidden_at(text)
    if not hidden:
        return text, 0
    parts, done = [], 0
    for at in hidden:
        parts.append(text[done:at])
        done = at + 1
    return "".join(parts) + text[done:], len(hidden)


@lru_cache(maxsize=4096)
def is_faint(ink: RGB, paper: RGB) -> bool:
    """Whether ink cannot be told from the paper: contrast ratio (WCAG 2.2) below `FAINTEST`."""
    dark, light = sorted((_luminance(ink), _luminance(paper)))
    return (light + 0.05) / (dark + 0.05) < FAINTEST


def _luminance(colour: RGB) -> float:
    shares = [value / 255 for value in colour]
    red, green, blue = (s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _without_purpose(line: str) -> Iterator[int]:
    """Characters that are hidden whatever else is on the line; pairs of direction are left to `_unpaired`."""
    runs_left = _RTL.search(line) is not None
    for run in _RUN.finditer(line):
        if run.group(1) is None:
            continue
        before, after = line[run.start() - 1 : run.start()], line[run.end() : run.end() + 1]
        for number, character in enumerate(run.group(1)):
            if character in _OPENS or character in _CLOSES:
                continue
            if not _has_purpose(character, number, before, after, runs_left):
                yield run.start() + number


def _has_purpose(character: str, number: int, before: str, after: str, runs_left: bool) -> bool:
    """Whether a character without ink, the `number`th in a row, does something for its neighbours with ink."""
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return number == 0 and _has_variants(before, character)
    if character in _DIRECTION:
        return runs_left and number < _MOST_IN_A_ROW
    if character in _ONCE:
        return number == 0 and before.strip() != "" and after.strip() != ""
    if character in _OF_SCRIPT:
        return number < _MOST_IN_A_ROW and _NEEDY.match(before + after) is not None
    if character not in _ZERO_WIDTH or number >= _MOST_IN_A_ROW:
        return False
    if _NEEDY.match(before) or _NEEDY.match(after):
        return True
    return character == "\u200d" and _is_pictured(before) and _is_pictured(after)


def _has_variants(base: str, selector: str) -> bool:
    if selector > "\uffff":
        return _HAN.match(base) is not None
    return bool(base) and (unicodedata.category(base)[0] in "SPN" or _VARIED.match(base) is not None)


def _is_pictured(character: str) -> bool:
    return bool(character) and unicodedata.category(character) in ("So", "Sk", "Sm")


def _unpaired(line: str) -> Iterator[int]:
    """Overrides of direction, and embeddings and isolates that are not closed on their line."""
    open_at: list[int] = []
    for found in re.finditer(f"[{_BIDI}]", line):
        at, character = found.start(), found.group()
        if character in _OPENS:
            open_at.append(at)
            continue
        if character == "\u2069":  # closes what was opened within its isolate too
            while open_at and line[open_at[-1]] not in _ISOLATES:
                yield open_at.pop()
        if not open_at or (character == "\u202c" and line[open_at[-1]] in _ISOLATES):
            yield at
        elif line[begin := open_at.pop()] in _OVERRIDES:
            yield from (begin, at)
    yield from open_at

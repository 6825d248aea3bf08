"""Finds words that instruct a model, by the table in `instructions.txt`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from glyph_rag.read.safety.unmask import Unmasked, unmask_word

__all__ = ["WHY", "Entry", "Found", "find_instructions", "table"]

Span: TypeAlias = tuple[int, int]

WHY = {
    "disregard": "tells a model to disregard what it was told",
    "persona": "gives a model another role",
    "secrecy": "asks a model to keep something from the user",
    "addressed": "speaks to a model rather than to a reader",
    "output": "dictates what a model answers",
    "leak": "asks a model for what it was told, or to send something away",
    "tool": "asks a model to use its tools",
}
"""What each kind of entry finds."""

# In characters of unmasked text, from the first word of a fit to the last.
_REACH, _REACH_UNSPACED = 75, 32
_SENTENCE_END = re.compile(r"[.!?؟](?=[\s\"'”’)\]]|\Z)|[。！？｡।\n]")
_PARTS_OF_WORDS = re.compile(r"[\u0900-\u0dff\u0e00-\u0eff\u1100-\u11ff\u3040-\u9fff\uac00-\ud7af]")
_UNSPACED = re.compile(r"[\u3040-\u9fff]")
_ARABIC = re.compile(r"[\u0600-\u06ff]")
_LETTER = r"[a-z0-9\u00df-\u024f\u0370-\u052f]"


@dataclass(frozen=True)
class Entry:
    """One entry of the table.

    Attributes:
        kind: A key of `WHY`.
        language: BCP 47.
        groups: Words in unmasked form, with stars; the first group is looked for first.
    """

    kind: str
    language: str
    groups: tuple[tuple[str, ...], ...]

    @property
    def reach(self) -> int:
        """How many characters a fit may span."""
        return _REACH_UNSPACED if _UNSPACED.search(self.groups[0][0]) else _REACH


@dataclass(frozen=True)
class Found:
    """Words that fit an entry: a half-open span of the unmasked text."""

    start: int
    end: int
    kind: str


@cache
def table() -> tuple[Entry, ...]:
    """The table, in the form in which it is matched."""
    text = (files("glyph_rag") / "read" / "safety" / "instructions.txt").read_text(encoding="utf-8")
    entries: list[Entry] = []
    for block in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n", "", text).strip()):
        head, *groups = re.sub(r",\s*\n\s*", ", ", block).split("\n")
        kind, language = head.split()
        words = (tuple(_in_form(word) for word in group.strip().split(", ")) for group in groups)
        entries.append(Entry(kind, language, tuple(words)))
    return tuple(entries)


def find_instructions(text: Unmasked) -> list[Found]:
    """Everything that fits an entry of the table, by the order of the table."""
    found = [hit for entry, patterns in _entries() for hit in _fits(text.text, entry, patterns)]
    if text.spelled:
        letters = _only(text.text, text.spelled)
        found += [hit for entry, patterns in _entries_without_gaps() for hit in _fits(letters, entry, patterns)]
    return found


def _only(text: str, spans: Sequence[Span]) -> str:
    """The text with line feeds for everything outside of ascending spans, so that offsets stay."""
    parts, done = [], 0
    for start, end in spans:
        parts += ["\n" * (start - done), text[start:end]]
        done = end
    return "".join(parts) + "\n" * (len(text) - done)


@dataclass(frozen=True)
class _Patterns:
    """How an entry is looked for.

    Attributes:
        stems: For each group, strings of which the text holds one if it holds a word of the group.
        groups: One regular expression for each group.
    """

    stems: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]


@cache
def _entries() -> tuple[tuple[Entry, _Patterns], ...]:
    return tuple((entry, _patterns(entry, has_gaps=True)) for entry in table())


@cache
def _entries_without_gaps() -> tuple[tuple[Entry, _Patterns], ...]:
    """For text that was written letter by letter: nothing in it tells where a word ends."""
    return tuple((entry, _patterns(entry, has_gaps=False)) for entry in table())


def _patterns(entry: Entry, *, has_gaps: bool) -> _Patterns:
    groups = entry.groups
    if not has_gaps:
        groups = tuple(tuple(re.sub("[ *']", "", word) for word in group) for group in groups)
    make = _expression if has_gaps else re.escape
    stems = tuple(tuple({max(re.split("[ *']", word), key=len) for word in group}) for group in groups)
    return _Patterns(stems, tuple("|".join(make(word) for word in group) for group in groups))


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def _in_form(word: str) -> str:
    return "*".join(unmask_word(part) if part.strip() else part for part in word.split("*"))


def _expression(word: str) -> str:
    """Matches a word where it may stand."""
    parts = [rf"{_LETTER}{{0,12}}".join(re.escape(bit) for bit in part.split("*")) for part in word.split(" ")]
    middle = r"[^\w\n]{1,3}".join(parts)
    if _PARTS_OF_WORDS.search(word):
        return middle
    if _ARABIC.search(word):
        ending = "" if re.search(r" .\Z", word) else r"\w{0,4}(?!\w)" if len(word) > 3 else r"(?!\w)"
        return rf"(?<!\w)[وفبكل]{{0,2}}(?:ال)?{middle}{ending}"
    before = rf"(?<!{_LETTER})(?<!{_LETTER}_)" if re.match(r"[\w*]", word) else ""
    after = rf"(?!_?{_LETTER})" if re.search(r"[\w*]\Z", word) else ""
    return f"{before}{middle}{after}"


def _fits(text: str, entry: Entry, patterns: _Patterns) -> Iterator[Found]:
    """Where every group of an entry has a word close by. Linear: what is looked at around each place is bounded."""
    if not all(any(stem in text for stem in stems) for stems in patterns.stems):
        return
    anchors, *others = (_compiled(group) for group in patterns.groups)
    for found in anchors.finditer(text):
        first, last = _sentence(text, found.span(), entry.reach)
        spans = [found.span()]
        for group in others:
            places = [place.span() for place in group.finditer(text, first, last)]
            free = [place for place in places if _is_apart(place, spans)]
            if not free:
                break
            spans.append(min(free, key=lambda place: _extent([place, found.span()])))
        else:
            if _extent(spans) <= entry.reach:
                yield Found(min(start for start, _ in spans), max(end for _, end in spans), entry.kind)


def _sentence(text: str, anchor: Span, reach: int) -> Span:
    """What of the sentence around some words lies within reach of them."""
    start, end = anchor
    first, last = max(0, end - reach), min(len(text), start + reach)
    before = [found.end() for found in _SENTENCE_END.finditer(text, first, start)]
    after = _SENTENCE_END.search(text, end, last)
    return (before[-1] if before else first), (after.start() if after else max(last, end))


def _extent(spans: Sequence[Span]) -> int:
    return max(end for _, end in spans) - min(start for start, _ in spans)


def _is_apart(place: Span, spans: Sequence[Span]) -> bool:
    return all(place[1] <= start or end <= place[0] for start, end in spans)

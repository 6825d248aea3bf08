"""Sentences that say several things, or wrap up one thing in words of their own.

"The answer is 308." wraps up a quote. "A won and B lost." joins two sentences of the source. "Paris, London and Rome"
is a list. Each part has to be supported by itself, and the way they are put together must not say more than the parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from glyph_rag.read.verification.follow import weight
from glyph_rag.read.verification.lexicon import Lexicon
from glyph_rag.read.verification.place import Place, find_exact
from glyph_rag.read.verification.shown import Shown
from glyph_rag.read.verification.words import Token

__all__ = ["Claim", "Find", "find_joined", "find_listed", "unwrap"]

Find = Callable[[str, Sequence[Shown]], Place | None]

_MARK = re.compile(r"\s*(?:[-*+•]\s+|\d{1,3}[.)]\s+|\(\d{1,3}\)\s*)")
_AFTER_FRAME = re.compile(r"\s*[:：,，]?\s*")
_STOP = re.compile(r"[.!?。！？।؟…\s]+\Z")
_IN_NUMBER = re.compile(r"\d[,，]\d")
_OPENS_CLAUSE = re.compile(r"[,;:，；：、،؛(（–—]\s*\Z")
_PARTS = re.compile(r"[,;|\n，；、،؛]")
_ENDS_CLAUSE = re.compile(r"[\"'”’»」』》*`]*\s?[.!?,;:()（）–—。！？，；：।؟،؛]|\s*\n\s*\n")
_LINE = re.compile(r"[ \t]*(?:[-*+•|]|\d{1,3}[.)])\s")
_MOST_PARTS = 8
_MOST_ITEMS = 30
_LEAST_STATEMENT = 3.0  # Words; less than that is no statement that could stand alone.
_LONGEST_NAME = 2.0  # Words, where capitals do not show what is a name.
_LONGEST_ITEM = 5.0  # Words; an item of a list that is longer may be half a sentence.


@dataclass(frozen=True)
class Claim:
    """A stretch of an answer's sentence that has to be supported by itself: half-open, in characters."""

    start: int
    end: int


@dataclass(frozen=True)
class Frame:
    """What is left of a sentence without the words that only wrap it up.

    Attributes:
        start: Where it starts in the sentence.
        states: Whether the words taken off make a statement of it ("It is ..."), so that it may not be cut off from a
            negation in the source.
    """

    start: int
    states: bool


def unwrap(text: str, lexicon: Lexicon) -> Iterator[Frame]:
    """The ways to read a sentence without a list mark or an opening such as "The answer is"."""
    mark = _MARK.match(text)
    start = mark.end() if mark else 0
    if mark and start < len(text):
        yield Frame(start, False)
    found = _openings(lexicon).match(text, start)
    if found is None:
        return
    after = _AFTER_FRAME.match(text, found.end())
    at = after.end() if after else found.end()
    if _STOP.sub("", text[at:]):
        yield Frame(at, found.lastgroup == "states")
        for inner in unwrap(text[at:], lexicon):
            yield Frame(at + inner.start, inner.states or found.lastgroup == "states")


def find_joined(text: str, pages: Sequence[Shown], find: Find) -> list[tuple[Claim, Place]] | None:
    """The parts of a sentence that joins statements by "and", a comma or a semicolon, each with its place, or None.

    Each further part has to be a statement of its own, one that starts a sentence of the source, or go on with the
    sentence of the part before; so the subject of one sentence cannot get the predicate of another.
    """
    for lexicon in dict.fromkeys(shown.lexicon for shown in pages):
        breaks = list(_breaks(text, lexicon))[:_MOST_PARTS]
        found = _join(text, 0, breaks, pages, find, None)
        if found is not None:
            return found
    return None


def find_listed(text: str, pages: Sequence[Shown]) -> list[tuple[Claim, Place]] | None:
    """The items of an answer that is a list, each with its place, or None.

    Items are short and hold no verb that is known as such. Either all of them stand in one sentence of the source, or
    in lines of one list; or each is nothing but a name or a number, which says no more than if it stood alone.
    """
    for lexicon in dict.fromkeys(shown.lexicon for shown in pages):
        breaks = list(_breaks(text, lexicon))
        starts, ends = [0, *(b for _, b in breaks)], [*(a for a, _ in breaks), len(text)]
        items = [Claim(a, b) for a, b in zip(starts, ends, strict=True) if _STOP.sub("", text[a:b]).strip()]
        words = [pages[0].words(text[item.start : item.end]) for item in items]
        if not 2 <= len(items) <= _MOST_ITEMS or not all(_can_be_item(tokens, lexicon) for tokens in words):
            continue
        found = _in_one_place(words, pages)
        if found is None and all(_is_name(tokens, lexicon) for tokens in words):
            each = [find_exact(text[item.start : item.end], pages) for item in items]
            found = [place for place in each if place is not None and place.support == "exact"]
        if found is not None and len(found) == len(items):
            return list(zip(items, found, strict=True))
    return None


def _breaks(text: str, lexicon: Lexicon) -> Iterator[tuple[int, int]]:
    """Where a sentence may be taken apart: commas and the like, "and", and both together."""
    for match in _break_pattern(lexicon).finditer(text):
        # The comma of 1,200 parts nothing.
        if match.start() > 0 and match.end() < len(text) and not _IN_NUMBER.match(text, match.start() - 1):
            yield match.span()


@lru_cache(maxsize=64)
def _break_pattern(lexicon: Lexicon) -> re.Pattern[str]:
    joint = r"[^\S\n]*[,;，；、،؛][^\S\n]*|\s*\n\s*"
    if not lexicon.conjunctions:
        return re.compile(joint)
    words = "|".join(sorted(map(re.escape, lexicon.conjunctions), key=len, reverse=True))
    if lexicon.merged is not None:
        return re.compile(rf"(?:{joint})?(?:{words})\s*|{joint}")
    if lexicon.article:  # Arabic writes its "and" as part of the next word.
        return re.compile(rf"(?:{joint}|\s)(?:{words})\s*|{joint}", re.IGNORECASE)
    return re.compile(rf"(?:{joint}|\s+)(?:{words})\s+|{joint}", re.IGNORECASE)


@lru_cache(maxsize=64)
def _openings(lexicon: Lexicon) -> re.Pattern[str]:
    def either(openings: Sequence[str]) -> str:
        return "|".join(sorted(map(re.escape, openings), key=len, reverse=True)) or r"(?!)"

    end = "" if lexicon.merged is not None else r"(?!\w)"
    return re.compile(
        rf"(?:(?P<adds>{either(lexicon.frames)})|(?P<states>{either(lexicon.it_is)})){end}", re.IGNORECASE
    )


def _join(
    text: str, start: int, breaks: Sequence[tuple[int, int]], pages: Sequence[Shown], find: Find, before: Place | None
) -> list[tuple[Claim, Place]] | None:
    """Takes the longest stretch from `start` on that is supported and may follow what stands before, then the rest."""
    inner = [(a, b) for a, b in breaks if a > start]
    if before is not None or not inner:
        inner.append((len(text), len(text)))
    for at in range(len(inner) - 1, -1, -1):
        end, following = inner[at]
        place = find(text[start:end], pages)
        if place is None or not _may_follow(place, before) or (end < len(text) and not _is_clause(place)):
            continue
        claim = (Claim(start, end), place)
        if end == len(text):
            return [claim] if before is not None else None
        rest = _join(text, following, inner[at + 1 :], pages, find, place)
        if rest is not None:
            return [claim, *rest]
    return None


def _may_follow(place: Place, before: Place | None) -> bool:
    """Whether a part says something of its own, or goes on where the part before it left off."""
    shown, start = place.shown, place.start
    first, _ = shown.sentence_at(start, place.end)
    light = shown.lexicon.free | shown.lexicon.conjunctions
    if all(token.text in light for token in shown.words(shown.text[first:start])):
        return weight(shown.words(place.quote), shown.lexicon) >= _LEAST_STATEMENT
    if before is None or before.shown is not shown or not first <= before.start < before.end <= start:
        return False
    if shown.lexicon.negations & {token.text for token in shown.words(shown.text[before.end : start])}:
        return False
    return _OPENS_CLAUSE.search(shown.text[max(first, start - 20) : start]) is not None or any(
        token.text in shown.lexicon.conjunctions
        for token in shown.words(shown.text[max(first, start - 20) : start])[-1:]
    )


def _is_clause(place: Place) -> bool:
    """Whether a place can be a whole statement: more than a name, and not cut off before its clause ends."""
    shown = place.shown
    if all(token.capital or token.text in shown.lexicon.free for token in shown.words(place.quote)):
        return False
    after = shown.text[place.end : place.end + 20]
    return (
        not after.strip()
        or _ENDS_CLAUSE.match(after) is not None
        or any(token.text in shown.lexicon.conjunctions for token in shown.words(after)[:1])
    )


def _can_be_item(tokens: Sequence[Token], lexicon: Lexicon) -> bool:
    verbs = any(token.key.startswith("=") for token in tokens)
    return (
        0 < weight(tokens, lexicon) <= _LONGEST_ITEM and not verbs and not lexicon.negations & {t.text for t in tokens}
    )


def _is_name(tokens: Sequence[Token], lexicon: Lexicon) -> bool:
    if weight(tokens, lexicon) > _LONGEST_NAME and any(token.kind == "character" for token in tokens):
        return False
    return all(token.capital or token.kind in ("number", "identifier", "sign", "character") for token in tokens)


def _in_one_place(items: Sequence[Sequence[Token]], pages: Sequence[Shown]) -> list[Place] | None:
    """Where all items stand in one sentence, or in lines of one list."""
    keys = {token.key for tokens in items for token in tokens}
    for shown in pages:
        for number, present in enumerate(shown.sentence_keys):
            last, seen = number, set(present)
            while keys & present and not keys <= seen and last - number < 2 * len(items) and _is_line(shown, last + 1):
                last += 1
                seen |= shown.sentence_keys[last]
            if not keys <= seen or (last > number and not _is_line(shown, number)):
                continue
            source = [token for tokens in shown.sentence_tokens[number : last + 1] for token in tokens]
            runs = [run for tokens in items if (run := _member(tokens, source, shown)) is not None]
            between = source[min(a for a, _ in runs) : max(b for _, b in runs)] if runs else []
            if len(runs) == len(items) and not shown.lexicon.negations & {token.text for token in between}:
                spans = [(source[a].start, source[b - 1].end) for a, b in runs]
                return [Place(shown, *shown.with_emphasis(*span), "exact") for span in spans]
    return None


def _is_line(shown: Shown, number: int) -> bool:
    return number < len(shown.sentences) and _LINE.match(shown.text, shown.sentences[number][0]) is not None


def _member(item: Sequence[Token], source: Sequence[Token], shown: Shown) -> tuple[int, int] | None:
    """Which of the words of the source, half-open, are an item, and parted from others by a comma or "and" there."""
    keys = [token.key for token in item]
    for at in range(len(source) - len(keys) + 1):
        end = at + len(keys)
        if [token.key for token in source[at:end]] == keys and (
            _is_parted(at - 1, at, source, shown) or _is_parted(end - 1, end, source, shown)
        ):
            return at, end
    return None


def _is_parted(before: int, after: int, source: Sequence[Token], shown: Shown) -> bool:
    if before < 0 or after >= len(source):
        return False
    if {source[before].text, source[after].text} & shown.lexicon.conjunctions:
        return True
    return _PARTS.search(shown.text, source[before].end, source[after].start) is not None

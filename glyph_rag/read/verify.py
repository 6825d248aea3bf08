"""Verification: every sentence of an answer is looked for in the source of the pages that were shown.

What stands there becomes a citation with the source's own words. What says the same in nearly the same words keeps its
own and is cited. What nearly stands there was misread, and the source's words replace it. What does not stand there is
marked. Each step is a file of its own: `place` finds words, `follow` light rewording, `near` misreadings, `claims`
sentences of several parts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from glyph_rag.corpus.sentences import sentence_spans
from glyph_rag.read.answer import Citation, Sentence, Support
from glyph_rag.read.verification.claims import Claim, Find, Frame, find_joined, find_listed, unwrap
from glyph_rag.read.verification.fold import fold
from glyph_rag.read.verification.near import find_misread
from glyph_rag.read.verification.place import NEAR, Place, find_exact
from glyph_rag.read.verification.reword import find_reworded
from glyph_rag.read.verification.shown import Shown
from glyph_rag.typeset.page import Page

__all__ = ["NEAR", "cite", "flatten", "verify", "verify_shown"]

_QUOTE_MARK = re.compile(r"(?<=\n)[ \t]{0,3}>[> \t]*")
_SPACE_IN_CJK = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uffef])\s+(?=[\u2e80-\u9fff\uff00-\uffef])")
_LAST_STOP = re.compile(r"[.!?。！？।؟]+\Z")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_NUMBERED = re.compile(r"\s*\d")
_NUMBERED_BEFORE = re.compile(r"(?<!\d)\d{1,3}[.)]\s*\Z")
# "1 200 000" with plain blanks: they become the narrow ones of numbers, which part nothing.
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,]*\d)")
_LONGEST = 2000  # Characters; a sentence that is longer is only looked for as a whole.


@dataclass(frozen=True, eq=False)
class _Verdict:
    """What the source says of a sentence: its parts, in order, and where each stands."""

    parts: tuple[tuple[Claim, Place], ...]

    @property
    def support(self) -> Support:
        supports = {place.support for _, place in self.parts}
        if "corrected" in supports:
            return "corrected"
        return "reworded" if "reworded" in supports or len(self.parts) > 1 else "exact"


def verify(text: str, pages: Sequence[Page]) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """Checks an answer against the pages that were shown.

    Args:
        text: What the reader wrote.
        pages: The pages it was shown.

    Returns:
        The sentences of the answer, and the citations they refer to, each once.
    """
    return verify_shown(text, [Shown(page) for page in pages])


def verify_shown(text: str, shown: Sequence[Shown]) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """As `verify`, with pages that are prepared already."""
    sentences: list[Sentence] = []
    citations: list[Citation] = []
    for start, end in sentence_spans(text):
        read_as = text[start:end]
        verdict = _judge(read_as, shown) if fold(read_as).text else None
        if verdict is None:
            sentences.append(Sentence(flatten(read_as), "unsupported", read_as, None))
            continue
        cited = [cite(place) for _, place in verdict.parts]
        citations.extend(citation for citation in dict.fromkeys(cited) if citation not in citations)
        numbers = tuple(dict.fromkeys(citations.index(citation) for citation in cited))
        sentences.append(Sentence(_wording(read_as, verdict), verdict.support, read_as, numbers[0], numbers))
    return tuple(sentences), tuple(citations)


def flatten(text: str) -> str:
    """The words on one line: line breaks become spaces, or nothing between CJK characters; quote marks go."""
    return " ".join(_SPACE_IN_CJK.sub("", _QUOTE_MARK.sub("", text)).split())


def _judge(text: str, pages: Sequence[Shown]) -> _Verdict | None:
    """The strictest reading of a sentence that the source supports, or None."""
    whole = Claim(0, len(text))
    if (place := find_exact(text, pages)) is not None:
        return _Verdict(((whole, place),))
    if len(text) > _LONGEST:
        return _Verdict(((whole, place),)) if (place := find_misread(text, pages)) is not None else None
    text = _THOUSANDS.sub(lambda match: match[0].replace(" ", "\u202f"), text)
    if (verdict := _unwrapped(text, pages, find_exact)) is not None:
        return verdict
    if (place := find_reworded(text, pages)) is not None:
        return _Verdict(((whole, _by_the_source(text, place)),))
    said = _once(_said)
    if (verdict := _unwrapped(text, pages, said) or _composed(text, pages, said)) is not None:
        return verdict
    if (place := find_misread(text, pages)) is not None:
        return _Verdict(((whole, place),))
    nearly = _once(lambda part, pages: said(part, pages) or find_misread(part, pages))
    return _unwrapped(text, pages, nearly) or _composed(text, pages, nearly)


def _by_the_source(text: str, place: Place) -> Place:
    """Words that differ from the source in punctuation alone were misread, and get that of the source."""
    own, quoted = ([word.text for word in place.shown.words(part)] for part in (text, place.quote))
    return replace(place, support="corrected") if own == quoted else place


def _said(text: str, pages: Sequence[Shown]) -> Place | None:
    """Where a stretch is said without a mistake."""
    place = find_exact(text, pages)
    return place if place is not None and place.support == "exact" else find_reworded(text, pages)


def _once(find: Find) -> Find:
    """The same, but nothing is looked for twice: parts of a sentence are tried in many combinations."""
    known: dict[str, Place | None] = {}

    def find_once(text: str, pages: Sequence[Shown]) -> Place | None:
        if text not in known:
            known[text] = find(text, pages)
        return known[text]

    return find_once


def _unwrapped(text: str, pages: Sequence[Shown], find: Find) -> _Verdict | None:
    """A verdict on what stands behind "The answer is", where that is supported."""
    for lexicon in dict.fromkeys(shown.lexicon for shown in pages):
        for frame in unwrap(text, lexicon):
            inner = text[frame.start :]
            place = find(inner, pages)
            if place is not None and _may_stand_alone(frame, text, place):
                return _Verdict(((Claim(frame.start, len(text)), _at_most_reworded(place)),))
            listed = find_listed(inner, pages)
            if listed is not None:
                return _Verdict(tuple((Claim(frame.start + c.start, frame.start + c.end), p) for c, p in listed))
    return None


def _may_stand_alone(frame: Frame, text: str, place: Place) -> bool:
    """Whether what stands before a place in the source agrees with what was taken off before it in the answer."""
    if frame.states and place.shown.denies(place.start, place.end):
        return False
    # "9. century" is no ninth item of a list if the source says "8. century".
    return not (_NUMBERED.match(text) and _NUMBERED_BEFORE.search(place.shown.text[: place.start]))


def _composed(text: str, pages: Sequence[Shown], find: Find) -> _Verdict | None:
    """A verdict on a sentence of several parts, or on a list, where every part is supported."""
    found = find_joined(text, pages, find) or find_listed(text, pages)
    return _Verdict(tuple(found)) if found is not None else None


def _at_most_reworded(place: Place) -> Place:
    return replace(place, support="reworded") if place.support == "exact" else place


def _wording(read_as: str, verdict: _Verdict) -> str:
    """What the answer says after verification: the source's words, or its own where they say the same."""
    first, done = verdict.parts[0], 0
    # What was misread is the item of a list; that it is one was not.
    item = _ITEM.match(read_as) if first[0].start == 0 and not _ITEM.match(first[1].quote) else None
    text = item[0] if item and first[1].support == "corrected" else ""
    for claim, place in verdict.parts:
        own = read_as[claim.start : claim.end]
        sourced = place.support == "corrected" or verdict.support == "exact"
        text += read_as[done : claim.start] + (_with_stop(place.quote, own) if sourced else own)
        done = claim.end
    return flatten(text + read_as[done:])


def _with_stop(quote: str, own: str) -> str:
    """A quote with the full stop that the answer has in its place, if the quote ends before that of the source."""
    stop = _LAST_STOP.search(own)
    return quote + stop[0] if stop and not _LAST_STOP.search(quote) else quote


def cite(place: Place) -> Citation:
    """The citation of a place."""
    page = place.shown.page
    first, last = page.start + place.start, page.start + place.end
    return Citation(
        document_id=page.document_id,
        source=page.source,
        line_start=page.line_of(first),
        line_end=page.line_of(last - 1),
        label=page.label_of(first),
        quote=place.quote,
        start=first,
        end=last,
        page_id=page.id,
        boxes=page.boxes_of(first, last),
    )

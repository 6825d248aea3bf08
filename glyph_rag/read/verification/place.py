"""Where words stand in what was shown: word for word, or nearly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from glyph_rag.read.answer import Support
from glyph_rag.read.verification.fold import fold
from glyph_rag.read.verification.shown import Shown, joined

__all__ = ["NEAR", "Place", "elsewhere", "find_exact", "find_near"]

NEAR = 80.0
"""Share of matching characters, in percent, from which a sentence counts as a misreading of the source."""

_NEAR_END = 4
_RIVAL = 4.0  # A second place this many points worse is as good as the first.
_STATEMENT = 4.0  # From so many words on, a quote says something and is not just a name or a number.
_GROUPED = re.compile(r"(?<!\d)\d{1,3}(?:\s\d{3})+(?!\d)")
_OUTER_QUOTE = re.compile(r"\A\s*([\"'“„«「『])(.*?)[\"'”“»」』]([.!?。！？।؟]?)\s*\Z", re.DOTALL)
_STOP = re.compile(r"[.!?。！？।؟…\s]+\Z")


@dataclass(frozen=True, eq=False)
class Place:
    """A stretch of the source that says a sentence, or part of one.

    Attributes:
        shown: The page.
        start: First character, as an offset into the page's text.
        end: One past the last.
        support: How the source says it.
    """

    shown: Shown
    start: int
    end: int
    support: Support

    @property
    def quote(self) -> str:
        """The source's words."""
        return self.shown.text[self.start : self.end]


def find_exact(text: str, pages: Sequence[Shown]) -> Place | None:
    """Where a text stands word for word, up to case, white space, emphasis and its last full stop.

    A quote from which a negation or an "if" right beside it was cut off says something else, so it is given with its
    whole sentence and as a correction.
    """
    needle = fold(text).text
    bare = fold(_STOP.sub("", _OUTER_QUOTE.sub(r"\2", text))).text
    cut: Place | None = None
    for wanted in dict.fromkeys((needle, bare)):
        for shown in pages if wanted else ():
            at = shown.folded.text.find(wanted)
            while at >= 0:
                start, end = shown.folded.origins[at], shown.folded.origins[at + len(wanted) - 1] + 1
                if _stands_alone(shown, start, end) and _same_parts(text, shown, start, end):
                    if not (_says_something(shown, text) and shown.denies(start, end)):
                        return Place(shown, *shown.with_emphasis(start, end), "exact")
                    cut = cut or Place(shown, *shown.sentence_at(start, end), "corrected")
                at = shown.folded.text.find(wanted, at + 1)
    return cut


def _stands_alone(shown: Shown, start: int, end: int) -> bool:
    return not shown.cuts_a_word(start) and not shown.cuts_a_word(end)


def _says_something(shown: Shown, text: str) -> bool:
    return sum(0.5 if token.kind == "character" else 1 for token in shown.words(text)) >= _STATEMENT


def _same_parts(text: str, shown: Shown, start: int, end: int) -> bool:
    """Whether blanks part no two numbers and no negation in one that are run together in the other: "not able"."""
    quote = shown.text[start:end]
    if text.split() == quote.split():
        return True
    one, other = (_digits(part) for part in (text, quote))
    denied, not_denied = ([w.text for w in shown.words(t) if w.text in shown.lexicon.negations] for t in (text, quote))
    return one == other and denied == not_denied


def _digits(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", text)
    return re.findall(r"\d+", _GROUPED.sub(lambda match: "".join(match[0].split()), text))


def find_near(text: str, pages: Sequence[Shown]) -> Iterator[tuple[Place, float]]:
    """Where a text, with its last full stop or without, nearly stands: at most two places.

    Yields:
        The place, and the share of matching characters in percent, not below `NEAR`.
    """
    whole, bare = fold(text).text, fold(_STOP.sub("", text)).text
    for needle in dict.fromkeys((whole, bare)):
        if (near := _nearest(needle, pages)) is not None:
            yield near


def _nearest(needle: str, pages: Sequence[Shown]) -> tuple[Place, float] | None:
    best, best_score = None, NEAR
    for shown in pages:
        haystack = shown.folded
        if not needle or len(haystack.text) * 100 < len(needle) * NEAR:
            continue
        match = fuzz.partial_ratio_alignment(needle, haystack.text, score_cutoff=best_score)
        if match is not None and match.dest_end > match.dest_start and (best is None or match.score > best_score):
            best_score = match.score
            start, end = haystack.origins[match.dest_start], haystack.origins[match.dest_end - 1] + 1
            best = Place(shown, *_snap(shown, start, end), "corrected")
    return (best, best_score) if best is not None else None


def elsewhere(text: str, place: Place, score: float, pages: Sequence[Shown]) -> bool:
    """Whether a text is nearly as like to another stretch of the source, with other words, as to the given one."""
    needle, quote = fold(text).text, fold(place.quote).text
    for shown in pages:
        parts = [shown.text]
        if shown is place.shown:
            parts = [shown.text[: place.start], shown.text[place.end :]]
        for part in parts:
            folded = fold(part).text
            if len(folded) < len(needle) / 2 or quote in folded:
                continue
            if fuzz.partial_ratio(needle, folded, score_cutoff=max(NEAR, score - _RIVAL)):
                return True
    return False


def _snap(shown: Shown, start: int, end: int) -> tuple[int, int]:
    """Moves the ends of a span that was found by likeness to where the words meant begin and end.

    A misread first or last character is not part of what was found, and a neighbouring one may be. Ends near to those
    of a sentence of the source become them; others are moved out to the ends of words.
    """
    text = shown.text
    spans = shown.sentences
    starts = [a for a, _ in spans if abs(a - start) <= _NEAR_END]
    ends = [b for _, b in spans if abs(b - end) <= _NEAR_END]
    while not starts and joined(text, start):
        start -= 1
    while not ends and joined(text, end):
        end += 1
    start, end = shown.word_around(start)[0], shown.word_around(end)[1]
    start = min(starts, key=lambda a: abs(a - start), default=start)
    end = max(start + 1, min(ends, key=lambda b: abs(b - end), default=end))
    return shown.with_emphasis(start, end)

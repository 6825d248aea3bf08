"""Verification: every sentence of an answer is looked for in the source of the pages that were shown.

What stands there becomes a citation with the source's own words. What nearly stands there was misread, and the
source's words replace it. What does not stand there is marked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import fuzz

from glyph_rag.corpus.sentences import sentence_spans
from glyph_rag.read.answer import Citation, Sentence, Support
from glyph_rag.typeset.page import Page

NEAR = 80.0
"""Share of matching characters, in percent, from which a sentence counts as a misreading of the source."""

_LOOKALIKES = str.maketrans("‘’‚‛“”„‟′″‐‑‒–—―−…·•", "''''\"\"\"\"'\"-------...")
_QUOTE_MARK = re.compile(r"(?<=\n)[ \t]{0,3}>[> \t]*")
_SPACE_IN_CJK = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uffef])\s+(?=[\u2e80-\u9fff\uff00-\uffef])")
_EMPHASIS = "*`"  # Markdown's: not words, and a reader may leave them out.
_WORD = re.compile(r"[^\W_]")
_UNSPACED = re.compile(r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uff00-\uffef]")
_CONTEXT = 200  # Characters around a match in which the sentences of the source are looked for.
_NEAR_END = 4


@dataclass(frozen=True)
class _Folded:
    """A text without its white space, case, emphasis and typographic variants.

    Attributes:
        text: What is left of it.
        origins: For each character of that, its offset in the text.
    """

    text: str
    origins: list[int]


@lru_cache(maxsize=65536)
def _fold_character(character: str) -> str:
    if character.isspace() or character in _EMPHASIS or unicodedata.category(character) in ("Cf", "Cc"):
        return ""
    return unicodedata.normalize("NFKC", character.translate(_LOOKALIKES)).casefold().replace(" ", "")


def _fold(text: str) -> _Folded:
    parts = [_fold_character(character) for character in text]
    return _Folded("".join(parts), [at for at, part in enumerate(parts) for _ in part])


def verify(text: str, pages: Sequence[Page]) -> tuple[tuple[Sentence, ...], tuple[Citation, ...]]:
    """Checks an answer against the pages that were shown.

    Args:
        text: What the reader wrote.
        pages: The pages it was shown.

    Returns:
        The sentences of the answer, and the citations they refer to, each once.
    """
    folded = [_fold(page.text) for page in pages]
    sentences: list[Sentence] = []
    citations: list[Citation] = []
    for start, end in sentence_spans(text):
        read_as = text[start:end]
        needle = _fold(read_as).text
        found = _find(needle, pages, folded) if needle else None
        if found is None:
            sentences.append(Sentence(flatten(read_as), "unsupported", read_as, None))
            continue
        citation = _cite(*found)
        if citation not in citations:
            citations.append(citation)
        support: Support = "exact" if _fold(citation.quote).text == needle else "corrected"
        sentences.append(Sentence(flatten(citation.quote), support, read_as, citations.index(citation)))
    return tuple(sentences), tuple(citations)


def flatten(text: str) -> str:
    """The words on one line: line breaks become spaces, or nothing between CJK characters; quote marks go."""
    return " ".join(_SPACE_IN_CJK.sub("", _QUOTE_MARK.sub("", text)).split())


def _find(needle: str, pages: Sequence[Page], folded: Sequence[_Folded]) -> tuple[Page, int, int] | None:
    """The page where a folded sentence stands, word for word or nearly, and its half-open span in the page's text."""
    for page, fold in zip(pages, folded, strict=True):
        at = fold.text.find(needle)
        while at >= 0:
            start, end = fold.origins[at], fold.origins[at + len(needle) - 1] + 1
            if not _joined(page.text, start) and not _joined(page.text, end):
                return page, *_with_emphasis(page.text, start, end)
            at = fold.text.find(needle, at + 1)
    best, best_score = None, NEAR
    for page, fold in zip(pages, folded, strict=True):
        if len(fold.text) * 100 < len(needle) * NEAR:
            continue
        match = fuzz.partial_ratio_alignment(needle, fold.text, score_cutoff=best_score)
        if match is not None and match.dest_end > match.dest_start and (best is None or match.score > best_score):
            best_score = match.score
            best = page, *_snap(page.text, fold.origins[match.dest_start], fold.origins[match.dest_end - 1] + 1)
    return best


def _with_emphasis(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and text[start - 1] in _EMPHASIS:
        start -= 1
    while end < len(text) and text[end] in _EMPHASIS:
        end += 1
    return start, end


def _snap(text: str, start: int, end: int) -> tuple[int, int]:
    """Moves the ends of a span that was found by likeness to where the words meant begin and end.

    A misread first or last character is not part of what was found, and a neighbouring one may be. Ends near to those
    of a sentence of the source become them; others are moved out to the ends of words.
    """
    around = max(0, start - _CONTEXT)
    spans = [(around + a, around + b) for a, b in sentence_spans(text[around : end + _CONTEXT])]
    starts = [a for a, _ in spans if abs(a - start) <= _NEAR_END]
    ends = [b for _, b in spans if abs(b - end) <= _NEAR_END]
    while not starts and _joined(text, start):
        start -= 1
    while not ends and _joined(text, end):
        end += 1
    start = min(starts, key=lambda a: abs(a - start), default=start)
    end = max(start + 1, min(ends, key=lambda b: abs(b - end), default=end))
    return _with_emphasis(text, start, end)


def _joined(text: str, at: int) -> bool:
    """Whether the characters on either side of `at` belong to one word of a script that separates words by spaces."""
    return 0 < at < len(text) and all(_WORD.match(c) and not _UNSPACED.match(c) for c in text[at - 1 : at + 1])


def _cite(page: Page, start: int, end: int) -> Citation:
    first, last = page.start + start, page.start + end
    return Citation(
        document_id=page.document_id,
        source=page.source,
        line_start=page.line_of(first),
        line_end=page.line_of(last - 1),
        label=page.label_of(first),
        quote=page.text[start:end],
        start=first,
        end=last,
        page_id=page.id,
        boxes=page.boxes_of(first, last),
    )

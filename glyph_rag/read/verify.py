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

NEAR = 85.0
"""Share of matching characters, in percent, from which a sentence counts as a misreading of the source."""

_LOOKALIKES = str.maketrans("‘’‚‛“”„‟′″‐‑‒–—―−…·•", "''''\"\"\"\"'\"-------...")
_SPACE_IN_CJK = re.compile(r"(?<=[\u2e80-\u9fff\uff00-\uffef])\s+(?=[\u2e80-\u9fff\uff00-\uffef])")
_WORD = re.compile(r"[^\W_]")
_UNSPACED = re.compile(r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uff00-\uffef]")
_STOPS = ".!?…。！？؟۔।։።)]}\"'”’」』）】》"


@dataclass(frozen=True)
class _Folded:
    """A text without its white space, case and typographic variants.

    Attributes:
        text: What is left of it.
        origins: For each character of that, its offset in the text.
    """

    text: str
    origins: list[int]


@lru_cache(maxsize=65536)
def _fold_character(character: str) -> str:
    if character.isspace() or unicodedata.category(character) in ("Cf", "Cc"):
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
        found = _find(needle, folded)
        if found is None:
            sentences.append(Sentence(flatten(read_as), "unsupported", read_as, None))
            continue
        at, first, last = found
        citation = _cite(pages[at], *_whole_words(pages[at].text, first, last, read_as))
        if citation not in citations:
            citations.append(citation)
        support: Support = "exact" if _fold(citation.quote).text == needle else "corrected"
        sentences.append(Sentence(flatten(citation.quote), support, read_as, citations.index(citation)))
    return tuple(sentences), tuple(citations)


def flatten(text: str) -> str:
    """The words on one line: line breaks become spaces, or nothing between CJK characters."""
    return " ".join(_SPACE_IN_CJK.sub("", text).split())


def _find(needle: str, pages: Sequence[_Folded]) -> tuple[int, int, int] | None:
    """Index of the page where a sentence stands, exactly or nearly, with its half-open span in the page's text."""
    if not needle:
        return None
    for at, page in enumerate(pages):
        start = page.text.find(needle)
        if start >= 0:
            return at, page.origins[start], page.origins[start + len(needle) - 1] + 1
    best, best_score = None, NEAR
    for at, page in enumerate(pages):
        if len(page.text) * 100 < len(needle) * NEAR:
            continue
        match = fuzz.partial_ratio_alignment(needle, page.text, score_cutoff=best_score)
        if match is not None and match.dest_end > match.dest_start and (best is None or match.score > best_score):
            best_score = match.score
            best = at, page.origins[match.dest_start], page.origins[match.dest_end - 1] + 1
    return best


def _whole_words(text: str, start: int, end: int, read_as: str) -> tuple[int, int]:
    """Widens a span to whole words, and over the closing punctuation if the reader saw some."""
    while start > 0 and _joined(text, start):
        start -= 1
    while end < len(text) and _joined(text, end):
        end += 1
    if read_as[-1:] and read_as[-1] in _STOPS:
        while end < len(text) and text[end] in _STOPS:
            end += 1
    return start, end


def _joined(text: str, at: int) -> bool:
    """Whether the characters on either side of `at` belong to one word of a script that separates words by spaces."""
    left, right = text[at - 1], text[at]
    return all(_WORD.match(c) and not _UNSPACED.match(c) for c in (left, right))


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

"""Cross-check: whether a reader says the same of pages as of their text."""

from __future__ import annotations

from rapidfuzz import fuzz

from glyph_rag.read.answer import Answer, CrossCheck
from glyph_rag.read.verification.fold import fold
from glyph_rag.read.verification.lexicon import lexicon_for
from glyph_rag.read.verification.words import split_words

_ALIKE = 75.0
"""Likeness of two answers, in percent of matching words, from which they say the same if their figures agree."""


def compare(answer: Answer, other: Answer) -> CrossCheck:
    """Compares two answers to one question."""
    if answer.found != other.found:
        return CrossCheck(False, f"only the {(answer if answer.found else other).plan.mode} channel answers", other)
    if not answer.found:
        return CrossCheck(True, "neither channel finds an answer", other)
    ours, theirs = _figures(answer.text), _figures(other.text)
    shared = ours <= theirs or theirs <= ours
    if not shared:
        differing = ", ".join(sorted(ours ^ theirs))
        return CrossCheck(False, f"figures differ: {differing}", other)
    if _overlap(answer, other):
        return CrossCheck(True, "both stand on the same words of the source", other)
    likeness = fuzz.token_set_ratio(fold(answer.text).text, fold(other.text).text)
    if likeness >= _ALIKE:
        return CrossCheck(True, f"{likeness:.0f} % of the words are the same", other)
    return CrossCheck(False, f"only {likeness:.0f} % of the words are the same", other)


def _figures(text: str) -> frozenset[str]:
    """Numbers and identifiers, as they compare: 1,200 and 1200 are one."""
    lexicon = lexicon_for(text)
    return frozenset(t.key for t in split_words(text, lexicon, None) if t.kind in ("number", "identifier"))


def _overlap(answer: Answer, other: Answer) -> bool:
    """Whether both cite some of the same characters of the same document."""
    return any(
        mine.document_id == yours.document_id and mine.start < yours.end and yours.start < mine.end
        for mine in answer.citations
        for yours in other.citations
    )

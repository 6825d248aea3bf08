"""A page that was shown, prepared for looking things up in its source."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import cached_property, lru_cache

from glyph_rag.corpus.sentences import sentence_spans
from glyph_rag.read.verification.fold import EMPHASIS, Folded, fold
from glyph_rag.read.verification.lexicon import Lexicon, lexicon_for
from glyph_rag.read.verification.numerals import decimal_comma_of
from glyph_rag.read.verification.words import UNSPACED, Token, inside_a_token, split_words
from glyph_rag.typeset.page import Page

__all__ = ["Shown", "joined"]

_WORD = re.compile(r"[^\W_]")
_UNSPACED = re.compile(rf"[{UNSPACED}]")
_CLAUSE_END = re.compile(r"[.,;:!?()\[\]—。，；：！？、（）।؟،؛]|\n\s*\n")
_NEAR_BY = 60  # Characters in which a negation that belongs to a quote is looked for.


class Shown:
    """The source of one page: folded, in words, in sentences. Everything but the folding is done when asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.text = page.text
        self.folded: Folded = fold(page.text)

    @cached_property
    def lexicon(self) -> Lexicon:
        """That of the page's language."""
        return lexicon_for(self.text)

    @cached_property
    def decimal_comma(self) -> bool | None:
        """How the page writes decimals."""
        return decimal_comma_of(self.text, self.lexicon.decimal_comma)

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """The page in words."""
        return self.words(self.text)

    @cached_property
    def sentences(self) -> list[tuple[int, int]]:
        """The half-open spans of its sentences."""
        return sentence_spans(self.text)

    @cached_property
    def sentence_tokens(self) -> list[tuple[Token, ...]]:
        """The words of each sentence; their offsets are those of the page."""
        starts = [token.start for token in self.tokens]
        return [self.tokens[bisect_left(starts, a) : bisect_left(starts, b)] for a, b in self.sentences]

    @cached_property
    def sentence_keys(self) -> list[frozenset[str]]:
        """The keys of the words of each sentence."""
        return [frozenset(token.key for token in tokens) for tokens in self.sentence_tokens]

    def words(self, text: str) -> tuple[Token, ...]:
        """Any text in words, as this page's language has them."""
        return _words(text, self.lexicon, self.decimal_comma)

    def sentence_at(self, start: int, end: int) -> tuple[int, int]:
        """A span, widened to whole sentences."""
        first = bisect_right(self.sentences, start, key=lambda span: span[1])
        last = bisect_left(self.sentences, end, key=lambda span: span[0]) - 1
        if first > last or last >= len(self.sentences):
            return start, end
        return min(start, self.sentences[first][0]), max(end, self.sentences[last][1])

    def cuts_a_word(self, at: int) -> bool:
        """Whether an offset parts what belongs together: a word, a number, an identifier."""
        return joined(self.text, at) or inside_a_token(self.text, at, self.lexicon)

    def with_stops(self, start: int, end: int) -> tuple[int, int]:
        """A span with the punctuation and emphasis around it, where nothing else is left of its sentence."""
        first, last = self.sentence_at(start, end)
        start = first if not self.words(self.text[first:start]) else start
        end = last if not self.words(self.text[end:last]) else end
        return self.with_emphasis(start, end)

    def word_around(self, at: int) -> tuple[int, int]:
        """The half-open span of the word, number or identifier that an offset lies within; empty where it does not."""
        number = bisect_right(self.tokens, at, key=lambda token: token.start) - 1
        if number < 0 or not self.tokens[number].start < at < self.tokens[number].end:
            return at, at
        return self.tokens[number].start, self.tokens[number].end

    def denies(self, start: int, end: int) -> bool:
        """Whether what stands right beside a span, in the same clause, takes back what it says: "not", "if"."""
        before = _CLAUSE_END.split(self.text[max(0, start - _NEAR_BY) : start])[-1]
        words = self.words(before)
        if any(t.text in self.lexicon.negations for t in words[-2:]):
            return True
        if any(t.text in self.lexicon.conditions for t in words[-1:]):
            return True
        if self.lexicon.merged is not None:
            return False  # Without spaces, the next word may as well begin another clause.
        after = self.words(_CLAUSE_END.split(self.text[end : end + _NEAR_BY])[0])
        return any(t.text in self.lexicon.negations for t in after[: 2 if self.lexicon.negates_behind else 1])

    def with_emphasis(self, start: int, end: int) -> tuple[int, int]:
        """A span together with the marks of emphasis around it."""
        while start > 0 and self.text[start - 1] in EMPHASIS:
            start -= 1
        while end < len(self.text) and self.text[end] in EMPHASIS:
            end += 1
        return start, end


@lru_cache(maxsize=512)
def _words(text: str, lexicon: Lexicon, decimal_comma: bool | None) -> tuple[Token, ...]:
    return tuple(split_words(text, lexicon, decimal_comma))


def joined(text: str, at: int) -> bool:
    """Whether the characters on either side of `at` belong to one word of a script that separates words by spaces."""
    return 0 < at < len(text) and all(_WORD.match(c) and not _UNSPACED.match(c) for c in text[at - 1 : at + 1])

"""Following an answer's words through one sentence of the source, in their order.

Every word, number and name has to stand there, one after the other, with nothing between them but articles and what
stands in brackets or between commas. A verb may change its tense, a number its spelling, and a name may stand where the
source has a pronoun. Since the order is kept, swapped names do not pass; since nothing may be added or left out inside,
a negation or a limit does not either.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise

from glyph_rag.read.verification.lexicon import Lexicon
from glyph_rag.read.verification.shown import Shown
from glyph_rag.read.verification.words import Token

__all__ = ["Followed", "inflected", "sentence_of", "weight"]

_LONGEST_NAME = 6
_SHORTEST_STEM = 3
_LONGEST_GAP = 30
_CLAUSE_BREAK = re.compile(r"[.,;:!?()\n。，；：！？、（）।؟،؛“\"「]")
_ANTECEDENT = 4  # Sentences before a pronoun in which the name it stands for is looked for.
_OPENS = re.compile(r"[,;(\[–—，、；（【،؛]|\s-\s")
_CLOSES = re.compile(r"[\"'”’»」』》*`]*\s?[,;)\]–—，、；）】،؛]|\s-\s")


def weight(tokens: Sequence[Token], lexicon: Lexicon) -> float:
    """How many words that matter there are; a character of a script without spaces counts half."""
    return sum(0.5 if t.kind == "character" else 1.0 for t in tokens if t.text not in lexicon.free)


def inflected(one: Token, other: Token, lexicon: Lexicon) -> bool:
    """Whether two words differ in the ending of a verb or of a plural and in nothing else."""
    if one.key == other.key:
        return True
    if one.kind != "word" or other.kind != "word" or (one.capital and other.capital) or not lexicon.endings:
        return False
    if {one.text, other.text} & lexicon.negations:
        return False
    a, b = one.text, other.text
    shared = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return any(
        group.issuperset((a[stem:], b[stem:]))
        for stem in range(shared, max(_SHORTEST_STEM, shared - 2) - 1, -1)
        for group in lexicon.endings
    )


@lru_cache(maxsize=256)
def sentence_of(shown: Shown, number: int) -> Followed:
    """A sentence of a page, prepared once."""
    return Followed(shown, number)


class Followed:
    """A sentence of the source, prepared for being followed.

    Attributes:
        tokens: Its words, without articles and the like.
    """

    def __init__(self, shown: Shown, number: int) -> None:
        lexicon = self._lexicon = shown.lexicon
        self.tokens = tuple(token for token in shown.sentence_tokens[number] if token.text not in lexicon.free)
        self._places: dict[str, list[int]] = {}
        for at, token in enumerate(self.tokens):
            self._places.setdefault(token.key, []).append(at)
        self._pronouns = {
            at: _Earlier(shown, token.start) for at, token in enumerate(self.tokens) if token.text in lexicon.pronouns
        }
        between = [shown.text[a.end : b.start] for a, b in pairwise(self.tokens)]
        self._opens = [_OPENS.search(text) is not None for text in between]
        self._closes = [False, *(_CLOSES.match(text) is not None for text in between)]
        self._denials = [0, *accumulate(token.text in lexicon.negations for token in self.tokens)]

    def follow(self, wanted: Sequence[Token], *, gaps: bool = True) -> tuple[int, int] | None:
        """The stretch of the sentence that says the wanted words in their order, with the least left out inside.

        Args:
            wanted: The words, without articles and the like.
            gaps: Whether what stands in brackets or between commas may be left out.

        Returns:
            A half-open span of the page's text, or None.
        """
        # For each number of wanted words done: where in the source that may end, what was left out, where it began.
        ends: list[dict[int, tuple[int, int]]] = [{} for _ in range(len(wanted) + 1)]
        furthest = 0
        for i in range(len(wanted)):
            if i > furthest:
                return None
            if i and not ends[i]:
                continue
            for length, at in self._steps(wanted, i):
                options = self._ways(ends[i], at, gaps=gaps) if i else [(0, at)]
                if options:
                    done = ends[i + length]
                    done[at] = min([*options, *([done[at]] if at in done else [])])
                    furthest = max(furthest, i + length)
        if not ends[-1] or not wanted:
            return None
        last, (_, first) = min(ends[-1].items(), key=lambda item: item[1])
        return self.tokens[first].start, self.tokens[last].end

    def _steps(self, wanted: Sequence[Token], i: int) -> Iterator[tuple[int, int]]:
        """How many wanted words from the `i`-th on a word of the source can stand for, and which word that is."""
        key = wanted[i].key
        if key not in self._places:
            alike = [at for at, other in enumerate(self.tokens) if inflected(wanted[i], other, self._lexicon)]
            self._places[key] = alike
        for at in self._places[key]:
            yield 1, at
        for at, earlier in self._pronouns.items():
            for length in range(1, _LONGEST_NAME + 1):
                if i + length > len(wanted) or not earlier.hold(wanted[i : i + length]):
                    break
                if _can_be_name(wanted[i : i + length]):
                    yield length, at
                if i + length < len(wanted) and wanted[i + length].text == "s":
                    yield length + 1, at

    def _ways(self, states: Mapping[int, tuple[int, int]], at: int, *, gaps: bool) -> list[tuple[int, int]]:
        """How a word can be reached: what is left out in all, and where the first word stands."""
        ways = [states[at - 1]] if at - 1 in states else []
        if not gaps or not self._closes[at]:
            return ways
        return ways + [
            (left_out + at - last - 1, first)
            for last, (left_out, first) in states.items()
            if at - _LONGEST_GAP <= last < at - 1 and self._opens[last] and self._denials[last + 1] == self._denials[at]
        ]


class _Earlier:
    """The names that a pronoun can stand for: those that begin a clause, as subjects do, in the last sentence with any.

    Which of several names is meant cannot be told without understanding; a name in another place is not taken.
    """

    def __init__(self, shown: Shown, before: int) -> None:
        self._starts: list[tuple[Token, ...]] = []
        last = bisect_right(shown.sentences, before, key=lambda span: span[1]) - 1
        for number in range(last, max(-1, last - _ANTECEDENT), -1):
            starts = list(_clause_starts(shown.sentence_tokens[number], shown))
            self._starts.extend(starts)
            if any(_seems_a_name(tokens[0], shown.lexicon) for tokens in starts):
                break

    def hold(self, name: Sequence[Token]) -> bool:
        """Whether these words are such a name, or its beginning."""
        keys = [token.key for token in name]
        return any([token.key for token in tokens[: len(keys)]] == keys for tokens in self._starts)


def _clause_starts(tokens: Sequence[Token], shown: Shown) -> Iterator[tuple[Token, ...]]:
    """What stands from each word on that can be the subject of a clause: its first, and the rest of a longer name."""
    opens, end = True, tokens[0].start if tokens else 0
    for at, token in enumerate(tokens):
        opens |= _CLAUSE_BREAK.search(shown.text, end, token.start) is not None
        if opens and token.text not in shown.lexicon.free:
            yield tuple(tokens[at : at + _LONGEST_NAME])
        # "Albert Einstein" may be called Einstein later on.
        opens &= token.capital or token.text in shown.lexicon.free
        end = token.end


def _seems_a_name(token: Token, lexicon: Lexicon) -> bool:
    return token.capital and len(token.text) > 3 and token.text not in lexicon.pronouns


def _can_be_name(tokens: Sequence[Token]) -> bool:
    """Whether words can be a name: capitals at both ends, in scripts that have them."""
    if any(token.kind not in ("word", "character", "identifier") for token in tokens):
        return False
    return all(token.capital or token.text == token.text.upper() for token in (tokens[0], tokens[-1]))

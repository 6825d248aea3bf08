"""Light rewording: sentences that say what the source says in nearly the same words.

The words may be those of a sentence of the source in its order (`follow`); or with the two sides of "is" exchanged; or
with what stands before a comma moved to the end.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from glyph_rag.read.verification.follow import sentence_of
from glyph_rag.read.verification.lexicon import Lexicon
from glyph_rag.read.verification.place import Place
from glyph_rag.read.verification.shown import Shown
from glyph_rag.read.verification.words import Token

__all__ = ["find_reworded"]

_MOST_SENTENCES = 6  # Sentences of the source that are tried for one sentence of the answer.
_COMMA = re.compile(r"[,，、،]")


def find_reworded(text: str, pages: Sequence[Shown]) -> Place | None:
    """Where the source says a text in nearly the same words, or None."""
    for find in (_in_order, _turned, _moved):
        for shown in pages:
            found = find(text, shown)
            if found is not None and not shown.denies(*found):
                return Place(shown, *shown.with_stops(*found), "reworded")
    return None


def _in_order(text: str, shown: Shown) -> tuple[int, int] | None:
    wanted = _content(shown.words(text), shown.lexicon)
    found = (sentence_of(shown, number).follow(wanted) for number in _likely(wanted, shown))
    return next((span for span in found if span is not None and not shown.denies(*span)), None)


def _turned(text: str, shown: Shown) -> tuple[int, int] | None:
    """With the sides of "is" exchanged: "The capital is Paris". What is behind it has to be all of the subject."""
    lexicon = shown.lexicon
    tokens = shown.words(text)
    for at, token in enumerate(tokens):
        left, right = _content(tokens[:at], lexicon), _content(tokens[at + 1 :], lexicon)
        if token.text not in lexicon.copulas or not left or not right:
            continue
        turned = [*right, token, *left]
        for number in _likely(turned, shown):
            source = sentence_of(shown, number)
            found = source.follow(turned, gaps=False)
            if found is not None and _is_from_the_start(found[0], source.tokens, lexicon):
                return found
    return None


def _moved(text: str, shown: Shown) -> tuple[int, int] | None:
    """With the beginning at the end: "In 1995, they won" and "They won in 1995".

    One of the two has a comma where the parts meet, and the source has both parts whole.
    """
    wanted = _content(shown.words(text), shown.lexicon)
    own = _commas(wanted, text)
    for number in _likely(wanted, shown):
        source = sentence_of(shown, number)
        theirs = _commas(_content(source.tokens, shown.lexicon), shown.text)
        for cut in {*own, *(len(wanted) - at for at in theirs if at < len(wanted))}:
            found = source.follow([*wanted[cut:], *wanted[:cut]], gaps=False)
            if (
                found is not None
                and _is_from_the_start(found[0], source.tokens, shown.lexicon)
                and found[1] == source.tokens[-1].end
            ):
                return found
    return None


def _commas(tokens: Sequence[Token], text: str) -> list[int]:
    """Before which of the words a comma stands."""
    return [at for at, (a, b) in enumerate(pairwise(tokens), 1) if _COMMA.search(text, a.end, b.start)]


def _content(tokens: Sequence[Token], lexicon: Lexicon) -> list[Token]:
    return [token for token in tokens if token.text not in lexicon.free]


def _likely(wanted: Sequence[Token], shown: Shown) -> list[int]:
    """The sentences that hold most of the wanted words, best first; a third of them may be said otherwise."""
    keys = frozenset(token.key for token in wanted)
    missing = [(len(keys - present), number) for number, present in enumerate(shown.sentence_keys)]
    return [number for count, number in sorted(missing)[:_MOST_SENTENCES] if keys and count * 3 <= len(keys) + 3]


def _is_from_the_start(start: int, source: Sequence[Token], lexicon: Lexicon) -> bool:
    """Whether a span starts where its sentence does, articles and a conjunction aside."""
    light = lexicon.free | lexicon.conjunctions
    return all(token.text in light for token in source if token.start < start)

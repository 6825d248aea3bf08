"""Near misses: in what a sentence differs from the source, and whether the source's words may replace it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rapidfuzz.distance import Indel, Levenshtein

from glyph_rag.read.verification.follow import inflected, weight
from glyph_rag.read.verification.lexicon import Lexicon
from glyph_rag.read.verification.place import Place, elsewhere, find_near
from glyph_rag.read.verification.shown import Shown
from glyph_rag.read.verification.words import Token

__all__ = ["find_misread"]

_ENOUGH = 4.0  # So many words have to agree before a number, a name or a negation is corrected from the source.
_MOST_WRONG = 0.4  # Share of the words that may differ.
_GROUPED = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
_LABEL = re.compile(r"\w:\s+")
# Letters and signs that readers take for each other. No two digits are alike: a digit is never guessed.
_LOOKALIKES = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("ii", "u"), ("nn", "m"))
_ALIKE = (
    "l1i|!íìı",
    "o0öóòõοо",
    "s5şș",
    "b8h",
    "z2",
    "g9q",
    "uvnü",
    "ceс",
    "aа",
    "已己巳",
    "末未",
    "土士",
    "日曰",
    "千干",
    "人入",
)
_LOOKALIKE = str.maketrans({character: alike[0] for alike in _ALIKE for character in alike})


@dataclass(frozen=True)
class _Difference:
    """Tokens of the answer and the tokens of the source that stand in their place; one side may be empty."""

    answer: tuple[Token, ...]
    source: tuple[Token, ...]


def find_misread(text: str, pages: Sequence[Shown]) -> Place | None:
    """Where the source nearly says a text, so that its words can replace it; None where that would be a guess.

    Wrong letters are misreadings, however short the text is. A number, a name, a negation, any word that is another
    word is replaced only where enough of the rest agrees and nothing else in the source is as near.
    """
    for near, score in find_near(text, pages):
        place = _with_ends(text, _without_neighbours(text, near))
        if _is_sure(text, place, score, pages):
            return place
    return None


def _is_sure(text: str, place: Place, score: float, pages: Sequence[Shown]) -> bool:
    lexicon = place.shown.lexicon
    agreeing, differences = _compare(place.shown.words(text), place.shown.words(place.quote))
    serious = [d for d in differences if not _is_harmless(d, lexicon) and not _is_misread(d, lexicon)]
    wrong = sum(max(weight(d.answer, lexicon), weight(d.source, lexicon)) for d in serious)
    right = weight(agreeing, lexicon)
    return not serious or (
        right >= _ENOUGH and wrong <= _MOST_WRONG * right and not elsewhere(text, place, score, pages)
    )


def _compare(answer: Sequence[Token], source: Sequence[Token]) -> tuple[list[Token], list[_Difference]]:
    """What stands in both, and the stretches between that do not."""
    agreeing: list[Token] = []
    differences: list[_Difference] = []
    a = b = 0
    blocks = Indel.opcodes([t.key for t in answer], [t.key for t in source])
    for block in blocks:
        if block.tag != "equal":
            continue
        if block.src_start > a or block.dest_start > b:
            differences.append(_Difference(tuple(answer[a : block.src_start]), tuple(source[b : block.dest_start])))
        agreeing.extend(answer[block.src_start : block.src_end])
        a, b = block.src_end, block.dest_end
    if a < len(answer) or b < len(source):
        differences.append(_Difference(tuple(answer[a:]), tuple(source[b:])))
    return agreeing, differences


def _is_harmless(difference: _Difference, lexicon: Lexicon) -> bool:
    """Whether nothing but articles, blanks and endings differs."""
    answer = [t for t in difference.answer if t.text not in lexicon.free]
    source = [t for t in difference.source if t.text not in lexicon.free]
    if len(answer) == len(source) and all(inflected(a, s, lexicon) for a, s in zip(answer, source, strict=True)):
        return True
    return "".join(t.text for t in answer) == "".join(t.text for t in source)


def _is_misread(difference: _Difference, lexicon: Lexicon) -> bool:
    """Whether letters were taken for others: lookalikes anywhere, and one in four of a word that is no other word."""
    answer, source = ("".join(t.text for t in side) for side in (difference.answer, difference.source))
    if _skeleton(answer) == _skeleton(source) or _is_regrouped(answer, source):
        return True
    tokens = (*difference.answer, *difference.source)
    if not answer or not source or any(t.kind != "word" or t.text in lexicon.negations for t in tokens):
        return False
    return len(source) >= 4 and Levenshtein.distance(answer, source) <= max(1, len(source) // 4)


def _is_regrouped(answer: str, source: str) -> bool:
    """Whether a number was written without its thousands separators, or with others."""
    return _GROUPED.fullmatch(source) is not None and re.sub(r"[.,]", "", answer) == re.sub(r"[.,]", "", source)


def _skeleton(text: str) -> str:
    for pair, one in _LOOKALIKES:
        text = text.replace(pair, one)
    return text.translate(_LOOKALIKE)


def _without_neighbours(text: str, place: Place) -> Place:
    """A place without the beginnings and ends of neighbouring sentences that say nothing of the text."""
    shown = place.shown
    inside = [(a, b) for a, b in shown.sentences if a < place.end and b > place.start]
    if len(inside) < 2:
        return place
    wanted = {token.key for token in shown.words(text) if token.text not in shown.lexicon.free}
    while len(inside) > 1:
        (a, b), at = (
            (inside[0], 0)
            if _shared(inside[0], place, wanted) <= _shared(inside[-1], place, wanted)
            else (inside[-1], -1)
        )
        if _shared((a, b), place, wanted) > 0.5:
            break
        inside.pop(at)
    return replace(place, start=max(place.start, inside[0][0]), end=min(place.end, inside[-1][1]))


def _with_ends(text: str, place: Place) -> Place:
    """A place with the first and last words of its sentence, where the text has as many words of its own there.

    "Six days remain" is most like "days remain" in the source, but what it misread is "Five days remain". A label, such
    as "Answer:", may stand before; and where more does, still as many words, if there is a number for a number.
    """
    shown = place.shown
    answer, quote = shown.words(text), shown.words(place.quote)
    equal = [b for b in Indel.opcodes([t.key for t in answer], [t.key for t in quote]) if b.tag == "equal"]
    if not equal:
        return place
    before, after = equal[0].src_start, len(answer) - equal[-1].src_end
    first = next((a for a, b in shown.sentences if a <= place.start < b), place.start)
    last = next((b for a, b in shown.sentences if a < place.end <= b), place.end)
    labels = [label.end() for label in _LABEL.finditer(shown.text, first, place.start)]
    for start in (first, *labels[-1:]):
        if len(shown.words(shown.text[start : place.start])) <= before:
            place = replace(place, start=start)
            break
    else:
        beside = [t for t in shown.tokens if first <= t.start < place.start][-before:] if before else []
        if _has_number(answer[:before]) and _has_number(beside):
            place = replace(place, start=beside[0].start)
    if len(shown.words(shown.text[place.end : last])) <= after:
        return replace(place, end=last)
    beside = [t for t in shown.tokens if place.end <= t.start < last][:after]
    if _has_number(answer[-after:] if after else ()) and _has_number(beside):
        place = replace(place, end=beside[-1].end)
    return place


def _has_number(tokens: Sequence[Token]) -> bool:
    return any(token.kind == "number" for token in tokens)


def _shared(sentence: tuple[int, int], place: Place, wanted: set[str]) -> float:
    """Which share of the words of a sentence, as far as it lies within a place, are among the wanted ones."""
    shown = place.shown
    words = shown.words(shown.text[max(sentence[0], place.start) : min(sentence[1], place.end)])
    keys = [token.key for token in words if token.text not in shown.lexicon.free]
    return sum(key in wanted for key in keys) / len(keys) if keys else 0.0

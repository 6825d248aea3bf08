"""What a text can be quoted by: its sentences, and what each of them is beside a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from glyph_rag.corpus.sentences import sentence_spans
from glyph_rag.read.question.evidence import is_unspaced

LONGEST = 600
"""Characters of one quoted sentence, at most."""

_SOFT_BREAK = re.compile(r"[;:,；：，、،؛]\s*|\s+")
_STRONG_BREAK = re.compile(r"[;:,；：，、،؛]\s*")
_QUESTION_END = re.compile(r"[?？؟\u037e][\"'”’」』)\]]*\Z")
# On pixels the space behind a mark may be missing.
_HEADING = re.compile(r"(#{1,6})(?!#)\s*(?=[^\s#])")
_ITEM = re.compile(r"(?:[-*+•·‣–]\s*(?=[^\s*-])|\d{1,3}[.)、．]\s*(?!\d)|[(（]\d{1,3}[)）]|[①-⑳])")
_ROW = re.compile(r"\|.*\|")
_RULE = re.compile(r"[|:\s-]*-[|:\s-]*")
_SPEAKER = re.compile(r"\W*(?:\S )?(\w[\w.-]{1,30})\s?[:：](?=\s)")


@dataclass(frozen=True)
class Chosen:
    """A sentence of a passage, a line of a list or a row of a table.

    Attributes:
        passage: Which passage holds it, counted from 0.
        start: Where it starts in that passage, in characters.
        end: Where it ends, exclusive.
        text: The sentence itself.
    """

    passage: int
    start: int
    end: int
    text: str


def pieces(passages: Sequence[str]) -> list[Chosen]:
    """The sentences of all passages, in order; one that is too long to quote is cut at its commas."""
    return [piece for number, text in enumerate(passages) for piece in _pieces(number, text)]


def _pieces(number: int, text: str) -> list[Chosen]:
    found: list[Chosen] = []
    for start, end in sentence_spans(text):
        while end - start > LONGEST:
            cut = _last_break(text, start, start + LONGEST)
            found.append(Chosen(number, start, cut, text[start:cut]))
            start = cut
        if text[start:end].strip():
            found.append(Chosen(number, start, end, text[start:end]))
    return [_trimmed(piece) for piece in found]


def _trimmed(piece: Chosen) -> Chosen:
    left = len(piece.text) - len(piece.text.lstrip())
    right = len(piece.text.rstrip())
    return Chosen(piece.passage, piece.start + left, piece.start + right, piece.text[left:right])


def _last_break(text: str, start: int, limit: int) -> int:
    for pattern in (_STRONG_BREAK, _SOFT_BREAK):
        # Not in the first half: a stump would be left.
        ends = [m.end() for m in pattern.finditer(text, start + (limit - start) // 2, limit)]
        if ends:
            return ends[-1]
    return limit


def heading_level(text: str) -> int:
    """1 to 6 for a heading that is marked as one, else 0."""
    mark = _HEADING.match(text)
    return len(mark.group(1)) if mark else 0


def item_mark(text: str) -> str:
    """How it begins as an item of a list: "-" for any bullet, "1" for any number; empty for no item."""
    mark = _ITEM.match(text)
    if mark is None or is_rule(text):
        return ""
    return "1" if any(c.isnumeric() for c in mark.group()) else "-"


def is_row(text: str) -> bool:
    """Whether it is a row of a Markdown table."""
    return _ROW.fullmatch(text) is not None


def is_rule(text: str) -> bool:
    """Whether it is the line below a table's header, or between two sections."""
    return _RULE.fullmatch(text) is not None


def asks(text: str) -> bool:
    """Whether it is a question itself."""
    return _QUESTION_END.search(text) is not None


def looks_like_a_title(text: str) -> bool:
    """A few bare words on a line of their own, as headings are where no mark says so."""
    words = text.split()
    longest = 8 if is_unspaced(text) else 40
    return len(words) <= 5 and len(text) <= longest and all(word.isalpha() for word in words)


def speakers(found: Sequence[Chosen]) -> NDArray[np.int64]:
    """For each sentence, the one that names its speaker, as in "Ann: It opens at nine."; itself where none does.

    Returns:
        int64 (n,): indices of sentences.
    """
    speaking = np.arange(len(found))
    turn = 0
    for at, piece in enumerate(found):
        if piece.passage != found[turn].passage or speaker(piece.text):
            turn = at
        if speaker(found[turn].text):
            speaking[at] = turn
    return speaking


def speaker(text: str) -> str:
    """The name at the beginning of what somebody says, or an empty string."""
    match = _SPEAKER.match(text)
    return match.group(1) if match else ""


def headers(found: Sequence[Chosen]) -> dict[int, int]:
    """For each row of a table, its header row; both as indices of sentences."""
    header: dict[int, int] = {}
    for at in range(1, len(found)):
        above = at - 1
        if found[at].passage != found[above].passage or not is_row(found[at].text) or not is_row(found[above].text):
            continue
        header[at] = header.get(above, above)
    return header

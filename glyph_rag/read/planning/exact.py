"""Exact strings that travel beside the page images as text, in a few lines called the sidecar.

A model that looks at pages misreads identifiers, hashes and amounts without a sign of doubt, because no context would
put a wrong letter right. `exact_forms` finds such strings; here those that matter for a question are chosen.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from glyph_rag.corpus.sentences import sentence_spans
from glyph_rag.read.planning.exact_forms import ExactString, Kind, exact_strings
from glyph_rag.read.question.cues import wanted, without_cues
from glyph_rag.read.question.evidence import MATCHED, FloatArray, analyse, matches, rarity
from glyph_rag.read.verification.words import UNSPACED

__all__ = ["ExactString", "Kind", "choose_exact", "exact_strings", "sidecar"]

_SEPARATOR: Final = " · "

# How much a string gains by what it is: the less of it can be guessed, the more. All set by hand.
_BY_KIND: Final[dict[Kind, float]] = {
    "hash": 1.0, "identifier": 1.0, "url": 0.95, "email": 0.9, "path": 0.9, "version": 0.85,
    "number": 0.7, "date": 0.5, "name": 0.3,
}  # fmt: skip
_NEAR: Final = 2.0  # all words of the question in its sentence
_ASKED_FOR: Final = 0.8  # the question asks for this kind
_ONCE: Final = 0.2  # it stands there only once
_MANY_DIGITS: Final = 6  # from here on a number is as hard to read as an identifier
_SMALL: Final = re.compile(rf"\d{{1,2}}(?:st|nd|rd|th|[{UNSPACED}])?")


def choose_exact(
    question: str, passages: Sequence[str], budget: int, count: Callable[[str], int]
) -> tuple[tuple[ExactString, ...], ...]:
    """The exact strings that are worth sending beside the page images.

    A string gains by the words of the question in its sentence (each by how few of the sentences hold it), by its kind,
    by being what the question asks for (a number, a time, a name), and a little by standing there only once. Integers
    of one or two digits and bare years come last; these and names are only sent if their sentence has a word of the
    question.

    Args:
        question: What is asked, in any language.
        passages: The texts that are shown, best first.
        budget: The most tokens that `sidecar` may take for all of them, with labels no longer than "P1", "P2", ...
        count: How many tokens a text takes.

    Returns:
        For each passage its strings in order of the text. A string is there once, where it ranks best.
    """
    chosen: list[list[ExactString]] = [[] for _ in passages]
    for pick in _within(_ranked(question, passages), budget, count):
        chosen[pick.passage].append(pick.string)
    return tuple(tuple(sorted(strings, key=lambda string: string.start)) for strings in chosen)


def sidecar(chosen: Sequence[tuple[str, Sequence[ExactString]]]) -> str:
    """Chosen strings as lines of text: "[P1] ERR_CONN_42 · 3.5 mg · 2021-05-03".

    Each string stays one string: a line break within it becomes a space, and one that has the separator's dot in it or
    begins with a double quote is written as in JSON.

    Args:
        chosen: For each passage its label and its strings; where there are none, no line is written.
    """
    return "\n".join(f"[{label}] {_SEPARATOR.join(map(_shown, strings))}" for label, strings in chosen if strings)


def _shown(string: ExactString) -> str:
    text = " ".join(line.strip() for line in string.text.splitlines())
    return json.dumps(text, ensure_ascii=False) if "·" in text or text.startswith('"') else text


@dataclass(frozen=True, slots=True)
class _Pick:
    passage: int
    string: ExactString
    near: float


def _ranked(question: str, passages: Sequence[str]) -> list[_Pick]:
    """What may be sent, best first, each text once."""
    picks = _near(question, passages)
    times = Counter(pick.string.text for pick in picks)
    asked = _kinds_asked_for(question)

    def rank(pick: _Pick) -> tuple[bool, float, int, int]:
        string = pick.string
        gain = _NEAR * pick.near + _by_kind(string) + _ASKED_FOR * (string.kind in asked) + _ONCE / times[string.text]
        return _is_weak(string), -gain, pick.passage, string.start

    worth = [pick for pick in picks if pick.near > 0 or not (pick.string.kind == "name" or _is_weak(pick.string))]
    once: dict[str, _Pick] = {}
    for pick in sorted(worth, key=rank):
        once.setdefault(pick.string.text, pick)
    return list(once.values())


def _kinds_asked_for(question: str) -> frozenset[Kind]:
    asked = wanted(question)
    kinds: list[tuple[bool, Kind]] = [(asked.number, "number"), (asked.time, "date"), (asked.name, "name")]
    return frozenset(kind for is_asked, kind in kinds if is_asked)


def _by_kind(string: ExactString) -> float:
    if string.kind == "number" and sum(map(str.isdecimal, string.text)) >= _MANY_DIGITS:
        return _BY_KIND["identifier"]
    return _BY_KIND[string.kind]


def _is_weak(string: ExactString) -> bool:
    """Whether it is an integer of one or two digits ("3", "3rd", "3章") or a bare year: read with ease."""
    if string.kind == "date":
        return string.text.rstrip("年년 ").isdecimal()
    small = string.kind == "number" and _SMALL.fullmatch(string.text) is not None
    return small or (string.kind == "number" and _is_year(string.text))


def _is_year(text: str) -> bool:
    return len(text) == 4 and text.isdecimal() and 1000 <= int(text) < 3000


def _near(question: str, passages: Sequence[str]) -> list[_Pick]:
    """All exact strings, each with the share of the question's words, by rarity, that its sentence has: 0 to 1."""
    found: list[tuple[int, ExactString, int]] = []
    sentences: list[frozenset[str]] = []
    for passage, text in enumerate(passages):
        spans = sentence_spans(text)
        starts = [start for start, _ in spans]
        first = len(sentences)
        found += [(passage, one, first + bisect_right(starts, one.start) - 1) for one in exact_strings(text)]
        sentences += [frozenset(analyse(text[start:end]).words) for start, end in spans]
    shares = _shares(without_cues(question), sentences)
    return [_Pick(passage, string, float(shares[sentence])) for passage, string, sentence in found]


def _shares(question: str, sentences: Sequence[frozenset[str]]) -> FloatArray:
    asked = list(dict.fromkeys(analyse(question).words))
    present = sorted(frozenset().union(*sentences))
    if not asked or not present:
        return np.zeros(len(sentences), dtype=np.float32)
    alike = matches(asked, present) >= MATCHED
    rows = {word: np.flatnonzero(alike[:, column]) for column, word in enumerate(present) if alike[:, column].any()}
    holds = np.zeros((len(asked), len(sentences)), dtype=bool)
    for column, words in enumerate(sentences):
        for word in words & rows.keys():
            holds[rows[word], column] = True
    weights = rarity(holds)
    return np.asarray(weights @ holds / weights.sum(), dtype=np.float32)


def _within(ranked: Sequence[_Pick], budget: int, count: Callable[[str], int]) -> Sequence[_Pick]:
    """As many of the best as fit: first by the sum of what each adds, then by what all of them take together."""
    taken: list[_Pick] = []
    left = budget
    lines: set[int] = set()
    for pick in ranked:
        if left < 1:
            break
        line = f"\n[{_label(pick)}] "
        if pick.passage in lines:
            cost = count(f"{line}0{_SEPARATOR}{_shown(pick.string)}") - count(f"{line}0")
        else:
            cost = count(line + _shown(pick.string))
        if cost <= left:
            taken.append(pick)
            lines.add(pick.passage)
            left -= cost
    low, high = 0, len(taken)
    while low < high:
        middle = (low + high + 1) // 2
        if count(_written(taken[:middle])) <= budget:
            low = middle
        else:
            high = middle - 1
    return taken[:low]


def _label(pick: _Pick) -> str:
    return f"P{pick.passage + 1}"


def _written(picks: Sequence[_Pick]) -> str:
    lines: dict[int, list[_Pick]] = {}
    for pick in sorted(picks, key=lambda pick: (pick.passage, pick.string.start)):
        lines.setdefault(pick.passage, []).append(pick)
    return sidecar([(_label(line[0]), [pick.string for pick in line]) for line in lines.values()])

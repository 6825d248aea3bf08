"""The gist of a text or of one of its sections: its most central sentences, as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glyph_rag.read.ocr.pieces import Chosen, asks, heading_level, is_row, looks_like_a_title
from glyph_rag.read.question.cues import section_number, without_summary_cues
from glyph_rag.read.question.evidence import MATCHED, FloatArray, analyse, matches

_FEWEST, _MOST = 3, 5
_SHARE = 6  # One sentence in so many is given, within those bounds.
_BARE = 7  # The level of a title that no mark says to be one: below all that are marked.
_COMPARED = 200  # Sentences of a section that are compared with each other, at most.


@dataclass(frozen=True)
class _Section:
    """A heading and the sentences below it."""

    title: Chosen
    level: int
    sentences: tuple[Chosen, ...]


def summarise(question: str, pieces: Sequence[Chosen]) -> tuple[Chosen, ...]:
    """The three to five most central sentences of what a question asks to be summarised, in reading order.

    Args:
        question: Such as "Summarise the third section." or "What is the chapter on leave about?".
        pieces: The sentences of all passages, in order.

    Returns:
        Nothing where the question names a section by its number and there is none of that number.
    """
    number = section_number(question)
    sections = _sections(pieces)
    if number is not None:
        section = _numbered(_main(sections), number)
        return _central(section.sentences) if section else ()
    named = _named(question, sections)
    return _central(named.sentences if named else [piece for piece in pieces if _is_prose(piece)])


def _sections(pieces: Sequence[Chosen]) -> list[_Section]:
    """Every heading with what stands below it down to the next one of its level or a higher one."""
    levels = [heading_level(piece.text) or (_BARE if looks_like_a_title(piece.text) else 0) for piece in pieces]
    found: list[_Section] = []
    for at, level in enumerate(levels):
        if not level:
            continue
        end = at + 1
        while end < len(pieces) and not 0 < levels[end] <= level:
            end += 1
        body = tuple(piece for piece in pieces[at + 1 : end] if _is_prose(piece))
        found.append(_Section(pieces[at], level, body))
    return found


def _main(sections: Sequence[_Section]) -> list[_Section]:
    """The sections that a reader would count: of the highest level that has more than one; a title is not one."""
    for level in sorted({section.level for section in sections}):
        same = [section for section in sections if section.level == level]
        if len(same) > 1:
            return [section for section in same if section.sentences]
    return [section for section in sections if section.sentences][-1:]


def _numbered(main: Sequence[_Section], number: int) -> _Section | None:
    """The section that bears a number itself, or else the one that comes at its turn, -1 being the last."""
    for section in main:
        if section.title.text.lstrip("# ").startswith((f"{number}.", f"{number} ", f"{number}、")):
            return section
    place = len(main) if number == -1 else number
    return main[place - 1] if 1 <= place <= len(main) else None


def _named(question: str, sections: Sequence[_Section]) -> _Section | None:
    """The section whose heading has most of its words in the question, at least half of them."""
    asked = list(dict.fromkeys(analyse(without_summary_cues(question)).words))
    best, chosen = 0.5, None
    for section in sections:
        title = list(dict.fromkeys(analyse(section.title.text).words))
        if not asked or not title or not section.sentences:
            continue
        share = float((matches(title, asked).max(axis=1) >= MATCHED).mean())
        if share >= best and (chosen is None or share > best):
            best, chosen = share, section
    return chosen


def _central(sentences: Sequence[Chosen]) -> tuple[Chosen, ...]:
    """Those that share most with the others, and early ones rather than late ones, in reading order."""
    # Of two that read the same, the first.
    first = {piece.text: piece for piece in reversed(sentences)}
    told = sorted(first.values(), key=lambda piece: (piece.passage, piece.start))[:_COMPARED]
    most = min(_MOST, max(_FEWEST, len(told) // _SHARE))
    if len(told) <= most:
        return tuple(told)
    scores = _centrality(told)
    scores += np.linspace(float(scores.max()) / 2, 0, len(told), dtype=np.float32)
    return tuple(told[i] for i in sorted(np.argsort(-scores, kind="stable")[:most].tolist()))


def _centrality(told: Sequence[Chosen]) -> FloatArray:
    """Mean cosine of each sentence's words, weighed by rarity, with those of the others."""
    words = [frozenset(analyse(piece.text).words) for piece in told]
    column = {word: i for i, word in enumerate(sorted(frozenset().union(*words)))}
    table = np.zeros((len(told), len(column)), dtype=np.float32)
    for row, present in enumerate(words):
        table[row, [column[word] for word in present]] = 1
    holding = table.sum(axis=0)
    table *= np.log1p(len(told) / np.maximum(holding, 1))
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-6)
    alike = table @ table.T
    np.fill_diagonal(alike, 0)
    return np.asarray(alike.mean(axis=1), dtype=np.float32)


def _is_prose(piece: Chosen) -> bool:
    text = piece.text
    return not (heading_level(text) or is_row(text) or asks(text) or looks_like_a_title(text))

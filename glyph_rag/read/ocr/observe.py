"""What is observed of each sentence as the answer to a question: numbers to be weighed, no decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from glyph_rag.read.ocr.pieces import Chosen, asks, headers, looks_like_a_title, speakers
from glyph_rag.read.question.cues import Wanted, names_a_time, wanted
from glyph_rag.read.question.evidence import MATCHED, Analysis, FloatArray, analyse, matches, rarity

Similarity = Callable[[Sequence[str]], FloatArray]

_NEAR = 2  # Sentences before and after that belong to the same matter.
_FULL_WORD = 8  # Characters from which on a word says no more for being longer.


@dataclass(frozen=True, eq=False)
class Seen:
    """The sentences of some passages, seen in the light of a question.

    Attributes:
        question: The question.
        asked: Its words, question words left out.
        wanted: What kind of answer it asks for.
        pieces: The n sentences.
        passage: int64 (n,): the passage of each.
        analyses: Their words.
        found: float32 (words of the question, n): how well each word is matched in each sentence, 0 to 1.
        weight: float32 (words of the question,): how much each word says, 1 together.
        values: float32 (n,) each: what speaks for or against each sentence, by name.
    """

    question: str
    asked: Analysis
    wanted: Wanted
    pieces: Sequence[Chosen]
    passage: NDArray[np.int64]
    analyses: Sequence[Analysis]
    found: FloatArray
    weight: FloatArray
    values: dict[str, FloatArray] = field(default_factory=dict)


def observe(question: str, asked: Analysis, pieces: Sequence[Chosen]) -> Seen:
    """Everything lexical that is observed of each sentence, each value mostly between 0 and 1."""
    analyses = [analyse(piece.text) for piece in pieces]
    words = list(dict.fromkeys(asked.words))
    found, fresh = _matched(words, analyses)
    passage = np.array([piece.passage for piece in pieces])
    local = rarity(found >= MATCHED)
    weight = local * np.array([min(len(word), _FULL_WORD) / _FULL_WORD for word in words], dtype=np.float32)
    weight = weight / max(float(weight.sum()), 1e-6)
    seen = Seen(question, asked, wanted(question), pieces, passage, analyses, found, weight)

    own = weight @ found
    before = _context(pieces, passage, found)
    near = np.maximum.reduce([_shifted(found, passage, step) for step in range(-_NEAR, _NEAR + 1)])
    whole = np.stack([found[:, passage == p].max(axis=1) for p in passage], axis=1)
    with_context = weight @ np.maximum(found, before)
    was_asked = np.array([asks(piece.text) for piece in pieces], dtype=np.float32)[None]
    seen.values.update(
        own=own,
        context=with_context - own,
        near=np.maximum(weight @ near - with_context, 0),
        passage=weight @ whole,
        rarest=((found >= MATCHED) * local[:, None]).max(axis=0) / np.log1p(2 * len(pieces) + 1),
        rank=(1 / (passage + 1)).astype(np.float32),
        repeats=_repeats(seen, fresh),
        reply=_shifted(was_asked, passage, 1)[0] * (weight @ _shifted(found, passage, 1)),
        **_fitting(seen),
    )
    return seen


def compare(passages: Sequence[str], seen: Seen, likely: Sequence[int], similarity: Similarity) -> None:
    """Add what the embedder sees of the likely sentences: alone, and with the one before for pronouns."""
    alone = [seen.pieces[i].text for i in likely]
    joined = []
    for i in likely:
        one, last = seen.pieces[i], seen.pieces[max(i - 1, 0)]
        start = last.start if last.passage == one.passage else one.start
        joined.append(passages[one.passage][start : one.end])
    texts = list(dict.fromkeys([*alone, *joined]))
    cosine = dict(zip(texts, np.asarray(similarity(texts), dtype=np.float32), strict=True))
    for name, of in (("alike", alone), ("alike_in_context", joined)):
        # The others cannot be better than the least alike of the shortlist; they stay behind it.
        values = np.full(len(seen.pieces), min(cosine.values()), dtype=np.float32)
        values[list(likely)] = [cosine[text] for text in of]
        seen.values[name] = values


def _matched(words: Sequence[str], analyses: Sequence[Analysis]) -> tuple[FloatArray, NDArray[np.int64]]:
    """How well each word is matched in each sentence, and how many words of each sentence match none."""
    present = list(dict.fromkeys(word for analysis in analyses for word in analysis.words)) or [""]
    column = {word: i for i, word in enumerate(present)}
    alike = matches(words, present)
    known = alike.max(axis=0) >= MATCHED
    found = np.zeros((len(words), len(analyses)), dtype=np.float32)
    fresh = np.zeros(len(analyses), dtype=np.int64)
    for i, analysis in enumerate(analyses):
        columns = [column[word] for word in analysis.words]
        if columns:
            found[:, i] = alike[:, columns].max(axis=1)
            fresh[i] = np.count_nonzero(~known[columns])
    return found, fresh


def _context(pieces: Sequence[Chosen], passage: NDArray[np.int64], found: FloatArray) -> FloatArray:
    """What each sentence may leave unsaid: the sentence before it, who speaks, the header of its table."""
    before = _shifted(found, passage, 1)
    for row, header in headers(pieces).items():
        before[:, row] = found[:, header]
    return np.maximum(before, found[:, speakers(pieces)])


def _shifted(values: FloatArray, passage: NDArray[np.int64], step: int) -> FloatArray:
    """The columns `step` places further on, where those belong to the same passage, else 0."""
    moved = np.roll(values, step, axis=1)
    moved[:, np.roll(passage, step) != passage] = 0
    if step > 0:
        moved[:, :step] = 0
    elif step < 0:
        moved[:, step:] = 0
    return moved


def _repeats(seen: Seen, fresh: NDArray[np.int64]) -> FloatArray:
    """1 for a sentence that can be no answer: it has only the question's words, asks something, or is a title."""
    return np.array(
        [
            (not new and not seen.wanted.decision) or asks(piece.text) or looks_like_a_title(piece.text)
            for new, piece in zip(fresh, seen.pieces, strict=True)
        ],
        dtype=np.float32,
    )


def _fitting(seen: Seen) -> dict[str, FloatArray]:
    """Whether a sentence brings what is asked for and is new: a number, a time, a name."""
    asked, words = seen.asked, set(seen.asked.words)
    times = names_a_time(seen.question)
    kind = seen.wanted.kind

    def flags(is_wanted: bool, values: Sequence[bool]) -> FloatArray:
        return np.array([is_wanted and value for value in values], dtype=np.float32)

    return {
        "number": flags(seen.wanted.number, [bool(a.numbers - asked.numbers - words) for a in seen.analyses]),
        "time": flags(seen.wanted.time, [bool(names_a_time(piece.text) - times) for piece in seen.pieces]),
        "name": flags(seen.wanted.name, [bool(a.names - words) for a in seen.analyses]),
        "kind": flags(kind is not None, [kind is not None and kind.search(p.text) is not None for p in seen.pieces]),
    }

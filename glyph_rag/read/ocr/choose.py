"""Choose the sentences that answer a question, without a language model.

A sentence is scored by a weighted sum of a few plain observations (`choose_observe`). The weights were fitted offline
and are frozen here. What is given of the best sentences follows from the kind of question (`cues`): one or two of
them, a whole list, a row with its header, or the gist of a section. Whether they answer at all is decided apart
(`choose_support`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glyph_rag.read.ocr.extent import extend
from glyph_rag.read.ocr.observe import Seen, Similarity, compare, observe
from glyph_rag.read.ocr.pieces import Chosen, heading_level, is_rule, pieces
from glyph_rag.read.ocr.summary import summarise
from glyph_rag.read.ocr.support import support
from glyph_rag.read.question.cues import wanted, without_cues
from glyph_rag.read.question.evidence import FloatArray, analyse

__all__ = ["Choice", "Chosen", "choose"]

_SHORTLIST = 10  # sentences worth the cost of embedding

# Fitted by listwise logistic regression (the sentences that hold the gold answer against the rest, three passages a
# question) on half of the articles of XQuAD en, zh, ar, de and CMRC 2018 dev, and again of en and zh alone; each weight
# is a round number near those two fits. "near", "reply", "kind", "time" and "name" are round numbers near a later fit
# on half of XQuAD en and zh and of LiHua-World, a chat log; which of them to take was seen on both halves. The second
# table: with MiniLM. The penalty for "repeats" is set by hand.
_WEIGHTS = {
    "own": 9.0,  # share of the question's words, by rarity, that stand in the sentence
    "context": 3.5,  # and what the sentence before, the speaker or the table's header adds: what pronouns stand for
    "near": 1.5,  # and what two sentences on either side add
    "passage": 4.0,  # the same share for the whole passage
    "rarest": 2.2,  # rarity of the rarest question word in the sentence
    "rank": 2.8,  # 1, 1/2, 1/3 ... for the first, second, third passage
    "number": 3.0,  # the question asks for a number and the sentence brings a new one
    "kind": 1.4,  # and of the kind that is asked for: a share, a price
    "time": 3.3,
    "name": 1.5,
    "reply": 3.0,  # the sentence before is a question with these words
    "repeats": -4.0,  # only the question's own words, or it asks something itself, or is a title
}
_WEIGHTS_COMPARED = {
    "own": 6.5, "context": 2.3, "near": 1.5, "passage": 3.5, "rarest": 1.4, "rank": 2.2,
    "number": 4.0, "kind": 0.9, "time": 2.8, "name": 2.2, "reply": 3.0, "repeats": -4.0,
    "alike": 3.3,  # cosine of the question and the sentence
    "alike_in_context": 5.2,  # and of the question and the sentence together with the one before it
}  # fmt: skip


@dataclass(frozen=True)
class Choice:
    """What was chosen for a question.

    Attributes:
        sentences: In reading order; empty only where the passages or the question hold no words.
        score: How well the passages support an answer; 0 is the line between answering and not.
        answered: Whether the sentences answer the question. Where False they are merely the nearest.
    """

    sentences: tuple[Chosen, ...]
    score: float
    answered: bool


def choose(question: str, passages: Sequence[str], similarity: Similarity | None = None) -> Choice:
    """Choose the sentences that answer a question: one or two, or as many as a list or a summary takes.

    Args:
        question: The question, in any language.
        passages: The texts to choose from, best first.
        similarity: How alike each given text and the question are, on the scale of `likeness`; None where no embedder
            knows the language.
    """
    found = [piece for piece in pieces(passages) if not is_rule(piece.text)]
    asked = analyse(without_cues(question))
    if not found or not asked.words:
        return Choice((), float("-inf"), False)
    if wanted(question).summary:
        gist = summarise(question, found)
        return Choice(gist, 0.0, bool(gist))
    seen = observe(question, asked, found)
    if similarity is not None:
        likely = np.argsort(-_weigh(seen, _WEIGHTS), kind="stable")[:_SHORTLIST]
        compare(passages, seen, likely.tolist(), similarity)
    scores = score(seen)
    picked = extend(seen, scores)
    sure = support(seen, int(scores.argmax()))
    chosen = sorted((found[i] for i in picked), key=lambda c: (c.passage, c.start))
    return Choice(tuple(chosen), sure, sure >= 0)


def score(seen: Seen) -> FloatArray:
    """How well each sentence answers: float32 (n,); a heading never does, unless there is nothing else."""
    scores = _weigh(seen, _WEIGHTS_COMPARED if "alike" in seen.values else _WEIGHTS)
    headings = np.array([heading_level(piece.text) > 0 for piece in seen.pieces])
    if not headings.all():
        scores[headings] = -np.inf
    return scores


def _weigh(seen: Seen, weights: dict[str, float]) -> FloatArray:
    total = np.zeros(len(seen.pieces), dtype=np.float32)
    for name, weight in weights.items():
        total += np.float32(weight) * seen.values[name]
    return total

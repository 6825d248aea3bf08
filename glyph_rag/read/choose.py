"""Choose the sentences that answer a question, without a language model.

A sentence is scored by a weighted sum of a few plain observations (`_observe`). The weights were
fitted offline and are frozen here; the best sentence, and a second one that is nearly as good, are the
answer. Whether they answer at all is decided apart, by how much of the question they and their passage
cover (`_support`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from glyph_rag.corpus.sentences import sentence_spans
from glyph_rag.read.cues import asks_for_name, asks_for_number, asks_for_time, without_cues
from glyph_rag.read.evidence import MATCHED, Analysis, FloatArray, analyse, is_unspaced, matches, rarity

__all__ = ["Choice", "Chosen", "choose"]

Similarity = Callable[[Sequence[str]], FloatArray]

_LONGEST = 600  # characters of one returned sentence
_SHORTLIST = 10  # sentences worth the cost of embedding
_SECOND_WITHIN = 5.0  # how far the second sentence may score below the best

# Fitted by listwise logistic regression (the sentences that hold the gold answer against the rest, three
# passages a question) on half of the articles of XQuAD en, zh, ar, de and CMRC 2018 dev, and again of en and
# zh alone; each weight is a round number near those two fits. The second table: XQuAD en with MiniLM. The
# penalty for "repeats" is set by hand.
_WEIGHTS = {
    "own": 9.0,  # share of the question's words, by rarity, that stand in the sentence
    "context": 3.5,  # and what the sentence before adds to that: pronouns stand for what was said there
    "passage": 4.0,  # the same share for the whole passage
    "rarest": 2.2,  # rarity of the rarest question word in the sentence
    "rank": 2.8,  # 1, 1/2, 1/3 ... for the first, second, third passage
    "number": 3.0,  # the question asks for a number and the sentence brings a new one
    "year": 2.3,
    "name": 0.8,
    "repeats": -4.0,  # only the question's own words, or it asks something itself, or is a title
}
_WEIGHTS_COMPARED = {
    "own": 6.5, "context": 2.3, "passage": 3.5, "rarest": 1.4, "rank": 2.2,
    "number": 4.0, "year": 1.8, "name": 1.5, "repeats": -4.0,
    "alike": 3.3,  # cosine of the question and the sentence
    "alike_in_context": 5.2,  # and of the question and the sentence together with the one before it
}  # fmt: skip

# Where the line runs between answering and not. Weights: a logistic regression of answered questions against
# questions whose article was taken away or that were asked of another corpus. Lines: they lose about 2 points
# of right answers on XQuAD, all questions counted. Character pairs overlap less than words.
_LINE_WORDS, _LINE_PAIRS = 3.0, 1.65
_LINE_WORDS_COMPARED, _LINE_PAIRS_COMPARED = 10.8, 9.8

_HEADING = re.compile(r"#{1,6}\s")
_YEAR = re.compile(r"(?<!\d)(?:1\d{3}|20\d{2})(?!\d)")
_SOFT_BREAK = re.compile(r"[;:,；：，、،؛]\s*|\s+")
_STRONG_BREAK = re.compile(r"[;:,；：，、،؛]\s*")
_QUESTION_END = re.compile(r"[?？؟\u037e][\"'”’」』)\]]*\Z")


@dataclass(frozen=True)
class Chosen:
    """A sentence that was chosen.

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


@dataclass(frozen=True)
class Choice:
    """What was chosen for a question.

    Attributes:
        sentences: At most two sentences, in reading order; empty only where the passages hold no words.
        score: How well the passages support an answer; 0 is the line between answering and not.
        answered: Whether the sentences answer the question. Where False they are merely the nearest.
    """

    sentences: tuple[Chosen, ...]
    score: float
    answered: bool


def choose(question: str, passages: Sequence[str], similarity: Similarity | None = None) -> Choice:
    """Choose at most two sentences that answer a question.

    Args:
        question: The question, in any language.
        passages: The texts to choose from, best first.
        similarity: How alike each given text and the question are, on the scale of `likeness`; None where no embedder
            knows the language.
    """
    candidates = [piece for number, text in enumerate(passages) for piece in _pieces(number, text)]
    asked = analyse(without_cues(question))
    if not candidates or not asked.words:
        return Choice((), float("-inf"), False)
    analyses = [analyse(candidate.text) for candidate in candidates]
    seen = _observe(question, asked, candidates, analyses)
    if similarity is not None:
        _compare(passages, candidates, seen, similarity)
    scores = _weigh(seen, _WEIGHTS if similarity is None else _WEIGHTS_COMPARED)
    headings = np.array([_HEADING.match(candidate.text) is not None for candidate in candidates])
    if not headings.all():
        scores[headings] = -np.inf
    order = np.argsort(-scores, kind="stable")
    picked = [int(order[0])]
    for other in order[1:]:
        if scores[other] < scores[picked[0]] - _SECOND_WITHIN:
            break
        if candidates[other].text != candidates[picked[0]].text:
            picked.append(int(other))
            break
    support = _support(seen, picked[0], question)
    chosen = sorted((candidates[i] for i in picked), key=lambda c: (c.passage, c.start))
    return Choice(tuple(chosen), support, support >= 0)


def _pieces(number: int, text: str) -> list[Chosen]:
    """The sentences of a passage; one that is too long to quote is cut at its commas."""
    pieces: list[Chosen] = []
    for start, end in sentence_spans(text):
        while end - start > _LONGEST:
            cut = _last_break(text, start, start + _LONGEST)
            pieces.append(Chosen(number, start, cut, text[start:cut]))
            start = cut
        if text[start:end].strip():
            pieces.append(Chosen(number, start, end, text[start:end]))
    return [_trimmed(piece) for piece in pieces]


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


def _observe(
    question: str,
    asked: Analysis,
    candidates: Sequence[Chosen],
    analyses: Sequence[Analysis],
) -> dict[str, FloatArray]:
    """Everything lexical that is observed of each sentence, each mostly between 0 and 1."""
    wanted = list(dict.fromkeys(asked.words))
    present = list(dict.fromkeys(word for analysis in analyses for word in analysis.words)) or [""]
    column = {word: i for i, word in enumerate(present)}
    alike = matches(wanted, present)
    found = np.zeros((len(wanted), len(candidates)), dtype=np.float32)
    fresh = np.zeros(len(candidates), dtype=np.float32)
    known = alike.max(axis=0) >= MATCHED
    for i, analysis in enumerate(analyses):
        columns = [column[word] for word in analysis.words]
        if columns:
            found[:, i] = alike[:, columns].max(axis=1)
            fresh[i] = not known[columns].all()
    passage = np.array([candidate.passage for candidate in candidates])
    before = np.zeros_like(found)
    before[:, 1:] = found[:, :-1] * (passage[1:] == passage[:-1])
    whole = np.stack([found[:, passage == p].max(axis=1) for p in passage], axis=1)

    local = rarity(found >= MATCHED)
    # A long word says more than a short one as rare.
    weight = local * np.array([min(len(word), 8) / 8 for word in wanted], dtype=np.float32)
    weight = weight / max(float(weight.sum()), 1e-6)
    own = weight @ found
    repeats = np.array(
        [
            not f or bool(_QUESTION_END.search(c.text)) or _looks_like_a_title(c.text)
            for f, c in zip(fresh, candidates, strict=True)
        ]
    )
    return {
        "own": own,
        "context": weight @ np.maximum(found, before) - own,
        "passage": weight @ whole,
        "rarest": ((found >= MATCHED) * local[:, None]).max(axis=0) / np.log1p(2 * len(candidates) + 1),
        "rank": 1 / (passage + np.float32(1)),
        "repeats": repeats.astype(np.float32),
        **_fitting(question, asked, candidates, analyses),
    }


def _looks_like_a_title(text: str) -> bool:
    """A few bare words on a line of their own, as headings are where no mark says so."""
    words = text.split()
    longest = 8 if is_unspaced(text) else 40
    return len(words) <= 5 and len(text) <= longest and all(word.isalpha() for word in words)


def _fitting(
    question: str, asked: Analysis, candidates: Sequence[Chosen], analyses: Sequence[Analysis]
) -> dict[str, FloatArray]:
    """Whether a sentence brings what is asked for and is new: a number, a year, a name."""
    words = set(asked.words)
    years = set(_YEAR.findall(question))

    def flags(wanted: bool, values: Sequence[bool]) -> FloatArray:
        return np.array([wanted and value for value in values], dtype=np.float32)

    return {
        "number": flags(asks_for_number(question), [bool(a.numbers - asked.numbers - words) for a in analyses]),
        "year": flags(asks_for_time(question), [bool(set(_YEAR.findall(c.text)) - years) for c in candidates]),
        "name": flags(asks_for_name(question), [bool(a.names - words) for a in analyses]),
    }


def _compare(
    passages: Sequence[str], candidates: Sequence[Chosen], seen: dict[str, FloatArray], similarity: Similarity
) -> None:
    """Add what the embedder sees of the likely sentences: alone, and with the one before for pronouns."""
    order = [int(i) for i in np.argsort(-_weigh(seen, _WEIGHTS), kind="stable")[:_SHORTLIST]]
    alone = [candidates[i].text for i in order]
    joined = []
    for i in order:
        one, last = candidates[i], candidates[i - 1] if i else candidates[i]
        start = last.start if last.passage == one.passage else one.start
        joined.append(passages[one.passage][start : one.end])
    texts = list(dict.fromkeys([*alone, *joined]))
    cosine = dict(zip(texts, np.asarray(similarity(texts), dtype=np.float32), strict=True))
    for name, of in (("alike", alone), ("alike_in_context", joined)):
        # The others cannot be better than the least alike of the shortlist; they stay behind it.
        values = np.full(len(candidates), min(cosine.values()), dtype=np.float32)
        values[order] = [cosine[text] for text in of]
        seen[name] = values


def _weigh(seen: dict[str, FloatArray], weights: dict[str, float]) -> FloatArray:
    total = np.zeros_like(seen["own"])
    for name, weight in weights.items():
        total += np.float32(weight) * seen[name]
    return total


def _support(seen: dict[str, FloatArray], best: int, question: str) -> float:
    """How sure it is that something answers, judged by the best sentence; 0 is the line."""
    near = float(seen["own"][best] + seen["context"][best])
    passage = float(seen["passage"][best])
    in_pairs = is_unspaced(question)
    if "alike" in seen:
        alike = float(max(seen["alike"][best], seen["alike_in_context"][best]))
        return 6.9 * near + 1.9 * passage + 18.1 * alike - (_LINE_PAIRS_COMPARED if in_pairs else _LINE_WORDS_COMPARED)
    return 9.3 * near + 3.7 * passage - (_LINE_PAIRS if in_pairs else _LINE_WORDS)

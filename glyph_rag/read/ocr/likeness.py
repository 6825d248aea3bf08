"""How alike a question and a sentence are, on one scale for every embedder.

Embedders spread their cosines differently: two texts that have nothing in common score about 0.06 with MiniLM and
0.72 with multilingual-e5. What the sentence chooser was fitted on is MiniLM's scale, so the cosines of another
embedder are moved to it: its own level for unrelated texts is measured, and put where MiniLM's is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from glyph_rag.embed.embedder import Embedder, FloatArray
from glyph_rag.embed.language import knows
from glyph_rag.read.question.evidence import is_unspaced

_UNRELATED = 0.059
"""Mean cosine of the English pairs below with MiniLM."""

_QUESTIONS = (
    "How tall is the tower?",
    "Who wrote the letter?",
    "When does the shop open?",
    "What is the price of a ticket?",
)
_SENTENCES = (
    "Cats sleep most of the day.",
    "The engine needs new oil.",
    "Rain fell on the hills all night.",
    "She plays the violin in an orchestra.",
    "Bread is baked from flour and water.",
    "The committee met on Tuesday.",
)
_QUESTIONS_UNSPACED = ("这座塔有多高？", "谁写了这封信？", "商店几点开门？", "一张票多少钱？")
_SENTENCES_UNSPACED = (
    "猫一天的大部分时间都在睡觉。",
    "发动机需要换机油。",
    "雨在山上下了一整夜。",
    "她在乐团里拉小提琴。",
    "面包是用面粉和水做的。",
    "委员会星期二开会。",
)


class Likeness:
    """Compares sentences with questions. Safe to call from several threads."""

    def __init__(self, embedder: Embedder) -> None:
        """Costs nothing; an embedder's level is measured at the first question that it knows the language of."""
        self._embedder = embedder
        self._levels: dict[bool, float] = {}
        self._lock = threading.Lock()

    def of(self, question: str) -> Callable[[Sequence[str]], FloatArray] | None:
        """A function from n texts to their likeness with the question, float32 (n,), 1 for the same words.

        None where the embedder does not know the question's language.
        """
        if not knows(self._embedder.info.languages, question):
            return None
        vector = self._embedder.embed_queries([question])[0]
        level = self._level(is_unspaced(question))
        stretch = (1 - _UNRELATED) / (1 - level)

        def likeness(texts: Sequence[str]) -> FloatArray:
            cosines: FloatArray = self._embedder.embed_documents(texts) @ vector
            return _UNRELATED + (cosines - level) * stretch

        return likeness

    def _level(self, unspaced: bool) -> float:
        """The embedder's mean cosine of texts that have nothing in common, at most 0.95."""
        with self._lock:
            if unspaced not in self._levels:
                questions = self._embedder.embed_queries(_QUESTIONS_UNSPACED if unspaced else _QUESTIONS)
                sentences = self._embedder.embed_documents(_SENTENCES_UNSPACED if unspaced else _SENTENCES)
                self._levels[unspaced] = min(float((questions @ sentences.T).mean()), 0.95)
            return self._levels[unspaced]

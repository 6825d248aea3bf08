"""The steps of GlyphRAGChain: what is asked, the search, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping

from glyph_rag.errors import InputError
from glyph_rag.read.answer import Answer
from glyph_rag.read.plan import Turn
from glyph_rag.search.filters import Filter
from glyph_rag.search.hit import Hit
from pydantic import PrivateAttr

from langchain_glyph_rag.answering import Inputs
from langchain_glyph_rag.answers import CheckedText, citations_of, usage_of
from langchain_glyph_rag.content import QUESTION_KEYS, question_of, turns_of
from langchain_glyph_rag.retriever import GlyphRetriever


class Search(GlyphRetriever):
    """A search that remembers its hits, so that LangChain sees a retriever at work and the reader gets the pages."""

    _found: list[Hit] = PrivateAttr(default_factory=list)

    @property
    def found(self) -> list[Hit]:
        """The pages, with what of them earned the hits."""
        return self._found

    def hits(self, query: str, k: int, filter: Filter | None, min_score: float, mmr: float | None) -> list[Hit]:
        """As `GlyphRetriever.hits`, remembered."""
        self._found = super().hits(query, k, filter, min_score, mmr)
        return self._found


def asked(inputs: Inputs) -> tuple[str, tuple[Turn, ...]]:
    """The question, and the conversation so far.

    Raises:
        InputError: There is no question.
    """
    question = question_of(inputs) if isinstance(inputs, Mapping) else ""
    if not question:
        raise InputError("there is no question", hint=f"give a dictionary with one of {', '.join(QUESTION_KEYS)}")
    return question, turns_of(inputs.get("chat_history") or ())


def result(answer: Answer, *, told: bool = False) -> dict[str, object]:
    """What is known when an answer has been checked.

    Args:
        answer: The answer.
        told: Whether its words have been passed on already.
    """
    citations = citations_of(answer)
    return {
        "answer": CheckedText(answer, citations, "" if told else None),
        "citations": citations,
        "supported": answer.supported,
        "usage": usage_of(answer),
    }

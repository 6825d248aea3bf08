"""Hit: a page with its score and the chunks that earned it."""

from __future__ import annotations

from dataclasses import dataclass

from glyph_rag.corpus.document import Chunk
from glyph_rag.typeset.page import Page


@dataclass(frozen=True)
class Hit:
    """One result of a search.

    Attributes:
        score: 0 to 1. 1 is a page that is best both in meaning and in words, of all that the question found; so scores
            compare within one search, and in those that go on from it by a cursor. Where the question names something
            word by word, pages with it have the upper part of the scale for themselves (docs/search.md).
        page: The page.
        chunks: The chunks of the page that matched, best first.
        cursor: Give it to `search` as `after`, with the same question, to get what comes after this hit.
    """

    score: float
    page: Page
    chunks: tuple[Chunk, ...]
    cursor: str = ""

"""Hit: a page with its score and the chunks that earned it."""

from __future__ import annotations

from dataclasses import dataclass

from glyph_rag.corpus.document import Chunk
from glyph_rag.typeset.page import Page


@dataclass(frozen=True)
class Hit:
    """One result of a search.

    Attributes:
        score: Higher is better; comparable within one search only.
        page: The page.
        chunks: The chunks of the page that matched, best first.
    """

    score: float
    page: Page
    chunks: tuple[Chunk, ...]

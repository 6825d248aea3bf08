"""What a plan takes of the conversation so far: the last turns as text, older ones on pages, which cost less."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.split import split
from glyph_rag.read.plan import Turn
from glyph_rag.read.planning.sheets import Sheet, profile_for
from glyph_rag.read.prompt import page_heading, prompt_texts
from glyph_rag.read.reader import Sight
from glyph_rag.typeset.page import make_pages
from glyph_rag.typeset.profile import PRESETS

_RECENT = 2
"""Turns that are always given as text: a question most often goes on from what was said last."""


@dataclass(frozen=True, eq=False)
class Memory:
    """What is taken of a conversation.

    Attributes:
        turns: What is given as text, oldest first.
        sheets: Pages of what was said before that, labelled "H1", "H2", ...
        text_tokens: What `turns` cost.
        image_tokens: What the pages cost, headings not counted.
        heading_tokens: What the headings of the pages cost.
    """

    turns: tuple[Turn, ...] = ()
    sheets: tuple[Sheet, ...] = ()
    text_tokens: int = 0
    image_tokens: int = 0
    heading_tokens: int = 0

    @property
    def tokens(self) -> int:
        """What all of it costs."""
        return self.text_tokens + self.image_tokens + self.heading_tokens


def remember(turns: Sequence[Turn], sight: Sight, room: int | None, *, as_text: bool) -> Memory:
    """As much of a conversation as there is room for; the oldest turns are forgotten first.

    Args:
        turns: All of it, oldest first.
        sight: What the reader pays.
        room: Tokens at most, or None.
        as_text: Give all of it as text.
    """
    for first in range(len(turns)):
        memory = _take(turns[first:], sight, as_text=as_text)
        if room is None or memory.tokens <= room:
            return memory
    return Memory()


def _take(turns: Sequence[Turn], sight: Sight, *, as_text: bool) -> Memory:
    plain = Memory(tuple(turns), text_tokens=_cost(turns, sight))
    older, recent = turns[:-_RECENT], tuple(turns[-_RECENT:])
    if as_text or not older:
        return plain
    text = "\n\n".join(f"Q: {turn.question}\nA: {turn.answer}" for turn in older)
    document = Document("conversation", text, source="earlier in this conversation")
    pages = make_pages(document, split(document), profile_for(PRESETS["careful"], sight.rule))
    sheets = tuple(
        Sheet(f"H{number}", page, None, (), "what was said before") for number, (page, _) in enumerate(pages, 1)
    )
    heading = sum(sight.count_text(page_heading((sheet.label,))) for sheet in sheets)
    images = sum(sight.rule.tokens(*sheet.size) for sheet in sheets)
    drawn = Memory(recent, sheets, _cost(recent, sight), images, heading)
    return drawn if drawn.tokens < plain.tokens else plain


def _cost(turns: Sequence[Turn], sight: Sight) -> int:
    with_turns, without = prompt_texts("", turns), prompt_texts("", ())
    return sum(map(sight.count_text, with_turns)) - sum(map(sight.count_text, without))

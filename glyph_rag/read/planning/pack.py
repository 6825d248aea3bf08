"""What is shown of which hit, within a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from glyph_rag.corpus.document import Chunk
from glyph_rag.errors import InputError
from glyph_rag.read.plan import Omission, PlanText
from glyph_rag.read.planning.density import Density
from glyph_rag.read.planning.sheets import Sheet, profile_for
from glyph_rag.read.prompt import page_heading, words_of
from glyph_rag.read.reader import Sight
from glyph_rag.search.hit import Hit
from glyph_rag.typeset.page import Page, cut, repage
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.typeset.render import page_label

ANY_LABEL = "P99"
"""Stands for a label that is not known yet: they all take as many tokens, nearly always."""


@dataclass(frozen=True, eq=False)
class Part:
    """Something that can be shown of a hit.

    Attributes:
        sheet: The words, as a page.
        tokens: What it costs, its label included.
    """

    sheet: Sheet
    tokens: int


@dataclass
class Choice:
    """What is shown of one hit: its whole page, its best passages, or the page and then the passages again."""

    hit: Hit
    whole: list[Part] = field(default_factory=list)
    passages: list[Part] = field(default_factory=list)

    @property
    def parts(self) -> list[Part]:
        """In the order in which they are shown."""
        return [*self.whole, *self.passages]


class Packer:
    """Fills a budget with what was found."""

    def __init__(self, sight: Sight, density: Density, left: int | None) -> None:
        """
        Args:
            sight: What the reader pays.
            density: How things are shown.
            left: Tokens that there are for it, or None for any number.
        """
        self._sight, self._density, self.left = sight, density, left
        self._heading = sight.count_text(page_heading((ANY_LABEL,)))

    def pack(self, hits: Sequence[Hit], reserve: int) -> tuple[list[Choice], list[Omission]]:
        """The best passages of every hit as far as there is room, then whole pages, both in the order of the hits.

        Args:
            hits: What was found, best first.
            reserve: Tokens that whole pages have to leave.

        Raises:
            InputError: There are hits, and there is no room for any.
        """
        if self.left is None and self._density.focus is None:
            return [Choice(hit, whole=self._whole(hit)) for hit in hits], []
        choices, omitted, least = [], [], 0
        for hit in hits:
            options = list(self._passages(hit))
            found = next((parts for parts in options if self._take(cost(parts))), None)
            if found is not None:
                choices.append(Choice(hit, passages=found))
                continue
            omitted.append(Omission(page_label(hit.page), "there is no room for its best passage in the budget"))
            least = min(least or cost(options[-1]), cost(options[-1]))
        if hits and not choices:
            raise InputError(
                "there is no room in the budget for anything that was found",
                hint=f"the shortest passage needs {least - (self.left or 0):,} tokens more",
            )
        for choice in choices:
            self._widen(choice, reserve)
        return choices, omitted

    def _widen(self, choice: Choice, reserve: int) -> None:
        """Shows the whole page if there is room for it, beside its passages in focus or instead of its passages.

        If there is none, as many of the chunks around the best passage as there is room for.
        """
        whole, again = self._whole(choice.hit), self._density.focus is not None
        if again:
            larger = self._whole_in_focus(choice.hit)
            if cost(larger) <= cost(whole) + cost(choice.passages):
                whole, again = larger, False
        freed = 0 if again else cost(choice.passages)
        if not self._take(cost(whole) - freed, reserve):
            whole = self._most_around(choice, (self.left or 0) + freed - reserve, again=again)
            self.left = (self.left or 0) - (cost(whole) - freed if whole else 0)
        if whole:
            choice.whole = whole
            choice.passages = choice.passages if again else []

    def _most_around(self, choice: Choice, room: int, *, again: bool) -> list[Part]:
        """The part of the page around its best passage that fills some room, if it is more than is shown already."""
        page, chunks = choice.hit.page, choice.hit.chunks
        if not chunks:
            return []
        middle = next(at for at, (_, end) in enumerate(page.blocks) if end > chunks[0].start)
        held = [at for at, (a, b) in enumerate(page.blocks) if any(c.start < b and c.end > a for c in chunks)]
        found: list[Part] = []
        fewest, most = max(abs(at - middle) for at in held), len(page.blocks)
        while fewest < most:
            reach = (fewest + most + 1) // 2
            around = page.blocks[max(0, middle - reach) : middle + reach + 1]
            part = cut(page, around[0][0], around[-1][1])
            why = f"as much around the best passage as there is room for, {self._density.name}"
            profile = self._density.profile if again or self._density.focus is None else self._density.focus
            parts = list(self._set(part, page, () if again else chunks, profile, why))
            if cost(parts) <= room:
                found, fewest = parts, reach
            else:
                most = reach - 1
        return found

    def _take(self, tokens: int, reserve: int = 0) -> bool:
        if self.left is None:
            return True
        if tokens > 0 and tokens + reserve > self.left:
            return False
        self.left -= tokens
        return True

    def _whole(self, hit: Hit) -> list[Part]:
        chunks = () if self._density.focus else hit.chunks
        return list(self._set(hit.page, hit.page, chunks, self._density.profile, f"whole page, {self._density.name}"))

    def _whole_in_focus(self, hit: Hit) -> list[Part]:
        """The whole page at the size of its passages: on a short page that costs less than to show them twice."""
        profile = self._density.focus or self._density.profile
        why = "whole page, careful: for less than a denser page and its passages again"
        return list(self._set(hit.page, hit.page, hit.chunks, profile, why))

    def _passages(self, hit: Hit) -> Iterator[list[Part]]:
        """What can be shown of a hit instead of its page: all that earned it, or only the best of that."""
        focus = self._density.focus
        why = "best passage again, larger" if focus else "best passage only"
        for chunks in dict.fromkeys((hit.chunks, hit.chunks[:1])):
            parts: list[Part] = []
            for start, end in _runs(hit.page, chunks) if chunks else [(hit.page.start, hit.page.end)]:
                part = cut(hit.page, start, end)
                parts += self._set(part, hit.page, chunks, focus or self._density.profile, why)
            yield parts

    def _set(self, part: Page, home: Page, chunks: Sequence[Chunk], profile: RenderProfile, why: str) -> Iterator[Part]:
        if self._density.mode == "text":
            text = PlanText("passage", ANY_LABEL, page_label(part), part.text, 0)
            yield Part(Sheet("", part, home, tuple(chunks), why), self._sight.count_text(words_of(text)))
            return
        for page in repage(part, profile_for(profile, self._sight.rule)):
            here = tuple(chunk for chunk in chunks if chunk.start < page.end and chunk.end > page.start)
            sheet = Sheet("", page, home, here, why)
            yield Part(sheet, self._sight.rule.tokens(*sheet.size) + self._heading)


def cost(parts: Sequence[Part]) -> int:
    """What they cost together."""
    return sum(part.tokens for part in parts)


def _runs(page: Page, chunks: Sequence[Chunk]) -> Iterator[tuple[int, int]]:
    """The stretches of a page that chunks make up; blocks that follow one another make one."""
    wanted = [(a, b) for a, b in page.blocks if any(chunk.start < b and chunk.end > a for chunk in chunks)]
    followers = dict(zip(page.blocks, page.blocks[1:], strict=False))
    start: int | None = None
    for block in wanted:
        start = block[0] if start is None else start
        if followers.get(block) not in wanted:
            yield start, block[1]
            start = None

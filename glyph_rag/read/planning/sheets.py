"""Pages to images as a reader takes them: on its grid, within its size, and small pages below each other."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from glyph_rag.corpus.document import Chunk
from glyph_rag.errors import InputError
from glyph_rag.read.plan import Passage, PlanPage
from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.glyphs.ink import Levels
from glyph_rag.typeset.imagetokens import ImageTokenRule
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.typeset.render import page_key, page_label
from glyph_rag.typeset.scripts import scripts_of

_MUCH_LESS = 0.9
_TALLEST = 4  # Full pages below each other, where a reader takes only so many images.
_LEAST_SHARE = 0.25
"""Share of its height that a page keeps at least when it is made lower for a reader that would scale it down."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A page that is going to be shown.

    Attributes:
        label: What it is called in the plan; "" until it is known.
        page: The page, under the profile in which it is shown.
        home: The page of the store that it is, or is a part of; None for turns of a conversation.
        chunks: The chunks on it that earned the hit and are to be read here, best first.
        why: Why it is shown.
    """

    label: str
    page: Page
    home: Page | None
    chunks: tuple[Chunk, ...] = field(repr=False)
    why: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        return self.page.layout.width, self.page.layout.height

    @property
    def title(self) -> str:
        """What stands in the strip at its top."""
        return f"[{self.label}] {page_label(self.page)}"

    def passages(self, down: int) -> tuple[Passage, ...]:
        """Where its chunks stand in an image in which it begins `down` pixels below the top."""
        return tuple(self._passage(chunk, down) for chunk in sorted(self.chunks, key=lambda chunk: chunk.start))

    def _passage(self, chunk: Chunk, down: int) -> Passage:
        lines = self.page.layout.lines_of(chunk.start, chunk.end)
        moved = tuple(Box(line.x0, line.y0 + down, line.x1, line.y1 + down) for line in lines)
        return Passage(self.label, moved, scripts_of(chunk.text, share=0.2), self.page.profile.column_width)


def profile_for(profile: RenderProfile, rule: ImageTokenRule) -> RenderProfile:
    """The profile on the reader's grid: as near as can be, so that no pixel is resampled and no patch is begun in vain.

    A page that the reader would scale down is made lower. Where no height helps, as with readers that bring every
    image to one size, it stays as it is.
    """
    patch = rule.patch
    if patch is not None and patch != profile.patch:
        width, height = (max(patch, round(side / patch) * patch) for side in (profile.width, profile.height))
        profile = replace(profile, width=width, height=height, patch=patch)
    step = profile.patch
    for height in range(profile.height, int(_LEAST_SHARE * profile.height), -step):
        if not is_scaled_down(rule, profile.width, height):
            return profile if height == profile.height else replace(profile, height=height)
    return profile


def is_scaled_down(rule: ImageTokenRule, width: int, height: int) -> bool:
    """Whether a reader sees an image of `width` x `height` pixels with fewer of them, or not at all."""
    try:
        seen = rule.resized(width, height)
    except InputError:
        return True
    return seen[0] < width or seen[1] < height


def gather(sheets: Sequence[Sheet], rule: ImageTokenRule, heading: int, max_images: int | None) -> list[list[Sheet]]:
    """Which pages go on one image: neighbours that fill no page, where that saves much or there may be no more images.

    Args:
        sheets: The pages, in order.
        rule: What an image costs.
        heading: Tokens of what stands before an image in the prompt.
        max_images: Images at most. Pages stay apart all the same where together they would be too large for the reader.
    """
    groups: list[list[Sheet]] = []
    for sheet in sheets:
        if groups and _belongs(groups[-1], [sheet], rule, heading):
            groups[-1].append(sheet)
        else:
            groups.append([sheet])
    while max_images is not None and len(groups) > max_images:
        pairs = [(size_of(a + b)[1], at) for at, (a, b) in enumerate(pairwise(groups)) if _fit(a, b, rule, _TALLEST)]
        if not pairs:
            break
        _, at = min(pairs)
        groups[at : at + 2] = [groups[at] + groups[at + 1]]
    return groups


def _belongs(above: list[Sheet], below: list[Sheet], rule: ImageTokenRule, heading: int) -> bool:
    """Whether one image costs much less than two."""
    if not _fit(above, below, rule, 1):
        return False
    apart = rule.tokens(*size_of(above)) + rule.tokens(*size_of(below)) + 2 * heading
    together = rule.tokens(*size_of(above + below)) + heading
    return together <= _MUCH_LESS * apart


def _fit(above: list[Sheet], below: list[Sheet], rule: ImageTokenRule, pages: int) -> bool:
    """Whether pages can stand below each other on an image as high as some full pages."""
    sheets = above + below
    looks = {(sheet.page.profile.ink, sheet.page.profile.paper) for sheet in sheets}
    width, height = size_of(sheets)
    full = max(sheet.page.profile.height for sheet in sheets)
    alone = any(is_scaled_down(rule, *size_of(part)) for part in (above, below))
    return len(looks) == 1 and height <= pages * full and (alone or not is_scaled_down(rule, width, height))


def size_of(sheets: Sequence[Sheet]) -> tuple[int, int]:
    """Width and height of an image of pages below each other, in pixels."""
    return max(sheet.size[0] for sheet in sheets), sum(sheet.size[1] for sheet in sheets)


def draw_sheets(sheets: Sequence[Sheet], tokens: int, cache: PageCache | None) -> PlanPage:
    """One image of pages below each other.

    Args:
        sheets: The pages; all of one ink and paper.
        tokens: What the image costs.
        cache: Where image files are kept.
    """
    passages: list[Passage] = []
    down = 0
    for sheet in sheets:
        passages += sheet.passages(down)
        down += sheet.size[1]
    keys = [page_key(sheet.page, sheet.title) for sheet in sheets]
    profile = sheets[0].page.profile
    return PlanPage(
        labels=tuple(sheet.label for sheet in sheets),
        page_ids=tuple(sheet.home.id for sheet in sheets if sheet.home is not None),
        levels=_stack(sheets),
        ink=profile.ink,
        paper=profile.paper,
        passages=tuple(passages),
        tokens=tokens,
        why="; ".join(dict.fromkeys(sheet.why for sheet in sheets)),
        key=keys[0] if len(keys) == 1 else hashlib.sha256("\n".join(keys).encode("ascii")).hexdigest(),
        cache=cache,
    )


def _stack(sheets: Sequence[Sheet]) -> Levels:
    drawn = [sheet.page.levels(sheet.title) for sheet in sheets]
    if len(drawn) == 1:
        return drawn[0]
    width, height = size_of(sheets)
    levels = np.zeros((height, width), np.uint8)
    down = 0
    for part in drawn:
        levels[down : down + part.shape[0], : part.shape[1]] = part
        down += part.shape[0]
    return levels

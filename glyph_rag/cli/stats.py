"""What rendered pages cost each family of readers, counted while they go by."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from glyph_rag.errors import InputError
from glyph_rag.typeset.tokens import estimate_text_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.table import Table

    from glyph_rag.typeset.imagetokens import ModelFamily
    from glyph_rag.typeset.render import RenderedPage


@dataclass(frozen=True)
class Cost:
    """What pages cost one family of readers.

    Attributes:
        tokens: Tokens of all pages.
        resampled: How many pages are scaled before the model sees them; None where nobody says.
    """

    tokens: int
    resampled: int | None


@dataclass
class PageStats:
    """Sums over pages.

    Attributes:
        characters: Characters on the pages, white space included.
        text_tokens: What their text would cost as text (an estimate).
        sizes: How many pages there are of each width and height.
    """

    characters: int = 0
    text_tokens: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)

    def add(self, rendered: RenderedPage) -> None:
        """Counts a page."""
        self.characters += len(rendered.page.text)
        self.text_tokens += estimate_text_tokens(rendered.page.text)
        self.sizes[rendered.width, rendered.height] += 1

    def table(self) -> Table:
        """The costs, one reader family a row."""
        from rich import box
        from rich.table import Table

        from glyph_rag.typeset.imagetokens import FAMILIES

        table = Table("reader", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
        for title in ("image tokens", "chars/token", "compression", "resampled"):
            table.add_column(title, justify="right", no_wrap=True)
        for family in FAMILIES:
            table.add_row(family.name, *self._cells(cost_of(family, self.sizes)))
        return table

    def _cells(self, cost: Cost | None) -> tuple[str, ...]:
        if cost is None:
            return ("refused", "-", "-", "-")
        resampled = "-" if cost.resampled is None else f"{cost.resampled / self.sizes.total():.0%}"
        return (
            f"{cost.tokens:,}",
            f"{self.characters / cost.tokens:.2f}",
            f"{self.text_tokens / cost.tokens:.2f}",
            resampled,
        )


def cost_of(family: ModelFamily, sizes: Mapping[tuple[int, int], int]) -> Cost | None:
    """What pages of these sizes cost, or None if the family refuses one of them."""
    tokens = resampled = 0
    try:
        for size, pages in sizes.items():
            tokens += pages * family.rule.tokens(*size)
            resampled += pages * bool(family.resamples(*size))
    except InputError:
        return None
    return Cost(tokens, resampled if family.shows_size else None)

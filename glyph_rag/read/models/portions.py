"""Portions of a plan, for readers that cannot be shown all of it at once."""

from __future__ import annotations

from dataclasses import replace

from glyph_rag.read.plan import ReadingPlan
from glyph_rag.typeset.imagetokens import ImageTokenRule


def image_cost(plan: ReadingPlan, rule: ImageTokenRule) -> int:
    """Tokens that the images of a plan cost by a rule.

    Raises:
        InputError: By the rule the model refuses an image of such a shape.
    """
    return sum(rule.tokens(*page.size) for page in plan.pages)


def in_groups(plan: ReadingPlan, size: int) -> list[ReadingPlan]:
    """The plan in parts of at most `size` images, in order; what is shown as text goes with the first."""
    if len(plan.pages) <= size:
        return [plan]
    parts = [replace(plan, pages=plan.pages[at : at + size]) for at in range(0, len(plan.pages), size)]
    return [parts[0], *(replace(part, texts=()) for part in parts[1:])]


def first_pages(plan: ReadingPlan, count: int) -> ReadingPlan:
    """The plan with its first images alone, which are the best, and without the texts of pages that are left out."""
    kept, left = plan.pages[:count], plan.pages[count:]
    gone = {label for page in left for label in page.labels} - {label for page in kept for label in page.labels}
    return replace(plan, pages=kept, texts=tuple(text for text in plan.texts if text.label not in gone))


def first_passages(plan: ReadingPlan) -> ReadingPlan:
    """The plan without the second half of the passages that stand for pages of their own; something always stays."""
    pictured = {label for page in plan.pages for label in page.labels}
    alone = [text.label for text in plan.texts if text.label and text.label not in pictured]
    left = frozenset(alone[max(0 if pictured else 1, len(alone) // 2) :])
    return replace(plan, texts=tuple(text for text in plan.texts if text.label not in left))

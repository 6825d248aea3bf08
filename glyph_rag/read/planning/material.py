"""What there is to make a plan from: the question and what was found, what the user wants, and who is to read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glyph_rag.read.plan import Mode, Turn
from glyph_rag.read.planning.receipt import Receipts
from glyph_rag.read.reader import Sight
from glyph_rag.search.hit import Hit
from glyph_rag.typeset.profile import RenderProfile


@dataclass(frozen=True)
class PlanSettings:
    """What the user wants of a plan.

    Attributes:
        mode: As images, as text, or whichever costs less.
        density: How pages are set: a preset's name or a profile; None for that of the store.
        budget: Tokens that the whole prompt may have; what the reader takes where None.
        exact: Whether exact strings are sent as text beside the images.
        focus: Whether the best passages are shown again, larger, where pages may be too dense for the reader.
    """

    mode: Mode = "image"
    density: str | RenderProfile | None = None
    budget: int | None = None
    exact: bool = True
    focus: bool = True


@dataclass(frozen=True, eq=False)
class Material:
    """What there is to plan with.

    Attributes:
        question: The question.
        hits: The pages that were found, best first.
        turns: The conversation so far, oldest first.
        schema: A JSON schema that the reply has to fit, or an empty string.
    """

    question: str
    hits: Sequence[Hit]
    turns: Sequence[Turn] = ()
    schema: str = ""


@dataclass(frozen=True)
class Viewer:
    """Who the plan is for.

    Attributes:
        name: The reader's name, under which receipts know it.
        sight: What it can be shown, and what it pays.
        receipts: What was measured of readers; nothing where None.
    """

    name: str
    sight: Sight
    receipts: Receipts | None = None

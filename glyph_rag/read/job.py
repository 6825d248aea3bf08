"""A question on its way through reading: what is wished of the answer, and what was planned for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glyph_rag.read.plan import Excerpt, ReadingPlan
from glyph_rag.read.planning.material import Material, PlanSettings
from glyph_rag.read.structured import Form


@dataclass(frozen=True)
class Wishes:
    """How a question is to be answered.

    Attributes:
        plan: What the reader is shown.
        strict: Leave out every sentence that the source does not support.
        free: Keep an answer of which the source supports no sentence: a summary has words of its own.
        cross_check: Ask through the other channel too.
        form: A form to fill in, or None.
    """

    plan: PlanSettings = field(default_factory=PlanSettings)
    strict: bool = False
    free: bool = False
    cross_check: bool = False
    form: type[Form] | None = None


@dataclass(frozen=True, eq=False)
class Job:
    """A question that has been planned.

    Attributes:
        material: The question and what was found.
        wishes: How to answer it.
        plan: What the reader is shown.
        excerpts: What of the source stands behind its labels.
        seconds: Seconds spent so far, by step.
        planned: When the plan was ready, by `time.perf_counter`.
    """

    material: Material
    wishes: Wishes
    plan: ReadingPlan
    excerpts: tuple[Excerpt, ...]
    seconds: Mapping[str, float]
    planned: float

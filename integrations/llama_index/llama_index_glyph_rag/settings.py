"""How nodes are shown to a model: one value for every seam."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from glyph_rag.errors import InputError
from glyph_rag.read.models.endpoint import Detail
from glyph_rag.read.plan import Mode
from glyph_rag.read.planning.material import PlanSettings
from glyph_rag.typeset.imagetokens import family as family_named
from glyph_rag.typeset.profile import RenderProfile


@dataclass(frozen=True)
class PageSettings:
    """How nodes are shown to a model.

    Attributes:
        mode: As images, as text, or ("auto") as whichever costs less. A request may say otherwise.
        density: How pages are set: "careful", "balanced", "dense" or a profile.
        budget: Tokens that the prompt may have. What does not fit is left out, and a notice says so.
        exact: Whether ids, figures and other exact strings go as text beside the images.
        detail: How closely to look at images, for the providers that let one choose; not sent where None.
        family: What images cost the model: a name in `glyph_rag.typeset.imagetokens`, or the exact name of a model.
            The family that lists the LLM's `model_name` where None.

    Raises:
        InputError: There is no such mode or detail, or the budget is none.
        ProfileError: There is no preset or no family of that name.
    """

    mode: Mode = "image"
    density: str | RenderProfile = "careful"
    budget: int | None = None
    exact: bool = False
    detail: Detail | None = None
    family: str | None = None

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise InputError(f"there is no mode {self.mode!r}", hint=f"one of {', '.join(get_args(Mode))}")
        if self.detail not in (None, *get_args(Detail)):
            raise InputError(f"there is no detail {self.detail!r}", hint=f"one of {', '.join(get_args(Detail))}")
        if self.budget is not None and self.budget < 1:
            raise InputError(f"the budget is {self.budget}", hint="tokens of the whole prompt, or None for no limit")
        if isinstance(self.density, str):
            RenderProfile.preset(self.density)
        if self.family is not None:
            family_named(self.family)

    @property
    def plan(self) -> PlanSettings:
        """The same, as the planner takes it: each node once."""
        return PlanSettings(self.mode, self.density, self.budget, self.exact, focus=False)

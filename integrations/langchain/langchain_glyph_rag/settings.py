"""How passages are shown to a model: one value for every seam."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, get_args

from glyph_rag.errors import InputError
from glyph_rag.passages import Given, Passages, typeset_passages
from glyph_rag.read.models.endpoint import Detail
from glyph_rag.read.plan import Mode
from glyph_rag.read.planning.material import PlanSettings, Viewer
from glyph_rag.typeset.profile import RenderProfile
from langchain_core.runnables.config import ensure_config

MODE_KEY: Final = "glyph_mode"
"""The mode of a single request: `chain.invoke(inputs, config={"configurable": {"glyph_mode": "text"}})`."""


@dataclass(frozen=True)
class PageSettings:
    """How passages are shown to a model.

    Attributes:
        mode: As images, as text, or ("auto") as whichever costs least. A request may say otherwise (`MODE_KEY`).
        density: How pages are set: "careful", "balanced", "dense" or a profile.
        budget: Tokens that the passages may take, with about 250 put by for instructions and the question; as many as
            the model takes where None.
        exact: Whether ids, figures and other exact strings go as text beside the images.
        detail: How closely to look at images, for OpenAI and what speaks like it; not sent where None.
        family: What images cost the model: a name in `glyph_rag.typeset.imagetokens`, or the exact name of a model.
            That of the model itself where None, if it is known.
    """

    mode: Mode = "image"
    density: str | RenderProfile = "careful"
    budget: int | None = None
    exact: bool = False
    detail: Detail | None = None
    family: str | None = None

    def __post_init__(self) -> None:
        _check(self.mode)
        if self.detail is not None and self.detail not in get_args(Detail):
            raise InputError(f"there is no detail {self.detail!r}", hint=f"one of {', '.join(get_args(Detail))}")

    def of_request(self) -> PageSettings:
        """These settings, with the mode that the running request asks for.

        Raises:
            InputError: There is no such mode.
        """
        return replace(self, mode=mode_of_request(self.mode))

    def typeset(self, passages: Sequence[Given], question: str, viewer: Viewer) -> Passages:
        """Sets passages on pages.

        Raises:
            InputError: The budget has no room for any passage.
            ProfileError: There is no such density.
        """
        wanted = PlanSettings(self.mode, self.density, self.budget, exact=self.exact, focus=False)
        return typeset_passages(passages, question, settings=wanted, viewer=viewer)


def mode_of_request(usual: Mode) -> Mode:
    """The mode that the running request asks for, or the usual one.

    Raises:
        InputError: There is no such mode.
    """
    asked: Mode | None = ensure_config().get("configurable", {}).get(MODE_KEY)
    return usual if asked is None else _check(asked)


def _check(mode: Mode) -> Mode:
    if mode not in get_args(Mode):
        raise InputError(f"there is no mode {mode!r}", hint=f"one of {', '.join(get_args(Mode))}")
    return mode

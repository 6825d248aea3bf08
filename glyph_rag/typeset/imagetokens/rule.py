"""What a rule for image tokens promises, and what is known of a family of models that share one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from glyph_rag.errors import InputError

Verified = Literal["processor", "documented", "measured by others"]
"""How a rule was checked: `processor` against the model's own image processor, run; `documented` against the examples
of the maker's documentation or code; `measured by others` against figures that someone else read off an invoice."""


class ImageTokenRule(Protocol):
    """How a model turns the size of an image into tokens of its prompt."""

    @property
    def patch(self) -> int | None:
        """Side in pixels of the square that is charged as a unit; None where cost does not grow by squares."""

    def tokens(self, width: int, height: int) -> int:
        """Tokens that one image of `width` x `height` pixels adds to the prompt, wrappers and separators included.

        Raises:
            InputError: The model refuses an image of this shape.
        """

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height in pixels of the page as the model sees it: of the finest view, without padding.

        A page is resampled where this differs from what is asked.

        Raises:
            InputError: The model refuses an image of this shape.
        """


@dataclass(frozen=True)
class ModelFamily:
    """Models that charge alike for an image.

    Attributes:
        name: What the family is called here.
        models: Ids of models that belong to it, as their makers write them.
        rule: What an image costs.
        source: Where the rule and its figures come from.
        verified: How they were checked.
        notes: What the rule does not say.
        max_images: Images that one request may hold, where the maker names a limit.
        shows_size: Whether the maker says to which size an image is brought.
    """

    name: str
    models: tuple[str, ...]
    rule: ImageTokenRule
    source: str
    verified: Verified
    notes: str = ""
    max_images: int | None = None
    shows_size: bool = True

    def resamples(self, width: int, height: int) -> bool | None:
        """Whether a page of `width` x `height` pixels is scaled before the model sees it; None where nobody says.

        Raises:
            InputError: The model refuses an image of this shape.
        """
        return self.rule.resized(width, height) != (width, height) if self.shows_size else None


def check_size(width: int, height: int) -> None:
    """Refuse what is no image.

    Raises:
        InputError: A side is shorter than one pixel.
    """
    if width < 1 or height < 1:
        raise InputError(f"an image of {width} x {height} pixels has no pixels")


def check_ratio(width: int, height: int, longest: float) -> None:
    """Refuse an image whose long side is more than `longest` times its short side.

    Raises:
        InputError: It is.
    """
    if max(width, height) / min(width, height) > longest:
        raise refused(width, height, f"one side is over {longest:g} times the other")


def refused(width: int, height: int, reason: str) -> InputError:
    """The error for a shape that a model does not take."""
    return InputError(
        f"the model reads no image of {width} x {height} pixels: {reason}", hint="cut the page into several"
    )


def ceil_div(value: int, by: int) -> int:
    """`value / by`, rounded up."""
    return -(-value // by)

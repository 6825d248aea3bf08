"""Rules that lay one grid of patches over the whole image: a token for each patch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from glyph_rag.typeset.imagetokens.rule import ceil_div, check_ratio, check_size, refused


@dataclass(frozen=True)
class PatchRule:
    """Sides rounded to the patch, the area kept within limits, one token for each patch (Qwen-VL, GLM-V, Glyph).

    The arithmetic is that of `smart_resize` in the image processors `qwen2_vl` and `glm4v` of transformers.

    Attributes:
        patch: Side of the square that becomes one token: the vision model's patch times the merge of its patches.
        min_pixels: Fewest pixels, counted over all `frames`.
        max_pixels: Most pixels, counted over all `frames`.
        frames: How often a still image counts against the limits: GLM counts it twice, as it is repeated in time.
        enlarges: Whether an image with a side shorter than the patch is first scaled up to it.
        wrapper: Tokens that mark the begin and the end of the image in the chat template.
        longest_ratio: Long side over short side, at most.
    """

    patch: int
    min_pixels: int
    max_pixels: int
    frames: int = 1
    enlarges: bool = False
    wrapper: int = 2
    longest_ratio: float = 200.0

    def tokens(self, width: int, height: int) -> int:
        """One for each patch of the resized image, and the wrapper."""
        wide, high = self.resized(width, height)
        return (wide // self.patch) * (high // self.patch) + self.wrapper

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Both sides as multiples of the patch, the area within the limits."""
        check_size(width, height)
        if self.enlarges and min(width, height) < self.patch:
            scale = max(self.patch / height, self.patch / width)
            width, height = int(width * scale), int(height * scale)
        check_ratio(width, height, self.longest_ratio)
        high, wide = (round(side / self.patch) * self.patch for side in (height, width))
        pixels = self.frames * high * wide
        if pixels > self.max_pixels:
            shrink = math.sqrt(self.frames * height * width / self.max_pixels)
            high, wide = (
                max(self.patch, math.floor(side / shrink / self.patch) * self.patch) for side in (height, width)
            )
        elif pixels < self.min_pixels:
            grow = math.sqrt(self.min_pixels / (self.frames * height * width))
            high, wide = (math.ceil(side * grow / self.patch) * self.patch for side in (height, width))
        return wide, high


@dataclass(frozen=True)
class RowRule:
    """Shrunk to a longest side, then one token for each patch and one at the end of each row (Pixtral, Mistral 3).

    The arithmetic is that of the image processor `pixtral` of transformers. The last row's mark ends the image.

    Attributes:
        patch: Side of the square that becomes one token: the vision model's patch times the merge of its patches.
        longest: Longest side in pixels.
    """

    patch: int
    longest: int

    def tokens(self, width: int, height: int) -> int:
        """One for each patch, and one for each row."""
        wide, high = self.resized(width, height)
        return (wide // self.patch + 1) * (high // self.patch)

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Both sides rounded up to the patch, after shrinking."""
        check_size(width, height)
        wide, high, ratio = width, height, max(height / self.longest, width / self.longest)
        if ratio > 1:
            wide, high = math.floor(width / ratio), math.floor(height / ratio)
        if min(wide, high) < 1:
            raise refused(width, height, "it is too narrow")
        return ceil_div(wide, self.patch) * self.patch, ceil_div(high, self.patch) * self.patch


@dataclass(frozen=True)
class BudgetRule:
    """Shrunk to a longest side and to a budget of patches, then so many tokens for each patch (OpenAI, 32 px).

    The rule is "Patch-based image tokenization" of OpenAI's guide to images and vision.

    Attributes:
        budget: Most patches; None where there is no limit.
        longest: Longest side in pixels.
        factor: Tokens for each patch, as a decimal fraction: "1.62".
        patch: Side of a patch in pixels.
    """

    budget: int | None
    longest: int
    factor: str
    patch: int = 32

    def tokens(self, width: int, height: int) -> int:
        """Patches times the factor, rounded up; the guide allows one token of difference."""
        return int((self.patches(width, height) * Decimal(self.factor)).to_integral_value(ROUND_CEILING))

    def patches(self, width: int, height: int) -> int:
        """Patches that cover the resized image: what counts against the budget."""
        wide, high = self.resized(width, height)
        return ceil_div(wide, self.patch) * ceil_div(high, self.patch)

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Within the longest side, then within the budget; never enlarged."""
        check_size(width, height)
        if max(width, height) > self.longest:
            scale = self.longest / max(width, height)
            width, height = max(1, round(width * scale)), max(1, round(height * scale))
        covered = ceil_div(width, self.patch) * ceil_div(height, self.patch)
        if self.budget is None or covered <= self.budget:
            return width, height
        return self._within(self.budget, width, height)

    def _within(self, budget: int, width: int, height: int) -> tuple[int, int]:
        """The size at which one side is a whole number of patches and the other keeps the shape.

        In integers: with the guide's floating point, a side meant to be 33 patches may come out as 33 and a bit.
        """
        shrink = math.sqrt(self.patch**2 * budget / (width * height))
        columns, rows = (side * shrink / self.patch for side in (width, height))
        if math.floor(columns) / columns <= math.floor(rows) / rows:
            wide = max(1, math.floor(columns)) * self.patch
            return wide, max(1, height * wide // width)
        high = max(1, math.floor(rows)) * self.patch
        return max(1, width * high // height), high


@dataclass(frozen=True)
class CapRule:
    """Shrunk to the largest size within a longest side and a number of patches, one token for each patch (Claude).

    The rule and its search are those of "Resize your image before uploading" in Anthropic's guide to coordinates.

    Attributes:
        longest: Longest side in pixels, after rounding up to the patch.
        most: Most tokens.
        patch: Side of a patch in pixels.
    """

    longest: int
    most: int
    patch: int = 28

    def tokens(self, width: int, height: int) -> int:
        """One for each patch that the resized image touches."""
        wide, high = self.resized(width, height)
        return ceil_div(wide, self.patch) * ceil_div(high, self.patch)

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The largest size of the same shape within both limits; never enlarged."""
        check_size(width, height)
        if self._fits(width, height):
            return width, height
        low, high = 1, max(width, height)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(*_scaled(width, height, middle)) else (low, middle)
        return _scaled(width, height, low)

    def _fits(self, width: int, height: int) -> bool:
        columns, rows = ceil_div(width, self.patch), ceil_div(height, self.patch)
        return max(columns, rows) * self.patch <= self.longest and columns * rows <= self.most


def _scaled(width: int, height: int, longest: int) -> tuple[int, int]:
    """The same shape with the long side `longest`; the short side is rounded half to even, as the service does."""
    if width >= height:
        return longest, max(1, round(height * longest / width))
    return max(1, round(width * longest / height)), longest

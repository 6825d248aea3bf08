"""Rules that crop: slices and crops cut to the image's own size, and prices for each crop or image."""

from __future__ import annotations

import math
from dataclasses import dataclass

from glyph_rag.typeset.imagetokens.rule import ceil_div, check_size, refused
from glyph_rag.typeset.imagetokens.tiles import nearest_grid


@dataclass(frozen=True)
class FixedRule:
    """The same for every image (Gemma 3 without pan and scan, Gemini 3).

    Attributes:
        each: Tokens of an image, with its wrapper.
        side: Side in pixels of the square to which the image is stretched; None where the maker does not say, and
            then `resized` returns what it is given.
    """

    each: int
    side: int | None

    @property
    def patch(self) -> None:
        """None: cost does not depend on size."""

    def tokens(self, width: int, height: int) -> int:
        """The same for all."""
        check_size(width, height)
        return self.each

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The square, if it is known."""
        check_size(width, height)
        return (width, height) if self.side is None else (self.side, self.side)


@dataclass(frozen=True)
class PanAndScanRule:
    """The whole image, and crops along its long side where it is far from square (Gemma 3).

    The arithmetic is that of `gemma3` in transformers. The words "Here is the original image ... and here are some
    crops to help you see better" are counted as 17 tokens, and a space between crops as one: all are single words.

    Attributes:
        each: Tokens of the whole image and of a crop, with their wrappers.
        side: Side in pixels of the square to which the image and each crop is stretched.
        smallest: Shortest side of a crop in pixels.
        most: Most crops.
        from_ratio: Long side over short side from which an image is cropped.
        words: Tokens of the words around the crops.
    """

    each: int
    side: int
    smallest: int = 256
    most: int = 4
    from_ratio: float = 1.2
    words: int = 17

    @property
    def patch(self) -> None:
        """None: cost grows by crops."""

    def tokens(self, width: int, height: int) -> int:
        """The whole image, its crops and the words around them."""
        crops = self.crops(width, height)
        return self.each * (crops + 1) + (self.words + crops - 1 if crops else 0)

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """All crops side by side along the long side, or the square."""
        crops = self.crops(width, height) or 1
        return (self.side * crops, self.side) if width >= height else (self.side, self.side * crops)

    def crops(self, width: int, height: int) -> int:
        """How many crops are added to the whole image."""
        check_size(width, height)
        long, short = max(width, height), min(width, height)
        if long / short < self.from_ratio:
            return 0
        crops = min(self.most, max(2, min(long // self.smallest, math.floor(long / short + 0.5))))
        return 0 if min(ceil_div(long, crops), short) < self.smallest else crops


@dataclass(frozen=True)
class SliceRule:
    """An overview and up to nine slices, each of about one area and its own number of tokens (MiniCPM-V).

    The arithmetic is that of `minicpmv4_6` in transformers.

    Attributes:
        area_side: Side in pixels of the square whose area the overview and a slice have.
        unit: Side of the square that becomes one token.
        most: Most slices.
        wrapper: Tokens around the overview and around each slice.
        id_tokens: Tokens of the image's number, for numbers of one digit.
    """

    area_side: int
    unit: int
    most: int
    wrapper: int = 2
    id_tokens: int = 3

    @property
    def patch(self) -> None:
        """None: cost grows by slices."""

    def tokens(self, width: int, height: int) -> int:
        """The image's number, the overview, the slices and a line break between rows of slices."""
        columns, rows = self._grid(width, height)
        total = self.id_tokens + self._piece_tokens(*self._overview(width, height, enlarge=not columns))
        if columns:
            wide, high = self.resized(width, height)
            total += columns * rows * self._piece_tokens(wide // columns, high // rows) + rows - 1
        return total

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The sides of all slices together, or of the overview where there are none."""
        columns, rows = self._grid(width, height)
        if not columns:
            return self._overview(width, height, enlarge=True)
        wide, high = _multiple(width, columns) / columns, _multiple(height, rows) / rows
        wide, high = self._overview(wide, high, enlarge=True)
        return wide * columns, high * rows

    def _piece_tokens(self, wide: int, high: int) -> int:
        return (wide // self.unit) * (high // self.unit) + self.wrapper

    def _overview(self, width: float, height: float, *, enlarge: bool) -> tuple[int, int]:
        """The image at the area of the square, its sides multiples of the unit."""
        if enlarge or width * height > self.area_side**2:
            ratio = width / height
            height = int(self.area_side / math.sqrt(ratio))
            width = int(height * ratio)
        return _multiple(width, self.unit), _multiple(height, self.unit)

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        """Columns and rows of the slices; 0, 0 for an image that is not sliced."""
        check_size(width, height)
        shape = math.log(width / height)
        slices = min(math.ceil(width * height / self.area_side**2), self.most)
        if slices <= 1:
            return 0, 0
        nearest, grid = math.inf, (1, 1)
        for count in (slices - 1, slices, slices + 1):
            if count == 1 or count > self.most:
                continue
            for rows in (rows for rows in range(1, count + 1) if count % rows == 0):
                distance = abs(shape - math.log(count // rows / rows))
                if distance < nearest or (distance == nearest and rows > grid[1]):
                    nearest, grid = distance, (count // rows, rows)
        return grid


@dataclass(frozen=True)
class CropRule:
    """Padded to whole crops, tokens only where the image is, and a view of the whole (Phi-4 multimodal).

    The arithmetic is that of the image processor `phi4_multimodal` of transformers.

    Attributes:
        crop: Side of a crop in pixels.
        most: Most crops.
        cell: Side in pixels of a patch; two by two of them become a token.
        shortest: A side that would be shrunk below this is refused.
    """

    crop: int
    most: int
    cell: int = 14
    shortest: int = 10

    @property
    def patch(self) -> None:
        """None: cost grows by the size of the padded image."""

    def tokens(self, width: int, height: int) -> int:
        """The whole image, the unpadded part of the crops, and a mark after each row of both and between them."""
        columns, rows = self._grid(width, height)
        wide, high = self.resized(width, height)
        across = self._cells(columns * self.crop, wide)
        down = self._cells(rows * self.crop, high)
        whole = self.crop // self.cell // 2
        return whole * whole + 1 + down * across + down + whole

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The image scaled, up or down, to touch the edges of the crops."""
        columns, rows = self._grid(width, height)
        wide, high = columns * self.crop, rows * self.crop
        if wide / width < high / height:
            high = int(height * (wide / width))
        else:
            wide = int(width * (high / height))
        if min(wide, high) < self.shortest:
            raise refused(width, height, "it is too narrow")
        return wide, high

    def _cells(self, padded: int, side: int) -> int:
        """Tokens along a side: patches that the image reaches, two to a token."""
        return ceil_div(padded // self.cell - (padded - side) // self.cell, 2)

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        check_size(width, height)
        columns, rows = ceil_div(width, self.crop), ceil_div(height, self.crop)
        if columns * rows > self.most:
            return nearest_grid(width, height, self.crop, 1, self.most)
        return columns, rows


@dataclass(frozen=True)
class TileRule:
    """Shrunk to a box and to a short side, then so much for each tile and so much for the image (OpenAI, 512 px).

    The rule is "Tile-based image tokenization" of OpenAI's guide to images and vision, at the details high and auto.

    Attributes:
        base: Tokens of the image.
        each: Tokens of a tile.
        box: Longest side in pixels.
        short: Longest short side in pixels.
        tile: Side of a tile in pixels.
    """

    base: int
    each: int
    box: int = 2048
    short: int = 768
    tile: int = 512

    @property
    def patch(self) -> None:
        """None: cost grows by tiles."""

    def tokens(self, width: int, height: int) -> int:
        """The image and the tiles that cover it."""
        wide, high = self.resized(width, height)
        return self.base + self.each * ceil_div(wide, self.tile) * ceil_div(high, self.tile)

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Within the box, then its short side within the limit; never enlarged."""
        check_size(width, height)
        long = max(width, height)
        if long > self.box:
            width, height = max(1, width * self.box // long), max(1, height * self.box // long)
        short = min(width, height)
        if short > self.short:
            width, height = width * self.short // short, height * self.short // short
        return width, height


@dataclass(frozen=True)
class CropUnitRule:
    """One price for a small image, else a price for each crop, whose side follows the image (Gemini 2).

    The rule is the "rough formula" under "Token calculation" in Google's guide to image understanding.

    Attributes:
        each: Tokens of a small image and of a crop.
        small: Longest side of a small image in pixels.
        side: Side in pixels to which each crop is brought.
    """

    each: int
    small: int
    side: int

    @property
    def patch(self) -> None:
        """None: cost grows by crops."""

    def tokens(self, width: int, height: int) -> int:
        """All crops."""
        unit = self._unit(width, height)
        return self.each * ceil_div(width, unit) * ceil_div(height, unit)

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The image at the scale at which a crop has its side; a small image stays as it is."""
        unit = self._unit(width, height)
        if max(width, height) <= self.small:
            return width, height
        return max(1, round(width * self.side / unit)), max(1, round(height * self.side / unit))

    def _unit(self, width: int, height: int) -> int:
        """Side of a crop in pixels of the image: two thirds of the short side."""
        check_size(width, height)
        return self.small if max(width, height) <= self.small else max(1, min(width, height) * 2 // 3)


def _multiple(length: float, of: int) -> int:
    """The multiple of `of` nearest to `length`, and at least one."""
    return max(round(length / of) * of, of)

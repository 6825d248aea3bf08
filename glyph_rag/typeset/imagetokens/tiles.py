"""Rules that cut the image into tiles of one size, each a fixed number of tokens, and add a view of the whole."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from functools import lru_cache

from glyph_rag.typeset.imagetokens.rule import ceil_div, check_size


@dataclass(frozen=True)
class SplitRule:
    """Long side brought to a fixed length, up or down, then cut into tiles (Idefics 3, SmolVLM).

    The arithmetic is that of the image processor `idefics3` of transformers, the count that of its processor: a mark
    and a tag before each tile, a line break after each row of tiles, the whole image last, and a closing mark.

    Attributes:
        longest: Length of the long side in pixels.
        tile: Side of a tile in pixels.
        tile_tokens: Tokens of a tile.
        tag_tokens: Tokens of a tile's tag, "<row_1_col_1>".
        whole_tag_tokens: Tokens of the tag of the whole image, "<global-img>".
    """

    longest: int
    tile: int
    tile_tokens: int
    tag_tokens: int = 1
    whole_tag_tokens: int = 1

    @property
    def patch(self) -> None:
        """None: cost follows the shape of the image, not its size."""

    def tokens(self, width: int, height: int) -> int:
        """All tiles, the whole image, and their marks, tags and line breaks."""
        wide, high = self.resized(width, height)
        whole = 1 + self.whole_tag_tokens + self.tile_tokens + 1
        columns, rows = wide // self.tile, high // self.tile
        if columns * rows == 1:
            return whole
        return rows * columns * (1 + self.tag_tokens + self.tile_tokens) + rows + whole

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The sides of the image that is cut: multiples of the tile."""
        check_size(width, height)
        wide, high = self._to_longest(width, height)
        ratio = wide / high
        if wide >= high:
            wide = self._tiled(wide)
            return wide, self._tiled(int(wide / ratio))
        high = self._tiled(high)
        return self._tiled(int(high * ratio)), high

    def _to_longest(self, width: int, height: int) -> tuple[int, int]:
        ratio = width / height
        if width >= height:
            short = int(self.longest / ratio)
            return self.longest, max(1, short + short % 2)
        short = int(self.longest * ratio)
        return max(1, short + short % 2), self.longest

    def _tiled(self, side: int) -> int:
        return ceil_div(side, self.tile) * self.tile


@dataclass(frozen=True)
class AspectRule:
    """Stretched to the grid of tiles whose shape is nearest, plus a view of the whole (InternVL).

    The arithmetic is that of the image processor `got_ocr2` of transformers, which InternVL uses.

    Attributes:
        tile: Side of a tile in pixels.
        tile_tokens: Tokens of a tile, and of the view of the whole.
        most: Most tiles, without the view of the whole.
        least: Fewest tiles.
        wrapper: Tokens that mark the begin and the end of the image.
    """

    tile: int
    tile_tokens: int
    most: int = 12
    least: int = 1
    wrapper: int = 2

    @property
    def patch(self) -> None:
        """None: cost grows by tiles."""

    def tokens(self, width: int, height: int) -> int:
        """All tiles, the view of the whole where there are several, and the wrapper."""
        wide, high = self.resized(width, height)
        tiles = (wide // self.tile) * (high // self.tile)
        return (tiles + (tiles > 1)) * self.tile_tokens + self.wrapper

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The sides of the grid of tiles: the image is stretched over it."""
        check_size(width, height)
        columns, rows = nearest_grid(width, height, self.tile, self.least, self.most)
        return columns * self.tile, rows * self.tile


@dataclass(frozen=True)
class OverviewRule:
    """The whole image in a square, and tiles besides where it is larger than one tile (DeepSeek-OCR).

    The arithmetic is that of `modeling_deepseekocr.py` next to the weights of DeepSeek-OCR and, without marks at the
    ends of rows, of the image processor `deepseek_ocr2` of transformers.

    Attributes:
        side: Side of the square in pixels.
        tile: Side of a tile in pixels.
        most: Most tiles.
        least: Fewest tiles, where there are any.
        unit: Side of the square that becomes one token, in the view of the whole and in a tile.
        marked_rows: Whether each row of tokens ends with one more.
    """

    side: int
    tile: int
    most: int
    least: int = 2
    unit: int = 64
    marked_rows: bool = False

    @property
    def patch(self) -> None:
        """None: cost grows by tiles."""

    def tokens(self, width: int, height: int) -> int:
        """The whole image, its tiles, and the mark between them."""
        columns, rows = self._grid(width, height)
        side, tile = ceil_div(self.side, self.unit), ceil_div(self.tile, self.unit)
        mark = int(self.marked_rows)
        return (side + mark) * side + 1 + (columns * tile + mark * (columns > 0)) * rows * tile

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The sides of the grid of tiles, or of the image fitted into the square where there are no tiles."""
        columns, rows = self._grid(width, height)
        if columns:
            return columns * self.tile, rows * self.tile
        scale = self.side / max(width, height)
        return max(1, round(width * scale)), max(1, round(height * scale))

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        check_size(width, height)
        if max(width, height) <= self.tile:
            return 0, 0
        return nearest_grid(width, height, self.tile, self.least, self.most)


@dataclass(frozen=True)
class CanvasRule:
    """Padded to the grid of tiles that shrinks it least and wastes least, plus a view of the whole (Llama 4).

    The arithmetic is that of the image processor `llama4` of transformers, in single precision as there.

    Attributes:
        tile: Side of a tile in pixels.
        tile_tokens: Tokens of a tile, and of the view of the whole.
        most: Most tiles, without the view of the whole.
    """

    tile: int
    tile_tokens: int
    most: int

    @property
    def patch(self) -> None:
        """None: cost grows by tiles."""

    def tokens(self, width: int, height: int) -> int:
        """All tiles, a separator after each, the whole image, and three marks around them."""
        columns, rows = self._grid(width, height)
        tiles = columns * rows
        return (tiles * (self.tile_tokens + 1) if tiles > 1 else 0) + self.tile_tokens + 3

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The image within the grid: only an image smaller than a tile is enlarged."""
        columns, rows = self._grid(width, height)
        wide = min(max(width, self.tile), columns * self.tile)
        high = min(max(height, self.tile), rows * self.tile)
        if wide / width < high / height:
            return wide, max(1, min(math.floor(height * (wide / width)), high))
        return max(1, min(math.floor(width * (high / height)), wide)), high

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        """Columns and rows: the least enlargement that holds the image, else the least shrinking; then the fewest."""
        check_size(width, height)
        scales = {
            (columns, rows): min(_single(columns * self.tile / width), _single(rows * self.tile / height))
            for columns in range(1, self.most + 1)
            for rows in range(1, self.most // columns + 1)
        }
        enlarging = [scale for scale in scales.values() if scale >= 1]
        chosen = min(enlarging) if enlarging else max(scales.values())
        return min((grid for grid, scale in scales.items() if scale == chosen), key=lambda grid: grid[0] * grid[1])


@dataclass(frozen=True)
class AnyResRule:
    """Padded to one of a list of sizes, a token for each cell of the unpadded part, and a view of the whole (LLaVA).

    The arithmetic is that of LLaVA-OneVision's processor in transformers. Past `most` tiles' worth of cells the grid
    of cells is thinned.

    Attributes:
        tile: Side of a tile in pixels.
        cells: Tokens along the side of a tile.
        sizes: Widths and heights in tiles run from 1 to this.
        most: Tiles' worth of cells that are kept.
    """

    tile: int
    cells: int
    sizes: int
    most: int

    @property
    def patch(self) -> None:
        """None: cost grows by tiles."""

    def tokens(self, width: int, height: int) -> int:
        """The whole image, the cells of the fine view, and a mark after each of their rows."""
        columns, rows = self._grid(width, height)
        wide, high = columns * self.cells, rows * self.cells
        if width / height > wide / high:
            high -= (high - int(round(height * (wide / width), 7))) // 2 * 2
        else:
            wide -= (wide - int(round(width * (high / height), 7))) // 2 * 2
        ratio = math.sqrt(high * wide / (self.most * self.cells**2))
        if ratio > 1.1:
            high, wide = int(high // ratio), int(wide // ratio)
        return self.cells**2 + high * wide + high

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """The image scaled, up or down, to touch the edges of the chosen size."""
        columns, rows = self._grid(width, height)
        wide, high = columns * self.tile, rows * self.tile
        if wide / width < high / height:
            return wide, min(math.ceil(height * (wide / width)), high)
        return min(math.ceil(width * (high / height)), wide), high

    def _grid(self, width: int, height: int) -> tuple[int, int]:
        """Columns and rows of the size that keeps most pixels and then wastes fewest."""
        check_size(width, height)
        best, grid = (0, 0), (1, 1)
        for rows in range(1, self.sizes + 1):
            for columns in range(1, self.sizes + 1):
                wide, high = columns * self.tile, rows * self.tile
                scale = min(wide / width, high / height)
                kept = min(int(width * scale) * int(height * scale), width * height)
                if (kept, kept - wide * high) > best or best == (0, 0):
                    best, grid = (kept, kept - wide * high), (columns, rows)
        return grid


def nearest_grid(width: int, height: int, tile: int, least: int, most: int) -> tuple[int, int]:
    """Columns and rows whose shape is nearest to the image's; of equals the larger, if the image fills half of it."""
    shape, area = width / height, width * height
    nearest, chosen = math.inf, (1, 1)
    for columns, rows in _grids(least, most):
        distance = abs(shape - columns / rows)
        if distance < nearest:
            nearest, chosen = distance, (columns, rows)
        elif distance == nearest and area > 0.5 * tile * tile * columns * rows:
            chosen = (columns, rows)
    return chosen


@lru_cache(maxsize=16)
def _grids(least: int, most: int) -> tuple[tuple[int, int], ...]:
    """All grids of `least` to `most` tiles, the smallest first, then the narrowest."""
    grids = ((columns, rows) for columns in range(1, most + 1) for rows in range(1, most + 1))
    return tuple(
        sorted((grid for grid in grids if least <= grid[0] * grid[1] <= most), key=lambda grid: grid[0] * grid[1])
    )


def _single(value: float) -> float:
    """`value` in single precision: the processor compares scales so, and finds some equal that are not."""
    return float(struct.unpack("f", struct.pack("f", value))[0])

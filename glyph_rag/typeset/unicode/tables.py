"""One byte for each code point, kept as runs in the package and spread out when first needed.

`scripts/build_assets` writes the files from the Unicode character database with `pack`.
"""

from __future__ import annotations

import struct
import zlib
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

CODE_POINTS = 0x110000


def pack(values: npt.NDArray[np.uint8]) -> bytes:
    """A table as a file: uint8 (0x110000,) to runs, deflated."""
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])).astype("<u4")
    return zlib.compress(struct.pack("<I", len(starts)) + starts.tobytes() + values[starts].tobytes(), 9)


@cache
def load(name: str) -> npt.NDArray[np.uint8]:
    """The table `assets/unicode/<name>.bin`: uint8 (0x110000,), read-only and shared.

    Raises:
        FileNotFoundError: If the package has no such table.
    """
    data = zlib.decompress((files("glyph_rag") / "assets" / "unicode" / f"{name}.bin").read_bytes())
    (runs,) = struct.unpack_from("<I", data)
    starts = np.frombuffer(data, "<u4", runs, 4).astype(np.int64)
    values = np.frombuffer(data, np.uint8, runs, 4 + 4 * runs)
    table = np.repeat(values, np.diff(np.append(starts, CODE_POINTS)))
    table.flags.writeable = False
    return table

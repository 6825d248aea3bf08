"""PNG writing for pages: 4-bit grey, no row filter, a cheap deflate.

Pillow's row filters make text both slower to write and larger; see the PNG specification, section 9, for the format.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def encode(levels: npt.NDArray[np.uint8], compression: int = 1) -> bytes:
    """A page of ink levels as a PNG file.

    Args:
        levels: uint8 (height, width), 0 for paper to 15 for full ink.
        compression: zlib level, 0 to 9.

    Returns:
        The file's bytes; ink 0 is white, 15 is black.
    """
    height, width = levels.shape
    grey = 15 - levels
    if width % 2:
        grey = np.pad(grey, ((0, 0), (0, 1)))
    rows = np.zeros((height, 1 + grey.shape[1] // 2), np.uint8)
    rows[:, 1:] = grey[:, 0::2] << 4 | grey[:, 1::2]
    header = struct.pack(">IIBBBBB", width, height, 4, 0, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), compression)
    return _SIGNATURE + _part(b"IHDR", header) + _part(b"IDAT", body) + _part(b"IEND", b"")

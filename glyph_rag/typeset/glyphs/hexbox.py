"""The visible stand-in for a character that no font has: its code point in hex, in a frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_DIGITS = {  # 3 x 5 pixels each, one octal digit a row
    "0": "75557",
    "1": "26227",
    "2": "71747",
    "3": "71717",
    "4": "55711",
    "5": "74717",
    "6": "74757",
    "7": "71222",
    "8": "75757",
    "9": "75717",
    "A": "75755",
    "B": "65656",
    "C": "74447",
    "D": "65556",
    "E": "74647",
    "F": "74644",
}
HEIGHT = 9


def width(code: int) -> int:
    """Pixels from the frame's left edge to the next character."""
    return 4 * len(f"{code:04X}") + 4


def draw(code: int) -> npt.NDArray[np.uint8]:
    """Ink levels 0..15 of the box for a code point: uint8 (9, width - 1)."""
    box = np.zeros((HEIGHT, width(code) - 1), np.uint8)
    box[[0, -1], :] = box[:, [0, -1]] = 15
    for at, digit in enumerate(f"{code:04X}"):
        rows = [[int(row) >> bit & 1 for bit in (2, 1, 0)] for row in _DIGITS[digit]]
        box[2:7, 2 + 4 * at : 5 + 4 * at] = np.array(rows, np.uint8) * 15
    return box

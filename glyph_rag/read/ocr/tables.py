"""Tables off pixels: the upright strokes between cells, which recognisers take for letters, made strokes again.

A table shows itself by the line below its header, which has nothing but strokes and dashes. In the lines around it,
what looks like a stroke is one at either end, and between cells where it stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_STROKE = "|Il1!丨"
_DASH = r"\-–—―一…_~"
_RULE = re.compile(rf"[{_STROKE}]\s*:?[{_DASH}][{_STROKE}{_DASH}:\s]*")
_STARTS = re.compile(rf"[{_STROKE}]\s?")
_ENDS = re.compile(rf"\s?[{_STROKE}]\Z")
_BETWEEN = re.compile(rf"\s[{_STROKE}](?=\s)|\s*\|")


def restore_tables(lines: Sequence[str]) -> list[str]:
    """The lines of a passage, with every row of a table written as Markdown writes it: "| cell | cell |"."""
    restored = list(lines)
    for at, line in enumerate(lines):
        if not at or _RULE.fullmatch(line) is None or not _is_row(lines[at - 1]):
            continue
        restored[at - 1] = _row(lines[at - 1])
        restored[at] = "| --- |"
        for below in range(at + 1, len(lines)):
            if not _is_row(lines[below]):
                break
            restored[below] = _row(lines[below])
    return restored


def _is_row(line: str) -> bool:
    return _STARTS.match(line) is not None and _ENDS.search(line) is not None


def _row(line: str) -> str:
    inner = _ENDS.sub("", _STARTS.sub("", line, count=1))
    cells = (cell.strip() for cell in _BETWEEN.sub("|", inner).split("|"))
    return f"| {' | '.join(cells)} |"

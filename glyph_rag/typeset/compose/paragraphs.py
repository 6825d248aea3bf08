"""Which lines of a source are paragraphs of their own, and which an editor broke for want of room."""

from __future__ import annotations

import re
from collections.abc import Iterator

from glyph_rag.typeset.glyphs.fonts import is_cjk


def source_lines(text: str, *, join: bool) -> Iterator[tuple[int, int]]:
    """Yields the half-open spans of the lines of a source.

    Args:
        text: The text.
        join: Take lines together that were only broken because an editor's window ended: a long line, and one that
            follows without indentation and starts with a letter. Lists, tables, headings and code do not look so.
    """
    start = 0
    fenced = False
    while start <= len(text):
        end = _line_end(text, start)
        fenced ^= text.startswith(_FENCES, start)
        while join and not fenced and end < len(text) and _continues(text, start, end):
            end = _line_end(text, end + 1)
        yield start, end
        start = end + 1


_FENCES = ("```", "~~~")
_WRAPPED = 60  # Editors wrap at 72 columns and more; the last word that fits may end a little earlier.
_PROSE = re.compile(r"[^\W\d]|[(\[“‘\"'「『（]|[*`](?![*`\s])|\*\*\w")
_NOT_PROSE = ("#", "|", ">", "-", "*", "+", "=", ":", "`", "~", "<", " ", "\t")


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _continues(text: str, first: int, end: int) -> bool:
    """Whether the line that ends at `end`, of a paragraph that starts at `first`, goes on in the next one."""
    last = text[text.rfind("\n", first, end) + 1 or first : end].rstrip()
    wide = len(last) >= _WRAPPED or len(last) + sum(map(is_cjk, map(ord, last))) >= _WRAPPED
    return wide and not last.startswith(_NOT_PROSE) and _PROSE.match(text, end + 1) is not None

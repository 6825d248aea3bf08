"""Builds the text of a document that has headings but no lines: HTML and Word."""

from __future__ import annotations

from glyph_rag.corpus.document import Mark
from glyph_rag.corpus.hidden import without_hidden

# Longer headings are whole paragraphs set as headings; every chunk below would carry them along.
LONGEST_HEADING = 120
SEPARATOR = " > "


def short_heading(words: str) -> str:
    """A heading fit to be carried along: one line, bounded, without the separator of heading paths."""
    line = " ".join(words[: 4 * LONGEST_HEADING].split()).replace(SEPARATOR, " › ")
    return line if len(line) <= LONGEST_HEADING else line[: LONGEST_HEADING - 1].rstrip() + "…"


class Outline:
    """Collects blocks of text, parted by blank lines, and a mark with the heading path at each heading.

    Hidden characters are left out.

    Attributes:
        hidden: How many characters of hidden text were left out so far.
    """

    def __init__(self) -> None:
        self.hidden = 0
        self._parts: list[str] = []
        self._length = 0
        self._marks: list[Mark] = []
        self._path: list[tuple[int, str]] = []
        self._gap = ""

    @property
    def text(self) -> str:
        """Everything added so far."""
        return "".join(self._parts)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Heading paths such as "Leave > Carrying over", each at the start of its section."""
        return tuple(self._marks)

    def heading(self, words: str, level: int) -> None:
        """Starts a section. Levels count from 1; a heading without words is left out."""
        words = self._seen(words)
        if not words.strip():
            return
        self.gap()
        while self._path and self._path[-1][0] >= level:
            self._path.pop()
        self._path.append((level, short_heading(words)))
        self._marks.append(Mark(self._length + len(self._gap), SEPARATOR.join(title for _, title in self._path)))
        self.paragraph(words)

    def paragraph(self, words: str) -> None:
        """Adds a block of its own."""
        self.gap()
        self.line(words)
        self.gap()

    def line(self, words: str) -> None:
        """Adds a line to the block that is open. A blank one adds nothing."""
        words = self._seen(words).strip()
        if not words:
            return
        self._parts += [self._gap, words]
        self._length += len(self._gap) + len(words)
        self._gap = "\n"

    def gap(self) -> None:
        """Closes the block that is open."""
        self._gap = "\n\n" if self._length else ""

    def _seen(self, words: str) -> str:
        words, hidden = without_hidden(words)
        self.hidden += hidden
        return words

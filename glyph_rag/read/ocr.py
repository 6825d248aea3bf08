"""The embedded default reader: it looks at the pixels, line by line, and picks the sentences that answer.

It has no language model, so it quotes and does not phrase. What it never sees is the text that the page was made of.
"""

from __future__ import annotations

from collections.abc import Sequence

from glyph_rag.embed.embedder import Embedder
from glyph_rag.read.choose import choose
from glyph_rag.read.likeness import Likeness
from glyph_rag.read.plan import PlanPage, ReadingPlan
from glyph_rag.read.reader import Reading
from glyph_rag.read.recognise import SCRIPTS, LineRecogniser, PaddleRecogniser
from glyph_rag.typeset.compose.layout import Box

_FULL_LINE = 0.65


class OcrReader:
    """Reads the passages that earned the hits and answers with at most two of their sentences."""

    def __init__(self, embedder: Embedder, recogniser: LineRecogniser | None = None) -> None:
        """Nothing is loaded before the first page is read.

        Args:
            embedder: Compares sentences with the question, in the languages it knows.
            recogniser: Reads single lines; PP-OCRv6 where None.
        """
        self._likeness = Likeness(embedder)
        self._recogniser = recogniser or PaddleRecogniser()

    @property
    def name(self) -> str:
        """What a person calls it."""
        return "embedded (PP-OCRv6)"

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        """Looks at the pages of a plan and answers; the text is empty when nothing on them answers."""
        choice = choose(question, [self._transcribe(page) for page in plan.pages], self._likeness.of(question))
        text = "\n\n".join(sentence.text for sentence in choice.sentences) if choice.answered else ""
        unread = {script for page in plan.pages for passage in page.passages for script in passage.scripts - SCRIPTS}
        return Reading(text, tuple(_cannot_read(script) for script in sorted(unread)))

    def _transcribe(self, page: PlanPage) -> str:
        """What stands in the passages of a page that are in a script it knows."""
        readable = [passage.lines for passage in page.passages if passage.scripts <= SCRIPTS]
        words = iter(self._recogniser.read(page.levels, [box for lines in readable for box in lines]))
        return "\n\n".join(_join(lines, [next(words) for _ in lines], page.column_width) for lines in readable)


def _cannot_read(script: str) -> str:
    return (
        f"The embedded reader cannot read {script.capitalize()} script, so those passages were left out;"
        " a vision-language model such as Qwen3-VL or GLM-4.1V can read them."
    )


def _join(boxes: Sequence[Box], lines: Sequence[str], column_width: int) -> str:
    """The lines of a passage, with an empty line between two that do not belong to one paragraph.

    They do not where the page leaves a gap, and where the first has so much room left that the next word would have
    fitted: so items of lists and rows of tables stay apart even if their marks are misread.
    """
    text = ""
    for at, line in enumerate(lines):
        if at:
            above = boxes[at - 1]
            apart = boxes[at].y0 > above.y1 or above.x1 - above.x0 < _FULL_LINE * column_width
            text += "\n\n" if apart else "\n"
        text += line
    return text

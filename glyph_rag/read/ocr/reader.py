"""The embedded default reader: it looks at the pixels, line by line, and picks the sentences that answer.

It has no language model, so it quotes and does not phrase. What it never sees is the text that a page was made of; a
plan in text mode it reads as it stands, by the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from glyph_rag.embed.embedder import Embedder
from glyph_rag.read.ocr.choose import choose
from glyph_rag.read.ocr.likeness import Likeness
from glyph_rag.read.ocr.recognise import SCRIPTS, LineRecogniser, PaddleRecogniser
from glyph_rag.read.ocr.tables import restore_tables
from glyph_rag.read.plan import Passage, PlanPage, ReadingPlan
from glyph_rag.read.question.followup import standalone
from glyph_rag.read.reader import Reading
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.compose.setting import FLOW_MARK

_FULL_LINE = 0.65
_GOES_ON = ("-", "/", "_", "&", "=")
# Glued to what stands before it, which an arrow of the text itself mostly is not.
_LINE_END = re.compile(rf"(?<=\S){FLOW_MARK}\s*")


class OcrReader:
    """Reads the passages that earned the hits and answers with those of their sentences that fit the question."""

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
        """Reads what a plan shows and answers; the text is empty when nothing there answers.

        Earlier turns of the conversation tell what a follow-up question is about. They and the list of exact strings
        are no source to quote.
        """
        texts = list(self._texts(plan))
        asked = standalone(question, plan.turns)
        choice = choose(asked, texts, self._likeness.of(asked) if any(texts) else None)
        text = "\n\n".join(sentence.text for sentence in choice.sentences) if choice.answered else ""
        return Reading(text, tuple(_cannot_read(script) for script in _unread(plan)))

    def _texts(self, plan: ReadingPlan) -> Iterator[str]:
        """The words of each page of a plan that are asked for, in the order of the plan: one text for each label."""
        by_label: dict[str, list[str]] = {}
        for page in plan.pages:
            for label, text in self._transcribe(page):
                by_label.setdefault(label, []).append(text)
        for shown in plan.texts:
            if shown.kind == "passage":
                by_label.setdefault(shown.label, []).append(shown.text)
        return ("\n\n".join(parts) for parts in by_label.values())

    def _transcribe(self, page: PlanPage) -> Iterator[tuple[str, str]]:
        """Label and words of each passage of an image that is in a script it knows."""
        readable = [passage for passage in page.passages if passage.scripts <= SCRIPTS]
        words = iter(self._recogniser.read(page.levels, [box for passage in readable for box in passage.lines]))
        for passage in readable:
            lines = restore_tables([next(words) for _ in passage.lines])
            yield passage.label, _join(passage.lines, lines, passage.column_width)


def _unread(plan: ReadingPlan) -> list[str]:
    passages: Iterator[Passage] = (passage for page in plan.pages for passage in page.passages)
    return sorted({script for passage in passages for script in passage.scripts - SCRIPTS})


def _cannot_read(script: str) -> str:
    return (
        f"The embedded reader cannot read {script.capitalize()} script, so those passages were left out;"
        " a vision-language model such as Qwen3-VL or GLM-4.1V can read them."
    )


def _join(boxes: Sequence[Box], lines: Sequence[str], column_width: int) -> str:
    """The lines of a passage, with an empty line between two that do not belong to one paragraph.

    They do not where the page leaves a gap, and where the first has so much room left that the next word would have
    fitted: so items of lists and rows of tables stay apart even if their marks are misread. A line that ends in the
    middle of an identifier or an address goes on, however short it is. Where text flows, a mark shows that a line
    ended.
    """
    text = ""
    for at, line in enumerate(lines):
        if at:
            above = boxes[at - 1]
            short = above.x1 - above.x0 < _FULL_LINE * column_width and not lines[at - 1].endswith(_GOES_ON)
            apart = boxes[at].y0 > above.y1 or short
            text += "\n\n" if apart else "\n"
        text += line
    return _LINE_END.sub("\n\n", text)

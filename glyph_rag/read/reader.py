"""The seam between a plan and an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Protocol

from glyph_rag.read.plan import ReadingPlan


@dataclass(frozen=True)
class Reading:
    """What a reader made of the pages.

    Attributes:
        text: The answer in the reader's words; empty when the pages do not answer the question.
        notices: What the user has to know about how it was read, such as a script the reader cannot read.
        tokens: What the provider said it used, or None if there is no provider.
    """

    text: str
    notices: tuple[str, ...] = ()
    tokens: int | None = None


class Reader(Protocol):
    """Answers a question from page images. Implementations are safe to call from several threads."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        ...

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        """Looks at the pages of a plan and answers.

        Raises:
            ReaderError: If the pages cannot be read at all.
        """
        ...


class StreamingReader(Protocol):
    """A reader that can give its words as they come."""

    def stream(self, question: str, plan: ReadingPlan) -> Iterator[str]:
        """The model's words as it writes them: `prompt.clean_answer` of all of them together is the answer.

        Raises:
            ReaderError: If the pages cannot be read, or if the words that have come are not the whole answer.
        """
        ...


class AsyncReader(Protocol):
    """A reader that does not block the event loop."""

    async def aread(self, question: str, plan: ReadingPlan) -> Reading:
        """Looks at the pages of a plan and answers.

        Raises:
            ReaderError: If the pages cannot be read at all.
        """
        ...

    def astream(self, question: str, plan: ReadingPlan) -> AsyncIterator[str]:
        """The model's words as it writes them, as `StreamingReader.stream` gives them.

        Raises:
            ReaderError: If the pages cannot be read, or if the words that have come are not the whole answer.
        """
        ...

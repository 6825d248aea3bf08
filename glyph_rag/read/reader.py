"""The seam between a plan and an answer."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from glyph_rag.read.plan import ReadingPlan
from glyph_rag.typeset.imagetokens import ImageTokenRule, family
from glyph_rag.typeset.tokens import estimate_text_tokens


@dataclass(frozen=True)
class Reading:
    """What a reader made of the pages.

    Attributes:
        text: The answer in the reader's words; empty when the pages do not answer the question.
        notices: What the user has to know about how it was read, such as a script the reader cannot read.
        tokens: What the provider said the prompt took, or None if there is no provider.
        output_tokens: What it said the reply took, thoughts included, or None.
        shown: The labels of the plan that the reader was shown in the end, or None for all of them.
        data: For a question with a schema: the reply's JSON text, which fits the schema's form; empty otherwise.
    """

    text: str
    notices: tuple[str, ...] = ()
    tokens: int | None = None
    output_tokens: int | None = None
    shown: tuple[str, ...] | None = None
    data: str = ""


Done: TypeAlias = Callable[[Reading], object]
"""What a streaming reader gives its reading to when it has come to the end."""


@dataclass(frozen=True)
class Sight:
    """What a reader can be shown, and what it pays.

    Attributes:
        rule: What an image costs it.
        max_images: Images in one prompt at most, or None.
        context: Tokens of a prompt at most, the reply not counted, or None where nobody knows.
        count_text: Tokens of a text.
        model: What its maker calls the model, for prices; empty where there is nothing to pay.
        provider: Who is paid: the address of the endpoint; empty likewise.
    """

    rule: ImageTokenRule = field(default_factory=lambda: family("qwen2-vl").rule)
    max_images: int | None = None
    context: int | None = None
    count_text: Callable[[str], int] = estimate_text_tokens
    model: str = ""
    provider: str = ""


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


class SightedReader(Protocol):
    """A reader that knows what it can be shown. For others, plans go by `Sight()`."""

    def sight(self) -> Sight:
        """What it can be shown.

        Raises:
            ReaderError: If that cannot be found out, as where there is no such checkpoint.
        """
        ...


class StructuredReader(Protocol):
    """A reader that can answer in the form of a JSON schema."""

    def read_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """Looks at what the plan shows and fills in a form.

        Args:
            question: The question.
            plan: What to show.
            schema: A JSON schema of an object, as JSON text.

        Returns:
            A reading whose `data` is JSON text, not yet checked against the schema; empty if the pages do not answer.

        Raises:
            ReaderError: If the pages cannot be read at all.
        """
        ...


class AsyncStructuredReader(Protocol):
    """A reader that can do so without blocking the event loop."""

    async def aread_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """As `StructuredReader.read_structured`.

        Raises:
            ReaderError: If the pages cannot be read at all.
        """
        ...


class StreamingReader(Protocol):
    """A reader that can give its words as they come."""

    def stream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> Iterator[str]:
        """The model's words as it writes them: `prompt.clean_answer` of all of them together is the answer.

        Args:
            question: The question.
            plan: What to show.
            done: Is given what the words amount to, after the last of them. Without it, notices are logged.

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

    def astream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> AsyncIterator[str]:
        """The model's words as it writes them, as `StreamingReader.stream` gives them.

        Raises:
            ReaderError: If the pages cannot be read, or if the words that have come are not the whole answer.
        """
        ...


def hand_over(reading: Reading, done: Done | None, log: logging.Logger) -> None:
    """Ends a stream: gives the reading to whoever wants it, or its notices to the log."""
    if done is not None:
        done(reading)
        return
    for notice in reading.notices:
        log.warning("%s", notice)

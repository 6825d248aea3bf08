"""An answer as it comes: first the reader's words, then the answer that was made of them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator

from glyph_rag.errors import InputError
from glyph_rag.read.answer import Answer
from glyph_rag.read.prompt import NOT_IN_PAGES, clean_answer
from glyph_rag.read.reader import Reading

_UNFINISHED = re.compile(r"(?:[\[(（［【〔<][^\])）］】〕>]{0,40}|[\s*]+|<\|[^>]{0,40})\Z")
_OPENING = 24
"""Characters at the beginning that are held back: a heading such as "Answer:" may still turn out to be none of it."""


class Words:
    """The part of a reply that can be shown while the rest is still to come: without labels, thoughts and headings.

    Attributes:
        reply: The reply so far.
        reading: What it amounts to, once it has ended.
    """

    def __init__(self) -> None:
        self.reply = ""
        self.reading = Reading("")
        self._told = 0

    @property
    def any_told(self) -> bool:
        """Whether any words have been given."""
        return self._told > 0

    def take(self, piece: str) -> str:
        """Adds a piece of the reply, and gives the words that have become certain."""
        self.reply += piece
        return self._tell(self._certain())

    def rest(self) -> str:
        """What is left when the reply has ended."""
        return self._tell(clean_answer(self.reply))

    def end(self, reading: Reading) -> None:
        """Takes what the reader made of its words."""
        self.reading = reading

    def _certain(self) -> str:
        reply = self.reply
        if reply.count("<think") > reply.count("</think"):
            return ""
        while (shorter := _UNFINISHED.sub("", reply)) != reply:
            reply = shorter
        words = clean_answer(reply)
        opening = "".join(c for c in words.casefold() if c.isalnum())
        if len(words) < _OPENING or "".join(c for c in NOT_IN_PAGES.casefold() if c.isalnum()).startswith(opening):
            return ""
        return words

    def _tell(self, words: str) -> str:
        fresh = words[self._told :]
        self._told = max(self._told, len(words))
        return fresh


class AnswerStream:
    """The reader's words as they come; iterate it once, then ask for the answer.

        for words in rag.stream("How many days of leave can be carried over?"):
            print(words, end="")

    What comes is what the reader says, or that the documents do not answer. What of it stands in the source, and what
    had to be corrected, is known when it has ended: it is in `answer`.
    """

    def __init__(self, pieces: Generator[str | Answer, None, None]) -> None:
        """
        Args:
            pieces: Words, and at the end the answer.
        """
        self._pieces = pieces
        self._answer: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            if isinstance(piece, Answer):
                self._answer = piece
            else:
                yield piece

    def close(self) -> None:
        """Gives up: the reader stops, if it can, and there will be no answer."""
        self._pieces.close()

    @property
    def answer(self) -> Answer:
        """The checked answer; words that have not been fetched yet are passed over.

        Raises:
            InputError: The stream was closed before its end.
            ReaderError: The pages cannot be read.
        """
        for _ in self:
            pass
        return _ended(self._answer)


class AsyncAnswerStream:
    """As `AnswerStream`, for `async for`."""

    def __init__(self, pieces: AsyncGenerator[str | Answer, None]) -> None:
        """
        Args:
            pieces: Words, and at the end the answer.
        """
        self._pieces = pieces
        self._answer: Answer | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        async for piece in self._pieces:
            if isinstance(piece, Answer):
                self._answer = piece
            else:
                yield piece

    async def close(self) -> None:
        """Gives up: the reader stops, if it can, and there will be no answer."""
        await self._pieces.aclose()

    async def answer(self) -> Answer:
        """The checked answer; words that have not been fetched yet are passed over.

        Raises:
            InputError: The stream was closed before its end.
            ReaderError: The pages cannot be read.
        """
        async for _ in self:
            pass
        return _ended(self._answer)


def _ended(answer: Answer | None) -> Answer:
    if answer is None:
        raise InputError("the stream was not read to its end", hint="iterate over all of it, or use ask")
    return answer

"""What the chains of this package have in common: how LangChain runs, traces and streams them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

from glyph_rag.errors import InputError
from langchain_core.runnables import RunnableConfig, RunnableSerializable
from pydantic import ConfigDict

Inputs: TypeAlias = dict[str, Any]
"""What a chain is given: the variables of a prompt, by name."""

Output = TypeVar("Output")


class AnsweringChain(RunnableSerializable[Inputs, Output], Generic[Output]):
    """A chain that answers in one go, or piece by piece; its pieces add up to the answer.

    What it calls inside is traced as its child: LangChain keeps the running configuration in a context variable.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @abstractmethod
    def answered(self, inputs: Inputs) -> Output:
        """The whole answer."""

    @abstractmethod
    async def aanswered(self, inputs: Inputs) -> Output:
        """As `answered`, without blocking the event loop."""

    @abstractmethod
    def pieces(self, inputs: Inputs) -> Iterator[Output]:
        """The answer as it comes."""

    @abstractmethod
    def apieces(self, inputs: Inputs) -> AsyncIterator[Output]:
        """As `pieces`, without blocking the event loop."""

    def invoke(self, input: Inputs, config: RunnableConfig | None = None, **kwargs: object) -> Output:
        """Answers.

        Raises:
            InputError: There are arguments beside these, which other Runnables swallow.
        """
        _refuse(kwargs)
        return self._call_with_config(self.answered, input, config)

    async def ainvoke(self, input: Inputs, config: RunnableConfig | None = None, **kwargs: object) -> Output:
        """As `invoke`, without blocking the event loop."""
        _refuse(kwargs)
        return await self._acall_with_config(self.aanswered, input, config)

    def stream(self, input: Inputs, config: RunnableConfig | None = None, **kwargs: object | None) -> Iterator[Output]:
        """Answers piece by piece."""
        _refuse(kwargs)

        def from_stream(inputs: Iterator[Inputs]) -> Iterator[Output]:
            for each in inputs:
                yield from self.pieces(each)

        yield from self._transform_stream_with_config(iter([input]), from_stream, config)

    async def astream(
        self, input: Inputs, config: RunnableConfig | None = None, **kwargs: object | None
    ) -> AsyncIterator[Output]:
        """As `stream`, without blocking the event loop."""
        _refuse(kwargs)

        async def once() -> AsyncIterator[Inputs]:
            yield input

        async def from_stream(inputs: AsyncIterator[Inputs]) -> AsyncIterator[Output]:
            async for each in inputs:
                async for piece in self.apieces(each):
                    yield piece

        async for piece in self._atransform_stream_with_config(once(), from_stream, config):
            yield piece


def _refuse(arguments: Mapping[str, object]) -> None:
    if arguments:
        raise InputError(
            f"a chain takes no {', '.join(arguments)} with a request",
            hint="set it when the chain is made, or for one request by configurable_fields",
        )

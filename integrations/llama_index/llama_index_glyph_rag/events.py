"""What LlamaIndex's own engines and synthesizers tell those who listen, told by ours.

There are two ways to listen, event handlers and the older callback managers. Both hear of everything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import llama_index.core.instrumentation as instrument
from llama_index.core.base.response.schema import RESPONSE_TYPE
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation.events.retrieval import RetrievalEndEvent, RetrievalStartEvent
from llama_index.core.instrumentation.events.synthesis import (
    GetResponseEndEvent,
    GetResponseStartEvent,
    SynthesizeEndEvent,
    SynthesizeStartEvent,
)
from llama_index.core.schema import NodeWithScore, QueryBundle, QueryType

if TYPE_CHECKING:
    from llama_index.core.callbacks.base import CallbackManager

_dispatcher = instrument.get_dispatcher(__name__)


@contextmanager
def querying(manager: CallbackManager, query: QueryBundle) -> Iterator[Callable[[RESPONSE_TYPE], RESPONSE_TYPE]]:
    """Around `_query` of an engine. What is yielded takes the response and gives it back, as in `synthesizing`."""
    with manager.event(CBEventType.QUERY, payload={EventPayload.QUERY_STR: query.query_str}) as event:

        def end(response: RESPONSE_TYPE) -> RESPONSE_TYPE:
            event.on_end(payload={EventPayload.RESPONSE: response})
            return response

        yield end


@contextmanager
def retrieving(
    manager: CallbackManager, query: QueryBundle
) -> Iterator[Callable[[list[NodeWithScore]], list[NodeWithScore]]]:
    """Around a search. What is yielded takes the nodes and gives them back."""
    _dispatcher.event(RetrievalStartEvent(str_or_query_bundle=query))
    with manager.event(CBEventType.RETRIEVE, payload={EventPayload.QUERY_STR: query.query_str}) as event:

        def end(nodes: list[NodeWithScore]) -> list[NodeWithScore]:
            event.on_end(payload={EventPayload.NODES: nodes})
            _dispatcher.event(RetrievalEndEvent(str_or_query_bundle=query, nodes=nodes))
            return nodes

        yield end


@contextmanager
def synthesizing(manager: CallbackManager, query: QueryType) -> Iterator[Callable[[RESPONSE_TYPE], RESPONSE_TYPE]]:
    """Around the making of a response. What is yielded takes it, complete with its metadata, and gives it back."""
    _dispatcher.event(SynthesizeStartEvent(query=query))
    question = query if isinstance(query, str) else query.query_str
    with manager.event(CBEventType.SYNTHESIZE, payload={EventPayload.QUERY_STR: question}) as event:

        def end(response: RESPONSE_TYPE) -> RESPONSE_TYPE:
            event.on_end(payload={EventPayload.RESPONSE: response})
            _dispatcher.event(SynthesizeEndEvent(query=query, response=response))
            return response

        yield end


@contextmanager
def getting_response(question: str, texts: Sequence[str]) -> Iterator[None]:
    """Around the call of whoever reads; of a stream, around its beginning."""
    _dispatcher.event(GetResponseStartEvent(query_str=question, text_chunks=list(texts)))
    yield
    _dispatcher.event(GetResponseEndEvent())

"""A checked answer as a response, and what is known of it for its metadata."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from glyph_rag.read.answer import Answer, Citation
from glyph_rag.read.plan import JSON
from llama_index.core.base.response.schema import (
    AsyncStreamingResponse,
    PydanticResponse,
    Response,
    StreamingResponse,
)
from llama_index.core.bridge.pydantic import BaseModel

if TYPE_CHECKING:
    from llama_index.core.base.response.schema import RESPONSE_TYPE
    from llama_index.core.schema import NodeWithScore
    from llama_index.core.types import RESPONSE_TEXT_TYPE

KEYS: Final = ("answer", "found", "supported", "sentences", "citations", "usage", "notices", "pages")
"""What `report` says, by name."""


def report(answer: Answer, node_of_page: Mapping[str, str] | None = None) -> dict[str, object]:
    """What is known of an answer, as values that JSON can hold and without a pixel.

    Args:
        answer: The answer.
        node_of_page: The id of the node that each page shows, by the page's id; that itself where None.

    Returns:
        `answer` (the checked text), `found`, `supported`, `sentences`, `usage` and `notices` as in
        `glyph_rag.read.answer.Answer`; `citations` likewise, each with the `node_id` that it is about; and `pages`: for
        each label that the model saw in an image, the ids of its nodes.
    """
    known = answer.to_dict()
    name = str if node_of_page is None else node_of_page.__getitem__
    citations: list[JSON] = [_citation(each, node_of_page) for each in answer.citations]
    pages: dict[str, JSON] = {
        label: [name(page_id)]
        for page in answer.plan.pages
        for label, page_id in zip(page.labels, page.page_ids, strict=False)
    }
    own: dict[str, JSON] = {"answer": answer.text, "citations": citations, "pages": pages}
    return {key: own.get(key, known.get(key)) for key in KEYS}


def _citation(citation: Citation, node_of_page: Mapping[str, str] | None) -> dict[str, JSON]:
    told: dict[str, JSON] = {
        **asdict(citation),
        "boxes": [list(box) for box in citation.boxes],
        "where": citation.where,
        "node_id": citation.page_id,
    }
    if node_of_page is not None:
        # The page was made for this answer and is in no store.
        told["node_id"] = node_of_page[citation.page_id]
        del told["page_id"], told["document_id"]
    return told


def said_of(answer: Answer) -> str | BaseModel:
    """What an answer says: the form that was filled in, if there is one, or its text."""
    return answer.data if isinstance(answer.data, BaseModel) else answer.text


def response_of(said: RESPONSE_TEXT_TYPE, nodes: Sequence[NodeWithScore], metadata: dict[str, object]) -> RESPONSE_TYPE:
    """A response of LlamaIndex: which kind, depends on what is said.

    Its metadata is the very object that is given, and holds that of the nodes too, as LlamaIndex has it there.
    """
    for found in nodes:
        metadata.setdefault(found.node.node_id, found.node.metadata)
    sources = list(nodes)
    if isinstance(said, BaseModel):
        return PydanticResponse(said, sources, metadata)
    if isinstance(said, str):
        return Response(said, sources, metadata)
    if isinstance(said, AsyncGenerator):
        return AsyncStreamingResponse(said, sources, metadata)
    return StreamingResponse(said, sources, metadata)

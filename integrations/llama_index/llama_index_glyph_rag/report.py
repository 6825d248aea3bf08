"""What is known of a checked answer, for the metadata of a response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from glyph_rag.read.answer import Answer, Citation
from glyph_rag.read.plan import JSON
from llama_index.core.base.response.schema import PydanticResponse, Response
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.schema import NodeWithScore

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


def response_of(answer: Answer, nodes: list[NodeWithScore]) -> Response | PydanticResponse:
    """An answer from pages of a store as a response; with the form that was filled in, if there is one."""
    if isinstance(answer.data, BaseModel):
        return PydanticResponse(answer.data, nodes, report(answer))
    return Response(answer.text, nodes, report(answer))

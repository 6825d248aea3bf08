"""Nodes to passages, and pages to nodes."""

from __future__ import annotations

from glyph_rag.passages import Given
from glyph_rag.search.hit import Hit
from llama_index.core.schema import (
    BaseNode,
    MetadataMode,
    NodeRelationship,
    NodeWithScore,
    RelatedNodeInfo,
    TextNode,
)

_OURS = ("page_id", "document_id", "line_start", "line_end", "place")


def given_of(node: BaseNode) -> Given:
    """A node as a passage: its words alone, without its metadata, which tells where it comes from."""
    return Given.of(node.get_content(metadata_mode=MetadataMode.NONE), node.metadata)


def node_of(hit: Hit) -> NodeWithScore:
    """A page that was found, as a node: its words, and where they stand.

    The node's id is that of the page. Its metadata is the document's with `source`, `page_id`, `document_id`,
    `line_start`, `line_end` and, for formats without lines, `place`. Models and embedders are not shown the numbers.
    """
    page = hit.page
    own: dict[str, str | int] = {
        "source": page.source,
        "page_id": page.id,
        "document_id": page.document_id,
        "line_start": page.first_line,
        "line_end": page.line_of(page.end - 1),
    }
    if place := page.label_of(page.start):
        own["place"] = place
    node = TextNode(
        id_=page.id,
        text=page.text,
        metadata={**page.metadata, **own},
        start_char_idx=page.start,
        end_char_idx=page.end,
        excluded_llm_metadata_keys=list(_OURS),
        excluded_embed_metadata_keys=list(_OURS),
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=page.document_id)},
    )
    return NodeWithScore(node=node, score=hit.score)

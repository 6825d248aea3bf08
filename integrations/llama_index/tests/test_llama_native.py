"""GlyphPagePostprocessor in the multimodal engines that LlamaIndex has itself."""

from __future__ import annotations

import json

import pytest
from glyph_rag.errors import ProfileError, ReaderError
from glyph_rag.passages import Given
from llama_fakes import (
    CHECKED,
    LEAVE,
    QUESTION,
    REPLY,
    SeeingLLM,
    WordEmbedding,
    b64_of,
    drawn,
    found,
    images_of,
    make_index,
    words_of,
)
from llama_index.core import Settings, VectorStoreIndex
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.chat_engine.multi_modal_condense_plus_context import MultiModalCondensePlusContextChatEngine
from llama_index.core.chat_engine.multi_modal_context import MultiModalContextChatEngine
from llama_index.core.embeddings import MultiModalEmbedding
from llama_index.core.indices import MultiModalVectorStoreIndex
from llama_index.core.query_engine import CitationQueryEngine, RetrieverQueryEngine
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle, TextNode

from llama_index_glyph_rag import GlyphPagePostprocessor, GlyphSynthesizer, PageNode, PageSettings

INDEX = make_index()
DOT = b64_of(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010800000000"
        "3a7e9b550000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
    )
)


def pages_of(nodes: list[NodeWithScore], settings: PageSettings | None = None) -> list[NodeWithScore]:
    return GlyphPagePostprocessor(settings or PageSettings()).postprocess_nodes(nodes, QueryBundle(QUESTION))


async def test_the_native_engine_sends_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = SeeingLLM(expected=found(INDEX), context_window=32_000)
    # Whose window counts in LlamaIndex 0.14.23.
    monkeypatch.setattr(Settings, "_llm", llm)
    monkeypatch.setattr(Settings, "_chat_prompt_helper", None)
    engine = INDEX.as_query_engine(
        llm=llm, similarity_top_k=2, multimodal=True, node_postprocessors=[GlyphPagePostprocessor()]
    )
    response = engine.query(QUESTION)
    assert str(response) == REPLY
    assert response.source_nodes[0].node.metadata["pages"]["P1"] == "leave"
    assert str(await engine.aquery(QUESTION)) == REPLY
    streaming = INDEX.as_query_engine(
        llm=llm, similarity_top_k=2, multimodal=True, streaming=True, node_postprocessors=[GlyphPagePostprocessor()]
    )
    assert "".join(streaming.query(QUESTION).response_gen) == REPLY
    assert len(llm.calls) == 3
    assert QUESTION in words_of(llm.calls[0])


@pytest.mark.parametrize("engine", [MultiModalContextChatEngine, MultiModalCondensePlusContextChatEngine])
@pytest.mark.usefixtures("conversation")
async def test_the_multimodal_chat_engines_send_pages(engine: type[MultiModalContextChatEngine]) -> None:
    llm = SeeingLLM(expected=found(INDEX))
    chat = engine.from_defaults(
        retriever=INDEX.as_retriever(similarity_top_k=2),
        multi_modal_llm=llm,
        node_postprocessors=[GlyphPagePostprocessor()],
        system_prompt="Answer.",
    )
    assert chat.chat(QUESTION).response == REPLY
    assert "".join(chat.stream_chat(QUESTION, chat_history=[]).response_gen) == REPLY
    assert (await chat.achat(QUESTION, chat_history=[])).response == REPLY
    later = await chat.astream_chat(QUESTION, chat_history=[])
    assert "".join([words async for words in later.async_response_gen()]) == REPLY
    assert len(llm.calls) == 4


@pytest.mark.usefixtures("conversation")
def test_an_engine_that_was_not_told_fails_loudly() -> None:
    llm = SeeingLLM()
    engine = INDEX.as_query_engine(llm=llm, node_postprocessors=[GlyphPagePostprocessor()])
    with pytest.raises(ReaderError, match="multimodal=True"):
        engine.query(QUESTION)
    chat = INDEX.as_chat_engine(chat_mode="context", llm=llm, node_postprocessors=[GlyphPagePostprocessor()])
    with pytest.raises(ReaderError, match="multimodal=True"):
        chat.chat(QUESTION)
    assert llm.calls == []


def test_small_nodes_share_an_image_and_the_best_score_counts() -> None:
    nodes = [NodeWithScore(node=TextNode(id_=str(n), text=f"{LEAVE} {n}."), score=n / 10) for n in range(4)]
    pages = pages_of(nodes, PageSettings(family="gpt-4o"))
    assert len(pages) == 1
    shown = {label: name for page in pages for label, name in page.node.metadata["pages"].items()}
    assert shown == {f"P{n + 1}": str(n) for n in range(4)}
    assert max(page.score for page in pages) == pytest.approx(0.3)
    blocks = pages[0].node.get_content_blocks()
    assert [block.block_type for block in blocks] == ["image"]


def test_an_image_is_never_written_down() -> None:
    page = pages_of([NodeWithScore(node=TextNode(text=LEAVE), score=1.0)])[0]
    assert isinstance(page.node, PageNode)
    assert page.node.image
    for written in (json.dumps(page.to_dict()), page.node.to_json(), repr(page), str(page), str(page.node)):
        assert page.node.image[:80] not in written
        assert "iVBOR" not in written
    assert LEAVE[:30] in page.node.get_content()


def test_pages_survive_an_index_of_their_own() -> None:
    pages = pages_of([NodeWithScore(node=TextNode(text=LEAVE), score=1.0)])
    again = VectorStoreIndex([page.node for page in pages], embed_model=WordEmbedding())
    assert [each.node.node_id for each in again.as_retriever().retrieve(QUESTION)] == [pages[0].node.node_id]
    with pytest.raises(ReaderError, match="leaves out its image"):
        PageNode.from_dict(pages[0].node.to_dict()).get_content_blocks()


def test_sources_are_numbered_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = SeeingLLM(expected=found(INDEX), context_window=32_000)
    monkeypatch.setattr(Settings, "_llm", llm)
    monkeypatch.setattr(Settings, "_chat_prompt_helper", None)
    engine = CitationQueryEngine.from_args(
        INDEX, llm=llm, similarity_top_k=2, multimodal=True, node_postprocessors=[GlyphPagePostprocessor()]
    )
    assert str(engine.query(QUESTION)) == REPLY
    words = words_of(llm.calls[0]).partition("Now it's your turn")[2]
    assert "Source 2:" in words
    assert "Source 3:" not in words


class BothEmbeddings(WordEmbedding, MultiModalEmbedding):
    """The same for images, of which there are none."""

    def _get_image_embedding(self, img_file_path: object) -> list[float]:
        return self._get_text_embedding("image")

    async def _aget_image_embedding(self, img_file_path: object) -> list[float]:
        return self._get_text_embedding("image")


@pytest.mark.filterwarnings("ignore:.*SimpleMultiModalQueryEngine:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Call to deprecated class:DeprecationWarning")
async def test_a_multimodal_index_sends_pages() -> None:
    nodes = INDEX.docstore.get_nodes(["leave", "error", "travel"])
    index = MultiModalVectorStoreIndex(nodes, embed_model=WordEmbedding(), image_embed_model=BothEmbeddings())
    llm = SeeingLLM(expected=found(INDEX))
    engine = index.as_query_engine(llm=llm, similarity_top_k=2, node_postprocessors=[GlyphPagePostprocessor()])
    assert type(engine).__name__ == "SimpleMultiModalQueryEngine"
    assert str(engine.query(QUESTION)) == REPLY
    assert str(await engine.aquery(QUESTION)) == REPLY
    synthesized = RetrieverQueryEngine(index.as_retriever(similarity_top_k=2), GlyphSynthesizer(llm))
    assert str(synthesized.query(QUESTION)) == CHECKED
    assert len(llm.calls) == 3


def test_images_among_the_nodes_stay() -> None:
    picture = NodeWithScore(node=ImageNode(image=DOT, image_mimetype="image/png"), score=0.5)
    pages = pages_of([picture, NodeWithScore(node=TextNode(text=LEAVE), score=1.0)])
    assert [type(page.node) for page in pages] == [PageNode, ImageNode]
    assert pages[1] is picture
    assert pages_of([]) == []


def test_settings_count() -> None:
    nodes = [NodeWithScore(node=TextNode(id_="a", text=LEAVE))]
    assert pages_of(nodes, PageSettings(mode="text")) == nodes
    page = pages_of(nodes, PageSettings(density="dense", detail="high"))[0]
    (image,) = page.node.get_content_blocks()
    assert image.detail == "high"
    assert (images_of([ChatMessage(blocks=[image])])[0] == drawn([Given(LEAVE)], "dense")[0]).all()
    exact = pages_of([NodeWithScore(node=TextNode(text="Error ERR_CONN_42."))], PageSettings(exact=True))
    assert "ERR_CONN_42" in exact[-1].node.get_content()
    with pytest.raises(ProfileError):
        GlyphPagePostprocessor(PageSettings(family="nobody"))

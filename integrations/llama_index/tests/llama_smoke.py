"""Run in an environment with nothing but the wheels and LlamaIndex's core: python llama_smoke.py."""

from __future__ import annotations

from tempfile import TemporaryDirectory

from glyph_rag import Document, GlyphRAG
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine

from llama_index_glyph_rag import GlyphPagePostprocessor, GlyphQueryEngine, GlyphRetriever, GlyphSynthesizer, LLMReader

QUESTION = "How many days of leave can be carried over?"

with TemporaryDirectory() as folder, GlyphRAG.open(folder) as rag:
    rag.add([Document("leave", "Five days of leave can be carried over until the end of March.", "kb/leave.md")])
    response = GlyphQueryEngine(rag).query(QUESTION)
    assert "Five days" in str(response), response
    assert response.metadata["citations"][0]["where"] == "kb/leave.md:1-1"
    nodes = GlyphRetriever(rag).retrieve(QUESTION)
    assert GlyphPagePostprocessor().postprocess_nodes(nodes)[0].node.image
    assert LLMReader(MockLLM()).name == "unknown"
    try:
        RetrieverQueryEngine(GlyphRetriever(rag), GlyphSynthesizer(MockLLM()))
    except Exception as error:  # noqa: BLE001
        assert "never see the pages" in str(error), error
    else:
        raise AssertionError("a model without eyes was let through")

"""glyph-rag for LlamaIndex: nodes go to the model as page images, and every answer is checked against them.

index.as_query_engine(response_synthesizer=GlyphSynthesizer(llm))
"""

from llama_index_glyph_rag.filters import filter_of
from llama_index_glyph_rag.postprocessor import GlyphPagePostprocessor, PageNode
from llama_index_glyph_rag.query_engine import GlyphQueryEngine
from llama_index_glyph_rag.reader import LLMReader
from llama_index_glyph_rag.retriever import GlyphRetriever
from llama_index_glyph_rag.settings import PageSettings
from llama_index_glyph_rag.synthesizer import GlyphSynthesizer

__all__ = [
    "GlyphPagePostprocessor",
    "GlyphQueryEngine",
    "GlyphRetriever",
    "GlyphSynthesizer",
    "LLMReader",
    "PageNode",
    "PageSettings",
    "filter_of",
]

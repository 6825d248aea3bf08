"""What has to work with the wheel and langchain-core alone. Run as a script, in an environment with nothing else."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

from glyph_rag.errors import MissingExtraError
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.prompts import ChatPromptTemplate

import langchain_glyph_rag as ours

TEXT = "Five days of leave can be carried over until 31 March 2027."
QUESTION = "Until when can days of leave be carried over?"
DOCUMENTS = [Document(page_content=TEXT, metadata={"source": "leave.md"})]


def main() -> None:
    """Goes through the seams."""
    assert importlib.util.find_spec("langchain") is None
    assert (Path(ours.__file__).parent / "py.typed").exists()
    prompt = ChatPromptTemplate.from_template("{context}\n\n{input}")
    (message,) = ours.GlyphPrompt(prompt).format_messages(context=DOCUMENTS, input=QUESTION)
    assert [block["type"] for block in message.content] == ["text", "image", "text"]
    model = FakeListChatModel(responses=[TEXT.replace("2027", "2026")])
    checked = ours.create_glyph_documents_chain(model, prompt).invoke({"context": DOCUMENTS, "input": QUESTION})
    assert checked == TEXT
    with tempfile.TemporaryDirectory() as folder:
        store = ours.GlyphVectorStore.from_documents(DOCUMENTS, ours.GlyphEmbeddings(), path=folder)
        result = ours.GlyphRAGChain(rag=store.rag).invoke({"input": QUESTION})
        assert "31 March 2027" in result["answer"]
        assert ours.GlyphRetriever(rag=store.rag).invoke(QUESTION)[0].page_content == TEXT
        store.rag.close()
    try:
        _ = ours.GlyphMiddleware
    except MissingExtraError as error:
        assert "langchain-glyph-rag[agents]" in error.hint
    else:
        sys.exit("GlyphMiddleware came without langchain")


if __name__ == "__main__":
    main()

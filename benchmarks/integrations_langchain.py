"""What the LangChain adapters add to the work of the core, in milliseconds, and what they hold of an image.

    python benchmarks/integrations_langchain.py
    python benchmarks/integrations_langchain.py --passages 32 --rounds 50

Passages are cut from the demo handbook. For each seam the same question is answered with it and, as far as the core
alone can, without: passages typeset, encoded as PNG and base64, a model that replies at once asked through LangChain,
the reply checked. Both are measured in turn, by the time of the processor; the median difference is what the adapter
adds. The last line compares the memory that the messages of a prompt keep with the length of their base64 strings: a
second copy of an image would show.
"""

from __future__ import annotations

import argparse
import base64
import gc
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path

from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_glyph_rag import (
    ChatModelReader,
    GlyphMiddleware,
    GlyphPrompt,
    GlyphRAGChain,
    GlyphRetriever,
    GlyphVectorStore,
    create_glyph_documents_chain,
)
from rich.console import Console
from rich.table import Table

import glyph_rag
from glyph_rag import GlyphRAG
from glyph_rag.passages import Given, Passages, typeset_passages
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prompt import TextPart, build_prompt
from glyph_rag.read.reader import Reading
from glyph_rag.testing import HashEmbedder

HANDBOOK = Path(glyph_rag.__file__).parent / "demo" / "handbook"
QUESTION = "How many days of leave can be carried over?"
REPLY = "Up to five days of leave can be carried over."
PROMPT = ChatPromptTemplate.from_template("Answer from the context.\n{context}\n\n{input}")


class PlainReader:
    """What a reader does without an adapter: the prompt, the images, the model."""

    name = "plain"

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        """Shows the pages to the model."""
        prompt = build_prompt(question, plan)
        content: list[str | dict[str, str]] = [
            {"type": "text", "text": part.text} if isinstance(part, TextPart) else _image(part.page.png())
            for part in prompt.parts
        ]
        reply = MODEL.invoke([("system", prompt.system), HumanMessage(content=content)])
        return Reading(str(reply.text))


MODEL = FakeListChatModel(responses=[REPLY])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=8, help="how many passages of about 1000 characters")
    parser.add_argument("--rounds", type=int, default=20, help="how often each is measured")
    given = parser.parse_args()
    documents = _documents(given.passages)
    table = Table(title=f"{given.passages} passages, medians of {given.rounds}")
    for column in ("seam", "core, ms", "seam, ms", "added, ms"):
        table.add_column(column, justify="left" if column == "seam" else "right")
    with tempfile.TemporaryDirectory() as folder:
        for name, alone, seam in _seams(documents, Path(folder)):
            before, after, added = _measure(alone, seam, given.rounds)
            table.add_row(name, f"{before:.1f}", f"{after:.1f}", f"{added:+.2f}")
    console = Console()
    console.print(table)
    kept, strings = _held(documents)
    console.print(f"the messages of a prompt keep {kept:,} bytes, of which {strings:,} are base64 strings")


def _seams(documents: Sequence[Document], folder: Path) -> list[tuple[str, Callable[[], object], Callable[[], object]]]:
    given = [Given.of(document.page_content, document.metadata) for document in documents]
    inputs: dict[str, object] = {"context": list(documents), "input": QUESTION}
    prompt = GlyphPrompt(PROMPT) | MODEL
    chain = create_glyph_documents_chain(MODEL, PROMPT)
    middleware = GlyphMiddleware(["kb"])
    rag = GlyphRAG.open(folder / "store", embedder=HashEmbedder(), reader=PlainReader())
    rag.add_path(HANDBOOK)
    whole = GlyphRAGChain(rag=GlyphRAG.open(folder / "store", embedder=HashEmbedder(), reader=ChatModelReader(MODEL)))
    retriever, store = GlyphRetriever(rag=rag), GlyphVectorStore(rag)
    messages = [HumanMessage(QUESTION), ToolMessage("text", name="kb", tool_call_id="1", artifact=list(documents))]
    tools: list[dict[str, object]] = [{"name": "kb"}]
    request = ModelRequest(model=MODEL, messages=messages, tools=tools)

    def shown() -> Passages:
        passages = typeset_passages(given, QUESTION)
        MODEL.invoke([HumanMessage(content=[_image(page.png()) for page in passages.plan.pages])])
        return passages

    remembered = shown()
    held = HumanMessage(content=[_image(page.png()) for page in remembered.plan.pages])

    def again() -> object:
        return MODEL.invoke([held]) and remembered.check(REPLY)

    def call(asked: ModelRequest[None]) -> ModelResponse[object]:
        return ModelResponse(result=[MODEL.invoke(asked.messages)])

    return [
        ("GlyphPrompt | llm", shown, lambda: prompt.invoke(inputs)),
        ("create_glyph_documents_chain", lambda: shown().check(REPLY), lambda: chain.invoke(inputs)),
        (
            "GlyphMiddleware",
            lambda: shown().check(REPLY),
            lambda: GlyphMiddleware(["kb"]).wrap_model_call(request, call),
        ),
        ("GlyphMiddleware, seen before", again, lambda: middleware.wrap_model_call(request, call)),
        ("GlyphRAGChain", lambda: rag.ask(QUESTION), lambda: whole.invoke(inputs)),
        ("GlyphRetriever", lambda: rag.search(QUESTION, 4), lambda: retriever.invoke(QUESTION)),
        ("GlyphVectorStore", lambda: rag.search(QUESTION, 4), lambda: store.similarity_search(QUESTION)),
    ]


def _documents(count: int) -> list[Document]:
    texts = [path.read_text("utf-8") for path in sorted(HANDBOOK.rglob("*.md"))]
    words = "\n\n".join(texts)
    whole = words * (1 + count * 1000 // len(words))
    return [
        Document(page_content=whole[at : at + 1000], metadata={"source": f"part-{at}.md"})
        for at in range(0, 1000 * count, 1000)
    ]


def _measure(alone: Callable[[], object], seam: Callable[[], object], rounds: int) -> tuple[float, float, float]:
    """Medians of the processor's milliseconds: without the seam, with it, and of what it adds in each round."""
    alone(), seam()
    before: list[float] = []
    after: list[float] = []
    for _ in range(rounds):
        for kept, call in ((before, alone), (after, seam)):
            gc.collect()
            started = time.process_time()
            call()
            kept.append(1000 * (time.process_time() - started))
    added = [b - a for a, b in zip(before, after, strict=True)]
    return statistics.median(before), statistics.median(after), statistics.median(added)


def _held(documents: Sequence[Document]) -> tuple[int, int]:
    prompt = GlyphPrompt(PROMPT)
    prompt.format_messages(context=list(documents), input=QUESTION)
    tracemalloc.start()
    messages = prompt.format_messages(context=list(documents), input=QUESTION)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    blocks = [block for message in messages for block in message.content if isinstance(block, dict)]
    return kept, sum(len(block["base64"]) for block in blocks if block["type"] == "image")


def _image(png: bytes) -> dict[str, str]:
    return {"type": "image", "base64": base64.b64encode(png).decode(), "mime_type": "image/png"}


if __name__ == "__main__":
    main()

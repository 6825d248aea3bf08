"""What llama-index-glyph-rag adds to typesetting, checking and the model; and what it copies of the images.

    python benchmarks/integrations_llama_index.py

The model answers at once, so that all of the time is ours. "Core" is the time in which nodes become pages, pages PNG
files, and the answer is checked; "adapter" is the rest of `GlyphSynthesizer.synthesize`, with LlamaIndex's own events.
Medians, in milliseconds of the processor, so that other work on the machine does not count. "Held" is what the messages
hold per byte of their images' base64, and "peak" what making them took for a moment. Needs `integrations/llama_index`
to be installed.
"""

from __future__ import annotations

import base64
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from typing import ParamSpec, TypeVar

from llama_index.core import PromptTemplate, Settings
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LLMMetadata
from llama_index.core.llms import LLM, MockLLM
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index_glyph_rag import GlyphSynthesizer, request
from llama_index_glyph_rag.messages import fill_template

from glyph_rag.passages import Given, typeset_passages
from glyph_rag.read.answering import Answering
from glyph_rag.read.plan import PlanPage
from glyph_rag.read.prompt import PagePart, Prompt, TextPart
from glyph_rag.typeset.cache import PageCache

QUESTION = "How many days can be carried over?"
REPLY = "Five days of rule 1 can be carried over until the end of March."
SENTENCE = "Five days of rule {} can be carried over until the end of March, and no more than that. "
RUNS = 15

P = ParamSpec("P")
R = TypeVar("R")


class AtOnce(MockLLM):  # type: ignore[misc]  # The framework is not there when this file is checked.
    """Answers without looking."""

    @property
    def metadata(self) -> LLMMetadata:
        """A chat model."""
        return LLMMetadata(is_chat_model=True)

    def chat(self, messages: Sequence[ChatMessage], **kwargs: object) -> ChatResponse:
        """Answers at once."""
        return ChatResponse(message=ChatMessage(role="assistant", content=REPLY))


class Core:
    """Counts the seconds that are spent in glyph-rag itself."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside = False

    def timed(self, work: Callable[P, R]) -> Callable[P, R]:
        """The same function, whose time counts."""

        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if self._inside:
                return work(*args, **kwargs)
            self._inside, started = True, time.process_time()
            try:
                return work(*args, **kwargs)
            finally:
                self._inside = False
                self.seconds += time.process_time() - started

        return run


def main() -> None:
    llm: LLM = AtOnce()
    Settings.llm = llm
    synthesizer = GlyphSynthesizer(llm)
    core = Core()
    request.hits_of = core.timed(request.hits_of)
    for owner, name in ((Answering, "begin"), (Answering, "finish"), (PlanPage, "png")):
        setattr(owner, name, core.timed(getattr(owner, name)))
    print("| nodes | characters | images | KB | core ms | adapter ms | held | peak |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for count, sentences in ((3, 8), (12, 8), (6, 60), (12, 60)):
        texts = ["".join(SENTENCE.format(f"{node}.{at}") for at in range(sentences)) for node in range(count)]
        nodes = [NodeWithScore(node=TextNode(text=text), score=1.0) for text in texts]
        parts = [spent(core, partial(synthesizer.synthesize, QUESTION, nodes)) for _ in range(RUNS)]
        inside, rest = (statistics.median(times) * 1000 for times in zip(*parts, strict=True))
        shown = typeset_passages([Given(text) for text in texts], QUESTION, cache=PageCache())
        size = sum(len(page.png()) for page in shown.plan.pages)
        held, peak = copies(llm, Prompt("", (*shown.parts, TextPart(QUESTION))))
        print(
            f"| {count} | {sum(map(len, texts))} | {len(shown.plan.pages)} | {size / 1024:.0f} "
            f"| {inside:.1f} | {rest:.1f} | {held:.2f} | {peak:.2f} |"
        )


def spent(core: Core, work: Callable[[], object]) -> tuple[float, float]:
    """Seconds in the core, and all others."""
    core.seconds, started = 0.0, time.process_time()
    work()
    return core.seconds, time.process_time() - started - core.seconds


def copies(llm: LLM, prompt: Prompt) -> tuple[float, float]:
    """Bytes held and bytes at the peak of making messages, each by bytes of base64."""
    # Drawn before, so that what drawing takes is not counted.
    files = [part.page.png() for part in prompt.parts if isinstance(part, PagePart)]
    encoded = sum(len(base64.b64encode(file)) for file in files)
    del files
    template = PromptTemplate("{context_str} {query_str}")
    fill_template(template, llm, prompt, None)
    tracemalloc.start()
    messages = fill_template(template, llm, prompt, None)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del messages
    return held / encoded, peak / encoded


if __name__ == "__main__":
    main()

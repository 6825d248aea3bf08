"""What tools found, on pages: a conversation as a model is shown it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from glyph_rag.errors import InputError
from glyph_rag.passages import Given, Passages
from glyph_rag.read.plan import PlanPage
from glyph_rag.read.prompt import page_heading, words_of
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from langchain_glyph_rag.content import Block, documents_in

Place: TypeAlias = Literal["human", "tool"]
"""Where pages go: into a message of the user after the results of the tools, or into the results themselves."""

Typeset: TypeAlias = Callable[[tuple[Given, ...]], "tuple[Passages, tuple[Block, ...]]"]
"""Sets passages on pages, and makes an image block of each."""


@dataclass(frozen=True, eq=False)
class Result:
    """What one call of a tool found.

    Attributes:
        at: Which message it is.
        documents: The passages.
    """

    at: int
    documents: tuple[Document, ...]


@dataclass(frozen=True, eq=False)
class ToolPages:
    """The results of tools on pages.

    Attributes:
        results: Those that are shown, oldest first.
        passages: Their passages.
        images: An image block for each page.
    """

    results: tuple[Result, ...]
    passages: Passages
    images: tuple[Block, ...]

    @property
    def documents(self) -> list[Document]:
        """The passages, by the numbers that citations know them by."""
        return [document for result in self.results for document in result.documents]


def results_of(messages: Sequence[AnyMessage], names: Collection[str]) -> tuple[Result, ...]:
    """The results of the tools of some names that have words; errors are none."""
    calls = [call for message in messages if isinstance(message, AIMessage) for call in message.tool_calls]
    called = {call["id"]: call["name"] for call in calls}
    found = []
    for at, message in enumerate(messages):
        if not isinstance(message, ToolMessage) or message.status == "error":
            continue
        name = message.name or called.get(message.tool_call_id, "")
        if name in names:
            documents = tuple(document for document in _documents(message, name) if document.page_content.strip())
            found += [Result(at, documents)] if documents else []
    return tuple(found)


def on_pages(results: tuple[Result, ...], typeset: Typeset) -> ToolPages:
    """Results on pages; where there is no room for all, the oldest go first.

    Raises:
        InputError: There is no room for any passage of the newest.
    """
    while True:
        given = (Given.of(doc.page_content, doc.metadata) for result in results for doc in result.documents)
        try:
            pages = ToolPages(results, *typeset(tuple(given)))
        except InputError:
            if len(results) == 1:
                raise
        else:
            if not pages.passages.plan.omitted or len(results) == 1:
                return pages
        results = results[1:]


def shown(messages: Sequence[AnyMessage], found: Sequence[Result], pages: ToolPages, place: Place) -> list[AnyMessage]:
    """Messages with pages in the place of the words that tools found.

    An image goes with the newest of the results that stand on it. Of `found`, all results of the tools in question,
    those that have no pages are no longer shown.
    """
    owners = [result.at for result in pages.results for _ in result.documents]
    owner_of = {label: owners[number] for number, labels in pages.passages.labels.items() for label in labels}
    blocks: dict[int, list[Block]] = {}
    plan = pages.passages.plan
    for page, image in zip(plan.pages, pages.images, strict=True):
        blocks.setdefault(max(owner_of[label] for label in page.labels), []).extend([_heading(page), image])
    for text in plan.texts:
        blocks.setdefault(owners[-1], []).append({"type": "text", "text": words_of(text)})
    labels = {at: [label for label, owner in owner_of.items() if owner == at] for at in {*owner_of.values()}}
    return _rewritten(messages, {result.at: labels.get(result.at, []) for result in found}, blocks, place)


def _rewritten(
    messages: Sequence[AnyMessage], labels: dict[int, list[str]], blocks: dict[int, list[Block]], place: Place
) -> list[AnyMessage]:
    done: list[AnyMessage] = []
    waiting: list[Block] = []
    for at, message in enumerate(messages):
        if not isinstance(message, ToolMessage) and waiting:
            done.append(HumanMessage(content=[*waiting]))
            waiting = []
        if at not in labels:
            done.append(message)
            continue
        content = [{"type": "text", "text": _pointer(labels[at])}, *_not_text(message)]
        (content if place == "tool" else waiting).extend(blocks.get(at, []))
        done.append(message.model_copy(update={"content": content if len(content) > 1 else _pointer(labels[at])}))
    return [*done, HumanMessage(content=[*waiting])] if waiting else done


def _documents(message: ToolMessage, name: str) -> list[Document]:
    """The Documents that came with a result, or its words."""
    came = documents_in(message.artifact)
    return came or [Document(page_content=str(message.text), metadata={"source": name})]


def _not_text(message: AnyMessage) -> list[Block]:
    """What a result has beside words, such as images of its own."""
    content = [] if isinstance(message.content, str) else message.content
    return [block for block in content if isinstance(block, dict) and block.get("type") != "text"]


def _heading(page: PlanPage) -> Block:
    return {"type": "text", "text": page_heading(page.labels)}


def _pointer(labels: Sequence[str]) -> str:
    if not labels:
        return "The result is no longer shown."
    return f"The result stands on page images: {', '.join(f'[{label}]' for label in labels)}"

"""The packages of providers as users install them: what each really sends when one line of a chain changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from glyph_rag.rag import GlyphRAG
from glyph_rag.testing import HashEmbedder
from langchain.agents import create_agent
from langchain_classic.chains import create_retrieval_chain
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import create_retriever_tool
from langchain_eyes import CHECKED, DOCUMENTS, GIVEN, LEAVE, QUESTION, SAID, grey
from langchain_wire import IN, OUT, Call, Wire, check, nodes, plain, serve
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import BaseModel

from langchain_glyph_rag import (
    ChatModelReader,
    GlyphMiddleware,
    GlyphPrompt,
    GlyphVectorStore,
    PageSettings,
    create_glyph_documents_chain,
)
from langchain_glyph_rag.models import viewer_of

_PNG = "data:image/png;base64,"


@dataclass(frozen=True)
class Provider:
    """A class of chat models.

    Attributes:
        package: Where it is.
        name: What it is called there.
        settings: What it is made with; "{url}" stands for the server.
        images: The base64 of a request's images, in order, from where the provider's API looks for them.
        detail: Whether its API knows how closely to look.
    """

    package: str
    name: str
    settings: dict[str, Any]
    images: Callable[[Call], Iterator[str]]
    detail: bool = False

    def model(self, wire: Wire) -> BaseChatModel:
        module = pytest.importorskip(self.package)
        filled = {
            key: value.replace("{url}", wire.url) if isinstance(value, str) else value
            for key, value in self.settings.items()
        }
        return getattr(module, self.name)(**filled)


def _in_chat(body: Call) -> Iterator[str]:
    for part in nodes(body["messages"]):
        if part.get("type") == "image_url":
            yield part["image_url"]["url"].removeprefix(_PNG)
        assert part.get("type") != "image"


def _in_responses(body: Call) -> Iterator[str]:
    for part in nodes(body["input"]):
        if part.get("type") == "input_image":
            yield part["image_url"].removeprefix(_PNG)


def _in_anthropic(body: Call) -> Iterator[str]:
    for part in nodes(body["messages"]):
        if part.get("type") == "image":
            assert (part["source"]["type"], part["source"]["media_type"]) == ("base64", "image/png")
            yield part["source"]["data"]


def _in_gemini(body: Call) -> Iterator[str]:
    for part in nodes(body["contents"]):
        if "inlineData" in part:
            data = part["inlineData"]
            assert (data.get("mimeType") or data.get("mime_type")) == "image/png"
            yield plain(data["data"])


def _in_ollama(body: Call) -> Iterator[str]:
    for message in body["messages"]:
        yield from message.get("images") or []


def _in_bedrock(body: Call) -> Iterator[str]:
    for part in nodes(body["messages"]):
        if "image" in part:
            assert part["image"]["format"] == "png"
            yield part["image"]["source"]["bytes"]


PROVIDERS = {
    "openai": Provider(
        "langchain_openai", "ChatOpenAI", {"model": "gpt-4.1", "base_url": "{url}/v1", "api_key": "x"}, _in_chat, True
    ),
    "openai responses": Provider(
        "langchain_openai",
        "ChatOpenAI",
        {"model": "gpt-4.1", "base_url": "{url}/v1", "api_key": "x", "use_responses_api": True},
        _in_responses,
        True,
    ),
    "azure": Provider(
        "langchain_openai",
        "AzureChatOpenAI",
        {"azure_deployment": "ours", "azure_endpoint": "{url}", "api_key": "x", "api_version": "2024-10-21"},
        _in_chat,
        True,
    ),
    "anthropic": Provider(
        "langchain_anthropic",
        "ChatAnthropic",
        {"model": "claude-sonnet-4-6", "base_url": "{url}", "api_key": "x"},
        _in_anthropic,
    ),
    "gemini": Provider(
        "langchain_google_genai",
        "ChatGoogleGenerativeAI",
        {"model": "gemini-2.5-flash", "base_url": "{url}", "api_key": "x"},
        _in_gemini,
    ),
    "ollama": Provider("langchain_ollama", "ChatOllama", {"model": "qwen2.5vl:7b", "base_url": "{url}"}, _in_ollama),
    "mistral": Provider(
        "langchain_mistralai",
        "ChatMistralAI",
        {"model": "mistral-small-2506", "base_url": "{url}/v1", "api_key": "x"},
        _in_chat,
        True,
    ),
    "groq": Provider(
        "langchain_groq",
        "ChatGroq",
        {"model": "meta-llama/llama-4-scout-17b-16e-instruct", "base_url": "{url}", "api_key": "x"},
        _in_chat,
        True,
    ),
    "bedrock": Provider(
        "langchain_aws",
        "ChatBedrockConverse",
        {
            "model": "us.anthropic.claude-opus-4-5-20251101-v1:0",
            "endpoint_url": "{url}",
            "region_name": "us-east-1",
            "aws_access_key_id": "x",
            "aws_secret_access_key": "x",
            "disable_streaming": True,
        },
        _in_bedrock,
    ),
}

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer as {style}."),
        MessagesPlaceholder("chat_history", optional=True),
        ("human", "Context: {context}\nQuestion: {input}"),
    ]
).partial(style="a clerk")
IN_SYSTEM = ChatPromptTemplate.from_messages(
    [("system", "Answer from: {context}"), MessagesPlaceholder("chat_history"), ("human", "{input}")]
)
HISTORY = [HumanMessage("Hello."), AIMessage("Hello, what can I do for you?")]


@pytest.fixture(scope="module")
def server():
    yield from serve()


@pytest.fixture
def wire(server):
    server.sent.clear()
    server.paths.clear()
    server.form = None
    return server


@pytest.fixture(params=PROVIDERS)
def provider(request):
    return PROVIDERS[request.param]


def pages_for(llm, given=GIVEN):
    """What the typesetter draws for a model."""
    passages = PageSettings().typeset(given, QUESTION, viewer_of(llm))
    return [grey(page) for page in passages.plan.pages]


class Fixed(BaseRetriever):
    def _get_relevant_documents(self, query, *, run_manager):
        return DOCUMENTS


def test_a_chain(provider, wire):
    llm = provider.model(wire)
    shown = GlyphPrompt(PROMPT, llm=llm)
    reply = ({"context": Fixed(), "input": RunnablePassthrough()} | shown | llm).invoke(QUESTION)
    (body,) = wire.sent
    check(body, list(provider.images(body)), pages_for(llm))
    assert reply.text == SAID
    assert (reply.usage_metadata["input_tokens"], reply.usage_metadata["output_tokens"]) == (IN, OUT)
    sent = str(body)
    assert sent.index("Context:") < sent.index("[P1") < sent.index(f"Question: {QUESTION}")


async def test_streams_with_a_history_and_the_context_in_the_system_message(provider, wire):
    llm = provider.model(wire)
    inputs = {"context": DOCUMENTS, "input": QUESTION, "chat_history": HISTORY}
    chain = GlyphPrompt(IN_SYSTEM, llm=llm) | llm | StrOutputParser()
    assert "".join(chain.stream(inputs)) == SAID
    assert "".join([piece async for piece in chain.astream(inputs)]) == SAID
    assert await chain.abatch([inputs]) == [SAID]
    assert len(wire.sent) == 3
    for body in wire.sent:
        check(body, list(provider.images(body)), pages_for(llm))


async def test_checked_answers(provider, wire):
    llm = provider.model(wire)
    chain = create_retrieval_chain(Fixed(), create_glyph_documents_chain(llm, IN_SYSTEM))
    inputs = {"input": QUESTION, "chat_history": HISTORY}
    pieces = list(chain.stream(inputs))
    answers = [
        chain.invoke(inputs)["answer"],
        (await chain.ainvoke(inputs))["answer"],
        pieces[-1]["answer"].answer.text,
    ]
    assert answers == [CHECKED] * 3
    assert chain.invoke(inputs)["answer"].usage["reported_tokens"] == IN
    # Groq counts the tokens of a stream in a field of its own.
    assert pieces[-1]["answer"].answer.usage.output_tokens == (None if provider.package == "langchain_groq" else OUT)
    assert len(wire.sent) == 4
    for body in wire.sent:
        check(body, list(provider.images(body)), pages_for(llm))


def test_how_closely_to_look(provider, wire):
    llm = provider.model(wire)
    shown = GlyphPrompt(PROMPT, PageSettings(detail="high"), llm=llm)
    (shown | llm).invoke({"context": DOCUMENTS, "input": QUESTION})
    (body,) = wire.sent
    check(body, list(provider.images(body)), pages_for(llm))
    assert any(part.get("detail") == "high" for part in nodes(body)) is provider.detail


@pytest.mark.parametrize("detail", [None, "high"])
@pytest.mark.parametrize("place", ["human", "tool"])
async def test_an_agent_that_searches_twice_at_once(provider, wire, place, detail):
    llm = provider.model(wire)
    search = create_retriever_tool(Fixed(), "kb", "Search the handbook.", response_format="content_and_artifact")
    eyes = GlyphMiddleware([search], PageSettings(detail=detail), place=place)
    agent = create_agent(llm, [search], system_prompt="Search.", middleware=[eyes], checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    state = await agent.ainvoke({"messages": [("user", QUESTION)]}, config)
    assert state["messages"][-1].text == CHECKED
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "tool", "ai"]
    assert LEAVE in state["messages"][2].content
    assert "base64" not in str(agent.get_state(config).values)
    assert len(wire.sent) == 2
    assert not list(provider.images(wire.sent[0]))
    check(wire.sent[1], list(provider.images(wire.sent[1])), pages_for(llm, [*GIVEN, *GIVEN]))
    if place == "tool":
        # Mistral takes no message of the user after the results of tools.
        roles = [message.get("role") for message in wire.sent[1].get("messages", [])]
        assert ("tool", "user") not in pairwise(roles)


class Leave(BaseModel):
    """Days of leave."""

    until: str


async def test_forms(provider, wire, tmp_path):
    wire.form = {"until": "31 March 2027"}
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=ChatModelReader(provider.model(wire))) as rag:
        GlyphVectorStore(rag).add_documents(DOCUMENTS)
        pages = [grey(page) for page in rag.plan(QUESTION).pages]
        answers = [rag.ask(QUESTION, schema=Leave), await rag.aask(QUESTION, schema=Leave)]
    assert [answer.data for answer in answers] == [Leave(until="31 March 2027")] * 2
    assert all(answer.supported and answer.usage.reported_tokens == IN for answer in answers)
    assert len(wire.sent) == 2
    for body in wire.sent:
        check(body, list(provider.images(body)), pages)


def test_failures_are_the_chains_to_handle(wire):
    settings = {**PROVIDERS["openai"].settings, "max_retries": 0}
    llm = Provider("langchain_openai", "ChatOpenAI", settings, _in_chat).model(wire)
    inputs = {"context": DOCUMENTS, "input": QUESTION}
    for model in (llm.with_retry(wait_exponential_jitter=False), llm.with_fallbacks([llm])):
        wire.failures = 1
        assert create_glyph_documents_chain(model, PROMPT).invoke(inputs) == CHECKED
    wire.failures = 1
    chain = GlyphPrompt(PROMPT, llm=llm) | llm
    assert chain.with_fallbacks([RunnableLambda(lambda _: "offline")]).invoke(inputs) == "offline"


def test_tools_bound_and_documents_of_ones_own(wire):
    llm = PROVIDERS["openai"].model(wire)
    search = create_retriever_tool(Fixed(), "kb", "Search the handbook.")
    reply = (GlyphPrompt(PROMPT, llm=llm) | llm.bind_tools([search])).invoke(
        {"context": [Document(page_content=LEAVE)], "input": QUESTION}
    )
    assert [call["name"] for call in reply.tool_calls] == ["kb", "kb"]
    (body,) = wire.sent
    assert len(list(_in_chat(body))) == 1

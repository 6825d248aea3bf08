"""What really goes over the wire: the packages of the providers, as installed, against an endpoint on this machine."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator

import pytest
from glyph_rag.passages import typeset_passages
from glyph_rag.read.planning.material import Viewer
from glyph_rag.read.prompt import PagePart
from llama_endpoint import READ, WRITTEN, Endpoint, endpoint, shown
from llama_fakes import CHECKED, LEAVE, QUESTION, REPLY, found, make_index
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.llms import LLM
from llama_index.core.tools import QueryEngineTool

from llama_index_glyph_rag import GlyphPagePostprocessor, GlyphSynthesizer, LLMReader, PageSettings

# What the packages deprecate of each other, and leave open, is no fault of these tests.
pytestmark = pytest.mark.filterwarnings("ignore")

INDEX = make_index()
FORM = '{"days": 5, "until": "the end of March"}'


class Leave(BaseModel):
    days: int
    until: str


def openai(url: str) -> LLM:
    package = pytest.importorskip("llama_index.llms.openai")
    return package.OpenAI("gpt-4o", api_key="x", api_base=f"{url}/v1", max_retries=0)


def openai_responses(url: str) -> LLM:
    package = pytest.importorskip("llama_index.llms.openai")
    return package.OpenAIResponses("gpt-4o", api_key="x", api_base=f"{url}/v1", max_retries=0)


def openai_like(url: str) -> LLM:
    package = pytest.importorskip("llama_index.llms.openai_like")
    about = {"is_chat_model": True, "context_window": 32_000, "max_retries": 0}
    return package.OpenAILike("Qwen/Qwen2.5-VL-7B-Instruct", api_key="x", api_base=f"{url}/v1", **about)


def azure(url: str) -> LLM:
    package = pytest.importorskip("llama_index.llms.azure_openai")
    about = {"api_version": "2024-06-01", "max_retries": 0}
    return package.AzureOpenAI(model="gpt-4o", engine="gpt-4o", api_key="x", azure_endpoint=url, **about)


def groq(url: str) -> LLM:
    package = pytest.importorskip("llama_index.llms.groq")
    about = {"api_base": f"{url}/v1", "context_window": 32_000, "max_retries": 0}
    return package.Groq("meta-llama/llama-4-scout-17b-16e-instruct", api_key="x", **about)


def anthropic(url: str) -> LLM:
    # Version 1 of the SDK took arguments away that the integration still passes.
    sdk = pytest.importorskip("anthropic")
    if int(sdk.__version__.partition(".")[0]) > 0:
        pytest.skip("llama-index-llms-anthropic does not work with this anthropic")
    package = pytest.importorskip("llama_index.llms.anthropic")
    return package.Anthropic("claude-sonnet-4-5", api_key="x", base_url=url, max_retries=0)


def google(url: str) -> LLM:
    package = pytest.importorskip("llama_index.llms.google_genai")
    about = {"http_options": {"base_url": url}, "max_tokens": 99, "context_window": 100_000}
    return package.GoogleGenAI("gemini-2.5-flash", api_key="x", **about)


def ollama(url: str) -> LLM:
    package = pytest.importorskip("llama_index.llms.ollama")
    return package.Ollama("qwen2.5vl", base_url=url, context_window=16_000)


def mistral(url: str) -> LLM:
    package = pytest.importorskip("llama_index.llms.mistralai")
    return package.MistralAI("pixtral-large-latest", api_key="x", endpoint=url)


def bedrock(url: str) -> LLM:
    package = pytest.importorskip("llama_index.llms.bedrock_converse")
    about = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1", "endpoint_url": url}
    return package.BedrockConverse("anthropic.claude-3-5-sonnet-20240620-v1:0", **about)


Make = Callable[[str], LLM]
EVERY = [openai, openai_responses, openai_like, azure, groq, anthropic, google, ollama, mistral, bedrock]
# BedrockConverse asks for a form by a call of a tool, which the endpoint does not speak there.
FORMS = [make for make in EVERY if make is not bedrock]


@pytest.fixture
def server() -> Iterator[Endpoint]:
    with endpoint(REPLY) as known:
        yield known


@pytest.fixture(scope="module", autouse=True)
def _close() -> Iterator[None]:
    """Clients that nobody closes go while their complaint is still filtered."""
    yield
    gc.collect()


def check(server: Endpoint, sight_of: LLM | None) -> list[str]:
    """There was one request, with exactly the typeset pages, in order, where the provider looks for them; its words."""
    assert len(server.sent) == 1
    viewer = None if sight_of is None else Viewer("", LLMReader(sight_of).sight())
    pages = [part.page for part in typeset_passages(found(INDEX), viewer=viewer).parts if isinstance(part, PagePart)]
    parts = shown(*server.sent[0])
    assert [part for part in parts if isinstance(part, bytes)] == [page.png() for page in pages]
    words = [part for part in parts if isinstance(part, str)]
    for sentence in (*re.split(r"(?<=\.)\s", LEAVE), "data:image"):
        assert not any(sentence in text for text in words)
    assert not any(re.search(r"[A-Za-z0-9+/]{120,}", text) for text in words)
    return words


@pytest.mark.parametrize("make", EVERY)
def test_pages_go_where_the_provider_looks_for_them(make: Make, server: Endpoint) -> None:
    llm = make(server.url)
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm))
    response = engine.query(QUESTION)
    assert str(response) == CHECKED
    assert [each.node_id for each in response.source_nodes] == ["leave", "travel"]
    usage = response.metadata["usage"]
    assert (usage["reported_tokens"], usage["output_tokens"]) == (READ, WRITTEN)
    words = check(server, llm)
    assert words[-1].endswith(f"\n{QUESTION}")


@pytest.mark.parametrize("make", EVERY)
async def test_the_same_in_a_stream_that_does_not_block(make: Make, server: Endpoint) -> None:
    llm = make(server.url)
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm, streaming=True))
    response = await engine.aquery(QUESTION)
    pieces = [piece async for piece in response.async_response_gen()]
    assert len(pieces) > 1
    assert response.metadata["answer"] == CHECKED
    assert response.metadata["usage"]["reported_tokens"] == READ
    check(server, llm)


@pytest.mark.parametrize("make", FORMS)
def test_a_form_is_asked_for_with_the_same_pages(make: Make, server: Endpoint) -> None:
    server.reply = server.call = FORM
    llm = make(server.url)
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm, output_cls=Leave))
    response = engine.query(QUESTION)
    assert response.response == Leave(days=5, until="the end of March")
    assert response.metadata["citations"][0]["node_id"] == "leave"
    check(server, llm)


@pytest.mark.parametrize("make", EVERY)
def test_llama_indexs_own_path_sends_the_pages_of_the_postprocessor(make: Make, server: Endpoint) -> None:
    llm = make(server.url)
    engine = INDEX.as_query_engine(
        llm=llm, similarity_top_k=2, multimodal=True, node_postprocessors=[GlyphPagePostprocessor()]
    )
    assert str(engine.query(QUESTION)) == REPLY
    check(server, None)


def test_detail_reaches_the_provider(server: Endpoint) -> None:
    for make in (openai, openai_responses):
        server.sent.clear()
        GlyphSynthesizer(make(server.url), PageSettings(detail="high")).get_response(QUESTION, [LEAVE])
        assert str(server.sent[0][1]).count("'detail': 'high'") == 1


async def test_an_agent_calls_the_engine_and_never_sees_a_page(server: Endpoint) -> None:
    """Three requests: the agent wants the tool, the engine shows pages, the agent sees the checked words."""
    server.call = f'{{"input": "{QUESTION}"}}'
    llm = openai(server.url)
    engine = INDEX.as_query_engine(similarity_top_k=2, response_synthesizer=GlyphSynthesizer(llm))
    tool = QueryEngineTool.from_defaults(engine, name="handbook", description="What the handbook says.")
    reply = await FunctionAgent(tools=[tool], llm=llm).run(QUESTION)
    assert str(reply) == REPLY
    wants, pages, says = ([part for part in shown(*each) if part] for each in server.sent)
    assert [any(isinstance(part, bytes) for part in parts) for parts in (wants, pages, says)] == [False, True, False]
    assert CHECKED in says

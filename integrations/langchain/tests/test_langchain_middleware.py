"""GlyphMiddleware: one argument more, and an agent's model sees what its tools found as pages."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import TypedDict

import pytest
from glyph_rag.errors import InputError, MissingExtraError, ReaderError
from glyph_rag.passages import Given, Passages, typeset_passages
from langchain.agents import create_agent
from langchain.agents.middleware import ModelFallbackMiddleware
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import create_retriever_tool, tool
from langchain_eyes import CHECKED, DOCUMENTS, GIVEN, LEAVE, QUESTION, SAID, TRAVEL, SeeingModel, drawn, images, words
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from pydantic import Field

from langchain_glyph_rag import GlyphMiddleware, GlyphPrompt, PageSettings, middleware


def retriever_tool(response_format="content"):
    class Fixed(BaseRetriever):
        def _get_relevant_documents(self, query, *, run_manager):
            return DOCUMENTS

    return create_retriever_tool(Fixed(), "kb", "Search the handbook.", response_format=response_format)


def call(name="kb", number=1, query="leave"):
    return AIMessage("", tool_calls=[{"name": name, "args": {"query": query}, "id": f"call-{number}"}])


def agent(model, *, tools=None, response_format="content_and_artifact", **wishes):
    return create_agent(
        model,
        [retriever_tool(response_format)],
        system_prompt="Use the tool.",
        middleware=[GlyphMiddleware(tools or ["kb"], **wishes)],
        checkpointer=InMemorySaver(),
    )


def request_of(model, messages):
    """What a middleware is handed; langchain 1.0 wants every argument."""
    return ModelRequest(
        model=model,
        messages=messages,
        tools=[retriever_tool()],
        system_prompt=None,
        tool_choice=None,
        response_format=None,
        state={"messages": messages},
        runtime=None,
    )


CONFIG = {"configurable": {"thread_id": "1"}}
ASK = {"messages": [("user", QUESTION)]}


class Agentic(SeeingModel):
    """Before it has called its tool there is nothing to look at."""

    pages: list = Field(default_factory=list)

    def _reply(self, messages):
        self.expected = self.pages if any(isinstance(message, ToolMessage) for message in messages) else []
        return super()._reply(messages)


def test_the_model_sees_pages_and_the_state_keeps_text():
    model = Agentic(replies=[call(), SAID], pages=drawn(GIVEN))
    one = agent(model)
    state = one.invoke(ASK, CONFIG)
    kinds = [type(message) for message in state["messages"]]
    assert kinds == [HumanMessage, AIMessage, ToolMessage, AIMessage]
    assert state["messages"][2].content == f"{LEAVE}\n\n{TRAVEL}"
    assert "base64" not in str(one.get_state(CONFIG).values)
    answer = state["messages"][-1]
    assert answer.content == CHECKED
    found = answer.response_metadata["glyph_rag"]
    assert found["supported"]
    (citation,) = found["citations"]
    assert citation["extras"]["document_id"] == "leave"
    assert answer.text[citation["start_index"] : citation["end_index"]].startswith("Five days")
    assert found["usage"]["reported_tokens"] == 321
    assert len(model.seen) == 2
    shown = model.seen[1]
    assert [type(message) for message in shown[2:]] == [AIMessage, ToolMessage, HumanMessage]
    assert "[P1]" in shown[3].content


def test_without_it_the_words_arrive():
    model = SeeingModel(replies=[call(), SAID])
    with pytest.raises(AssertionError, match="arrived as text"):
        create_agent(model, [retriever_tool()]).invoke(ASK)


async def test_async_and_streams():
    model = Agentic(replies=[call(), SAID], pages=drawn(GIVEN))
    state = await agent(model).ainvoke(ASK, CONFIG)
    assert "2027" in state["messages"][-1].content
    model = Agentic(replies=[call(), SAID], pages=drawn(GIVEN))
    told = [
        piece.text
        for piece, _ in agent(model).stream(ASK, CONFIG, stream_mode="messages")
        if piece.type == "AIMessageChunk"
    ]
    assert "".join(told) == SAID
    model = Agentic(replies=[call(), SAID], pages=drawn(GIVEN))
    last = [state async for state in agent(model).astream(ASK, CONFIG, stream_mode="values")][-1]
    assert "2027" in last["messages"][-1].content
    model = Agentic(replies=[call(), SAID] * 2, pages=drawn(GIVEN))
    configs = [{"configurable": {"thread_id": name}, "max_concurrency": 1} for name in "12"]
    states = agent(model).batch([ASK, ASK], configs)
    assert [state["messages"][-1].content for state in states] == [CHECKED, CHECKED]
    assert len(model.seen) == 4


async def test_pages_are_set_and_answers_checked_away_from_the_event_loop(monkeypatch):
    threads = []

    def watch(owner, name):
        real = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *given, **named: (threads.append(threading.current_thread()), real(*given, **named))[1]
        )

    watch(PageSettings, "typeset")
    watch(Passages, "check")
    watch(middleware, "image_block")
    await agent(Agentic(replies=[call(), SAID], pages=drawn(GIVEN))).ainvoke(ASK, CONFIG)
    assert len(threads) == 3
    assert threading.main_thread() not in threads


def test_a_tool_that_gives_only_text_is_one_passage():
    passage = Given(f"{LEAVE}\n\n{TRAVEL}", "kb")
    model = Agentic(replies=[call(), SAID], pages=drawn([passage]))
    state = agent(model, response_format="content").invoke(ASK, CONFIG)
    citation = state["messages"][-1].response_metadata["glyph_rag"]["citations"][0]
    assert citation["title"] == "kb, passage 1"


def test_pages_may_stand_in_the_results_themselves():
    model = Agentic(replies=[call(), SAID], pages=drawn(GIVEN))
    agent(model, place="tool").invoke(ASK, CONFIG)
    assert isinstance(model.seen[1][-1], ToolMessage)
    assert [block["type"] for block in model.seen[1][-1].content] == ["text", "text", "image_url"]
    deaf = Agentic(replies=[call(), SAID], profile={"image_tool_message": False})
    with pytest.raises(ReaderError, match="results of tools"):
        agent(deaf, place="tool").invoke(ASK, CONFIG)


def test_a_conversation_goes_on_and_pages_are_set_once(monkeypatch):
    calls = []
    real = PageSettings.typeset
    monkeypatch.setattr(PageSettings, "typeset", lambda *given: (calls.append(given), real(*given))[1])
    model = SeeingModel(replies=[call(), call(number=2), "By the end of March 2027.", "You are welcome."])
    one = agent(model)
    one.invoke(ASK, CONFIG)
    assert len(calls) == 2
    assert len(images(model.seen[2])) >= 1
    one.invoke({"messages": [("user", "Thanks!")]}, CONFIG)
    assert len(model.seen) == 4
    order = [type(message) for message in model.seen[3]]
    assert order[-2:] == [AIMessage, HumanMessage]
    assert len(images(model.seen[3][:-2])) >= 1
    middleware = GlyphMiddleware(["kb"])
    messages = [HumanMessage(QUESTION), call(), ToolMessage(LEAVE, name="kb", tool_call_id="call-1")]
    request = request_of(SeeingModel(), messages)
    before = len(calls)
    for _ in range(3):
        middleware.wrap_model_call(request, lambda _: ModelResponse(result=[AIMessage(SAID)]))
    assert len(calls) == before + 1


def test_where_there_is_no_room_the_oldest_results_go():
    long = [Document(page_content=f"Result {n}. " + "Some words of it. " * 60) for n in range(3)]
    messages = [HumanMessage(QUESTION)]
    for number, document in enumerate(long):
        messages += [
            call(number=number),
            ToolMessage("text", artifact=[document], name="kb", tool_call_id=f"call-{number}"),
        ]
    model = SeeingModel(secrets=["Some words of it"], expected=drawn([Given(long[2].page_content)]))
    needed = typeset_passages([Given(long[2].page_content)], QUESTION).plan.tokens
    middleware = GlyphMiddleware(["kb"], PageSettings(budget=needed + 20))
    seen = []
    request = request_of(model, messages)

    def handler(asked):
        seen.append(asked.messages)
        return ModelResponse(result=[model.invoke(asked.messages)])

    middleware.wrap_model_call(request, handler)
    contents = [str(message.content) for message in seen[0] if isinstance(message, ToolMessage)]
    assert contents[0] == contents[1] == "The result is no longer shown."
    assert "[P1]" in contents[2]


def test_calls_side_by_side_come_before_their_pages():
    both = AIMessage("", tool_calls=[*call(number=1).tool_calls, *call(number=2).tool_calls])
    own = {"type": "image", "base64": "AAAA", "mime_type": "image/png"}
    messages = [
        HumanMessage(QUESTION),
        both,
        ToolMessage(LEAVE, tool_call_id="call-1"),
        ToolMessage([{"type": "text", "text": TRAVEL}, own], name="kb", tool_call_id="call-2"),
        AIMessage("One moment."),
        HumanMessage("Well?"),
    ]
    seen = []
    request = request_of(SeeingModel(), messages)
    GlyphMiddleware(["kb"]).wrap_model_call(request, lambda asked: seen.append(asked) or ModelResponse(result=[]))
    shown = seen[0].messages
    assert [message.type for message in shown] == ["human", "ai", "tool", "tool", "human", "ai", "human"]
    assert own in shown[3].content
    assert LEAVE not in words(shown)
    assert TRAVEL not in words(shown)
    (page,) = images(shown[4:5])
    assert page.tolist() == drawn([Given(LEAVE, "kb"), Given(TRAVEL, "kb")])[0].tolist()


def test_an_old_result_that_is_too_long_gives_way():
    long = Document(page_content="A long result. " * 4000)
    messages = [
        HumanMessage(QUESTION),
        call(number=1),
        ToolMessage("text", artifact=[long], name="kb", tool_call_id="call-1"),
        call(number=2),
        ToolMessage("text", artifact=[DOCUMENTS[0]], name="kb", tool_call_id="call-2"),
    ]
    seen = []
    middleware = GlyphMiddleware(["kb"], PageSettings(budget=600))
    middleware.wrap_model_call(
        request_of(SeeingModel(), messages), lambda asked: seen.append(asked) or ModelResponse(result=[])
    )
    (page,) = images(seen[0].messages)
    assert page.tolist() == drawn(GIVEN[:1])[0].tolist()
    tiny = GlyphMiddleware(["kb"], PageSettings(budget=20))
    with pytest.raises(InputError, match="budget"):
        tiny.wrap_model_call(request_of(SeeingModel(), messages), lambda asked: ModelResponse(result=[]))


def test_documents_come_back_from_a_checkpoint_as_dictionaries():
    kept = ToolMessage("text", artifact=DOCUMENTS, name="kb", tool_call_id="call-1").model_dump()["artifact"]
    assert isinstance(kept[0], dict)
    messages = [HumanMessage(QUESTION), call(), ToolMessage("text", artifact=kept, name="kb", tool_call_id="call-1")]
    model = SeeingModel(expected=drawn(GIVEN))
    asked = request_of(model, messages)
    response = GlyphMiddleware(["kb"]).wrap_model_call(
        asked, lambda shown: ModelResponse(result=[model.invoke(shown.messages)])
    )
    (citation,) = response.result[0].response_metadata["glyph_rag"]["citations"]
    assert citation["title"] == "hr/leave.md:13-13"


def test_a_filled_in_form_stays_as_it_is():
    messages = [HumanMessage(QUESTION), call(), ToolMessage(LEAVE, name="kb", tool_call_id="call-1")]
    said = ModelResponse(result=[AIMessage('{"until": "31 March 2026 [P1]"}')], structured_response={"until": "2026"})
    assert GlyphMiddleware(["kb"]).wrap_model_call(request_of(SeeingModel(), messages), lambda asked: said) is said


def test_errors_and_other_tools_stay_as_they_are():
    messages = [
        HumanMessage(QUESTION),
        ToolMessage("It failed.", name="kb", tool_call_id="1", status="error"),
        ToolMessage("12 degrees", name="weather", tool_call_id="2"),
        ToolMessage(" ", name="kb", tool_call_id="3"),
    ]
    request = request_of(SeeingModel(), messages)
    seen = []
    GlyphMiddleware(["kb"]).wrap_model_call(request, lambda asked: seen.append(asked) or ModelResponse(result=[]))
    assert seen[0].messages == messages


def test_a_graph_of_ones_own_uses_the_prompt():
    class State(TypedDict):
        question: str
        context: list[Document]
        answer: str

    model = SeeingModel(expected=drawn(GIVEN))
    prompt = ChatPromptTemplate.from_template("{context}\n\n{question}")

    def generate(state):
        shown = {"context": state["context"], "question": state["question"]}
        return {"answer": (GlyphPrompt(prompt) | model).invoke(shown).text}

    graph = StateGraph(State)
    graph.add_node("retrieve", lambda state: {"context": DOCUMENTS})
    graph.add_node("generate", generate)
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "generate")
    assert graph.compile().invoke({"question": QUESTION})["answer"] == SAID


def test_text_for_one_request():
    model = SeeingModel(replies=[call(), SAID], secrets=[])
    state = agent(model).invoke(ASK, {"configurable": {"thread_id": "1", "glyph_mode": "text"}})
    assert not images(model.seen[1])
    assert LEAVE in words(model.seen[1])
    assert "2027" in state["messages"][-1].content


def test_a_blind_model_and_a_tool_that_there_is_not():
    blind = SeeingModel(replies=[call(), SAID], profile={"image_inputs": False})
    with pytest.raises(ReaderError, match="takes no images"):
        agent(blind).invoke(ASK, CONFIG)
    assert len(blind.seen) == 1
    with pytest.warns(UserWarning, match="no tool 'kbb'"):
        agent(SeeingModel(replies=["Hello."]), tools=["kbb"]).invoke(ASK, CONFIG)


def test_a_fallback_without_eyes_is_refused():
    class Down(SeeingModel):
        def _reply(self, messages):
            if any(isinstance(message, ToolMessage) for message in messages):
                raise ConnectionError("down")
            return super()._reply(messages)

    def asked(fallback):
        middleware = [ModelFallbackMiddleware(fallback), GlyphMiddleware(["kb"])]
        return create_agent(Down(replies=[call()]), [retriever_tool()], middleware=middleware).invoke(ASK)

    passage = Given(f"{LEAVE}\n\n{TRAVEL}", "kb")
    assert "2027" in asked(SeeingModel(expected=drawn([passage])))["messages"][-1].content
    blind = SeeingModel(profile={"image_inputs": False})
    with pytest.raises(ReaderError, match="takes no images"):
        asked(blind)
    assert not blind.seen


def test_tools_by_themselves_and_answers_with_blocks():
    @tool
    def look_up(query: str) -> str:
        """Looks something up."""
        return LEAVE

    said = AIMessage([{"type": "text", "text": f"**In short**\n\n{SAID}"}])
    model = SeeingModel(replies=[call("look_up"), said])
    one = create_agent(model, [look_up], middleware=[GlyphMiddleware([look_up])])
    answer = one.invoke(ASK)["messages"][-1]
    assert answer.content[0]["text"] == f"**In short**\n\n{CHECKED}"


def test_citations_of_a_message_stand_where_its_own_words_are():
    first, second = LEAVE.split("\n")[:2]
    heading = "**Leave**\n\n"
    said = AIMessage(
        [
            {"type": "text", "text": f"{heading}{first} "},
            {"type": "text", "text": f"{second.replace('2027', '2026')} [P1]."},
        ]
    )
    answer = agent(Agentic(replies=[call(), said], pages=drawn(GIVEN))).invoke(ASK, CONFIG)["messages"][-1]
    assert answer.text == f"{heading}{first} {second}"
    found = answer.response_metadata["glyph_rag"]["citations"]
    cited = {answer.text[each["start_index"] : each["end_index"]]: each["cited_text"] for each in found}
    assert cited == {"**Leave**": "leave", first: first, second: second}


def test_without_langchain_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "langchain.agents.middleware.types", None)
    monkeypatch.delitem(sys.modules, "langchain_glyph_rag.middleware")
    with pytest.raises(MissingExtraError, match=r"langchain-glyph-rag\[agents\]"):
        importlib.import_module("langchain_glyph_rag.middleware")

"""GlyphRAGChain and ChatModelReader: the whole way, with a model that looks and with the embedded reader."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import glyph_rag
import numpy as np
import pytest
from glyph_rag.errors import InputError, ReaderError
from glyph_rag.passages import Passages
from glyph_rag.rag import GlyphRAG
from glyph_rag.read.answering import Answering
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.testing import HashEmbedder, ScriptedReader
from glyph_rag.typeset.imagetokens import family
from glyph_rag.view import View
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableLambda, RunnablePassthrough
from langchain_core.tracers.context import collect_runs
from langchain_eyes import CHECKED, LEAVE, QUESTION, SAID, TRAVEL, SeeingModel, grey, images, words
from pydantic import BaseModel

from langchain_glyph_rag import (
    ChatModelReader,
    GlyphEmbeddings,
    GlyphRAGChain,
    GlyphVectorStore,
    PageSettings,
    create_glyph_documents_chain,
)

HANDBOOK = Path(glyph_rag.__file__).parent / "demo" / "handbook"
FILES = {"leave.md": LEAVE, "travel.md": TRAVEL, "dog.md": "The office dog sleeps under the desk of the porter."}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("kb")
    files = root / "hr"
    files.mkdir()
    for name, text in FILES.items():
        (files / name).write_text(text)
    for store, embedder in (("hash", HashEmbedder()), ("minilm", "minilm")):
        with GlyphRAG.open(root / store, embedder=embedder) as rag:
            rag.add_path(files)
    return root


OPEN: list[GlyphRAG] = []


@pytest.fixture(autouse=True)
def _closed():
    yield
    while OPEN:
        OPEN.pop().close()


def asked(folder, reader):
    OPEN.append(GlyphRAG.open(folder / "hash", embedder=HashEmbedder(), reader=reader))
    return OPEN[-1]


def opened(folder, reader, **wishes):
    return GlyphRAGChain(rag=asked(folder, reader), **wishes)


def expect_the_plan(chain, model, question=QUESTION):
    """Lets the model hold the images it gets against those of the plan."""
    plan = chain.rag.plan(question, chain.k)
    assert plan.pages
    model.expected = [grey(page) for page in plan.pages]


def test_a_question_to_a_checked_answer(folder):
    model = SeeingModel()
    chain = opened(folder, ChatModelReader(model), k=2)
    expect_the_plan(chain, model)
    result = chain.invoke({"input": QUESTION})
    assert result["answer"] == CHECKED
    assert result["supported"]
    assert result["context"][0].metadata["document_id"] == "hr/leave.md"
    assert len(result["context"]) == 2
    (citation,) = result["citations"]
    assert citation["title"].endswith("hr/leave.md:2-2")
    assert citation["extras"]["document_id"] == "hr/leave.md"
    assert result["usage"]["reported_tokens"] == 321
    assert len(model.seen) == 1
    assert json.loads(json.dumps({key: result[key] for key in ("answer", "citations", "usage")}))
    for key in ("question", "query"):
        assert chain.invoke({key: QUESTION})["answer"] == CHECKED


def test_a_stream_adds_up(folder):
    model = SeeingModel()
    chain = opened(folder, ChatModelReader(model))
    expect_the_plan(chain, model)
    pieces = list(chain.stream({"input": QUESTION}))
    assert list(pieces[0]) == ["context"]
    said = "".join(piece.get("answer", "") for piece in pieces)
    assert said == SAID.removesuffix(" [P1].") + "."
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    assert total["answer"] == CHECKED
    assert set(total) == {"context", "answer", "citations", "supported", "usage"}
    assert len(model.seen) == 1


async def test_async_batch_and_composition(folder):
    model = SeeingModel()
    chain = opened(folder, ChatModelReader(model))
    expect_the_plan(chain, model)
    assert (await chain.ainvoke({"input": QUESTION}))["answer"] == CHECKED
    total = None
    async for piece in chain.astream({"input": QUESTION}):
        total = piece if total is None else total + piece
    assert total["answer"] == CHECKED
    assert [each["answer"] for each in chain.batch([{"input": QUESTION}] * 2)] == [CHECKED] * 2
    composed = {"input": RunnablePassthrough()} | chain | RunnableLambda(lambda result: result["answer"].upper())
    assert composed.invoke(QUESTION) == CHECKED.upper()
    assert len(model.seen) == 5


async def test_runs_events_and_names(folder):
    class Runs(BaseCallbackHandler):
        def __init__(self):
            self.seen: list[tuple[str, Any, Any]] = []

        def on_chain_start(self, serialized, inputs, *, run_id, parent_run_id=None, name=None, **kwargs):
            self.seen.append((name, run_id, parent_run_id))

        def on_retriever_start(self, serialized, query, *, run_id, parent_run_id=None, name=None, **kwargs):
            self.seen.append((name, run_id, parent_run_id))

        def on_chat_model_start(self, serialized, messages, *, run_id, parent_run_id=None, **kwargs):
            self.seen.append(("model", run_id, parent_run_id))

    chain = opened(folder, ChatModelReader(SeeingModel()))
    for name, wanted in ((None, "GlyphRAGChain"), ("ask", "ask")):
        runs = Runs()
        chain.invoke({"input": QUESTION}, config={"callbacks": [runs], **({"run_name": name} if name else {})})
        (top, root, _), *children = runs.seen
        assert top == wanted
        assert [child[0] for child in children] == ["GlyphRetriever", "model"]
        assert {child[2] for child in children} == {root}
    runs = Runs()
    await chain.ainvoke({"input": QUESTION}, config={"callbacks": [runs]})
    list(chain.stream({"input": QUESTION}, config={"callbacks": [runs]}))
    assert [name for name, _, _ in runs.seen] == ["GlyphRAGChain", "GlyphRetriever", "model"] * 2
    events = [event async for event in chain.astream_events({"input": QUESTION}, version="v2")]
    kinds = {event["event"] for event in events}
    assert {"on_retriever_end", "on_chat_model_stream", "on_chain_stream"} <= kinds


def test_our_runs_hold_no_pixels(folder):
    chain = opened(folder, ChatModelReader(SeeingModel()))
    with collect_runs() as runs:
        chain.invoke({"input": QUESTION})
    (run,) = runs.traced_runs
    assert CHECKED in json.dumps(run.outputs, default=str)
    assert "iVBOR" not in json.dumps([run.inputs, run.outputs, run.extra], default=str)
    assert [child.name for child in run.child_runs] == ["GlyphRetriever", "SeeingModel"]
    assert "iVBOR" not in json.dumps(run.child_runs[0].outputs, default=str)


async def test_nothing_heavy_runs_on_the_event_loop(folder, monkeypatch):
    on_loop, elsewhere = [], []

    def watch(owner, name):
        real = getattr(owner, name)

        def watched(self, *given, **named):
            (on_loop if threading.current_thread() is threading.main_thread() else elsewhere).append(name)
            return real(self, *given, **named)

        monkeypatch.setattr(owner, name, watched)

    watch(View, "search")
    watch(Answering, "begin")
    watch(Answering, "finish")
    watch(PageSettings, "typeset")
    watch(Passages, "check")
    chain = opened(folder, ChatModelReader(SeeingModel()))
    documents = create_glyph_documents_chain(SeeingModel(), ChatPromptTemplate.from_template("{context} {input}"))
    inputs = {"input": QUESTION, "context": [Document(page_content=LEAVE)]}
    await chain.ainvoke(inputs)
    await documents.ainvoke(inputs)
    async for _ in chain.astream(inputs):
        pass
    async for _ in documents.astream(inputs):
        pass
    assert not on_loop
    assert sorted(elsewhere) == sorted(["search", "begin", "finish", "typeset", "check"] * 2)


def test_fields_may_be_configured(folder):
    model = SeeingModel(secrets=[])
    chain = opened(folder, ChatModelReader(model), k=3)
    flexible = chain.configurable_fields(k=ConfigurableField(id="k"), where=ConfigurableField(id="where"))
    assert len(flexible.invoke({"input": QUESTION})["context"]) == 3
    config = {"configurable": {"k": 1, "where": {"document_id": {"$ne": "hr/leave.md"}}}}
    (found,) = flexible.with_config(config).invoke({"input": QUESTION})["context"]
    assert found.metadata["document_id"] != "hr/leave.md"
    chain.invoke({"input": QUESTION}, config={"configurable": {"glyph_mode": "text"}})
    assert not images(model.seen[-1])
    assert "Hotels are paid" in words(model.seen[-1])


def test_a_conversation_goes_on(folder):
    model = SeeingModel()
    chain = opened(folder, ChatModelReader(model), k=1)
    history = [HumanMessage("How much leave is there?"), AIMessage("30 days."), ("human", "Unanswered")]
    result = chain.invoke({"input": "Until when can it be carried over?", "chat_history": history})
    assert result["context"][0].metadata["document_id"] == "hr/leave.md"
    assert "Q: How much leave is there?\nA: 30 days." in words(model.seen[0])
    assert "Unanswered" not in words(model.seen[0])


@pytest.mark.parametrize("wrap", ["with_retry", "bind", "with_config"])
def test_a_wrapped_model_reads_too(tmp_path, wrap):
    chain = GlyphRAGChain.open(tmp_path / "kb", reader=getattr(SeeingModel(), wrap)(), embedding=HashEmbedder())
    OPEN.append(chain.rag)
    GlyphVectorStore(chain.rag).add_texts([LEAVE], ids=["leave"])
    assert chain.invoke({"input": QUESTION})["answer"] == CHECKED
    with pytest.raises(ReaderError, match="StrOutputParser comes after the model"):
        GlyphRAGChain.open(tmp_path / "kb", reader=SeeingModel() | StrOutputParser(), embedding=HashEmbedder())


def test_schemas(folder):
    chain = opened(folder, ScriptedReader("x"))
    assert chain.get_input_jsonschema()["required"] == ["input"]
    assert set(chain.get_output_jsonschema()["required"]) == {"context", "answer", "citations", "supported", "usage"}


async def test_the_embedded_reader_answers_real_questions(folder):
    chain = GlyphRAGChain.open(folder / "minilm", k=2)
    for question, wanted in ((QUESTION, "31 March 2027"), ("How much is paid for a hotel?", "140 euros")):
        result = chain.invoke({"input": question})
        assert wanted in result["answer"]
        assert result["supported"]
        assert wanted in result["citations"][0]["cited_text"]
    streamed = [piece async for piece in chain.astream({"input": QUESTION})]
    assert "31 March 2027" in "".join(piece.get("answer", "") for piece in streamed)
    missing = chain.invoke({"input": "Who won the chess tournament in Reykjavik?"})
    assert not missing["supported"]
    chain.rag.close()


async def test_the_embedded_reader_in_a_chain_over_the_handbook(tmp_path):
    wanted = {
        "How many days of unused leave can be carried over?": ("8 days", "leave.md"),
        "Within how many days must receipts be handed in?": ("30 days", "business-trips.md"),
        "How do I report a lost laptop?": ("extension 4410", "security.md"),
        "Who approves trips outside Europe?": ("Ines Calloway", "business-trips.md"),
    }
    chain = GlyphRAGChain.open(tmp_path / "kb", k=2)
    OPEN.append(chain.rag)
    chain.rag.add_path(HANDBOOK)
    existing = {"question": RunnablePassthrough()} | chain
    results = [*existing.batch([*wanted][:2]), *await existing.abatch([*wanted][2:])]
    for result, (words_, file) in zip(results, wanted.values(), strict=True):
        assert words_ in result["answer"]
        assert result["supported"]
        assert file in {Path(citation["extras"]["source"]).name for citation in result["citations"]}
        assert result["usage"]["image_tokens"]


def test_a_store_that_langchain_filled_answers(tmp_path):
    store = GlyphVectorStore.from_texts(
        list(FILES.values()), GlyphEmbeddings(), [{"source": name} for name in FILES], path=tmp_path / "s"
    )
    result = GlyphRAGChain(rag=store.rag).invoke({"input": "Where does the dog sleep?"})
    assert "under the desk" in result["answer"]
    assert result["citations"][0]["title"] == "dog.md:1-1"
    store.rag.close()


async def test_bad_input(folder):
    chain = opened(folder, ScriptedReader("x"))
    for wrong in ({}, {"input": ""}, {"input": 3}, "a question"):
        with pytest.raises(InputError, match="no question"):
            chain.invoke(wrong)
    with pytest.raises(InputError, match="chat_history"):
        chain.invoke({"input": QUESTION, "chat_history": "Hello"})
    with pytest.raises(InputError):
        chain.invoke({"input": "  "})
    with pytest.raises(InputError, match="budget"):
        opened(folder, ScriptedReader("x"), budget=2).invoke({"input": QUESTION})
    with pytest.raises(InputError, match="takes no k with a request"):
        chain.invoke({"input": QUESTION}, k=1)
    with pytest.raises(InputError, match="takes no k"):
        next(chain.stream({"input": QUESTION}, k=1))
    with pytest.raises(InputError, match="takes no k"):
        await chain.ainvoke({"input": QUESTION}, k=1)
    with pytest.raises(InputError, match="takes no k"):
        await anext(chain.astream({"input": QUESTION}, k=1))
    with pytest.raises(InputError, match="no mode"):
        chain.invoke({"input": QUESTION}, config={"configurable": {"glyph_mode": "pictures"}})


async def test_a_blind_model_is_refused_images_before_any_call_and_may_read_text(folder):
    blind = SeeingModel(profile={"image_inputs": False}, secrets=[])
    chain = opened(folder, ChatModelReader(blind))
    with pytest.raises(ReaderError, match="takes no images"):
        chain.invoke({"input": QUESTION})
    with pytest.raises(ReaderError, match="takes no images"):
        _ = [piece async for piece in chain.astream({"input": QUESTION})]
    assert not blind.seen
    assert opened(folder, ChatModelReader(blind), mode="text").invoke({"input": QUESTION})["answer"] == CHECKED


class Leave(BaseModel):
    days: int
    until: str


class FormModel(SeeingModel):
    def with_structured_output(self, schema, *, include_raw=False, **kwargs):
        assert schema["properties"].keys() == {"days", "until"}
        assert include_raw
        return self | RunnableLambda(self._parsed)

    def _parsed(self, message):
        try:
            return {"raw": message, "parsed": json.loads(str(message.text)), "parsing_error": None}
        except ValueError as error:
            return {"raw": message, "parsed": None, "parsing_error": error}


async def test_a_form_is_filled_in_and_checked(folder):
    model = FormModel(replies=['{"days": 30, "until": "31 March 2027"}', "NOT IN THE DOCUMENTS", "Hm."])
    rag = asked(folder, ChatModelReader(model))
    answer = rag.ask(QUESTION, schema=Leave)
    assert answer.data == Leave(days=30, until="31 March 2027")
    assert answer.supported
    assert answer.usage.reported_tokens == 321
    assert not (await rag.aask(QUESTION, schema=Leave)).found
    with pytest.raises(ReaderError, match="no form"):
        rag.ask(QUESTION, schema=Leave)
    with pytest.raises(ReaderError, match="cannot fill in"):
        ChatModelReader(RunnableLambda(lambda _: SAID)).read_structured(QUESTION, rag.plan(QUESTION), "{}")


async def test_a_reader_knows_its_model():
    reader = ChatModelReader(SeeingModel(profile={"image_inputs": True, "max_input_tokens": 9000}))
    assert reader.name == "Qwen/Qwen2-VL-7B-Instruct"
    sight = reader.sight()
    assert sight.rule == family("qwen2-vl").rule
    assert sight.context == 9000
    glyph = ChatModelReader(SeeingModel(), family="zai-org/Glyph").sight()
    assert glyph.rule == family("zai-org/Glyph").rule
    assert ChatModelReader(SeeingModel(model="nobody/knows")).sight().rule == sight.rule
    empty = ReadingPlan((), 0)
    assert reader.read(QUESTION, empty).text == (await reader.aread(QUESTION, empty)).text == ""
    assert list(reader.stream(QUESTION, empty)) == []
    assert [piece async for piece in reader.astream(QUESTION, empty)] == []


def test_detail_reaches_the_model(folder):
    model = SeeingModel()
    rag = asked(folder, ChatModelReader(model, detail="original"))
    rag.ask(QUESTION)
    sent = [block for message in model.seen[0] for block in message.content if isinstance(block, dict)]
    assert {block["image_url"]["detail"] for block in sent if block["type"] == "image_url"} == {"original"}
    assert np.array_equal(images(model.seen[0])[0], grey(rag.plan(QUESTION).pages[0]))

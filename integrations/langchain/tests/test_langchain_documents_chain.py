"""create_glyph_documents_chain: one name changes, and the answer comes checked."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from glyph_rag.errors import InputError, ReaderError
from langchain_classic.chains import create_retrieval_chain
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from langchain_core.documents import Document
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import ConfigurableField, RunnableLambda, RunnablePassthrough
from langchain_eyes import CHECKED, DOCUMENTS, GIVEN, QUESTION, SAID, SeeingModel, drawn, images, words
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langchain_glyph_rag import CheckedText, PageSettings, create_glyph_documents_chain

PROMPT = ChatPromptTemplate.from_messages([("system", "Answer from this:\n{context}"), ("human", "{input}")])


def chain(model, **wishes):
    return create_retrieval_chain(
        RunnableLambda(lambda _: DOCUMENTS), create_glyph_documents_chain(model, PROMPT, **wishes)
    )


def test_a_retrieval_chain_answers_checked_and_cites():
    model = SeeingModel(expected=drawn(GIVEN))
    result = chain(model).invoke({"input": QUESTION})
    answer = result["answer"]
    assert answer == CHECKED
    assert isinstance(answer, str)
    assert result["context"] == DOCUMENTS
    assert result["input"] == QUESTION
    assert len(model.seen) == 1
    assert answer.supported
    (citation,) = answer.citations
    assert citation["title"] == "hr/leave.md:13-13"
    assert answer[citation["start_index"] : citation["end_index"]] == CHECKED
    assert citation["cited_text"] in DOCUMENTS[0].page_content
    extras = citation["extras"]
    assert (extras["document_id"], extras["passage"], extras["support"]) == ("leave", 0, "corrected")
    assert "2026" in extras["read_as"]
    assert extras["boxes"]
    assert answer.usage["reported_tokens"] == 321
    assert answer.usage["image_tokens"] == answer.answer.plan.image_tokens > 0
    assert answer.usage["text_tokens"] > 0


def test_a_document_without_an_id_is_cited_too():
    documents = [document.model_copy(update={"id": None}) for document in DOCUMENTS]
    one = create_glyph_documents_chain(SeeingModel(), PROMPT)
    (citation,) = one.invoke({"context": documents, "input": QUESTION}).citations
    assert citation["extras"]["document_id"] is None
    assert documents[citation["extras"]["passage"]].page_content == DOCUMENTS[0].page_content


def test_what_is_known_of_an_answer_fits_into_json_and_holds_no_pixels():
    answer = chain(SeeingModel()).invoke({"input": QUESTION})["answer"]
    said = json.dumps({"answer": answer, "citations": answer.citations, "usage": answer.usage})
    assert CHECKED in said
    assert len(said) < 3000


def test_a_stream_gives_words_and_then_the_checked_answer():
    model = SeeingModel(expected=drawn(GIVEN))
    one = create_glyph_documents_chain(model, PROMPT)
    pieces = list(one.stream({"input": QUESTION, "context": DOCUMENTS}))
    assert len(pieces) > 5
    assert "".join(pieces) == SAID
    assert pieces[-1] == ""
    assert pieces[-1].answer.text == CHECKED
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    assert total == CHECKED
    assert total.supported
    assert len(model.seen) == 1


async def test_async_streaming_and_batch_through_the_retrieval_chain():
    model = SeeingModel(expected=drawn(GIVEN))
    one = chain(model)
    assert (await one.ainvoke({"input": QUESTION}))["answer"].answer.text == CHECKED
    total = None
    async for piece in one.astream({"input": QUESTION}):
        total = piece if total is None else total + piece
    assert total["answer"] == CHECKED
    assert total["context"] == DOCUMENTS
    assert [each["answer"] for each in one.batch([{"input": QUESTION}] * 2)] == [CHECKED] * 2
    assert len(model.seen) == 4


async def test_the_models_tokens_and_its_run_are_visible():
    class Runs(BaseCallbackHandler):
        def __init__(self):
            self.names, self.tokens, self.said = [], [], []

        def on_chain_start(self, serialized, inputs, *, run_id, parent_run_id=None, name=None, **kwargs):
            self.names.append(name)
            self.said.append(str(inputs))

        def on_chat_model_start(self, serialized, messages, *, run_id, parent_run_id=None, name=None, **kwargs):
            assert parent_run_id is not None
            self.names.append("model")

        def on_llm_new_token(self, token, **kwargs):
            self.tokens.append(token)

    runs = Runs()
    list(chain(SeeingModel()).stream({"input": QUESTION}, config={"callbacks": [runs]}))
    assert "glyph_documents_chain" in runs.names
    assert runs.names[-1] == "model"
    assert "".join(runs.tokens) == SAID
    assert not any("iVBOR" in said for said in runs.said)
    events = [event async for event in chain(SeeingModel()).astream_events({"input": QUESTION}, version="v2")]
    assert {"on_chat_model_stream", "on_chain_stream", "on_chain_end"} <= {event["event"] for event in events}
    ended = [e for e in events if e["event"] == "on_chain_end" and e["name"] == "glyph_documents_chain"]
    assert ended[0]["data"]["output"] == CHECKED


def test_usage_callbacks_still_count():
    class Named(SeeingModel):
        def _reply(self, messages):
            reply = super()._reply(messages)
            return reply.model_copy(update={"response_metadata": {"model_name": "a-model"}})

    with get_usage_metadata_callback() as counted:
        create_glyph_documents_chain(Named(), PROMPT).invoke({"input": QUESTION, "context": DOCUMENTS})
    assert counted.usage_metadata["a-model"]["input_tokens"] == 321


def test_strict_leaves_out_what_the_documents_do_not_say():
    model = SeeingModel(replies=[f"{SAID} The office dog is called Rex."])
    loose = create_glyph_documents_chain(model, PROMPT).invoke({"input": QUESTION, "context": DOCUMENTS})
    assert "Rex" in loose
    assert not loose.supported
    strict = create_glyph_documents_chain(model, PROMPT, strict=True).invoke({"input": QUESTION, "context": DOCUMENTS})
    assert strict == CHECKED


def test_a_model_that_finds_nothing():
    model = SeeingModel(replies=["NOT IN THE DOCUMENTS"])
    one = create_glyph_documents_chain(model, PROMPT)
    answer = one.invoke({"input": "Why?", "context": DOCUMENTS})
    assert not answer.answer.found
    assert not answer.supported
    assert answer.citations == []


def test_no_documents_and_empty_streams():
    model = SeeingModel(replies=["I do not know."])
    one = create_glyph_documents_chain(model, PROMPT)
    answer = one.invoke({"input": QUESTION, "context": []})
    assert answer == "I do not know."
    assert not answer.supported
    assert not images(model.seen[0])


def test_the_mode_and_the_variable():
    prompt = ChatPromptTemplate.from_template("{pages}\n{input}")
    model = SeeingModel(secrets=[])
    one = create_glyph_documents_chain(model, prompt, PageSettings(mode="text"), document_variable_name="pages")
    answer = one.invoke({"input": QUESTION, "pages": DOCUMENTS})
    assert answer == CHECKED
    assert "Hotels are paid" in words(model.seen[0])
    assert set(one.input_schema.model_json_schema()["required"]) == {"pages", "input"}
    assert one.get_output_jsonschema()["type"] == "string"


def test_wrapped_models():
    model = SeeingModel(expected=drawn(GIVEN))
    for wrapped in (model.with_retry(), model.bind(stop=["x"]), model.with_fallbacks([SeeingModel()])):
        answer = create_glyph_documents_chain(wrapped, PROMPT).invoke({"input": QUESTION, "context": DOCUMENTS})
        assert answer == CHECKED


def test_what_outlives_the_chain_is_a_plain_string():
    answer = create_glyph_documents_chain(SeeingModel(), PROMPT).invoke({"input": QUESTION, "context": DOCUMENTS})
    assert isinstance(answer, CheckedText)
    serializer = JsonPlusSerializer()
    for kept in (
        answer + "!",
        copy.copy(answer) + "!",
        copy.deepcopy(answer) + "!",
        pickle.loads(pickle.dumps(answer)) + "!",
        json.loads(json.dumps(answer)) + "!",
        serializer.loads_typed(serializer.dumps_typed(answer)) + "!",
    ):
        assert type(kept) is str
        assert kept == f"{CHECKED}!"
    assert len(pickle.dumps(answer)) < 200


def test_bad_models_and_replies():
    with pytest.raises(ReaderError, match="takes no images"):
        create_glyph_documents_chain(SeeingModel(profile={"image_inputs": False}), PROMPT)
    with pytest.raises(ReaderError, match="takes no images"):
        create_glyph_documents_chain(
            SeeingModel().with_fallbacks([SeeingModel(profile={"image_inputs": False})]), PROMPT
        )
    reads = create_glyph_documents_chain(
        SeeingModel(profile={"image_inputs": False}, secrets=[]), PROMPT, PageSettings(mode="text")
    )
    assert reads.invoke({"input": QUESTION, "context": DOCUMENTS}) == CHECKED
    with pytest.raises(ReaderError, match="takes no images"):
        reads.invoke({"input": QUESTION, "context": DOCUMENTS}, config={"configurable": {"glyph_mode": "image"}})
    with pytest.raises(ReaderError, match="completes text"):
        create_glyph_documents_chain(FakeListLLM(responses=["x"]), PROMPT)
    inputs = {"input": QUESTION, "context": DOCUMENTS}
    with pytest.raises(ReaderError, match="answered nothing"):
        create_glyph_documents_chain(SeeingModel(replies=[""]), PROMPT).invoke(inputs)
    with pytest.raises(ReaderError, match="sees no images"):
        create_glyph_documents_chain(SeeingModel(replies=["I cannot see any images."]), PROMPT).invoke(inputs)
    with pytest.raises(ReaderError, match="with dict"):
        create_glyph_documents_chain(RunnableLambda(lambda _: {"answer": 1}), PROMPT).invoke(inputs)
    cut = AIMessage(SAID, response_metadata={"finish_reason": "length"})
    answer = create_glyph_documents_chain(SeeingModel(replies=[cut]), PROMPT).invoke(inputs)
    assert any("cut off" in notice for notice in answer.answer.notices)


def test_a_parser_after_the_model_is_refused_before_any_call():
    model = SeeingModel()
    for parser in (StrOutputParser(), JsonOutputParser()):
        with pytest.raises(ReaderError, match="comes after the model"):
            create_glyph_documents_chain(model | parser, PROMPT)
    assert not model.seen


def test_blind_models_are_found_where_chains_hide_them():
    inputs = {"input": QUESTION, "context": DOCUMENTS}
    blind = SeeingModel(profile={"image_inputs": False})
    with pytest.raises(ReaderError, match="takes no images"):
        create_glyph_documents_chain(blind | RunnableLambda(lambda message: message), PROMPT)
    either = SeeingModel().configurable_alternatives(ConfigurableField(id="model"), blind=blind)
    one = create_glyph_documents_chain(either, PROMPT)
    assert one.invoke(inputs) == CHECKED
    with pytest.raises(ReaderError, match="takes no images"):
        one.invoke(inputs, config={"configurable": {"model": "blind"}})
    assert not blind.seen


@pytest.mark.parametrize(
    "ending",
    [
        {"stopReason": "max_tokens"},
        {"incomplete_details": {"reason": "max_output_tokens"}},
        {"stop_reason": "max_tokens"},
    ],
)
def test_providers_say_in_their_own_ways_that_an_answer_was_cut_off(ending):
    inputs = {"input": QUESTION, "context": DOCUMENTS}
    said = create_glyph_documents_chain(SeeingModel(replies=[AIMessage(SAID, response_metadata=ending)]), PROMPT)
    assert any("cut off" in notice for notice in said.invoke(inputs).answer.notices)
    empty = create_glyph_documents_chain(SeeingModel(replies=[AIMessage("", response_metadata=ending)]), PROMPT)
    with pytest.raises(ReaderError, match=r"answered nothing \(max_"):
        empty.invoke(inputs)


def test_a_cached_answer_is_checked_again_and_costs_no_call():
    model = SeeingModel(cache=InMemoryCache())
    one = create_glyph_documents_chain(model, PROMPT)
    inputs = {"input": QUESTION, "context": DOCUMENTS}
    assert [one.invoke(inputs), one.invoke(inputs)] == [CHECKED] * 2
    assert len(model.seen) == 1
    one.invoke({**inputs, "context": DOCUMENTS[:1]})
    assert len(model.seen) == 2


def test_bad_input():
    one = create_glyph_documents_chain(SeeingModel(), PROMPT)
    with pytest.raises(InputError, match="not a list of Documents"):
        one.invoke({"input": QUESTION, "context": "joined already"})
    with pytest.raises(InputError, match="not a list of Documents"):
        one.invoke({"input": QUESTION, "context": ["a text"]})
    with pytest.raises(InputError, match="no variable"):
        create_glyph_documents_chain(SeeingModel(), ChatPromptTemplate.from_template("{input}"))
    with pytest.raises(InputError, match="nothing under 'context'"):
        one.invoke({"input": QUESTION})


def test_chunks_of_a_runnable_that_is_no_chat_model():
    def chunks(_):
        yield AIMessageChunk("Five days can be ")
        yield AIMessageChunk("carried over until 31 March 2027.")

    one = RunnablePassthrough() | create_glyph_documents_chain(RunnableLambda(chunks), PROMPT)
    *said, last = one.stream({"input": QUESTION, "context": [Document(page_content=CHECKED)]})
    assert "".join(said) == CHECKED
    assert last.citations[0]["extras"]["label"] == "passage 1"

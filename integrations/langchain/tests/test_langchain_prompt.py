"""GlyphPrompt: one word of a chain changes, and its model sees pages."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
import threading

import pytest
from glyph_rag.errors import InputError, ProfileError, ReaderError
from glyph_rag.passages import Given, typeset_passages
from glyph_rag.typeset.compose.fill import Filler
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_classic.chains import create_retrieval_chain
from langchain_classic.chains.combine_documents import create_stuff_documents_chain
from langchain_core.documents import Document
from langchain_core.load import dumpd
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import (
    ChatPromptTemplate,
    FewShotChatMessagePromptTemplate,
    MessagesPlaceholder,
    PromptTemplate,
)
from langchain_core.prompts.structured import StructuredPrompt
from langchain_core.runnables import ConfigurableField, RunnableLambda, RunnablePassthrough
from langchain_eyes import DOCUMENTS, GIVEN, LEAVE, QUESTION, SAID, TRAVEL, SeeingModel, drawn, images, words

from langchain_glyph_rag import GlyphPrompt, PageSettings, content

PROMPT = ChatPromptTemplate.from_messages(
    [
        ("system", "Answer from the context, as {style}."),
        MessagesPlaceholder("chat_history", optional=True),
        ("human", "Context:\n{context}\n\nQuestion: {question}"),
    ]
).partial(style="a clerk")
JOINED = f"{LEAVE}\n\n{TRAVEL}"


def retriever() -> RunnableLambda:
    return RunnableLambda(lambda _: DOCUMENTS)


def format_docs(documents):
    return "\n\n".join(document.page_content for document in documents)


def chain(prompt, model):
    return (
        {"context": retriever() | format_docs, "question": RunnablePassthrough()} | prompt | model | StrOutputParser()
    )


def test_an_lcel_chain_sees_its_joined_context_as_one_passage():
    model = SeeingModel(expected=drawn([Given(JOINED)]))
    assert chain(GlyphPrompt(PROMPT), model).invoke(QUESTION) == SAID
    assert len(model.seen) == 1
    system, human = model.seen[0]
    assert system.content == "Answer from the context, as a clerk."
    assert [block["type"] for block in human.content] == ["text", "text", "image", "text"]
    assert human.content[0]["text"] == "Context:\n"
    assert human.content[1]["text"] == "[P1]"
    assert human.content[3]["text"] == f"\n\nQuestion: {QUESTION}"


def test_the_same_chain_without_it_sends_the_words():
    with pytest.raises(AssertionError, match="arrived as text"):
        chain(PROMPT, SeeingModel()).invoke(QUESTION)


async def test_streaming_async_and_batch():
    model = SeeingModel(expected=drawn([Given(JOINED)]))
    one = chain(GlyphPrompt(PROMPT), model)
    assert len(list(one.stream(QUESTION))) > 3
    assert "".join(one.stream(QUESTION)) == SAID
    assert await one.ainvoke(QUESTION) == SAID
    assert "".join([piece async for piece in one.astream(QUESTION)]) == SAID
    assert one.batch([QUESTION, QUESTION]) == [SAID, SAID]
    assert await one.abatch([QUESTION]) == [SAID]
    assert len(model.seen) == 7


def test_the_classic_chain_that_stuffs():
    model = SeeingModel(expected=drawn([Given(JOINED)]))
    one = create_retrieval_chain(
        retriever(),
        create_stuff_documents_chain(model, GlyphPrompt(ChatPromptTemplate.from_template("{context}\n\n{input}"))),
    )
    result = one.invoke({"input": QUESTION})
    assert result["answer"] == SAID
    assert result["context"] == DOCUMENTS


def test_documents_keep_their_sources():
    value = GlyphPrompt(PROMPT).invoke({"context": DOCUMENTS, "question": QUESTION})
    wanted = drawn(GIVEN)
    found = images(value.to_messages())
    assert [page.tolist() for page in found] == [page.tolist() for page in wanted]


def test_a_context_in_the_system_message_moves_its_images_to_the_users_last_one():
    prompt = ChatPromptTemplate.from_messages(
        [("system", "Use:\n{context}"), MessagesPlaceholder("chat_history"), ("human", "{input}")]
    )
    history = [HumanMessage("Hello {context} {{x}}"), AIMessage("Hello {input}")]
    messages = GlyphPrompt(prompt).format_messages(context=DOCUMENTS, chat_history=history, input=QUESTION)
    assert messages[0] == SystemMessage("Use:\n[P1, P2]")
    assert messages[1:3] == history
    assert [block["type"] for block in messages[3].content] == ["text", "image", "text"]
    assert messages[3].content[-1]["text"] == QUESTION


def test_a_prompt_without_a_user_gets_one():
    prompt = ChatPromptTemplate.from_messages([("system", "Use {context}")])
    messages = GlyphPrompt(prompt).format_messages(context=DOCUMENTS)
    assert isinstance(messages[-1], HumanMessage)
    assert len(images(messages)) == 1


def test_the_images_go_to_the_first_of_several_places():
    prompt = ChatPromptTemplate.from_messages([("human", "A {context} B {context} C"), ("human", "{context} again")])
    messages = GlyphPrompt(prompt).format_messages(context=DOCUMENTS)
    assert len(images(messages)) == 1
    assert messages[0].content[-1]["text"] == " B [P1, P2] C"
    assert messages[1].content == "[P1, P2] again"


def test_a_prompt_with_images_of_its_own_keeps_them():
    own = {"type": "image", "base64": "{page}", "mime_type": "image/png"}
    prompt = ChatPromptTemplate.from_messages([("human", [{"type": "text", "text": "{context}"}, own])])
    (message,) = GlyphPrompt(prompt).format_messages(context=DOCUMENTS, page="AAAA")
    assert [block["type"] for block in message.content] == ["text", "image", "image"]
    assert message.content[-1]["base64"] == "AAAA"


def test_other_prompts_and_variables():
    prompt = PromptTemplate.from_template("{{ pages | upper }} {{ question }}", template_format="jinja2")
    value = GlyphPrompt(prompt, context_key="pages").invoke({"pages": [LEAVE], "question": "{{ 7 * 7 }}"})
    (message,) = value.to_messages()
    assert message.content[-1]["text"] == " {{ 7 * 7 }}"
    assert len(images([message])) == 1


def test_partial_variables_and_defaults():
    prompt = GlyphPrompt(PROMPT).partial(question=QUESTION)
    assert prompt.input_variables == ["context"]
    assert words(prompt.invoke(DOCUMENTS).to_messages()).endswith(QUESTION)
    given_before = GlyphPrompt(PROMPT.partial(context=LEAVE))
    assert len(images(given_before.format_messages(question=QUESTION))) == 1


def test_an_image_is_one_string_from_its_making_to_the_model(monkeypatch):
    made = []
    real = content.image_block
    monkeypatch.setattr(content, "image_block", lambda *given: (made.append(real(*given)), made[-1])[1])
    model = SeeingModel()
    chain(GlyphPrompt(PROMPT), model).invoke(QUESTION)
    (sent,) = [block for block in model.seen[0][1].content if block["type"] == "image"]
    assert sent["base64"] is made[0]["base64"]


@pytest.mark.parametrize("empty", ["", " \n", [], [" "]])
def test_an_empty_context_shows_nothing(empty):
    messages = GlyphPrompt(PROMPT).format_messages(context=empty, question=QUESTION)
    assert messages[1].content == f"Context:\n\n\nQuestion: {QUESTION}"


def test_the_mode_of_one_request():
    model = SeeingModel(secrets=[])
    one = chain(GlyphPrompt(PROMPT), model)
    one.invoke(QUESTION, config={"configurable": {"glyph_mode": "text"}})
    assert not images(model.seen[0])
    assert LEAVE in words(model.seen[0])
    one.invoke(QUESTION)
    assert images(model.seen[1])
    with pytest.raises(InputError, match="no mode 'pictures'"):
        one.invoke(QUESTION, config={"configurable": {"glyph_mode": "pictures"}})


def test_density_exact_strings_and_detail():
    asked = PageSettings(density="dense", exact=True, detail="high")
    messages = GlyphPrompt(PROMPT, asked).format_messages(context=DOCUMENTS, question="What is 140 euros?")
    blocks = [block for block in messages[1].content if block["type"] == "image_url"]
    assert {block["image_url"]["detail"] for block in blocks} == {"high"}
    assert [page.tolist() for page in images(messages)] == [page.tolist() for page in drawn(GIVEN, "dense")]
    assert "140" in words(messages)
    assert "Hotels are paid" not in words(messages)


def test_a_budget_leaves_out_what_does_not_fit():
    everything = typeset_passages(GIVEN).plan
    many = [*DOCUMENTS, *(doc.model_copy(update={"page_content": doc.page_content * 40}) for doc in DOCUMENTS)]
    settings_ = PageSettings(budget=everything.tokens + 50)
    messages = GlyphPrompt(PROMPT, settings_).format_messages(context=many, question=QUESTION)
    assert "[P1" in words(messages)
    with pytest.raises(InputError, match="budget"):
        GlyphPrompt(PROMPT, PageSettings(budget=3)).format_messages(context=DOCUMENTS, question=QUESTION)


def test_a_model_that_is_known_to_be_blind_is_refused_before_any_call():
    blind = SeeingModel(profile={"image_inputs": False})
    with pytest.raises(ReaderError, match="takes no images"):
        GlyphPrompt(PROMPT, llm=blind.with_retry())
    prompt, given = GlyphPrompt(PROMPT), {"context": lambda _: JOINED, "question": RunnablePassthrough()}
    for build in (
        lambda: prompt | blind,
        lambda: prompt.pipe(blind.bind(stop=["x"]), StrOutputParser()),
        lambda: given | prompt | blind | StrOutputParser(),
        lambda: given | prompt | (blind.with_retry() | StrOutputParser()),
        lambda: (given | prompt).pipe(blind, StrOutputParser()),
    ):
        with pytest.raises(ReaderError, match="takes no images"):
            build()
    assert not blind.seen
    as_text = given | GlyphPrompt(PROMPT, PageSettings(mode="text")) | SeeingModel(profile=blind.profile, secrets=[])
    assert as_text.invoke(QUESTION).text == SAID
    assert (given | prompt).invoke(QUESTION) == prompt.invoke({"context": JOINED, "question": QUESTION})


def test_bad_input():
    with pytest.raises(InputError, match="no variable 'pages'"):
        GlyphPrompt(PROMPT, context_key="pages")
    with pytest.raises(InputError, match="context is int"):
        GlyphPrompt(PROMPT).format_messages(context=3, question="x")
    with pytest.raises(InputError, match="passage is dict"):
        GlyphPrompt(PROMPT).format_messages(context=[{"page_content": "x"}], question="x")
    with pytest.raises(ProfileError):
        GlyphPrompt(PROMPT, PageSettings(density="tiny")).format_messages(context="x", question="x")
    with pytest.raises(ProfileError):
        GlyphPrompt(PROMPT, PageSettings(family="no such family"))
    loop = ChatPromptTemplate.from_template(
        "{% for d in context %}{{ d.page_content }}{% endfor %}", template_format="jinja2"
    )
    with pytest.raises(InputError, match="lost its context"):
        GlyphPrompt(loop).format_messages(context=DOCUMENTS)


@pytest.mark.filterwarnings("ignore:The class `StructuredPrompt` is in beta")
def test_a_prompt_with_a_form_has_the_model_fill_it_in():
    class Filling(SeeingModel):
        def with_structured_output(self, schema, **kwargs):
            return self | RunnableLambda(lambda message: {"form": schema["title"], "said": message.text})

    form = {"title": "Leave", "description": "Leave.", "type": "object", "properties": {"days": {"type": "integer"}}}
    prompt = GlyphPrompt(StructuredPrompt([("human", "{context} {question}")], schema_=form))
    inputs = {"context": [JOINED], "question": QUESTION}
    for chain in (prompt | Filling(), prompt.pipe(Filling(), RunnablePassthrough(), name="fill")):
        assert chain.invoke(inputs) == {"form": "Leave", "said": SAID}
    assert chain.get_name() == "fill"


def test_what_is_no_place_for_words_is_refused():
    place = ChatPromptTemplate.from_messages([MessagesPlaceholder("context"), ("human", "{question}")])
    with pytest.raises(InputError, match="place for messages"):
        GlyphPrompt(place)
    with pytest.raises(InputError, match="str is no prompt"):
        GlyphPrompt("{context}")
    two = GlyphPrompt(ChatPromptTemplate.from_template("{docs} {faq}"), context_key="docs")
    with pytest.raises(InputError, match="shows pages already"):
        GlyphPrompt(two, context_key="faq")
    with pytest.raises(InputError, match="no detail 'ultra'"):
        PageSettings(detail="ultra")


@pytest.mark.parametrize("length", [200, 1_000_000])
def test_a_long_source_costs_little(monkeypatch, length):
    set_so_far = []
    real = Filler.layout
    monkeypatch.setattr(Filler, "layout", lambda *given: (set_so_far.append(given), real(*given))[1])
    source = "https://example.com/" + "a" * length
    passages = [Document(page_content=LEAVE, metadata={"source": source})]
    assert len(images(GlyphPrompt(PROMPT).format_messages(context=passages, question=QUESTION))) == 1
    assert len(set_so_far) < 16
    assert sum(len(text) for _, blocks in set_so_far for _, text in blocks) < 10_000


def test_prompts_of_other_kinds():
    example = ChatPromptTemplate.from_messages([("human", "{context} {question}"), ("ai", "{answer}")])
    shots = FewShotChatMessagePromptTemplate(
        example_prompt=example, examples=[{"context": "c", "question": "q", "answer": "a"}]
    )
    prompt = ChatPromptTemplate.from_messages([shots, ("human", "{context} {question}")])
    messages = GlyphPrompt(prompt).format_messages(context=DOCUMENTS, question=QUESTION)
    assert [message.content for message in messages[:2]] == ["c q", "a"]
    assert len(images(messages[2:])) == 1
    mustache = ChatPromptTemplate.from_template("{{context}} {{question}}", template_format="mustache")
    (message,) = GlyphPrompt(mustache).format_messages(context=DOCUMENTS, question="<b>")
    assert len(images([message])) == 1
    loop = ChatPromptTemplate.from_template("{{#context}}{{page_content}}{{/context}}", template_format="mustache")
    with pytest.raises(InputError, match="lost its context"):
        GlyphPrompt(loop).format_messages(context=DOCUMENTS)


def test_copies_and_alternatives():
    prompt = GlyphPrompt(PROMPT, PageSettings(density="dense"))
    inputs = {"context": DOCUMENTS, "question": QUESTION}
    wanted = prompt.format_messages(**inputs)
    for same in (pickle.loads(pickle.dumps(prompt)), copy.deepcopy(prompt)):
        assert same.format_messages(**inputs) == wanted
    either = prompt.configurable_alternatives(ConfigurableField(id="eyes"), none=PROMPT)
    assert images(either.invoke(inputs).to_messages())
    assert not images(either.invoke(inputs, config={"configurable": {"eyes": "none"}}).to_messages())


def test_it_has_no_serial_form_and_shows_its_prompt():
    prompt = GlyphPrompt(PROMPT)
    assert dumpd(prompt)["type"] == "not_implemented"
    assert "base64" not in json.dumps(dumpd(prompt), default=str)
    assert "{question}" in prompt.pretty_repr()
    assert set(prompt.get_input_jsonschema()["properties"]) == {"context", "question", "chat_history"}


async def test_typesetting_does_not_block_the_loop(monkeypatch):
    threads = []
    real = PageSettings.typeset
    monkeypatch.setattr(
        PageSettings, "typeset", lambda *given: (threads.append(threading.current_thread()), real(*given))[1]
    )
    await GlyphPrompt(PROMPT).ainvoke({"context": DOCUMENTS, "question": QUESTION})
    assert threads
    assert threads[0] is not threading.main_thread()
    assert asyncio.get_running_loop() is not None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=st.text(min_size=1, max_size=60), question=st.text(max_size=40))
def test_any_text_is_shown_and_none_of_it_is_a_template(text, question):
    messages = GlyphPrompt(PROMPT).format_messages(context=[text], question=question)
    said = words(messages)
    assert said.endswith(f"Question: {question}")
    assert bool(images(messages)) == bool(typeset_passages([Given(text)]).plan.pages)

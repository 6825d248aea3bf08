"""Templates of all kinds, with images where their context was."""

from __future__ import annotations

import pytest
from glyph_rag.errors import InputError
from glyph_rag.passages import Given, typeset_passages
from glyph_rag.read.prompt import Prompt, TextPart
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_fakes import ERROR, LEAVE, SeeingLLM, images_of, words_of
from llama_index.core import ChatPromptTemplate, PromptTemplate
from llama_index.core.base.llms.types import ChatMessage, ImageBlock, MessageRole, TextBlock
from llama_index.core.prompts import RichPromptTemplate
from llama_index.core.prompts.base import BasePromptTemplate
from llama_index.core.prompts.chat_prompts import CHAT_CONTENT_QA_PROMPT
from llama_index.core.prompts.default_prompt_selectors import DEFAULT_TEXT_QA_PROMPT_SEL

from llama_index_glyph_rag.messages import fill_template

ASKED = "What of {context_str} and {{ query_str }}, {this}?"
SHOWN = typeset_passages([Given(LEAVE), Given(ERROR * 40)])


def filled(template: BasePromptTemplate, question: str = ASKED) -> list[ChatMessage]:
    return fill_template(template, SeeingLLM(), Prompt("", (*SHOWN.parts, TextPart(question))), None)


@pytest.mark.parametrize(
    "template",
    [
        PromptTemplate("Before {context_str} after {query_str}"),
        ChatPromptTemplate.from_messages([("system", "Be brief."), ("user", "{context_str}\n{query_str}")]),
        RichPromptTemplate("{% chat role='user' %}See {{ context_str }}: {{ query_str }}{% endchat %}"),
        PromptTemplate("{pages} | {asked}", template_var_mappings={"context_str": "pages", "query_str": "asked"}),
        PromptTemplate("{context_str} {query_str}", function_mappings={"context_str": lambda **k: k["context_str"]}),
        DEFAULT_TEXT_QA_PROMPT_SEL,
        CHAT_CONTENT_QA_PROMPT,
    ],
)
def test_the_context_is_where_it_was(template: BasePromptTemplate) -> None:
    messages = filled(template)
    user = messages[-1]
    assert user.role == MessageRole.USER
    kinds = [block.block_type for block in user.blocks]
    assert kinds.count("image") == len(SHOWN.plan.pages)
    assert kinds[-1] == "text"
    assert ASKED in user.blocks[-1].text
    # Providers that take the images out join what is left.
    assert all(block.text.endswith("\n") for block in user.blocks[:-1] if block.block_type == "text")
    assert words_of(messages).index("[P1]") < words_of(messages).index(ASKED)
    assert len(images_of(messages)) == len(SHOWN.plan.pages)
    assert LEAVE not in words_of(messages)


@settings(deadline=None, max_examples=50)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_question_can_take_the_place_of_the_context(question: str) -> None:
    messages = filled(PromptTemplate("{context_str}|{query_str}"), question)
    assert [block.block_type for block in messages[0].blocks][-1] == "text"
    assert messages[0].blocks[-1].text == f"|{question}"
    assert len(images_of(messages)) == len(SHOWN.plan.pages)


def test_images_of_a_system_message_go_to_the_user() -> None:
    template = ChatPromptTemplate.from_messages([("system", "Use this: {context_str}"), ("user", "Q: {query_str}")])
    system, user = filled(template)
    assert [block.block_type for block in system.blocks] == ["text"]
    assert system.content == "Use this: (The pages come with the question.)"
    assert [block.block_type for block in user.blocks][:2] == ["text", "image"]
    assert user.blocks[-1].text == f"Q: {ASKED}"
    alone = filled(ChatPromptTemplate.from_messages([("system", "{context_str} {query_str}")]))
    assert [message.role for message in alone] == [MessageRole.SYSTEM, MessageRole.USER]
    assert len(images_of(alone[1:])) == len(SHOWN.plan.pages)


def test_a_context_that_stands_there_twice_is_sent_once() -> None:
    messages = filled(PromptTemplate("{context_str} and {context_str}: {query_str}"))
    assert len(images_of(messages)) == len(SHOWN.plan.pages)
    assert words_of(messages).endswith(f"and : {ASKED}")


def test_a_templates_own_image_stays() -> None:
    own = SHOWN.plan.pages[0].png()
    blocks = [ImageBlock(image=own), TextBlock(text="Our logo. {context_str} {query_str}")]
    messages = filled(ChatPromptTemplate(message_templates=[ChatMessage(role=MessageRole.USER, blocks=blocks)]))
    assert messages[0].blocks[0].resolve_image().read() == own
    assert len(images_of(messages)) == 1 + len(SHOWN.plan.pages)
    again = filled(ChatPromptTemplate(message_templates=[ChatMessage(role=MessageRole.USER, blocks=blocks)]))
    assert len(images_of(again)) == len(images_of(messages))


def test_a_template_without_a_place_is_refused() -> None:
    with pytest.raises(InputError, match="context_str"):
        filled(PromptTemplate("Only {query_str}"))

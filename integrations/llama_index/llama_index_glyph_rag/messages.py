"""Prompts as LlamaIndex's chat messages: images where a template has its context."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from glyph_rag.errors import InputError
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prompt import PagePart, Part, Prompt, TextPart, build_prompt
from llama_index.core.base.llms.types import ChatMessage, ContentBlock, ImageBlock, MessageRole, TextBlock
from llama_index.core.prompts import ChatPromptTemplate

if TYPE_CHECKING:
    from glyph_rag.read.models.endpoint import Detail
    from llama_index.core.llms import LLM
    from llama_index.core.prompts import BasePromptTemplate

_SYSTEM = build_prompt("", ReadingPlan((), 0)).system

QA_TEMPLATE = ChatPromptTemplate(
    message_templates=[
        ChatMessage(role=MessageRole.SYSTEM, content=_SYSTEM),
        ChatMessage(role=MessageRole.USER, content="{context_str}\n\n{query_str}"),
    ]
)
"""What glyph-rag asks a model, as a template: what it is shown, then the question."""

_FILLED_IN = {"context_str", "context_messages", "query_str"}
_ELSEWHERE = "(The pages come with the question.)"
_SYSTEM_ROLES = (MessageRole.SYSTEM, MessageRole.DEVELOPER)


def fill_template(template: BasePromptTemplate, llm: LLM, prompt: Prompt, detail: Detail | None) -> list[ChatMessage]:
    """A user's own template, with what is shown in the place of its context.

    Images never go into a system message, which many endpoints refuse, but before the user's last words.

    Args:
        template: A template of LlamaIndex with `context_str` (or `context_messages`) and `query_str`.
        llm: Who it is for: templates may depend on it.
        prompt: What to show and to ask.
        detail: How closely to look at images; not said where None.

    Raises:
        InputError: The template has no place for a context.
    """
    *context, question = prompt.parts
    words = question.text if isinstance(question, TextPart) else ""
    # Templates know no forms: what one has to look like comes after the question.
    words += prompt.system.removeprefix(_SYSTEM)
    # Nobody can guess it, so no words of a question can be taken for the place.
    slot = secrets.token_hex(16)
    messages: list[ChatMessage] = template.format_messages(
        llm=llm, context_str=slot, context_messages=[ChatMessage(content=slot)], query_str=words
    )
    places = [at for at, message in enumerate(messages) if any(slot in words for words in _texts(message))]
    if not places:
        raise InputError("the prompt has no place for the context", hint="put {context_str} into the template")
    shown = _blocks(context, detail)
    home = places[0]
    if messages[home].role in _SYSTEM_ROLES and any(isinstance(block, ImageBlock) for block in shown):
        home = _turn_of_user(messages)
        messages[home] = messages[home].model_copy(update={"blocks": [*shown, *messages[home].blocks]})
        shown = [TextBlock(text=_ELSEWHERE)]
    for at in places:
        messages[at] = _replaced(messages[at], slot, shown if at == places[0] else [])
    return messages


def template_of(prompts: Mapping[str, BasePromptTemplate], usual: BasePromptTemplate) -> BasePromptTemplate:
    """The prompt that is to replace the usual one; that itself where there is none.

    Raises:
        InputError: There is another prompt among them, which would be lost unnoticed. One that refines is none: what
            is asked in one call refines nothing.
    """
    if unknown := prompts.keys() - {"text_qa_template", "refine_template"}:
        raise InputError(f"there is no prompt {min(unknown)!r}", hint="the one prompt is text_qa_template")
    return prompts.get("text_qa_template", usual)


def variables_of(template: BasePromptTemplate, given: Mapping[str, object]) -> dict[str, object]:
    """Those of some arguments that a template asks for: LlamaIndex's own synthesizers hand them on, too."""
    known = {*template.template_vars, *(template.template_var_mappings or ())} - _FILLED_IN
    return {name: value for name, value in given.items() if name in known}


def _blocks(parts: Sequence[Part], detail: Detail | None) -> list[ContentBlock]:
    """The parts as blocks; words alone are one block, as models for text alone know no others."""
    if not any(isinstance(part, PagePart) for part in parts):
        return [TextBlock(text="\n\n".join(part.text for part in parts if isinstance(part, TextPart)))]
    # Ollama takes the images out of a message and leaves no space between the words that stood around them.
    return [*(_block(part, detail, "\n") for part in parts[:-1]), _block(parts[-1], detail, "")]


def _block(part: Part, detail: Detail | None, end: str) -> ContentBlock:
    if isinstance(part, TextPart):
        return TextBlock(text=part.text + end)
    return ImageBlock(image=part.page.png(), image_mimetype="image/png", detail=detail)


def _texts(message: ChatMessage) -> list[str]:
    return [block.text for block in message.blocks if isinstance(block, TextBlock)]


def _turn_of_user(messages: list[ChatMessage]) -> int:
    """Where the user's last turn is; there is one afterwards."""
    for at in reversed(range(len(messages))):
        if messages[at].role == MessageRole.USER:
            return at
    messages.append(ChatMessage(role=MessageRole.USER, blocks=[]))
    return len(messages) - 1


def _replaced(message: ChatMessage, slot: str, shown: Sequence[ContentBlock]) -> ChatMessage:
    """The message with blocks in the first place of the slot, and nothing in the others."""
    blocks: list[ContentBlock] = []
    left = list(shown)
    for block in message.blocks:
        if not isinstance(block, TextBlock) or slot not in block.text:
            blocks.append(block)
            continue
        before, _, after = block.text.partition(slot)
        blocks += [TextBlock(text=before), *left, TextBlock(text=after.replace(slot, ""))]
        left = []
    return message.model_copy(update={"blocks": _joined(blocks)})


def _joined(blocks: Sequence[ContentBlock]) -> list[ContentBlock]:
    """The same with words beside each other in one block, and no empty ones."""
    joined: list[ContentBlock] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if not isinstance(block, TextBlock):
            joined.append(block)
        elif isinstance(last, TextBlock):
            joined[-1] = TextBlock(text=last.text + block.text)
        elif block.text.strip():
            joined.append(block)
    return joined

"""What an LLM of LlamaIndex replies, as a reading; and which LLM cannot be shown anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glyph_rag.errors import ReaderError
from glyph_rag.read.models.endpoint_faults import says_it_is_blind
from glyph_rag.read.models.json_reply import cut_object
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prompt import abstains, clean_answer
from glyph_rag.read.reader import Reading
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.callbacks.token_counting import get_tokens_from_response

if TYPE_CHECKING:
    from llama_index.core.base.llms.types import ChatResponse
    from llama_index.core.llms import LLM


def refuse_blind(llm: LLM) -> None:
    """Refuses an LLM that is known to see no images.

    One that completes text turns messages into a string and drops the images on the way, as `OpenAILike` does unless it
    is told `is_chat_model=True`.

    Raises:
        ReaderError: The LLM has no chat interface.
    """
    if not llm.metadata.is_chat_model:
        raise ReaderError(
            f"{llm.class_name()} is no chat model, so it would never see the pages",
            hint="choose a chat model with vision (OpenAILike: is_chat_model=True), or mode='text'",
        )


def reading_of(words: str, response: ChatResponse | None, plan: ReadingPlan, model: str) -> Reading:
    """What a reply amounts to: the answer without labels and thoughts, and what the provider counted.

    Args:
        words: All of the reply.
        response: It, or the last piece of it, as LlamaIndex has it; None if nothing came.
        plan: What was shown.
        model: What the model is called, for messages.

    Raises:
        ReaderError: It is empty, or says that the model sees no images.
    """
    text = clean_answer(words)
    if not text and not abstains(words):
        raise ReaderError(f"{model!r} answered nothing", hint="try another model, or allow it a longer reply")
    if plan.pages and says_it_is_blind(words):
        raise ReaderError(f"{model!r} says that it sees no images", hint="choose a model with vision")
    tokens, written = _counted(response)
    return Reading(text, tokens=tokens, output_tokens=written)


def form_of(response: ChatResponse, model: str) -> Reading:
    """What a reply to a request for JSON amounts to.

    Raises:
        ReaderError: There is no JSON object in it.
    """
    reply = response.message.content or ""
    data, fault = ("", "") if abstains(reply) else cut_object(reply)
    if fault:
        raise ReaderError(f"{model!r} replied with no JSON object: {fault}", hint="ask for a smaller form")
    tokens, written = _counted(response)
    return Reading("", tokens=tokens, output_tokens=written, data=data)


def _counted(response: ChatResponse | None) -> tuple[int | None, int | None]:
    """Tokens of the prompt and of the reply, as the provider counted them, where the integration hands that on."""
    if response is None:
        return None, None
    extra = response.additional_kwargs
    if "prompt_tokens" in extra:
        return extra["prompt_tokens"], extra.get("completion_tokens")
    if not isinstance(response.raw, dict | BaseModel):
        return None, None
    tokens, written = get_tokens_from_response(response)
    return tokens or None, written or None

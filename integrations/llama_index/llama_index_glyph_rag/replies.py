"""What an LLM of LlamaIndex replies, as a reading; and which LLM cannot be shown anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from glyph_rag.errors import InputError, ReaderError
from glyph_rag.read.models.endpoint_faults import says_it_is_blind
from glyph_rag.read.models.json_reply import cut_object
from glyph_rag.read.prompt import abstains, clean_answer
from glyph_rag.read.reader import Reading
from glyph_rag.typeset.tokens import estimate_text_tokens
from llama_index.core.base.llms.types import ImageBlock, TextBlock

if TYPE_CHECKING:
    from glyph_rag.read.reader import Reader
    from llama_index.core.base.llms.types import ChatMessage, ChatResponse
    from llama_index.core.llms import LLM

# Some servers drop images without a word. No model takes less for a page; the estimate of words is good to a sixth.
_LEAST_FOR_A_PAGE: Final = 32
_LEAST_OF_WORDS: Final = 0.8

_READ: Final = ("prompt_tokens", "input_tokens", "prompt_token_count")
_WRITTEN: Final = ("completion_tokens", "output_tokens", "candidates_token_count")


def refuse_blind(llm: LLM) -> None:
    """Refuses an LLM that is known to see no images.

    One that completes text turns messages into a string and drops the images on the way, as `OpenAILike` does unless it
    is told `is_chat_model=True`.

    Raises:
        ReaderError: The LLM has no chat interface.
    """
    if not llm.metadata.is_chat_model:
        raise ReaderError(
            f"{type(llm).__name__} {llm.metadata.model_name!r} is no chat model, so it would never see the pages",
            hint="choose a chat model with vision (OpenAILike: is_chat_model=True), or mode='text'",
        )


def reader_of(given: object) -> Reader:
    """What a synthesizer was given that is no LLM, if it can read.

    Raises:
        InputError: It is no reader of glyph-rag either, such as the name of a model or a class.
    """
    if isinstance(given, type) or not callable(getattr(given, "read", None)):
        raise InputError(
            f"{given!r} is no LLM and no reader", hint="give it a chat model of LlamaIndex that takes images"
        )
    return cast("Reader", given)


def reading_of(words: str, response: ChatResponse | None, messages: Sequence[ChatMessage], model: str) -> Reading:
    """What a reply amounts to: the answer without labels and thoughts, and what the provider counted.

    Args:
        words: All of the reply.
        response: It, or the last piece of it, as LlamaIndex has it; None if nothing came.
        messages: What was asked.
        model: What the model is called, for messages.

    Raises:
        ReaderError: It is empty, or says that the model sees no images.
    """
    text = clean_answer(words)
    if not text and not abstains(words):
        raise ReaderError(f"{model!r} answered nothing", hint="try another model, or allow it a longer reply")
    tokens, written = _counted(response)
    images, least = _least_tokens(messages)
    if images and says_it_is_blind(words):
        raise ReaderError(f"{model!r} says that it sees no images", hint="choose a model with vision")
    if not images or tokens is None or tokens >= least:
        return Reading(text, tokens=tokens, output_tokens=written)
    notice = (
        f"{model!r} counted {tokens} tokens, hardly more than the words take: it may not have been shown the pages."
    )
    return Reading(text, (notice,), tokens=tokens, output_tokens=written)


def _least_tokens(messages: Sequence[ChatMessage]) -> tuple[int, float]:
    """How many images there are, and what they and the words take at the very least."""
    blocks = [block for message in messages for block in message.blocks]
    images = sum(isinstance(block, ImageBlock) for block in blocks)
    words = sum(estimate_text_tokens(block.text) for block in blocks if isinstance(block, TextBlock))
    return images, _LEAST_OF_WORDS * words + _LEAST_FOR_A_PAGE * images


def form_of(response: ChatResponse, model: str) -> Reading:
    """What a reply to a request for JSON amounts to.

    Raises:
        ReaderError: There is not a JSON object in it.
    """
    reply = response.message.content or ""
    data, fault = ("", "") if abstains(reply) else cut_object(reply)
    if fault:
        raise ReaderError(f"{model!r} replied with no JSON object: {fault}", hint="ask for a smaller form")
    tokens, written = _counted(response)
    return Reading("", tokens=tokens, output_tokens=written, data=data)


def _counted(response: ChatResponse | None) -> tuple[int | None, int | None]:
    """Tokens of the prompt and of the reply, as the provider counted them, where the integration hands that on.

    LlamaIndex has no one place for them: most integrations leave the provider's own answer in `raw`, some copy the
    counts out of it, and what streams may be wrapped once more (`data` of Mistral's events).
    """
    if response is None:
        return None, None
    raw, extra = response.raw, response.additional_kwargs
    usages = (_of(holder, name) for holder in (raw, _of(raw, "data"), extra) for name in ("usage", "usage_metadata"))
    for counts in (extra, *usages):
        tokens, written = _number(counts, _READ), _number(counts, _WRITTEN)
        if tokens is not None:
            return tokens, written
    return None, None


def _of(holder: object, name: str) -> object:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _number(counts: object, names: tuple[str, ...]) -> int | None:
    values = (_of(counts, name) for name in names)
    return next((value for value in values if isinstance(value, int) and value > 0), None)

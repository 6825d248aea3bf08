"""What is known of a chat model before it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from glyph_rag.errors import ReaderError
from glyph_rag.read.planning.material import Viewer
from glyph_rag.read.reader import Sight
from glyph_rag.typeset.imagetokens import family as family_named
from glyph_rag.typeset.imagetokens import family_of
from langchain_core.language_models import BaseChatModel, BaseLLM, LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.output_parsers import BaseLLMOutputParser
from langchain_core.runnables import Runnable, RunnableSequence, RunnableWithFallbacks
from langchain_core.runnables.base import RunnableBindingBase
from langchain_core.runnables.configurable import DynamicRunnable

ChatModel: TypeAlias = Runnable[LanguageModelInput, BaseMessage]
"""A chat model, alone or with what `bind`, `with_config`, `with_retry` and `with_fallbacks` put around one."""


def models_in(llm: object) -> Iterator[BaseChatModel]:
    """The chat models of a runnable, the first first; none where what it holds cannot be told.

    Raises:
        ReaderError: It is a model that completes text.
    """
    if isinstance(llm, BaseLLM):
        raise ReaderError(f"{type(llm).__name__} completes text and takes no images", hint="use a chat model")
    if isinstance(llm, RunnableBindingBase):
        yield from models_in(llm.bound)
    elif isinstance(llm, DynamicRunnable):
        yield from models_in(llm.prepare()[0])
    elif isinstance(llm, RunnableWithFallbacks | RunnableSequence):
        for each in llm.runnables if isinstance(llm, RunnableWithFallbacks) else llm.steps:
            yield from models_in(each)
    elif isinstance(llm, BaseChatModel):
        yield llm


def model_name(model: BaseChatModel) -> str:
    """What the maker calls a model, as it stands in traces; empty where it does not say."""
    return str(model._get_ls_params().get("ls_model_name") or "")


def sight_of(llm: ChatModel | None, family: str | None = None) -> Sight:
    """What a model can be shown, and what it pays; an unknown one pays as Qwen2-VL does.

    Args:
        llm: The model, or None where nobody knows.
        family: As in `PageSettings`.

    Raises:
        ProfileError: There is no family of that name.
        ReaderError: It is a model that completes text.
    """
    models = [] if llm is None else list(models_in(llm))
    name = model_name(models[0]) if models else ""
    known = family_of(name) if family is None else family_named(family)
    bounds = [bound for model in models if isinstance(bound := _profile(model).get("max_input_tokens"), int)]
    context = min(bounds, default=None)
    if known is None:
        return Sight(context=context, model=name)
    return Sight(known.rule, known.max_images, context, model=name)


def viewer_of(llm: ChatModel | None, family: str | None = None) -> Viewer:
    """Who pages are made for; see `sight_of`."""
    sight = sight_of(llm, family)
    return Viewer(sight.model, sight)


def refuse_the_blind(llm: object, *, in_tool: bool = False) -> None:
    """Makes sure that a model is not known to be blind. One that says nothing of itself may pass.

    Args:
        llm: The model, or what has one; what has none may pass.
        in_tool: Whether it will be shown images in the results of tools.

    Raises:
        ReaderError: It is, or one of its fallbacks.
    """
    for model in models_in(llm):
        name = model_name(model) or type(model).__name__
        if _profile(model).get("image_inputs") is False:
            hint = "choose a model that does, or ask for text: mode='text'"
            raise ReaderError(f"the model {name!r} takes no images", hint=hint)
        if in_tool and _profile(model).get("image_tool_message") is False:
            raise ReaderError(f"the model {name!r} takes no images in the results of tools", hint="place='human'")


def refuse_parsers(llm: object) -> None:
    """Makes sure that what is asked replies with a message, before it is asked.

    Raises:
        ReaderError: It ends with a parser of replies, as after `with_structured_output` or `| StrOutputParser()`.
    """
    last: object = llm.last if isinstance(llm, RunnableSequence) else None
    if isinstance(last, BaseLLMOutputParser):
        hint = "the chain itself gives the text; for structured output put GlyphPrompt in front of the model"
        raise ReaderError(f"{type(last).__name__} comes after the model, and its message is needed", hint=hint)


def _profile(model: BaseChatModel) -> dict[str, object]:
    # Models of older integrations, and before langchain-core 1.1 all of them, say nothing of themselves.
    return dict(getattr(model, "profile", None) or {})

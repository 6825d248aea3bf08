"""Page images in the place of a text: in messages that were written around a mark."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from glyph_rag.errors import InputError
from glyph_rag.passages import Passages
from glyph_rag.read.prompt import TextPart
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.prompts import BasePromptTemplate

from langchain_glyph_rag.content import Block, blocks_of
from langchain_glyph_rag.settings import PageSettings


def new_mark() -> str:
    """A text that stands nowhere else, and that no filter of a template changes: digits alone."""
    return str(10**39 + secrets.randbelow(9 * 10**39))


def check_slot(prompt: object, variable: str) -> None:
    """Makes sure that a prompt has a place for words under a name.

    Raises:
        InputError: It has none, or is no prompt.
    """
    if not isinstance(prompt, BasePromptTemplate):
        raise InputError(f"{type(prompt).__name__} is no prompt", hint="ChatPromptTemplate.from_template(...) is one")
    known = [*prompt.input_variables, *prompt.optional_variables, *prompt.partial_variables]
    if variable not in known:
        raise InputError(f"the prompt has no variable {variable!r}", hint=f"it has {', '.join(known) or 'none'}")
    if variable in prompt.input_types:
        raise InputError(f"{variable!r} is a place for messages", hint=f'one for words: ("human", "{{{variable}}}")')


def splice(messages: Sequence[BaseMessage], mark: str, passages: Passages, settings: PageSettings) -> list[BaseMessage]:
    """Puts pages where a mark stands.

    Images go where it first stands in a message of the user; where it stands in none, as in a system message, they go
    to the beginning of the user's last message. Everywhere else their labels stand for them. Text needs no such move.

    Args:
        messages: Messages with the mark.
        mark: The mark.
        passages: What to show.
        settings: How.

    Raises:
        InputError: The mark stands nowhere, so that the model would see nothing of the passages.
    """
    marked = [at for at, message in enumerate(messages) if _holds(message, mark)]
    if not marked:
        raise InputError(
            "the prompt has lost its context", hint="it has to stand in the prompt as it is: no loops over it, no maths"
        )
    done = list(messages)
    shown = [*blocks_of(passages.parts, settings.detail)]
    if not passages.plan.pages:
        words = "\n\n".join(part.text for part in passages.parts if isinstance(part, TextPart))
        return [_replaced(message, mark, words) for message in done]
    labels = ", ".join(f"[{page.label}]" for page in passages.plan.pages)
    human = [at for at in marked if isinstance(messages[at], HumanMessage)]
    if human:
        done[human[0]] = _with_blocks(messages[human[0]], mark, shown)
    else:
        _open_last_human(done, shown)
    return [_replaced(message, mark, labels) for message in done]


def _open_last_human(messages: list[BaseMessage], shown: list[Block]) -> None:
    """Puts blocks at the beginning of the user's last message, or behind all messages where there is none."""
    last = max((at for at, message in enumerate(messages) if isinstance(message, HumanMessage)), default=None)
    if last is None:
        messages.append(HumanMessage(content=list(shown)))
        return
    messages[last] = _copy(messages[last], [*shown, *_blocks(messages[last])])


def _with_blocks(message: BaseMessage, mark: str, shown: list[Block]) -> BaseMessage:
    """A message with blocks in the first place of a mark."""
    content: list[object] = []
    left = True
    for block in _blocks(message):
        text = _text_of(block)
        if not left or text is None or mark not in text:
            content.append(block)
            continue
        before, after = text.split(mark, 1)
        content += [*_text_blocks(before), *shown, *_text_blocks(after)]
        left = False
    return _copy(message, content)


def _replaced(message: BaseMessage, mark: str, words: str) -> BaseMessage:
    """A message with words in every place of a mark."""
    if not _holds(message, mark):
        return message
    if isinstance(message.content, str):
        return message.model_copy(update={"content": message.content.replace(mark, words)})
    content: list[object] = []
    for block in _blocks(message):
        text = _text_of(block)
        if text is None or mark not in text:
            content.append(block)
        else:
            content += _text_blocks(text.replace(mark, words))
    return _copy(message, content)


def _holds(message: BaseMessage, mark: str) -> bool:
    return any(mark in (_text_of(block) or "") for block in _blocks(message))


def _blocks(message: BaseMessage) -> list[object]:
    return [*_text_blocks(message.content)] if isinstance(message.content, str) else list(message.content)


def _text_of(block: object) -> str | None:
    if isinstance(block, str):
        return block
    text = block.get("text") if isinstance(block, Mapping) else None
    return text if isinstance(text, str) else None


def _text_blocks(text: str) -> list[object]:
    # Providers refuse blocks of text without text.
    return [{"type": "text", "text": text}] if text.strip() else []


def _copy(message: BaseMessage, content: list[object]) -> BaseMessage:
    return message.model_copy(update={"content": content})

"""What a model's reply amounts to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from glyph_rag.errors import ReaderError
from glyph_rag.passages import Passages
from glyph_rag.read.answer import Answer
from glyph_rag.read.models.endpoint_faults import says_it_is_blind
from glyph_rag.read.prompt import abstains, clean_answer
from glyph_rag.read.reader import Reading
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, BaseMessage, BaseMessageChunk

from langchain_glyph_rag.answers import citations_of, usage_of

_CUT_OFF = ("length", "max_tokens", "MAX_TOKENS", "max_output_tokens")
_ENDINGS = ("finish_reason", "stop_reason", "done_reason", "stopReason")


def reading_of(reply: object) -> Reading:
    """What a reply amounts to, with the tokens that the provider counted.

    Raises:
        ReaderError: It is no message, it is empty, or it says that there are no images.
    """
    if not isinstance(reply, BaseMessage):
        raise ReaderError(
            f"the model replied with {type(reply).__name__} and not with a message",
            hint="for structured output and the like, put GlyphPrompt in front of the model",
        )
    said = str(reply.text)
    text = clean_answer(said)
    ended = _ending(reply)
    if not text and not abstains(said):
        why = f" ({', '.join(sorted(ended))})" if ended else ""
        raise ReaderError(f"the model answered nothing{why}", hint="try another model, or raise its limit of tokens")
    if says_it_is_blind(said):
        raise ReaderError(f"the model says that it sees no images: {said[:200]!r}", hint="choose one that does")
    usage = reply.usage_metadata if isinstance(reply, AIMessage) else None
    notices = ("The answer was cut off; raise the model's limit of tokens to get all of it.",)
    return Reading(
        text,
        notices if ended.intersection(_CUT_OFF) else (),
        usage["input_tokens"] if usage else None,
        usage["output_tokens"] if usage else None,
    )


def _ending(reply: BaseMessage) -> set[str]:
    """Why a model stopped, in the words of its provider."""
    said = reply.response_metadata
    incomplete = said.get("incomplete_details")
    reasons = [
        *(said.get(key) for key in _ENDINGS),
        incomplete.get("reason") if isinstance(incomplete, Mapping) else None,
    ]
    return {reason for reason in reasons if isinstance(reason, str)}


class Reply:
    """A reply in the making.

    Attributes:
        message: What has come of it.
        told: Whether there were words in it.
    """

    def __init__(self) -> None:
        self.message: BaseMessage | None = None
        self.told = False

    def take(self, chunk: object) -> str:
        """Adds a piece, and gives its words."""
        if not isinstance(chunk, BaseMessage):
            reading_of(chunk)
            return ""
        whole = self.message
        if isinstance(whole, BaseMessageChunk) and isinstance(chunk, BaseMessageChunk):
            self.message = whole + chunk
        else:
            self.message = chunk
        self.told = self.told or bool(str(chunk.text))
        return str(chunk.text)


def checked_message(message: AIMessage, passages: Passages, documents: Sequence[Document]) -> AIMessage:
    """A message whose sentences have been held against passages.

    It keeps its words and how they are set out; labels of pages go, and what was misread is put right. What was found
    is in its `response_metadata["glyph_rag"]`: "supported", "citations", "usage" and "notices".

    Args:
        message: The message.
        passages: What its author was shown.
        documents: The documents that they are.

    Raises:
        ReaderError: It says that there are no images.
    """
    reading = reading_of(message)
    answer = passages.check(reading.text, reading=reading)
    checked = message.model_copy(update={"content": _corrected(message.content, answer)})
    found = {
        "supported": answer.supported,
        "citations": citations_of(answer, documents, str(checked.text)),
        "usage": usage_of(answer),
        "notices": list(answer.notices),
    }
    return checked.model_copy(update={"response_metadata": {**message.response_metadata, "glyph_rag": found}})


def _corrected(content: object, answer: Answer) -> object:
    if isinstance(content, list):
        return [_corrected(block, answer) for block in content]
    if isinstance(content, dict):
        return {**content, "text": _corrected(content["text"], answer)} if "text" in content else content
    if not isinstance(content, str):
        return content
    # The space around it stays: it may be what keeps two blocks apart.
    words = content.strip()
    content = content.replace(words, clean_answer(words) or words) if words else content
    for sentence in answer.sentences:
        if sentence.support == "corrected":
            content = content.replace(sentence.read_as, sentence.text)
    return content


def form_in(reply: object) -> Reading:
    """The form in what `with_structured_output(..., include_raw=True)` gives.

    Raises:
        ReaderError: There is none.
    """
    parts = reply if isinstance(reply, Mapping) else {}
    raw, parsed = parts.get("raw"), parts.get("parsed")
    said = str(raw.text) if isinstance(raw, BaseMessage) else ""
    if parsed is None and abstains(said):
        return Reading("")
    if not isinstance(parsed, dict):
        raise ReaderError(f"the reply is no form: {said[:200]!r}", hint="ask for a smaller one, or try another model")
    usage = raw.usage_metadata if isinstance(raw, AIMessage) else None
    return Reading(
        "",
        tokens=usage["input_tokens"] if usage else None,
        output_tokens=usage["output_tokens"] if usage else None,
        data=json.dumps(parsed, ensure_ascii=False),
    )

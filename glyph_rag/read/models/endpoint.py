"""An endpoint: what is asked of it, and what has been learnt of how it wants to be asked."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from glyph_rag.read.models.portions import image_cost
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prompt import PagePart, Part, Prompt, TextPart
from glyph_rag.typeset.imagetokens import ModelFamily

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam

Detail: TypeAlias = Literal["auto", "low", "high", "original"]
Setting: TypeAlias = "str | int | float | Mapping[str, object]"
ReplyFormat: TypeAlias = Literal["json_schema", "json_object", "text"]

_LESS_STRICT: Mapping[object, ReplyFormat] = {"json_schema": "json_object", "json_object": "text"}


@dataclass(frozen=True)
class Endpoint:
    """What is asked, and how.

    Attributes:
        model: The model's id, as the server knows it.
        address: Where it is, for messages.
        secret: The API key, so that no message repeats it.
        detail: What to say of images, if anything.
        max_output_tokens: Tokens of the reply at most.
        temperature: Of sampling; 0 for the likeliest words.
        retries: How often a request that failed for a reason that may pass is sent again.
        family: What images cost the model, where known.
    """

    model: str
    address: str
    secret: str = field(repr=False)
    detail: Detail | None
    max_output_tokens: int
    temperature: float
    retries: int
    family: ModelFamily | None

    def expected_image_tokens(self, plan: ReadingPlan) -> int | None:
        """What the images of a plan should add to the prompt, or None where nobody knows.

        Raises:
            InputError: If the model refuses an image of that shape.
        """
        if self.family is None or self.detail == "low":
            return None
        return image_cost(plan, self.family.rule)

    def messages(self, prompt: Prompt) -> list[ChatCompletionMessageParam]:
        """A prompt in the protocol's form, with images as PNG files in data URLs: they are only ever our own bytes.

        Without images the words are one string: models for text alone need not know parts.
        """
        content: object = [self._content(part) for part in prompt.parts]
        if not any(isinstance(part, PagePart) for part in prompt.parts):
            content = "\n\n".join(part.text for part in prompt.parts if isinstance(part, TextPart))
        turns = [{"role": "system", "content": prompt.system}, {"role": "user", "content": content}]
        return cast("list[ChatCompletionMessageParam]", turns)

    def _content(self, part: Part) -> dict[str, object]:
        if isinstance(part, TextPart):
            return {"type": "text", "text": part.text}
        image = {"url": "data:image/png;base64," + base64.b64encode(part.page.png()).decode("ascii")}
        if self.detail is not None:
            image["detail"] = self.detail
        return {"type": "image_url", "image_url": image}


@dataclass
class Dialect:
    """What has been learnt about an endpoint; shared by all calls. Each change is one assignment, so threads are safe.

    Attributes:
        limit_name: What it calls the bound on the reply: OpenAI's reasoning models refuse "max_tokens".
        takes_temperature: Whether it lets one choose it.
        max_images: Images that it takes in one request, where known.
        reply_format: The strictest way that it knows to be told that a reply is JSON; "text" is by the prompt alone.
    """

    limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    takes_temperature: bool = True
    max_images: int | None = None
    reply_format: ReplyFormat = "json_schema"

    def settings(self, endpoint: Endpoint, schema: str) -> dict[str, Setting]:
        """How to answer, in the parameters that the endpoint takes.

        Args:
            endpoint: What is asked.
            schema: A JSON schema that the reply has to fit, as JSON text, or an empty string.
        """
        chosen: dict[str, Setting] = {self.limit_name: endpoint.max_output_tokens}
        if self.takes_temperature:
            chosen["temperature"] = endpoint.temperature
        if schema and self.reply_format == "json_schema":
            form = {"name": "answer", "schema": json.loads(schema)}
            chosen["response_format"] = {"type": "json_schema", "json_schema": form}
        elif schema and self.reply_format == "json_object":
            chosen["response_format"] = {"type": "json_object"}
        return chosen

    def drop(self, parameter: str, sent: Mapping[str, Setting]) -> str:
        """Remembers that the endpoint does not take a parameter.

        Args:
            parameter: What it refused.
            sent: With which settings.

        Returns:
            What it gets instead, in words; empty if the parameter was not sent.
        """
        if parameter not in sent:
            return ""
        if parameter == "max_tokens":
            self.limit_name = "max_completion_tokens"
            return "max_completion_tokens"
        if parameter == "temperature":
            self.takes_temperature = False
            return "its own"
        refused = sent[parameter]
        kind = refused.get("type") if isinstance(refused, Mapping) else None
        instead = _LESS_STRICT[kind]
        if self.reply_format == kind:  # another thread may have learnt it, and more
            self.reply_format = instead
        return instead

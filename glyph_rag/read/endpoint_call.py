"""One question to an endpoint: what to send, what to do when it fails, and what the reply amounts to.

Nothing here touches the network, so that the ways of `OpenAIReader` that block and those that await share it.
"""

from __future__ import annotations

import base64
import json
import logging
import random
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, cast

from glyph_rag.errors import InputError, ReaderError
from glyph_rag.read.endpoint_faults import LONGEST_WAIT, Fault, Kind, diagnose, pause, says_it_is_blind
from glyph_rag.read.plan import PlanPage, ReadingPlan
from glyph_rag.read.prompt import Part, TextPart, abstains, build_prompt, clean_answer
from glyph_rag.read.reader import Reading
from glyph_rag.typeset.imagetokens import ModelFamily
from glyph_rag.typeset.tokens import estimate_text_tokens

if TYPE_CHECKING:
    import openai
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

Detail: TypeAlias = Literal["auto", "low", "high", "original"]
Setting: TypeAlias = "str | int | float"

_log = logging.getLogger("glyph_rag.read.openai")

_LONGEST_QUOTE = 300  # characters of a server's message that an error repeats
_SHORTEST_SECRET = 8  # characters; "none" and "EMPTY" are no secrets, and are words of messages
_TRIES_AFTER_TIME_OUT = 1
_LEAST_FOR_A_PAGE = 32  # tokens: less than any model takes for one
_LEAST_OF_EXPECTED = 0.8


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
        """What the pages of a plan should add to the prompt, or None where nobody knows.

        Raises:
            InputError: If the model refuses an image of that shape.
        """
        if self.family is None or self.detail == "low":
            return None
        sizes = [(page.levels.shape[1], page.levels.shape[0]) for page in plan.pages]
        return sum(self.family.rule.tokens(width, height) for width, height in sizes)


@dataclass
class Dialect:
    """What has been learnt about an endpoint; shared by all calls. Each change is one assignment, so threads are safe.

    Attributes:
        limit_name: What it calls the bound on the reply: OpenAI's reasoning models refuse "max_tokens".
        takes_temperature: Whether it lets one choose it.
        max_images: Images that it takes in one request, where known.
    """

    limit_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    takes_temperature: bool = True
    max_images: int | None = None


@cache
def failures() -> tuple[type[Exception], ...]:
    """What a request can raise when the server or the line fails. Older clients let errors of httpx through."""
    import openai

    found: list[type[Exception]] = [openai.OpenAIError, json.JSONDecodeError, UnicodeDecodeError]
    for name in ("httpx", "httpx2"):
        if name in sys.modules:
            found += [sys.modules[name].HTTPError, sys.modules[name].StreamError]
    return tuple(found)


class Call:
    """One question about one plan. Not for several threads."""

    def __init__(self, endpoint: Endpoint, dialect: Dialect, question: str, plan: ReadingPlan) -> None:
        """
        Args:
            endpoint: What is asked.
            dialect: What is known of it.
            question: The question.
            plan: What to show; at least one page.
        """
        self._endpoint, self._dialect, self._question, self._plan = endpoint, dialect, question, plan
        self._notices: list[str] = []
        self._failed = self._timed_out = 0
        self._replanned = False
        self._text, self._refusal, self._finish = "", "", ""
        self._tokens: int | None = None
        limit = dialect.max_images
        if limit is not None and limit < len(plan.pages):
            self._leave_out(limit, f"at most {limit} images go into one request")

    @property
    def pages(self) -> tuple[PlanPage, ...]:
        """The pages that are shown: all of the plan, unless some were left out."""
        return self._plan.pages

    def messages(self) -> list[ChatCompletionMessageParam]:
        """The prompt, with pages as PNG files in data URLs: images are only ever our own bytes."""
        prompt = build_prompt(self._question, self._plan)
        content = [self._content(part) for part in prompt.parts]
        turns = [{"role": "system", "content": prompt.system}, {"role": "user", "content": content}]
        return cast("list[ChatCompletionMessageParam]", turns)

    def settings(self) -> dict[str, Setting]:
        """How to answer, in the parameters that this endpoint takes. Begins an attempt, so call it for each one."""
        self._text, self._refusal, self._finish, self._tokens = "", "", "", None
        self._sent: dict[str, Setting] = {self._dialect.limit_name: self._endpoint.max_output_tokens}
        if self._dialect.takes_temperature:
            self._sent["temperature"] = self._endpoint.temperature
        return self._sent

    def take(self, chunk: ChatCompletionChunk) -> str:
        """Adds a piece of a streamed reply, and gives the words in it."""
        self._count(getattr(chunk, "usage", None))
        choice = _first_choice(chunk)
        delta = getattr(choice, "delta", None)
        words = getattr(delta, "content", None)
        self._refusal += getattr(delta, "refusal", None) or ""
        self._finish = getattr(choice, "finish_reason", None) or self._finish
        self._text += words if isinstance(words, str) else ""
        return words if isinstance(words, str) else ""

    def take_all(self, completion: ChatCompletion) -> None:
        """Adds a whole reply.

        Raises:
            ReaderError: If it is no reply.
        """
        choice = _first_choice(completion)
        message = getattr(choice, "message", None)
        if message is None:
            raise self._error(Fault("refused", "what came back is no chat completion"))
        self._count(getattr(completion, "usage", None))
        words = getattr(message, "content", None)
        self._text = words if isinstance(words, str) else ""
        self._refusal = getattr(message, "refusal", None) or ""
        self._finish = getattr(choice, "finish_reason", None) or "stop"

    def reading(self) -> Reading:
        """What the reply amounts to.

        Raises:
            ReaderError: If it is cut off, empty, filtered, or says that the model sees no images.
        """
        endpoint, limit = self._endpoint, self._endpoint.max_output_tokens
        if self._refusal or self._finish == "content_filter":
            raise self._error(Fault("filtered", self._refusal or "the reply was held back by a filter"))
        if not self._finish:
            raise self._cut("the connection ended before the reply did")
        text = clean_answer(self._text)
        if not text and not abstains(self._text):
            if self._finish == "length":
                raise ReaderError(
                    f"{endpoint.model!r} used all {limit} tokens before it came to an answer",
                    hint="raise max_output_tokens; models that think need several thousand",
                )
            raise ReaderError(f"{endpoint.model!r} at {endpoint.address} answered nothing", hint="try another model")
        if says_it_is_blind(self._text):
            raise self._error(Fault("no_eyes", self._text))
        if self._finish == "length":
            self._note(f"The answer was cut off after {limit} tokens; raise max_output_tokens to get all of it.")
        self._check_tokens()
        return Reading(text, tuple(self._notices), self._tokens)

    def recover(self, error: Exception) -> float:
        """What to do about a request that failed: changes what is sent next, and says when to send it.

        Returns:
            Seconds to wait before the next attempt.

        Raises:
            ReaderError: If there is nothing more to try.
        """
        fault, headers = self._diagnose(error)
        if self._text:
            self._fail(self._cut(fault.message), error)
        if fault.parameter and self._drop(fault.parameter):
            return 0.0
        if fault.kind in ("too_long", "too_many_images") and len(self.pages) > 1 and not self._replanned:
            self._replan(fault)
            return 0.0
        self._failed += 1
        if not fault.transient or self._failed > self._endpoint.retries or self._timed_out > _TRIES_AFTER_TIME_OUT:
            self._fail(self._error(fault), error)
        wait = pause(self._failed, headers, datetime.now(UTC), random.random())
        if wait is None:
            asked = Fault(fault.kind, f"{fault.message}; the server asks to wait more than {LONGEST_WAIT:.0f} s")
            self._fail(self._error(asked), error)
        _log.warning(
            "%s at %s: %s; attempt %d of %d in %.1f s",
            self._endpoint.model, self._endpoint.address, self._quote(fault.message), self._failed + 1,
            self._endpoint.retries + 1, wait,
        )  # fmt: skip
        return wait

    def _content(self, part: Part) -> dict[str, object]:
        if isinstance(part, TextPart):
            return {"type": "text", "text": part.text}
        image = {"url": "data:image/png;base64," + base64.b64encode(part.page.png()).decode("ascii")}
        if self._endpoint.detail is not None:
            image["detail"] = self._endpoint.detail
        return {"type": "image_url", "image_url": image}

    def _count(self, usage: CompletionUsage | None) -> None:
        tokens = getattr(usage, "prompt_tokens", None)
        if isinstance(tokens, int) and tokens > 0:
            self._tokens = tokens

    def _diagnose(self, error: Exception) -> tuple[Fault, Mapping[str, str]]:
        import openai

        if isinstance(error, openai.APIStatusError):
            return diagnose(error.status_code, error.code, _words(error)), error.response.headers
        if isinstance(error, openai.APITimeoutError) or "Timeout" in type(error).__name__:
            self._timed_out += 1
            return Fault("server", "no reply in time"), {}
        if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | openai.APIResponseValidationError):
            return Fault("refused", f"what came back is not JSON: {error}"), {}
        if isinstance(error, openai.APIError) and not isinstance(error, openai.APIConnectionError):
            return diagnose(None, error.code, _words(error)), {}
        cause = error.__cause__ or error
        return Fault("server", f"the connection failed: {type(cause).__name__}: {cause}"), {}

    def _drop(self, parameter: str) -> bool:
        """Remembers that the endpoint does not take a parameter; False if it was not sent."""
        if parameter not in self._sent:
            return False
        if parameter == "max_tokens":
            self._dialect.limit_name = "max_completion_tokens"
        else:
            self._dialect.takes_temperature = False
        instead = "max_completion_tokens" if parameter == "max_tokens" else "its own"
        _log.warning("%s does not take %s; it gets %s from now on", self._endpoint.model, parameter, instead)
        return True

    def _replan(self, fault: Fault) -> None:
        """Once: as many pages as the server says it takes, or half of them."""
        self._replanned = True
        keep = len(self.pages) // 2
        if fault.limit is not None and fault.limit < len(self.pages):
            self._dialect.max_images = keep = fault.limit
        why = "the prompt was too long for it" if fault.kind == "too_long" else "it does not take so many images"
        self._leave_out(keep, f"{self._endpoint.model} refused all of them: {why}")

    def _leave_out(self, keep: int, why: str) -> None:
        """Shows only the first pages, which are the best."""
        kept, left = self._plan.pages[:keep], self._plan.pages[keep:]
        tokens = sum(page.tokens for page in kept)
        share = tokens / max(1, self._plan.image_tokens)
        self._plan = ReadingPlan(kept, tokens, round(self._plan.text_tokens * share))
        self._note(f"Not read: {', '.join(page.label for page in left)}, the pages that fit the question least; {why}.")

    def _check_tokens(self) -> None:
        """Says so if the tokens that were reported leave no room for the pages."""
        if self._tokens is None:
            return
        prompt = build_prompt(self._question, self._plan)
        words = estimate_text_tokens(prompt.system) + sum(
            estimate_text_tokens(part.text) for part in prompt.parts if isinstance(part, TextPart)
        )
        if self._tokens < words + _LEAST_FOR_A_PAGE * len(self.pages):
            self._note(
                f"The server reports {self._tokens} tokens for the prompt, hardly more than its words take:"
                " the model may not have been shown the pages."
            )
            return
        with suppress(InputError):  # the rule refuses a shape that the server has taken
            expected = self._endpoint.expected_image_tokens(self._plan)
            if expected is not None and self._tokens < _LEAST_OF_EXPECTED * expected:
                self._note(
                    f"The server reports {self._tokens} tokens for the prompt, but such pages should take {expected}:"
                    " it may have shown them to the model scaled down."
                )

    def _note(self, notice: str) -> None:
        _log.warning("%s", notice)
        self._notices.append(notice)

    def _cut(self, why: str) -> ReaderError:
        error = ReaderError(
            f"the reply of {self._endpoint.model!r} broke off after {len(self._text)} characters: {self._quote(why)}",
            hint="what came is not the whole answer; ask again",
        )
        error.retryable = True
        return error

    def _error(self, fault: Fault) -> ReaderError:
        about, hint = _EXPLANATIONS[fault.kind]
        endpoint = self._endpoint
        what = about.format(model=repr(endpoint.model), address=endpoint.address)
        attempts = f" after {self._failed} attempts" if fault.transient and self._failed > 1 else ""
        error = ReaderError(f"{what}{attempts}: {self._quote(fault.message)}", hint=hint)
        error.retryable = fault.transient
        return error

    def _fail(self, failure: ReaderError, error: Exception) -> NoReturn:
        # A traceback shows the cause, whose words may repeat the key.
        hidden = len(self._endpoint.secret) >= _SHORTEST_SECRET and self._endpoint.secret in str(error)
        try:
            raise failure from (None if hidden else error)
        finally:
            del failure, error  # or the error and this frame would keep each other, and the client's sockets, alive

    def _quote(self, text: str) -> str:
        """A server's words on one line, without the key, and not the images that some of them send back."""
        if len(self._endpoint.secret) >= _SHORTEST_SECRET:
            text = text.replace(self._endpoint.secret, "***")
        line = " ".join(text.split())
        return line if len(line) <= _LONGEST_QUOTE else f"{line[: _LONGEST_QUOTE - 3]}..."


_SMALLER = "ask for fewer pages (k)"
_EXPLANATIONS: dict[Kind, tuple[str, str]] = {
    "no_eyes": (
        "the model {model} at {address} cannot see images",
        "choose a vision-language model such as Qwen/Qwen3-VL-8B-Instruct; llama.cpp also needs its --mmproj file",
    ),
    "too_many_images": (
        "{model} at {address} does not take so many images",
        f"{_SMALLER}, or raise the server's limit (vLLM: --limit-mm-per-prompt)",
    ),
    "too_long": (
        "the pages do not fit into the context of {model} at {address}",
        f"{_SMALLER}, lower max_output_tokens, or serve the model with a longer context",
    ),
    "parameter": ("{model} at {address} does not take a parameter", "choose another model"),
    "no_model": (
        "there is no model {model} at {address}",
        "check the model's id, and that base_url ends as the server says, mostly in /v1",
    ),
    "key": ("{address} does not accept the API key", "give api_key, or set OPENAI_API_KEY"),
    "forbidden": ("the API key may not use {model} at {address}", "use another key or model"),
    "no_credit": ("the account at {address} has no credit left", "look at its plan and billing"),
    "filtered": ("{model} at {address} will not answer", "the pages or the question met its content filter"),
    "busy": ("{address} takes no more requests for now", "ask again later, or less often"),
    "server": ("{model} at {address} does not answer", "see that the server runs and can be reached; raise timeout"),
    "refused": ("{address} did not take the request for {model}", "check model and base_url"),
}


def _first_choice(reply: ChatCompletion | ChatCompletionChunk) -> object:
    """The first choice, if there is one: the client checks no shapes, and servers send pieces without choices."""
    choices = getattr(reply, "choices", None)
    return choices[0] if isinstance(choices, list) and choices else None


def _words(error: openai.APIError) -> str:
    """What the server says, without what the client puts around it."""
    body = error.body
    for key in ("error", "message", "detail"):
        if isinstance(body, Mapping) and body.get(key):
            body = body[key]
    return body if isinstance(body, str) and body.strip() else error.message

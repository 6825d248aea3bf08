"""One question to an endpoint: what to send, what to do when it fails, and what the reply amounts to.

Nothing here touches the network, so that the ways of `OpenAIReader` that block and those that await share it.
"""

from __future__ import annotations

import json
import logging
import random
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, NoReturn

from glyph_rag.errors import InputError, ReaderError
from glyph_rag.read.models.endpoint import Dialect, Endpoint, Setting
from glyph_rag.read.models.endpoint_faults import EXPLANATIONS, LONGEST_WAIT, Fault, diagnose, pause, says_it_is_blind
from glyph_rag.read.models.json_reply import ask_again, cut_object
from glyph_rag.read.models.portions import first_pages, first_passages
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prompt import TextPart, abstains, build_prompt, clean_answer, prompt_texts
from glyph_rag.read.reader import Reading
from glyph_rag.typeset.tokens import estimate_text_tokens

if TYPE_CHECKING:
    import openai
    from openai.types import CompletionUsage
    from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

_log = logging.getLogger("glyph_rag.read.models.openai")

_LONGEST_QUOTE = 300  # characters of a server's message that an error repeats
_SHORTEST_SECRET = 8  # characters; "none" and "EMPTY" are no secrets, and are words of messages
_TRIES_AFTER_TIME_OUT = 1
_LEAST_FOR_A_PAGE = 32  # tokens: less than any model takes for one
_LEAST_OF_EXPECTED = 0.8
_LEAST_OF_WORDS = 0.8  # of an estimate: what is shown as text may be long, and the estimate is within a sixth


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

    def __init__(
        self, endpoint: Endpoint, dialect: Dialect, question: str, plan: ReadingPlan, schema: str = ""
    ) -> None:
        """
        Args:
            endpoint: What is asked.
            dialect: What is known of it.
            question: The question.
            plan: What to show; not empty.
            schema: A JSON schema that the reply has to fit, as JSON text, or an empty string.
        """
        self._endpoint, self._dialect, self._question = endpoint, dialect, question
        self._whole = self._plan = plan
        self._schema = schema
        self._notices: list[str] = []
        self._failed = self._timed_out = 0
        self._replanned = False
        self._wrong = ""
        self._spent = self._written = 0
        self._text, self._refusal, self._finish = "", "", ""
        self._tokens: int | None = None
        self._output_tokens: int | None = None
        limit = dialect.max_images
        if limit is not None and limit < len(plan.pages):
            self._leave_out(first_pages(plan, limit), f"at most {limit} images go into one request")

    def messages(self) -> list[ChatCompletionMessageParam]:
        """The prompt, and what was wrong with the reply to it if this is the second try to get JSON."""
        question = ask_again(self._question, self._wrong) if self._wrong else self._question
        return self._endpoint.messages(build_prompt(question, self._plan, self._schema))

    def settings(self) -> dict[str, Setting]:
        """How to answer, in the parameters that this endpoint takes. Begins an attempt, so call it for each one."""
        self._text, self._refusal, self._finish, self._tokens, self._output_tokens = "", "", "", None, None
        self._sent = self._dialect.settings(self._endpoint, self._schema)
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

    def reading(self) -> Reading | None:
        """What the reply amounts to, or None if the model is to be asked again, as it may be once, for JSON.

        Raises:
            ReaderError: If it is cut off, empty, filtered, not in the form asked for, or says that the model sees no
                images.
        """
        limit = self._endpoint.max_output_tokens
        if self._refusal or self._finish == "content_filter":
            raise self._error(Fault("filtered", self._refusal or "the reply was held back by a filter"))
        if not self._finish:
            raise self._cut("the connection ended before the reply did")
        text = data = ""
        if not abstains(self._text):
            text, data = ("", self._object()) if self._schema else (self._answer(), "")
            if self._schema and not data:
                return None
        if self._finish == "length":
            self._note(f"The answer was cut off after {limit} tokens; raise max_output_tokens to get all of it.")
        self._check_tokens()
        shown = None if self._plan is self._whole else tuple(dict.fromkeys(self._plan.labels))
        tokens, written = _sum(self._spent, self._tokens), _sum(self._written, self._output_tokens)
        return Reading(text, tuple(self._notices), tokens, written, shown, data)

    def _answer(self) -> str:
        """The words of a reply that is an answer.

        Raises:
            ReaderError: If it is none.
        """
        text = clean_answer(self._text)
        if not text:
            self._refuse_nothing()
        self._refuse_the_blind()
        return text

    def _object(self) -> str:
        """The JSON of the reply; empty where it is none and the model was not asked a second time.

        Raises:
            ReaderError: If it is none the second time, or could be none.
        """
        data, fault = cut_object(self._text)
        if not fault:
            return data
        if not clean_answer(self._text) or self._finish == "length":
            self._refuse_nothing()
        self._refuse_the_blind()
        if self._wrong:
            raise ReaderError(
                f"{self._endpoint.model!r} twice replied with no JSON object: {self._quote(fault)}",
                hint="ask for a smaller form, or choose a model that takes response_format",
            )
        self._note(f"The first reply was not the JSON object asked for ({self._quote(fault)}), so it was asked again.")
        self._wrong = fault
        self._spent += self._tokens or 0
        self._written += self._output_tokens or 0
        return ""

    def _refuse_nothing(self) -> NoReturn:
        endpoint = self._endpoint
        if self._finish == "length":
            raise ReaderError(
                f"{endpoint.model!r} used all {endpoint.max_output_tokens} tokens before it came to an answer",
                hint="raise max_output_tokens; models that think need several thousand",
            )
        raise ReaderError(f"{endpoint.model!r} at {endpoint.address} answered nothing", hint="try another model")

    def _refuse_the_blind(self) -> None:
        if self._plan.pages and says_it_is_blind(self._text):
            raise self._error(Fault("no_eyes", self._text))

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
        if self._replan(fault):
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

    def _count(self, usage: CompletionUsage | None) -> None:
        tokens, written = getattr(usage, "prompt_tokens", None), getattr(usage, "completion_tokens", None)
        if isinstance(tokens, int) and tokens > 0:
            self._tokens = tokens
        if isinstance(written, int) and written > 0:
            self._output_tokens = written

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
        instead = self._dialect.drop(parameter, self._sent)
        if instead:
            _log.warning("%s does not take %s; it gets %s from now on", self._endpoint.model, parameter, instead)
        return bool(instead)

    def _replan(self, fault: Fault) -> bool:
        """Once: as many images as the server says it takes, or half of them; without images, half of the passages."""
        if fault.kind not in ("too_long", "too_many_images") or self._replanned:
            return False
        images = len(self._plan.pages)
        if images > 1:
            keep = images // 2
            if fault.limit is not None and fault.limit < images:
                self._dialect.max_images = keep = fault.limit
            shorter = first_pages(self._plan, keep)
        elif fault.kind == "too_long":
            shorter = first_passages(self._plan)
        else:
            return False
        if shorter.labels == self._plan.labels:
            return False
        self._replanned = True
        why = "the prompt was too long for it" if fault.kind == "too_long" else "it does not take so many images"
        self._leave_out(shorter, f"{self._endpoint.model} refused all of them: {why}")
        return True

    def _leave_out(self, shorter: ReadingPlan, why: str) -> None:
        left = [label for label in dict.fromkeys(self._plan.labels) if label not in shorter.labels]
        self._plan = shorter
        self._note(f"Not read: {', '.join(left)}, the pages that fit the question least; {why}.")

    def _check_tokens(self) -> None:
        """Says so if the tokens that were reported leave no room for the pages."""
        if self._tokens is None or not self._plan.pages:
            return
        prompt = build_prompt(self._question, self._plan, self._schema)
        words = sum(estimate_text_tokens(part.text) for part in prompt.parts if isinstance(part, TextPart))
        fixed = sum(estimate_text_tokens(text) for text in prompt_texts(self._question, ()))
        shown = words + estimate_text_tokens(prompt.system) - fixed
        if self._tokens < fixed + _LEAST_OF_WORDS * shown + _LEAST_FOR_A_PAGE * len(self._plan.pages):
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
        about, hint = EXPLANATIONS[fault.kind]
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


def _sum(before: int, now: int | None) -> int | None:
    return before + now if now is not None else before or None


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

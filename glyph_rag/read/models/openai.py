"""OpenAIReader: any vision-language model behind an endpoint that speaks the OpenAI protocol. The `openai` extra.

It uses Chat Completions, the form that every server speaks: vLLM, SGLang, llama.cpp, Ollama, LM Studio and the clouds.
"""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from glyph_rag.errors import InputError, MissingExtraError, ReaderError
from glyph_rag.read.models.endpoint import Detail, Dialect, Endpoint
from glyph_rag.read.models.endpoint_call import Call, failures
from glyph_rag.read.models.json_reply import check_schema
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.reader import Done, Reading, Sight
from glyph_rag.typeset.imagetokens import ModelFamily, family_of
from glyph_rag.typeset.imagetokens import family as family_named

if TYPE_CHECKING:
    import openai

_NO_KEY = "none"  # What a server without keys is sent: the client insists on one.


class OpenAIReader:
    """Shows pages to a model behind an endpoint. Safe to use from several threads.

    What a server does not take, it is not sent twice: a refusal of `max_tokens`, `temperature` or `response_format` and
    a stated limit on images are remembered, and logged under "glyph_rag.read.models.openai" like every attempt that
    failed.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        detail: Detail | None = None,
        max_output_tokens: int = 1024,
        temperature: float = 0.0,
        timeout: float = 120.0,
        retries: int = 4,
        max_images: int | None = None,
        context: int | None = None,
        family: ModelFamily | str | None = None,
        client: openai.OpenAI | None = None,
        async_client: openai.AsyncOpenAI | None = None,
    ) -> None:
        """Nothing is sent before the first question.

        Args:
            model: The model's id, as the server knows it.
            base_url: Where the server is, such as "http://localhost:8000/v1"; OPENAI_BASE_URL or OpenAI where None.
            api_key: The key; OPENAI_API_KEY where None. A server of one's own needs none.
            detail: How closely to look at images, for the providers that let one choose; not sent where None.
            max_output_tokens: Tokens of the reply at most, thoughts included.
            temperature: Of sampling; 0 for the likeliest words.
            timeout: Seconds without a sign of the server after which an attempt has failed. Tried again once.
            retries: How often a request is sent again that failed for a reason that may pass.
            max_images: Images that the server takes in one request; the family's limit where None. Of more pages the
                last, which fit the question least, are left out, and a notice says so.
            context: Tokens that the server has for a prompt and its reply together, as vLLM's `--max-model-len`, so
                that plans keep within it; not known where None.
            family: What images cost the model, or the name of that in `typeset.imagetokens`; the one that lists the
                model where None.
            client: A client to use instead of a new one, with its own address and key.
            async_client: The same for `aread` and `astream`. Without it each of their calls opens a client, so that
                any event loop will do; give one to keep connections open.

        Raises:
            MissingExtraError: If the package openai is not installed.
            InputError: If a number is out of range, or a client is given together with an address or a key.
            ProfileError: If no family has that name.
            ReaderError: If there is no key for OpenAI.
        """
        try:
            import openai
        except ImportError as error:
            raise MissingExtraError("openai", "openai") from error
        _check_numbers(max_output_tokens, timeout, retries, max_images, context)
        if (client or async_client) and (base_url or api_key):
            raise InputError("a client has an address and a key of its own", hint="leave out base_url and api_key")
        known = family_named(family) if isinstance(family, str) else family or family_of(model)
        given = client or async_client
        self._opens_clients, self._timeout = given is None, timeout
        if given is None:
            key = api_key or os.environ.get("OPENAI_API_KEY") or _no_key(base_url)
            given = client = openai.OpenAI(api_key=key, base_url=base_url)
            # Its connections end with the reader, and not whenever they are collected, each with a warning.
            weakref.finalize(self, client.close)
        # The attempts are counted here, so the client makes only one of each.
        self._client = client and client.with_options(timeout=timeout, max_retries=0)
        self._async_client = async_client and async_client.with_options(timeout=timeout, max_retries=0)
        self._base_url = str(given.base_url)
        self._endpoint = Endpoint(
            model, _address(self._base_url), given.api_key, detail, max_output_tokens, temperature, retries, known
        )
        self._context = context
        self._dialect = Dialect(max_images=known.max_images if max_images is None and known else max_images)

    @property
    def name(self) -> str:
        """What a person calls it."""
        return self._endpoint.model

    def sight(self) -> Sight:
        """What the model can be shown, as far as it is known or has been learnt; costs nothing."""
        endpoint, context = self._endpoint, self._context
        return Sight(
            rule=endpoint.family.rule if endpoint.family is not None else Sight().rule,
            max_images=self._dialect.max_images,
            context=None if context is None else context - endpoint.max_output_tokens,
            model=endpoint.model,
            provider=self._base_url,
        )

    def expected_image_tokens(self, plan: ReadingPlan) -> int | None:
        """What the images of a plan should add to the prompt, or None where the model's family is not known.

        Raises:
            InputError: If the model refuses an image of that shape.
        """
        return self._endpoint.expected_image_tokens(plan)

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        """Shows what the plan holds and returns the answer; its text is empty when the model finds none there.

        Raises:
            ReaderError: If the server cannot be reached, refuses, or returns no whole answer. `retryable` says whether
                the same call may succeed later.
        """
        return Reading("") if plan.empty else self._ask(self._call(question, plan))

    def read_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """Shows what the plan holds and has a form filled in.

        The server is asked to hold the model to the schema; where it cannot, to JSON; where it cannot do that either,
        the prompt alone asks. A reply that is not a JSON object is asked for once more, and a notice says so.

        Args:
            question: The question.
            plan: What to show.
            schema: A JSON schema of an object, as JSON text.

        Returns:
            A reading whose `data` is JSON text, not checked against the schema; empty if the model finds no answer.

        Raises:
            InputError: If the schema is not a JSON object.
            ReaderError: As `read` does, or if the second reply is not a JSON object either.
        """
        check_schema(schema)
        return Reading("") if plan.empty else self._ask(self._call(question, plan, schema))

    def stream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> Iterator[str]:
        """The model's words as they come, as it writes them: `clean_answer` of all of them is the answer.

        What would be a notice is logged, unless `done` is there to be given the reading. Pages are left out only before
        the first word.

        Raises:
            ReaderError: As `read` does. Where it is raised after words have come, they are not an answer.
        """
        if plan.empty:
            return
        client, call = self._blocking_client(), self._call(question, plan)
        while True:
            try:
                with client.chat.completions.create(
                    model=self._endpoint.model, messages=call.messages(), extra_body=call.settings(), stream=True
                ) as chunks:
                    for chunk in chunks:
                        if words := call.take(chunk):
                            yield words
            except failures() as error:
                wait = call.recover(error)
            else:
                _end(call, done)
                return
            time.sleep(wait)

    async def aread(self, question: str, plan: ReadingPlan) -> Reading:
        """As `read`, without blocking the event loop.

        Raises:
            ReaderError: As `read` does.
        """
        return Reading("") if plan.empty else await self._aask(self._call(question, plan))

    async def aread_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """As `read_structured`, without blocking the event loop.

        Raises:
            InputError: As `read_structured` does.
            ReaderError: As `read_structured` does.
        """
        check_schema(schema)
        return Reading("") if plan.empty else await self._aask(self._call(question, plan, schema))

    async def astream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> AsyncIterator[str]:
        """As `stream`, without blocking the event loop.

        Raises:
            ReaderError: As `stream` does.
        """
        if plan.empty:
            return
        call = self._call(question, plan)
        async with await self._awaiting_client() as client:
            while True:
                messages = await asyncio.to_thread(call.messages)
                try:
                    async with await client.chat.completions.create(
                        model=self._endpoint.model, messages=messages, extra_body=call.settings(), stream=True
                    ) as chunks:
                        async for chunk in chunks:
                            if words := call.take(chunk):
                                yield words
                except failures() as error:
                    wait = call.recover(error)
                else:
                    _end(call, done)
                    return
                await asyncio.sleep(wait)

    def _call(self, question: str, plan: ReadingPlan, schema: str = "") -> Call:
        return Call(self._endpoint, self._dialect, question, plan, schema)

    def _ask(self, call: Call) -> Reading:
        client = self._blocking_client()
        while True:
            wait = 0.0
            try:
                completion = client.chat.completions.create(
                    model=self._endpoint.model, messages=call.messages(), extra_body=call.settings()
                )
            except failures() as error:
                wait = call.recover(error)
            else:
                call.take_all(completion)
                if (reading := call.reading()) is not None:
                    return reading
            time.sleep(wait)

    async def _aask(self, call: Call) -> Reading:
        async with await self._awaiting_client() as client:
            while True:
                wait = 0.0
                messages = await asyncio.to_thread(call.messages)
                try:
                    completion = await client.chat.completions.create(
                        model=self._endpoint.model, messages=messages, extra_body=call.settings()
                    )
                except failures() as error:
                    wait = call.recover(error)
                else:
                    call.take_all(completion)
                    if (reading := call.reading()) is not None:
                        return reading
                await asyncio.sleep(wait)

    def _blocking_client(self) -> openai.OpenAI:
        if self._client is None:
            raise ReaderError(
                "this reader was given only an async_client", hint="use aread and astream, or give client"
            )
        return self._client

    async def _awaiting_client(self) -> AbstractAsyncContextManager[openai.AsyncOpenAI]:
        """The client that was given, which stays open, or a new one, which belongs to the running loop alone."""
        if self._async_client is not None:
            return nullcontext(self._async_client)
        if not self._opens_clients:
            raise ReaderError("this reader was given only a client that blocks", hint="give async_client too")
        # In a thread, because reading the certificates takes tens of milliseconds.
        return await asyncio.to_thread(self._new_async_client)

    def _new_async_client(self) -> openai.AsyncOpenAI:
        import openai

        return openai.AsyncOpenAI(
            api_key=self._endpoint.secret, base_url=self._base_url, timeout=self._timeout, max_retries=0
        )


def _end(call: Call, done: Done | None) -> None:
    reading = call.reading()
    if done is not None and reading is not None:
        done(reading)


def _no_key(base_url: str | None) -> str:
    """What to send where no key is given: something, except to OpenAI itself.

    Raises:
        ReaderError: If the server is OpenAI's.
    """
    if base_url or os.environ.get("OPENAI_BASE_URL"):
        return _NO_KEY
    raise ReaderError(
        "there is no API key for OpenAI",
        hint="give api_key or set OPENAI_API_KEY; for a server of your own give base_url",
    )


def _check_numbers(
    max_output_tokens: int, timeout: float, retries: int, max_images: int | None, context: int | None
) -> None:
    least = {
        "max_output_tokens": (max_output_tokens, 1), "retries": (retries, 0), "max_images": (max_images, 1),
        "context": (context, max_output_tokens + 1),
    }  # fmt: skip
    for name, (value, minimum) in least.items():
        if value is not None and value < minimum:
            raise InputError(f"{name} is {value}", hint=f"it is at least {minimum}")
    if not timeout > 0:
        raise InputError(f"timeout is {timeout}", hint="it is in seconds, more than 0")


def _address(base_url: str) -> str:
    """A server's address as messages show it: without a name, a password or a query."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}".rstrip("/")

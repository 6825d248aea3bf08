"""What a server that speaks the OpenAI protocol means by an error, and how long to wait before asking again.

The protocol has codes for few errors and most servers do not set them, so the words have to do. The patterns follow
messages of OpenAI, Azure, vLLM, SGLang, llama.cpp, Ollama, LM Studio, Groq, Mistral, DeepSeek, Anthropic, Google and
OpenRouter, as their users quote them in bug reports up to 2026.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal[
    "no_eyes", "too_many_images", "too_long", "parameter", "no_model", "key", "forbidden", "no_credit", "filtered",
    "busy", "server", "refused",
]  # fmt: skip

LONGEST_WAIT = 60.0
"""Seconds. A server that asks for more patience gets none: the caller is told instead."""

_FIRST_WAIT, _MOST_WAIT = 0.5, 8.0  # seconds, those of OpenAI's own client
_JITTER = 0.25
_TRANSIENT_STATUS = {408: "server", 409: "server", 425: "server", 429: "busy"}

_PICTURES = r"(?:image|vision|visual|multi-?modal|picture)"
_NO_EYES = re.compile(
    rf"""
      (?:not|n't)\s(?:an?\s)?multi-?modal
    | {_PICTURES}(?!\W*(?:format|type|size|url\sformat|detail|mime|dimension))[^.\n]{{0,40}}(?:not|n't)\s
      (?:be\s)?(?:supported|enabled|allowed|available)
    | (?:not|n't|cannot|unable\sto)\s(?:support|accept|process|handle|take|have)[^.\n]{{0,30}}{_PICTURES}
      (?!\W*(?:format|type|size|detail|mime|dimension))
    | image_url\W[^.\n]{{0,20}}only\ssupported\sby
    | no\sendpoints\sfound\sthat\ssupport\simage
    | unsupported\scontent\s(?:part\s)?type[^\n]{{0,12}}image_url
    | unknown\svariant\W{{1,3}}image_url
    | content\W[^\n]{{0,30}}must\sbe\sa\sstring
    | missing\sdata\srequired\sfor\simage
    | mmproj
    """,
    re.IGNORECASE | re.VERBOSE,
)
_IMAGE_LIMIT = re.compile(
    r"(?:at most|up to|more than|maximum (?:of|is)|max(?:imum)? is|limit (?:of|is))\s(\d+)\s(?:total\s)?images?\b"
    r"|\bset image=(\d+)\b"
    r"|images?\b[^.\n]{0,60}[.,]?\s(?:max(?:imum)?|limit|(?:supports\s)?up to)\s(?:is\s|of\s)?(\d+)\b",
    re.IGNORECASE,
)
_TOO_MANY_IMAGES = re.compile(r"too many (?:total )?images|number of images[^.\n]{0,40}exceed", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"(?:maximum|model'?s|available|max) (?:context|model|sequence|prompt) (?:length|window|size|len)"
    r"|exceed[^\n]{0,60}\bcontext\b|\bcontext (?:length|window|size)\b[^\n]{0,60}\bexceed"
    r"|(?:prompt|input|request|body|entity|payload) (?:is )?too (?:long|large)|too many (?:input )?tokens"
    r"|tokens?\b[^\n]{0,40}exceeds the (?:maximum|model)|exceed_context_size",
    re.IGNORECASE,
)
_FILTERED = re.compile(r"content[ _](?:management )?(?:policy|filter)|safety system|data_inspection", re.IGNORECASE)
_NO_CREDIT = re.compile(r"insufficient_quota|exceeded your current quota|credit balance|billing", re.IGNORECASE)
_NO_MODEL = re.compile(r"\bmodel\b[^\n]{0,200}\b(?:not found|does not exist|not exist|unknown)", re.IGNORECASE)
_PARAMETER = re.compile(
    r"unsupported (?:parameter|value):?\W+(max_tokens|temperature)\b"
    r"|['\"`](max_tokens|temperature)['\"`][^.\n]{0,20}(?:not support|unsupported|deprecated)",
    re.IGNORECASE,
)
_FORMAT = re.compile(
    r"response[ _]?format|json[ _](?:schema|object|mode)|structured[ _]outputs?"
    r"|guided[ _](?:json|decoding)|\bgrammar\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Fault:
    """What went wrong.

    Attributes:
        kind: What it is. "busy" and "server" may pass; "refused" is what nothing else explains.
        message: The server's words.
        limit: For "too_many_images", how many it takes, if it says so.
        parameter: For "parameter", which one the model does not take: "max_tokens", "temperature" or
            "response_format".
    """

    kind: Kind
    message: str
    limit: int | None = None
    parameter: str | None = None

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.kind in ("busy", "server")


def diagnose(status: int | None, code: str | None, message: str) -> Fault:
    """Tells what a server's error means.

    Args:
        status: The HTTP status, or None for an error in the middle of a stream.
        code: The protocol's error code, such as "context_length_exceeded", if there is one.
        message: The server's words.
    """
    if status in (401, 402, 403):
        kinds: dict[int, Kind] = {401: "key", 402: "no_credit", 403: "forbidden"}
        return Fault(kinds[status], message)
    said = f"{code or ''} {message}"
    return _by_words(said, message) or Fault(_by_status(status), message)


def _by_words(said: str, message: str) -> Fault | None:
    parameter = _PARAMETER.search(said)
    if parameter is not None:
        return Fault("parameter", message, parameter=(parameter[1] or parameter[2]).lower())
    if _NO_CREDIT.search(said):
        return Fault("no_credit", message)
    if _TOO_LONG.search(said) or "context_length_exceeded" in said:
        return Fault("too_long", message)
    stated = _IMAGE_LIMIT.search(said)
    limit = next((int(group) for group in stated.groups() if group), None) if stated else None
    if limit == 0 or _NO_EYES.search(said):
        return Fault("no_eyes", message)
    if limit is not None or _TOO_MANY_IMAGES.search(said):
        return Fault("too_many_images", message, limit=limit)
    if _FORMAT.search(said):
        return Fault("parameter", message, parameter="response_format")
    if _FILTERED.search(said):
        return Fault("filtered", message)
    return Fault("no_model", message) if _NO_MODEL.search(said) or "model_not_found" in said else None


def _by_status(status: int | None) -> Kind:
    if status is None or status >= 500 or status in _TRANSIENT_STATUS:
        return "busy" if status == 429 else "server"
    return {404: "no_model", 413: "too_long"}.get(status, "refused")  # type: ignore[return-value]


def pause(attempt: int, headers: Mapping[str, str], now: datetime, chance: float) -> float | None:
    """How long to wait before the next attempt, in seconds, or None if the server asks for more than `LONGEST_WAIT`.

    What the server says in `retry-after-ms` or `Retry-After` (RFC 9110, section 10.2.3: seconds or a date) goes, with
    up to a quarter more; without it, half a second, doubled for each attempt up to eight seconds, with up to a quarter
    less, so that many callers do not come back all at once.

    Args:
        attempt: Attempts that have failed, at least 1.
        headers: The headers of the reply, with names in lower case.
        now: The time, to which a date is compared.
        chance: A random number from 0 to 1.
    """
    asked = _asked(headers, now)
    if asked is None:
        return float(min(_MOST_WAIT, _FIRST_WAIT * 2.0 ** min(attempt - 1, 10)) * (1 - _JITTER * chance))
    return asked * (1 + _JITTER * chance) if asked <= LONGEST_WAIT else None


def _asked(headers: Mapping[str, str], now: datetime) -> float | None:
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", text, re.ASCII):
            return float(text) * scale
    try:
        date = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, ((date if date.tzinfo else date.replace(tzinfo=UTC)) - now).total_seconds())


_SMALLER = "ask for fewer pages (k)"
EXPLANATIONS: Mapping[Kind, tuple[str, str]] = {
    "no_eyes": (
        "the model {model} at {address} cannot see images",
        "choose a vision-language model such as Qwen/Qwen3-VL-8B-Instruct; llama.cpp also needs its --mmproj file",
    ),
    "too_many_images": (
        "{model} at {address} does not take so many images",
        f"{_SMALLER}, or raise the server's limit (vLLM: --limit-mm-per-prompt)",
    ),
    "too_long": (
        "the pages and texts do not fit into the context of {model} at {address}",
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
"""For each kind what happened, with places for the model and its address, and what to do about it."""


_CANNOT_SEE = re.compile(
    r"\bI\b[^.\n]{0,30}(?:can(?:no|['’])?t|unable to|not able to|(?:don|do)(?: no|['’])?t|cannot)[^.\n]{0,40}?"
    r"\b(?:see|view|access|process|open|read|analy[sz]e|interpret|look at|have)\b[^.\n]{0,30}?"
    r"\b(?:images?|pictures?|attachments?|screenshots?|pages? images?|visual)\b"
    r"|\bno (?:images?|pictures?|attachments?) (?:was|were|has been|have been) (?:provided|attached|included)"
    r"|(?:我|无法|不能|没有)[^。\n]{0,8}(?:无法|不能|看不到|没有看到|查看|看到|识别|处理)[^。\n]{0,8}(?:图片|图像)",
    re.IGNORECASE,
)
_CITES = re.compile(r"\[P\d")
_LONGEST_EXCUSE = 600  # characters


def says_it_is_blind(answer: str) -> bool:
    """Whether a reply says, in English or Chinese, that its author sees no images: some servers drop them.

    A long reply, or one that cites a page, is an answer, which may well speak of images.
    """
    return len(answer) <= _LONGEST_EXCUSE and _CANNOT_SEE.search(answer) is not None and not _CITES.search(answer)

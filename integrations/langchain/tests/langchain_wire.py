"""A server that speaks as model providers do, and keeps what it is sent: what really goes over the wire."""

from __future__ import annotations

import base64
import io
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from langchain_eyes import LEAVE, SAID, TRAVEL
from PIL import Image

_BASE64 = re.compile(r"[A-Za-z0-9+/]{120,}")
IN, OUT = 321, 12
"""Tokens that every provider here reports."""

Call = dict[str, Any]

_numbers = itertools.count()


def _new_id() -> str:
    # Agents take messages of one id for one message.
    return f"reply-{next(_numbers)}"


def _words(said: str) -> list[str]:
    return re.findall(r"\s*\S+", said)


def _openai(body: Call, calls: list[Call], said: str) -> tuple[list[Any], str]:
    head = {"id": _new_id(), "created": 1, "model": body["model"]}
    usage = {"prompt_tokens": IN, "completion_tokens": OUT, "total_tokens": IN + OUT}
    tools = [
        {
            "index": at,
            "id": each["id"],
            "type": "function",
            "function": {"name": each["name"], "arguments": each["json"]},
        }
        for at, each in enumerate(calls)
    ]
    why = "tool_calls" if calls else "stop"
    if not body.get("stream"):
        message = {"role": "assistant", "content": None if calls else said, **({"tool_calls": tools} if tools else {})}
        whole = {**head, "object": "chat.completion", "usage": usage}
        return [{**whole, "choices": [{"index": 0, "finish_reason": why, "message": message}]}], "json"
    deltas = [{"role": "assistant", "content": None, "tool_calls": tools}] if tools else [
        {"role": "assistant", "content": word} for word in _words(said)
    ]  # fmt: skip
    head["object"] = "chat.completion.chunk"
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    last = {**head, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": why}]}
    wanted = (body.get("stream_options") or {}).get("include_usage")
    tail = [last, {**head, "choices": [], "usage": usage}] if wanted else [{**last, "usage": usage}]
    return [*chunks, *tail, "[DONE]"], "sse"


def _responses(body: Call, calls: list[Call], said: str) -> tuple[list[Any], str]:
    part = {"type": "output_text", "text": said, "annotations": []}
    item = {"type": "message", "id": "m1", "status": "completed", "role": "assistant", "content": [part]}
    made = [
        {"type": "function_call", "id": f"f{at}", "call_id": each["id"], "name": each["name"],
         "arguments": each["json"], "status": "completed"}
        for at, each in enumerate(calls)
    ]  # fmt: skip
    whole = {
        "id": _new_id(), "object": "response", "created_at": 1, "model": body["model"], "status": "completed",
        "output": made or [item], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "usage": {
            "input_tokens": IN, "output_tokens": OUT, "total_tokens": IN + OUT,
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0},
        },
    }  # fmt: skip
    if not body.get("stream"):
        return [whole], "json"
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    place = {"output_index": 0, "content_index": 0, "item_id": "m1"}
    events: list[Call] = [{"type": "response.created", "response": begun}]
    events += [{"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}}]
    events += [{"type": "response.output_text.delta", **place, "delta": word, "logprobs": []} for word in _words(said)]
    events += [{"type": "response.output_text.done", **place, "text": said, "logprobs": []}]
    events += [{"type": "response.output_item.done", "output_index": 0, "item": item}]
    events += [{"type": "response.completed", "response": whole}]
    return [{**event, "sequence_number": at} for at, event in enumerate(events)], "sse"


def _anthropic(body: Call, calls: list[Call], said: str) -> tuple[list[Any], str]:
    content = [
        {"type": "tool_use", "id": each["id"], "name": each["name"], "input": json.loads(each["json"])}
        for each in calls
    ] or [{"type": "text", "text": said}]
    usage = {"input_tokens": IN, "output_tokens": OUT}
    whole = {"id": _new_id(), "type": "message", "role": "assistant", "model": body["model"], "stop_sequence": None}
    if not body.get("stream"):
        return [{**whole, "content": content, "stop_reason": "end_turn", "usage": usage}], "json"
    begun = {**whole, "content": [], "stop_reason": None, "usage": {"input_tokens": IN, "output_tokens": 0}}
    events: list[Call] = [{"type": "message_start", "message": begun}]
    for at, block in enumerate(content):
        empty = {**block, "text": ""} if "text" in block else {**block, "input": {}}
        events += [{"type": "content_block_start", "index": at, "content_block": empty}]
        deltas = [{"type": "text_delta", "text": word} for word in _words(said)] if "text" in block else [
            {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        ]  # fmt: skip
        events += [{"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas]
        events += [{"type": "content_block_stop", "index": at}]
    events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": usage}]
    return [*events, {"type": "message_stop"}], "sse"


def _gemini(body: Call, calls: list[Call], said: str) -> tuple[list[Any], str]:
    usage = {"promptTokenCount": IN, "candidatesTokenCount": OUT, "totalTokenCount": IN + OUT}

    def piece(parts: list[Call], why: str | None) -> Call:
        candidate: Call = {"content": {"role": "model", "parts": parts}, "index": 0}
        return {"candidates": [candidate | ({"finishReason": why} if why else {})], "usageMetadata": usage}

    made = [{"functionCall": {"name": each["name"], "args": json.loads(each["json"])}} for each in calls]
    if body["stream"]:
        pieces = [made] if made else [[{"text": word}] for word in _words(said)]
        return [piece(parts, "STOP" if at == len(pieces) - 1 else None) for at, parts in enumerate(pieces)], "sse"
    return [piece(made or [{"text": said}], "STOP")], "json"


def _ollama(body: Call, calls: list[Call], said: str) -> tuple[list[Any], str]:
    made = [{"function": {"name": each["name"], "arguments": json.loads(each["json"])}} for each in calls]
    head = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z", "done": False}
    pieces: list[Call] = [{"role": "assistant", "content": "", "tool_calls": made}] if made else [
        {"role": "assistant", "content": word} for word in _words(said)
    ]  # fmt: skip
    done = {"done": True, "done_reason": "stop", "prompt_eval_count": IN, "eval_count": OUT, "total_duration": 1}
    end = {**head, **done, "message": {"role": "assistant", "content": ""}}
    return [*({**head, "message": message} for message in pieces), end], "lines"


def _bedrock(body: Call, calls: list[Call], said: str) -> tuple[list[Any], str]:
    content = [
        {"toolUse": {"toolUseId": each["id"], "name": each["name"], "input": json.loads(each["json"])}}
        for each in calls
    ] or [{"text": said}]
    return [{
        "output": {"message": {"role": "assistant", "content": content}}, "stopReason": "end_turn",
        "usage": {"inputTokens": IN, "outputTokens": OUT, "totalTokens": IN + OUT}, "metrics": {"latencyMs": 1},
    }], "json"  # fmt: skip


_SPEAKERS: dict[str, Callable[[Call, list[Call], str], tuple[list[Any], str]]] = {
    "chat/completions": _openai, "/responses": _responses, "/messages": _anthropic, "enerateContent": _gemini,
    "/api/chat": _ollama, "/converse": _bedrock,
}  # fmt: skip


@dataclass
class Wire:
    """The server.

    Attributes:
        url: Where it is.
        sent: The bodies of the requests.
        paths: Their paths.
        calls: How many calls of a tool it asks for, side by side, where it is offered tools and has no results yet.
        form: What it fills in, as text or as a call of the tool "Leave".
        failures: How many requests it refuses first, with status 500.
    """

    url: str = ""
    sent: list[Call] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    calls: int = 2
    form: Call | None = None
    failures: int = 0

    def reply(self, path: str, body: Call) -> tuple[list[Any], str]:
        self.sent.append(body)
        self.paths.append(path)
        # Gemini says it in the address.
        body = {**body, "stream": True} if "stream" in path else {"stream": False, **body}
        speaker = next(each for ending, each in _SPEAKERS.items() if ending in path)
        offered = body.get("tools") or body.get("toolConfig")
        if self.form:
            filled = json.dumps(self.form)
            return speaker(body, [{"id": "formed", "name": "Leave", "json": filled}] if offered else [], filled)
        known = json.dumps(body)
        queries = [json.dumps({"query": f"leave {at}"}) for at in range(self.calls)]
        made = [{"id": f"callid{at}x", "name": "kb", "json": query} for at, query in enumerate(queries)]
        return speaker(body, made if offered and "leave 0" not in known and "callid0x" not in known else [], SAID)


def serve() -> Iterator[Wire]:
    """The server while it runs."""
    wire = Wire()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if wire.failures:
                wire.failures -= 1
                self.answer(500, b"{}", "application/json")
                return
            pieces, form = wire.reply(self.path, body)
            if form == "sse":
                events = [
                    (f"event: {each['type']}\n" if isinstance(each, dict) and "type" in each else "")
                    + f"data: {each if isinstance(each, str) else json.dumps(each)}\n\n"
                    for each in pieces
                ]
                self.answer(200, "".join(events).encode(), "text/event-stream")
            else:
                ends = "\n" if form == "lines" else ""
                self.answer(200, "".join(json.dumps(each) + ends for each in pieces).encode(), "application/json")

        def answer(self, status: int, data: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    wire.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def nodes(value: Any) -> Iterator[Call]:
    """All objects of a JSON value, in order."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from nodes(each)


def texts(value: Any) -> Iterator[str]:
    """All strings of a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


def plain(data: str) -> str:
    """Base64 in the alphabet that most use; Gemini's client has the one for addresses."""
    return data.translate(str.maketrans("-_", "+/"))


def pixels(data: str) -> np.ndarray:
    """What base64 of a PNG file shows: uint8 (height, width), grey."""
    image = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    assert image.format == "PNG"
    return np.asarray(image.convert("L"))


def check(body: Call, found: list[str], expected: list[np.ndarray]) -> None:
    """Makes sure that a request has these pages as images, and nothing of them in words.

    Args:
        body: The request.
        found: The base64 of its images, from where the provider looks for them.
        expected: The pages.
    """
    assert len(found) == len(expected), [text[:80] for text in texts(body)]
    for data, page in zip(found, expected, strict=True):
        assert np.array_equal(pixels(data), page)
    for text in texts(body):
        if plain(text.removeprefix("data:image/png;base64,")) in found:
            continue
        assert not _BASE64.search(text), "an image arrived as text"
        for secret in (*LEAVE.split("\n"), *TRAVEL.split("\n")):
            assert secret not in text, "the words of a page arrived as text"

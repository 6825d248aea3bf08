"""An endpoint on this machine that talks as each provider does, and remembers what it was sent."""

from __future__ import annotations

import base64
import binascii
import json
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

READ, WRITTEN = 711, 13
"""The tokens that every reply says it cost."""


@dataclass
class Endpoint:
    """Where to ask, what it says, and the requests that came: their paths and bodies.

    A request that offers tools, and brings no result of one yet, is answered with a call of the first, given `call`.
    """

    url: str = ""
    reply: str = ""
    call: str = ""
    sent: list[tuple[str, dict]] = field(default_factory=list)


@contextmanager
def endpoint(reply: str, call: str = "") -> Iterator[Endpoint]:
    """An endpoint that says the same to everybody, whole or word by word."""
    known = Endpoint(reply=reply, call=call)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            path = self.path.partition("?")[0]
            known.sent.append((path, body))
            kind, answer = _answer(path, body, known)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield known
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def shown(path: str, body: dict) -> list[str | bytes]:
    """What a request shows a model, in the order of the request: words, and images as files.

    Only what stands where the provider's interface wants it is found: everything else is a KeyError.
    """
    if path.endswith("/chat/completions"):
        return [part for message in body["messages"] for part in _openai(message["content"])]
    if path.endswith("/responses"):
        return [part for item in body["input"] for part in _responses(item)]
    if path.endswith("/messages"):
        return [*_anthropic(body.get("system", "")), *_anthropic_turns(body["messages"])]
    if "generateContent" in path or "GenerateContent" in path:
        turns = [body["systemInstruction"]] if "systemInstruction" in body else []
        return [_google(part) for turn in [*turns, *body["contents"]] for part in turn["parts"]]
    if path == "/api/chat":
        return [part for message in body["messages"] for part in _ollama(message)]
    return [*(part["text"] for part in body.get("system", ())), *_bedrock(body["messages"])]


def _openai(content: str | list[dict] | None) -> list[str | bytes]:
    if content is None or isinstance(content, str):
        return [content] if content else []
    return [part["text"] if part["type"] == "text" else _of_url(part["image_url"]) for part in content]


def _of_url(url: str | dict) -> bytes:
    head, _, data = (url if isinstance(url, str) else url["url"]).partition(",")
    assert head == "data:image/png;base64"
    return base64.b64decode(data, validate=True)


def _responses(item: dict) -> list[str | bytes]:
    content = item["content"]
    if isinstance(content, str):
        return [content]
    return [part["text"] if part["type"] == "input_text" else _of_url(part["image_url"]) for part in content]


def _anthropic_turns(messages: list[dict]) -> list[str | bytes]:
    return [part for message in messages for part in _anthropic(message["content"])]


def _anthropic(content: str | list[dict]) -> list[str | bytes]:
    if isinstance(content, str):
        return [content] if content else []
    found: list[str | bytes] = []
    for part in content:
        if part["type"] == "text":
            found.append(part["text"])
            continue
        source = part["source"]
        assert (part["type"], source["type"], source["media_type"]) == ("image", "base64", "image/png")
        found.append(base64.b64decode(source["data"], validate=True))
    return found


def _google(part: dict) -> str | bytes:
    if "text" in part:
        return part["text"]
    image = part["inlineData"]
    # The endpoint takes both spellings, and the client writes the second.
    assert image.get("mimeType", image.get("mime_type")) == "image/png"
    return base64.b64decode(image["data"], b"-_", validate=True)


def _ollama(message: dict) -> list[str | bytes]:
    return [message["content"], *(base64.b64decode(image, validate=True) for image in message.get("images", ()))]


def _bedrock(messages: list[dict]) -> list[str | bytes]:
    found: list[str | bytes] = []
    for part in (part for message in messages for part in message["content"]):
        if "text" in part:
            found.append(part["text"])
            continue
        assert part["image"]["format"] == "png"
        found.append(base64.b64decode(part["image"]["source"]["bytes"], validate=True))
    return found


def _answer(path: str, body: dict, known: Endpoint) -> tuple[str, bytes]:
    """The type and the body of a reply."""
    streams, reply = bool(body.get("stream")), known.reply
    pieces = re.findall(r"\S+\s*", reply)
    if path.endswith("/chat/completions"):
        says = [{"content": piece} for piece in pieces] if streams else [{"content": reply}]
        if known.call and body.get("tools") and not any(message["role"] == "tool" for message in body["messages"]):
            says = [_call(body["tools"][0]["function"]["name"], known.call)]
        return _events(_openai_pieces(says)) if streams else _json(_openai_whole(says[0]))
    if path.endswith("/responses"):
        return _events(_responses_pieces(pieces), last="") if streams else _json(_responses_whole(reply))
    if path.endswith("/messages"):
        return _events(_anthropic_pieces(pieces), last="") if streams else _json(_anthropic_whole(reply))
    if "treamGenerateContent" in path:
        return _events([_google_whole(piece) for piece in pieces], last="")
    if "generateContent" in path:
        return _json(_google_whole(reply))
    if path == "/api/chat":
        lines = [_ollama_piece(piece, done=False) for piece in pieces] + [_ollama_piece("", done=True)]
        whole = _ollama_piece(reply, done=True)
        return "application/x-ndjson", "\n".join(map(json.dumps, lines if streams else [whole])).encode()
    if path.endswith("/converse-stream"):
        frames = [_frame(kind, value) for kind, value in _bedrock_pieces(pieces)]
        return "application/vnd.amazon.eventstream", b"".join(frames)
    return _json(_bedrock_whole(reply))


def _json(value: object) -> tuple[str, bytes]:
    return "application/json", json.dumps(value).encode()


def _events(values: list[dict], last: str = "data: [DONE]\n\n") -> tuple[str, bytes]:
    names = [f"event: {value['type']}\n" if "type" in value else "" for value in values]
    lines = [f"{name}data: {json.dumps(value)}\n\n" for name, value in zip(names, values, strict=True)]
    return "text/event-stream", "".join([*lines, last]).encode()


_OPENAI_USAGE = {"prompt_tokens": READ, "completion_tokens": WRITTEN, "total_tokens": READ + WRITTEN}
_USAGE = {"input_tokens": READ, "output_tokens": WRITTEN, "total_tokens": READ + WRITTEN}


def _call(tool: str, arguments: str) -> dict:
    function = {"name": tool, "arguments": arguments}
    return {"content": "", "tool_calls": [{"index": 0, "id": "call", "type": "function", "function": function}]}


def _openai_whole(says: dict) -> dict:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **says}}
    about = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    return {**about, "choices": [choice], "usage": _OPENAI_USAGE}


def _openai_pieces(says: list[dict]) -> list[dict]:
    about = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas = [{"role": "assistant", **each} for each in says]
    chunks = [{**about, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    last = {"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}
    return [*chunks, {**about, "choices": [last], "usage": _OPENAI_USAGE}]


def _responses_whole(reply: str, status: str = "completed") -> dict:
    content = [{"type": "output_text", "text": reply, "annotations": []}]
    message = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": content}
    rest = {"parallel_tool_calls": False, "tool_choice": "auto", "tools": [], "created_at": 1, "error": None}
    usage = {**_USAGE, "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    about = {"id": "r", "object": "response", "model": "m", "status": status, "output": [message]}
    return {**about, **rest, "usage": usage, "instructions": None, "metadata": {}}


def _responses_pieces(pieces: list[str]) -> list[dict]:
    at = {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": []}
    deltas = [{"type": "response.output_text.delta", "delta": piece, **at} for piece in pieces]
    whole = {"type": "response.completed", "response": _responses_whole("".join(pieces))}
    events = [{"type": "response.created", "response": _responses_whole("", "in_progress")}, *deltas, whole]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def _anthropic_whole(reply: str) -> dict:
    about = {"id": "1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"}
    usage = {"input_tokens": READ, "output_tokens": WRITTEN}
    return {**about, "stop_sequence": None, "content": [{"type": "text", "text": reply}], "usage": usage}


def _anthropic_pieces(pieces: list[str]) -> list[dict]:
    usage = {"input_tokens": READ, "output_tokens": 1}
    start = {**_anthropic_whole(""), "content": [], "stop_reason": None, "usage": usage}
    return [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": p}} for p in pieces),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"output_tokens": WRITTEN},
        },
        {"type": "message_stop"},
    ]


def _google_whole(reply: str) -> dict:
    usage = {"promptTokenCount": READ, "candidatesTokenCount": WRITTEN, "totalTokenCount": READ + WRITTEN}
    candidate = {"content": {"role": "model", "parts": [{"text": reply}]}, "finishReason": "STOP", "index": 0}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m"}


def _ollama_piece(words: str, done: bool) -> dict:
    about = {"model": "m", "created_at": "2026-01-01T00:00:00Z", "message": {"role": "assistant", "content": words}}
    counted = {"done_reason": "stop", "prompt_eval_count": READ, "eval_count": WRITTEN} if done else {}
    return {**about, "done": done, **counted}


def _bedrock_whole(reply: str) -> dict:
    usage = {"inputTokens": READ, "outputTokens": WRITTEN, "totalTokens": READ + WRITTEN}
    message = {"role": "assistant", "content": [{"text": reply}]}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 1}}


def _bedrock_pieces(pieces: list[str]) -> list[tuple[str, dict]]:
    usage = {"inputTokens": READ, "outputTokens": WRITTEN, "totalTokens": READ + WRITTEN}
    deltas = [("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}}) for piece in pieces]
    stop = [("contentBlockStop", {"contentBlockIndex": 0}), ("messageStop", {"stopReason": "end_turn"})]
    return [
        ("messageStart", {"role": "assistant"}), *deltas, *stop,
        ("metadata", {"usage": usage, "metrics": {"latencyMs": 1}}),
    ]  # fmt: skip


def _frame(kind: str, value: dict) -> bytes:
    """One event as AWS frames them (vnd.amazon.eventstream): lengths, headers, body, and a checksum of each part."""
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
        for name, text in ((":event-type", kind), (":content-type", "application/json"), (":message-type", "event"))
    )
    body = json.dumps(value).encode()
    start = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    frame = start + struct.pack(">I", binascii.crc32(start)) + headers + body
    return frame + struct.pack(">I", binascii.crc32(frame))

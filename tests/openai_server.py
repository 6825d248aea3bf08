"""A real HTTP server that speaks the OpenAI protocol, for tests. Its model copies words that it is told; it looks at
no page, but it decodes every image, counts tokens and keeps limits as vLLM does, with vLLM's words for what it refuses.
"""

from __future__ import annotations

import base64
import io
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

MODEL = "tiny-vl"
PATCH = 28


@dataclass(frozen=True)
class Request:
    """What was asked."""

    path: str
    headers: dict[str, str]
    body: dict

    @property
    def content(self) -> list[dict]:
        content = self.body["messages"][-1]["content"]
        return [{"type": "text", "text": content}] if isinstance(content, str) else content

    @property
    def images(self) -> list[np.ndarray]:
        """The images as RGB pixels: uint8 (height, width, 3)."""
        urls = [part["image_url"]["url"] for part in self.content if part["type"] == "image_url"]
        assert all(url.startswith("data:image/png;base64,") for url in urls)
        files = [base64.b64decode(url.split(",", 1)[1], validate=True) for url in urls]
        return [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]

    @property
    def texts(self) -> list[str]:
        return [part["text"] for part in self.content if part["type"] == "text"]

    @property
    def prompt_tokens(self) -> int:
        letters = sum(len(text) for text in self.texts) + len(self.body["messages"][0]["content"])
        return letters // 3 + sum(-(-a.shape[0] // PATCH) * -(-a.shape[1] // PATCH) for a in self.images)


@dataclass(frozen=True)
class Answer:
    """A reply with status 200.

    Attributes:
        text: Its words; None for a reply without content.
        finish: Why it ends; None for one that never says so.
        refusal: What the model says instead.
        tokens: Tokens of the prompt that it reports; counted where None; 0 for a reply without a count.
        cut: The connection closes after so many pieces of a streamed reply.
        tail: Sent after the pieces instead of the end, as it stands.
    """

    text: str | None
    finish: str | None = "stop"
    refusal: str | None = None
    tokens: int | None = None
    cut: int | None = None
    tail: str = ""


@dataclass(frozen=True)
class Error:
    """A reply that refuses."""

    status: int
    message: str = ""
    code: str | int | None = None
    headers: dict[str, str] = field(default_factory=lambda: {"Retry-After": "0"})
    shape: Callable[[str, str | int | None], object] = lambda message, code: {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    }


@dataclass(frozen=True)
class Raw:
    """A reply as it stands; `length` is what its header claims, where that is not so."""

    body: bytes
    content_type: str = "application/json"
    length: int | None = None


class Hang:
    """No reply before the server closes."""


Reply = Answer | Error | Raw | Hang


class OpenAIServer:
    """Replies from a script, in order, and when that is at its end with `answer`.

    Attributes:
        requests: What was asked, in order.
    """

    def __init__(
        self,
        answer: str | Callable[[Request], str] = "It is so [P1].",
        *,
        script: Sequence[Reply] = (),
        key: str | None = None,
        max_images: int | None = None,
        context: int | None = None,
        reasoning: bool = False,
        formats: Sequence[str] = ("json_schema", "json_object"),
    ) -> None:
        self._answer, self._key, self._max_images, self._context = answer, key, max_images, context
        self._reasoning, self._formats = reasoning, formats
        self._script = deque(script)
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self._http = _HTTPServer(("127.0.0.1", 0), _Handler)
        self._http.speaker = self
        self.base_url = f"http://127.0.0.1:{self._http.server_port}/v1"

    @contextmanager
    def running(self) -> Iterator[OpenAIServer]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.closing.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def reply(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            if self._script:
                return self._script.popleft()
        return self._refuse(request) or Answer(
            self._answer if isinstance(self._answer, str) else self._answer(request), tokens=request.prompt_tokens
        )

    def _refuse(self, request: Request) -> Error | None:
        body = request.body
        if request.path != "/v1/chat/completions":
            return Error(404, "Not Found")
        if self._key is not None and request.headers.get("authorization") != f"Bearer {self._key}":
            return Error(401, f"Invalid API key: {request.headers.get('authorization')}", "invalid_api_key")
        if body["model"] != MODEL:
            return Error(404, f"The model `{body['model']}` does not exist.", 404)
        if self._reasoning and "max_tokens" in body:
            text = "Unsupported parameter: 'max_tokens' is not supported with this model. "
            return Error(400, text + "Use 'max_completion_tokens' instead.", "unsupported_parameter")
        if self._reasoning and body.get("temperature", 1) != 1:
            text = f"Unsupported value: 'temperature' does not support {body['temperature']} with this model. "
            return Error(400, text + "Only the default (1) value is supported.", "unsupported_value")
        kind = body.get("response_format", {}).get("type")
        if kind is not None and kind not in self._formats:
            return Error(
                400, f"Invalid parameter: 'response_format' of type '{kind}' is not supported with this model."
            )
        if self._max_images is not None and len(request.images) > self._max_images:
            return Error(400, f"At most {self._max_images} image(s) may be provided in one prompt.", 400)
        asked = body.get("max_tokens", body.get("max_completion_tokens", 0))
        if self._context is not None and request.prompt_tokens + asked > self._context:
            return Error(
                400,
                f"This model's maximum context length is {self._context} tokens. However, you requested "
                f"{request.prompt_tokens + asked} tokens ({request.prompt_tokens} in the messages, {asked} in the "
                "completion). Please reduce the length of the messages or completion.",
                400,
            )
        return None


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    speaker: OpenAIServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        speaker = self.server.speaker
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = Request(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        reply = speaker.reply(request)
        if isinstance(reply, Hang):
            speaker.closing.wait(30)
            self.close_connection = True
        elif isinstance(reply, Error):
            shaped = reply.shape(reply.message, reply.code)
            self._send(reply.status, json.dumps(shaped).encode(), reply.headers)
        elif isinstance(reply, Raw):
            self._send(200, reply.body, {}, reply.content_type, reply.length)
        elif request.body.get("stream"):
            self._stream(reply)
        else:
            self._send(200, json.dumps(_completion(reply)).encode(), {})

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str],
        content_type: str = "application/json",
        length: int | None = None,
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": content_type, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)
        if length is not None:
            self.close_connection = True

    def _stream(self, reply: Answer) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        pieces = [_piece({"role": "assistant", "content": ""}), *_pieces(reply)]
        for piece in pieces[: reply.cut]:
            event = b"data: " + json.dumps(piece, ensure_ascii=False).encode() + b"\n\n"
            for half in (event[: len(event) // 2], event[len(event) // 2 :]):  # cuts characters in two
                self._chunk(half)
        if reply.cut is not None:
            self.close_connection = True
            return
        self._chunk((reply.tail or "data: [DONE]\n\n").encode())
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def log_message(self, *_: object) -> None:
        pass


def _completion(reply: Answer) -> dict:
    message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
    usage = {"prompt_tokens": reply.tokens, "completion_tokens": 5, "total_tokens": (reply.tokens or 0) + 5}
    return {
        "id": "c1", "object": "chat.completion", "created": 1, "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish}],
        **({"usage": usage} if reply.tokens else {}),
    }  # fmt: skip


def _pieces(reply: Answer) -> Iterator[dict]:
    text = reply.text or ""
    for at in range(0, len(text), 3):
        yield _piece({"content": text[at : at + 3]})
    if reply.refusal:
        yield _piece({"refusal": reply.refusal})
    yield {**_piece({}), "choices": []}
    if reply.finish:
        yield _piece({}, reply.finish)


def _piece(delta: dict, finish: str | None = None) -> dict:
    return {
        "id": "c1", "object": "chat.completion.chunk", "created": 1, "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip

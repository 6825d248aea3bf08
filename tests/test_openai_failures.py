"""OpenAIReader against a real HTTP server on this machine that fails in every way: an answer, or a clear error."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

import pytest

from glyph_rag.read.models.openai import OpenAIReader
from tests.openai_server import MODEL, Answer, Error, Hang, OpenAIServer, Raw
from tests.openai_ways import KEY, LONG, WAYS, all_ways, failure, joined, plan_of, reader_of, server_for_a_test

pytest.importorskip("openai")


@pytest.fixture(autouse=True)
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAIServer]]:
    with server_for_a_test(monkeypatch) as start:
        yield start


@all_ways
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(serve, ask, status: int) -> None:
    server = serve("yes", script=[Error(status, "Overloaded")] * 2)
    assert ask(reader_of(server), "q", plan_of(1)) == "yes"
    assert len(server.requests) == 3


@all_ways
def test_tries_are_bounded(serve, ask) -> None:
    server = serve(script=[Error(429, "Rate limit reached")] * 9)
    error = failure(lambda: ask(reader_of(server, retries=2), "q", plan_of(1)))
    assert error.retryable
    assert "Rate limit reached" in str(error)
    assert "after 3 attempts" in str(error)
    assert len(server.requests) == 3


def test_a_server_that_asks_for_too_much_patience_is_not_waited_for(serve) -> None:
    server = serve(script=[Error(429, "Slow down", headers={"Retry-After": "3600"})])
    error = failure(lambda: reader_of(server).read("q", plan_of(1)))
    assert error.retryable
    assert "wait more than 60 s" in str(error)
    assert len(server.requests) == 1


def test_the_wait_that_a_server_asks_for_is_kept(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("glyph_rag.read.models.openai.time.sleep", waits.append)
    server = serve("yes", script=[Error(429, "", headers={"Retry-After": "7"}), Error(503, "", headers={})])
    assert reader_of(server).read("q", plan_of(1)).text == "yes"
    assert 7 <= waits[0] <= 8.75
    assert 0.75 <= waits[1] <= 1


SHAPES = {
    "openai": lambda message, code: {"error": {"message": message, "code": code, "param": None, "type": "x"}},
    "vllm before 0.10": lambda message, code: {"object": "error", "message": message, "code": code, "param": None},
    "fastapi": lambda message, _: {"detail": message},
    "text in error": lambda message, _: {"error": message},
    "text": lambda message, _: message,
}


@all_ways
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_a_model_without_eyes_is_named_at_once(serve, ask, shape) -> None:
    server = serve(script=[Error(500, "image input is not supported", 500, shape=shape)])
    error = failure(lambda: ask(reader_of(server), "q", plan_of(2)))
    assert "cannot see images" in str(error)
    assert "image input is not supported" in str(error)
    assert "vision-language model" in error.hint
    assert not error.retryable
    assert len(server.requests) == 1


@all_ways
@pytest.mark.parametrize(
    "excuse",
    [
        "I'm sorry, but I can't see any images in this conversation.",
        "As a text-based AI model, I do not have the ability to view images.",
        "I'm unable to view or analyze images directly.",
        "No images were provided.",
        "抱歉，我无法查看图片。",
    ],
)
def test_a_model_that_says_it_sees_nothing_gives_no_answer(serve, ask, excuse: str) -> None:
    assert "cannot see images" in str(failure(lambda: ask(reader_of(serve(excuse)), "q", plan_of(1))))


@all_ways
def test_a_wrong_key_is_not_repeated(serve, ask, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    server = serve(key="sk-another-key")
    error = failure(lambda: ask(reader_of(server, api_key=KEY), "q", plan_of(1)))
    assert "does not accept the API key" in str(error)
    assert "***" in str(error)
    assert "OPENAI_API_KEY" in error.hint
    cause, told = error, []
    while cause is not None:
        told.append(f"{cause!r} {cause}")
        cause = cause.__cause__
    assert KEY not in "".join(told) + caplog.text + repr(reader_of(server, api_key=KEY).__dict__)
    assert len(server.requests) == 1


def test_an_address_is_shown_without_its_password(serve) -> None:
    server = serve()
    url = server.base_url.replace("http://", "http://user:hunter2hunter2@") + "?token=hunter3"
    error = failure(lambda: OpenAIReader("other", base_url=url, retries=0).read("q", plan_of(1)))
    assert "hunter" not in str(error)
    assert "127.0.0.1" in str(error)


def test_openai_itself_needs_a_key() -> None:
    error = failure(lambda: OpenAIReader("gpt-4o"))
    assert "OPENAI_API_KEY" in error.hint


@all_ways
def test_a_model_that_does_not_exist_is_named(serve, ask) -> None:
    reader = OpenAIReader("no-such-model", base_url=serve().base_url)
    error = failure(lambda: ask(reader, "q", plan_of(1)))
    assert "there is no model 'no-such-model' at http://127.0.0.1" in str(error)
    assert "/v1" in error.hint


@pytest.mark.parametrize("cut", [4, 8])
def test_a_stream_that_is_cut_is_no_answer(serve, cut: int) -> None:
    server, got = serve(script=[Answer(LONG, cut=cut)] * 2), []
    reader = reader_of(server)
    error = failure(lambda: got.extend(reader.stream("q", plan_of(1))))
    assert "broke off" in str(error)
    assert error.retryable
    assert LONG.startswith("".join(got))
    assert 0 < len("".join(got)) < len(LONG)
    assert str(failure(lambda: joined(reader, "q", plan_of(1)))) == str(error)
    assert len(server.requests) == 2


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_that_is_cut_before_its_first_word_is_tried_again(serve, way: str, monkeypatch) -> None:
    no_wait(monkeypatch)
    server = serve("yes", script=[Answer(LONG, cut=1)])
    assert WAYS[way](reader_of(server), "q", plan_of(1)) == "yes"
    assert len(server.requests) == 2


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_a_stream_that_never_says_it_is_complete_is_no_answer(serve, way: str) -> None:
    error = failure(lambda: WAYS[way](reader_of(serve(script=[Answer(LONG, finish=None)])), "q", plan_of(1)))
    assert "broke off" in str(error)


@pytest.mark.parametrize("way", ["stream", "astream"])
@pytest.mark.parametrize(
    "tail", ['data: {"choices": [{"del\n\n', 'data: {"error": {"message": "EngineCore died"}}\n\n']
)
def test_a_stream_that_ends_in_an_error_is_no_answer(serve, way: str, tail: str) -> None:
    server = serve(script=[Answer(LONG, finish=None, tail=tail)])
    error = failure(lambda: WAYS[way](reader_of(server), "q", plan_of(1)))
    assert "broke off" in str(error)
    assert len(server.requests) == 1


def test_an_error_at_the_head_of_a_stream_is_treated_as_one(serve) -> None:
    said = {"error": {"message": "This model's maximum context length is 9 tokens.", "code": 400}}
    event = Raw(f"data: {json.dumps(said)}\n\n".encode(), "text/event-stream")
    server = serve("yes", script=[event])
    assert "".join(reader_of(server).stream("q", plan_of(2))) == "yes"
    assert [len(request.images) for request in server.requests] == [2, 1]


def test_a_reply_that_is_cut_is_tried_again(serve, monkeypatch) -> None:
    no_wait(monkeypatch)
    server = serve("yes", script=[Raw(b'{"id": ', length=100)] * 2)
    assert reader_of(server).read("q", plan_of(1)).text == "yes"
    assert WAYS["aread"](reader_of(server), "q", plan_of(1)) == "yes"
    server = serve(script=[Raw(b'{"id": ', length=100)] * 9)
    error = failure(lambda: reader_of(server, retries=1).read("q", plan_of(1)))
    assert error.retryable
    assert "the connection failed" in str(error)


def no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glyph_rag.read.models.endpoint_call.pause", lambda *_: 0.0)


@pytest.mark.parametrize(
    "reply",
    [
        Raw(b'{"choices": [{"mess'),
        Raw(b"\xff\xfe\x00"),
        Raw(b"<html>Please log in</html>", "text/html"),
        Raw(b"[]"),
        Raw(b"null"),
        Raw(b"{}"),
        Raw(b'{"choices": []}'),
        Raw(b'{"choices": [{}]}'),
        Raw(b'{"choices": {"a": 1}}'),
        Raw(b'{"choices": [{"message": null}]}'),
    ],
)
@all_ways
def test_what_is_no_reply_is_an_error(serve, ask, reply: Raw, monkeypatch) -> None:
    no_wait(monkeypatch)
    server = serve(script=[reply] * 9)
    error = failure(lambda: ask(reader_of(server), "q", plan_of(1)))
    assert error.hint
    assert len(server.requests) == 1


@all_ways
def test_time_out(serve, ask, monkeypatch) -> None:
    no_wait(monkeypatch)
    server = serve(script=[Hang()] * 9)
    error = failure(lambda: ask(reader_of(server, timeout=0.1), "q", plan_of(1)))
    assert "no reply in time" in str(error)
    assert error.retryable
    assert len(server.requests) == 2


@all_ways
def test_a_server_that_is_not_there(ask, monkeypatch) -> None:
    no_wait(monkeypatch)
    with OpenAIServer().running() as server:
        url = server.base_url
    error = failure(lambda: ask(OpenAIReader(MODEL, base_url=url, retries=1), "q", plan_of(1)))
    assert error.retryable
    assert "can be reached" in error.hint


@all_ways
@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Answer("I can", refusal="I cannot help with that."), "I cannot help with that."),
        (Answer("Half an", finish="content_filter"), "filter"),
        (Answer(None), "answered nothing"),
        (Answer(" \n"), "answered nothing"),
        (Answer("<think>Hm.</think>"), "answered nothing"),
        (Answer("<think>Hm, it", finish="length"), "before it came to an answer"),
        (Answer(None, finish="length"), "before it came to an answer"),
    ],
)
def test_what_is_no_answer_is_an_error(serve, ask, reply: Answer, words: str) -> None:
    error = failure(lambda: ask(reader_of(serve(script=[reply])), "q", plan_of(1)))
    assert words in str(error)

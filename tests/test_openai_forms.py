"""OpenAIReader against a real HTTP server: replies in the form of a JSON schema."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator

import pytest

from glyph_rag.errors import InputError
from glyph_rag.read.models.openai import OpenAIReader
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prompt import NOT_IN_PAGES
from glyph_rag.read.reader import Reading
from tests.openai_server import Answer, Error, OpenAIServer
from tests.openai_ways import failure, plan_of, reader_of, server_for_a_test, texts_of

pytest.importorskip("openai")

SCHEMA = '{"type": "object", "properties": {"days": {"type": ["integer", "null"]}}}'
DATA = '{"days": 8}'
both_ways = pytest.mark.parametrize(
    "fill_in",
    [
        lambda reader, plan: reader.read_structured("How many days?", plan, SCHEMA),
        lambda reader, plan: asyncio.run(reader.aread_structured("How many days?", plan, SCHEMA)),
    ],
    ids=["read", "aread"],
)
FillIn = Callable[[OpenAIReader, ReadingPlan], Reading]


@pytest.fixture(autouse=True)
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAIServer]]:
    with server_for_a_test(monkeypatch) as start:
        yield start


@both_ways
@pytest.mark.parametrize("plan", [plan_of(2), texts_of(2)], ids=["pages", "texts"])
def test_the_server_is_told_the_schema_and_the_object_comes_back(serve, fill_in: FillIn, plan: ReadingPlan) -> None:
    server = serve(DATA)
    reading = fill_in(reader_of(server), plan)
    assert (reading.text, reading.data, reading.notices, reading.output_tokens) == ("", DATA, (), 5)
    (request,) = server.requests
    told = request.body["response_format"]
    assert (told["type"], told["json_schema"]["schema"]) == ("json_schema", json.loads(SCHEMA))
    assert "strict" not in told["json_schema"]
    assert SCHEMA in request.body["messages"][0]["content"]
    assert reading.tokens == request.prompt_tokens


@both_ways
@pytest.mark.parametrize(("formats", "asked"), [(["json_object"], 2), ([], 3)])
def test_what_the_server_refuses_is_not_sent_again(serve, fill_in: FillIn, formats: list[str], asked: int) -> None:
    server = serve(f"It says:\n```json\n{DATA}\n```", formats=formats)
    reader = reader_of(server)
    assert fill_in(reader, plan_of(1)) == fill_in(reader, plan_of(1))
    sent = [request.body.get("response_format", {}).get("type") for request in server.requests]
    assert sent == [*["json_schema", "json_object", None][:asked], next(iter(formats), None)]
    assert reader.read("q", plan_of(1)).data == ""
    assert "response_format" not in server.requests[-1].body


@pytest.mark.parametrize(
    "message",
    [
        "Invalid schema for response_format 'answer': In context=(), 'required' is required to be supplied",
        "This response_format type is unavailable now",
        "This model does not support response format `json_schema`. See supported models",
        "'response_format.type' must be 'json_object' or 'text'",
        "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type')}]",
        "Failed to parse grammar",
        "The provided JSON schema contains features not supported by xgrammar.",
        "json mode is not supported by this model",
    ],
)
def test_refusals_of_a_form_in_many_words(serve, message: str) -> None:
    server = serve(DATA, script=[Error(400, message)])
    assert reader_of(server).read_structured("q", plan_of(1), SCHEMA).data == DATA
    assert [request.body["response_format"]["type"] for request in server.requests] == ["json_schema", "json_object"]


@both_ways
def test_what_is_no_json_is_asked_for_once_more(serve, fill_in: FillIn) -> None:
    server = serve(DATA, script=[Answer('{"days": 8,}', tokens=400)])
    reading = fill_in(reader_of(server), plan_of(1))
    assert reading.data == DATA
    (notice,) = reading.notices
    assert "so it was asked again" in notice
    assert "broken" in notice
    first, second = server.requests
    assert first.texts[-1] == "How many days?"
    assert second.texts[-1].startswith("How many days?\n\nYour last reply was not the JSON object")
    assert "broken: Expecting property name" in second.texts[-1] or "broken: Illegal trailing comma" in second.texts[-1]
    assert (reading.tokens, reading.output_tokens) == (400 + second.prompt_tokens, 10)


@both_ways
def test_what_is_no_json_twice_is_an_error(serve, fill_in: FillIn) -> None:
    server = serve("Eight days [P1].")
    error = failure(lambda: fill_in(reader_of(server), plan_of(1)))
    assert "twice replied with no JSON object: there is no JSON object in it" in str(error)
    assert error.hint
    assert len(server.requests) == 2


def test_a_failure_between_the_tries_is_got_over(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glyph_rag.read.models.endpoint_call.pause", lambda *_: 0.0)
    server = serve(DATA, script=[Answer("no"), Error(503, "Overloaded"), Error(400, "prompt is too long")])
    reading = reader_of(server).read_structured("q", plan_of(2), SCHEMA)
    assert (reading.data, reading.shown) == (DATA, ("P1",))
    assert [len(request.images) for request in server.requests] == [2, 2, 2, 1]


@both_ways
@pytest.mark.parametrize("text", [NOT_IN_PAGES, f"<think>Hm.</think>{NOT_IN_PAGES}"])
def test_pages_that_do_not_answer_fill_in_nothing(serve, fill_in: FillIn, text: str) -> None:
    reading = fill_in(reader_of(serve(text)), plan_of(1))
    assert (reading.text, reading.data, reading.notices) == ("", "", ())


@both_ways
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer('{"days": ', finish="length"), "used all 1024 tokens"),
        (Answer("<think>The form", finish="length"), "used all 1024 tokens"),
        (Answer(""), "answered nothing"),
        (Answer("I'm sorry, I can't see any images."), "cannot see images"),
        (Answer(None, refusal="I will not."), "will not answer"),
    ],
)
def test_what_asking_again_would_not_mend_is_an_error(serve, fill_in: FillIn, answer: Answer, words: str) -> None:
    server = serve(script=[answer])
    assert words in str(failure(lambda: fill_in(reader_of(server), plan_of(1))))
    assert len(server.requests) == 1


def test_what_is_no_schema_is_refused_and_an_empty_plan_not_asked(serve) -> None:
    server = serve(DATA)
    with pytest.raises(InputError, match="not a JSON object"):
        reader_of(server).read_structured("q", plan_of(1), "days: int")
    with pytest.raises(InputError, match="not a JSON object"):
        asyncio.run(reader_of(server).aread_structured("q", plan_of(1), "days: int"))
    assert reader_of(server).read_structured("q", plan_of(0), SCHEMA) == Reading("")
    assert server.requests == []

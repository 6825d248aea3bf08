"""OpenAIReader against a real HTTP server on this machine: what is asked, and what comes back."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from glyph_rag import Document, GlyphRAG
from glyph_rag.errors import InputError, MissingExtraError, ProfileError, ReaderError
from glyph_rag.read.models.openai import OpenAIReader
from glyph_rag.read.prompt import NOT_IN_PAGES, build_prompt
from glyph_rag.testing import HashEmbedder
from tests.openai_server import MODEL, Answer, Error, Hang, OpenAIServer
from tests.openai_ways import KEY, LONG, WAYS, all_ways, failure, plan_of, reader_of, server_for_a_test

openai = pytest.importorskip("openai")


@pytest.fixture(autouse=True)
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAIServer]]:
    with server_for_a_test(monkeypatch) as start:
        yield start


@all_ways
@pytest.mark.parametrize(("ink", "paper"), [("#000000", "#ffffff"), ("#102030", "#fff8e0")])
def test_the_server_sees_exactly_the_pages_of_the_plan(serve, ask, ink: str, paper: str) -> None:
    server, plan = serve("yes"), plan_of(3, ink=ink, paper=paper)
    assert ask(reader_of(server), "Is it so?", plan) == "yes"
    (request,) = server.requests
    assert [part["type"] for part in request.content] == ["text", "image_url"] * 3 + ["text"]
    assert request.texts == ["[P1]", "[P2]", "[P3]", "Is it so?"]
    for page, seen in zip(plan.pages, request.images, strict=True):
        share = page.levels[..., None] / 15
        colours = [np.array([int(c[at : at + 2], 16) for at in (1, 3, 5)]) for c in (paper, ink)]
        expected = colours[0] * (1 - share) + colours[1] * share
        assert seen.shape == (*page.levels.shape, 3)
        assert np.abs(seen - expected).max() <= 0.5
    assert request.body["messages"][0] == {"role": "system", "content": build_prompt("", plan).system}
    assert request.body["model"] == MODEL
    assert request.body["max_tokens"] == 1024
    assert request.body["temperature"] == 0
    assert "detail" not in request.content[1]["image_url"]


def test_pages_of_a_store_arrive_pixel_by_pixel_and_the_answer_is_verified(serve, tmp_path: Path) -> None:
    server = serve("Grass is green in spring [P1]. The sky is green [P1].")
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=reader_of(server)) as rag:
        rag.add([Document("d", "Grass is green in spring. Snow is white.")])
        answer = rag.ask("What is green?")
    assert [sentence.support for sentence in answer.sentences] == ["exact", "unsupported"]
    (request,), (page,) = server.requests, answer.plan.pages
    assert np.array_equal(request.images[0], np.repeat(255 - 17 * page.levels[..., None], 3, axis=2))
    assert answer.usage.reported_tokens == request.prompt_tokens


@all_ways
def test_words_of_every_script_come_back_as_they_are(serve, ask) -> None:
    text = "Straße 八天 ثمانية आठ 👩‍👩‍👧 é e\u0301 \u2028 end"
    server = serve(text)
    assert ask(reader_of(server), "Wie heißt 八 ثمانية 👩‍👩‍👧? \ud800", plan_of(1)) == text
    assert server.requests[0].texts[-1] == "Wie heißt 八 ثمانية 👩‍👩‍👧? ?"


def test_a_stream_comes_in_pieces_and_with_the_labels_that_read_strips(serve) -> None:
    reader = reader_of(serve(LONG))
    pieces = list(reader.stream("q", plan_of(1)))
    assert len(pieces) > 5
    assert "".join(pieces) == LONG
    assert reader.read("q", plan_of(1)).text == LONG.replace(" [P1]", "")


def test_settings_are_sent(serve) -> None:
    server = serve()
    reader = reader_of(server, detail="high", max_output_tokens=77, temperature=0.5, api_key=KEY)
    reader.read("q", plan_of(1))
    (request,) = server.requests
    assert (request.body["max_tokens"], request.body["temperature"]) == (77, 0.5)
    assert request.content[1]["image_url"]["detail"] == "high"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert reader.name == MODEL


@all_ways
def test_without_pages_nothing_is_asked(serve, ask) -> None:
    server = serve()
    assert ask(reader_of(server), "q", plan_of(0)) == ""
    assert server.requests == []


def test_a_model_that_finds_nothing_gives_an_empty_answer(serve) -> None:
    server = serve(NOT_IN_PAGES)
    reading = reader_of(server).read("q", plan_of(2))
    assert (reading.text, reading.notices) == ("", ())
    assert reading.tokens == server.requests[0].prompt_tokens > 0


def test_a_server_that_counts_no_tokens_reports_none(serve) -> None:
    assert reader_of(serve(script=[Answer("yes")])).read("q", plan_of(1)).tokens is None


def test_a_server_that_drops_the_pages_is_noticed_by_its_count(serve) -> None:
    text = len(build_prompt("q", plan_of(2)).system) // 5
    (notice,) = reader_of(serve(script=[Answer("yes", tokens=text)])).read("q", plan_of(2)).notices
    assert "may not have been shown the pages" in notice


def test_a_server_that_scales_pages_down_is_noticed_where_the_family_is_known(serve) -> None:
    server, levels = serve(script=[Answer("yes", tokens=600)] * 2), np.zeros((896, 672), np.uint8)
    plan = dataclasses.replace(plan_of(1), pages=(dataclasses.replace(plan_of(1).pages[0], levels=levels),))
    assert reader_of(server).read("q", plan).notices == ()
    reader = reader_of(server, family="qwen2-vl")
    assert reader.expected_image_tokens(plan) == 770
    (notice,) = reader.read("q", plan).notices
    assert "600" in notice
    assert "770" in notice


def test_the_family_is_found_by_the_model(serve) -> None:
    url = serve().base_url
    assert OpenAIReader("Qwen/Qwen3-VL-8B-Instruct", base_url=url).expected_image_tokens(plan_of(1)) is not None
    assert OpenAIReader("gpt-4o", base_url=url, detail="low").expected_image_tokens(plan_of(1)) is None
    assert OpenAIReader("what-is-this", base_url=url).expected_image_tokens(plan_of(1)) is None


@all_ways
def test_a_prompt_that_is_too_long_is_planned_anew_once_with_the_best_pages(serve, ask, caplog) -> None:
    server, plan = serve("yes", context=1024 + 600), plan_of(5)
    assert ask(reader_of(server), "q", plan) == "yes"
    first, second = server.requests
    assert [len(first.images), len(second.images)] == [5, 2]
    assert second.texts == ["[P1]", "[P2]", "q"]
    assert all(np.array_equal(a, b) for a, b in zip(first.images[:2], second.images, strict=True))
    assert any("P3, P4, P5" in record.message for record in caplog.records if record.levelno == logging.WARNING)


def test_a_notice_names_the_pages_that_were_left_out(serve) -> None:
    server = serve("yes", context=1024 + 600)
    reading = reader_of(server).read("q", plan_of(5))
    (notice,) = reading.notices
    assert "P3, P4, P5" in notice
    assert "too long" in notice
    assert reading.tokens == server.requests[-1].prompt_tokens


@all_ways
def test_one_new_plan_is_all(serve, ask) -> None:
    server = serve(context=1100)
    error = failure(lambda: ask(reader_of(server), "q", plan_of(5)))
    assert "do not fit into the context" in str(error)
    assert "maximum context length is 1100 tokens" in str(error)
    assert "max_output_tokens" in error.hint
    assert not error.retryable
    assert len(server.requests) == 2


def test_a_single_page_that_is_too_long_is_an_error(serve) -> None:
    server = serve(context=1100)
    failure(lambda: reader_of(server).read("q", plan_of(1)))
    assert len(server.requests) == 1


@all_ways
def test_a_limit_on_images_is_kept_once_it_is_known(serve, ask) -> None:
    server = serve("yes", max_images=3)
    reader = reader_of(server)
    assert ask(reader, "q", plan_of(4)) == "yes"
    assert [len(request.images) for request in server.requests] == [4, 3]
    (notice,) = reader.read("q", plan_of(5)).notices
    assert "P4, P5" in notice
    assert len(server.requests[2].images) == 3


def test_a_limit_on_images_that_is_given_is_never_passed(serve) -> None:
    server = serve("yes", max_images=2)
    (notice,) = reader_of(server, max_images=2).read("q", plan_of(3)).notices
    assert "P3" in notice
    assert [len(request.images) for request in server.requests] == [2]


@all_ways
def test_parameters_that_a_model_refuses_are_left_out_from_then_on(serve, ask, caplog) -> None:
    server = serve("yes", reasoning=True)
    reader = reader_of(server, max_output_tokens=99)
    assert ask(reader, "q", plan_of(1)) == "yes"
    assert len(server.requests) == 3
    assert server.requests[-1].body["max_completion_tokens"] == 99
    assert not {"max_tokens", "temperature"} & set(server.requests[-1].body)
    assert sum("does not take" in record.message for record in caplog.records) == 2
    assert ask(reader, "q", plan_of(1)) == "yes"
    assert len(server.requests) == 4


def test_a_parameter_that_is_refused_though_it_was_not_sent_is_an_error(serve) -> None:
    refusal = Error(400, "Unsupported parameter: 'max_tokens' is not supported with this model.")
    server = serve(script=[refusal] * 3)
    assert "does not take a parameter" in str(failure(lambda: reader_of(server).read("q", plan_of(1))))
    assert len(server.requests) == 2


def test_a_key_comes_from_the_environment(serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    server = serve("yes", key=KEY)
    assert reader_of(server).read("q", plan_of(1)).text == "yes"
    assert WAYS["aread"](reader_of(server), "q", plan_of(1)) == "yes"


def test_an_answer_that_ends_at_the_limit_says_so(serve) -> None:
    reading = reader_of(serve(script=[Answer("Eight d", finish="length")])).read("q", plan_of(1))
    assert reading.text == "Eight d"
    assert "cut off after 1024 tokens" in reading.notices[0]


def test_many_threads_at_once(serve) -> None:
    server = serve(lambda request: f"{request.texts[-1]} {len(request.images)}", reasoning=True)
    reader = reader_of(server)

    def ask(number: int) -> str:
        return reader.read(f"q{number}", plan_of(1 + number % 3)).text

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(48))) == [f"q{n} {1 + n % 3}" for n in range(48)]


def test_many_questions_in_one_event_loop(serve) -> None:
    server = serve(lambda request: request.texts[-1])

    async def ask() -> list[str]:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="x") as client:
            reader = OpenAIReader(MODEL, async_client=client)
            readings = await asyncio.gather(*(reader.aread(f"q{n}", plan_of(2)) for n in range(24)))
            assert not client.is_closed()
        return [reading.text for reading in readings]

    assert asyncio.run(ask()) == [f"q{n}" for n in range(24)]


def test_the_event_loop_goes_on_while_a_server_hangs(serve) -> None:
    async def ask() -> int:
        steps = 0
        task = asyncio.create_task(reader_of(serve(script=[Hang()] * 2), timeout=0.2).aread("q", plan_of(1)))
        while not task.done():
            await asyncio.sleep(0.01)
            steps += 1
        assert isinstance(task.exception(), ReaderError)
        return steps

    assert asyncio.run(ask()) >= 10


def test_a_stream_can_be_left(serve) -> None:
    reader = reader_of(serve(LONG * 50))
    pieces = reader.stream("q", plan_of(1))
    assert next(pieces)
    pieces.close()

    async def leave() -> str:
        words = reader.astream("q", plan_of(1))
        first = await anext(words)
        await words.aclose()
        return first

    assert asyncio.run(leave())
    assert reader.read("q", plan_of(1)).text


def test_a_client_of_ones_own(serve) -> None:
    server = serve("yes")
    client = openai.OpenAI(base_url=server.base_url, api_key="x", default_headers={"X-Team": "search"})
    reader = OpenAIReader(MODEL, client=client)
    assert reader.read("q", plan_of(1)).text == "yes"
    assert server.requests[0].headers["x-team"] == "search"
    assert "async_client" in failure(lambda: asyncio.run(reader.aread("q", plan_of(1)))).hint
    awaiting = OpenAIReader(MODEL, async_client=openai.AsyncOpenAI(base_url=server.base_url, api_key="x"))
    assert "aread" in failure(lambda: awaiting.read("q", plan_of(1))).hint
    with pytest.raises(InputError):
        OpenAIReader(MODEL, client=client, api_key=KEY)


@pytest.mark.parametrize(
    "options",
    [{"max_output_tokens": 0}, {"timeout": 0}, {"timeout": float("nan")}, {"retries": -1}, {"max_images": 0}],
    ids=str,
)
def test_numbers_out_of_range_are_refused(options: dict) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        OpenAIReader(MODEL, base_url="http://127.0.0.1:9/v1", **options)


def test_a_family_that_is_not_known_is_refused() -> None:
    with pytest.raises(ProfileError, match="qwen9"):
        OpenAIReader(MODEL, base_url="http://127.0.0.1:9/v1", family="qwen9-vl")


def test_the_package_is_asked_for_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtraError, match=r"glyph-rag\[openai\]"):
        OpenAIReader(MODEL)


def test_the_package_is_not_loaded_before_a_reader_is_made() -> None:
    code = "import glyph_rag.read.models.openai, sys; assert not {'openai', 'httpx', 'httpx2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_connections_end_with_the_reader_that_opened_them(serve) -> None:
    server = serve("yes")
    reader = reader_of(server)
    assert reader.read("q", plan_of(1)).text
    assert reader._client is not None
    connections = reader._client._client
    assert not connections.is_closed
    given = openai.OpenAI(base_url=server.base_url, api_key="x")
    other = OpenAIReader(MODEL, client=given)
    other.read("q", plan_of(1))
    del reader, other
    gc.collect()
    assert connections.is_closed
    assert not given.is_closed()
    given.close()

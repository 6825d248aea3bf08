"""OpenAIReader against a real HTTP server: plans with texts, turns and stacked pages, and its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from glyph_rag.errors import InputError
from glyph_rag.read.models.openai import OpenAIReader
from glyph_rag.read.plan import PlanText, ReadingPlan, Turn
from glyph_rag.read.prompt import prompt_texts
from glyph_rag.read.reader import Sight
from glyph_rag.typeset.imagetokens import family
from glyph_rag.typeset.tokens import estimate_text_tokens
from tests.openai_server import MODEL, Answer, Error, OpenAIServer
from tests.openai_ways import all_ways, failure, plan_of, reader_of, server_for_a_test, texts_of

pytest.importorskip("openai")

EXACT = PlanText("exact", "", "", "[P1, P3] ERR_77", 9)


@pytest.fixture(autouse=True)
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., OpenAIServer]]:
    with server_for_a_test(monkeypatch) as start:
        yield start


def mixed(count: int) -> ReadingPlan:
    """Each page again as text, and strings of all of them."""
    texts = [PlanText("passage", f"P{n}", f"d.md:{n}-{n}", f"Line {n}.", 9) for n in range(1, count + 1)]
    return replace(plan_of(count), texts=(*texts, EXACT))


@all_ways
def test_a_plan_of_texts_alone_is_asked_without_images(serve, ask) -> None:
    server, plan = serve("yes"), texts_of(2)
    assert ask(reader_of(server), "Is it so?", plan) == "yes"
    (request,) = server.requests
    content = request.body["messages"][1]["content"]
    assert isinstance(content, str)
    assert request.images == []
    places = [
        content.index(words) for words in ("[P1] d.md:1-1\nLine 1", "[P2] d.md:2-2\nLine 2", "ERR_77", "Is it so?")
    ]
    assert places == sorted(places)
    assert content.endswith("Is it so?")


def test_nothing_is_said_of_images_where_none_are_shown(serve) -> None:
    server = serve(script=[Answer("I cannot see any images in the handbook [P1].", tokens=5)])
    reading = reader_of(server, family="qwen2-vl").read("q", texts_of(1))
    assert (reading.text, reading.notices) == ("I cannot see any images in the handbook.", ())
    assert (reading.tokens, reading.output_tokens, reading.shown) == (5, 5, None)


@all_ways
def test_the_conversation_and_stacked_pages_are_shown(serve, ask) -> None:
    server, plan = serve("yes"), plan_of(2)
    stacked = replace(plan.pages[0], labels=("P1", "P2"), page_ids=("a", "b"))
    plan = replace(plan, pages=(stacked, replace(plan.pages[1], labels=("H1",), page_ids=())), texts=(EXACT,),
                   turns=(Turn("Who?", "Ines."),))  # fmt: skip
    assert ask(reader_of(server), "And when?", plan) == "yes"
    (request,) = server.requests
    assert [part["type"] for part in request.content] == ["text", "image_url"] * 2 + ["text"] * 3
    assert request.texts[:2] == ["[P1, P2]", "[H1]"]
    assert "ERR_77" in request.texts[2]
    assert "Q: Who?\nA: Ines." in request.texts[3]
    assert request.texts[4] == "And when?"


def test_texts_go_with_the_page_they_belong_to(serve) -> None:
    server = serve("yes", max_images=2)
    reading = reader_of(server).read("q", mixed(3))
    assert [part[:4] for part in server.requests[1].texts] == ["[P1]", "[P2]", "[P1]", "[P2]", "Stri", "q"]
    assert reading.shown == ("P1", "P2")
    assert "Not read: P3, the pages" in reading.notices[0]


@all_ways
def test_without_images_the_last_passages_are_left_out_once(serve, ask) -> None:
    server = serve("yes", context=1024 + 1300)
    assert ask(reader_of(server), "q", texts_of(5)) == "yes"
    first, second = server.requests
    assert "[P5]" in first.texts[0]
    assert "[P2]" in second.texts[0]
    assert "[P3]" not in second.texts[0]
    assert "ERR_77" in second.texts[0]
    error = failure(lambda: ask(reader_of(serve(context=1100)), "q", texts_of(5)))
    assert "do not fit into the context" in str(error)
    assert "do not fit" in str(failure(lambda: ask(reader_of(serve(context=1100)), "q", texts_of(1))))


def test_what_was_left_out_is_named(serve) -> None:
    reading = reader_of(serve("yes", context=1024 + 1300)).read("q", texts_of(5))
    assert reading.shown == ("P1", "P2")
    assert "Not read: P3, P4, P5, the pages that fit the question least" in reading.notices[0]
    apart = replace(mixed(1), texts=(*mixed(1).texts, PlanText("passage", "P2", "d.md:2-2", "Far. " * 900, 900)))
    server = serve("yes", context=1024 + 700)
    reading = reader_of(server).read("q", apart)
    assert reading.shown == ("P1",)
    assert [len(request.images) for request in server.requests] == [1, 1]


def test_long_texts_beside_a_page_do_not_make_it_seem_unseen(serve) -> None:
    """What words cost is an estimate, and must not swallow the page."""
    plan = replace(plan_of(1), texts=(PlanText("passage", "P2", "d.md:1-9", "Words of a page. " * 500, 2000),))
    words = estimate_text_tokens(plan.texts[0].text) + sum(map(estimate_text_tokens, prompt_texts("q", ())))
    server = serve(script=[Answer("yes", tokens=round(share * words)) for share in (0.95, 0.75)])
    assert reader_of(server).read("q", plan).notices == ()
    assert "may not have been shown" in reader_of(server).read("q", plan).notices[0]


def test_what_the_reader_can_be_shown(serve) -> None:
    url = serve().base_url
    known = OpenAIReader("Qwen/Qwen3-VL-8B-Instruct", base_url=url, context=32_768, max_output_tokens=2000).sight()
    assert (known.rule, known.context, known.model) == (
        family("qwen3-vl").rule, 30_768, "Qwen/Qwen3-VL-8B-Instruct",
    )  # fmt: skip
    unknown = OpenAIReader("what-is-this", base_url=url).sight()
    assert unknown == replace(Sight(), model="what-is-this", provider=f"{url}/")
    assert unknown.count_text("eight days of leave") == Sight().count_text("eight days of leave") > 0
    assert OpenAIReader("claude-sonnet-4-5", base_url=url).sight().max_images == family("claude").max_images
    assert OpenAIReader(MODEL, base_url=url, max_images=3).sight().max_images == 3
    with pytest.raises(InputError, match="context is 1024"):
        OpenAIReader(MODEL, base_url=url, context=1024)


def test_a_limit_that_was_learnt_is_told_to_the_planner(serve) -> None:
    reader = reader_of(serve("yes", max_images=2))
    assert reader.sight().max_images is None
    reader.read("q", plan_of(3))
    assert reader.sight().max_images == 2


def test_the_tokens_of_page_images_are_those_of_the_rule(serve) -> None:
    plan = plan_of(3)
    reader = reader_of(serve(), family="qwen2-vl")
    assert reader.expected_image_tokens(plan) == sum(reader.sight().rule.tokens(*page.size) for page in plan.pages)


def test_tokens_of_prompt_and_reply_are_reported(serve) -> None:
    reading = reader_of(serve("yes")).read("q", plan_of(1))
    assert reading.output_tokens == 5
    assert reader_of(serve(script=[Answer("yes")])).read("q", plan_of(1)).output_tokens is None


def test_one_image_too_many_is_an_error(serve) -> None:
    error = failure(lambda: reader_of(serve(script=[Error(400, "Too many images in request.")])).read("q", plan_of(1)))
    assert "does not take so many images" in str(error)

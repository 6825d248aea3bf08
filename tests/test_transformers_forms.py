"""The reader for models of transformers: plans with texts, what it can be shown, and forms that it fills in."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from glyph_rag import Document, GlyphRAG
from glyph_rag.errors import InputError, ReaderError
from glyph_rag.read.models.transformers import TransformersReader
from glyph_rag.read.models.transformers_model import Reply, VisionModel
from glyph_rag.read.models.transformers_processor import PromptProcessor
from glyph_rag.read.plan import PlanPage, PlanText, ReadingPlan, Turn
from glyph_rag.read.prompt import NOT_IN_PAGES, PagePart, Prompt, build_prompt, clean_answer
from glyph_rag.read.reader import Reading, Sight
from glyph_rag.testing import HashEmbedder
from tests import tiny_vlm

SCHEMA = '{"type": "object", "properties": {"days": {"type": "integer"}}}'
TEXTS = (
    PlanText("passage", "P1", "d.md:1-2", "Eight days of leave can be carried over.", 12),
    PlanText("exact", "", "", "[P1] ERR_77", 8),
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model of each kind."""
    folder = tmp_path_factory.mktemp("models")
    for name in tiny_vlm.NAMES:
        tiny_vlm.build(name, folder)
    return folder


@pytest.fixture(scope="module")
def readers(models: Path) -> dict[str, TransformersReader]:
    """A reader for each kind, each loaded once."""
    return {name: TransformersReader(models / name, max_new_tokens=8, device="cpu") for name in tiny_vlm.NAMES}


@pytest.fixture(scope="module")
def reader(readers: dict[str, TransformersReader]) -> TransformersReader:
    return readers["qwen2.5-vl"]


def pictures(*sizes: tuple[int, int]) -> ReadingPlan:
    """Stacked pages on the first image, one on each of the others."""
    random = np.random.default_rng(5)
    pages = tuple(
        PlanPage((f"P{2 * n}", f"P{2 * n + 1}")[: 2 if n == 0 else 1], (f"id{n}",),
                 random.integers(0, 16, (height, width)).astype(np.uint8), "#000000", "#ffffff", (), 10)
        for n, (width, height) in enumerate(sizes)
    )  # fmt: skip
    return ReadingPlan(pages, 0)


def scripted(monkeypatch: pytest.MonkeyPatch, *replies: str | None, ended: bool = True) -> list[Prompt]:
    """Has the model reply so, None for memory that runs out. Returns, as it grows, the prompts."""
    seen: list[Prompt] = []
    left = list(replies)

    def generate(model: VisionModel, prompts: Sequence[Prompt], cancel: object, on_text: object) -> list[Reply]:
        seen.extend(prompts)
        (prompt,), text = prompts, left.pop(0)
        if text is None:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        length = model._processor.length(prompt)
        return [Reply(text, length, model._processor.image_tokens(prompt, length), 3, ended)]

    monkeypatch.setattr(VisionModel, "_generate", generate)
    return seen


def images(prompt: Prompt) -> int:
    return sum(isinstance(part, PagePart) for part in prompt.parts)


def words(prompt: Prompt) -> str:
    return "\n".join(getattr(part, "text", "<image>") for part in prompt.parts)


# What it can be shown


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
def test_image_tokens_are_those_of_the_rule_that_plans_go_by(
    readers: dict[str, TransformersReader], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    read_off = VisionModel._read_off

    def count(model: VisionModel, prompt: Prompt, length: int, row: list[int]) -> Reply:
        reply = read_off(model, prompt, length, row)
        counted.append(reply.image_tokens)
        return reply

    monkeypatch.setattr(VisionModel, "_read_off", count)
    plan = replace(pictures((280, 196), (97, 331), (64, 64)), texts=TEXTS, turns=(Turn("Who?", "Ines."),))
    rule = readers[name].sight().rule
    reading = readers[name].read("How many?", plan)
    assert counted == [sum(rule.tokens(*page.size) for page in plan.pages)]
    assert "cost" not in "".join(reading.notices)
    assert 0 < (reading.output_tokens or 0) <= 8


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
@pytest.mark.parametrize("mode", ["image", "text"])
def test_a_plan_of_a_store_costs_what_it_says(
    readers: dict[str, TransformersReader], name: str, mode: Literal["image", "text"], tmp_path: Path
) -> None:
    reader = readers[name]
    text = "\n\n".join(f"Rule {n}: of {n + 3} days of leave, {n} are carried over, see ERR_{n}." for n in range(60))
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=reader) as rag:
        rag.add([Document("long", text), Document("short", "Eight days of leave are carried over.")])
        plan = rag.plan("How many days are carried over?", mode=mode)
        prompt, processor = build_prompt("How many days are carried over?", plan), reader._load_processor()
        length = processor.length(prompt)
        assert processor.image_tokens(prompt, length) == plan.image_tokens == reader.expected_image_tokens(plan)
        assert (plan.image_tokens > 0) == (mode == "image")
        assert 0 <= length - plan.tokens < 100  # the chat template's own words
        answer = rag.ask("How many days are carried over?", mode=mode)
        assert answer.usage.reported_tokens == length


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
def test_what_it_can_be_shown_is_known_without_the_weights(models: Path, name: str) -> None:
    reader = TransformersReader(models / name, max_new_tokens=768)
    sight = reader.sight()
    assert sight.context == 32_768 - 768
    assert (sight.model, sight.max_images, reader._model) == ("", None, None)
    assert TransformersReader(models / name, images_per_pass=1).sight().max_images is None


def test_a_kind_without_a_rule_is_planned_for_as_usual(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PromptProcessor, "family", None)
    monkeypatch.setattr(PromptProcessor, "context", None)
    sight = TransformersReader(models / "smolvlm").sight()
    assert (sight.rule, sight.context) == (Sight().rule, None)
    with pytest.raises(ReaderError, match="there is no folder"):
        TransformersReader(models / "absent").sight()


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
def test_words_are_counted_by_the_tokenizer_while_another_thread_asks(
    readers: dict[str, TransformersReader], name: str
) -> None:
    reader = readers[name]
    count = reader.sight().count_text
    text = "Acht Tage, 八天, ثمانية أيام <|im_end|><image>"
    prompt = build_prompt(text, ReadingPlan((), 0))
    processor = reader._load_processor()
    longer = build_prompt(text + text, ReadingPlan((), 0))
    asking = threading.Thread(target=reader.read, args=("How many?", pictures((64, 64))))
    asking.start()
    counted = {count(text + text) - count(text) for _ in range(200)}
    asking.join()
    assert counted == {processor.length(longer) - processor.length(prompt)}


# Plans with texts


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
def test_a_plan_of_texts_alone_is_asked_without_images(readers: dict[str, TransformersReader], name: str) -> None:
    reader, plan = readers[name], ReadingPlan((), 0, texts=TEXTS, mode="text")
    reading = reader.read("How many?", plan)
    prompt = build_prompt("How many?", plan)
    assert reading.tokens == reader._load_processor().length(prompt)
    assert not [notice for notice in reading.notices if "cut off" not in notice]
    pieces = list(reader.stream("How many?", plan))
    assert clean_answer("".join(pieces)) == reading.text
    assert reader.read_many([("How many?", plan), ("Why?", pictures((64, 64))), ("How many?", plan)])[2] == reading
    rendered = reader._load_processor().render(prompt)
    assert rendered.index("[P1] d.md:1-2\nEight days") < rendered.index("ERR_77") < rendered.index("How many?")


def test_texts_go_with_the_first_group(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TransformersReader(models / "qwen2.5-vl", images_per_pass=2)
    seen = scripted(monkeypatch, "Eight.", "Nine.")
    turns = (Turn("Who?", "Ines."),)
    reading = reader.read("How many?", replace(pictures(*[(56, 56)] * 3), texts=TEXTS, turns=turns))
    assert [images(prompt) for prompt in seen] == [2, 1]
    assert ["ERR_77" in words(prompt) for prompt in seen] == [True, False]
    assert ["Eight days" in words(prompt) for prompt in seen] == [True, False]
    assert ["A: Ines." in words(prompt) for prompt in seen] == [True, True]
    assert words(seen[0]).startswith("[P0, P1]\n<image>\n[P2]\n<image>\n")
    assert (reading.text, reading.output_tokens, reading.shown) == ("Eight.\nNine.", 6, None)


def test_memory_that_runs_out_without_images_is_an_error(
    reader: TransformersReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, None)
    with pytest.raises(ReaderError, match="ran out of memory"):
        reader.read("How many?", ReadingPlan((), 0, texts=TEXTS))


# Forms


def test_a_form_is_filled_in_by_the_prompt(reader: TransformersReader, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = scripted(monkeypatch, '<think>P1.</think>```json\n{"days": 8}\n```')
    reading = reader.read_structured("How many days?", pictures((56, 56)), SCHEMA)
    length = reader._load_processor().length(seen[0])
    assert reading == Reading("", (), length, 3, data='{"days": 8}')
    assert seen[0].system.endswith(SCHEMA)


def test_what_is_no_json_is_asked_for_once_more(reader: TransformersReader, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = scripted(monkeypatch, "Eight days (P1).", '{"days": 8}')
    reading = reader.read_structured("How many days?", pictures((56, 56)), SCHEMA)
    assert reading.data == '{"days": 8}'
    assert words(seen[1]).endswith("Reply with that object and with nothing else.")
    assert "there is no JSON object in it" in words(seen[1])
    (notice,) = reading.notices
    assert "asked again" in notice
    assert reading.tokens == sum(map(reader._load_processor().length, seen))
    scripted(monkeypatch, "Eight days.", "Eight days!")
    with pytest.raises(ReaderError, match="twice replied with no JSON object") as caught:
        reader.read_structured("How many days?", pictures((56, 56)), SCHEMA)
    assert caught.value.hint


def test_groups_fill_in_one_form(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TransformersReader(models / "qwen2.5-vl", images_per_pass=1)
    seen = scripted(monkeypatch, '{"days": null, "who": ["Ines"]}', NOT_IN_PAGES, "?", '{"days": 8, "who": ["Ana"]}')
    reading = reader.read_structured("How many days?", pictures(*[(56, 56)] * 3), SCHEMA)
    assert reading.data == '{"days": 8, "who": ["Ines", "Ana"]}'
    assert [images(prompt) for prompt in seen] == [1, 1, 1, 1]
    assert len(reading.notices) == 2
    assert reading.output_tokens == 12


def test_memory_that_runs_out_is_met_with_half_the_pages(
    reader: TransformersReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, None, '{"days": 8}', '{"days": 9}')
    reading = reader.read_structured("How many days?", pictures((56, 56), (56, 56)), SCHEMA)
    assert (reading.data, [images(prompt) for prompt in seen]) == ('{"days": 8}', [2, 1, 1])
    scripted(monkeypatch, "?", None)
    with pytest.raises(ReaderError, match="ran out of memory"):
        reader.read_structured("How many days?", pictures((56, 56)), SCHEMA)


def test_a_form_that_is_cut_off_is_not_asked_for_again(
    reader: TransformersReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, '{"days": ', ended=False)
    with pytest.raises(ReaderError, match="used all 8 tokens before the form was filled in"):
        reader.read_structured("How many days?", pictures((56, 56)), SCHEMA)
    assert len(seen) == 1


def test_pages_that_do_not_answer_fill_in_nothing(reader: TransformersReader, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, NOT_IN_PAGES)
    reading = reader.read_structured("How many days?", pictures((56, 56)), SCHEMA)
    assert (reading.text, reading.data) == ("", "")
    assert reader.read_structured("How?", ReadingPlan((), 0), SCHEMA) == Reading("", tokens=0, output_tokens=0)
    with pytest.raises(InputError, match="not a JSON object"):
        reader.read_structured("How many days?", pictures((56, 56)), "days: int")

"""The reader for models of transformers, on tiny models with the real classes."""

from __future__ import annotations

import asyncio
import io
import json
import shutil
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers
from PIL import Image

from glyph_rag.embed.weights import device_of, dtype_of
from glyph_rag.errors import MissingExtraError, ReaderError
from glyph_rag.read.models import transformers_model, transformers_processor
from glyph_rag.read.models.transformers import TransformersReader
from glyph_rag.read.models.transformers_model import Reply, VisionModel
from glyph_rag.read.models.transformers_processor import Place, PromptProcessor
from glyph_rag.read.plan import PlanPage, ReadingPlan
from glyph_rag.read.prompt import NOT_IN_PAGES, Prompt, build_prompt, clean_answer
from glyph_rag.read.reader import Reading
from tests import tiny_vlm

QUESTION = "How many days of leave are there?"
CUT_OFF = "The reply was cut off after 8 tokens; a larger max_new_tokens lets it come to an end."


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model of each kind."""
    folder = tmp_path_factory.mktemp("models")
    for name in tiny_vlm.NAMES:
        tiny_vlm.build(name, folder)
    return folder


@pytest.fixture(scope="session")
def readers(models: Path) -> dict[str, TransformersReader]:
    """A reader for each kind, each loaded once."""
    return {name: TransformersReader(models / name, max_new_tokens=8, device="cpu") for name in tiny_vlm.NAMES}


@pytest.fixture(scope="session")
def reader(readers: dict[str, TransformersReader]) -> TransformersReader:
    return readers["qwen2.5-vl"]


@pytest.fixture
def copied(models: Path, tmp_path: Path) -> Path:
    """A model that a test may damage."""
    return Path(shutil.copytree(models / "qwen2.5-vl", tmp_path / "copied"))


def page(number: int, width: int, height: int, ink: str = "#000000", paper: str = "#ffffff") -> PlanPage:
    levels = np.random.default_rng(number).integers(0, 16, (height, width)).astype(np.uint8)
    return PlanPage((f"P{number}",), (f"id{number}",), levels, ink, paper, (), 10)


def plan(*sizes: tuple[int, int]) -> ReadingPlan:
    pages = tuple(page(number, *size) for number, size in enumerate(sizes, 1))
    return ReadingPlan(pages, 0)


def processor_of(reader: TransformersReader) -> PromptProcessor:
    reader.expected_image_tokens(plan())
    assert reader._processor is not None
    return reader._processor


def scripted(monkeypatch: pytest.MonkeyPatch, *replies: str | Exception | None) -> list[list[int]]:
    """Has the model reply so, None for memory that runs out. Returns, as it grows, the pages of each prompt."""
    seen: list[list[int]] = []
    left = list(replies)

    def generate(model: VisionModel, prompts: Sequence[Prompt], cancel: object, on_text: object) -> list[Reply]:
        seen.append([sum(hasattr(part, "page") for part in prompt.parts) for prompt in prompts])
        texts = [left.pop(0) for _ in prompts]
        for text in texts:
            if text is None:
                raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
            if isinstance(text, Exception):
                raise text
        prepared = [model._processor.length(prompt) for prompt in prompts]
        return [
            Reply(str(text), length, model._processor.image_tokens(prompt, length), len(str(text)), ended=True)
            for text, length, prompt in zip(texts, prepared, prompts, strict=True)
        ]

    monkeypatch.setattr(VisionModel, "_generate", generate)
    return seen


# What a model is shown


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
def test_pages_cost_what_the_rule_of_the_checkpoint_says(
    readers: dict[str, TransformersReader], name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = plan((280, 196), (97, 331), (64, 64))
    reading = readers[name].read(QUESTION, shown)
    prompt = build_prompt(QUESTION, shown)
    processor = processor_of(readers[name])
    assert reading.tokens == processor.length(prompt)
    assert processor.image_tokens(prompt, processor.length(prompt)) == readers[name].expected_image_tokens(shown)
    assert set(reading.notices) <= {CUT_OFF}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
def test_pages_of_any_size_cost_what_the_rule_says(readers: dict[str, TransformersReader], name: str) -> None:
    processor = processor_of(readers[name])
    side = st.integers(20, 420)

    @settings(max_examples=12)
    @given(st.lists(st.tuples(side, side), min_size=1, max_size=3))
    def check(sizes: list[tuple[int, int]]) -> None:
        prompt = build_prompt(QUESTION, plan(*sizes))
        measured = processor.image_tokens(prompt, processor.length(prompt))
        assert measured == readers[name].expected_image_tokens(plan(*sizes))

    check()


def test_a_kind_without_a_rule_is_measured(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TransformersReader(models / "qwen2.5-vl")
    by_rule = reader.expected_image_tokens(plan((280, 196), (97, 331)))
    unknown = TransformersReader(models / "qwen2.5-vl")
    monkeypatch.setattr(PromptProcessor, "family", None)
    assert unknown.expected_image_tokens(plan((280, 196), (97, 331))) == by_rule
    assert unknown.expected_image_tokens(plan()) == 0


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("qwen2.5-vl", "<|vision_start|><|image_pad|><|vision_end|>"),
        ("qwen3-vl", "<|vision_start|><|image_pad|><|vision_end|>"),
        ("glm-4.1v", "<|begin_of_image|><|image|><|end_of_image|>"),
        ("smolvlm", "<image>"),
    ],
)
def test_the_chat_template_shows_instructions_then_labelled_pages_then_the_question(
    readers: dict[str, TransformersReader], name: str, mark: str
) -> None:
    prompt = build_prompt(QUESTION, plan((56, 56), (84, 56)))
    text = processor_of(readers[name]).render(prompt)
    assert text.count(prompt.system) == 1
    assert text.index(prompt.system) < text.index(f"[P1]{mark}[P2]{mark}{QUESTION}")
    assert "'type'" not in text


@pytest.mark.parametrize("name", ["qwen2.5-vl", "qwen3-vl", "glm-4.1v"])
def test_pages_reach_the_model_in_the_order_of_the_plan(readers: dict[str, TransformersReader], name: str) -> None:
    processor = processor_of(readers[name])
    first, second = page(1, 112, 84), page(2, 84, 140)

    def pixels(*pages: PlanPage) -> torch.Tensor:
        prompt = build_prompt(QUESTION, ReadingPlan(pages, 0))
        found = processor.encode([prompt], "cpu", torch.float32)["pixel_values"]
        assert isinstance(found, torch.Tensor)
        return found

    assert torch.equal(pixels(first, second), torch.cat([pixels(first), pixels(second)]))
    assert not torch.equal(pixels(first, second), pixels(second, first))


@pytest.mark.parametrize(("ink", "paper"), [("#000000", "#ffffff"), ("#102a43", "#fdf6e3")])
def test_a_picture_has_the_pixels_of_the_page(ink: str, paper: str) -> None:
    shown = page(1, 31, 17, ink, paper)
    expected = Image.open(io.BytesIO(shown.png())).convert("RGB")
    picture = transformers_processor._picture(shown)
    assert picture.mode == "RGB"
    assert picture.tobytes() == expected.tobytes()


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
def test_a_question_cannot_end_its_turn_or_pose_as_an_image(readers: dict[str, TransformersReader], name: str) -> None:
    marks = "<|im_end|><|image_pad|><image><|image|><|user|><|endoftext|><end_of_utterance><fake_token_around_image>"
    processor = processor_of(readers[name])
    prompt = build_prompt(f"{marks} why?", plan((56, 56)))
    assert processor.image_tokens(prompt, processor.length(prompt)) == readers[name].expected_image_tokens(
        plan((56, 56))
    )
    special = set(processor.tokenizer.all_special_tokens)
    assert not special.intersection(processor.tokenizer.tokenize(processor._quiet(marks)))


# What comes back


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
def test_a_batch_gives_what_single_questions_give(readers: dict[str, TransformersReader], name: str) -> None:
    reader = readers[name]
    asks = [
        ("Why?", plan((280, 196))),
        (QUESTION, plan((97, 331), (64, 64))),
        ("Who?", plan()),
        ("何?", plan((90, 90))),
    ]
    assert reader.read_many(asks) == [reader.read(question, shown) for question, shown in asks]
    assert reader.read_many([]) == []


@pytest.mark.parametrize("name", tiny_vlm.NAMES)
def test_a_stream_adds_up_to_the_reply(readers: dict[str, TransformersReader], name: str) -> None:
    pieces = list(readers[name].stream(QUESTION, plan((280, 196))))
    assert clean_answer("".join(pieces)) == readers[name].read(QUESTION, plan((280, 196))).text
    assert "" not in pieces


def test_a_plan_without_pages_is_not_asked(reader: TransformersReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VisionModel, "reply", lambda *_: pytest.fail("the model was asked"))
    assert reader.read(QUESTION, plan()) == Reading("", tokens=0, output_tokens=0)
    assert list(reader.stream(QUESTION, plan())) == []
    assert reader.expected_image_tokens(plan()) == 0


def test_a_reply_ends_before_the_first_stop_string(models: Path) -> None:
    shown = plan((280, 196))
    free = "".join(TransformersReader(models / "glm-4.1v", max_new_tokens=12).stream(QUESTION, shown))
    stop = free[4:7]
    stopped = TransformersReader(models / "glm-4.1v", max_new_tokens=12, stop=["never", stop])
    pieces = list(stopped.stream(QUESTION, shown))
    assert "".join(pieces) == free[: free.index(stop)]
    reading = stopped.read(QUESTION, shown)
    assert (reading.text, reading.notices) == (clean_answer("".join(pieces)), ())
    assert stopped.read_many([(QUESTION, shown)] * 2) == [reading] * 2


@given(st.text("ab\ufffd", max_size=12), st.text("ab", max_size=4), st.lists(st.text("ab", min_size=1, max_size=4)))
def test_what_is_passed_on_holds_no_begin_of_a_stop_string(text: str, more: str, stops: list[str]) -> None:
    settled = text[: transformers_model._settled(text, stops)]
    assert len(settled) <= len(text.rstrip("\ufffd"))
    ends = [at for at in ((text + more).find(stop) for stop in stops) if at >= 0]
    if not any(stop in text for stop in stops):
        assert len(settled) <= min(ends, default=len(text))


def test_thoughts_are_no_part_of_the_answer(reader: TransformersReader, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, "<think>P1 says 30.</think><answer>There are 30 days. [P1]</answer>", NOT_IN_PAGES)
    assert reader.read(QUESTION, plan((56, 56))).text == "There are 30 days."
    assert reader.read(QUESTION, plan((56, 56))) == Reading(
        "", (), processor_of(reader).length(_asked()), len(NOT_IN_PAGES)
    )


def _asked() -> Prompt:
    return build_prompt(QUESTION, plan((56, 56)))


def test_what_is_not_as_it_should_be_is_said(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TransformersReader(models / "qwen2.5-vl", max_new_tokens=2)
    processor = processor_of(reader)
    monkeypatch.setattr(PromptProcessor, "context", 100)
    family = PromptProcessor(Place(str(models / "qwen3-vl"))).family
    monkeypatch.setitem(processor.__dict__, "family", family)
    reading = reader.read(QUESTION, plan((97, 300)))
    assert [notice[:24] for notice in reading.notices] == [
        "The reply was cut off after 2 tokens"[:24],
        f"The prompt has {reading.tokens} tokens, more than the 100"[:24],
        "The pages cost 35 tokens, not 77"[:24],
    ]


# Memory


def test_out_of_memory_is_retried_once_with_half_the_pages(
    reader: TransformersReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, None, "First. [P1]", NOT_IN_PAGES, "Fifth. [P5]")
    shown = plan(*[(56, 56)] * 5)
    reading = reader.read(QUESTION, shown)
    assert seen == [[5], [3], [2]]
    assert reading.text == "First."
    assert reading.notices == (
        "Memory ran out with 5 pages at a time, so they were read again with 3 at a time.",
    )  # fmt: skip
    lengths = [
        processor_of(reader).length(build_prompt(QUESTION, ReadingPlan(pages, 0)))
        for pages in (shown.pages[:3], shown.pages[3:])
    ]
    assert reading.tokens == sum(lengths)


def test_memory_that_runs_out_again_is_an_error(reader: TransformersReader, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = scripted(monkeypatch, None, "First.", None)
    with pytest.raises(ReaderError, match="ran out of memory with 1 page at a time") as caught:
        reader.read(QUESTION, plan((56, 56), (56, 56)))
    assert "fewer or smaller pages" in caught.value.hint
    assert seen == [[2], [1], [1]]
    scripted(monkeypatch, None)
    with pytest.raises(ReaderError, match="1 page at a time"):
        reader.read(QUESTION, plan((56, 56)))


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")]
)
def test_memory_runs_out_on_a_cpu_too(
    reader: TransformersReader, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    seen = scripted(monkeypatch, error, "One.", "Two.")
    assert reader.read(QUESTION, plan((56, 56), (56, 56))).text == "One.\nTwo."
    assert seen == [[2], [1], [1]]


def test_a_batch_that_does_not_fit_is_asked_one_by_one(
    reader: TransformersReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted(monkeypatch, None, "dropped with the batch", "One.", "Two.")
    readings = reader.read_many([(QUESTION, plan((56, 56))), (QUESTION, plan((84, 56)))])
    assert [reading.text for reading in readings] == ["One.", "Two."]
    assert seen == [[1, 1], [1], [1]]


def test_a_stream_that_does_not_fit_comes_in_one_piece(
    reader: TransformersReader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    seen = scripted(monkeypatch, None, "One.", "Two.")
    assert list(reader.stream(QUESTION, plan((56, 56), (56, 56)))) == ["One.\nTwo."]
    assert "read again with 1 at a time" in caplog.text
    assert seen == [[2], [1], [1]]


def test_no_pass_has_more_pages_than_asked_for(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TransformersReader(models / "qwen2.5-vl", images_per_pass=2)
    seen = scripted(monkeypatch, *"abcdefghi")
    two, three = plan((56, 56), (56, 56)), plan(*[(56, 56)] * 3)
    reading = reader.read(QUESTION, three)
    assert reading.text == "a\nb"
    assert reading.notices == ("The 3 pages were read 2 at a time, and the answers joined.",)
    assert list(reader.stream(QUESTION, three)) == ["c\nd"]
    one = plan((56, 56))
    assert [found.text for found in reader.read_many([(QUESTION, x) for x in (one, one, one, two)])] == [*"efgh"]
    assert seen == [[2], [1], [2], [1], [1, 1], [1], [2]]


# Threads and tasks


def test_threads_take_turns_and_load_once(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = TransformersReader(models / "smolvlm", max_new_tokens=4)
    loads: list[object] = []
    load = VisionModel._load
    monkeypatch.setattr(VisionModel, "_load", lambda model, place: (loads.append(place), load(model, place))[1])
    asks = [(QUESTION, plan((64, 64))), ("Why?", plan((90, 40))), ("Who?", plan((40, 90)))]
    found: dict[int, list[Reading]] = {}

    def work(number: int) -> None:
        found[number] = [reader.read(*ask) for ask in asks]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert [found[number] for number in range(3)] == [[reader.read(*ask) for ask in asks]] * 3


def test_tasks_do_not_block_the_event_loop(reader: TransformersReader) -> None:
    shown = plan((280, 196))

    async def main() -> tuple[Reading, str, int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        reading = await reader.aread(QUESTION, shown)
        pieces = [piece async for piece in reader.astream(QUESTION, shown)]
        ticking.cancel()
        return reading, "".join(pieces), ticks

    reading, text, ticks = asyncio.run(main())
    assert reading == reader.read(QUESTION, shown)
    assert clean_answer(text) == reading.text
    assert ticks > 10


@pytest.fixture
def endless(models: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[TransformersReader, list[int]]:
    """A reader that would write 20,000 tokens, and the steps that it has taken."""
    reader = TransformersReader(models / "qwen3-vl", max_new_tokens=20_000)
    steps: list[int] = []
    call = transformers_model._Watch.__call__

    def count(watch: transformers_model._Watch, ids: torch.Tensor, scores: object) -> object:
        steps.append(1)
        return call(watch, ids, scores)

    monkeypatch.setattr(transformers_model._Watch, "__call__", count)
    monkeypatch.setattr(VisionModel, "_end_tokens", lambda _: frozenset())
    return reader, steps


def test_a_closed_stream_ends_the_generation(endless: tuple[TransformersReader, list[int]]) -> None:
    reader, steps = endless
    pieces = reader.stream(QUESTION, plan((64, 64)))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert 0 < len(steps) < 2000
    assert reader._lock.acquire(blocking=False)


def test_a_cancelled_task_ends_the_generation(endless: tuple[TransformersReader, list[int]]) -> None:
    reader, steps = endless

    async def main() -> None:
        task = asyncio.create_task(reader.aread(QUESTION, plan((64, 64))))
        while not steps:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async for _ in reader.astream(QUESTION, plan((64, 64))):
            break

    asyncio.run(main())
    assert len(steps) < 4000
    assert reader._lock.acquire(timeout=20)


def test_who_is_cancelled_does_not_wait_for_the_model(reader: TransformersReader) -> None:
    async def main() -> None:
        task = asyncio.create_task(reader.aread(QUESTION, plan((64, 64))))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with reader._lock:
        asyncio.run(main())  # Waits for the thread at its end.


def test_an_error_in_the_thread_reaches_the_reader_of_the_stream(
    reader: TransformersReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, RuntimeError("CUDA error: device-side assert triggered\nmore"), ValueError("odd"))
    with pytest.raises(
        ReaderError, match="failed while reading: RuntimeError: CUDA error: device-side assert"
    ) as caught:
        list(reader.stream(QUESTION, plan((56, 56))))
    assert "more" not in str(caught.value)

    async def main() -> None:
        async for _ in reader.astream(QUESTION, plan((56, 56))):
            pytest.fail("there is no reply")

    with pytest.raises(ReaderError, match="ValueError: odd"):
        asyncio.run(main())


def test_memory_that_runs_out_in_a_reply_is_an_error(
    reader: TransformersReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def generate(model: VisionModel, prompts: object, cancel: object, on_text: object) -> list[Reply]:
        assert callable(on_text)
        on_text("There are")
        raise RuntimeError("MPS backend out of memory")

    monkeypatch.setattr(VisionModel, "_generate", generate)
    pieces = reader.stream(QUESTION, plan((56, 56)))
    assert next(pieces) == "There are"
    with pytest.raises(ReaderError, match="in the middle of the reply"):
        next(pieces)


# What cannot be loaded


def refusal(model: str | Path, **settings: object) -> ReaderError:
    with pytest.raises(ReaderError) as caught:
        TransformersReader(model, **settings).read(QUESTION, plan((56, 56)))  # type: ignore[arg-type]
    assert caught.value.hint
    return caught.value


def test_a_model_without_eyes_is_refused_before_its_weights_are_loaded(tmp_path: Path) -> None:
    folder = tiny_vlm.build_text_only(tmp_path)
    (folder / "model.safetensors").unlink()
    assert refusal(folder).message == f"{folder} has no eyes: qwen2 models read text alone"


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    assert "no config.json" in refusal(tmp_path).message
    (tmp_path / "file.gguf").write_text("")
    assert "is a file" in refusal(tmp_path / "file.gguf").message
    assert "there is no folder" in refusal(tmp_path / "absent").message
    assert "there is no folder" in refusal(Path("some/model")).message
    assert "there is no folder" in refusal("./some/model").message
    (tmp_path / "config.json").write_text("{")
    assert "configuration" in refusal(tmp_path).message
    (tmp_path / "config.json").write_text('{"model_type": "seer"}')
    error = refusal(str(tmp_path))
    assert "seer" in error.message
    assert "pip install -U transformers" in error.hint


def test_a_hub_id_that_cannot_be_reached_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    error = refusal("nobody/no-such-model", revision="v1")
    assert "nobody/no-such-model" in error.message
    assert "check the name" in error.hint


def test_code_of_a_checkpoint_is_not_run(copied: Path) -> None:
    (copied / "code.py").write_text("raise SystemExit")
    (copied / "config.json").write_text('{"model_type": "seer", "auto_map": {"AutoConfig": "code.Config"}}')
    assert "OpenAIReader" in refusal(copied).hint


def test_missing_weights_are_refused(copied: Path) -> None:
    (copied / "model.safetensors").unlink()
    error = refusal(copied)
    assert (error.message[:11], error.hint[:24]) == ("the weights", "the folder is incomplete")


def test_damaged_weights_are_refused(copied: Path) -> None:
    (copied / "model.safetensors").write_bytes((copied / "model.safetensors").read_bytes()[:1000])
    assert "the weights" in refusal(copied).message


def test_incomplete_weights_are_refused(copied: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copied / "model.safetensors")
    dropped = next(name for name in weights if "layers.1" in name)
    del weights[dropped]
    save_file(weights, copied / "model.safetensors", {"format": "pt"})
    assert "lacks 1 of its weights" in refusal(copied).message


def test_a_missing_tokenizer_or_image_processor_is_refused(copied: Path) -> None:
    (copied / "preprocessor_config.json").unlink()
    assert "processor" in refusal(copied).message
    (copied / "tokenizer.json").unlink()
    (copied / "tokenizer_config.json").unlink()
    assert "processor" in refusal(copied).message


def test_a_missing_chat_template_is_refused(copied: Path) -> None:
    (copied / "chat_template.jinja").unlink()
    assert "has no chat template" in refusal(copied).message


def test_a_chat_template_without_images_is_refused(copied: Path) -> None:
    (copied / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content[0].text }}{% endfor %}")
    assert "takes no pages" in refusal(copied).message


def test_a_template_that_refuses_a_system_turn_gets_the_instructions_in_the_users(copied: Path) -> None:
    template = tiny_vlm.TEMPLATES["qwen3-vl"]
    refuses = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('Roles must alternate') }}{% endif %}"
    (copied / "chat_template.jinja").write_text(refuses + template)
    reader = TransformersReader(copied, max_new_tokens=2)
    prompt = build_prompt(QUESTION, plan((56, 56)))
    assert processor_of(reader).render(prompt).startswith(f"<|im_start|>user\n{prompt.system}\n\n[P1]<|vision_start|>")
    assert reader.read(QUESTION, plan((56, 56))).tokens == processor_of(reader).length(prompt)


def test_a_start_token_is_there_once(copied: Path) -> None:
    """Some templates write it and some leave it to the tokenizer."""
    text = json.loads((copied / "tokenizer.json").read_text())
    start = next(token["id"] for token in text["added_tokens"] if token["content"] == "<|endoftext|>")
    text["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [start], "tokens": ["<|endoftext|>"]}},
    }
    (copied / "tokenizer.json").write_text(json.dumps(text))
    template = (copied / "chat_template.jinja").read_text()
    for written in ("", "<|endoftext|>"):
        (copied / "chat_template.jinja").write_text(written + template)
        processor = PromptProcessor(Place(str(copied)))
        ids = processor.encode([build_prompt(QUESTION, plan((56, 56)))], "cpu", torch.float32)["input_ids"]
        assert isinstance(ids, torch.Tensor)
        assert ids[0].tolist().count(start) == 1


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"device": "cuda:99"}, "there is no device 'cuda:99'"),
        ({"device": "abacus"}, "there is no device 'abacus'"),
        ({"quantize": "4bit", "device": "cpu"}, "4-bit weights need"),
        ({"attention": "flash_attention_7"}, "the weights"),
    ],
)
def test_what_this_machine_cannot_do_is_said(models: Path, chosen: dict[str, object], message: str) -> None:
    assert message in refusal(models / "qwen2.5-vl", **chosen).message


@pytest.mark.parametrize(
    "chosen", [{"max_new_tokens": 0}, {"images_per_pass": 0}, {"dtype": "int3"}, {"stop": "x"}, {"stop": [""]}]
)
def test_a_setting_out_of_range_is_refused_at_once(chosen: dict[str, object]) -> None:
    with pytest.raises(ReaderError):
        TransformersReader("some/model", **chosen)  # type: ignore[arg-type]


def test_precision_and_attention_are_as_asked_for(models: Path) -> None:
    chosen = TransformersReader(models / "glm-4.1v", dtype="bfloat16", attention="eager", max_new_tokens=1)
    chosen.read(QUESTION, plan((56, 56)))
    assert chosen._model is not None
    model = chosen._model._model
    assert (model.dtype, model.config._attn_implementation) == (torch.bfloat16, "eager")
    assert chosen.name == f"transformers ({models / 'glm-4.1v'})"


@pytest.mark.parametrize(
    ("device", "half", "expected"),
    [("cpu", True, torch.float32), ("cuda", True, torch.bfloat16), ("cuda:1", False, torch.float16)],
)
def test_auto_precision_is_what_the_device_computes_in(
    monkeypatch: pytest.MonkeyPatch, device: str, half: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: half)
    assert dtype_of(torch, device) == expected


def test_a_gpu_is_taken_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device_of(torch, None) == "mps"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert device_of(torch, None) == "cuda"
    assert device_of(torch, "cuda:1") == "cuda:1"
    assert device_of(torch, "cpu") == "cpu"


class _Weights:
    """Stands for weights on a GPU."""

    generation_config = SimpleNamespace(eos_token_id=None)

    def __init__(self) -> None:
        self.moved: list[str] = []

    def to(self, device: str) -> _Weights:
        self.moved.append(device)
        return self

    def eval(self) -> _Weights:
        return self


@pytest.mark.parametrize(("has_accelerate", "quantize"), [(True, None), (False, None), (True, "4bit")])
def test_weights_go_to_the_gpu_once(
    reader: TransformersReader,
    monkeypatch: pytest.MonkeyPatch,
    has_accelerate: bool,
    quantize: Literal["4bit"] | None,
) -> None:
    weights, told = _Weights(), {}
    there = {"accelerate": has_accelerate, "bitsandbytes": True}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setattr(transformers_model.importlib.util, "find_spec", lambda name: there.get(name) or None)
    monkeypatch.setattr(
        transformers.AutoModelForImageTextToText,
        "from_pretrained",
        lambda **arguments: (told.update(arguments), (weights, {"missing_keys": set()}))[1],
    )
    chosen = transformers_model.Settings(None, "auto", 8, None, quantize, ())
    model = VisionModel(Place("some/model", "v2"), processor_of(reader), chosen)
    assert model._model is weights
    assert model._ends == {processor_of(reader).tokenizer.eos_token_id}
    assert (told["dtype"], told["revision"], told["trust_remote_code"]) == (torch.bfloat16, "v2", False)
    assert (told.get("device_map"), weights.moved) == (({"": "cuda"}, []) if has_accelerate else (None, ["cuda"]))
    assert getattr(told.get("quantization_config"), "load_in_4bit", False) is (quantize is not None)


def test_weights_that_do_not_fit_are_refused(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(**_: object) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    monkeypatch.setattr(transformers.AutoModelForImageTextToText, "from_pretrained", load)
    error = refusal(models / "qwen2.5-vl")
    assert "does not fit into the memory of cpu" in error.message
    assert "4bit" in error.hint


def test_a_page_that_the_processor_refuses_is_an_error(reader: TransformersReader) -> None:
    with pytest.raises(ReaderError, match=r"refuses the pages: .*aspect ratio"):
        reader.read(QUESTION, plan((2, 800)))


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("You are trying to access a gated repo.", "accept the terms"),
        ("operator torchvision::nms does not exist", "the torchvision that belongs to this torch"),
        ("Please pass the argument `trust_remote_code=True`", "never run here"),
    ],
)
def test_what_to_do_is_said(reason: str, hint: str) -> None:
    assert hint in Place("some/model").refused("the processor", OSError(reason)).hint


def test_missing_packages_name_the_extra(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"'transformers' is not installed .*glyph-rag\[transformers\]"):
        TransformersReader(models / "qwen2.5-vl").read(QUESTION, plan((56, 56)))

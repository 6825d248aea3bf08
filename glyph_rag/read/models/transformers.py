"""Any image-text-to-text model of transformers, by hub id or path. The `transformers` extra."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock
from typing import Literal, TypeAlias

from glyph_rag.errors import ReaderError
from glyph_rag.read.models.json_reply import ask_again, check_schema
from glyph_rag.read.models.portions import image_cost, in_groups
from glyph_rag.read.models.transformers_form import fill_form
from glyph_rag.read.models.transformers_model import DTYPES, Reply, Settings, VisionModel
from glyph_rag.read.models.transformers_processor import Place, PromptProcessor
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prompt import Prompt, build_prompt, clean_answer
from glyph_rag.read.reader import Done, Reading, Sight, hand_over

_BATCH = 8
_POLL = 0.05
_log = logging.getLogger(__name__)

# The parts in which a plan was asked, a reply to each, and notices.
_Heard: TypeAlias = tuple[list[ReadingPlan], list[Reply], tuple[str, ...]]


class TransformersReader:
    """Reads with a vision-language model on this machine, such as Glyph, Qwen3-VL, GLM-4.1V or SmolVLM.

    Nothing is loaded before the first question. One generation runs at a time; further calls wait for it. Code that
    comes with a checkpoint is never run.
    """

    def __init__(
        self,
        model: str | Path,
        *,
        device: str | None = None,
        dtype: str = "auto",
        max_new_tokens: int = 512,
        attention: str | None = None,
        quantize: Literal["4bit"] | None = None,
        images_per_pass: int | None = None,
        stop: Sequence[str] = (),
        revision: str | None = None,
    ) -> None:
        """Takes note of what to load.

        Args:
            model: Hub id, or path of a folder.
            device: Such as "cuda:1", "mps" or "cpu"; the best there is where None.
            dtype: "bfloat16", "float16" or "float32"; "auto" is the first that a GPU computes in, and "float32" on a
                CPU.
            max_new_tokens: Longest reply, thoughts included.
            attention: Attention implementation of transformers, such as "sdpa" or "flash_attention_2".
            quantize: "4bit" for 4-bit weights by bitsandbytes, on an NVIDIA GPU.
            images_per_pass: Most page images in one pass. A plan with more is asked in groups whose answers are
                joined, so that an answer never comes from two pages of different groups. What the plan shows as text
                goes with the first.
            stop: A reply ends before the first of these strings.
            revision: Branch, tag or commit on the hub.

        Raises:
            ReaderError: A setting is out of range.
        """
        for name, value in (("max_new_tokens", max_new_tokens), ("images_per_pass", images_per_pass)):
            if value is not None and value < 1:
                raise ReaderError(f"{name} is {value}", hint="give a whole number above zero")
        if dtype not in DTYPES:
            raise ReaderError(f"there is no dtype {dtype!r} here", hint=f"give one of {', '.join(DTYPES)}")
        if "" in stop or isinstance(stop, str):
            raise ReaderError("stop is a list of strings, none of them empty", hint='such as stop=["\\n\\n"]')
        self._place = Place(str(model), revision, isinstance(model, Path))
        self._settings = Settings(device, dtype, max_new_tokens, attention, quantize, tuple(stop))
        self._images_per_pass = images_per_pass
        self._lock = Lock()
        self._loading = Lock()
        self._processor: PromptProcessor | None = None
        self._model: VisionModel | None = None

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"transformers ({self._place.name})"

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        """Looks at the pages of a plan and answers.

        Out of memory is retried once with half the pages at a time; the reading's notices say so.

        Returns:
            The answer, and as tokens those of the prompt, pages included. Empty for an empty plan.

        Raises:
            MissingExtraError: transformers or torch is not installed.
            ReaderError: The model cannot be loaded, has no eyes, refuses a page or fails, or memory ran out again.
        """
        return self._read(question, plan, Event())

    def read_structured(self, question: str, plan: ReadingPlan, schema: str) -> Reading:
        """Looks at what the plan shows and fills in a form; the prompt asks for it, nothing forces the model.

        A reply that is not a JSON object is asked for once more, and a notice says so. Where the pages are asked in
        groups, the objects are joined: lists one after the other, of single values the first that is not null.

        Args:
            question: The question.
            plan: What to show.
            schema: A JSON schema of an object, as JSON text.

        Returns:
            A reading whose `data` is JSON text, not checked against the schema; empty if the pages do not answer.

        Raises:
            MissingExtraError: As `read`.
            InputError: The schema is not a JSON object.
            ReaderError: As `read`, or the second reply is not a JSON object either.
        """
        check_schema(schema)
        if plan.empty:
            return Reading("", tokens=0, output_tokens=0)
        groups, replies, notices = self._ask(question, plan, Event(), schema)
        data, second, faults = fill_form(
            replies,
            lambda at, fault: self._ask_again(ask_again(question, fault), groups[at], schema),
            self._place.name,
            self._settings.max_new_tokens,
        )
        last = [second.get(at, reply) for at, reply in enumerate(replies)]
        notices = (*notices, *faults, *self._complaints(plan, last))
        return Reading("", notices, *_counts([*replies, *second.values()]), data=data)

    def stream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> Iterator[str]:
        """The reply as the model writes it, labels and thoughts included; `clean_answer` of the whole is the answer.

        A closed or forgotten iterator ends the generation. Where the pages have to be asked in groups, each answer
        comes in one piece. Notices go to the log.

        Yields:
            Pieces of text. No piece ends within a character, and none holds the begin of a stop string.

        Raises:
            MissingExtraError: As `read`.
            ReaderError: As `read`; also in the middle of the stream.
        """
        return self._stream(question, plan, Event(), done)

    async def aread(self, question: str, plan: ReadingPlan) -> Reading:
        """As `read`, in a thread; cancelling the task ends the generation."""
        cancel = Event()
        try:
            return await asyncio.to_thread(self._read, question, plan, cancel)
        finally:
            cancel.set()

    async def astream(self, question: str, plan: ReadingPlan, done: Done | None = None) -> AsyncIterator[str]:
        """As `stream`, in a thread; cancelling the task or closing the iterator ends the generation."""
        cancel = Event()
        pieces = self._stream(question, plan, cancel, done)
        try:
            while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
                yield piece
        finally:
            cancel.set()
            # A cancelled task may leave the thread inside the generator, which then ends by itself.
            with suppress(ValueError):
                await asyncio.to_thread(pieces.close)

    def read_many(self, asks: Sequence[tuple[str, ReadingPlan]]) -> list[Reading]:
        """Answers several questions, up to eight in one pass and never more than `images_per_pass` pages.

        Returns:
            A reading for each question, in the order given: what `read` returns, up to rounding in the model.

        Raises:
            MissingExtraError: As `read`.
            ReaderError: As `read`.
        """
        readings: list[Reading] = []
        for batch in self._batches(asks):
            prompts = [build_prompt(question, plan) for question, plan in batch]
            replies = self._reply(prompts, Event()) if len(batch) > 1 else None
            if replies is None:
                readings += [self.read(question, plan) for question, plan in batch]
            else:
                pairs = zip(batch, replies, strict=True)
                readings += [self._reading(plan, [reply]) for (_, plan), reply in pairs]
        return readings

    def sight(self) -> Sight:
        """What the model can be shown, by its checkpoint's own configuration; the weights are not needed.

        Raises:
            MissingExtraError: transformers is not installed.
            ReaderError: There is no such checkpoint.
        """
        processor = self._load_processor()
        family, context = processor.family, processor.context
        return Sight(
            rule=Sight().rule if family is None else family.rule,
            max_images=None if family is None else family.max_images,
            context=None if context is None else max(0, context - self._settings.max_new_tokens),
            count_text=processor.count,
        )

    def expected_image_tokens(self, plan: ReadingPlan) -> int:
        """What the pages of a plan add to this model's prompt, marks around them included.

        It is counted by the rule of the checkpoint's own configuration. Where none is known for its kind the pages go
        through its processor. The weights are not needed.

        Raises:
            MissingExtraError: transformers is not installed.
            ReaderError: There is no such checkpoint, or its processor refuses a page.
            InputError: By its rule the model refuses a page of this shape.
        """
        processor = self._load_processor()
        if processor.family is not None:
            return image_cost(plan, processor.family.rule)
        if not plan.pages:
            return 0
        with self._alone(Event()):
            prompt = build_prompt("", plan)
            return processor.image_tokens(prompt, processor.length(prompt))

    def _read(self, question: str, plan: ReadingPlan, cancel: Event) -> Reading:
        if plan.empty:
            return Reading("", tokens=0, output_tokens=0)
        _, replies, notices = self._ask(question, plan, cancel)
        return self._reading(plan, replies, notices)

    def _ask(self, question: str, plan: ReadingPlan, cancel: Event, schema: str = "") -> _Heard:
        size = min(len(plan.pages), self._images_per_pass or len(plan.pages))
        groups = in_groups(plan, size)
        replies = self._reply_to_all(question, groups, cancel, schema)
        if replies is None:
            return self._ask_smaller(question, plan, size, cancel, schema)
        notice = f"The {_pages(len(plan.pages))} were read {size} at a time, and the answers joined."
        return groups, replies, (notice,) if len(groups) > 1 else ()

    def _ask_smaller(self, question: str, plan: ReadingPlan, size: int, cancel: Event, schema: str = "") -> _Heard:
        """Asks with half the pages at a time, after memory ran out with `size` of them."""
        smaller = -(-size // 2)
        groups = in_groups(plan, smaller)
        replies = self._reply_to_all(question, groups, cancel, schema) if smaller < size else None
        if replies is None:
            raise self._no_memory(smaller)
        notice = f"Memory ran out with {_pages(size)} at a time, so they were read again with {smaller} at a time."
        return groups, replies, (notice,)

    def _ask_again(self, question: str, group: ReadingPlan, schema: str) -> Reply:
        replies = self._reply([build_prompt(question, group, schema)], Event())
        if replies is None:
            raise self._no_memory(len(group.pages))
        return replies[0]

    def _no_memory(self, pages: int) -> ReaderError:
        return ReaderError(
            f"{self._place.name} ran out of memory with {_pages(pages)} at a time",
            hint="show fewer or smaller pages, choose a smaller model, or load it with quantize='4bit'",
        )

    def _stream(self, question: str, plan: ReadingPlan, cancel: Event, done: Done | None) -> Generator[str, None, None]:
        bound = self._images_per_pass or len(plan.pages)
        if plan.empty or len(plan.pages) > bound:
            yield from _in_one_piece(self._read(question, plan, cancel), done)
            return
        pieces: SimpleQueue[str | None] = SimpleQueue()
        begun = False
        with ThreadPoolExecutor(1, "glyph-rag-reader") as thread:
            replying = thread.submit(self._reply, [build_prompt(question, plan)], cancel, pieces)
            replying.add_done_callback(lambda _: pieces.put(None))
            try:
                while (piece := pieces.get()) is not None:
                    begun = True
                    yield piece
            except BaseException:  # Whoever reads has gone away.
                cancel.set()
                raise
        replies = replying.result()
        if replies is not None:
            hand_over(self._reading(plan, replies), done, _log)
        elif begun:
            raise ReaderError(
                f"{self._place.name} ran out of memory in the middle of the reply",
                hint="show fewer pages, or lower max_new_tokens",
            )
        else:
            _, replies, notices = self._ask_smaller(question, plan, len(plan.pages), cancel)
            yield from _in_one_piece(self._reading(plan, replies, notices), done)

    def _reply_to_all(
        self, question: str, groups: Sequence[ReadingPlan], cancel: Event, schema: str
    ) -> list[Reply] | None:
        """A reply to each group, one after the other, or None if memory ran out with one of them."""
        replies: list[Reply] = []
        for group in groups:
            reply = self._reply([build_prompt(question, group, schema)], cancel)
            if reply is None:
                return None
            replies += reply
            if cancel.is_set():
                break
        return replies

    def _reply(
        self, prompts: Sequence[Prompt], cancel: Event, pieces: SimpleQueue[str | None] | None = None
    ) -> list[Reply] | None:
        with self._alone(cancel):
            model = self._load_model()
            return model.reply(prompts, cancel, None if pieces is None else pieces.put)

    def _reading(self, plan: ReadingPlan, replies: Sequence[Reply], notices: tuple[str, ...] = ()) -> Reading:
        answers = [answer for reply in replies if (answer := clean_answer(reply.text))]
        return Reading("\n".join(answers), (*notices, *self._complaints(plan, replies)), *_counts(replies))

    def _complaints(self, plan: ReadingPlan, replies: Sequence[Reply]) -> Iterator[str]:
        """What is not as it should be about replies."""
        if not all(reply.ended for reply in replies):
            limit = self._settings.max_new_tokens
            yield f"The reply was cut off after {limit} tokens; a larger max_new_tokens lets it come to an end."
        processor = self._load_processor()
        longest = max(reply.prompt_tokens for reply in replies)
        if processor.context is not None and longest > processor.context:
            yield f"The prompt has {longest} tokens, more than the {processor.context} that the model was made for."
        paid = sum(reply.image_tokens for reply in replies)
        if processor.family is not None and (expected := image_cost(plan, processor.family.rule)) != paid:
            yield f"The pages cost {paid} tokens, not {expected} as the rule for this model says."

    def _batches(self, asks: Sequence[tuple[str, ReadingPlan]]) -> Iterator[list[tuple[str, ReadingPlan]]]:
        """Consecutive questions that fit into one pass; what goes through no pass, or through several, stands alone."""
        batch: list[tuple[str, ReadingPlan]] = []
        pages = 0
        for ask in asks:
            more = len(ask[1].pages)
            full = self._images_per_pass is not None and pages + more > self._images_per_pass
            if batch and (full or more == 0 or pages == 0 or len(batch) == _BATCH):
                yield batch
                batch, pages = [], 0
            batch.append(ask)
            pages += more
        if batch:
            yield batch

    @contextmanager
    def _alone(self, cancel: Event) -> Iterator[None]:
        """Waits until no other thread uses the model; whoever is cancelled by then need not wait.

        Raises:
            ReaderError: It is cancelled while it waits.
        """
        while not self._lock.acquire(timeout=_POLL):
            if cancel.is_set():
                raise ReaderError("the question was given up before the model was free")
        try:
            yield
        finally:
            self._lock.release()

    def _load_processor(self) -> PromptProcessor:
        with self._loading:
            if self._processor is None:
                self._processor = PromptProcessor(self._place)
            return self._processor

    def _load_model(self) -> VisionModel:
        if self._model is None:
            self._model = VisionModel(self._place, self._load_processor(), self._settings)
        return self._model


def _in_one_piece(reading: Reading, done: Done | None) -> Iterator[str]:
    if reading.text:
        yield reading.text
    hand_over(reading, done, _log)


def _counts(replies: Sequence[Reply]) -> tuple[int, int]:
    """Tokens of all prompts, and of all replies."""
    return sum(reply.prompt_tokens for reply in replies), sum(reply.reply_tokens for reply in replies)


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"

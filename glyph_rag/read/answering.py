"""From what was found to a checked answer: plan, read, verify."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping
from dataclasses import replace

from glyph_rag.errors import ReaderError
from glyph_rag.read.answer import Answer
from glyph_rag.read.conclude import conclude
from glyph_rag.read.crosscheck import compare
from glyph_rag.read.job import Job, Wishes
from glyph_rag.read.plan import Excerpt, Mode, ReadingPlan
from glyph_rag.read.planning.material import Material, PlanSettings, Viewer
from glyph_rag.read.planning.planner import make_plan
from glyph_rag.read.planning.receipt import Receipts
from glyph_rag.read.reader import Reader, Reading, Sight
from glyph_rag.read.streaming import AnswerStream, AsyncAnswerStream, Words
from glyph_rag.typeset.cache import PageCache


class Answering:
    """Answers questions from hits with one reader. Safe to use from several threads."""

    def __init__(self, reader: Reader, receipts: Receipts | None, cache: PageCache | None) -> None:
        """
        Args:
            reader: Reads what the plan shows.
            receipts: What was measured of readers.
            cache: Where image files are kept.
        """
        self._reader, self._receipts, self._cache = reader, receipts, cache

    def viewer(self) -> Viewer:
        """Who plans are made for."""
        sight = getattr(self._reader, "sight", None)
        return Viewer(self._reader.name, sight() if sight else Sight(), self._receipts)

    def plan(self, material: Material, settings: PlanSettings) -> tuple[ReadingPlan, tuple[Excerpt, ...]]:
        """What the reader would be shown; see `make_plan`."""
        return make_plan(material, settings, self.viewer(), self._cache)

    def answer(self, material: Material, wishes: Wishes, spent: Mapping[str, float]) -> Answer:
        """Plans, reads and verifies.

        Args:
            material: The question and what was found.
            wishes: How to answer it.
            spent: Seconds that were spent before, by step.

        Raises:
            InputError: The budget has no room for anything that was found.
            ReaderError: The pages cannot be read, or the reader cannot fill in a form.
        """
        job = self.begin(material, wishes, spent)
        answer = self.finish(job, self.read(job))
        if not wishes.cross_check:
            return answer
        return replace(answer, cross_check=compare(answer, self.answer(material, _other_channel(wishes, answer), {})))

    async def aanswer(self, material: Material, wishes: Wishes, spent: Mapping[str, float]) -> Answer:
        """As `answer`, without blocking the event loop."""
        job = await asyncio.to_thread(self.begin, material, wishes, spent)
        aread = getattr(self._reader, "aread" if wishes.form is None else "aread_structured", None)
        if aread is None or job.plan.empty:
            reading = await asyncio.to_thread(self.read, job)
        elif wishes.form is None:
            reading = await aread(material.question, job.plan)
        else:
            reading = await aread(material.question, job.plan, job.material.schema)
        answer = await asyncio.to_thread(self.finish, job, reading)
        if not wishes.cross_check:
            return answer
        other = await self.aanswer(material, _other_channel(wishes, answer), {})
        return replace(answer, cross_check=compare(answer, other))

    def stream(self, material: Material, wishes: Wishes, spent: Mapping[str, float]) -> AnswerStream:
        """As `answer`, giving the words as they come. A reader that cannot stream gives all of them at once."""
        return AnswerStream(self._stream(material, wishes, spent))

    def astream(self, material: Material, wishes: Wishes, spent: Mapping[str, float]) -> AsyncAnswerStream:
        """As `stream`, without blocking the event loop."""
        return AsyncAnswerStream(self._astream(material, wishes, spent))

    def _stream(
        self, material: Material, wishes: Wishes, spent: Mapping[str, float]
    ) -> Generator[str | Answer, None, None]:
        stream = getattr(self._reader, "stream", None)
        if stream is None or wishes.strict:
            yield from _at_once(self.answer(material, wishes, spent))
            return
        job = self.begin(material, wishes, spent)
        words = Words()
        for piece in () if job.plan.empty else stream(material.question, job.plan, words.end):
            yield from _if_any(words.take(piece))
        yield from _if_any(words.rest())
        answer = self.finish(job, words.reading)
        # Who listens to a reader that finds nothing hears so.
        yield from () if words.any_told else _if_any(answer.text)
        yield answer

    async def _astream(
        self, material: Material, wishes: Wishes, spent: Mapping[str, float]
    ) -> AsyncGenerator[str | Answer, None]:
        astream = getattr(self._reader, "astream", None)
        if astream is None or wishes.strict:
            for piece in _at_once(await self.aanswer(material, wishes, spent)):
                yield piece
            return
        job = await asyncio.to_thread(self.begin, material, wishes, spent)
        words = Words()
        if not job.plan.empty:
            async for piece in astream(material.question, job.plan, words.end):
                for part in _if_any(words.take(piece)):
                    yield part
        for part in _if_any(words.rest()):
            yield part
        answer = await asyncio.to_thread(self.finish, job, words.reading)
        for part in () if words.any_told else _if_any(answer.text):
            yield part
        yield answer

    def begin(self, material: Material, wishes: Wishes, spent: Mapping[str, float]) -> Job:
        """Plans."""
        started = time.perf_counter()
        if wishes.form is not None:
            material = replace(material, schema=json.dumps(wishes.form.model_json_schema(), ensure_ascii=False))
        plan, excerpts = self.plan(material, wishes.plan)
        planned = time.perf_counter()
        return Job(material, wishes, plan, excerpts, {**spent, "typeset": planned - started}, planned)

    def read(self, job: Job) -> Reading:
        """Reads what was planned; a plan that shows nothing is read without the reader.

        Raises:
            ReaderError: It cannot be read, or the reader cannot fill in a form.
        """
        if job.wishes.form is not None:
            return self._fill_in(job)
        return Reading("") if job.plan.empty else self._reader.read(job.material.question, job.plan)

    def _fill_in(self, job: Job) -> Reading:
        read = getattr(self._reader, "read_structured", None)
        if read is None:
            raise ReaderError(
                f"the reader {self._reader.name!r} cannot fill in a form",
                hint="a vision-language model can: reader='openai:...' or 'transformers:...'",
            )
        reading: Reading = Reading("") if job.plan.empty else read(job.material.question, job.plan, job.material.schema)
        return reading

    def finish(self, job: Job, reading: Reading) -> Answer:
        """Checks what was read against the source."""
        return conclude(job, reading, self.viewer().sight)


def _other_channel(wishes: Wishes, answer: Answer) -> Wishes:
    mode: Mode = "image" if answer.plan.mode == "text" else "text"
    return replace(wishes, cross_check=False, plan=replace(wishes.plan, mode=mode))


def _at_once(answer: Answer) -> Iterator[str | Answer]:
    yield answer.text
    yield answer


def _if_any(words: str) -> Iterator[str]:
    if words:
        yield words

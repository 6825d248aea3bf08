"""Whole documents: all of a text on pages, without a search, in one prompt or in parts whose findings are joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from glyph_rag.read.answer import Answer
from glyph_rag.read.answering import Answering
from glyph_rag.read.job import Job, Wishes
from glyph_rag.read.plan import Excerpt, PlanText, ReadingPlan
from glyph_rag.read.planning.density import choose_density
from glyph_rag.read.planning.material import Material, PlanSettings
from glyph_rag.read.planning.pack import Packer, Part, cost
from glyph_rag.read.planning.planner import EXACT_TOKENS
from glyph_rag.read.prompt import prompt_texts, words_of
from glyph_rag.read.reader import Reading
from glyph_rag.search.hit import Hit
from glyph_rag.typeset.render import page_label

_MOST_PAGES = 100
"""Pages in one prompt where nobody knows what the reader takes; so memory does not grow with the document."""

Progress = Callable[[int, int], object]
"""Called with how many pages were read and how many there are."""


@dataclass(frozen=True, eq=False)
class _Finding:
    """What a part of the document had to say."""

    text: str
    place: str
    excerpts: tuple[Excerpt, ...]
    reading: Reading
    image_tokens: int
    text_tokens: int
    tokens: int


def read_whole(
    answering: Answering, question: str, hits: Sequence[Hit], wishes: Wishes, progress: Progress | None = None
) -> Answer:
    """Shows a reader all pages of a document, in as many parts as it needs, and joins what it finds.

    Pages that a reader refuses, because the prompt is too long for it after all, are read in a part of their own.

    Args:
        answering: Reads and checks.
        question: The question.
        hits: The pages of the document, in order, each with all of its chunks.
        wishes: How to answer it.
        progress: Is told how far it is.

    Raises:
        InputError: The budget has no room for a page.
        ReaderError: The pages cannot be read.
    """
    waiting, findings = list(hits), list[_Finding]()
    parts = _Parts(answering, question, wishes.plan)
    while True:
        group = parts.take(waiting)
        job = answering.begin(Material(question, group), wishes, {})
        reading = answering.read(job)
        unread = _unread(job, reading)
        waiting = [*unread, *waiting[len(group) :]]
        if not findings and not waiting:
            return answering.finish(job, reading)
        findings.append(_finding(job, reading))
        if progress is not None:
            progress(len(hits) - len(waiting), len(hits))
        if not waiting:
            return _join(answering, job, findings)


class _Parts:
    """How many pages go into a prompt."""

    def __init__(self, answering: Answering, question: str, settings: PlanSettings) -> None:
        self._settings, self._viewer = settings, answering.viewer()
        sight = self._viewer.sight
        bounds = [bound for bound in (settings.budget, sight.context) if bound is not None]
        fixed = sum(map(sight.count_text, prompt_texts(question, ())))
        self._room = min(bounds) - fixed - EXACT_TOKENS if bounds else None

    def take(self, hits: Sequence[Hit]) -> list[Hit]:
        """As many of the first pages as fit, and one at least."""
        taken, tokens, images, most = list[Hit](), 0, 0, self._viewer.sight.max_images
        for hit in hits[:_MOST_PAGES]:
            parts = self._parts(hit)
            tokens, images = tokens + cost(parts), images + len(parts)
            full = self._room is not None and tokens > self._room
            if taken and (full or (most is not None and images > most)):
                break
            taken.append(hit)
        return taken

    def _parts(self, hit: Hit) -> list[Part]:
        density = choose_density([hit], self._settings, self._viewer)
        choices, _ = Packer(self._viewer.sight, density, None).pack([hit], 0)
        return choices[0].parts


def _unread(job: Job, reading: Reading) -> list[Hit]:
    """The pages that the reader was not shown after all, if there are others that it was."""
    if reading.shown is None:
        return []
    read = {excerpt.home.id for excerpt in job.excerpts if excerpt.label in reading.shown}
    return [hit for hit in job.material.hits if hit.page.id not in read] if read else []


def _join(answering: Answering, last: Job, findings: Sequence[_Finding]) -> Answer:
    """One answer from those of the parts, which is checked against all of them."""
    telling = [finding for finding in findings if finding.text]
    plan, reading = last.plan, Reading("")
    if telling:
        count = answering.viewer().sight.count_text
        texts = [PlanText("passage", f"P{at}", f.place, f.text, 0) for at, f in enumerate(telling, 1)]
        texts = [replace(text, tokens=count(words_of(text))) for text in texts]
        fixed = sum(map(count, prompt_texts(last.material.question, ())))
        plan = ReadingPlan((), sum(text.tokens for text in texts), tuple(texts), mode="text", prompt_tokens=fixed)
        reading = telling[0].reading if len(telling) == 1 else answering.read(replace(last, plan=plan))
    excerpts = tuple(excerpt for finding in findings for excerpt in finding.excerpts)
    plan = replace(plan, reason=f"read in {len(findings)} parts, whose findings are joined")
    answer = answering.finish(replace(last, plan=plan, excerpts=excerpts), replace(reading, shown=None))
    notices = [notice for finding in findings for notice in finding.reading.notices]
    return replace(
        answer,
        usage=replace(
            answer.usage,
            image_tokens=sum(finding.image_tokens for finding in findings),
            text_tokens=sum(finding.text_tokens for finding in findings),
            expected_tokens=plan.tokens + sum(finding.tokens for finding in findings),
        ),
        notices=tuple(dict.fromkeys((*notices, *answer.notices))),
    )


def _finding(job: Job, reading: Reading) -> _Finding:
    shown = [e for e in job.excerpts if reading.shown is None or e.label in reading.shown]
    place = f"{page_label(shown[0].home)} to {page_label(shown[-1].home)}" if shown else ""
    plan = job.plan
    return _Finding(reading.text, place, tuple(shown), reading, plan.image_tokens, plan.text_tokens, plan.tokens)

"""From what was read to an answer: everything in it held against the source."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from glyph_rag.read.answer import Answer, Sentence, Usage
from glyph_rag.read.job import Job
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.prices import price_of
from glyph_rag.read.reader import Reading, Sight
from glyph_rag.read.safety.notices import notices_about
from glyph_rag.read.sources import Source, at_home, sources
from glyph_rag.read.structured import check_fields, fill
from glyph_rag.read.verify import verify
from glyph_rag.typeset.render import page_label

NOT_FOUND = "The documents do not answer this."


def conclude(job: Job, reading: Reading, sight: Sight) -> Answer:
    """Checks what was read against the source.

    Args:
        job: What was planned.
        reading: What came of it.
        sight: That of the reader, for the price.
    """
    read = time.perf_counter()
    shown = sources(job.excerpts, reading.shown)
    draft = _filled(job, reading, shown) if job.wishes.form is not None else _verified(reading.text, job, shown)
    seconds = {**job.seconds, "read": read - job.planned, "verify": time.perf_counter() - read}
    return replace(
        draft,
        usage=_usage(job.plan, reading, sight, seconds),
        notices=(*reading.notices, *_about(job.plan, shown), *draft.notices),
    )


def _usage(plan: ReadingPlan, reading: Reading, sight: Sight, seconds: Mapping[str, float]) -> Usage:
    tokens = plan.tokens if reading.tokens is None else reading.tokens
    price = price_of(sight.model, tokens, reading.output_tokens or 0, sight.provider or None)
    return Usage(
        image_tokens=plan.image_tokens,
        text_tokens=plan.text_tokens,
        expected_tokens=plan.tokens,
        reported_tokens=reading.tokens,
        output_tokens=reading.output_tokens,
        usd=None if price is None else float(price.usd),
        price_source="" if price is None else price.source,
        seconds=seconds,
    )


def _verified(text: str, job: Job, shown: list[Source]) -> Answer:
    """The answer in a reader's words."""
    sentences, cited = verify(text, [source.page for source in shown])
    supported = [sentence for sentence in sentences if sentence.support != "unsupported"]
    kept = supported if job.wishes.strict or not (supported or job.wishes.free) else sentences
    notice = _withheld(sentences, len(sentences) - len(kept))
    words = _set_out(text, kept) if job.wishes.free else " ".join(sentence.text for sentence in kept)
    return Answer(
        text=words or NOT_FOUND,
        found=bool(kept),
        sentences=sentences,
        citations=at_home(cited, shown),
        supported=bool(sentences) and len(supported) == len(sentences),
        plan=job.plan,
        usage=Usage(0, 0),
        notices=notice,
    )


def _set_out(reply: str, kept: Sequence[Sentence]) -> str:
    """Sentences set out as in the reply: whoever wrote the prompt may have asked for paragraphs, a list or a table."""
    text, at = "", 0
    for sentence in kept:
        start = reply.index(sentence.read_as, at)
        gap = reply[at:start]
        if gap.strip():  # Sentences were left out there.
            gap = "\n\n" if "\n" in gap else " "
        text += gap + sentence.text
        at = start + len(sentence.read_as)
    return text.strip()


def _withheld(sentences: tuple[Sentence, ...], count: int) -> tuple[str, ...]:
    if not count:
        return ()
    left_out = "1 sentence was" if count == 1 else f"{count} sentences were"
    return (f"{left_out} left out, because what was read does not say so; `sentences` still holds all of them.",)


def _filled(job: Job, reading: Reading, shown: list[Source]) -> Answer:
    """The answer as a form."""
    form = job.wishes.form
    if form is None or not reading.data:
        return Answer(NOT_FOUND, False, (), (), False, job.plan, Usage(0, 0))
    data = fill(reading.data, form)
    checked = check_fields(data, [source.page for source in shown])
    fields = tuple(
        value if value.citation is None else replace(value, citation=at_home([value.citation], shown)[0])
        for value in checked
    )
    return Answer(
        text=reading.data,
        found=True,
        sentences=(),
        citations=tuple(dict.fromkeys(value.citation for value in fields if value.citation is not None)),
        supported=bool(fields) and all(value.support != "unsupported" for value in fields),
        plan=job.plan,
        usage=Usage(0, 0),
        data=data,
        fields=fields,
    )


def _about(plan: ReadingPlan, shown: list[Source]) -> tuple[str, ...]:
    """What the user has to know of what was shown, and of what was not."""
    labelled = [(", ".join(source.labels), page_label(source.page), source.page.text) for source in shown]
    left_out = tuple(f"Not read: {omission.place}: {omission.why}." for omission in plan.omitted)
    return (*left_out, *notices_about(labelled))

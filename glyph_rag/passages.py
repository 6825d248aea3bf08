"""Passages that somebody else found: set on pages for any model, and what it says of them checked.

For chains that have a retriever and a prompt of their own. What such a chain knows of a passage is its text and where
it comes from; that is enough to show it as an image and to hold an answer against it.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from glyph_rag.corpus.document import Document, Mark
from glyph_rag.corpus.split import split
from glyph_rag.read.answer import Answer
from glyph_rag.read.conclude import conclude
from glyph_rag.read.job import Job, Wishes
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.planning.material import Material, PlanSettings, Viewer
from glyph_rag.read.planning.planner import make_plan
from glyph_rag.read.prompt import Part, clean_answer, context_parts
from glyph_rag.read.reader import Reading, Sight
from glyph_rag.search.hit import Hit
from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.page import make_pages
from glyph_rag.typeset.profile import RenderProfile

IMAGES_ALONE = PlanSettings(exact=False, focus=False)
"""Each passage once, as an image and not as text."""


@dataclass(frozen=True)
class Given:
    """A passage as another retriever gives it.

    Attributes:
        text: Its words.
        source: Path or URI of what it was taken from; empty where nobody knows.
        first_line: Number of its first line there, counted from 1, or None where nobody knows.
        place: What to cite where lines are not known, such as "page 3"; its number among the passages where empty.
    """

    text: str
    source: str = ""
    first_line: int | None = None
    place: str = ""

    @classmethod
    def of(cls, text: str, metadata: Mapping[str, object]) -> Given:
        """A passage with what the loaders of frameworks say of it in its metadata.

        Its source is the first of "source", "file_path", "file_name" and "url" that is there; its place is "place", or
        else the page in "page_label" or "page"; its first line is "line_start", where it has no place.
        """
        named = (metadata.get(key) for key in ("source", "file_path", "file_name", "url"))
        source = next((str(value) for value in named if value), "")
        pages = (metadata.get(key) for key in ("page_label", "page"))
        page = next((f"page {value}" for value in pages if value not in (None, "")), "")
        place, line = str(metadata.get("place") or page), metadata.get("line_start")
        return cls(text, source, line if isinstance(line, int) and not place else None, place)


@dataclass(frozen=True, eq=False)
class Passages:
    """Passages on pages.

    Attributes:
        plan: The pages, what they cost, and what is left out.
        job: What an answer is checked against.
        sight: What the pages were made for.
    """

    plan: ReadingPlan
    job: Job
    sight: Sight

    @property
    def parts(self) -> tuple[Part, ...]:
        """What a model is shown: the heading of each image, "[P1]", and the image, in order."""
        return context_parts(self.plan)

    @property
    def labels(self) -> Mapping[int, tuple[str, ...]]:
        """For each passage that is shown, counted from 0: what its pages are called, as in the strip at their top."""
        found: dict[int, tuple[str, ...]] = {}
        for excerpt in self.job.excerpts:
            at = number_of(excerpt.home.document_id)
            found[at] = (*found.get(at, ()), excerpt.label)
        return found

    def check(self, reply: str, *, strict: bool = False, reading: Reading | None = None) -> Answer:
        """Holds a model's reply against the passages: every sentence cited, corrected or marked as unsupported.

        The passage that a citation is about is `number_of(citation.document_id)`.

        Args:
            reply: What the model wrote. Thoughts and labels are taken out.
            strict: Leave out every sentence that the passages do not support.
            reading: What else is known of the reply, such as the tokens that the provider counted.
        """
        job = replace(self.job, wishes=replace(self.job.wishes, strict=strict))
        return conclude(job, replace(reading or Reading(""), text=clean_answer(reply)), self.sight)


def typeset_passages(
    passages: Sequence[Given],
    question: str = "",
    *,
    settings: PlanSettings = IMAGES_ALONE,
    viewer: Viewer | None = None,
    cache: PageCache | None = None,
) -> Passages:
    """Sets passages on pages, in the order given; small ones share an image.

    Args:
        passages: The passages, best first. Those without words are left out.
        question: What is asked, as far as it is known: exact strings are chosen by it.
        settings: How they are shown; "careful" where no density is named.
        viewer: Who is to see them; an unknown model that pays for images as Qwen2-VL does where None.
        cache: Where image files are kept.

    Raises:
        InputError: The budget has no room for any passage.
        ProfileError: There is no preset of that name.
    """
    started = time.perf_counter()
    viewer = viewer or Viewer("", Sight())
    density = settings.density or "careful"
    profile = density if isinstance(density, RenderProfile) else RenderProfile.preset(density)
    material = Material(question, hits_of(passages, profile))
    plan, excerpts = make_plan(material, replace(settings, density=profile), viewer, cache)
    planned = time.perf_counter()
    job = Job(material, Wishes(settings, free=True), plan, excerpts, {"typeset": planned - started}, planned)
    return Passages(plan, job, viewer.sight)


def hits_of(passages: Sequence[Given], density: str | RenderProfile = "careful") -> list[Hit]:
    """The pages of passages, in their order, for whoever has `Answering` plan, read and check.

    Each passage is a document of its own; which, `number_of` says.

    Raises:
        ProfileError: There is no preset of that name.
    """
    profile = density if isinstance(density, RenderProfile) else RenderProfile.preset(density)
    return [hit for number, passage in enumerate(passages) for hit in _hits(number, passage, profile)]


def number_of(document_id: str) -> int:
    """Which passage, counted from 0, the document of a citation or a page is."""
    return int(document_id)


def _hits(number: int, passage: Given, profile: RenderProfile) -> list[Hit]:
    """The pages of a passage. Each passage is a document of its own, known by its number."""
    place = () if passage.first_line is not None else (Mark(0, passage.place or f"passage {number + 1}"),)
    document = Document(str(number), passage.text, passage.source or "context", marks=place)
    down = (passage.first_line or 1) - 1
    return [
        Hit(1.0, replace(page, first_line=page.first_line + down), tuple(chunks))
        for page, chunks in make_pages(document, split(document), profile)
    ]

"""From hits to a plan: what a reader is shown of them, as images at which density or as text, within a budget.

Each hit's best passage comes first, then the exact strings of these passages, then whole pages, best first, as long as
there is room. Where whole pages are set more densely than the reader is known to read well, the passages are shown
again at a size that it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from glyph_rag.errors import InputError
from glyph_rag.read.plan import Excerpt, Omission, PlanPage, PlanText, ReadingPlan
from glyph_rag.read.planning.density import choose_density
from glyph_rag.read.planning.exact import choose_exact, sidecar
from glyph_rag.read.planning.material import Material, PlanSettings, Viewer
from glyph_rag.read.planning.pack import Choice, Packer, Part, cost
from glyph_rag.read.planning.remember import remember
from glyph_rag.read.planning.sheets import Sheet, draw_sheets, gather, size_of
from glyph_rag.read.prompt import page_heading, prompt_texts, words_of
from glyph_rag.read.sources import sources
from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.render import page_label

EXACT_TOKENS = 160
"""What exact strings take at most."""

_LEAST_EXACT_TOKENS = 24
_EXACT_SHARE = 8
"""Exact strings take at most this part of what the pages take."""

_MEMORY_SHARE = 4
"""The conversation so far takes at most this part of a budget."""


def make_plan(
    material: Material, settings: PlanSettings, viewer: Viewer, cache: PageCache | None = None
) -> tuple[ReadingPlan, tuple[Excerpt, ...]]:
    """Decides what a reader is shown.

    Args:
        material: The question and what was found.
        settings: What the user wants.
        viewer: Who it is for.
        cache: Where image files are kept.

    Returns:
        The plan, and what of the source stands behind each of its labels.

    Raises:
        InputError: There are hits and the budget has no room for any of them, or it is less than 1.
        ProfileError: There is no preset of that name.
    """
    return _Planner(material, settings, viewer, cache).plan()


class _Planner:
    """One plan in the making."""

    def __init__(self, material: Material, settings: PlanSettings, viewer: Viewer, cache: PageCache | None) -> None:
        self._material, self._settings, self._sight, self._cache = material, settings, viewer.sight, cache
        self._budget = budget = _least(settings.budget, viewer.sight.context)
        if budget is not None and budget < 1:
            raise InputError(f"a budget of {budget} tokens", hint="give the tokens that the prompt may have")
        self._density = choose_density(material.hits, settings, viewer)
        fixed = sum(map(self._sight.count_text, prompt_texts(material.question, (), material.schema)))
        room = None if budget is None else (budget - fixed) // _MEMORY_SHARE
        self._as_text = self._density.mode == "text"
        self._memory = remember(material.turns, self._sight, room, as_text=self._as_text)
        self._fixed = fixed + self._memory.text_tokens
        left = None if budget is None else budget - fixed - self._memory.tokens
        self._packer = Packer(self._sight, self._density, left)

    def plan(self) -> tuple[ReadingPlan, tuple[Excerpt, ...]]:
        """Chooses and draws; a plan that turns out larger than it may be loses its last parts."""
        choices, omitted = self._packer.pack(self._material.hits, self._exact_room())
        exact = self._settings.exact and not self._as_text
        while True:
            plan, excerpts = self._assemble(choices, omitted, exact=exact)
            over = self._budget is not None and plan.tokens > self._budget
            most = self._sight.max_images
            if not over and (most is None or len(plan.pages) <= most):
                return plan, excerpts
            if over and exact:
                exact = False
            elif choices[-1].whole and choices[-1].passages:
                choices[-1].whole = []
            elif len(choices) == 1:
                raise InputError(
                    f"the best page takes {plan.tokens} tokens and {len(plan.pages)} images",
                    hint=f"the budget is {self._budget} tokens, and the reader takes {most} images",
                )
            else:
                why = "there is no room for it in the budget" if over else f"the reader takes {most} images at most"
                omitted.append(Omission(page_label(choices.pop().hit.page), why))

    def _exact_room(self) -> int:
        """What is kept back for exact strings."""
        left = self._packer.left
        if not self._settings.exact or self._as_text or left is None:
            return 0
        return min(EXACT_TOKENS, left // _EXACT_SHARE)

    def _assemble(
        self, choices: Sequence[Choice], omitted: Sequence[Omission], *, exact: bool
    ) -> tuple[ReadingPlan, tuple[Excerpt, ...]]:
        parts = [part for choice in choices for part in choice.parts]
        sheets = [replace(part.sheet, label=f"P{number}") for number, part in enumerate(parts, 1)]
        pages: tuple[PlanPage, ...] = ()
        texts: list[PlanText] = []
        if self._as_text:
            texts = [self._as_passage(sheet) for sheet in sheets]
        else:
            pages = self._as_images(sheets)
        texts += self._exact_strings(sheets, parts) if exact else []
        excerpts = tuple(Excerpt(s.label, s.page, s.home) for s in sheets if s.home is not None)
        headings = sum(self._sight.count_text(page_heading(page.labels)) for page in pages)
        plan = ReadingPlan(
            pages=pages,
            text_tokens=sum(self._sight.count_text(source.page.text) for source in sources(excerpts)),
            texts=tuple(texts),
            turns=self._memory.turns,
            omitted=tuple(omitted),
            mode=self._density.mode,
            reason=self._density.reason,
            prompt_tokens=self._fixed + headings,
            budget=self._budget,
        )
        return plan, excerpts

    def _as_passage(self, sheet: Sheet) -> PlanText:
        text = PlanText("passage", sheet.label, page_label(sheet.page), sheet.page.text, 0, sheet.why)
        return replace(text, tokens=self._sight.count_text(words_of(text)))

    def _as_images(self, sheets: Sequence[Sheet]) -> tuple[PlanPage, ...]:
        rule, most = self._sight.rule, self._sight.max_images
        earlier = self._memory.sheets
        heading = self._sight.count_text(page_heading(("P1",)))
        groups = [[sheet] for sheet in earlier]
        groups += gather(sheets, rule, heading, None if most is None else max(1, most - len(earlier)))
        return tuple(draw_sheets(group, rule.tokens(*size_of(group)), self._cache) for group in groups)

    def _exact_strings(self, sheets: Sequence[Sheet], parts: Sequence[Part]) -> list[PlanText]:
        shown = [(sheet.label, text) for sheet in sheets if (text := _words_of_hit(sheet))]
        room = min(EXACT_TOKENS, max(_LEAST_EXACT_TOKENS, cost(parts) // _EXACT_SHARE))
        room = room if self._packer.left is None else min(room, self._packer.left)
        if not shown or room < 1:
            return []
        empty = PlanText("exact", "", "", "", 0, "read these from the source, not off the pages")
        frame = self._sight.count_text(words_of(empty))
        found = choose_exact(self._material.question, [text for _, text in shown], room - frame, self._sight.count_text)
        words = sidecar([(label, chosen) for (label, _), chosen in zip(shown, found, strict=True) if chosen])
        if not words:
            return []
        strings = replace(empty, text=words)
        return [replace(strings, tokens=self._sight.count_text(words_of(strings)))]


def _least(*bounds: int | None) -> int | None:
    return min((bound for bound in bounds if bound is not None), default=None)


def _words_of_hit(sheet: Sheet) -> str:
    """The words of a sheet that earned the hit."""
    page = sheet.page
    spans = [(max(chunk.start, page.start), min(chunk.end, page.end)) for chunk in sheet.chunks]
    return "\n".join(page.text[a - page.start : b - page.start] for a, b in sorted(spans) if a < b)

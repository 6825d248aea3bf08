"""Plans: within the budget, nothing empty, nothing left out in silence, and the same every time."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.split import split
from glyph_rag.errors import InputError, ProfileError
from glyph_rag.read.plan import Excerpt, ReadingPlan, Turn
from glyph_rag.read.planning.material import Material, PlanSettings, Viewer
from glyph_rag.read.planning.planner import make_plan
from glyph_rag.read.planning.sheets import profile_for
from glyph_rag.read.prompt import PagePart, TextPart, build_prompt
from glyph_rag.read.reader import Sight
from glyph_rag.read.sources import sources
from glyph_rag.search.hit import Hit
from glyph_rag.typeset.imagetokens import FAMILIES, family
from glyph_rag.typeset.page import make_pages
from glyph_rag.typeset.profile import PRESETS, RenderProfile
from glyph_rag.typeset.tokens import estimate_text_tokens

FACTS = (
    "The gate opens at 6:45 and closes at 22:10 on working days.",
    "Ticket ERR_CONN_42 was closed by Amara Okonkwo on 2024-03-07.",
    "The reactor holds 1,250 litres at 3.5 bar.",
    "仓库的温度必须保持在四度以下，每天检查两次。",
    "Der Schlüssel liegt im Büro von Frau Çelik.",
    "Nobody may enter the hall without a helmet, not even visitors.",
)


def hits_of(*texts: str, profile: RenderProfile | None = None, best: int = 1) -> list[Hit]:
    """The first page of each text, earned by its chunks from `best` on."""
    hits = []
    for number, text in enumerate(texts):
        document = Document(f"doc{number}", text, source=f"notes/{number}.md")
        chunks = split(document, target=200)
        page, on_it = next(iter(make_pages(document, chunks, profile or RenderProfile())))
        hits.append(Hit(1.0 - number / 100, page, tuple(on_it[-best:])))
    return hits


def long_text(seed: int, paragraphs: int) -> str:
    return "\n\n".join(
        " ".join(FACTS[(seed + at + more) % len(FACTS)] for more in range(3)) + f" Entry {seed}-{at}."
        for at in range(paragraphs)
    )


def plan_for(
    hits: list[Hit], viewer: Viewer | None = None, turns: tuple[Turn, ...] = (), question: str = "When is it open?",
    **wanted: object,
) -> tuple[ReadingPlan, tuple[Excerpt, ...]]:  # fmt: skip
    settings_ = replace(PlanSettings(), **wanted)  # type: ignore[arg-type]
    return make_plan(Material(question, hits, turns), settings_, viewer or Viewer("test", Sight()))


class Says:
    """Receipts that allow some presets."""

    def __init__(self, **verdicts: bool) -> None:
        self.verdicts = verdicts

    def allows(self, reader: str, profile: RenderProfile, scripts: frozenset[str]) -> bool | None:
        del reader, scripts
        return next((v for name, v in self.verdicts.items() if PRESETS[name] == profile), None)


def prompt_cost(plan: ReadingPlan, sight: Sight, question: str) -> int:
    """What the real prompt costs: every text in it and every image by its size."""
    prompt = build_prompt(question, plan)
    words = [prompt.system, *(part.text for part in prompt.parts if isinstance(part, TextPart))]
    images = [part.page for part in prompt.parts if isinstance(part, PagePart)]
    return sum(map(sight.count_text, words)) + sum(sight.rule.tokens(*page.size) for page in images)


hits_strategy = st.lists(
    st.tuples(st.integers(0, 5), st.integers(1, 40), st.integers(1, 3)), min_size=1, max_size=5
).map(
    lambda rows: [replace(hits_of(long_text(s, n), best=b)[0], score=1 - at / 9) for at, (s, n, b) in enumerate(rows)]
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    hits=hits_strategy,
    budget=st.integers(200, 5_000),
    mode=st.sampled_from(["image", "text", "auto"]),
    density=st.sampled_from([None, "careful", "balanced", "dense"]),
    name=st.sampled_from(["qwen2-vl", "qwen3-vl", "gemma3", "internvl", "smolvlm"]),
    most=st.sampled_from([None, 1, 2, 4]),
    turns=st.integers(0, 6),
)
def test_a_plan_keeps_to_its_budget_and_says_what_is_missing(
    hits: list[Hit], budget: int, mode: str, density: str | None, name: str, most: int | None, turns: int
) -> None:
    known = [each for each in FAMILIES if each.name.startswith(name)]
    sight = Sight(known[0].rule if known else family("qwen2-vl").rule, max_images=most)
    said = tuple(Turn(f"What of entry {n}?", FACTS[n % len(FACTS)]) for n in range(turns))
    try:
        plan, excerpts = plan_for(hits, Viewer("test", sight), said, mode=mode, density=density, budget=budget)
    except InputError as error:
        assert "budget" in str(error) or "images" in str(error)
        return
    assert plan.tokens <= budget
    assert prompt_cost(plan, sight, "When is it open?") == plan.tokens
    assert all(np.any(page.levels) for page in plan.pages)
    assert most is None or len(plan.pages) <= most
    omitted = {omission.place.split(":")[0] for omission in plan.omitted}
    shown = {source.home.id: [] for source in sources(excerpts)}
    for source in sources(excerpts):
        shown[source.home.id].append((source.page.start, source.page.end))
    for hit in hits:
        best = hit.chunks[0]
        start, end = max(best.start, hit.page.start), min(best.end, hit.page.end)
        there = any(a <= start and end <= b for a, b in shown.get(hit.page.id, []))
        assert there or hit.page.source in omitted
    again, _ = plan_for(hits, Viewer("test", sight), said, mode=mode, density=density, budget=budget)
    assert str(again) == str(plan)
    assert [page.key for page in again.pages] == [page.key for page in plan.pages]


def test_without_a_budget_every_page_is_shown_whole() -> None:
    hits = hits_of(long_text(0, 10), long_text(1, 3), long_text(2, 8))
    plan, excerpts = plan_for(hits, exact=False)
    assert [page.label for page in plan.pages] == ["P1", "P2", "P3"]
    assert not plan.omitted
    for page, hit in zip(plan.pages, hits, strict=True):
        assert np.array_equal(page.levels, hit.page.levels(f"[{page.label}] {hit.page.source}:1-{_last(hit)}"))
    assert [source.page for source in sources(excerpts)] == [hit.page for hit in hits]


def _last(hit: Hit) -> int:
    return hit.page.line_of(hit.page.end - 1)


def test_a_tight_budget_shows_the_best_passages_and_then_whole_pages_best_first() -> None:
    hits = hits_of(long_text(0, 40), long_text(1, 40))
    whole, _ = plan_for(hits)
    small, excerpts = plan_for(hits, budget=whole.tokens - 100)
    parts = {excerpt.label: excerpt for excerpt in excerpts}
    assert parts["P1"].shown.text == hits[0].page.text
    assert len(parts["P2"].shown.text) < len(hits[1].page.text)
    tiny, excerpts = plan_for(hits, budget=800)
    assert all(len(excerpt.shown.text) < len(excerpt.home.text) for excerpt in excerpts)
    assert tiny.tokens < small.tokens < whole.tokens
    # Passages that do not follow one another keep their gap: no word stands behind a label that is not shown.
    for excerpt in excerpts:
        assert excerpt.shown.text in excerpt.home.text


def test_what_does_not_fit_is_named() -> None:
    hits = hits_of(*(long_text(n, 4) for n in range(5)))
    plan, _ = plan_for(hits, budget=350)
    assert plan.pages
    assert plan.omitted
    assert {omission.place.split(":")[0] for omission in plan.omitted} <= {f"notes/{n}.md" for n in range(5)}
    assert str(plan).count("left out: notes/") == len(plan.omitted)


def test_a_budget_without_room_is_an_error_that_says_how_much_is_missing() -> None:
    hits = hits_of(long_text(0, 4))
    with pytest.raises(InputError, match="no room") as caught:
        plan_for(hits, budget=170)
    (missing,) = re.findall(r"needs (\d+) tokens more", caught.value.hint)
    assert plan_for(hits, budget=170 + int(missing))[0].pages
    with pytest.raises(InputError, match="no room"):
        plan_for(hits, budget=169 + int(missing))
    with pytest.raises(InputError, match="budget of 0"):
        plan_for(hits, budget=0)


def test_nothing_found_is_a_plan_that_shows_nothing() -> None:
    plan, excerpts = plan_for([])
    assert plan.empty
    assert excerpts == ()
    assert plan.image_tokens == 0


def test_a_preset_that_is_none_is_an_error() -> None:
    with pytest.raises(ProfileError, match="huge"):
        plan_for(hits_of("A word."), density="huge")
    with pytest.raises(InputError, match="the density is 3"):
        plan_for(hits_of("One line."), density=3)


def test_text_mode_shows_words_and_no_image() -> None:
    hits = hits_of(long_text(0, 3), long_text(1, 2))
    plan, excerpts = plan_for(hits, mode="text")
    assert plan.mode == "text"
    assert not plan.pages
    assert [text.text for text in plan.texts] == [hit.page.text for hit in hits]
    assert [text.label for text in plan.texts] == ["P1", "P2"]
    assert [excerpt.shown for excerpt in excerpts] == [hit.page for hit in hits]


def test_image_mode_shows_no_passage_as_text() -> None:
    plan, _ = plan_for(hits_of(long_text(0, 12)))
    assert {text.kind for text in plan.texts} <= {"exact"}


def test_density_without_a_receipt_brings_the_best_passage_again() -> None:
    hits = hits_of(long_text(0, 30))
    plan, excerpts = plan_for(hits, density="dense")
    assert len(plan.pages) == 2
    assert plan.pages[0].passages == ()
    assert plan.pages[1].passages
    assert excerpts[1].shown.profile.latin_px == PRESETS["careful"].latin_px
    assert "no receipt" in plan.reason
    assert len(sources(excerpts)) == 1


def test_a_short_page_is_shown_once_and_larger_rather_than_twice() -> None:
    hits = hits_of(long_text(0, 1), long_text(1, 30))
    dense, excerpts = plan_for(hits, density="dense", exact=False)
    careful, _ = plan_for(hits, density="careful", exact=False)
    assert excerpts[0].shown.profile.latin_px == PRESETS["careful"].latin_px
    assert [excerpt.home.source for excerpt in excerpts] == ["notes/0.md", "notes/1.md", "notes/1.md"]
    assert dense.image_tokens <= careful.image_tokens
    assert all(passage.lines for page in dense.pages for passage in page.passages)


def test_density_with_a_receipt_needs_no_second_look() -> None:
    viewer = Viewer("test", Sight(), Says(dense=True))
    plan, excerpts = plan_for(hits_of(long_text(0, 30)), viewer, density="dense")
    assert len(plan.pages) == 1
    assert excerpts[0].shown.profile == PRESETS["dense"]
    assert plan.pages[0].passages


def test_a_density_that_the_reader_cannot_read_is_loosened() -> None:
    hits = hits_of(long_text(0, 30), profile=PRESETS["dense"])
    plan, excerpts = plan_for(hits, Viewer("test", Sight(), Says(dense=False, balanced=True)))
    assert {excerpt.shown.profile for excerpt in excerpts} == {PRESETS["balanced"]}
    plan, excerpts = plan_for(hits, Viewer("test", Sight(), Says(dense=False, balanced=False)))
    assert {excerpt.shown.profile for excerpt in excerpts} == {PRESETS["careful"]}
    assert "careful" in plan.reason


def test_auto_takes_the_cheapest_that_receipts_allow() -> None:
    hits = hits_of(long_text(0, 40), long_text(3, 40))
    careful, _ = plan_for(hits, mode="auto")
    assert careful.mode == "image"
    assert careful.reason.startswith("careful")
    dense, _ = plan_for(hits, Viewer("test", Sight(), Says(dense=True, balanced=True)), mode="auto")
    assert dense.reason.startswith("dense")
    assert dense.tokens < careful.tokens
    short, _ = plan_for(hits_of("One short line."), mode="auto")
    assert short.mode == "text"


def test_small_pages_share_an_image_where_each_image_has_one_price() -> None:
    hits = hits_of(*(long_text(n, 1) for n in range(4)))
    gemma = next(each for each in FAMILIES if each.name.startswith("gemma"))
    plan, excerpts = plan_for(hits, Viewer("test", Sight(gemma.rule)), exact=False)
    assert len(plan.pages) == 1
    assert plan.pages[0].label == "P1, P2, P3, P4"
    for passage in plan.pages[0].passages:
        excerpt = next(e for e in excerpts if e.label == passage.label)
        for box in passage.lines:
            assert plan.pages[0].levels[box.y0 : box.y1, box.x0 : box.x1].any()
        above = [e.shown.layout.height for e in excerpts if int(e.label[1:]) < int(excerpt.label[1:])]
        assert passage.lines[0].y0 >= sum(above)


def test_a_reader_of_few_images_gets_few() -> None:
    hits = hits_of(*(long_text(n, 5) for n in range(6)))
    plan, _ = plan_for(hits, Viewer("test", Sight(max_images=2)), exact=False)
    assert len(plan.pages) <= 2
    assert sum(len(page.labels) for page in plan.pages) + len(plan.omitted) == 6


@pytest.mark.parametrize("name", [each.name for each in FAMILIES if each.rule.patch])
def test_pages_stand_on_the_grid_of_the_reader(name: str) -> None:
    rule = family(name).rule
    page = hits_of(long_text(0, 60))[0].page
    profile = profile_for(page.profile, rule)
    assert profile.width % (rule.patch or 1) == 0
    assert profile.height % (rule.patch or 1) == 0
    assert profile.height <= page.profile.height + (rule.patch or 1)
    seen = rule.resized(profile.width, profile.height)
    assert seen[0] >= profile.width
    assert seen[1] >= profile.height


def test_exact_strings_travel_as_text_and_within_bounds() -> None:
    hits = hits_of(long_text(0, 8), best=8)
    plan, _ = plan_for(hits, question="Who closed the ticket ERR_CONN_42?")
    (strings,) = [text for text in plan.texts if text.kind == "exact"]
    assert "ERR_CONN_42" in strings.text
    assert "[P1]" in strings.text
    assert strings.tokens <= 160
    none, _ = plan_for(hits, question="Who closed the ticket ERR_CONN_42?", exact=False)
    assert none.texts == ()


def test_what_was_said_long_ago_goes_on_pages_and_what_was_said_last_is_text() -> None:
    said = tuple(Turn(f"Question {n} about the plant?", " ".join(FACTS) * 2) for n in range(12))
    plan, excerpts = plan_for(hits_of(long_text(0, 3)), turns=said)
    assert plan.turns == said[-2:]
    assert plan.pages[0].label == "H1"
    assert plan.pages[0].passages == ()
    assert {excerpt.label[0] for excerpt in excerpts} == {"P"}
    as_text, _ = plan_for(hits_of(long_text(0, 3)), turns=said, mode="text")
    assert as_text.turns == said
    assert plan.tokens < as_text.tokens


def test_of_a_long_conversation_the_oldest_is_forgotten_first() -> None:
    said = tuple(Turn(f"Question {n}?", " ".join(FACTS)) for n in range(40))
    plan, _ = plan_for(hits_of(long_text(0, 3)), turns=said, budget=2_000)
    assert plan.tokens <= 2_000
    assert plan.turns[-1] == said[-1]


def test_a_printed_plan_tells_what_each_part_costs_and_why() -> None:
    plan, _ = plan_for(hits_of(long_text(0, 30)), density="dense", budget=3_000)
    printed = str(plan)
    for page in plan.pages:
        assert f"[{page.label}]" in printed
        assert f"{page.tokens} tokens" in printed
    assert f"{plan.tokens} of 3000 tokens" in printed
    assert f"as text about {plan.text_tokens}" in printed


def test_the_counterfactual_counts_every_word_once() -> None:
    hits = hits_of(long_text(0, 30))
    dense, _ = plan_for(hits, density="dense")
    assert dense.text_tokens == estimate_text_tokens(hits[0].page.text)
    part, excerpts = plan_for(hits, budget=700)
    assert part.text_tokens == sum(estimate_text_tokens(excerpt.shown.text) for excerpt in excerpts)


def test_a_hit_without_chunks_is_shown_all_the_same() -> None:
    (hit,) = hits_of(long_text(0, 2))
    plan, excerpts = plan_for([replace(hit, chunks=())], budget=2_000)
    assert excerpts[0].shown.text == hit.page.text
    assert plan.pages

"""An image costs what the rules say: against the models' own processors, the makers' examples, and themselves."""

from __future__ import annotations

import json
import lzma
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from glyph_rag.errors import InputError, ProfileError
from glyph_rag.typeset.imagetokens import FAMILIES, family, family_of
from glyph_rag.typeset.imagetokens.crops import PanAndScanRule, TileRule
from glyph_rag.typeset.imagetokens.grids import BudgetRule, CapRule, PatchRule
from glyph_rag.typeset.imagetokens.rule import ImageTokenRule
from glyph_rag.typeset.imagetokens.tiles import SplitRule
from glyph_rag.typeset.tokens import image_tokens

# Counted by `scripts/image_tokens_golden.py` with transformers (Apache-2.0): figures, no code.
GOLDEN = json.loads(lzma.decompress((Path(__file__).parent / "data" / "image_tokens.json.xz").read_bytes()))
side = st.integers(1, 6000)


def rule_of(name: str) -> ImageTokenRule:
    """The rule as a tokenizer with tokens for tile tags would have it, as the one behind the figures has."""
    rule = family(name).rule
    return replace(rule, tag_tokens=1, whole_tag_tokens=1) if isinstance(rule, SplitRule) else rule


def count(rule: ImageTokenRule, width: int, height: int) -> int | None:
    try:
        return rule.tokens(width, height)
    except InputError:
        return None


# ---- against the processors -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GOLDEN["families"])
def test_the_rule_counts_what_the_processor_put_into_the_prompt(name: str) -> None:
    rows = GOLDEN["families"][name]
    assert len(rows) > 300
    wrong = [(row, got) for row in rows if (got := count(rule_of(name), row[0], row[1])) != row[2]]
    assert not wrong


def test_every_family_said_to_be_checked_by_its_processor_is() -> None:
    checked = {each.name for each in FAMILIES if each.verified == "processor"}
    # The same rule as SmolVLM2's, with other tags.
    assert checked - {"smolvlm-2.2b"} == set(GOLDEN["families"])


def random_sizes(count: int, largest: int = 6000) -> list[tuple[int, int]]:
    at = random.Random(7)
    return [(at.randint(1, largest), at.randint(1, largest)) for _ in range(count)]


def processor_class(module: str, name: str) -> Callable[..., object]:
    pytest.importorskip("transformers")
    try:
        found: Callable[..., object] = getattr(import_module(f"transformers.models.{module}"), name)
    except (ImportError, AttributeError):
        pytest.skip(f"transformers has no {name}")
    return found


@pytest.mark.parametrize(
    ("name", "module", "class_name", "settings"),
    [
        (
            "qwen2-vl",
            "qwen2_vl.image_processing_pil_qwen2_vl",
            "Qwen2VLImageProcessorPil",
            {"size": {"shortest_edge": 3136, "longest_edge": 12_845_056}},
        ),
        (
            "qwen3-vl",
            "qwen2_vl.image_processing_pil_qwen2_vl",
            "Qwen2VLImageProcessorPil",
            {"patch_size": 16, "size": {"shortest_edge": 65_536, "longest_edge": 16_777_216}},
        ),
        (
            "glm-4v",
            "glm4v.image_processing_pil_glm4v",
            "Glm4vImageProcessorPil",
            {"size": {"shortest_edge": 12_544, "longest_edge": 9_633_792}},
        ),
    ],
)
def test_grids_of_thousands_of_sizes(name: str, module: str, class_name: str, settings: dict[str, object]) -> None:
    processor = processor_class(module, class_name)(**settings)
    rule = family(name).rule
    assert isinstance(rule, PatchRule)
    for width, height in [*random_sizes(3000), *random_sizes(500, 64)]:
        try:
            patches = processor.get_number_of_image_patches(height, width, {})  # type: ignore[attr-defined]
        except ValueError:
            patches = None
        got = count(rule, width, height)
        assert (got and (got - rule.wrapper) * 4) == patches, (width, height)


def test_tiles_of_thousands_of_sizes() -> None:
    make = processor_class("got_ocr2.image_processing_pil_got_ocr2", "GotOcr2ImageProcessorPil")
    processor = make(size={"height": 448, "width": 448}, crop_to_patches=True)
    for width, height in random_sizes(1000):
        tiles = processor.get_number_of_image_patches(height, width, {})  # type: ignore[attr-defined]
        assert family("internvl3").rule.tokens(width, height) == tiles * 256 + 2


SMALL = [(672, 896), (896, 672), (57, 300), (1024, 33), (640, 641)]


def test_pixels_that_a_grid_model_sees() -> None:
    make = processor_class("qwen2_vl.image_processing_pil_qwen2_vl", "Qwen2VLImageProcessorPil")
    processor = make(size={"shortest_edge": 3136, "longest_edge": 400_000})
    rule = replace_patches(family("qwen2-vl").rule, max_pixels=400_000)
    for width, height in SMALL:
        _, rows, columns = processor(Image.new("RGB", (width, height)))["image_grid_thw"][0]  # type: ignore[operator]
        assert rule.resized(width, height) == (columns * 14, rows * 14)


def replace_patches(rule: ImageTokenRule, **change: int) -> PatchRule:
    assert isinstance(rule, PatchRule)
    return replace(rule, **change)


@pytest.mark.parametrize(("name", "patch", "longest"), [("pixtral", 16, 1024), ("mistral3", 28, 1540)])
def test_pixels_that_a_row_model_sees(name: str, patch: int, longest: int) -> None:
    make = processor_class("pixtral.image_processing_pil_pixtral", "PixtralImageProcessorPil")
    processor = make(size={"longest_edge": longest}, patch_size={"height": patch, "width": patch})
    for width, height in [*SMALL, (1700, 40), (900, 1600)]:
        high, wide = processor(Image.new("RGB", (width, height)))["image_sizes"][0]  # type: ignore[operator]
        assert family(name).rule.resized(width, height) == (wide, high)


def test_rows_and_columns_of_tiles() -> None:
    make = processor_class("idefics3.image_processing_pil_idefics3", "Idefics3ImageProcessorPil")
    processor = make(size={"longest_edge": 256}, max_image_size={"longest_edge": 64})
    rule = SplitRule(longest=256, tile=64, tile_tokens=9)
    for width, height in random_sizes(60, 300):
        out = processor(Image.new("RGB", (width, height)), return_row_col_info=True)  # type: ignore[operator]
        assert rule.resized(width, height) == (out["cols"][0][0] * 64, out["rows"][0][0] * 64)


def test_crops_of_pan_and_scan() -> None:
    make = processor_class("gemma3.image_processing_pil_gemma3", "Gemma3ImageProcessorPil")
    settings = {"min_crop_size": 64, "max_num_crops": 4, "min_ratio_to_activate": 1.2}
    processor = make(
        size={"height": 32, "width": 32},
        do_pan_and_scan=True,
        **{f"pan_and_scan_{name}": value for name, value in settings.items()},
    )
    rule = PanAndScanRule(each=260, side=32, smallest=64)
    for width, height in random_sizes(60, 500):
        out = processor(Image.new("RGB", (width, height)))  # type: ignore[operator]
        assert rule.crops(width, height) == out["num_crops"][0]


# ---- against the makers' documentation --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "width", "height", "tokens"),
    [
        ("gpt-4o", 1024, 1024, 765),
        ("gpt-4o", 2048, 4096, 1105),
        ("gpt-5.4", 1024, 1024, 1229),
        ("gpt-5.4", 2048, 2048, 3000),
        ("claude", 200, 200, 64),
        ("claude", 1000, 1000, 1296),
        ("claude", 1092, 1092, 1521),
        ("claude", 3840, 2160, 1560),
        ("claude-high-resolution", 1920, 1080, 2691),
        ("claude-high-resolution", 3840, 2160, 4784),
        ("gemini-2", 384, 384, 258),
        ("gemini-2", 960, 540, 6 * 258),
        ("gemini-3", 1568, 728, 1120),
        # (16 + 1) * 16 + 1 for the whole; with two by three tiles of 10 by 10, (20 + 1) * 30 more.
        ("deepseek-ocr", 640, 640, 273),
        ("deepseek-ocr", 672, 1008, 273 + 630),
    ],
)
def test_documented_examples(name: str, width: int, height: int, tokens: int) -> None:
    assert family(name).rule.tokens(width, height) == tokens


@pytest.mark.parametrize(
    ("name", "given_size", "seen"),
    [
        ("claude", (1075, 1520), (924, 1307)),
        ("claude", (3840, 2160), (1456, 819)),
        ("claude-high-resolution", (3840, 2160), (2576, 1449)),
        ("gpt-5.4", (2048, 2048), (1600, 1600)),
        ("gpt-4.1-nano", (1800, 2400), (1056, 1408)),
        ("gpt-4o", (2048, 4096), (768, 1536)),
    ],
)
def test_documented_sizes(name: str, given_size: tuple[int, int], seen: tuple[int, int]) -> None:
    assert family(name).rule.resized(*given_size) == seen


@pytest.mark.parametrize(("width", "height", "patches"), [(1024, 1024, 1024), (1800, 2400, 1452)])
def test_documented_patches_before_the_factor(width: int, height: int, patches: int) -> None:
    rule = family("gpt-5-mini").rule
    assert isinstance(rule, BudgetRule)
    assert rule.patches(width, height) == patches


# ---- against themselves -----------------------------------------------------------------------------------------


@given(st.sampled_from(FAMILIES), side, side)
def test_every_size_has_a_price_or_is_refused(each: object, width: int, height: int) -> None:
    assert isinstance(each, type(FAMILIES[0]))
    try:
        tokens, seen = each.rule.tokens(width, height), each.rule.resized(width, height)
    except InputError as error:
        assert error.hint
        return
    assert tokens > 0
    assert min(seen) > 0
    assert each.resamples(width, height) == (None if not each.shows_size else seen != (width, height))


@given(
    st.sampled_from([each for each in FAMILIES if isinstance(each.rule, BudgetRule | CapRule | TileRule)]),
    side,
    side,
)
def test_apis_never_enlarge_and_keep_the_shape(each: object, width: int, height: int) -> None:
    assert isinstance(each, type(FAMILIES[0]))
    wide, high = each.rule.resized(width, height)
    assert wide <= width
    assert high <= height
    assert each.rule.resized(wide, high) == (wide, high)
    if min(wide, high) > 20:
        assert wide / high == pytest.approx(width / height, rel=0.1)


@given(side, side)
def test_limits_hold(width: int, height: int) -> None:
    claude, gpt = family("claude").rule, family("gpt-5.4").rule
    assert isinstance(claude, CapRule)
    assert isinstance(gpt, BudgetRule)
    assert claude.tokens(width, height) <= claude.most
    assert max(claude.resized(width, height)) <= claude.longest
    assert gpt.patches(width, height) <= 2500
    assert max(gpt.resized(width, height)) <= 2048


@given(st.integers(1, 85), st.integers(1, 85))
def test_pages_on_the_grid_are_not_resampled_and_cost_their_patches(columns: int, rows: int) -> None:
    """What `typeset/tokens.py` takes for granted, within the limits of the models it names."""
    width, height = columns * 28, rows * 28
    for name in ("qwen2-vl", "glm-4v"):
        rule = family(name).rule
        assert isinstance(rule, PatchRule)
        if rule.min_pixels <= width * height * rule.frames <= rule.max_pixels:
            assert rule.resized(width, height) == (width, height)
            assert rule.tokens(width, height) == image_tokens(width, height) + 2
    if columns * rows <= 1568 and max(columns, rows) <= 56:
        assert family("claude").rule.tokens(width, height) == image_tokens(width, height)


@pytest.mark.parametrize("each", FAMILIES, ids=lambda each: each.name)
def test_no_family_takes_an_image_without_pixels(each: object) -> None:
    assert isinstance(each, type(FAMILIES[0]))
    for width, height in ((0, 10), (10, 0), (-3, 5)):
        with pytest.raises(InputError):
            each.rule.tokens(width, height)
        with pytest.raises(InputError):
            each.rule.resized(width, height)


def test_a_shape_that_the_model_refuses_is_an_error_with_a_way_out() -> None:
    with pytest.raises(InputError, match="over 200 times") as caught:
        family("qwen2-vl").rule.tokens(3000, 10)
    assert "cut the page" in caught.value.hint
    for name in ("pixtral", "phi-4-multimodal"):
        with pytest.raises(InputError, match="too narrow") as caught:
            family(name).rule.tokens(5000, 1)
        assert caught.value.hint


# ---- the registry -----------------------------------------------------------------------------------------------


def test_names_and_models_are_listed_once() -> None:
    names = [each.name.casefold() for each in FAMILIES]
    models = [model.casefold() for each in FAMILIES for model in each.models]
    assert len(set(names)) == len(names)
    assert len(set(models)) == len(models)
    for each in FAMILIES:
        assert family(each.name) is each
        assert each.source
        assert all(family_of(model.upper()) is each for model in each.models)
        with pytest.raises(FrozenInstanceError):
            each.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("near", ["gpt-4o-", "gpt-4", "my-gpt-4o", "Qwen/Qwen2-VL-2B-Instruct-AWQ", "Qwen2-VL", ""])
def test_a_model_that_merely_resembles_a_listed_one_has_no_family(near: str) -> None:
    assert family_of(near) is None


def test_an_unknown_name_is_told_the_nearest() -> None:
    with pytest.raises(ProfileError, match="did you mean 'qwen3-vl'"):
        family("qwen-3-vl")
    assert family("zai-org/glyph") is family("glm-4v")


def test_importing_the_registry_needs_nothing() -> None:
    code = "import sys, glyph_rag.typeset.imagetokens; print({'numpy', 'PIL', 'transformers'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


# ---- the page in the documentation ------------------------------------------------------------------------------


def test_the_documented_table_is_up_to_date() -> None:
    doc = import_module("scripts.image_tokens_doc")
    assert doc.OUTPUT.read_text(encoding="utf-8") == doc.render()

"""A checkpoint's own configuration says what an image costs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.imagetokens import family, family_from_config, family_from_folder
from glyph_rag.typeset.imagetokens.grids import RowRule

PUBLISHED: dict[str, Mapping[str, object]] = {
    "qwen2-vl": {
        "model_type": "qwen2_5_vl",
        "min_pixels": 3136,
        "max_pixels": 12_845_056,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "merge_size": 2,
    },
    "qwen3-vl": {
        "model_type": "qwen3_vl",
        "size": {"longest_edge": 16_777_216, "shortest_edge": 65_536},
        "patch_size": 16,
        "temporal_patch_size": 2,
        "merge_size": 2,
    },
    "glm-4v": {
        "model_type": "glm4v",
        "image_processor": {"size": {"shortest_edge": 12_544, "longest_edge": 9_633_792}, "patch_size": 14},
    },
    "internvl3": {"model_type": "internvl", "size": {"height": 448, "width": 448}, "image_seq_length": 256},
    "smolvlm": {
        "model_type": "idefics3",
        "size": {"longest_edge": 2048},
        "max_image_size": {"longest_edge": 512},
        "image_seq_len": 64,
    },
    "smolvlm-2.2b": {
        "model_type": "idefics3",
        "size": {"longest_edge": 1536},
        "max_image_size": {"longest_edge": 384},
        "image_seq_len": 81,
    },
    "idefics3": {"model_type": "idefics3", "size": {"longest_edge": 1456}},
    "gemma3": {"model_type": "gemma3", "size": {"height": 896, "width": 896}, "do_pan_and_scan": None},
    "gemma3-pan-and-scan": {"model_type": "gemma3", "size": {"height": 896, "width": 896}, "do_pan_and_scan": True},
    "llava-onevision": {"model_type": "llava_onevision", "size": {"height": 384, "width": 384}},
    "pixtral": {"model_type": "llava", "image_processor_type": "PixtralImageProcessor", "size": {"longest_edge": 1024}},
    "mistral3": {
        "model_type": "mistral3",
        "spatial_merge_size": 2,
        "patch_size": {"height": 14, "width": 14},
        "size": {"longest_edge": 1540},
    },
    "llama4": {"model_type": "llama4", "size": {"height": 336, "width": 336}, "max_patches": 16},
    "phi-4-multimodal": {"model_type": "phi4_multimodal", "dynamic_hd": 36, "patch_size": 14},
    "minicpm-v-4.6": {"model_type": "minicpmv4_6", "max_slice_nums": 9, "downsample_mode": "16x"},
    "deepseek-ocr-2": {"model_type": "deepseek_ocr2", "size": {"height": 1024, "width": 1024}, "tile_size": 768},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_configuration_gives_the_family(name: str) -> None:
    found = family_from_config(PUBLISHED[name])
    assert (found.name, found.rule, found.models) == (name, family(name).rule, ())


def test_what_a_checkpoint_says_holds_over_what_its_family_has() -> None:
    found = family_from_config({**PUBLISHED["qwen2-vl"], "max_pixels": 1_003_520})
    assert found.rule.tokens(1344, 1792) < family("qwen2-vl").rule.tokens(1344, 1792)
    sliced = family_from_config({**PUBLISHED["minicpm-v-4.6"], "downsample_mode": "4x"})
    assert sliced.rule.tokens(672, 896) > family("minicpm-v-4.6").rule.tokens(672, 896)
    crops = family_from_config({**PUBLISHED["gemma3-pan-and-scan"], "pan_and_scan_min_ratio_to_activate": 1.5})
    assert crops.rule.tokens(672, 896) == 260


def test_a_row_rule_from_a_bare_number() -> None:
    found = family_from_config({**PUBLISHED["mistral3"], "patch_size": 14})
    assert isinstance(found.rule, RowRule)
    assert found.rule.patch == 28


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "no model_type"),
        ({"model_type": "qwen2_vi", "size": {}}, "did you mean 'qwen2_vl'"),
        ({"model_type": "qwen2_vl"}, "overlay config.json"),
        ({"model_type": "qwen2_vl", "patch_size": "14"}, "patch_size is '14'"),
        ({"model_type": "qwen2_vl", "patch_size": True}, "patch_size is True"),
        ({"model_type": "qwen2_vl", "size": {"longest_edge": -1}}, "size.longest_edge is -1"),
        ({"model_type": "smolvlm", "size": {"longest_edge": 5000}}, "no rule is known above 4096"),
        ({"model_type": "llava", "image_processor_type": "CLIPImageProcessor"}, "LLaVA with CLIP"),
        ({"model_type": "llava_onevision", "size": {}, "vision_aspect_ratio": "square"}, "vision_aspect_ratio"),
        (
            {**PUBLISHED["gemma3-pan-and-scan"], "pan_and_scan_min_ratio_to_activate": "wide"},
            "pan_and_scan_min_ratio_to_activate is 'wide'",
        ),
    ],
)
def test_a_configuration_that_says_too_little_is_refused(config: Mapping[str, object], message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        family_from_config(config)


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "idefics3", "size": 9}')
    (tmp_path / "processor_config.json").write_text('{"image_seq_len": 64}')
    (tmp_path / "preprocessor_config.json").write_text(
        '{"size": {"longest_edge": 2048}, "max_image_size": {"longest_edge": 512}}'
    )
    assert family_from_folder(tmp_path).rule == family("smolvlm").rule
    for content, message in (("{", "not JSON"), ("[]", "not a JSON object")):
        (tmp_path / "config.json").write_text(content)
        with pytest.raises(ProfileError, match=message):
            family_from_folder(tmp_path)

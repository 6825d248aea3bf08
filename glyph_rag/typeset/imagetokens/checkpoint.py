"""The rule of a checkpoint on disk, from its own configuration: what it says holds, whatever its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.imagetokens.crops import CropRule, FixedRule, PanAndScanRule, SliceRule
from glyph_rag.typeset.imagetokens.grids import PatchRule, RowRule
from glyph_rag.typeset.imagetokens.registry import family, nearest
from glyph_rag.typeset.imagetokens.rule import ImageTokenRule, ModelFamily
from glyph_rag.typeset.imagetokens.tiles import AnyResRule, AspectRule, CanvasRule, OverviewRule, SplitRule

_FILES = ("config.json", "processor_config.json", "preprocessor_config.json")
_IDEFICS_CEILING = 4096  # Beyond it the processor shrinks once more.
_SETTINGS = ("size", "min_pixels", "max_pixels", "patch_size", "image_processor_type", "max_patches", "max_slice_nums")


def family_from_folder(folder: Path) -> ModelFamily:
    """The family and rule of a checkpoint, from the configuration files in its folder.

    Raises:
        ProfileError: A file is missing or no JSON object, or `family_from_config` refuses what they say.
    """
    merged: dict[str, object] = {}
    for file in (folder / name for name in _FILES if (folder / name).is_file()):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ProfileError(f"{file} is not JSON") from error
        if not isinstance(content, dict):
            raise ProfileError(f"{file} is not a JSON object")
        merged |= content
    return family_from_config(merged)


def family_from_config(config: Mapping[str, object]) -> ModelFamily:
    """The family and rule of a checkpoint, from its configuration.

    Args:
        config: `config.json` of a checkpoint of transformers, overlaid with its `processor_config.json` and its
            `preprocessor_config.json`. What is left out there has the default of the class in transformers 5.23.

    Returns:
        The family of its `model_type`, with the rule that the settings say and without model ids.

    Raises:
        ProfileError: The type of the model is missing or not known, the settings of the image processor are missing,
            or one of them is of the wrong type.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise ProfileError("the configuration has no model_type", hint="config.json belongs in it")
    if kind not in _READERS:
        raise ProfileError(
            f"no image-token rule is known for the model type {kind!r}", hint=nearest(kind, (*_READERS,))
        )
    settings = _Settings(config)
    if not settings.present():
        raise ProfileError(
            "the configuration says nothing of the image processor",
            hint="overlay config.json with preprocessor_config.json: the limits are in there",
        )
    name, rule = _READERS[kind](settings)
    return replace(family(name), models=(), rule=rule, source="the checkpoint's own configuration")


class _Settings:
    """Numbers of a configuration, by name."""

    def __init__(self, config: Mapping[str, object]) -> None:
        inner = config.get("image_processor")
        self._values: dict[str, object] = {**config, **(inner if isinstance(inner, Mapping) else {})}

    def present(self) -> bool:
        """Whether any setting of an image processor is there."""
        return any(name in self._values for name in _SETTINGS)

    def number(self, name: str, default: int) -> int:
        """The whole number called `name`, or the default where it is missing or null."""
        return _number(name, self._values.get(name), default)

    def inside(self, name: str, key: str, default: int) -> int:
        """The number `key` of the object called `name`; a bare number stands for all keys."""
        value = self._values.get(name)
        if isinstance(value, Mapping):
            return _number(f"{name}.{key}", value.get(key), default)
        return _number(name, value, default)

    def flag(self, name: str) -> bool:
        """Whether `name` is set and true."""
        return self._values.get(name) is True

    def ratio(self, name: str, default: float) -> float:
        """The number called `name`, or the default where it is missing or null."""
        value = self._values.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ProfileError(f"{name} is {value!r}, not a number")
        return float(value)

    def text(self, name: str, default: str) -> str:
        """The text called `name`, or the default."""
        value = self._values.get(name)
        return value if isinstance(value, str) else default


def _number(name: str, value: object, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ProfileError(f"{name} is {value!r}, not a whole number above zero")
    return value


def _qwen2(settings: _Settings) -> tuple[str, ImageTokenRule]:
    return "qwen2-vl", _patches(settings, patch=14, least=3136, most=1_003_520)


def _qwen3(settings: _Settings) -> tuple[str, ImageTokenRule]:
    return "qwen3-vl", _patches(settings, patch=16, least=3136, most=1_003_520)


def _glm(settings: _Settings) -> tuple[str, ImageTokenRule]:
    rule = _patches(settings, patch=14, least=12_544, most=11_760_000)
    return "glm-4v", replace(rule, frames=settings.number("temporal_patch_size", 2), enlarges=True)


def _patches(settings: _Settings, patch: int, least: int, most: int) -> PatchRule:
    """A patch rule; `min_pixels` and `max_pixels` win over `size`, as in the processor."""
    return PatchRule(
        patch=settings.number("patch_size", patch) * settings.number("merge_size", 2),
        min_pixels=settings.number("min_pixels", settings.inside("size", "shortest_edge", least)),
        max_pixels=settings.number("max_pixels", settings.inside("size", "longest_edge", most)),
    )


def _split(settings: _Settings) -> tuple[str, ImageTokenRule]:
    """Tile tags are one token each unless the size and the type say SmolVLM-Instruct or Idefics 3."""
    longest = settings.inside("size", "longest_edge", 1456)
    if longest > _IDEFICS_CEILING:
        raise ProfileError(f"size.longest_edge is {longest}: no rule is known above {_IDEFICS_CEILING}")
    tile = settings.inside("max_image_size", "longest_edge", 364)
    tokens = settings.number("image_seq_len", 169)
    for name in ("smolvlm-2.2b", "idefics3") if settings.text("model_type", "") == "idefics3" else ():
        known = family(name)
        if isinstance(known.rule, SplitRule) and known.rule.tile == tile:
            return name, replace(known.rule, longest=longest, tile_tokens=tokens)
    return "smolvlm", SplitRule(longest=longest, tile=tile, tile_tokens=tokens)


def _internvl(settings: _Settings) -> tuple[str, ImageTokenRule]:
    return "internvl3", AspectRule(
        tile=settings.inside("size", "height", 384),
        tile_tokens=settings.number("image_seq_length", 256),
        most=settings.number("max_patches", 12),
        least=settings.number("min_patches", 1),
    )


def _gemma3(settings: _Settings) -> tuple[str, ImageTokenRule]:
    each, side = settings.number("image_seq_length", 256) + 4, settings.inside("size", "height", 224)
    if not settings.flag("do_pan_and_scan"):
        return "gemma3", FixedRule(each=each, side=side)
    return "gemma3-pan-and-scan", PanAndScanRule(
        each=each,
        side=side,
        smallest=settings.number("pan_and_scan_min_crop_size", 256),
        most=settings.number("pan_and_scan_max_num_crops", 4),
        from_ratio=settings.ratio("pan_and_scan_min_ratio_to_activate", 1.2),
    )


def _llava(settings: _Settings) -> tuple[str, ImageTokenRule]:
    known = family("llava-onevision").rule
    aspect = settings.text("vision_aspect_ratio", "anyres_max_9").removeprefix("anyres_max_")
    if not isinstance(known, AnyResRule) or not aspect.isdecimal():
        raise ProfileError(f"vision_aspect_ratio is {aspect!r}, not anyres_max_ and a number")
    return "llava-onevision", replace(known, tile=settings.inside("size", "height", 384), most=int(aspect))


def _pixtral(settings: _Settings) -> tuple[str, ImageTokenRule]:
    processor = settings.text("image_processor_type", "PixtralImageProcessor")
    if not processor.startswith("Pixtral"):
        raise ProfileError(f"no image-token rule is known for a LLaVA with {processor}")
    merge = settings.number("spatial_merge_size", 1)
    name = "mistral3" if settings.text("model_type", "") == "mistral3" else "pixtral"
    return name, RowRule(
        patch=settings.inside("patch_size", "height", 16) * merge,
        longest=settings.inside("size", "longest_edge", 1024),
    )


def _llama4(settings: _Settings) -> tuple[str, ImageTokenRule]:
    tile = settings.inside("size", "height", 336)
    tokens = (tile // settings.number("patch_size", 14)) ** 2 // 4
    return "llama4", CanvasRule(tile=tile, tile_tokens=tokens, most=settings.number("max_patches", 16))


def _phi4(settings: _Settings) -> tuple[str, ImageTokenRule]:
    return "phi-4-multimodal", CropRule(
        crop=settings.inside("size", "height", 448),
        most=settings.number("dynamic_hd", 36),
        cell=settings.number("patch_size", 14),
    )


def _minicpm(settings: _Settings) -> tuple[str, ImageTokenRule]:
    merged = 2 if settings.text("downsample_mode", "16x") == "4x" else 4
    return "minicpm-v-4.6", SliceRule(
        area_side=settings.number("scale_resolution", 448),
        unit=settings.number("patch_size", 14) * merged,
        most=settings.number("max_slice_nums", 9),
    )


def _deepseek_ocr2(settings: _Settings) -> tuple[str, ImageTokenRule]:
    return "deepseek-ocr-2", OverviewRule(
        side=settings.inside("size", "height", 1024),
        tile=settings.number("tile_size", 768),
        most=settings.number("max_patches", 6),
        least=settings.number("min_patches", 2),
    )


_READERS: dict[str, Callable[[_Settings], tuple[str, ImageTokenRule]]] = {
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl"), _qwen2),
    **dict.fromkeys(("qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"), _qwen3),
    **dict.fromkeys(("glm4v", "glm4v_moe", "glm46v", "glm_ocr"), _glm),
    **dict.fromkeys(("idefics3", "smolvlm"), _split),
    **dict.fromkeys(("pixtral", "llava", "mistral3"), _pixtral),
    "internvl": _internvl,
    "gemma3": _gemma3,
    "llava_onevision": _llava,
    "llama4": _llama4,
    "phi4_multimodal": _phi4,
    "minicpmv4_6": _minicpm,
    "deepseek_ocr2": _deepseek_ocr2,
}
"""By `model_type` of transformers; `llava` is how Pixtral's weights call themselves there."""

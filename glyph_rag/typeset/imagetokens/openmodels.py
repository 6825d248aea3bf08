"""Models with open weights: their rules at the settings that their makers publish next to the weights."""

from __future__ import annotations

from glyph_rag.typeset.imagetokens.crops import CropRule, FixedRule, PanAndScanRule, SliceRule
from glyph_rag.typeset.imagetokens.grids import PatchRule, RowRule
from glyph_rag.typeset.imagetokens.rule import ModelFamily
from glyph_rag.typeset.imagetokens.tiles import AnyResRule, AspectRule, CanvasRule, OverviewRule, SplitRule


def _quoted(model: str, file: str, rule: str) -> str:
    """Settings as public code quotes them from a file next to the weights, which itself was out of reach."""
    return (
        f"{file} of https://huggingface.co/{model}, as quoted in public code; the code of {rule} in transformers 5.23"
    )


def _unseen(rule: str) -> str:
    """Settings that no published file was seen for: those of the classes, or as remembered."""
    return f"the code of {rule} in transformers 5.23; the published preprocessor_config.json was not seen"


_QWEN3_SIZES = ("2B", "4B", "8B", "32B", "30B-A3B", "235B-A22B")
_TAG_NOTE = "This tokenizer has no tokens for tile tags: their length is that of the same text in {}."

OPEN_FAMILIES = (
    ModelFamily(
        "qwen2-vl",
        (
            *(f"Qwen/Qwen2-VL-{size}-Instruct" for size in ("2B", "7B", "72B")),
            *(f"Qwen/Qwen2.5-VL-{size}-Instruct" for size in ("3B", "7B", "32B", "72B")),
        ),
        PatchRule(patch=28, min_pixels=3136, max_pixels=12_845_056),
        _quoted("Qwen/Qwen2.5-VL-7B-Instruct", "preprocessor_config.json", "qwen2_vl"),
        "processor",
        "Includes <|vision_start|> and <|vision_end|>. The class's own default is 1,003,520 pixels at most.",
    ),
    ModelFamily(
        "qwen3-vl",
        tuple(f"Qwen/Qwen3-VL-{size}-{kind}" for size in _QWEN3_SIZES for kind in ("Instruct", "Thinking")),
        PatchRule(patch=32, min_pixels=65_536, max_pixels=16_777_216),
        _quoted("Qwen/Qwen3-VL-4B-Instruct", "preprocessor_config.json", "qwen3_vl"),
        "processor",
        "Includes <|vision_start|> and <|vision_end|>.",
    ),
    ModelFamily(
        "glm-4v",
        (
            "zai-org/Glyph",
            "zai-org/GLM-4.1V-9B-Base",
            "zai-org/GLM-4.1V-9B-Thinking",
            "zai-org/GLM-4.5V",
            "zai-org/GLM-4.6V",
            "zai-org/GLM-4.6V-Flash",
            "zai-org/GLM-OCR",
        ),
        PatchRule(patch=28, min_pixels=12_544, max_pixels=9_633_792, frames=2, enlarges=True),
        _quoted("zai-org/GLM-OCR", "preprocessor_config.json (revision 2e85a628)", "glm4v"),
        "processor",
        "Includes <|begin_of_image|> and <|end_of_image|>. A still image counts twice against the limits, so it ends "
        "at 6,144 tokens. The limits were seen quoted for GLM-OCR and GLM-4V, not for Glyph itself.",
    ),
    ModelFamily(
        "internvl3",
        (
            *(f"OpenGVLab/InternVL3-{size}-hf" for size in ("1B", "2B", "8B", "9B", "14B", "38B", "78B")),
            *(f"OpenGVLab/InternVL3-{size}" for size in ("1B", "2B", "8B", "9B", "14B", "38B", "78B")),
        ),
        AspectRule(tile=448, tile_tokens=256),
        _quoted("OpenGVLab/InternVL3-8B-hf", "preprocessor_config.json", "internvl and got_ocr2"),
        "processor",
        "Includes <img> and </img>.",
    ),
    ModelFamily(
        "smolvlm",
        (
            "HuggingFaceTB/SmolVLM-256M-Instruct",
            "HuggingFaceTB/SmolVLM-500M-Instruct",
            "HuggingFaceTB/SmolVLM2-256M-Video-Instruct",
            "HuggingFaceTB/SmolVLM2-500M-Video-Instruct",
        ),
        SplitRule(longest=2048, tile=512, tile_tokens=64),
        _quoted("HuggingFaceTB/SmolVLM-256M-Instruct", "preprocessor_config.json", "smolvlm"),
        "processor",
        "Includes marks, tags and line breaks.",
    ),
    ModelFamily(
        "smolvlm2-2.2b",
        ("HuggingFaceTB/SmolVLM2-2.2B-Instruct",),
        SplitRule(longest=1536, tile=384, tile_tokens=81),
        _unseen("smolvlm"),
        "processor",
        "Includes marks, tags and line breaks.",
    ),
    ModelFamily(
        "smolvlm-2.2b",
        ("HuggingFaceTB/SmolVLM-Instruct",),
        SplitRule(longest=1536, tile=384, tile_tokens=81, tag_tokens=9, whole_tag_tokens=5),
        _quoted("HuggingFaceTB/SmolVLM-Instruct", "preprocessor_config.json", "idefics3"),
        "processor",
        "Includes marks, tags and line breaks. " + _TAG_NOTE.format("GPT-2's"),
    ),
    ModelFamily(
        "idefics3",
        ("HuggingFaceM4/Idefics3-8B-Llama3",),
        SplitRule(longest=1456, tile=364, tile_tokens=169, tag_tokens=8, whole_tag_tokens=4),
        _quoted("HuggingFaceM4/Idefics3-8B-Llama3", "preprocessor_config.json", "idefics3"),
        "processor",
        "Includes marks, tags and line breaks. " + _TAG_NOTE.format("cl100k_base, which Llama 3's extends"),
    ),
    ModelFamily(
        "gemma3",
        tuple(f"google/gemma-3-{size}-it" for size in ("4b", "12b", "27b")),
        FixedRule(each=260, side=896),
        _quoted("google/gemma-3-4b-it", "preprocessor_config.json", "gemma3"),
        "processor",
        "Includes two marks and the blank lines around them. A page is squeezed into a square.",
    ),
    ModelFamily(
        "gemma3-pan-and-scan",
        (),
        PanAndScanRule(each=260, side=896),
        _quoted("google/gemma-3-4b-it", "preprocessor_config.json", "gemma3 with do_pan_and_scan=True"),
        "processor",
        "Includes marks, blank lines and the words around the crops.",
    ),
    ModelFamily(
        "llava-onevision",
        tuple(f"llava-hf/llava-onevision-qwen2-{size}-ov-hf" for size in ("0.5b", "7b", "72b")),
        AnyResRule(tile=384, cells=27, sizes=6, most=9),
        _quoted("llava-hf/llava-onevision-qwen2-7b-ov-hf", "processor_config.json", "llava_onevision"),
        "processor",
        "No wrapper. For one image in a prompt: of several given as one list each costs 730 and is seen at 384 pixels.",
    ),
    ModelFamily(
        "pixtral",
        ("mistralai/Pixtral-12B-2409", "mistral-community/pixtral-12b"),
        RowRule(patch=16, longest=1024),
        _unseen("pixtral"),
        "processor",
        "Includes [IMG_BREAK] after each row and [IMG_END].",
    ),
    ModelFamily(
        "mistral3",
        (
            "mistralai/Mistral-Small-3.1-24B-Instruct-2503",
            "mistralai/Mistral-Small-3.2-24B-Instruct-2506",
        ),
        RowRule(patch=28, longest=1540),
        _quoted("mistralai/Mistral-Small-3.1-24B-Instruct-2503", "preprocessor_config.json", "pixtral"),
        "processor",
        "Includes [IMG_BREAK] after each row and [IMG_END].",
    ),
    ModelFamily(
        "llama4",
        (
            "meta-llama/Llama-4-Scout-17B-16E-Instruct",
            "meta-llama/Llama-4-Maverick-17B-128E-Instruct",
            "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8",
        ),
        CanvasRule(tile=336, tile_tokens=144, most=16),
        _unseen("llama4"),
        "processor",
        "Includes separators and three marks.",
    ),
    ModelFamily(
        "phi-4-multimodal",
        ("microsoft/Phi-4-multimodal-instruct",),
        CropRule(crop=448, most=36),
        _quoted("microsoft/Phi-4-multimodal-instruct", "preprocessor_config.json", "phi4_multimodal"),
        "processor",
        "All tokens are placeholders; there is no wrapper.",
    ),
    ModelFamily(
        "minicpm-v-4.6",
        ("openbmb/MiniCPM-V-4.6",),
        SliceRule(area_side=448, unit=56, most=9),
        _unseen("minicpmv4_6"),
        "processor",
        "Includes the image's number and the marks. From the eleventh image on the number has a digit more.",
    ),
    ModelFamily(
        "deepseek-ocr",
        ("deepseek-ai/DeepSeek-OCR",),
        OverviewRule(side=1024, tile=640, most=9, marked_rows=True),
        "modeling_deepseekocr.py of https://huggingface.co/deepseek-ai/DeepSeek-OCR, as ported in public code",
        "documented",
        "In the mode Gundam: base 1024, tile 640. Includes the mark after each row. In the modes without tiles an "
        "image costs 73, 111, 273 or 421.",
    ),
    ModelFamily(
        "deepseek-ocr-2",
        ("deepseek-ai/DeepSeek-OCR-2", "deepseek-community/DeepSeek-OCR-2"),
        OverviewRule(side=1024, tile=768, most=6),
        _unseen("deepseek_ocr2"),
        "processor",
        "Includes the mark between the whole and its tiles.",
    ),
)
"""Families whose rule can be read in code, in the order of the table in the documentation."""

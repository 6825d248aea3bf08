"""Run the image processors of transformers over many sizes and note how many tokens each image became.

The figures are what `tests/test_image_tokens.py` holds the rules against where the processors themselves need
torchvision. To make them again: install transformers, torchvision and num2words, and run

    python -m scripts.image_tokens_golden
"""

from __future__ import annotations

import json
import lzma
import random
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from PIL import Image
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

t = import_module("transformers")
OUTPUT = Path(__file__).parents[1] / "tests" / "data" / "image_tokens.json.xz"
_EDGES = (
    *((1, 1), (8, 8), (27, 29), (28, 28), (31, 33), (56, 2000), (2000, 56), (300, 40), (40, 300), (336, 336)),
    *((337, 336), (384, 384), (385, 384), (448, 448), (449, 448), (448, 897), (512, 512), (513, 512), (640, 641)),
    *((672, 896), (768, 768), (769, 100), (896, 896), (1000, 1000), (1024, 1024), (1344, 1792), (1540, 1541)),
    *((595, 842), (1240, 1754), (1800, 2400), (2048, 512), (512, 2048), (2500, 2500), (3000, 4000), (4200, 300)),
    *((3000, 10), (10, 3000), (1, 900)),
)
_Counter: TypeAlias = Callable[[int, int], int]


def sizes(count: int = 265) -> list[tuple[int, int]]:
    """Edge sizes, and random ones whose logarithm is uniform: pages of every shape, from icons to posters."""
    random.seed(20261123)
    return [
        *_EDGES,
        *((round(2 ** random.uniform(4, 11.5)), round(2 ** random.uniform(4, 11.5))) for _ in range(count)),
    ]


def tokenizer(**named: str) -> object:
    """A tokenizer to which each word, line break and special token is one token."""
    words = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Split(Regex(r"\n\n|\n| ?[^\s]+| "), "isolated")
    return t.PreTrainedTokenizerFast(
        tokenizer_object=words, unk_token="[UNK]", pad_token="[PAD]", extra_special_tokens=named
    )


def counter(processor: Callable[..., dict[str, list[list[int]]]], text: str, *, nested: bool = False) -> _Counter:
    """Counts the tokens that an image adds: those of the prompt `text`, which is nothing but the image."""

    def count(width: int, height: int) -> int:
        image = Image.new("RGB", (width, height), "white")
        out = processor(images=[[image]] if nested else [image], text=[text])
        return len(out["input_ids"][0])

    return count


def counters() -> dict[str, _Counter]:
    """For each family the processor at its published settings."""
    qwen = tokenizer(image_token="<|image_pad|>", video_token="<|video_pad|>", s="<|vision_start|>", e="<|vision_end|>")
    glm = tokenizer(image_token="<|image|>", video_token="<|video|>", s="<|begin_of_image|>", e="<|end_of_image|>")
    intern = tokenizer(
        start_image_token="<img>", end_image_token="</img>", context_image_token="<IMG_CONTEXT>", video_token="<video>"
    )
    split = tokenizer(image_token="<image>", fake="<fake_token_around_image>", whole="<global-img>")
    gemma = tokenizer(image_token="<image_soft_token>", boi_token="<start_of_image>", eoi_token="<end_of_image>")
    pixtral = tokenizer(image_token="[IMG]", line="[IMG_BREAK]", end="[IMG_END]")
    llama = tokenizer(
        **{
            f"t{i}": f"<|{name}|>"
            for i, name in enumerate(
                ("image", "image_start", "image_end", "patch", "tile_x_separator", "tile_y_separator")
            )
        }
    )
    cpm = tokenizer(
        image_token="<|image_pad|>",
        video_token="<|video_pad|>",
        image_start_token="<image>",
        image_end_token="</image>",
        slice_start_token="<slice>",
        slice_end_token="</slice>",
        image_id_start_token="<image_id>",
        image_id_end_token="</image_id>",
    )
    deepseek = tokenizer(image_token="<image>")

    def qwen_limits(least: int, most: int) -> dict[str, dict[str, int]]:
        return {"size": {"shortest_edge": least, "longest_edge": most}}

    def smol(longest: int, tile: int, tokens: int) -> _Counter:
        images = t.SmolVLMImageProcessor(size={"longest_edge": longest}, max_image_size={"longest_edge": tile})
        processor = t.SmolVLMProcessor(images, split, t.SmolVLMVideoProcessor(), image_seq_len=tokens)
        return counter(processor, "<image>", nested=True)

    def gemma3(*, crops: bool) -> _Counter:
        images = t.Gemma3ImageProcessor(size={"height": 896, "width": 896})
        processor = t.Gemma3Processor(images, gemma, image_seq_length=256)

        def run(images: list[Image.Image], text: list[str]) -> dict[str, list[list[int]]]:
            out: dict[str, list[list[int]]] = processor(images=images, text=text, do_pan_and_scan=crops)
            return out

        return counter(run, "<start_of_image>", nested=True)

    idefics = t.Idefics3Processor(
        t.Idefics3ImageProcessor(size={"longest_edge": 1456}, max_image_size={"longest_edge": 364}),
        split,
        image_seq_len=169,
    )
    return {
        "qwen2-vl": counter(
            t.Qwen2_5_VLProcessor(
                t.Qwen2VLImageProcessor(**qwen_limits(3136, 12_845_056)), qwen, t.Qwen2VLVideoProcessor()
            ),
            "<|vision_start|><|image_pad|><|vision_end|>",
        ),
        "qwen3-vl": counter(
            t.Qwen3VLProcessor(
                t.Qwen2VLImageProcessor(patch_size=16, **qwen_limits(65_536, 16_777_216)),
                qwen,
                t.Qwen3VLVideoProcessor(),
            ),
            "<|vision_start|><|image_pad|><|vision_end|>",
        ),
        "glm-4v": counter(
            t.Glm4vProcessor(t.Glm4vImageProcessor(**qwen_limits(12_544, 9_633_792)), glm, t.Glm4vVideoProcessor()),
            "<|begin_of_image|><|image|><|end_of_image|>",
        ),
        "internvl3": counter(
            t.InternVLProcessor(
                t.GotOcr2ImageProcessor(size={"height": 448, "width": 448}), intern, t.InternVLVideoProcessor()
            ),
            "<IMG_CONTEXT>",
        ),
        "smolvlm": smol(2048, 512, 64),
        "smolvlm2-2.2b": smol(1536, 384, 81),
        "idefics3": counter(idefics, "<image>", nested=True),
        "gemma3": gemma3(crops=False),
        "gemma3-pan-and-scan": gemma3(crops=True),
        "llava-onevision": counter(
            t.LlavaOnevisionProcessor(
                t.LlavaOnevisionImageProcessor(),
                tokenizer(image_token="<image>", video_token="<video>"),
                t.LlavaOnevisionVideoProcessor(),
                num_image_tokens=729,
                vision_feature_select_strategy="full",
            ),
            "<image>",
        ),
        "pixtral": counter(t.PixtralProcessor(t.PixtralImageProcessor(), pixtral), "[IMG]"),
        "mistral3": counter(
            t.PixtralProcessor(
                t.PixtralImageProcessor(size={"longest_edge": 1540}), pixtral, patch_size=14, spatial_merge_size=2
            ),
            "[IMG]",
        ),
        "llama4": counter(t.Llama4Processor(t.Llama4ImageProcessor(), llama), "<|image|>"),
        "phi-4-multimodal": _phi(),
        "minicpm-v-4.6": counter(
            t.MiniCPMV4_6Processor(t.MiniCPMV4_6ImageProcessor(), t.MiniCPMV4_6VideoProcessor(), cpm), "<|image_pad|>"
        ),
        "deepseek-ocr-2": counter(t.DeepseekOcr2Processor(t.DeepseekOcr2ImageProcessor(), deepseek), "<image>"),
    }


def _phi() -> _Counter:
    """The whole processor needs one for sound too; for an image it repeats the placeholder this often."""
    images = t.Phi4MultimodalImageProcessor()
    return lambda width, height: int(images([Image.new("RGB", (width, height))])["num_img_tokens"][0])


def _or_none(count: _Counter, width: int, height: int) -> int | None:
    """The count, or None where the processor refuses the size."""
    try:
        return count(width, height)
    except (ValueError, RuntimeError) as error:
        print(width, height, repr(error)[:100])
        return None


def main() -> None:
    """Write the figures: width, height and tokens, or null where the processor refuses."""
    table: dict[str, list[tuple[int, int, int | None]]] = {}
    for name, count in counters().items():
        table[name] = [(width, height, _or_none(count, width, height)) for width, height in sizes()]
        print(name, len(table[name]), flush=True)
    content = {"transformers": t.__version__, "families": table}
    OUTPUT.write_bytes(lzma.compress(json.dumps(content, separators=(",", ":")).encode(), preset=9))


if __name__ == "__main__":
    main()

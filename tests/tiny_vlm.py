"""Tiny vision-language models on disk, in the real classes of transformers: random weights, no download.

Everything that decides what a page costs and where it stands is as published: special tokens, chat template, image
processor. Only the width and depth of the networks and the vocabulary (bytes) are small.
"""

from __future__ import annotations

import json
from pathlib import Path

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers

# The templates say what the published ones say for text and images: Qwen2.5-VL-7B-Instruct, Qwen3-VL-8B-Instruct,
# GLM-4.1V-9B-Thinking (whose system turn holds a string, not parts) and SmolVLM2-500M-Instruct. Tools and videos are
# left out.
_CHATML = (
    "{% for message in messages %}%DEFAULT%<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_QWEN2_DEFAULT = (
    "{% if loop.first and message['role'] != 'system' %}<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    "{% endif %}"
)
_GLM = (
    "[gMASK]<sop>{% for m in messages %}{% if m.role == 'system' %}<|system|>\n{{ m.content }}"
    "{% elif m.role == 'user' %}<|user|>\n{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for part in m.content %}{% if part.type == 'image' %}<|begin_of_image|><|image|><|end_of_image|>"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}"
    "{% else %}<|assistant|>\n{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
_SMOL = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}:{% else %}: {% endif %}"
    "{% for part in message['content'] %}{% if part['type'] == 'text' %}{{ part['text'] }}"
    "{% elif part['type'] == 'image' %}<image>{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
TEMPLATES = {
    "qwen2.5-vl": _CHATML.replace("%DEFAULT%", _QWEN2_DEFAULT),
    "qwen3-vl": _CHATML.replace("%DEFAULT%", ""),
    "glm-4.1v": _GLM,
    "smolvlm": _SMOL,
}
_QWEN_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>")
_TOKENS = {
    "qwen2.5-vl": (*_QWEN_TOKENS, "<|image_pad|>", "<|video_pad|>"),
    "qwen3-vl": (*_QWEN_TOKENS, "<|image_pad|>", "<|video_pad|>"),
    "glm-4.1v": (
        *("<|endoftext|>", "[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>"),
        *("<|observation|>", "<|begin_of_image|>", "<|end_of_image|>", "<|begin_of_video|>", "<|end_of_video|>"),
        *("<|image|>", "<|video|>"),
    ),
    "smolvlm": (
        *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<fake_token_around_image>", "<image>", "<end_of_utterance>"),
        *("<global-img>", "<video>"),
        *(f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)),
    ),
}
_ENDS = {"qwen2.5-vl": "<|im_end|>", "qwen3-vl": "<|im_end|>", "glm-4.1v": "<|user|>", "smolvlm": "<end_of_utterance>"}
_PROCESSORS = {
    "qwen2.5-vl": ("Qwen2_5_VLProcessor", "Qwen2VLImageProcessor", {"min_pixels": 3136, "max_pixels": 12_845_056}),
    "qwen3-vl": (
        "Qwen3VLProcessor",
        "Qwen2VLImageProcessor",
        {"size": {"shortest_edge": 65_536, "longest_edge": 16_777_216}, "patch_size": 16},
    ),
    "glm-4.1v": (
        "Glm4vProcessor",
        "Glm4vImageProcessor",
        {"size": {"shortest_edge": 12_544, "longest_edge": 9_633_792}},
    ),
    # Published: 2048, 512 and 64. A long side of 256 in tiles of 64 keeps the shape and costs a 1/64 of the work.
    "smolvlm": (
        "SmolVLMProcessor",
        "SmolVLMImageProcessor",
        {"size": {"longest_edge": 256}, "max_image_size": {"longest_edge": 64}, "do_image_splitting": True},
    ),
}
NAMES = tuple(TEMPLATES)


def build(name: str, folder: Path) -> Path:
    """Writes the model called `name` into a new folder inside `folder`; the weights are always the same."""
    target = folder / name
    tokenizer = _tokenizer(name)
    tokenizer.save_pretrained(target)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in _TOKENS[name]}
    torch.manual_seed(7)
    model = _MODELS[name](ids, len(tokenizer), ids[_ENDS[name]])
    # Weights of the usual size make a random model repeat one token; larger ones make its choices clear and varied.
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.mul_(8)
    ends = [ids[_ENDS[name]], ids["<|endoftext|>"]]
    model.generation_config.update(eos_token_id=ends, do_sample=True, temperature=0.1, top_p=0.5, top_k=2)
    model.save_pretrained(target)
    processor, image_processor, settings = _PROCESSORS[name]
    extra = {"image_seq_len": 4} if name == "smolvlm" else {}
    _write(target / "preprocessor_config.json", {**settings, "image_processor_type": image_processor})
    _write(target / "processor_config.json", {**extra, "processor_class": processor})
    (target / "chat_template.jinja").write_text(TEMPLATES[name], encoding="utf-8")
    return target


def build_text_only(folder: Path) -> Path:
    """A language model without eyes."""
    target = folder / "text-only"
    tokenizer = _tokenizer("qwen2.5-vl")
    tokenizer.save_pretrained(target)
    config = transformers.Qwen2Config(vocab_size=len(tokenizer), **_TEXT)
    transformers.Qwen2ForCausalLM(config).save_pretrained(target)
    return target


def _write(file: Path, values: dict[str, object]) -> None:
    file.write_text(json.dumps(values), encoding="utf-8")


def _tokenizer(name: str) -> transformers.PreTrainedTokenizerFast:
    """Bytes, a token for an empty line (SmolVLM's image text has one), and the published special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate([*alphabet, "ĊĊ"])}
    inner = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=[("Ċ", "Ċ")]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([tokenizers.AddedToken(token, special=True) for token in _TOKENS[name]])
    inner.add_tokens([tokenizers.AddedToken(token) for token in ("<think>", "</think>")])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=_ENDS[name], pad_token="<|endoftext|>", model_max_length=100_000
    )


_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32_768,
    "tie_word_embeddings": False,
}
_EYES = {"depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 4, "out_hidden_size": 32}


def _qwen2(ids: dict[str, int], words: int, end: int) -> transformers.PreTrainedModel:
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}
    config = transformers.Qwen2_5_VLConfig(
        text_config={**_TEXT, "vocab_size": words, "rope_parameters": rope, "bos_token_id": None, "eos_token_id": end},
        vision_config={
            **_EYES,
            "patch_size": 14,
            "fullatt_block_indexes": [1],
            "window_size": 112,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    return transformers.Qwen2_5_VLForConditionalGeneration(config)


def _qwen3(ids: dict[str, int], words: int, end: int) -> transformers.PreTrainedModel:
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 1, 1], "mrope_interleaved": True}
    config = transformers.Qwen3VLConfig(
        text_config={**_TEXT, "vocab_size": words, "rope_parameters": rope, "head_dim": 8, "eos_token_id": end},
        vision_config={
            **_EYES,
            "patch_size": 16,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0, 1],
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    return transformers.Qwen3VLForConditionalGeneration(config)


def _glm(ids: dict[str, int], words: int, end: int) -> transformers.PreTrainedModel:
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2], "partial_rotary_factor": 1.0}
    config = transformers.Glm4vConfig(
        text_config={
            **_TEXT,
            "vocab_size": words,
            "rope_parameters": rope,
            "pad_token_id": ids["<|endoftext|>"],
            "eos_token_id": end,
        },
        vision_config={**_EYES, "patch_size": 14, "image_size": 112},
        image_token_id=ids["<|image|>"],
        video_token_id=ids["<|video|>"],
        image_start_token_id=ids["<|begin_of_image|>"],
        image_end_token_id=ids["<|end_of_image|>"],
        video_start_token_id=ids["<|begin_of_video|>"],
        video_end_token_id=ids["<|end_of_video|>"],
    )
    return transformers.Glm4vForConditionalGeneration(config)


def _smol(ids: dict[str, int], words: int, end: int) -> transformers.PreTrainedModel:
    """A tile of 64 pixels is 16 patches of 16, merged 2 x 2 into 4 tokens."""
    config = transformers.SmolVLMConfig(
        text_config={
            **_TEXT,
            "model_type": "llama",
            "vocab_size": words,
            "rms_norm_eps": 1e-5,
            "bos_token_id": None,
            "pad_token_id": ids["<|endoftext|>"],
            "eos_token_id": end,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 64,
            "patch_size": 16,
        },
        image_token_id=ids["<image>"],
        scale_factor=2,
        pad_token_id=ids["<|endoftext|>"],
    )
    return transformers.SmolVLMForConditionalGeneration(config)


_MODELS = {"qwen2.5-vl": _qwen2, "qwen3-vl": _qwen3, "glm-4.1v": _glm, "smolvlm": _smol}

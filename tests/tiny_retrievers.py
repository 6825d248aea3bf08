"""Tiny models that look at pages, on disk, in the real classes of transformers: random weights, no download.

The processors do what the published ones do; only the networks, the vocabulary (letters) and the images are small.
"""

from __future__ import annotations

import json
from pathlib import Path

import tokenizers
import torch
import transformers
from tokenizers import models, processors

_SPECIAL = (
    *("<pad>", "<eos>", "<bos>", "<unk>", "<image>", "\n"),
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|image_pad|>", "<|video_pad|>"),
)
_TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
_EYES = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
DIMENSION = 16


def colqwen2(folder: Path, seed: int = 7) -> str:
    """A ColQwen2 that sees a page as at most 64 patches of 28 pixels. Returns its folder."""
    tokenizer = _tokenizer(pad="<|endoftext|>")
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in _SPECIAL}
    rope = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [1, 1, 2]}
    inner = transformers.Qwen2VLConfig(
        text_config={
            **_TEXT,
            "vocab_size": len(tokenizer),
            "rope_parameters": rope,
            "bos_token_id": None,
            "eos_token_id": None,
        },
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "mlp_ratio": 2, "num_heads": 4},
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
    )
    config = transformers.ColQwen2Config(vlm_config=inner, embedding_dim=DIMENSION)
    torch.manual_seed(seed)
    settings = {"image_processor_type": "Qwen2VLImageProcessor", "min_pixels": 28 * 28, "max_pixels": 64 * 28 * 28}
    return _save(folder, transformers.ColQwen2ForRetrieval(config), tokenizer, "ColQwen2Processor", settings)


def colpali(folder: Path, seed: int = 7) -> str:
    """A ColPali that sees a page as 16 patches of 14 pixels. Returns its folder."""
    tokenizer = _tokenizer(pad="<pad>", extra={"image_token": "<image>"})
    inner = transformers.PaliGemmaConfig(
        text_config={
            **_TEXT,
            "model_type": "gemma",
            "head_dim": 8,
            "vocab_size": len(tokenizer),
            "bos_token_id": None,
            "eos_token_id": None,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={**_EYES, "model_type": "siglip_vision_model", "image_size": 56, "patch_size": 14},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        projection_dim=32,
    )
    config = transformers.ColPaliConfig(vlm_config=inner, embedding_dim=DIMENSION)
    torch.manual_seed(seed)
    size = {"height": 56, "width": 56}
    settings = {"image_processor_type": "SiglipImageProcessor", "size": size, "image_seq_length": 16}
    return _save(folder, transformers.ColPaliForRetrieval(config), tokenizer, "ColPaliProcessor", settings)


def colmodernvbert(folder: Path, seed: int = 7) -> str:
    """A ColModernVBERT that sees a page in tiles of 64 pixels, 4 patches each, and as a whole. Returns its folder."""
    places = [f"<row_{row}_col_{column}>" for row in range(1, 7) for column in range(1, 7)]
    marks = ("<fake_token_around_image>", "<end_of_utterance>", "<global-img>", "<|begin_of_text|>", *places)
    tokenizer = _tokenizer(pad="<pad>", more=marks)
    inner = transformers.ModernVBertConfig(
        text_config={
            **_TEXT,
            "model_type": "modernbert",
            "vocab_size": len(tokenizer),
            "global_attn_every_n_layers": 1,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 1,
            "cls_token_id": 2,
            "sep_token_id": 1,
        },
        vision_config={**_EYES, "model_type": "siglip_vision_model", "image_size": 64, "patch_size": 16},
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pixel_shuffle_factor=2,
    )
    config = transformers.ColModernVBertConfig(vlm_config=inner, embedding_dim=DIMENSION)
    torch.manual_seed(seed)
    settings = {
        "image_processor_type": "Idefics3ImageProcessor",
        "size": {"longest_edge": 256},
        "max_image_size": {"longest_edge": 64},
    }
    model = transformers.ColModernVBertForRetrieval(config)
    return _save(folder, model, tokenizer, "ColModernVBertProcessor", settings, {"image_seq_len": 4})


def modernvbert(folder: Path, seed: int = 7) -> str:
    """The same eyes with a projection by sentence-transformers behind them, as its `MultiVectorEncoder` saves it."""
    from sentence_transformers import MultiVectorEncoder

    whole = colmodernvbert(folder / "whole", seed)
    processor = transformers.AutoProcessor.from_pretrained(whole)
    transformers.ColModernVBertForRetrieval.from_pretrained(whole).vlm.save_pretrained(folder / "eyes")
    template = (
        "{% for message in messages %}{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>"
        "{% else %}{{ part['text'] }}{% endif %}{% endfor %}<end_of_utterance>{% endfor %}"
    )
    pieces = processor.image_processor, processor.tokenizer
    transformers.Idefics3Processor(*pieces, image_seq_len=4, chat_template=template).save_pretrained(folder / "eyes")
    torch.manual_seed(seed)
    MultiVectorEncoder(str(folder / "eyes"), device="cpu").save_pretrained(str(folder / "model"))
    return str(folder / "model")


def siglip2(folder: Path, seed: int = 7) -> str:
    """A SigLIP 2, one vector for an image, as sentence-transformers loads it. Returns its folder."""
    tokenizer = _tokenizer(pad="<pad>", length=64)
    config = transformers.Siglip2Config(
        text_config={
            **_EYES,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 64,
            "projection_size": 32,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 1,
        },
        vision_config={**_EYES, "patch_size": 16, "num_patches": 64},
    )
    torch.manual_seed(seed)
    settings = {"image_processor_type": "Siglip2ImageProcessor", "patch_size": 16, "max_num_patches": 64}
    return _save(folder, transformers.Siglip2Model(config), tokenizer, "Siglip2Processor", settings)


def _save(
    folder: Path,
    model: transformers.PreTrainedModel,
    tokenizer: transformers.PreTrainedTokenizerFast,
    processor: str,
    settings: dict[str, object],
    more: dict[str, object] | None = None,
) -> str:
    # Larger weights than usual, so that pages that differ are told apart.
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.mul_(4)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "processor_config.json").write_text(
        json.dumps({"processor_class": processor, **(more or {})}), encoding="utf-8"
    )
    return str(folder)


def _tokenizer(
    pad: str, extra: dict[str, str] | None = None, length: int = 4096, more: tuple[str, ...] = ()
) -> transformers.PreTrainedTokenizerFast:
    letters = [chr(code) for code in range(32, 127)]
    vocabulary = {token: number for number, token in enumerate([*_SPECIAL, *more, *letters])}
    inner = tokenizers.Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    special = [token for token in (*_SPECIAL, *more) if token != "\n"]
    inner.add_special_tokens([tokenizers.AddedToken(token, special=True) for token in special])
    inner.post_processor = processors.TemplateProcessing("$A <eos>", special_tokens=[("<eos>", vocabulary["<eos>"])])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=pad,
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        model_max_length=length,
        extra_special_tokens=extra or {},
    )

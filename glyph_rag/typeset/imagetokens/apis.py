"""Models behind an API: their rules as their makers document them."""

from __future__ import annotations

from glyph_rag.typeset.imagetokens.crops import CropUnitRule, FixedRule, TileRule
from glyph_rag.typeset.imagetokens.grids import BudgetRule, CapRule
from glyph_rag.typeset.imagetokens.rule import ModelFamily

_OPENAI = "https://developers.openai.com/api/docs/guides/images-vision ({}, as of September 2026)"
_PATCHES = _OPENAI.format("Patch-based image tokenization")
_TILES = _OPENAI.format("Tile-based image tokenization")
_OLD_PATCHES = f"{_PATCHES}; the budget of 1,536 patches from its edition of 2025, as later ones name none here"
_CLAUDE = (
    "https://platform.claude.com/docs/en/build-with-claude/vision (Resolution and token cost) and "
    "https://platform.claude.com/docs/en/build-with-claude/vision-coordinates (Resize your image before uploading)"
)
_GEMINI = "https://ai.google.dev/gemini-api/docs/{}"
_OPENAI_IMAGES = 1500
_TILE_NOTE = "At the details high and auto; at low an image costs {} tokens."

API_FAMILIES = (
    ModelFamily(
        "gpt-4o",
        ("gpt-4o", "gpt-4.1"),
        TileRule(base=85, each=170),
        _TILES,
        "documented",
        _TILE_NOTE.format(85),
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-4o-mini",
        ("gpt-4o-mini",),
        TileRule(base=2833, each=5667),
        _TILES,
        "documented",
        _TILE_NOTE.format("2,833"),
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-5",
        ("gpt-5", "gpt-5.1"),
        TileRule(base=70, each=140),
        _TILES,
        "documented",
        _TILE_NOTE.format(70),
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "o1",
        ("o1", "o1-pro", "o3"),
        TileRule(base=75, each=150),
        _TILES,
        "documented",
        _TILE_NOTE.format(75),
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-4.1-mini",
        ("gpt-4.1-mini", "gpt-4.1-mini-2025-04-14"),
        BudgetRule(budget=6144, longest=2048, factor="1.62"),
        _PATCHES,
        "documented",
        "Until 2025 the guide named a budget of 1,536 patches.",
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-4.1-nano",
        ("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14"),
        BudgetRule(budget=1536, longest=2048, factor="2.46"),
        _OLD_PATCHES,
        "documented",
        max_images=_OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-5-mini",
        ("gpt-5-mini",),
        BudgetRule(budget=1536, longest=2048, factor="1.2"),
        _OLD_PATCHES,
        "documented",
        "Until 2026 the guide named a factor of 1.62.",
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-5-nano",
        ("gpt-5-nano",),
        BudgetRule(budget=1536, longest=2048, factor="1.5"),
        _OLD_PATCHES,
        "documented",
        "Until 2026 the guide named a factor of 2.46.",
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "o4-mini",
        ("o4-mini",),
        BudgetRule(budget=1536, longest=2048, factor="1.72"),
        _OLD_PATCHES,
        "documented",
        max_images=_OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-5.2",
        ("gpt-5.2",),
        BudgetRule(budget=6144, longest=2048, factor="1.2"),
        _PATCHES,
        "documented",
        max_images=_OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-5.4",
        ("gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano"),
        BudgetRule(budget=2500, longest=2048, factor="1.2"),
        _PATCHES,
        "documented",
        "At the details high and auto.",
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-5.5",
        ("gpt-5.5",),
        BudgetRule(budget=10_000, longest=6000, factor="1.2"),
        _PATCHES,
        "documented",
        "At the details original and auto. GPT-5.4 has the same limits at the detail original.",
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "gpt-5.6",
        ("gpt-5.6", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna"),
        BudgetRule(budget=None, longest=65_535, factor="1.2"),
        _PATCHES,
        "documented",
        "At the details original and auto.",
        _OPENAI_IMAGES,
    ),
    ModelFamily(
        "claude",
        ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5", "claude-sonnet-4-6", "claude-opus-4-6"),
        CapRule(longest=1568, most=1568),
        _CLAUDE,
        "documented",
        "Models before Claude 4.7. Without the few tokens of the message around the image. 600 images where the context"
        " holds a million tokens.",
        100,
    ),
    ModelFamily(
        "claude-high-resolution",
        ("claude-opus-4-7", "claude-opus-4-8", "claude-opus-5", "claude-sonnet-5", "claude-fable-5"),
        CapRule(longest=2576, most=4784),
        _CLAUDE,
        "documented",
        "Claude 4.7 and later. Without the few tokens of the message around the image. With more than 20 images no "
        "side may be over 2,000 pixels.",
        600,
    ),
    ModelFamily(
        "gemini-2",
        ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-pro"),
        CropUnitRule(each=258, small=384, side=768),
        _GEMINI.format("image-understanding (Token calculation)"),
        "documented",
        "Google calls the formula rough.",
        3600,
    ),
    ModelFamily(
        "gemini-3",
        ("gemini-3-pro-preview", "gemini-3-flash-preview"),
        FixedRule(each=1120, side=None),
        _GEMINI.format("media-resolution"),
        "documented",
        "At the default media_resolution, which is high, and at most: one user's invoice shows 1,078 for 1568 x 728 "
        "pixels. 280 at low, 560 at medium, 2,240 at ultra high.",
        3600,
        shows_size=False,
    ),
)
"""Families that are reached over the network, in the order of the table in the documentation."""

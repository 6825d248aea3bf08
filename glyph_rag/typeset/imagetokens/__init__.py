"""What a page image costs each reader: rules, the models that follow them, and the rule of a checkpoint on disk."""

from glyph_rag.typeset.imagetokens.checkpoint import family_from_config, family_from_folder
from glyph_rag.typeset.imagetokens.registry import FAMILIES, family, family_of
from glyph_rag.typeset.imagetokens.rule import ImageTokenRule, ModelFamily, Verified

__all__ = [
    "FAMILIES",
    "ImageTokenRule",
    "ModelFamily",
    "Verified",
    "family",
    "family_from_config",
    "family_from_folder",
    "family_of",
]

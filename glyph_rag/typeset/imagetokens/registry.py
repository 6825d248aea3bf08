"""Which family a model belongs to."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.imagetokens.apis import API_FAMILIES
from glyph_rag.typeset.imagetokens.openmodels import OPEN_FAMILIES
from glyph_rag.typeset.imagetokens.rule import ModelFamily

FAMILIES: tuple[ModelFamily, ...] = (*OPEN_FAMILIES, *API_FAMILIES)
"""All families that are known by name."""


def family_of(model_id: str) -> ModelFamily | None:
    """The family that lists a model, or None.

    Only whole ids count, whatever their case: a model whose name merely resembles a listed one may well charge
    otherwise (GPT-4o and GPT-4o-mini do).
    """
    return _by_model().get(model_id.casefold())


def family(name: str) -> ModelFamily:
    """The family of that name, or the one that lists a model of that id.

    Raises:
        ProfileError: Neither is known. The message names what comes nearest.
    """
    found = _by_name().get(name.casefold()) or family_of(name)
    if found is None:
        raise ProfileError(
            f"no image-token rule is known for {name!r}", hint=nearest(name, (*_by_name(), *_by_model()))
        )
    return found


def nearest(name: str, known: tuple[str, ...]) -> str:
    """A hint that names what comes nearest to a name that is not known."""
    close = get_close_matches(name.casefold(), known, n=1, cutoff=0.0)
    return f"did you mean {close[0]!r}?" if close else ""


@lru_cache(maxsize=1)
def _by_name() -> dict[str, ModelFamily]:
    return {each.name.casefold(): each for each in FAMILIES}


@lru_cache(maxsize=1)
def _by_model() -> dict[str, ModelFamily]:
    return {model.casefold(): each for each in FAMILIES for model in each.models}

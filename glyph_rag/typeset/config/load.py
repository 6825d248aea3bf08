"""render_config files: a render profile as YAML or JSON, in keys of ours or in those of Glyph's config files.

docs/render-config.md lists the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any, Final

import yaml

from glyph_rag.errors import ProfileError
from glyph_rag.typeset.config import glyph as glyph_config
from glyph_rag.typeset.config.file import Settings, from_mapping, read
from glyph_rag.typeset.fields import (
    CHOICES,
    COLOURS,
    INTEGERS,
    SIZES,
    check_choice,
    check_integer,
    check_switch,
    colour_of,
    size_of,
)
from glyph_rag.typeset.profile import PRESETS, RenderProfile

KEYS: Final = ("preset", *(field.name for field in fields(RenderProfile)))
"""Keys of ours: the fields of a profile, and the preset whose values the other keys replace."""

ALIASES: Final[Mapping[str, str]] = {"font_path": "fonts"}
"""Other names of keys of ours."""


def load_render_config(source: str | PathLike[str] | Mapping[str, object]) -> RenderProfile:
    """The profile that a render_config describes.

    A key may be written with hyphens or with underscores. Fields that are not mentioned keep the values of the preset
    that `preset` names, or of the default profile. A config that has a key which only Glyph's config files have is
    read as one of those, see `glyph_config`.

    Args:
        source: Path of a YAML or JSON file, or a mapping of keys to values. Font paths are relative to the file's
            folder, or to the working directory.

    Raises:
        ProfileError: If the source cannot be read, a key is unknown or given twice, a value has the wrong type or is
            out of range, or values contradict each other. The message names the file, and the line where there is one.
    """
    settings = from_mapping(source) if isinstance(source, Mapping) else read(Path(source))
    of_glyph = [key for key in settings.values if key in glyph_config.KEYS and key not in glyph_config.SHARED]
    if not of_glyph:
        return _ours(settings)
    of_ours = [key for key in settings.values if key in KEYS and key not in glyph_config.KEYS]
    if of_ours:
        raise settings.error(
            of_ours[0],
            f"{settings.spelled[of_ours[0]]!r} is a key of ours and {settings.spelled[of_glyph[0]]!r} one of Glyph's",
            "use one set of keys; docs/render-config.md lists both",
        )
    return glyph_config.to_profile(settings)


def to_config(profile: RenderProfile) -> str:
    """A YAML file that `load_render_config` turns into the same profile, as long as its fonts stay where they are."""
    values: dict[str, object] = {field.name: getattr(profile, field.name) for field in fields(profile)}
    values["fonts"] = [font.path for font in profile.fonts]
    return yaml.safe_dump(values, sort_keys=False)


def _ours(settings: Settings) -> RenderProfile:
    values: dict[str, Any] = {}
    for key in settings.values:
        name = ALIASES.get(key, key)
        if name not in KEYS:
            raise _unknown(settings, key)
        if name in values:
            raise settings.error(key, f"{settings.spelled[key]!r} and {name!r} are the same", "keep one")
        values[name] = _value(settings, key, name)
    base: RenderProfile = values.pop("preset", PRESETS["careful"])
    with settings.locating():
        return replace(base, **values)


def _unknown(settings: Settings, key: str) -> ProfileError:
    written = settings.spelled[key]
    known = dict.fromkeys((*KEYS, *ALIASES, *glyph_config.KEYS))
    near = get_close_matches(key, known, 2, cutoff=0.8) or get_close_matches(key, known, 1)
    # In the spelling of the key that was meant.
    meant = " or ".join(repr(name.replace("_", "-") if "-" in written else name) for name in sorted(near))
    ask = f"did you mean {meant}? " if near else ""
    return settings.error(key, f"there is no key {written!r}", f"{ask}docs/render-config.md lists all keys")


def _value(settings: Settings, key: str, name: str) -> object:
    """The checked value of a field; the profile itself for a preset."""
    if name == "fonts":
        return glyph_config.user_fonts(settings, key)
    value = settings.values[key]
    with settings.locating(key):
        if name == "preset":
            return RenderProfile.preset(str(value))
        if name in SIZES:
            return size_of(name, value)
        if name in COLOURS:
            return colour_of(name, value)
        if name in INTEGERS:
            check_integer(name, value)
        elif name in CHOICES:
            check_choice(name, value)
        else:
            check_switch(name, value)
    return value

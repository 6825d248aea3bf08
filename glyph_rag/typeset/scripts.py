"""Which scripts a text is written in."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

_RENAMED = {"FULLWIDTH": "LATIN", "HALFWIDTH": "KATAKANA", "IDEOGRAPHIC": "CJK"}


@lru_cache(maxsize=65536)
def script_of(character: str) -> str:
    """The script of a letter as the first word of its Unicode name ("LATIN", "CJK", "ARABIC"), else an empty string."""
    if not unicodedata.category(character).startswith("L"):
        return ""
    first = unicodedata.name(character, "").split(" ")[0]
    return _RENAMED.get(first, first)


def scripts_of(text: str, share: float = 0.05) -> frozenset[str]:
    """The scripts that make up at least `share` of the letters of a text."""
    counts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        script = script_of(character)
        if script:
            counts[script] += count
    enough = share * counts.total()
    return frozenset(script for script, count in counts.items() if count >= enough)

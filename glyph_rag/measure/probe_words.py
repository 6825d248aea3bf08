"""The words that probes are made of, by language; they stand in `probe_words.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from glyph_rag.errors import InputError


@dataclass(frozen=True)
class Language:
    """What a language's probes are made of. Patterns have room for what their attribute's line names in braces.

    Attributes:
        code: Its tag.
        name: Its English name.
        script: Its script, as receipts name it.
        space: What stands between two sentences.
        place: Lists of syllables with "/" between them; a town's name takes one of each.
        person: The same for people.
        date: How a date is written: {day}, {month}, {year}.
        months: The months' names with "/" between them; numbers where empty.
        events: Statements with {place}, {date} and {person}; each with the question for the date and for the person.
        codes: Statements with {place} and {code}; each with its question.
        numbers: Statements with {place} and {number}; each with its question.
        columns: Titles of the columns of a table; the first is that of the towns.
        cell: The question for a cell, by {column} and {row}.
        function: What a function's description says of {place}, and the question for its name.
        constant: The question for the value of a constant, by {name}.
    """

    code: str
    name: str
    script: str
    space: str
    place: tuple[str, ...]
    person: tuple[str, ...]
    date: str
    months: str
    events: tuple[tuple[str, str, str], ...]
    codes: tuple[tuple[str, str], ...]
    numbers: tuple[tuple[str, str], ...]
    columns: tuple[str, ...]
    cell: str
    function: tuple[str, str]
    constant: str


@cache
def languages() -> Mapping[str, Language]:
    """All languages by their tags."""
    import yaml

    entries = yaml.safe_load((files("glyph_rag.measure") / "probe_words.yaml").read_text("utf-8"))
    return MappingProxyType({entry["code"]: Language(**_frozen(entry)) for entry in entries})


def _frozen(entry: Mapping[str, str | list[str | list[str]]]) -> dict[str, Any]:
    """An entry with tuples for lists."""

    def frozen(value: str | list[str]) -> str | tuple[str, ...]:
        return value if isinstance(value, str) else tuple(value)

    return {key: frozen(value) if isinstance(value, str) else tuple(map(frozen, value)) for key, value in entry.items()}


def languages_of(name: str) -> tuple[Language, ...]:
    """The languages that a name stands for.

    Args:
        name: A tag, such as "de", or a script: "latin", "han", "kana", "cyrillic", "arabic", "devanagari", "hangul",
            "thai"; or several with "+" between them. Capitals do not matter.

    Raises:
        InputError: If there are no probes of that name.
    """
    if "+" in name:
        return tuple(dict.fromkeys(language for part in name.split("+") for language in languages_of(part)))
    known = languages()
    wanted = name.strip().lower()
    if wanted in known:
        return (known[wanted],)
    script = "CJK" if wanted == "han" else wanted.upper()
    found = tuple(language for language in known.values() if language.script == script)
    if not found:
        scripts = sorted({language.script.lower() for language in known.values()} - {"cjk"} | {"han"})
        raise InputError(
            f"there are no probes for {name!r}", hint=f"scripts: {', '.join(scripts)}; languages: {', '.join(known)}"
        )
    return found

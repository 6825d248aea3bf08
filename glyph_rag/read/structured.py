"""Forms: a reader's JSON as a typed object, and each value in it looked for on the pages.

Pydantic is no dependency: its models (version 2) are what `Form` describes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from typing import Protocol, Self, TypeVar

from glyph_rag.errors import InputError, ReaderError
from glyph_rag.read.answer import Field, Support
from glyph_rag.read.verification.place import Place, find_exact
from glyph_rag.read.verification.reword import find_reworded
from glyph_rag.read.verification.shown import Shown
from glyph_rag.read.verification.values import find_date, find_number, find_time
from glyph_rag.read.verify import cite, verify_shown
from glyph_rag.typeset.page import Page

_STATEMENT = 4.0  # Words from which a text says something and is not just a name; a Han character is half a word.
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORST_FIRST: tuple[Support, ...] = ("unsupported", "corrected", "reworded", "exact")


class Form(Protocol):
    """What a form can do: any subclass of pydantic's `BaseModel` is one."""

    @classmethod
    def model_json_schema(cls) -> Mapping[str, object]:
        """Its JSON schema."""
        ...

    @classmethod
    def model_validate_json(cls, json_data: str) -> Self:
        """The form, filled in from JSON text.

        Raises:
            ValueError: If the text does not fit.
        """
        ...


T = TypeVar("T", bound=Form)


def schema_of(form: type[Form]) -> str:
    """The JSON schema of a form, as JSON text: what `StructuredReader.read_structured` takes.

    Raises:
        InputError: If it is no form.
    """
    if not isinstance(form, type) or not hasattr(form, "model_json_schema"):
        raise InputError(f"the schema is {form!r:.60}", hint="give a class derived from pydantic.BaseModel")
    return json.dumps(form.model_json_schema(), ensure_ascii=False)


def fill(data: str, form: type[T]) -> T:
    """A form, filled in.

    Args:
        data: JSON text, as in `Reading.data`.
        form: The form's class.

    Raises:
        ReaderError: If the data does not fit; it names the first field that does not.
    """
    try:
        return form.model_validate_json(data)
    except ValueError as error:
        raise ReaderError(
            f"what the model filled in does not fit {form.__name__}: {_misfit(error)}",
            hint="make a field optional if the pages may not say it, or ask a stronger model",
        ) from error


def check_fields(value: object, pages: Sequence[Page]) -> tuple[Field, ...]:
    """Looks for each value of a filled-in form on the pages that were shown.

    Words have to stand there as whole words; scripts without spaces between words have none, so there any characters
    will do. A statement may be reworded or misread as a sentence of an answer may. That a value stands on a page does
    not say that it belongs into its field.

    Args:
        value: A form, or anything of mappings, sequences and dataclasses; what else there is counts as one value.
        pages: The pages.

    Returns:
        A field for each value that is not a list and no form itself, in order.
    """
    shown = [Shown(page) for page in pages]
    return tuple(_check(path, leaf, shown) for path, leaf in _leaves("", value))


def _misfit(error: ValueError) -> str:
    """The first complaint of a validation error of pydantic, with the field's path; others as they are."""
    errors = getattr(error, "errors", None)
    first = next(iter(errors()), None) if callable(errors) else None
    if not isinstance(first, Mapping):
        return str(error)
    path = ""
    for part in first.get("loc", ()):
        path = _inside(path, part)
    return f"{path}: {first.get('msg')}" if path else str(first.get("msg"))


def _inside(path: str, part: str | int) -> str:
    if isinstance(part, int):
        return f"{path}[{part}]"
    return f"{path}.{part}" if path else part


def _leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    parts = _parts(value)
    if parts is None:
        yield path, value.value if isinstance(value, Enum) else value
        return
    for part, inner in parts:
        yield from _leaves(_inside(path, part), inner)


def _parts(value: object) -> list[tuple[str | int, object]] | None:
    """What a value is made of, by name or number, or None for a single one."""
    if isinstance(value, str | bytes | Enum):
        return None
    if isinstance(value, Mapping):
        return [(str(key), inner) for key, inner in value.items()]
    if isinstance(value, Sequence | Set):
        return list(enumerate(value))
    if is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in fields(value)]
    named = getattr(type(value), "model_fields", None)  # as pydantic calls them
    return [(name, getattr(value, name)) for name in named] if isinstance(named, Mapping) else None


def _check(path: str, leaf: object, pages: Sequence[Shown]) -> Field:
    if leaf is None or isinstance(leaf, bool):
        return Field(path, json.dumps(leaf), "unsupported", None)
    if isinstance(leaf, date | time):
        place = find_time(leaf, pages) if isinstance(leaf, time) else find_date(leaf, pages)
        return _field(path, leaf.isoformat(), place)
    if isinstance(leaf, int | float | Decimal):
        number = Decimal(str(leaf))
        if not number.is_finite():
            return _field(path, str(leaf), None)
        # A float of pydantic is 15.0 where the JSON has 15.
        whole = isinstance(leaf, float) and leaf.is_integer()
        return _field(path, str(leaf), find_number(number.to_integral() if whole else number, pages))
    text = str(leaf)
    place = find_exact(text, pages)
    if place is None and _is_statement(text, pages):
        return _check_statement(path, text, pages)
    return _field(path, text, place or _find_day(text, pages) or find_reworded(text, pages))


def _field(path: str, value: str, place: Place | None) -> Field:
    return Field(path, value, place.support, cite(place)) if place else Field(path, value, "unsupported", None)


def _find_day(text: str, pages: Sequence[Shown]) -> Place | None:
    """The place of a date that is given as a text."""
    try:
        return find_date(date.fromisoformat(text), pages) if _ISO_DAY.fullmatch(text) else None
    except ValueError:
        return None


def _is_statement(text: str, pages: Sequence[Shown]) -> bool:
    words = pages[0].words(text) if pages else ()
    return sum(0.5 if word.kind == "character" else 1 for word in words) >= _STATEMENT


def _check_statement(path: str, text: str, pages: Sequence[Shown]) -> Field:
    sentences, citations = verify_shown(text, pages)
    found = {sentence.support for sentence in sentences}
    support = next((support for support in _WORST_FIRST if support in found), _WORST_FIRST[0])
    return Field(path, text, support, citations[0] if citations and support != "unsupported" else None)

"""JSON in a model's reply: the object without what stands around it, or what is wrong, in words a model can be told."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NoReturn, TypeAlias

from glyph_rag.errors import InputError
from glyph_rag.read.prompt import without_thoughts

_Value: TypeAlias = "str | int | float | bool | list[_Value] | dict[str, _Value] | None"

_FENCE = re.compile(r"```\w*\s*(?=[{\[])")
# A bracket that opens JSON, and not one of a sentence such as {this} or [P1].
_OPENS = re.compile(r'\{(?=\s*["}])|\[(?=\s*\{)')


def cut_object(reply: str) -> tuple[str, str]:
    """The JSON object in a reply, without thoughts, code fences and words around it.

    Where there are several, the last that is not empty counts: models think aloud before they answer, not after. If
    one of them is broken, none counts, as what is whole in it may be a part of another.

    Returns:
        The object as the model wrote it and an empty string, or an empty string and what is wrong with the reply.
    """
    text = without_thoughts(reply)
    if _is_object(text):
        return text, ""
    fences = [match.end() for match in _FENCE.finditer(text)]
    return _last_object(text, fences[-1] if fences else 0)


def ask_again(question: str, fault: str) -> str:
    """A question put a second time, after a reply of which `cut_object` said what is wrong."""
    return (
        f"{question}\n\nYour last reply was not the JSON object that is asked for: {fault}."
        " Reply with that object and with nothing else."
    )


def check_schema(schema: str) -> None:
    """Refuses what is no schema of a form.

    Raises:
        InputError: If it is not the JSON text of an object.
    """
    if not _is_object(schema):
        raise InputError("the schema is not a JSON object", hint="give JSON text, such as `schema_of` makes of a form")


def join_objects(objects: Sequence[str]) -> str:
    """One JSON object of several that fill in the same form, each from other pages.

    Lists are joined; of two values in one place the first stays, unless it is null.
    """
    if len(objects) < 2:
        return "".join(objects)
    joined: _Value = None
    for text in objects:
        joined = _join(joined, json.loads(text))
    return json.dumps(joined, ensure_ascii=False)


def _join(one: _Value, other: _Value) -> _Value:
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: _join(one.get(key), other.get(key)) for key in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return other if one is None else one


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _is_object(text: str) -> bool:
    try:
        return isinstance(_DECODER.decode(text), dict)
    except (ValueError, RecursionError):
        return False


def _last_object(text: str, at: int) -> tuple[str, str]:
    found, fault = "", "there is no JSON object in it"
    while (match := _OPENS.search(text, at)) is not None:
        try:
            value, at = _DECODER.raw_decode(text, match.start())
        except ValueError as error:
            return "", f"it is broken: {error}"
        except RecursionError:
            return "", "it is nested too deeply"
        if not isinstance(value, dict):
            fault = "it is a list, not one object"
        elif value or not found:
            found = text[match.start() : at]
    return (found, "") if found else ("", fault)

"""What `--where` and `--metadata` are given: KEY=VALUE, and filters as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from glyph_rag.errors import InputError

if TYPE_CHECKING:
    from glyph_rag.corpus.document import MetadataValue
    from glyph_rag.search.filters import Filter

WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FILTER",
        help='Only documents with this metadata: team=hr, or as JSON: \'{"year": {"$gte": 2024}}\'. Given several'
        " times, all have to hold.",
    ),
]
MetadataOption = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata", metavar="KEY=VALUE", help="Give every document this metadata, to filter by. May be repeated."
    ),
]


def parse_where(given: Sequence[str] | None) -> Filter | None:
    """The filter that `--where` stands for, or None.

    Raises:
        InputError: If one of them is neither KEY=VALUE nor JSON.
    """
    filters = [_filter(text) for text in given or ()]
    return {"$and": filters} if len(filters) > 1 else next(iter(filters), None)


def parse_metadata(given: Sequence[str] | None) -> dict[str, MetadataValue]:
    """The metadata that `--metadata` stands for.

    Raises:
        InputError: If one of them is not KEY=VALUE.
    """
    return dict(_pair(text, "--metadata", "write KEY=VALUE, such as team=hr") for text in given or ())


def _filter(text: str) -> Filter:
    if not text.lstrip().startswith("{"):
        key, value = _pair(text, "--where", "write KEY=VALUE, such as team=hr, or a filter as JSON (docs/search.md)")
        return {key: value}
    try:
        found: Filter = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"--where {text!r} is not JSON: {error}", hint="docs/search.md has the operators") from error
    return found


def _pair(text: str, option: str, hint: str) -> tuple[str, MetadataValue]:
    key, sign, value = text.partition("=")
    if not sign or not key.strip():
        raise InputError(f"{option} {text!r} has no key and value", hint=hint)
    return key.strip(), _value(value.strip())


def _value(text: str) -> MetadataValue:
    """A number, true, false or null, as JSON has them; everything else is a string, and so is what is quoted."""
    try:
        value = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    return value if value is None or isinstance(value, str | int | float) else text

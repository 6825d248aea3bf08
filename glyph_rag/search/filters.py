"""Filters over the metadata of documents, as users of LangChain and MongoDB write them.

    {"team": "north", "year": {"$gte": 2024}, "$or": [{"kind": "memo"}, {"draft": {"$exists": False}}]}

| operator | holds where the document's value is |
| --- | --- |
| `$eq`, or the value itself | equal, and of the same type; 1 and 1.0 are one number, true is not 1 |
| `$in` | equal to one of a list; to none of an empty one |
| `$gt` `$gte` `$lt` `$lte` | of the same type, a number or a string, and greater or less; strings by code point |
| `$exists` | there, whatever it is, or not there (`False`) |
| `$ne`, `$nin` | not so: the negations of `$eq` and `$in`, so a document without the key matches, as in MongoDB |
| `$and`, `$or` | lists of filters; several keys or operators beside each other all have to hold |
| `$not` | around a filter, or around the operators of a key |

`source` and `document_id` are the document's own, for documents without metadata of these names. Whatever is not
understood is an error: no mistake in a filter lets through more than was meant.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from glyph_rag.corpus.document import MetadataValue
from glyph_rag.errors import InputError
from glyph_rag.limits import Limits

Filter: TypeAlias = Mapping[str, object]
"""What a user writes: keys to values or operators."""

Order: TypeAlias = Literal["$gt", "$gte", "$lt", "$lte"]

OWN_KEYS: Final = ("source", "document_id")
"""What every document has, under these keys where its metadata has no value of that name."""

_ORDERS: Final[tuple[Order, ...]] = ("$gt", "$gte", "$lt", "$lte")
_OF_VALUES: Final = ("$eq", "$ne", "$in", "$nin", *_ORDERS, "$exists", "$not")
_OF_FILTERS: Final = ("$and", "$or", "$not")
_LARGEST_INTEGER: Final = 2**63 - 1


@dataclass(frozen=True)
class OneOf:
    """The value of a key is one of these."""

    key: str
    values: tuple[MetadataValue, ...]


@dataclass(frozen=True)
class Beyond:
    """The value of a key is of the type of `value`, a number or a string, and stands in this order to it."""

    key: str
    order: Order
    value: str | int | float


@dataclass(frozen=True)
class Exists:
    """There is a value of this key."""

    key: str


@dataclass(frozen=True)
class Not:
    """The part does not hold."""

    part: Condition


@dataclass(frozen=True)
class Joined:
    """All of the parts hold, or any of them; there is at least one."""

    how: Literal["all", "any"]
    parts: tuple[Condition, ...]


Condition: TypeAlias = OneOf | Beyond | Exists | Not | Joined
"""A filter that has been understood."""


def parse(where: Filter, limits: Limits) -> Condition:
    """Reads a filter.

    Args:
        where: The filter.
        limits: Bounds on its depth and on how many values it compares with.

    Raises:
        InputError: If it is empty, has an operator that there is not, or a value that cannot be compared so. The
            message names the key and the operator.
        LimitError: If it is too deep or compares with too many values.
    """
    return _Parser(limits).filter(where, 1)


class _Parser:
    """Counts as it reads, so that a filter past the limits is refused before all of it was looked at."""

    def __init__(self, limits: Limits) -> None:
        self._limits, self._values = limits, 0

    def filter(self, where: object, depth: int) -> Condition:
        self._limits.check("filter_depth", depth, "depth of a filter")
        if not isinstance(where, Mapping):
            raise InputError(f"a filter is {type(where).__name__}", hint="filters are dictionaries: {'key': value}")
        if not where:
            raise InputError("a filter is empty", hint="leave it out to search everything")
        return _joined("all", [self._entry(key, value, depth) for key, value in where.items()])

    def _entry(self, key: object, value: object, depth: int) -> Condition:
        if not isinstance(key, str):
            raise InputError(f"filter key {key!r} is {type(key).__name__}", hint="keys are strings")
        if key in ("$and", "$or"):
            return _joined("all" if key == "$and" else "any", self._filters(key, value, depth))
        if key == "$not":
            return Not(self.filter(value, depth + 1))
        if key.startswith("$"):
            raise InputError(f"there is no operator {key!r} over filters", hint=_nearest(key, _OF_FILTERS))
        _check_utf8(f"filter key {key!r}", key)
        self._count(1)
        return self._of_key(key, value, depth)

    def _filters(self, operator: str, value: object, depth: int) -> list[Condition]:
        if not isinstance(value, Sequence) or isinstance(value, str | bytes) or not value:
            raise InputError(f"{operator} is {_brief(value)}", hint=f"{operator} takes a list of one or more filters")
        return [self.filter(part, depth + 1) for part in value]

    def _of_key(self, key: str, value: object, depth: int) -> Condition:
        if not isinstance(value, Mapping):
            return OneOf(key, (self._value(key, "$eq", value),))
        self._limits.check("filter_depth", depth + 1, "depth of a filter")
        if not value:
            raise InputError(f"{key!r} has no operator", hint=f"such as {{{key!r}: {{'$exists': True}}}}")
        return _joined("all", [self._operator(key, operator, given, depth + 1) for operator, given in value.items()])

    def _operator(self, key: str, operator: object, given: object, depth: int) -> Condition:
        name = operator if isinstance(operator, str) else repr(operator)
        if name in ("$eq", "$ne"):
            equal = OneOf(key, (self._value(key, name, given),))
            return equal if name == "$eq" else Not(equal)
        if name in ("$in", "$nin"):
            any_of = OneOf(key, self._list(key, name, given))
            return any_of if name == "$in" else Not(any_of)
        if name == "$exists":
            if not isinstance(given, bool):
                raise InputError(f"{key!r}: $exists is {_brief(given)}", hint="True or False")
            return Exists(key) if given else Not(Exists(key))
        if name == "$not":
            if not isinstance(given, Mapping):
                raise InputError(f"{key!r}: $not is {_brief(given)}", hint="operators go inside; for a value, use $ne")
            return Not(self._of_key(key, given, depth))
        for order in _ORDERS:
            if name == order:
                return Beyond(key, order, self._comparable(key, order, given))
        raise InputError(f"{key!r}: there is no operator {name!r}", hint=_nearest(name, _OF_VALUES))

    def _list(self, key: str, operator: str, given: object) -> tuple[MetadataValue, ...]:
        if not isinstance(given, Sequence | Set) or isinstance(given, str | bytes):
            raise InputError(f"{key!r}: {operator} is {_brief(given)}", hint=f"{operator} takes a list of values")
        self._count(len(given))
        # A set has another order in each process, and a cursor has to know its filter again.
        ordered = sorted(given, key=repr) if isinstance(given, Set) else given
        return tuple(self._value(key, operator, value) for value in ordered)

    def _comparable(self, key: str, operator: str, given: object) -> str | int | float:
        value = self._value(key, operator, given)
        if value is None or isinstance(value, bool):
            raise InputError(f"{key!r}: {operator} is {value!r}", hint="only numbers and strings have an order")
        return value

    def _value(self, key: str, operator: str, given: object) -> MetadataValue:
        where = f"{key!r}: {operator}"
        if given is None or isinstance(given, bool):
            return given
        if isinstance(given, str):
            _check_utf8(where, given)
            return str.__str__(given)  # An enumeration's own __str__ gives the name of its member.
        if isinstance(given, int):
            if not -_LARGEST_INTEGER - 1 <= given <= _LARGEST_INTEGER:
                raise InputError(f"{where} is an integer of more than 64 bits", hint="no document has such a value")
            return int(given)
        if isinstance(given, float):
            if math.isnan(given):
                raise InputError(f"{where} is not a number", hint="NaN equals nothing, not even itself")
            return float(given)
        hint = (
            "for a list of values, use $in"
            if isinstance(given, Sequence | Set)
            else "a string (for dates as well, such as '2024-05-17'), a number, a bool or None"
        )
        raise InputError(f"{where} is {type(given).__name__}", hint=hint)

    def _count(self, values: int) -> None:
        self._values += values
        self._limits.check("filter_values", self._values, "values in a filter")


def matches(condition: Condition, metadata: Mapping[str, MetadataValue], *, document_id: str, source: str) -> bool:
    """Whether a condition holds for a document, worked out in Python; `filter_sql` says the same to SQLite.

    Args:
        condition: What `parse` gave.
        metadata: The document's.
        document_id: Its id.
        source: Its source.
    """
    values: dict[str, MetadataValue] = {"source": source, "document_id": document_id, **metadata}
    return _holds(condition, values)


def _holds(condition: Condition, values: Mapping[str, MetadataValue]) -> bool:
    match condition:
        case OneOf(key, wanted):
            return key in values and any(_equal(values[key], value) for value in wanted)
        case Beyond(key, order, value):
            return key in values and _stands(values[key], order, value)
        case Exists(key):
            return key in values
        case Not(part):
            return not _holds(part, values)
        case Joined(how, parts):
            return (all if how == "all" else any)(_holds(part, values) for part in parts)


def size(condition: Condition) -> int:
    """How many keys and values a condition has."""
    match condition:
        case OneOf(_, values):
            return 1 + len(values)
        case Beyond() | Exists():
            return 1
        case Not(part):
            return size(part)
        case Joined(_, parts):
            return sum(map(size, parts))


def kind_of(value: MetadataValue) -> str:
    """What a value is compared as: "null", "bool", "text" or "number"."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else "bool"
    return "text" if isinstance(value, str) else "number"


def _equal(value: MetadataValue, other: MetadataValue) -> bool:
    return kind_of(value) == kind_of(other) and value == other


_COMPARE: Final[Mapping[Order, Callable[[int], bool]]] = {
    "$gt": lambda sign: sign > 0,
    "$gte": lambda sign: sign >= 0,
    "$lt": lambda sign: sign < 0,
    "$lte": lambda sign: sign <= 0,
}


def _stands(value: MetadataValue, order: Order, other: str | int | float) -> bool:
    if isinstance(value, str) and isinstance(other, str):
        # What is not UTF-8 is stored as bytes, and SQLite puts every BLOB behind every TEXT.
        left = (not _is_utf8(value), value)
        return _COMPARE[order]((left > (False, other)) - (left < (False, other)))
    if kind_of(value) != "number" or isinstance(value, str | None) or isinstance(other, str):
        return False
    if value != value:
        return False
    return _COMPARE[order]((value > other) - (value < other))


def _joined(how: Literal["all", "any"], parts: Sequence[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else Joined(how, tuple(parts))


def _check_utf8(what: str, text: str) -> None:
    if not _is_utf8(text):
        raise InputError(f"{what} is not UTF-8", hint="it holds a lone surrogate")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name if name.startswith("$") else f"${name}", known, n=1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"


def _brief(value: object) -> str:
    return "empty" if isinstance(value, Sequence) and not value else type(value).__name__

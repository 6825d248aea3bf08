"""LlamaIndex's metadata filters as filters of glyph-rag."""

from __future__ import annotations

from typing import Final

from glyph_rag.errors import InputError
from glyph_rag.search.filters import Filter
from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters

_OPERATORS: Final = {
    FilterOperator.EQ: "$eq", FilterOperator.NE: "$ne", FilterOperator.GT: "$gt", FilterOperator.GTE: "$gte",
    FilterOperator.LT: "$lt", FilterOperator.LTE: "$lte", FilterOperator.IN: "$in", FilterOperator.NIN: "$nin",
}  # fmt: skip


def filter_of(filters: MetadataFilters) -> Filter:
    """The same filter as glyph-rag has it, nested ones and all.

    As in LlamaIndex's own store, `!=` and `nin` let documents without the key through, and `not` means that none of the
    filters holds.

    Args:
        filters: The filters.

    Raises:
        InputError: There are none, or one has no value, or an operator that asks for lists or for words inside a
            value, which the store cannot answer. No filter is passed over.
    """
    parts = [filter_of(part) if isinstance(part, MetadataFilters) else _condition(part) for part in filters.filters]
    if not parts:
        raise InputError("there are no filters in MetadataFilters", hint="leave it out to search everything")
    if filters.condition == FilterCondition.NOT:
        return {"$not": {"$or": parts}}
    return {"$or" if filters.condition == FilterCondition.OR else "$and": parts}


def _condition(part: MetadataFilter) -> Filter:
    if part.operator == FilterOperator.IS_EMPTY:
        return {"$or": [{part.key: {"$exists": False}}, {part.key: {"$in": [None, ""]}}]}
    operator = _OPERATORS.get(part.operator)
    if operator is None:
        raise InputError(
            f"{part.key!r}: the store has no operator {part.operator.value!r}",
            hint=f"there are {', '.join(known.value for known in _OPERATORS)} and is_empty",
        )
    if part.value is None:
        raise InputError(f"{part.key!r}: {part.operator.value} nothing", hint="for documents without it, use is_empty")
    return {part.key: {operator: part.value}}

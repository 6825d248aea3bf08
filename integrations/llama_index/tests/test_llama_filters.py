"""Filters let through what LlamaIndex's own store would, and nothing that they cannot say."""

from __future__ import annotations

import pytest
from glyph_rag.errors import InputError
from glyph_rag.limits import Limits
from glyph_rag.search.filters import matches, parse
from hypothesis import given, settings
from hypothesis import strategies as st
from llama_index.core.vector_stores import FilterCondition, FilterOperator, MetadataFilter, MetadataFilters
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from llama_index_glyph_rag import filter_of

KINDS = {"word": st.sampled_from(["", "a", "b", "é"]), "number": st.integers(-2, 2)}
ORDERS = ["==", "!=", ">", ">=", "<", "<="]


@st.composite
def one_filter(draw: st.DrawFn) -> MetadataFilter:
    key = draw(st.sampled_from(sorted(KINDS)))
    operator = FilterOperator(draw(st.sampled_from([*ORDERS, "in", "nin", "is_empty"])))
    value = KINDS[key]
    if operator == FilterOperator.IS_EMPTY:
        return MetadataFilter(key=key, value=None, operator=operator)
    many = operator in (FilterOperator.IN, FilterOperator.NIN)
    return MetadataFilter(key=key, value=draw(st.lists(value, max_size=3) if many else value), operator=operator)


METADATA = st.fixed_dictionaries({}, optional={key: st.none() | value for key, value in KINDS.items()})
FILTERS = st.builds(
    MetadataFilters, filters=st.lists(one_filter(), min_size=1, max_size=3), condition=st.sampled_from(FilterCondition)
)


def lets_through(filters: MetadataFilters, metadata: dict[str, str | int | None]) -> bool:
    return matches(parse(filter_of(filters), Limits()), metadata, document_id="d", source="s")


@settings(deadline=None)
@given(FILTERS, METADATA)
def test_the_same_documents_as_in_llama_indexs_own_store(
    filters: MetadataFilters, metadata: dict[str, str | int | None]
) -> None:
    assert lets_through(filters, metadata) == build_metadata_filter_fn(lambda _: metadata, filters)("d")


@settings(deadline=None)
@given(st.lists(FILTERS, min_size=1, max_size=3), METADATA, st.sampled_from(FilterCondition))
def test_nested_filters_are_those_of_their_parts(
    parts: list[MetadataFilters], metadata: dict[str, str | int | None], condition: FilterCondition
) -> None:
    held = [lets_through(part, metadata) for part in parts]
    wanted = {FilterCondition.AND: all(held), FilterCondition.OR: any(held), FilterCondition.NOT: not any(held)}
    assert lets_through(MetadataFilters(filters=parts, condition=condition), metadata) == wanted[condition]


@pytest.mark.parametrize("operator", ["text_match", "text_match_insensitive", "contains", "any", "all"])
def test_what_the_store_cannot_say_is_refused(operator: str) -> None:
    unknown = MetadataFilter(key="team", value="a", operator=FilterOperator(operator))
    known = MetadataFilter(key="team", value="b")
    for condition in FilterCondition:
        with pytest.raises(InputError, match=operator):
            filter_of(MetadataFilters(filters=[known, unknown], condition=condition))


def test_nothing_to_filter_by_is_refused() -> None:
    for filters in ([], [MetadataFilters(filters=[])], [MetadataFilter(key="team", value=None)]):
        with pytest.raises(InputError):
            filter_of(MetadataFilters(filters=filters))

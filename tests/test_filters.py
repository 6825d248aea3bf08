"""Filters: what they mean, that SQLite agrees, and that no mistake lets through more."""

from __future__ import annotations

import enum
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.corpus.document import Document
from glyph_rag.errors import InputError, LimitError
from glyph_rag.limits import Limits
from glyph_rag.search.access import UNNAMED, Access
from glyph_rag.search.filter_sql import selection
from glyph_rag.search.filters import Filter, matches, parse
from glyph_rag.store.rows import Prepared, RowCounters, insert_document
from glyph_rag.store.schema import make_tables
from glyph_rag.store.scope import Scope

LIMITS = Limits()


def database(documents: list[Document], namespace: str = "") -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    make_tables(connection)
    add(connection, documents, namespace)
    return connection


def add(connection: sqlite3.Connection, documents: list[Document], namespace: str) -> None:
    counters = RowCounters(connection)
    for document in documents:
        insert_document(connection, counters, Prepared(document, "", (), (), namespace=namespace), {}, "<f4")


def found_by_sql(connection: sqlite3.Connection, where: Filter, namespace: str | None = "") -> set[str]:
    rows = Scope(namespace, selection(parse(where, LIMITS))).documents(connection).tolist()
    return {connection.execute("SELECT id FROM documents WHERE row = ?", (row,)).fetchone()[0] for row in rows}


def found_by_python(documents: list[Document], where: Filter) -> set[str]:
    condition = parse(where, LIMITS)
    return {d.id for d in documents if matches(condition, d.metadata, document_id=d.id, source=d.source)}


DOCUMENTS = [
    Document("int", "x", metadata={"v": 1}),
    Document("float", "x", metadata={"v": 1.0}),
    Document("true", "x", metadata={"v": True}),
    Document("text", "x", metadata={"v": "1"}),
    Document("none", "x", metadata={"v": None}),
    Document("nan", "x", metadata={"v": float("nan")}),
    Document("big", "x", metadata={"v": 2**63 - 1}),
    Document("word", "x", metadata={"v": "ä' OR 1=1 --"}),
    Document("surrogate", "x", metadata={"v": "\ud800"}),
    Document("without", "x", "src/a.md"),
    Document("shadow", "x", metadata={"source": "src/a.md", "document_id": 7}),
]
ALL = {document.id for document in DOCUMENTS}
WITHOUT = {"without", "shadow"}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"v": 1}, {"int", "float"}),
        ({"v": 1.0}, {"int", "float"}),
        ({"v": {"$eq": True}}, {"true"}),
        ({"v": "1"}, {"text"}),
        ({"v": None}, {"none"}),
        ({"v": {"$ne": 1}}, ALL - {"int", "float"}),
        ({"v": {"$ne": None}}, ALL - {"none"}),
        ({"v": {"$in": [1, "1", True]}}, {"int", "float", "text", "true"}),
        ({"v": {"$in": [None, "ä' OR 1=1 --"]}}, {"none", "word"}),
        ({"v": {"$in": []}}, set()),
        ({"v": {"$nin": [1, "1"]}}, ALL - {"int", "float", "text"}),
        ({"v": {"$nin": []}}, ALL),
        ({"v": {"$gt": 0}}, {"int", "float", "big"}),
        ({"v": {"$gte": 1, "$lt": 2}}, {"int", "float"}),
        ({"v": {"$gt": 2**63 - 2}}, {"big"}),
        ({"v": {"$lte": float("inf")}}, {"int", "float", "big"}),
        ({"v": {"$gt": "1"}}, {"word", "surrogate"}),
        ({"v": {"$lte": "1"}}, {"text"}),
        ({"v": {"$exists": True}}, ALL - WITHOUT),
        ({"v": {"$exists": False}}, WITHOUT),
        ({"v": {"$not": {"$gt": 0}}}, ALL - {"int", "float", "big"}),
        ({"$not": {"v": {"$exists": True}}}, WITHOUT),
        ({"$or": [{"v": 1}, {"v": None}]}, {"int", "float", "none"}),
        ({"$and": [{"v": {"$gte": 1}}, {"v": {"$lt": 2}}], "document_id": "int"}, {"int"}),
        ({"source": "src/a.md"}, {"without", "shadow"}),
        ({"source": {"$ne": "src/a.md"}}, ALL - {"without", "shadow"}),
        ({"source": {"$in": ["int", "nan"]}}, {"int", "nan"}),
        ({"document_id": "shadow"}, set()),
        ({"document_id": 7}, {"shadow"}),
        ({"document_id": {"$exists": True}}, ALL),
        ({"document_id": {"$gt": "v"}}, {"word", "without"}),
        ({"document_id": {"$not": {"$in": [7]}}}, ALL - {"shadow"}),
        ({"no such": 1}, set()),
        ({"no such": {"$ne": 1}}, ALL),
    ],
)
def test_what_a_filter_means(where: Filter, expected: set[str]) -> None:
    assert found_by_python(DOCUMENTS, where) == expected
    assert found_by_sql(database(DOCUMENTS), where) == expected


KEYS = st.sampled_from(["a", "b", "source", "document_id", "", "a' --", 'k"'])
TEXTS = st.sampled_from(["", "a", "b", "1", "a' OR '1'='1", "%", "?", "\x00", "ä", "d1"]) | st.text(max_size=3).filter(
    lambda text: text.isprintable()
)
NUMBERS = (
    st.sampled_from([0, 1, -1, 0.5, 1.0, 2**53, 2**53 + 1, float(2**53), 2**63 - 1, -(2**63), float("inf"), -0.0])
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
)
VALUES = TEXTS | NUMBERS | st.booleans() | st.none()
STORED = VALUES | st.sampled_from([float("nan"), "\ud800", "a\udfff"])
OPERATORS = (
    st.tuples(st.sampled_from(["$eq", "$ne"]), VALUES)
    | st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), TEXTS | NUMBERS)
    | st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(VALUES, max_size=4))
    | st.tuples(st.just("$exists"), st.booleans())
)
OF_A_KEY = st.recursive(
    st.lists(OPERATORS, min_size=1, max_size=2).map(dict),
    lambda inner: inner.map(lambda given: {"$not": given}),
    max_leaves=2,
)
FILTERS = st.recursive(
    st.dictionaries(KEYS, VALUES | OF_A_KEY, min_size=1, max_size=3),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3).flatmap(
            lambda parts: st.sampled_from(["$and", "$or"]).map(lambda operator: {operator: parts})
        )
        | inner.map(lambda part: {"$not": part})
    ),
    max_leaves=6,
)
METADATA = st.lists(st.dictionaries(KEYS, STORED, max_size=4), min_size=1, max_size=6)


@settings(max_examples=300)
@given(METADATA, FILTERS)
def test_sqlite_and_python_find_the_same(metadata: list[dict[str, object]], where: Filter) -> None:
    documents = [Document(f"d{at}", "x", metadata=values) for at, values in enumerate(metadata)]
    connection = database(documents)
    found = found_by_python(documents, where)
    assert found_by_sql(connection, where) == found
    assert found_by_sql(connection, {"$not": where}) == {document.id for document in documents} - found


@given(METADATA, FILTERS, FILTERS)
def test_nothing_that_narrows_an_access_widens_it(
    metadata: list[dict[str, object]], where: Filter, then: Filter
) -> None:
    documents = [Document(f"d{at}", "x", metadata=values) for at, values in enumerate(metadata)]
    connection = database(documents, "mine")
    add(connection, documents, "theirs")
    outer = Access().narrowed(LIMITS, namespace="mine", where=where)
    inner = outer.narrowed(LIMITS, where=then)
    rows = set(inner.scope.documents(connection).tolist())
    mine = set(Scope("mine").documents(connection).tolist())
    assert rows <= set(outer.scope.documents(connection).tolist()) <= mine
    assert len(rows) == len(found_by_python(documents, {"$and": [where, then]}))


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({}, "a filter is empty .leave it out"),
        ("team", "a filter is str"),
        ({"v": {"$regex": "x"}}, "'v': there is no operator '.regex'"),
        ({"v": {"$gte ": 1}}, "'v': there is no operator .* .did you mean .gte"),
        ({"v": {"eq": 1}}, "'v': there is no operator 'eq' .did you mean .eq"),
        ({"v": {1: 1}}, "'v': there is no operator '1'"),
        ({"$nor": [{"v": 1}]}, "there is no operator '.nor' over filters .did you mean .or"),
        ({"$gt": 1}, "there is no operator '.gt' over filters"),
        ({"v": {}}, "'v' has no operator"),
        ({"v": [1, 2]}, "'v': .eq is list .for a list of values, use .in"),
        ({"v": {"$in": "abc"}}, "'v': .in is str .* list of values"),
        ({"v": {"$in": {"a": 1}}}, "'v': .in is dict"),
        ({"v": {"$in": [[1]]}}, "'v': .in is list"),
        ({"v": {"$gt": None}}, "'v': .gt is None .only numbers and strings"),
        ({"v": {"$lt": True}}, "'v': .lt is True"),
        ({"v": {"$gt": float("nan")}}, "'v': .gt is not a number"),
        ({"v": float("nan")}, "'v': .eq is not a number"),
        ({"v": 2**63}, "more than 64 bits"),
        ({"v": b"x"}, "'v': .eq is bytes"),
        ({"v": "\ud800"}, "not UTF-8"),
        ({"\ud800": 1}, "not UTF-8"),
        ({1: "x"}, "filter key 1 is int"),
        ({"v": {"$exists": 1}}, "'v': .exists is int"),
        ({"v": {"$not": 1}}, "'v': .not is int .*use .ne"),
        ({"$and": []}, ".and is empty"),
        ({"$or": {"v": 1}}, ".or is dict"),
        ({"$or": [{}]}, "a filter is empty"),
        ({"$or": [{"v": 1}, None]}, "a filter is NoneType"),
        ({"$not": [{"v": 1}]}, "a filter is list"),
        ({"v": object()}, "'v': .eq is object"),
    ],
)
def test_what_is_not_understood_is_an_error(where: Filter, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        parse(where, LIMITS)
    assert error.value.hint


def test_depth_and_size_have_limits() -> None:
    nested: dict[str, object] = {"v": 1}
    for _ in range(LIMITS.filter_depth - 1):
        nested = {"$and": [nested, nested]}
    with pytest.raises(LimitError, match="filter_values"):
        parse(nested, LIMITS)
    loop: dict[str, object] = {}
    loop["$not"] = loop
    with pytest.raises(LimitError, match="filter_depth"):
        parse(loop, LIMITS)
    with pytest.raises(LimitError, match="filter_values"):
        parse({"v": {"$in": list(range(LIMITS.filter_values))}}, LIMITS)
    access = Access().narrowed(LIMITS, where={"v": {"$in": list(range(3000))}})
    with pytest.raises(LimitError, match="filter_values"):
        access.narrowed(LIMITS, where={"v": {"$in": list(range(3000))}})


@pytest.mark.parametrize("key", ["v", "source"])
def test_the_largest_filters_are_not_too_much_for_sqlite(key: str) -> None:
    documents = [*DOCUMENTS, Document("t7", "x", metadata={key: "7"})]
    connection = database(documents)
    most = LIMITS.filter_values // 2
    assert found_by_sql(connection, {key: {"$in": [str(n) for n in range(2, 2 * most - 1)]}}) == {"t7"}
    assert found_by_sql(connection, {"$or": [{key: str(n)} for n in range(2, most)]}) == {"t7"}
    assert found_by_sql(connection, {"$and": [{key: {"$ne": str(n)}} for n in range(most // 4)]}) >= ALL - {
        "t7",
        "text",
    }
    deep: Filter = {key: "7"}
    for _ in range(LIMITS.filter_depth // 2 - 1):
        deep = {"$or": [{"$not": {"$and": [{key: "8"}, {key: "9"}]}}, deep]}
    with pytest.raises(LimitError):
        parse({"$not": {"$not": deep}}, Limits(filter_depth=4))
    assert found_by_sql(connection, deep) == found_by_python(documents, deep)


def test_values_from_enumerations_and_sets() -> None:
    class Team(enum.StrEnum):
        NORTH = "north"

    class Old(str, enum.Enum):  # noqa: UP042 - how they were written before Python 3.11
        NORTH = "north"

    documents = [Document("n", "x", metadata={"team": "north"}), Document("s", "x", metadata={"team": "south"})]
    for value in (Team.NORTH, Old.NORTH):
        assert found_by_python(documents, {"team": value}) == {"n"}
        assert found_by_sql(database(documents), {"team": value}) == {"n"}
    assert parse({"team": {"$in": {"b", "a"}}}, LIMITS) == parse({"team": {"$in": ("a", "b")}}, LIMITS)


def test_a_view_cannot_go_to_another_namespace() -> None:
    view = Access().narrowed(LIMITS, namespace="a")
    assert view.narrowed(LIMITS, namespace="a").scope.namespace == "a"
    for namespace in ("b", ""):
        with pytest.raises(InputError, match="of namespace 'a'"):
            view.narrowed(LIMITS, namespace=namespace)
    unnamed = Access().narrowed(LIMITS, where={"v": 1})
    with pytest.raises(InputError, match="of namespace ''"):
        unnamed.narrowed(LIMITS, namespace="a")
    with pytest.raises(LimitError, match="id_chars"):
        Access().narrowed(LIMITS, namespace="x" * 5000)


@pytest.mark.parametrize("namespace", ["\ud800", 5, b"north"])
def test_a_namespace_is_a_string_that_can_be_stored(namespace: str) -> None:
    with pytest.raises(InputError, match="is not a UTF-8 string"):
        UNNAMED.narrowed(Limits(), namespace=namespace)

"""Forms: JSON to typed objects, and every value of them looked for on the pages."""

from __future__ import annotations

import enum
import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.split import split
from glyph_rag.errors import InputError, ReaderError
from glyph_rag.read.answer import Field
from glyph_rag.read.structured import check_fields, fill, schema_of
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

pydantic = pytest.importorskip("pydantic")


class Item(pydantic.BaseModel):
    name: str
    price: float
    tags: tuple[str, ...] = ()


class Order(pydantic.BaseModel):
    number: str
    day: date
    items: list[Item]
    paid: bool
    note: str | None = None


class Season(enum.Enum):
    SPRING = "spring"
    WINTER = "winter"


def pages_of(*texts: str) -> list[Page]:
    found: list[Page] = []
    for number, text in enumerate(texts):
        document = Document(f"d{number}", text)
        found += [page for page, _ in make_pages(document, split(document), RenderProfile())]
    return found


def found_in(text: str, value: object) -> Field:
    (field,) = check_fields(value, pages_of(text))
    if field.citation is not None:
        assert field.citation.quote in text
        assert text[field.citation.start : field.citation.end] == field.citation.quote
        assert field.citation.boxes
    assert (field.citation is None) == (field.support == "unsupported")
    return field


ENGLISH = """Order A-1042 of 3 March 2024

Two desks at 1,200.50 dollars each were ordered by Ines Calloway. The discount is 3 %. The lamp costs 15 dollars.
They are brought on Friday at 16:30. Nobody may return the desks after thirty days.
"""


def test_a_form_is_filled_in_and_every_value_is_looked_for() -> None:
    data = json.dumps(
        {
            "number": "A-1042", "day": "2024-03-03", "paid": True,
            "items": [{"name": "desks", "price": 1200.5, "tags": ["lamp", "amp"]}, {"name": "chair", "price": 15}],
        }
    )  # fmt: skip
    order = fill(data, Order)
    assert order.items[1].price == 15
    found = check_fields(order, pages_of(ENGLISH))
    assert [(field.path, field.value, field.support) for field in found] == [
        ("number", "A-1042", "exact"),
        ("day", "2024-03-03", "reworded"),
        ("items[0].name", "desks", "exact"),
        ("items[0].price", "1200.5", "reworded"),
        ("items[0].tags[0]", "lamp", "exact"),
        ("items[0].tags[1]", "amp", "unsupported"),
        ("items[1].name", "chair", "unsupported"),
        ("items[1].price", "15.0", "exact"),
        ("paid", "true", "unsupported"),
        ("note", "null", "unsupported"),
    ]
    quotes = [field.citation.quote if field.citation else None for field in found]
    assert quotes[:5] == ["A-1042", "3 March 2024", "desks", "1,200.50", "lamp"]
    assert check_fields(json.loads(data)["items"], pages_of(ENGLISH))[0].path == "[0].name"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('{"number": "A", "day": "2024-03-03", "items": [{"name": "x", "price": "much"}], "paid": true}',
         "items[0].price: Input should be a valid number"),
        ('{"number": "A", "day": "soon", "items": [], "paid": true}', "day: "),
        ('{"number": "A", "day": "2024-03-03", "items": []}', "paid: Field required"),
        ('{"number": ', "Invalid JSON"),
        ("", "Invalid JSON"),
        ("[]", "object"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_an_error_that_names_the_field(data: str, words: str) -> None:
    with pytest.raises(ReaderError) as caught:
        fill(data, Order)
    assert "does not fit Order" in caught.value.message
    assert words in caught.value.message
    assert caught.value.hint


def test_a_form_need_not_be_pydantics() -> None:
    class Name:
        def __init__(self, text: str) -> None:
            self.text = text

        @classmethod
        def model_json_schema(cls) -> dict[str, object]:
            return {"title": "Naïve"}

        @classmethod
        def model_validate_json(cls, json_data: str) -> Name:
            return cls(json.loads(json_data)["name"])

    assert fill('{"name": "Ines"}', Name).text == "Ines"
    with pytest.raises(ReaderError, match="does not fit Name: Expecting"):
        fill("{", Name)
    assert schema_of(Name) == '{"title": "Naïve"}'
    assert set(json.loads(schema_of(Order))["properties"]) == {"number", "day", "items", "paid", "note"}


def test_what_is_no_form_is_refused() -> None:
    for no_form in ({"type": "object"}, int):
        with pytest.raises(InputError, match="the schema is"):
            schema_of(no_form)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("value", "support"),
    [
        ("Ines Calloway", "exact"), ("ines  calloway", "exact"), ("Calloway", "exact"), ("Cal", "unsupported"),
        ("way", "unsupported"), ("Ines Galloway", "unsupported"), ("A-104", "unsupported"), ("1042", "unsupported"),
        ("desk", "reworded"), ("", "unsupported"), ("16:30", "exact"), ("2024-03-03", "reworded"),
        ("2024-03-04", "unsupported"), ("1200.50", "reworded"), ("200.50", "unsupported"),
        ("They are brought on Friday at 16:30.", "exact"), ("They are brought on Monday at 12:15.", "unsupported"),
        ("Two desks at 1,200.50 dollars each were orderd by Ines Calloway.", "corrected"),
        ("The discount is 3 %. The lamp costs 15 dollars.", "exact"),
        ("The discount is 3 %. The lamp costs 16 dollars and a half.", "unsupported"),
        (3, "exact"), (0.03, "reworded"), (4, "unsupported"), (-3, "unsupported"), (15, "exact"), (5, "unsupported"),
        (30, "reworded"), (2, "reworded"), (1200.5, "reworded"), (Decimal("1200.50"), "reworded"),
        (1200, "unsupported"),
        (math.nan, "unsupported"), (math.inf, "unsupported"), (10**30, "unsupported"), (1042, "unsupported"),
        (True, "unsupported"), (False, "unsupported"), (None, "unsupported"),
        (date(2024, 3, 3), "reworded"), (date(2024, 3, 30), "unsupported"), (date(2023, 3, 3), "unsupported"),
        (datetime(2024, 3, 3, tzinfo=UTC), "reworded"), (datetime(2024, 3, 3, 8, 5), "unsupported"),
        (time(16, 30), "reworded"), (time(16, 30, 5), "unsupported"), (time(6, 30), "unsupported"),
        (Season.WINTER, "unsupported"),
    ],
)  # fmt: skip
def test_planted_values_in_english(value: object, support: str) -> None:
    assert found_in(ENGLISH, value).support == support


CHINESE = """订单编号 A-1042，日期为２０２４年3月3日。

李明订购了两张书桌，每张一千二百元，总额为1.2万元。折扣为百分之三。保修期为十三天，不包括运费。
"""


@pytest.mark.parametrize(
    ("value", "support"),
    [
        ("李明", "exact"), ("李铭", "unsupported"), ("书桌", "exact"), ("椅子", "unsupported"), ("A-1042", "exact"),
        (1200, "reworded"), (12000, "reworded"), (1300, "unsupported"), (3, "reworded"), (0.03, "reworded"),
        (13, "reworded"), (10, "unsupported"), (date(2024, 3, 3), "reworded"), (date(2024, 3, 13), "unsupported"),
        (2024, "exact"), (True, "unsupported"),
    ],
)  # fmt: skip
def test_planted_values_in_chinese(value: object, support: str) -> None:
    assert found_in(CHINESE, value).support == support


ARABIC = """رقم الطلب A-1042 بتاريخ ٣ مارس ٢٠٢٤.

طلبت ليلى حداد مكتبين بسعر ١٬٢٠٠ دينار لكل منهما. الخصم ٣٪ ومدة الضمان ثمانية أشهر. عدد السكان 3 مليون نسمة.
"""


@pytest.mark.parametrize(
    ("value", "support"),
    [
        ("ليلى حداد", "exact"), ("ليلى مراد", "unsupported"), ("ضمان", "reworded"), ("مان", "unsupported"),
        ("حدا", "unsupported"), (1200, "reworded"), (1300, "unsupported"), (8, "reworded"), (0.03, "reworded"),
        (7, "unsupported"), (3_000_000, "reworded"), (date(2024, 3, 3), "reworded"), (date(2024, 5, 3), "unsupported"),
        (Season.SPRING, "unsupported"),
    ],
)  # fmt: skip
def test_planted_values_in_arabic(value: object, support: str) -> None:
    assert found_in(ARABIC, value).support == support


@pytest.mark.parametrize(
    ("written", "is_it", "is_not"),
    [
        ("1.2k", 1200, 12), ("$1.2 million", 1_200_000, 1200), ("4 billion", 4 * 10**9, 4 * 10**6), ("-5 °C", -5, 5),
        ("3–5 days", 5, -5), ("(85%)", 85, 8500), ("1 200 000", 1_200_000, 12), ("twelve", 12, 2),
        ("01/02/2024", 2024, 2), ("2024-11-05", 2024, 11), ("$ (1,200)", -1200, 200), ("1,200", 1200, -1200),
    ],
)  # fmt: skip
def test_numbers_in_the_forms_they_are_written_in(written: str, is_it: float, is_not: float) -> None:
    text = f"In all it was {written} and that was what it came to be in the end."
    assert found_in(text, is_it).support != "unsupported"
    assert found_in(text, is_not).support == "unsupported"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("v3.10", Decimal("3.11")),
        ("10:30", 30),
        ("10:30", 1030),
        ("1e3", 1),
        ("1e3", 3),
        ("ERR_77", 77),
        ("10.0.0.1", 10),
    ],
)
def test_parts_of_other_things_are_no_numbers(written: str, number: int | Decimal) -> None:
    text = f"In all it was {written} and that was what it came to be in the end."
    assert found_in(text, number).support == "unsupported"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("2024-03-04", True), ("2024/3/4", True), ("4.3.2024", True), ("04.03.2024", True), ("4. März 2024", True),
        ("4th of March, 2024", True), ("March 4, 2024", True), ("Mar 4th 2024", True), ("4 de marzo de 2024", True),
        ("4 mars 2024", True), ("4 марта 2024", True), ("2024년 3월 4일", True), ("2024 年 3 月 4 日", True),
        ("03/04/2024", False), ("04/03/2024", False), ("4 March 2023", False), ("14 March 2024", False),
        ("2024-03-041", False), ("12024-03-04", False), ("3.4.2024", False), ("March 2024", False),
    ],
)  # fmt: skip
def test_dates_in_the_forms_they_are_written_in(written: str, found: bool) -> None:
    field = found_in(f"It ends on {written}, as agreed.", date(2024, 3, 4))
    assert field.support == (("exact" if written == "2024-03-04" else "reworded") if found else "unsupported")
    if field.citation is not None:
        assert field.citation.quote == written


def test_a_moment_needs_its_date_and_its_time() -> None:
    moment = datetime(2024, 3, 14, 9, 5)
    for written in ("2024-03-14T09:05", "14/03/2024 at 9:05", "at 9:05 on 14 March 2024", "3/14/2024, 09:05:00"):
        assert found_in(f"It ends {written}.", moment).support == "reworded"
    for written in ("2024-03-14", "9:05", "2024-03-14 19:05", "2024-03-14T09:05:07"):
        assert found_in(f"It ends {written}.", moment).support == "unsupported"


@given(st.integers(-(10**9), 10**9) | st.decimals(-1000, 1000, places=2))
def test_a_number_that_stands_there_is_found_and_its_neighbour_is_not(number: int | Decimal) -> None:
    text = f"They say that it is {number:,} in all, and nothing more than that."
    assert found_in(text, number).support in ("exact", "reworded")
    assert found_in(text, number + 1).support == "unsupported"


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(1, 400))
def test_a_date_that_stands_there_is_found_and_another_is_not(day: date, later: int) -> None:
    text = f"It was signed on {day:%B} {day.day}, {day.year} by both of them."
    assert found_in(text, day).support == "reworded"
    assert found_in(text, date.fromordinal(day.toordinal() + later)).support == "unsupported"


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary()


@given(
    st.recursive(leaves, lambda each: st.lists(each) | st.dictionaries(st.text(), each) | st.tuples(each), max_leaves=9)
)
def test_any_value_has_a_field_for_each_leaf(value: object) -> None:
    fields = check_fields(value, [])
    assert all(field.support == "unsupported" and field.citation is None for field in fields)
    assert len(fields) == _count(value)


def _count(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, list | tuple) else 1


def test_dataclasses_and_the_page_that_says_it() -> None:
    @dataclass
    class Trip:
        who: str
        days: frozenset[int]

    fields = check_fields(Trip("Ines", frozenset([8])), pages_of("Nobody goes.", "Ines goes for eight days."))
    assert [(field.path, field.support) for field in fields] == [("who", "exact"), ("days[0]", "reworded")]
    assert [field.citation.document_id for field in fields if field.citation] == ["d1", "d1"]

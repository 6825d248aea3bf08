"""JSON cut out of a model's reply."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.errors import InputError
from glyph_rag.read.models.json_reply import ask_again, check_schema, cut_object, join_objects

FORM = '{"name": "Ines [P1] (P3)", "days": 8}'
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(), values, min_size=1, max_size=4)


@pytest.mark.parametrize(
    "reply",
    [
        FORM,
        f"  {FORM}\n",
        f"```json\n{FORM}\n```",
        f"Here it is:\n\n```\n{FORM}\n```\nAsk me for more {{things}} [P1].",
        f"Sure! {FORM} That is all that [P1] and [P2, P3] say.",
        f'<think>The form wants {{"name": "?"}}, or {{"broken": </think>{FORM}',
        f'{{"name": "?"}} is what the form wants. So: {FORM}',
        f"{FORM} {{}}",
        f"<answer><|begin_of_box|>{FORM}<|end_of_box|></answer>",
        f"{FORM}<|im_end|>",
        f"[1] {FORM}",
    ],
)
def test_the_object_is_cut_out_as_it_stands(reply: str) -> None:
    assert cut_object(reply) == (FORM, "")


@given(
    objects, st.sampled_from(["", "So: ", "<think>{</think>", "[P1] says:\n"]), st.sampled_from(["", "\n", " Done."])
)
def test_any_object_is_found_whole_between_words(value: dict, before: str, after: str) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert cut_object(before + text + after) == (text, "")
    fenced = f"{before}```json\n{json.dumps(value)}\n```{after}"
    if "```" not in text and "<" not in text:
        assert json.loads(cut_object(fenced)[0]) == value


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("Eight days [P1].", "no JSON object"),
        ("", "no JSON object"),
        ('{"items": [{"a": 1}, {"a": 2}', "broken"),
        ('{"items": [{"a": 1}, {"a": 2},]}', "broken"),
        ("{'a': 1}", "no JSON object"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1} and then {"b": ', "broken"),
        ('[{"a": 1}, {"a": 2}]', "a list"),
        ('{"a": "line\nbreak"}', "broken"),
        ('{"a":' * 100_000, "nested too deeply"),
    ],
)
def test_a_part_of_an_object_is_never_taken_for_it(reply: str, fault: str) -> None:
    data, said = cut_object(reply)
    assert data == ""
    assert fault in said
    assert said in ask_again("How many?", said)
    assert ask_again("How many?", said).startswith("How many?")


@given(objects, st.data())
def test_an_object_that_is_cut_off_is_a_fault(value: dict, data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(2, len(text) - 1))]
    assert cut_object(cut)[0] == ""


@given(st.text() | st.text(alphabet='{}[]",:1 a`<think>/'))
def test_every_reply_is_an_object_or_a_fault(reply: str) -> None:
    data, fault = cut_object(reply)
    assert bool(data) != bool(fault)
    if data:
        assert isinstance(json.loads(data), dict)


def test_forms_of_several_groups_become_one() -> None:
    one = '{"who": null, "days": 8, "items": [{"a": 1}], "sub": {"x": null, "y": 1}}'
    two = '{"who": "Ines", "days": 9, "items": [{"a": 2}], "sub": {"x": 2}, "more": true}'
    assert json.loads(join_objects([one, two])) == {
        "who": "Ines", "days": 8, "items": [{"a": 1}, {"a": 2}], "sub": {"x": 2, "y": 1}, "more": True,
    }  # fmt: skip
    assert join_objects([]) == ""
    assert join_objects([one]) == one


@pytest.mark.parametrize("schema", ["", "[]", "{", "object"])
def test_what_is_no_schema_is_refused(schema: str) -> None:
    with pytest.raises(InputError, match="not a JSON object"):
        check_schema(schema)

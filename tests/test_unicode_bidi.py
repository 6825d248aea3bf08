"""UAX #9: Unicode's own test cases, and a second implementation that follows the rules one character at a time."""

from __future__ import annotations

import lzma
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.errors import InputError
from glyph_rag.typeset.unicode import bidi

from .bidi_oracle import EXPLICIT, PLAIN, SAMPLES, UNSEEN, class_of, found_level, slow_levels

DATA = Path(__file__).parent / "data" / "unicode"
REMOVED = 255


def codes_of(text: str) -> np.ndarray:
    return np.array([ord(char) for char in text], np.uint32)


def levels(text: str, base: int | None = None) -> list[int]:
    return bidi.levels(codes_of(text), base=base).tolist()


# The conformance files.


def starts_of(sizes: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)


def numbers(column: list[str]) -> np.ndarray:
    return np.array(" ".join(column).replace("x", str(REMOVED)).split(), np.int64)


@cache
def order_of(line: bytes) -> str:
    return " ".join(map(str, bidi.visual_order(np.frombuffer(line, np.uint8)).tolist()))


def check_cases(
    codes: np.ndarray, sizes: np.ndarray, base: int | None, bases: np.ndarray, cases: list[list[str]]
) -> None:
    """Levels and order of every case, each a paragraph of one call, with rule L1 for it as one line."""
    starts = starts_of(sizes)
    if base is None:
        assert (bidi.paragraph_levels(codes, starts) == bases).all()
    resolved = bidi.levels(codes, starts, base)
    expected = numbers([case[0] for case in cases])
    kept = expected != REMOVED
    ends = (starts + sizes).tolist()
    for start, end, level, case in zip(starts.tolist(), ends, bases.tolist(), cases, strict=True):
        line = bidi.line_levels(resolved[start:end], codes[start:end], level)
        resolved[start:end] = line
        seen = kept[start:end]
        if seen.all():
            assert order_of(line.tobytes()) == case[1]
        else:
            places = np.flatnonzero(seen)
            order = places[[int(place) for place in order_of(line[seen].tobytes()).split()]] if len(places) else []
            assert " ".join(map(str, order)) == case[1]
    assert (resolved[kept] == expected[kept]).all()


@cache
def character_cases() -> list[list[str]]:
    text = lzma.decompress((DATA / "bidi-BidiCharacterTest-16.0.0.txt.xz").read_bytes()).decode()
    return [line.split(";") for line in text.splitlines()]


@cache
def class_cases() -> list[list[str]]:
    text = lzma.decompress((DATA / "bidi-BidiTest-16.0.0-part.txt.xz").read_bytes()).decode()
    return [line.split(";") for line in text.splitlines()]


@pytest.mark.parametrize("base", [0, 1, None])
def test_every_case_of_the_character_test(base):
    direction = "2" if base is None else str(base)
    cases = [case for case in character_cases() if case[1] == direction]
    assert cases
    fields = [case[0].split() for case in cases]
    codes = np.array([int(code, 16) for code in chain.from_iterable(fields)], np.uint32)
    sizes = np.array([len(field) for field in fields])
    check_cases(codes, sizes, base, np.array([int(case[2]) for case in cases]), [case[3:] for case in cases])


@pytest.mark.parametrize(("bit", "base"), [(1, None), (2, 0), (4, 1)])
def test_cases_of_the_class_test(bit, base):
    cases = [case for case in class_cases() if int(case[1]) & bit]
    fields = [case[0].split() for case in cases]
    codes = codes_of("".join(SAMPLES[name] for name in chain.from_iterable(fields)))
    sizes = np.array([len(field) for field in fields])
    bases = bidi.paragraph_levels(codes, starts_of(sizes)) if base is None else np.full(len(cases), base)
    check_cases(codes, sizes, base, bases, [case[2:] for case in cases])


# Against the second implementation.

BASES = st.sampled_from([None, 0, 1])
MIXED = st.text(PLAIN + EXPLICIT, max_size=40)
# Long stretches of one character, to get past the depths at which the rules give up.
DEEP = st.lists(st.tuples(st.sampled_from("aא1 ()[]" + EXPLICIT), st.integers(1, 70)), max_size=12).map(
    lambda parts: "".join(char * count for char, count in parts)
)


@given(MIXED | DEEP | st.text(PLAIN, max_size=60), BASES)
def test_agrees_with_the_slow_way(text, base):
    assert levels(text, base) == (slow_levels(text, base) if text else [])


@given(st.lists(MIXED | st.text(PLAIN, max_size=30), min_size=1, max_size=6), BASES)
def test_paragraphs_do_not_touch_each_other(texts, base):
    starts = starts_of(np.array([len(text) for text in texts]))
    together = bidi.levels(codes_of("".join(texts)), starts, base)
    assert together.tolist() == [level for text in texts for level in levels(text, base)]
    found = bidi.paragraph_levels(codes_of("".join(texts)), starts)
    assert found.tolist() == [found_level(text) for text in texts]


@given(st.lists(st.text(PLAIN, max_size=40), min_size=1, max_size=5), BASES)
def test_plain_paragraphs_come_out_alike_on_both_paths(texts, base):
    # One explicit character anywhere sends the whole call down the other path.
    starts = starts_of(np.array([len(text) for text in texts]))
    plain = bidi.levels(codes_of("".join(texts)), starts, base)
    other = bidi.levels(codes_of("".join([*texts, "\u2067"])), np.append(starts, len(plain)), base)
    assert plain.tolist() == other[:-1].tolist()


@given(MIXED, BASES)
def test_a_newline_inside_is_white_space(text, base):
    assert levels(text.replace(" ", "\n") + "a", base) == levels(text + "a", base)


@given(st.lists(st.integers(0, 0x10FFFF), max_size=50), BASES)
def test_any_code_points(points, base):
    codes = np.array(points, np.uint32)
    found = bidi.levels(codes, base=base)
    assert found.dtype == np.uint8
    assert found.shape == codes.shape
    assert found.max(initial=0) <= 126
    if not bidi.has_rtl(codes) and base != 1:
        assert not found.any()


def test_what_x9_removes_follows_what_precedes_it():
    assert levels("\u202a\u200d") == [0, 0]
    assert levels("\u200dא\u200d a\u202c", 0) == [0, 1, 1, 0, 0, 0]


def test_lone_surrogates_are_letters():
    assert levels("\ud800a\udfff\u05d0") == [0, 0, 0, 1]


def test_unassigned_code_points_have_the_direction_of_their_block():
    assert levels("\u05ff\u07bf\U0001efff\u0378") == [1, 1, 1, 2]


@pytest.mark.parametrize("char", [*"אع٣", *(char for char in EXPLICIT if char not in "\u202c\u2069"), "\U0001e900"])
def test_has_rtl_finds_what_raises_levels(char):
    assert bidi.has_rtl(codes_of("a" * 40_000 + char))
    assert max(levels(char + "a1" if char in EXPLICIT else char, 0)) > 0


@pytest.mark.parametrize(
    "text", ["", "plain 123", "\u4e2d\u6587\u201c\uff0c\u201d\u2026", "\U0001f600 \u202c\u2069", "\u200e\u0301"]
)
def test_has_rtl_passes_over_what_does_not(text):
    assert not bidi.has_rtl(codes_of(text))
    assert set(levels(text)) <= {0}


def test_canonically_equivalent_brackets_fit():
    assert levels("א\u2329a\u3009", 1) == levels("א(a)", 1) == [1, 1, 2, 1]


def test_persian_with_joiners_digits_and_latin():
    text = "می‌خواهم ۱۲٫۵ GB (رم) بخرم."
    found = levels(text)
    assert found[text.index("GB")] == 2
    assert found[text.index("۱")] == 2
    assert found[text.index("(")] == found[text.index(")")] == found[text.index("\u200c")] == found[-1] == 1


def test_separators_take_the_level_of_the_paragraph_at_once():
    assert levels("a א \t א \n", 0) == [0, 0, 1, 0, 0, 1, 1, 0, 0]


def test_the_end_of_a_line_is_set_back_only_by_line_levels():
    codes = codes_of("a א ")
    found = bidi.levels(codes, base=1)
    assert bidi.line_levels(found[:2], codes[:2], 1).tolist() == [2, 1]
    text = codes_of("אa b \t c ")
    assert bidi.line_levels(np.full(9, 2, np.uint8), text, 1).tolist() == [2, 2, 2, 2, 1, 1, 2, 2, 1]


@given(MIXED, BASES)
def test_line_levels_do_what_a_separator_at_the_end_does(text, base):
    text = text.replace("\u2029", "\n").rstrip("\n")
    base = found_level(text) if base is None else base
    codes = codes_of(text)
    line = bidi.line_levels(bidi.levels(codes, base=base), codes, base).tolist()
    ended = levels(text + "\u2029", base)[:-1]
    assert [line[i] for i in range(len(text)) if class_of(text[i]) not in UNSEEN] == [
        ended[i] for i in range(len(text)) if class_of(text[i]) not in UNSEEN
    ]


@given(st.lists(st.integers(0, 126) | st.integers(0, 3), max_size=60))
def test_visual_order_reverses_level_by_level(items):
    expected = list(range(len(items)))
    odd = [level for level in items if level % 2]
    for level in range(max(items, default=0), min(odd, default=200) - 1, -1):
        start = 0
        while start < len(items):
            end = start
            while end < len(items) and items[expected[end]] >= level:
                end += 1
            expected[start:end] = expected[start:end][::-1]
            start = max(end, start + 1)
    order = bidi.visual_order(np.array(items, np.uint8))
    assert order.dtype == np.int64
    assert order.tolist() == expected


def test_deep_nesting_of_a_long_text_needs_no_recursion():
    text = "\u2068" * 50_000 + "א" + "\u2069" * 50_000 + "(" * 50_000 + ")" * 50_000
    assert len(levels(text)) == len(text)


def test_nothing_gives_nothing():
    empty = np.zeros(0, np.uint32)
    assert bidi.levels(empty).shape == (0,)
    assert bidi.visual_order(np.zeros(0, np.uint8)).shape == (0,)
    assert bidi.line_levels(np.zeros(0, np.uint8), empty, 1).shape == (0,)
    assert bidi.paragraph_levels(empty, np.zeros(2, np.int64)).tolist() == [0, 0]
    assert bidi.paragraph_levels(codes_of("אa")).tolist() == [1]


@pytest.mark.parametrize("starts", [[1], [0, 3, 2], [0, 9]])
def test_starts_must_fit(starts):
    with pytest.raises(InputError, match="starts"):
        bidi.levels(codes_of("abcde"), np.array(starts, np.int64))


def test_a_base_is_0_or_1():
    with pytest.raises(InputError, match="level 2"):
        bidi.levels(codes_of("a"), base=2)

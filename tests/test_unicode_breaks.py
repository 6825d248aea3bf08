"""Line breaks, grapheme clusters and scripts, against the conformance files and against the rules written out."""

import lzma
import re
import sys
import unicodedata
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.typeset.unicode import graphemes, linebreak, scripts
from glyph_rag.typeset.unicode.linebreak_rules import CLASS_BITS, WIDE_BIT
from glyph_rag.typeset.unicode.runs import ordinals
from glyph_rag.typeset.unicode.tables import load

DATA = Path(__file__).parent / "data" / "unicode"


def codes(text):
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def conformance(name):
    """Code points of each case, and whether each may follow a break; the last mark is the end of the text."""
    for line in lzma.decompress((DATA / name).read_bytes()).decode("utf-8").splitlines():
        fields = line.split()
        yield np.array([int(field, 16) for field in fields[1::2]], np.uint32), [mark == "÷" for mark in fields[:-1:2]]


LINE_BREAK_TEST = list(conformance("LineBreakTest-16.0.0.txt.xz"))
GRAPHEME_BREAK_TEST = list(conformance("GraphemeBreakTest-16.0.0.txt.xz"))


def test_every_case_of_the_line_break_test():
    failed = [case for case, marks in LINE_BREAK_TEST if (linebreak.break_before(case) > 0).tolist() != marks]
    assert len(LINE_BREAK_TEST) == 16_672
    assert not failed


def test_every_case_of_the_grapheme_break_test():
    failed = [case for case, marks in GRAPHEME_BREAK_TEST if graphemes.cluster_starts(case).tolist() != marks]
    assert len(GRAPHEME_BREAK_TEST) == 1_093
    assert not failed


@pytest.mark.parametrize("window", [64, 1 << 15])
def test_the_cases_as_paragraphs_of_one_text(window):
    separator = np.array([0x2028], np.uint32)
    whole = np.concatenate([np.concatenate([separator, case]) for case, _ in LINE_BREAK_TEST])
    expected = np.concatenate([[False, True, *marks[1:]] for _, marks in LINE_BREAK_TEST])
    found = linebreak.break_before(whole, window)
    hard = np.flatnonzero(found == linebreak.MANDATORY)
    assert {linebreak.CLASSES[number] for number in linebreak.classes(whole[hard - 1])} == {"BK", "CR", "LF", "NL"}
    inside = whole != separator
    assert np.array_equal(found[inside] > 0, expected[inside])


# The rules once more, each as two patterns for what comes before and after: an oracle that knows nothing of pairs.
# A character stands for class and width, so that a pattern can name either.


def letter(value):
    return chr(0x4E00 + 2 * (value & CLASS_BITS) + (value >= WIDE_BIT))


def one(names, only=None):
    """A pattern for a character of one of the classes; ``only`` narrows it to wide (1) or narrow (0) ones."""
    widths = (0, 1) if only is None else (only,)
    chosen = [linebreak.CLASSES.index(name) for name in names.split()]
    return "[" + "".join(chr(0x4E00 + 2 * number + width) for number in chosen for width in widths) + "]"


AL = "AL DC EL"
QU = "QU QI QF"
EVERY = " ".join(linebreak.CLASSES)
NARROW = one(EVERY, 0)
ANY = "[^\\n]"
NUMBER = f"{one('NU')}{one('SY IS')}*"
HARD = "BK CR LF NL"
LINE_RULES = [
    (one("BK"), ANY, 2),
    (one("CR"), one("LF"), 0),
    (one("CR LF NL"), ANY, 2),
    (ANY, one(HARD), 0),
    (ANY, one("SP ZW"), 0),
    (f"{one('ZW')}{one('SP')}*", ANY, 1),
    (ANY, one("WJ"), 0),
    (one("WJ"), ANY, 0),
    (one("GL"), ANY, 0),
    (f"(?!{one('SP BA HH HY')}){ANY}", one("GL"), 0),
    (ANY, one("CL CP CW EX SY"), 0),
    (f"{one('OP OW')}{one('SP')}*", ANY, 0),
    (f"(\\A|{one(HARD + ' OP OW GL SP ZW ' + QU)}){one('QI')}{one('SP')}*", ANY, 0),
    (ANY, f"{one('QF')}({one('SP GL WJ CL CP CW EX IS SY ZW ' + HARD + ' ' + QU)}|\\Z)", 0),
    (one("SP"), f"{one('IS')}{one('NU')}", 1),
    (ANY, one("IS"), 0),
    (f"{one('CL CP CW')}{one('SP')}*", one("NS"), 0),
    (f"{one('B2')}{one('SP')}*", one("B2"), 0),
    (one("SP"), ANY, 1),
    (ANY, one("QU QF"), 0),
    (one("QU QI"), ANY, 0),
    (NARROW, one(QU), 0),
    (ANY, f"{one(QU)}({NARROW}|\\Z)", 0),
    (one(QU), NARROW, 0),
    (f"(\\A|{NARROW}){one(QU)}", ANY, 0),
    (ANY, one("CB"), 1),
    (one("CB"), ANY, 1),
    (f"(\\A|{one(HARD + ' SP ZW CB GL')}){one('HY HH')}", one(AL), 0),
    (ANY, one("BA HH HY NS"), 0),
    (one("BB"), ANY, 0),
    (f"{one('HL')}({one('HY')}|{one('BA HH', 0)})", f"(?!{one('HL')}){ANY}", 0),
    (one("SY"), one("HL"), 0),
    (ANY, one("IN"), 0),
    (one(AL + " HL"), one("NU"), 0),
    (one("NU"), one(AL + " HL"), 0),
    (one("PR"), one("ID EP EB EM"), 0),
    (one("ID EP EB EM"), one("PO"), 0),
    (one("PR PO"), one(AL + " HL"), 0),
    (one(AL + " HL"), one("PR PO"), 0),
    (f"{NUMBER}{one('CL CP CW')}?", one("PO PR"), 0),
    (one("PO PR"), f"{one('OP OW')}{one('IS')}?{one('NU')}", 0),
    (one("PO PR HY IS"), one("NU"), 0),
    (NUMBER, one("NU"), 0),
    (one("JL"), one("JL JV H2 H3"), 0),
    (one("JV H2"), one("JV JT"), 0),
    (one("JT H3"), one("JT"), 0),
    (one("JL JV JT H2 H3"), one("PO"), 0),
    (one("PR"), one("JL JV JT H2 H3"), 0),
    (one(AL + " HL"), one(AL + " HL"), 0),
    (one("AP"), one("AK DC AS"), 0),
    (one("AK DC AS"), one("VF VI"), 0),
    (f"{one('AK DC AS')}{one('VI')}", one("AK DC"), 0),
    (one("AK DC AS"), f"{one('AK DC AS')}{one('VF')}", 0),
    (one("IS"), one(AL + " HL"), 0),
    (one(AL + " HL NU"), one("OP"), 0),
    (one("CP"), one(AL + " HL NU"), 0),
    (f"(?<!{one('RI')})({one('RI')}{{2}})*{one('RI')}", one("RI"), 0),
    (one("EB EP EL"), one("EM"), 0),
    (ANY, ANY, 1),
]

CLUSTER = {name: chr(0x4E00 + number) for number, name in enumerate(graphemes.CLASSES)}


def kind(names):
    return "[" + "".join(CLUSTER[name] for name in names.split()) + "]"


MARKS = kind("Extend Linker ZWJ")
CLUSTER_RULES = [
    (kind("CR"), kind("LF"), 0),
    (kind("Control CR LF"), ANY, 1),
    (ANY, kind("Control CR LF"), 1),
    (kind("L"), kind("L V LV LVT"), 0),
    (kind("LV V"), kind("V T"), 0),
    (kind("LVT T"), kind("T"), 0),
    (ANY, kind("Extend Linker Joiner ZWJ SpacingMark"), 0),
    (kind("Prepend"), ANY, 0),
    (f"{kind('Consonant')}{MARKS}*{kind('Linker')}{MARKS}*", kind("Consonant"), 0),
    (f"{kind('Pictographic')}{kind('Extend Linker Joiner')}*{kind('ZWJ')}", kind("Pictographic"), 0),
    (f"(?<!{kind('RI')})({kind('RI')}{{2}})*{kind('RI')}", kind("RI"), 0),
    (ANY, ANY, 1),
]


@cache
def compiled(before, after):
    return re.compile(f"(?:{before})\\Z"), re.compile(after)


def decide(letters, rules):
    """The first rule that fits decides, for each place inside the text."""
    decisions = []
    for place in range(1, len(letters)):
        for before, after, decision in rules:
            left, right = compiled(before, after)
            if right.match(letters, place) and left.search(letters[:place]):
                decisions.append(decision)
                break
    return decisions


def line_oracle(text):
    values = load("linebreak")[text].tolist()
    names = [linebreak.CLASSES[value & CLASS_BITS] for value in values]
    kept = []
    for index, name in enumerate(names):
        if name not in ("CM", "ZWJ"):
            kept.append((index, letter(values[index])))
        elif index == 0 or names[index - 1] in ("BK", "CR", "LF", "NL", "SP", "ZW"):
            kept.append((index, letter(linebreak.CLASSES.index("AL"))))
    decisions = [0] * len(names)
    for (index, _), decision in zip(kept[1:], decide("".join(sign for _, sign in kept), LINE_RULES), strict=True):
        decisions[index] = 0 if names[index - 1] == "ZWJ" else decision
    return decisions


def representatives(table):
    """Up to two code points for each value of a table, the smallest and the largest."""
    values = load(table)
    places = [np.flatnonzero(values == value) for value in np.unique(values)]
    return sorted({int(place) for found in places for place in (found[0], found[-1])})


LINE_POINTS = representatives("linebreak")
CLUSTER_POINTS = representatives("grapheme")
ARBITRARY = st.lists(st.integers(0, sys.maxunicode), max_size=60).map(lambda points: np.array(points, np.uint32))


def texts(points, size):
    """Texts of few different characters, so that runs and repetitions are common."""
    few = st.lists(st.sampled_from(points), min_size=1, max_size=5)
    return few.flatmap(lambda some: st.lists(st.sampled_from(some), max_size=size)).map(
        lambda chosen: np.array(chosen, np.uint32)
    )


@settings(max_examples=200, deadline=None)
@given(texts(LINE_POINTS, 14))
def test_lines_break_as_the_rules_say(text):
    assert linebreak.break_before(text).tolist() == line_oracle(text)


@settings(max_examples=150, deadline=None)
@given(texts(CLUSTER_POINTS, 14))
def test_clusters_start_as_the_rules_say(text):
    letters = "".join(chr(0x4E00 + number) for number in load("grapheme")[text].tolist())
    expected = [1, *decide(letters, CLUSTER_RULES)][: len(text)]
    assert graphemes.cluster_starts(text).tolist() == [bool(decision) for decision in expected]


@settings(max_examples=150, deadline=None)
@given(texts(LINE_POINTS, 60), st.integers(2, 12))
def test_windows_do_not_change_line_breaks(text, window):
    assert np.array_equal(linebreak.break_before(text, window), linebreak.break_before(text, 1 << 20))


@settings(max_examples=150, deadline=None)
@given(texts(CLUSTER_POINTS, 60), st.integers(2, 12))
def test_windows_do_not_change_clusters(text, window):
    assert np.array_equal(graphemes.cluster_starts(text, window), graphemes.cluster_starts(text, 1 << 20))


@settings(max_examples=100, deadline=None)
@given(ARBITRARY)
def test_any_code_points_are_accepted(text):
    assert linebreak.break_before(text).tolist() == line_oracle(text)
    assert graphemes.cluster_starts(text).shape == scripts.resolve(text).shape == text.shape


@pytest.mark.parametrize(
    "text", ["1" + "/" * 70_000 + "%", "(" + " " * 70_000 + "a", "\U0001f1e6" * 70_001, " " * 70_000]
)
def test_long_runs_without_a_place_to_cut(text):
    assert np.array_equal(linebreak.break_before(codes(text)), linebreak.break_before(codes(text), 1 << 20))


def test_a_row_of_separators_after_a_number():
    for length in range(12):
        found = linebreak.break_before(codes("1" + "/" * length + "%"))
        assert found.tolist() == [0] * (length + 2)
        assert linebreak.break_before(codes("x" + "/" * (length + 1) + "%"))[-1] == linebreak.ALLOWED


def test_code_points_past_the_last_are_refused():
    too_large = np.array([0x110000], np.uint32)
    for function in (linebreak.break_before, graphemes.cluster_starts, scripts.resolve):
        with pytest.raises(IndexError):
            function(too_large)


def broken(text):
    marks = linebreak.break_before(codes(text))
    return "".join(("", "|", "¶")[mark] + char for mark, char in zip(marks.tolist(), text, strict=True))


@pytest.mark.parametrize(
    "expected",
    [
        "The |well-|known |price, |“$1,000.50” |(or |so).",
        "中|文|（括|号）|和|“引|号”|以|及|《书|名》。",
        "one\r\n¶two\n¶\n¶three",
        "a\u00a0b |-x |1/2 |50% |http://|a.b/|c",
        "ก\u0e33ลัง |क्षत्रिय |ガッ|ツ",
    ],
)
def test_sentences(expected):
    assert broken(expected.replace("|", "").replace("¶", "")) == expected


def test_complex_context_is_south_east_asian_letters_and_marks():
    assert (
        linebreak.is_complex_context(codes("กำ ลາကខ្ a中")).tolist() == [True] * 2 + [False] + [True] * 5 + [False] * 3
    )


def test_positions_in_a_row_are_counted():
    assert ordinals(np.array([3, 4, 5, 9, 11, 12])).tolist() == [0, 1, 2, 0, 0, 1]
    assert ordinals(np.array([], np.intp)).size == 0


def names(text):
    return [scripts.NAMES[number] for number in scripts.resolve(codes(text)).tolist()]


@pytest.mark.parametrize(
    ("prefix", "tag"),
    [
        *(("SYRIAC LETTER", "Syrc"), ("CYRILLIC SMALL LETTER", "Cyrl"), ("DEVANAGARI LETTER", "Deva")),
        *(("LATIN SMALL LETTER", "Latn"), ("HANGUL SYLLABLE", "Hang"), ("CJK UNIFIED IDEOGRAPH", "Hani")),
        *(("HIRAGANA LETTER", "Hira"), ("THAI CHARACTER", "Thai"), ("HEBREW LETTER", "Hebr"), ("OLD TURKIC", "Orkh")),
    ],
)
def test_a_letter_is_of_the_script_in_its_name(prefix, tag):
    found = [point for point in range(0x30000) if unicodedata.name(chr(point), "").startswith(prefix)]
    assert len(found) > 20
    assert set(scripts.script_of(np.array(found, np.uint32)).tolist()) == {scripts.INDEX[tag]}


def test_shared_characters_go_with_what_precedes_them():
    assert names("a, б. ") == ["Latn"] * 3 + ["Cyrl"] * 3
    assert names("“б” a\u0301") == ["Cyrl"] * 4 + ["Latn"] * 2
    assert names("12 .") == ["Zyyy"] * 4
    assert names("") == []


def test_a_line_is_looked_at_by_itself():
    assert names("a\n“б”\n12\n(α)") == ["Latn"] * 2 + ["Cyrl"] * 4 + ["Cyrl"] * 3 + ["Grek"] * 3


def test_a_closing_bracket_goes_with_the_opening_one():
    assert names("a (б) в") == ["Latn"] * 3 + ["Cyrl", "Latn"] + ["Cyrl"] * 2
    assert names("a (б] ") == ["Latn"] * 3 + ["Cyrl"] * 3
    assert names("a ([б]) ")[4:7] == ["Cyrl", "Latn", "Latn"]


def owners(text):
    """The same rule, line by line and one character after the other."""
    result, last = [], None
    for line in re.findall("[^\n\r\u2029]*(?:[\n\r\u2029]|$)", "".join(map(chr, text))):
        numbers = scripts.script_of(codes(line)).tolist()
        last = next((number for number in numbers if number > 1), last)
        for number in numbers:
            last = number if number > 1 else last
            result.append(last)
    first = next((number for number in result if number is not None), None)
    return scripts.script_of(text).tolist() if first is None else [first if it is None else it for it in result]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([ord(char) for char in 'aбα中1 "\u0301\n\r\u2029']), max_size=25))
def test_scripts_resolve_as_the_rule_says(points):
    text = np.array(points, np.uint32)
    assert scripts.resolve(text).tolist() == owners(text)

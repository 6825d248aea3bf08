"""Strings that are read letter by letter: found in any script, chosen for a question, written within a budget."""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.read.planning.exact import ExactString, choose_exact, exact_strings, sidecar
from glyph_rag.typeset.tokens import estimate_text_tokens

PLANTED = {
    "identifier": [
        "ERR_CONN_42", "snake_case", "httpRequest2", "glyph_rag.read.planning.exact", "SKU-99-A", "PROJ-1234", "#4521",
        "123e4567-e89b-12d3-a456-426614174000", "DE89 3704 0044 0532 0130 00", "GB29 NWBK 6016 1331 9268 19",
        "192.168.0.1", "10.0.0.0/8", "00:1B:44:11:3A:B7", "std::vector", "key=value",
    ],
    "hash": [
        "9f86d081884c7d659a2f", "a1b2c3d4", "0xDEADBEEF12", "sha256:9f86d081884c7d65", "MD5:0CC175B9C0F1B6A8",
        "dGhpcyBJcyBBVGVzdE9mQmFzZTY0eHg=", "kR7pQ2xV9mT4wZ8bN3cJ6s",
    ],
    "number": [
        "3.5 mg", "45 %", "12,5 %", "$1,200.50", "€5", "USD 30", "1 234 567", "1’234.5", "1.234.567,89", "10km",
        "-5 °C", "30 km/h", "1.5×10^6", "2e-5", "100 million", "+49 30 1234567", "(030) 555-0199", "978-3-16-148410-0",
        "4111 1111 1111 1111", "١٢٣٫٤", "१२.५ किमी", "๑๒.๕", "3.5万", "3.5万元",
        "百分之35", "百分之三十五", "三百五十万人", "７８．９",
    ],
    "date": [
        "2021-05-03", "2021/5/3", "03.05.2021", "5/3/2021", "3 May 2021", "3rd of May 2021", "May 3, 2021",
        "March 2020", "3. Mai 2021", "3 de mayo de 2021", "3 mai 2021", "3 мая 2021", "3 Μαΐου 2021", "3 Mayıs 2021",
        "3 مايو 2021", "3 मई 2021", "3 พฤษภาคม 2564", "ngày 3 tháng 5 năm 2021", "2021年5月3日", "二〇二一年五月三日",
        "令和3年5月3日",
        "2021년 5월 3일", "14:30", "14:30:05", "2:15 p.m.", "12:30 Uhr", "14时30分", "2021-05-03T14:30:00Z",
        "2021-05-03 14:30:00.123+02:00",
    ],
    "url": ["https://example.com/a?b=1&c=%20#d", "http://x.org/y_(z)", "www.example.org/q",
            "s3://bucket/key", "ftp://h:21/x"],
    "email": ["foo.bar+baz@mail.example.co.uk", "a@b.io"],
    "path": ["/etc/hosts", "~/x/y.txt", "./run.sh", "src/main/app.py", r"C:\Program Files\Foo\bar.exe",
             r"\\srv\share\a"],
    "version": ["v1.2.3-rc1", "1.2.3", "2.0b1", "v5", "10.4.1+build.7"],
    "name": ["Szczęsny", "Krzyżewski", "Джэксонвилл", "McDowell", "アーノルド・シュワルツェネッガー",
             "约翰·史密斯", "施瓦辛格"],
}  # fmt: skip
# What stands around a string says nothing to its finder; without spaces, where the script has none.
FRAMES = ["the value is {} here", "({}), and", "это {} здесь", "القيمة {} هنا", "यह {} है"]
CLOSE_FRAMES = ["它是{}吗？", "値は{}です。", "값은「{}」입니다", "ค่า {} นี้"]
CASES = [(kind, planted) for kind, strings in PLANTED.items() for planted in strings]


def found_in(text: str) -> list[tuple[str, str]]:
    return [(string.kind, string.text) for string in exact_strings(text)]


@pytest.mark.parametrize(("kind", "planted"), CASES, ids=[planted for _, planted in CASES])
def test_a_planted_string_is_found_whole_in_any_script(kind: str, planted: str) -> None:
    close = CLOSE_FRAMES if planted.isascii() and " " not in planted else []
    for frame in FRAMES + close:
        found = exact_strings(frame.format(planted))
        assert [(string.kind, string.text) for string in found] == [(kind, planted)]
        assert found[0].start == frame.index("{}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See (https://example.com/a).", ["https://example.com/a"]),
        ("[a](https://x.org/a_(b)), [c](https://x.org/c)", ["https://x.org/a_(b)", "https://x.org/c"]),
        ("url=https://x.org/a, mailto:foo@bar.com;", ["https://x.org/a", "foo@bar.com"]),
        ("访问https://x.org/a可以看到", ["https://x.org/a"]),
        ("Open /etc/hosts. Then quit.", ["/etc/hosts"]),
        ("from 5 km to 10 km", ["5 km", "10 km"]),
        ("It is v1.2.3.", ["v1.2.3"]),
        ("1945년에 태어났다", ["1945년"]),
    ],
)  # fmt: skip
def test_what_the_sentence_adds_is_left_out(text: str, expected: list[str]) -> None:
    assert [string.text for string in exact_strings(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "However, the United States and/or the state-of-the-art, e.g. in the U.S., said so.",
        "an _emphasis_ and a __strong__ one, *stars* and `ticks`",
        "Die Regierung beschließt am Montag ein Gesetz.",
        "El Gobierno de Estados Unidos anuncia una reforma.",
        "今天天气很好，我们去公园散步吧。",
        "これはテストです。",
        "",
    ],
)
def test_plain_words_are_none(text: str) -> None:
    assert found_in(text) == []


def test_the_longest_match_wins() -> None:
    assert found_in("at 2021-05-03 14:30 on www.x.org/v1.2.3/a1b2c3d4e5") == [
        ("date", "2021-05-03 14:30"),
        ("url", "www.x.org/v1.2.3/a1b2c3d4e5"),
    ]


PIECES = [planted for _, planted in CASES]
PIECES += [
    " ",
    "\n",
    ". ",
    "，",
    "。",
    "·",
    "(",
    ")",
    "/",
    ":",
    "-",
    "_",
    "@",
    "=",
    "é",
    "的",
    "ค่า",
    "a",
    "B7",
    "\x00",
    "\ud800",
    '"',
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=25).map("".join)


@given(TEXTS)
def test_offsets_are_right_and_nothing_overlaps(text: str) -> None:
    found = exact_strings(text)
    assert all(text[string.start : string.end] == string.text for string in found)
    assert all(string.text == string.text.strip() != "" for string in found)
    assert all(one.end <= other.start for one, other in pairwise(found))
    assert exact_strings(text) == found


NASTY = ["a", "1", "1,", "a.", "a-", "/a", "a_é", "一万", "123 ", "1:", "a@a.", "x://(", ")", "+1 ", "12-", "AB12 ",
         "1.1a1-", "aA1/", "C:\\", "马·", "1年", "May 3", "a="]  # fmt: skip


@pytest.mark.parametrize("piece", NASTY)
def test_time_grows_with_the_length_and_not_with_its_square(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * length)[:length] + "é!"
        best = float("inf")
        for _ in range(2):
            start = time.process_time()
            exact_strings(text)
            best = min(best, time.process_time() - start)
        return best

    # Four times the length: a square would take sixteen times as long.
    assert seconds(12_000) < 10 * max(seconds(3_000), 0.002)


def words(text: str) -> int:
    return len(text.split())


LOG = (
    "The gateway timed out with ERR_CONN_42 after a retry. Another service wrote ERR_DISK_7 to its log. "
    "In 2019 there were 3 nodes. The invoice of ACME came to $1,200.50 and was paid on 2021-05-03. "
    "Professor Szczęsny wrote the report. The commit is 9f86d081884c7d659a2f."
)


def chosen_texts(question: str, passages: list[str], budget: int) -> list[list[str]]:
    chosen = choose_exact(question, passages, budget, words)
    return [[string.text for string in strings] for strings in chosen]


def test_what_stands_beside_the_words_of_the_question_comes_first() -> None:
    assert chosen_texts("Which error made the gateway time out?", [LOG], 2) == [["ERR_CONN_42"]]
    assert chosen_texts("How much was the invoice of ACME?", [LOG], 2) == [["$1,200.50"]]
    assert chosen_texts("When was the invoice paid?", [LOG], 2) == [["2021-05-03"]]
    assert chosen_texts("Who wrote the report?", [LOG], 2) == [["Szczęsny"]]


def test_without_a_word_in_common_the_kind_decides() -> None:
    first = chosen_texts("何ですか", [LOG], 4)[0]
    assert first == ["ERR_CONN_42", "ERR_DISK_7"]
    everything = chosen_texts("何ですか", [LOG], 1000)[0]
    assert everything == ["ERR_CONN_42", "ERR_DISK_7", "$1,200.50", "2021-05-03", "9f86d081884c7d659a2f"]


def test_small_numbers_bare_years_and_names_need_a_word_of_the_question() -> None:
    asked = "How many nodes were there?"
    assert {"2019", "3"} <= set(chosen_texts(asked, [LOG], 1000)[0])
    assert not {"2019", "3"} & set(chosen_texts("Which invoice?", [LOG], 1000)[0])
    assert chosen_texts(asked, [LOG], 1000)[0] == [
        "ERR_CONN_42", "ERR_DISK_7", "2019", "3", "$1,200.50", "2021-05-03", "9f86d081884c7d659a2f",
    ]  # fmt: skip
    assert not {"2019", "3"} & set(chosen_texts(asked, [LOG], 6)[0])


def test_of_two_equals_the_better_passage_comes_first_and_each_string_once() -> None:
    passages = ["See PROJ-1 now.", "See PROJ-2 now.", "See PROJ-1 and PROJ-3 now."]
    assert chosen_texts("見て", ["See PROJ-2 now.", "See PROJ-3 now."], 2) == [["PROJ-2"], []]
    assert chosen_texts("見て", passages, 1000) == [["PROJ-1"], ["PROJ-2"], ["PROJ-3"]]


def test_one_that_does_not_fit_gives_its_room_to_others() -> None:
    long = "https://example.com/" + "x" * 400
    (strings,) = choose_exact("Which link?", [f"The link {long} has ERR_9 and ERR_8."], 60, len)
    assert [string.text for string in strings] == ["ERR_9", "ERR_8"]


@pytest.mark.parametrize("budget", [0, -5])
def test_without_a_budget_nothing_is_chosen(budget: int) -> None:
    assert choose_exact("Which?", [LOG, LOG], budget, words) == ((), ())


def test_without_passages_or_strings_nothing_is_chosen() -> None:
    assert choose_exact("Which?", [], 10, words) == ()
    assert choose_exact("Which?", ["", "plain words"], 10, words) == ((), ())
    assert choose_exact("", [LOG], 2, words)[0] != ()


COUNTS = {
    "words": words, "characters": len, "bytes": lambda text: len(text.encode("utf-8", "surrogatepass")),
    "estimate": estimate_text_tokens, "coarse": lambda text: len(text) // 20, "frame": lambda text: 7 + len(text) // 3,
}  # fmt: skip


@given(TEXTS, st.lists(TEXTS, max_size=3), st.integers(-3, 120), st.sampled_from(sorted(COUNTS)))
def test_the_budget_holds_and_each_string_is_sent_once(
    question: str, passages: list[str], budget: int, name: str
) -> None:
    count = COUNTS[name]
    chosen = choose_exact(question, passages, budget, count)
    assert choose_exact(question, passages, budget, count) == chosen
    written = sidecar([(f"P{number}", strings) for number, strings in enumerate(chosen, 1)])
    assert not written or count(written) <= budget
    assert len(chosen) == len(passages)
    texts = [string.text for strings in chosen for string in strings]
    assert len(set(texts)) == len(texts)
    for passage, strings in zip(passages, chosen, strict=True):
        assert [string for string in exact_strings(passage) if string in strings] == list(strings)


def as_string(text: str) -> ExactString:
    return ExactString(text, 0, len(text), "identifier")


def test_a_sidecar_has_a_line_for_each_passage_with_strings() -> None:
    strings = [as_string(text) for text in ("ERR_CONN_42", "3.5 mg", "3 May\n 2021")]
    assert sidecar([("P1", strings), ("P2", []), ("P3", strings[:1])]) == (
        "[P1] ERR_CONN_42 · 3.5 mg · 3 May 2021\n[P3] ERR_CONN_42"
    )
    assert sidecar([]) == ""


def strings_of(line: str) -> list[str]:
    """What a reader of one line makes of it: JSON strings, and what stands between separators."""
    texts = []
    rest = line.removeprefix("[P1] ")
    while rest:
        match = re.match(r'("(?:[^"\\]|\\.)*")(?: · |$)|(.*?)(?: · |$)', rest)
        assert match is not None
        texts.append(json.loads(match[1]) if match[1] is not None else match[2])
        rest = rest[match.end() :]
    return texts


@given(st.lists(st.text('ab ·"\\\n\r\u2028\x85é,', min_size=1, max_size=8).filter(str.strip), min_size=1, max_size=5))
def test_no_string_breaks_a_sidecar_in_two(texts: list[str]) -> None:
    written = sidecar([("P1", [as_string(text) for text in texts])])
    assert len(written.splitlines()) == 1
    assert [text.split() for text in strings_of(written)] == [text.split() for text in texts]

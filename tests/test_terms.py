"""What is indexed, what is asked, and that the two meet in a real FTS5 table."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.store.terms import (
    FTS_COLUMNS,
    FTS_TOKENIZER,
    FTS_WEIGHTS,
    MAX_QUERY_TERMS,
    Term,
    TermCounter,
    index_terms,
    match_expression,
    question_terms,
)

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)


def _search(texts: list[str], question: str) -> list[int]:
    """Numbers of the texts that a question finds, best first."""
    terms = question_terms(question)
    if not terms:
        return []
    with closing(sqlite3.connect(":memory:")) as db:
        columns, weights = ", ".join(FTS_COLUMNS), ", ".join(map(str, FTS_WEIGHTS))
        db.execute(f'CREATE VIRTUAL TABLE t USING fts5 ({columns}, tokenize = "{FTS_TOKENIZER}")')
        rows = [(i, *index_terms(text)) for i, text in enumerate(texts)]
        db.executemany(f"INSERT INTO t (rowid, {columns}) VALUES (?, ?, ?)", rows)
        best_first = f"SELECT rowid FROM t WHERE t MATCH ? ORDER BY bm25(t, {weights}), rowid"
        return [row for (row,) in db.execute(best_first, (match_expression(terms),))]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("It failed with ERR_CONN_42 today", "ERR_CONN_42"),
        ("It failed with ERR_CONN_42 today", "err-conn-42"),
        ("It failed with ERR_CONN_42 today", "conn"),
        ("call foo.bar() twice", "foo.bar()"),
        ("call foo.bar() twice", "bar"),
        ("released v1.2.3 on Monday", "v1.2.3"),
        ("the parseHttpRequest function", "http"),
        ("the parseHttpRequest function", "parsehttprequest"),
        ("a getHTTPResponse method", "response"),
        ("total 1,234,567 units", "1,234,567"),
        ("mail to ann@example.org", "ann@example.org"),
        ("Das Haus des Stadtrates", "Stadtrat"),
        ("the cities grew", "city growth, grew"),
        ("a café in Málaga", "cafe"),
        ("see the résumé", "resume"),
        ("they resume work", "résumé"),
        ("la naïveté", "NAIVETE"),
        ("by RFC2616 alone", "RFC 2616"),
        ("by RFC 2616 alone", "rfc2616"),
        ("an ISO-27001 audit", "ISO27001"),
        ("the sha256 digest", "SHA-256"),
        ("the SHA-256 digest", "sha256"),
        ("a wifi network", "Wi-Fi"),
        ("paid 12,500 EUR", "12500"),
        ("paid 12.500 EUR", "12500"),
        ("call 0305550142", "030-555-0142"),
        ("to DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
        ("die Straße", "STRASSE"),
        ("ﬁnal ＡＢＣ", "final abc"),
        ("在二零零八年举办了奥运会", "奥运会"),
        ("他住在北京", "北京"),
        ("火", "火"),
        ("東京タワーの高さ", "東京タワー"),
        ("서울에서 만났다", "서울"),
        ("ประเทศไทยมีประชากร", "ประชากร"),
        ("लेडी गागा ने गाया", "गागा"),
        ("والكتابُ على الطاولة", "كتاب"),
        ("مدرسة أحمد", "مدرسه احمد"),
        ("שָׁלוֹם", "שלום"),
    ],
)
def test_finds(text: str, question: str) -> None:
    assert _search(["nothing of the kind 无关 γάτα", text], question)[:1] == [1]


def test_identifiers_stand_whole_and_by_part() -> None:
    words = index_terms("ERR_CONN_42 foo.bar() fooBar").words.split()
    assert {"err_conn_42", "err", "conn", "42", "foo_bar", "foo", "bar", "foobar"} == set(words)


def test_the_whole_identifier_ranks_first() -> None:
    texts = ["conn 42 err", "code ERR_CONN_42 here", "code ERR_CONN_43 here"]
    assert _search(texts, "ERR_CONN_42")[0] == 1


def test_exact_spelling_ranks_before_the_unaccented() -> None:
    assert _search(["der schone Tag", "der schöne Tag"], "schöne")[0] == 1


@pytest.mark.parametrize("question", ["", "  \n", "?!", "\x00", "\ud800", "*", "🙂", '"', "()", "-- ;"])
def test_nothing_to_search_for(question: str) -> None:
    assert question_terms(question) == []


@pytest.mark.parametrize(
    "question",
    [
        '" OR * NEAR( ; --',
        'words : "x" OR parts : *',
        "NEAR(a b, 2)",
        "NOT AND OR",
        '"); DROP TABLE t; --',
        "^a + b*",
        "{words parts} : a",
        "a\x00b\ud800c",
        "'a' \"\"b `` \\",
    ],
)
def test_syntax_in_a_question_is_only_text(question: str) -> None:
    _search(["some text"], question)
    assert 1 in _search(["other", question], question)


def test_the_spelling_of_the_question_ranks_first() -> None:
    for one, other in [("SHA-256", "sha256"), ("RFC 2616", "RFC2616"), ("résumé", "resume"), ("12500", "12,500")]:
        texts = ["nothing", f"see the {other} here", f"see the {one} here"]
        assert _search(texts, one) == [2, 1], one
        assert _search(texts, other) == [1, 2], other


def test_function_words_are_left_out_of_a_question_unless_there_is_nothing_else() -> None:
    assert Term("words", "the") not in question_terms("Where is the office?")
    assert Term("words", "who") in question_terms("When did the WHO meet?")
    assert _search(["to be or not to be", "other"], "to be or not to be") == [0]


def test_a_long_question_stays_within_bounds() -> None:
    terms = question_terms(" ".join(f"word{i} 字{i}" for i in range(50_000)))
    assert len(terms) == len(FTS_COLUMNS) * MAX_QUERY_TERMS
    assert match_expression(terms).count('"') == 2 * len(terms)
    _search(["word1"], " ".join(f"word{i}" for i in range(50_000)))


@pytest.mark.parametrize("unit", ["a", "_", "a_", "a.", ",1", "字", "ก", "a\u0301", "가", "aB", "\u0301", "::a", " "])
def test_a_huge_line(unit: str) -> None:
    """Of a size at which anything but linear time would take hours; its terms are bounded by it."""
    text = unit * (800_000 // len(unit))
    assert sum(map(len, index_terms(text))) <= 12 * len(text.encode("utf-32-le")) // 4


@given(ANY_TEXT)
def test_any_text_is_found_by_its_own_words(text: str) -> None:
    found = _search([text, "unrelated"], text)
    assert (0 in found) == (question_terms(text) != [])
    for words in index_terms(text):
        words.encode()


@given(ANY_TEXT)
def test_every_letter_and_digit_is_searchable(text: str) -> None:
    if any(letter.isalnum() for letter in text):
        assert question_terms(text)


@given(ANY_TEXT)
def test_terms_hold_no_syntax(text: str) -> None:
    for column in index_terms(text):
        assert not set(column) & set("\"'*()^{}:;,.\x00\n\t+-")


@given(st.lists(st.text(st.sampled_from("abcdefghij"), min_size=1), min_size=1), ANY_TEXT)
def test_each_word_of_a_text_finds_it(words: list[str], rest: str) -> None:
    for word in words:
        assert 0 in _search([" ".join(words), rest], word)


@given(st.lists(ANY_TEXT, max_size=3), ANY_TEXT)
def test_counts_are_those_of_the_index(texts: list[str], question: str) -> None:
    terms = question_terms(question)
    counter = TermCounter(terms)
    for text in [*texts, question, *texts]:
        columns = dict(zip(FTS_COLUMNS, (joined.split() for joined in index_terms(text)), strict=True))
        often = ((number, columns[term.column].count(term.text)) for number, term in enumerate(terms))
        assert counter.count(text) == tuple(entry for entry in often if entry[1])

"""Word search: by FTS5 in a small store, in two steps in a large one, and what the two have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.errors import StoreDamagedError
from glyph_rag.store import postings, rarest, wordsearch
from glyph_rag.store.load import Rows
from glyph_rag.store.postings import Totals
from glyph_rag.store.rarest import candidates
from glyph_rag.store.rows import Prepared, RowCounters, content_key, delete_documents, insert_document
from glyph_rag.store.schema import make_tables
from glyph_rag.store.terms import Term, index_terms, question_terms
from glyph_rag.store.wordsearch import WordSearch, coverage
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile

PROFILE = RenderProfile()
WORDS = [
    "city",
    "cities",
    "river",
    "Flüsse",
    "ERR_CONN_42",
    "conn",
    "北京",
    "北方京都",
    "fooBar",
    "the",
    "ประเทศ",
    "a",
    "42",
]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join), min_size=1, max_size=12)
QUESTIONS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)


def database(texts: Sequence[str], *, of_each: int = 1) -> sqlite3.Connection:
    """A store of a chunk for each text, so many to a document; chunks and documents are numbered from 1."""
    connection = sqlite3.connect(":memory:")
    make_tables(connection)
    counters = RowCounters(connection)
    vector = np.zeros(1, np.float32)
    for at in range(0, len(texts), of_each):
        parts = texts[at : at + of_each]
        document = Document(f"d{at}", "\n".join(parts))
        chunks, start = [], 0
        for number, part in enumerate(parts):
            chunks.append(Chunk(f"c{at + number}", document.id, start, start + len(part), part))
            start += len(part) + 1
        page = Page(f"p{at}", document.id, document.id, document.text, 0, 1, ((0, len(document.text)),), PROFILE)
        vectors = {content_key(chunk): vector for chunk in chunks}
        insert_document(connection, counters, Prepared(document, "", chunks, [(page, chunks)]), vectors, "<f4")
    connection.commit()
    return connection


def indexed(words: Sequence[str]) -> sqlite3.Connection:
    """An index of words without texts, in rows from 1."""
    connection = sqlite3.connect(":memory:")
    make_tables(connection)
    rows = enumerate(words, 1)
    connection.executemany("INSERT INTO terms (rowid, words, parts) VALUES (?, ?, '')", rows)
    connection.commit()
    return connection


def in_two_steps(patch: pytest.MonkeyPatch) -> None:
    """As if the store were a large one."""
    patch.setattr(wordsearch, "SMALL", -1)


def approx(found: list[tuple[int, float]]) -> list[tuple[int, object]]:
    return [(row, pytest.approx(score, rel=1e-9)) for row, score in found]


@given(TEXTS, QUESTIONS, st.integers(1, 12), st.sets(st.integers(1, 12)), st.none() | st.sets(st.integers(1, 6)))
def test_two_steps_find_what_fts5_finds(
    texts: list[str], question: str, count: int, also: set[int], documents: set[int] | None
) -> None:
    """While nothing is left unread and all candidates are scored."""
    connection = database(texts, of_each=2)
    rows = None if documents is None else np.array(sorted(documents), np.int64)
    search = WordSearch(connection, count, rows, [row for row in sorted(also) if row <= len(texts)])
    expected = search.matching(question)
    held = search.holding("conn city", question), search.holding("ERR_CONN_42", question)
    with pytest.MonkeyPatch.context() as patch:
        in_two_steps(patch)
        assert search.matching(question) == approx(expected)
        # With few documents, every chunk is scored; this goes by candidates as well.
        patch.setattr(wordsearch, "_ALL_SCORED", 0)
        assert search.matching(question) == approx(expected)
        if count >= len(texts):
            assert [set(search.holding(name, question)) for name in ("conn city", "ERR_CONN_42")] == [*map(set, held)]
    connection.close()


@given(st.integers(1, 30), st.integers(0, 29), st.sampled_from(["ERR_CONN_42", "奥运会", "zebra", "v1.2.3"]))
def test_the_chunk_with_a_rare_term_is_found_first_however_little_may_be_read(count: int, at: int, name: str) -> None:
    texts = [f"the city of number {number % 3} by the river" for number in range(count)]
    texts.insert(at % (count + 1), f"a city with {name} by a river")
    connection = database(texts)
    with pytest.MonkeyPatch.context() as patch:
        in_two_steps(patch)
        patch.setattr(rarest, "RARE", 1)
        patch.setattr(rarest, "_READ", 0.0)
        patch.setattr(wordsearch, "_SCORED", 1)
        search = WordSearch(connection, 1)
        assert search.matching(f"Which city by the river has {name}?")[0][0] == at % (count + 1) + 1
        assert search.holding(name, "city river") == [at % (count + 1) + 1]
    connection.close()


def test_a_common_word_is_not_looked_for_among_the_accented_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = indexed([f"river number {row % 7}" for row in range(1, 10_001)])
    looked_up: list[str] = []
    rows_of = postings.rows_of

    def noted(connection: sqlite3.Connection, expression: str, at_most: int = -1, after: int = 0) -> Rows:
        looked_up.append(expression)
        return rows_of(connection, expression, at_most, after)

    monkeypatch.setattr(postings, "rows_of", noted)
    terms = question_terms("river Seine")
    found = candidates(connection, terms, postings.totals(connection), 5, bound=500)
    assert len(found.rows) >= 5
    assert {Term("parts", "river"), Term("parts", "seine")} <= set(terms)
    assert 'parts : ("river")' not in looked_up
    assert 'parts : ("seine")' in looked_up
    connection.close()


@given(
    scores=st.lists(st.sampled_from([0.0, 0.5, 1.0, 1.5]), max_size=30),
    most=st.integers(0, 40),
    asked=st.lists(st.integers(0, 99), unique=True, max_size=20),
)
def test_the_best_few_are_the_beginning_of_all(scores: list[float], most: int, asked: list[int]) -> None:
    rows = np.arange(3, 3 + 2 * len(scores), 2, dtype=np.int64)
    empty = np.empty(0)
    found = rarest.Candidates(rows, np.array(scores), (), (np.empty(0, np.int64), empty, empty))
    ranked = sorted(zip(scores, rows.tolist(), strict=True), key=lambda entry: (-entry[0], entry[1]))
    everything = [row for _, row in ranked]
    assert found.best_first().tolist() == everything
    assert found.best_first(most).tolist()[:most] == everything[:most]
    known = [row for row in everything if row in asked]
    others = [row for row in asked if row not in everything]
    assert found.in_order(np.array(asked, np.int64)).tolist() == known + others


def test_where_all_terms_are_common_the_newest_chunks_are_looked_at() -> None:
    connection = indexed([f"city river {'bridge' * (row % 2)}" for row in range(1, 10_001)])
    terms = [Term("words", text) for text in ("city", "river", "bridge")]
    totals = postings.totals(connection)
    found = candidates(connection, terms, totals, 5, bound=500)
    assert 5 <= len(found.rows) <= 500
    assert found.rows.tolist() == list(range(10_001 - len(found.rows), 10_001))
    assert all(row % 2 for row in found.best_first()[: len(found.rows) // 2].tolist())
    everything = candidates(connection, terms, totals, 5, bound=100_000)
    assert len(everything.rows) == 10_000
    assert everything.worth == pytest.approx([1e-6, 1e-6, 1e-6], abs=1e-5)
    connection.close()


@pytest.mark.parametrize("few", [True, False])
def test_documents_left_out_are_not_found_and_all_others_are(few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = database([f"city number {number} river" for number in range(60)], of_each=3)
    in_two_steps(monkeypatch)
    monkeypatch.setattr(wordsearch, "_ALL_SCORED", 0)
    monkeypatch.setattr(wordsearch, "_SCORED", 2)
    documents = np.array([2, 7] if few else [row for row in range(1, 21) if row not in (2, 7)], np.int64)
    expected = {chunk for chunk in range(1, 61) if (chunk - 1) // 3 + 1 in documents}
    everything = WordSearch(connection, 60, documents).matching("city river")
    assert {row for row, _ in everything} == expected
    best = WordSearch(connection, 2, documents).matching("city river")
    assert {row for row, _ in best} <= expected and len(best) == 2
    assert set(WordSearch(connection, 60, documents).holding("number 5", "city")) == expected & {6}
    outside = sorted(set(range(1, 61)) - expected)
    assert {row for row, _ in WordSearch(connection, 2, documents, outside).matching("city river")} <= expected
    connection.close()


def test_of_many_alike_the_best_are_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"the river of number {number} and what lies beside it" for number in range(80)]
    texts[70], texts[75] = "a river, the river and again a river of number 70", "river"
    connection = database(texts)
    expected = WordSearch(connection, 5).matching("river")
    assert {row for row, _ in expected[:2]} == {71, 76}
    in_two_steps(monkeypatch)
    monkeypatch.setattr(wordsearch, "_SCORED", 20)
    monkeypatch.setattr(rarest, "_READ", 1000.0)
    assert WordSearch(connection, 5).matching("river") == approx(expected)
    connection.close()


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("st_mode", {3}),
        ("os.st_mode", {1}),
        ("st_size", {1, 2, 7}),
        ("--dry-run", {4}),
        ("no-dry", {5}),
        ("/etc/app", {6}),
        ("fooBar_baz()", {8}),
        ("größe_max", {9}),
    ],
)
def test_an_identifier_is_found_by_itself_or_else_within_longer_ones_and_not_as_loose_words(
    name: str, where: set[int], large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [
        "os.st_mode fs.st_size",
        "$st_mode/st_size",
        "see ST_MODE.",
        "use --dry-run",
        "app --no-dry-run=1",
        "in /etc/app/x.conf",
    ]
    texts += ["self.st_mode(os.st_size)", "call x.fooBar_baz", "die Größe_Max/x"]
    texts += [
        "st mode, st size, no dry, dry run, etc app, größe max",
        "first_mode best_modes",
        "foo bar baz",
        "mode st",
    ]
    connection = database(texts)
    if large:
        in_two_steps(monkeypatch)
    assert set(WordSearch(connection, 20).holding(name, name)) == where
    assert len(WordSearch(connection, 1).holding(name, name)) == 1
    assert set(WordSearch(connection, 1, None, sorted(where)).holding(name, name)) >= where
    connection.close()


def test_what_most_chunks_have_is_left_out_and_changes_nothing_that_can_be_seen() -> None:
    common = "the pumps of this plant are cleaned and painted every single week by their two keepers"
    texts = [f"{common} {'valve' * (row % 40 == 0)} {'seal' * (row % 30 == 0)}" for row in range(1, 4_001)]
    connection = indexed(texts)
    totals = postings.totals(connection)
    terms = [Term("words", text) for text in ("valve", "pumps", "seal", "keepers")]
    assert postings.without_common(connection, terms, 2_000) == [terms[0], terms[2]]
    assert postings.without_common(connection, terms, 4_000) == terms
    search = WordSearch(connection, 50)
    assert search._by_telling(terms, totals) == search._by_telling([terms[0], terms[2]], totals)
    assert [row for row, _ in search._by_telling(terms, totals)][:33] == list(range(120, 4_001, 120))
    # Where that is not enough, what shares common words only is found as well.
    deeper = WordSearch(connection, 1_000)._by_telling(terms, totals)
    assert len(deeper) == 1_000 and [row for row, _ in deeper[:33]] == list(range(120, 4_001, 120))
    assert len(WordSearch(connection, 9)._by_telling(terms[1:2], totals)) == 9
    connection.close()


def test_a_connection_that_only_reads_goes_on_doing_so(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = database(["city", "river", "city river"])
    connection.isolation_level = None
    connection.execute("PRAGMA query_only = ON")
    in_two_steps(monkeypatch)
    for _ in range(2):
        connection.execute("BEGIN")
        assert [row for row, _ in WordSearch(connection, 5).matching("city")] == [1, 3]
        connection.execute("ROLLBACK")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM texts")
    connection.close()


def test_what_is_deleted_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = database(["a city by the river", "a city by the sea", "a river"])
    delete_documents(connection, "", ["d0"])
    connection.commit()
    in_two_steps(monkeypatch)
    assert [row for row, _ in WordSearch(connection, 9).matching("city river")] == [3, 2]
    assert WordSearch(connection, 9).holding("by the", "city") == [2]
    assert postings.totals(connection).chunks == 2
    connection.close()


@given(TEXTS)
def test_totals_are_those_of_the_texts(texts: list[str]) -> None:
    connection = database(texts)
    length = sum(len(joined.split()) for text in texts for joined in index_terms(text))
    assert postings.totals(connection) == Totals(len(texts), length / len(texts))
    assert postings.last_row(connection) == len(texts)
    connection.close()


def test_an_empty_store_has_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = database([])
    assert postings.totals(connection) == Totals(0, 0.0)
    in_two_steps(monkeypatch)
    assert WordSearch(connection, 5).matching("city") == []
    assert WordSearch(connection, 5).holding("city", "city") == []
    assert WordSearch(connection, 5).matching("?!") == []
    assert WordSearch(connection, 5).holding("?!", "city") == []
    connection.close()


def test_the_pages_of_a_long_list_are_seen() -> None:
    connection = indexed([*(f"city{'' if row % 5 else ' river'} 北" for row in range(1, 20_001)), "citadel"])
    pages = postings.pages_of(connection, ["city", "river", "北", "city"])
    assert pages["river"] > 0
    # 北 is the last of all terms, with none after it to measure by.
    for term in ("city", "北"):
        assert pages[term] * postings.CHUNKS_PER_PAGE == pytest.approx(20_000, rel=0.6)
    terms = [Term("words", text) for text in ("city", "river", "citadel", "北")]
    found = candidates(connection, terms, postings.totals(connection), 1, bound=5_000)
    assert found.rows.tolist() == [*range(5, 20_001, 5), 20_001]
    assert found.worth[2] > found.worth[1] > max(found.worth[0], found.worth[3])
    connection.close()


def test_rows_come_in_order_as_many_as_are_asked_for() -> None:
    connection = database(["city", "river", "city city", "city"])
    assert postings.rows_of(connection, "words : (city)").tolist() == [1, 3, 4]
    assert postings.rows_of(connection, "words : (city)", 2).tolist() == [1, 3]
    assert postings.rows_of(connection, "words : (city)", after=1).tolist() == [3, 4]
    assert postings.rows_of(connection, "words : (sea)").tolist() == []
    connection.close()


def test_occurrences_and_lengths_are_those_of_the_column() -> None:
    connection = database(["city city", "river", "city bcityd"])
    assert postings.occurrences_of(connection, Term("words", "city"), 99).tolist() == [1, 1, 3]
    assert postings.occurrences_of(connection, Term("parts", "city"), 99).tolist() == [1, 1, 3, 3]
    assert postings.occurrences_of(connection, Term("words", "city"), 2).tolist() == [1, 1]
    lengths = [sum(len(joined.split()) for joined in index_terms(text)) for text in ("city city", "city bcityd")]
    assert postings.lengths_of(connection, np.array([1, 3])).tolist() == lengths
    connection.close()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM terms_data WHERE id = 1",
        "UPDATE terms_data SET block = 'text' WHERE id = 1",
        "UPDATE terms_data SET block = x'05' WHERE id = 1",
        "DELETE FROM terms_docsize",
        "UPDATE texts SET data = x'00'",
        "DELETE FROM chunks",
    ],
)
def test_damage_is_named(damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = database(["city", "river", "city river"])
    connection.execute(damage)
    connection.commit()
    in_two_steps(monkeypatch)
    with pytest.raises(StoreDamagedError):
        WordSearch(connection, 5).matching("city")
    connection.close()


def test_coverage_is_what_part_of_a_question_stands_in_a_text() -> None:
    assert coverage("Where is the old harbour?", "An old, old harbour.") == 1.0
    assert coverage("Where is the old harbour?", "нет") == coverage("?!", "An old harbour.") == 0.0
    assert 0.3 < coverage("stone harbour", "a harbour") < coverage("stone harbour", "a harbour, stones") < 1.0
    assert coverage("Wi-Fi", "a wifi network") > 0.3, "another spelling counts too"

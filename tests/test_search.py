"""Search: names and phrases, thresholds, diversity, cursors, threads."""

from __future__ import annotations

import base64
import re
import sqlite3
import threading
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag import Document, GlyphRAG, Limits
from glyph_rag.errors import InputError, LimitError, StoreDamagedError
from glyph_rag.index import Indexer
from glyph_rag.search.hit import Hit
from glyph_rag.search.question import is_quoted, named
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder

COLOURS = ("red", "green", "blue", "grey", "black")


def ids(hits: list[Hit]) -> list[str]:
    return [hit.page.document_id for hit in hits]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory):
    """Three hundred documents: more than the first look of a search takes in."""
    with GlyphRAG.open(tmp_path_factory.mktemp("crowd"), embedder=HashEmbedder()) as rag:
        rag.add(
            Document(f"d{n}", f"The {COLOURS[n % 5]} lamp number {n} stands in hall {n % 7}.", metadata={"n": n})
            for n in range(300)
        )
        yield rag


LOGS = [
    Document("conn", "The gateway stopped with ERR_CONN_42 on Monday."),
    Document("conn41", "ERR CONN 41 and 42: the gateway, the gateway stopped, conn err, err conn. Gateway stopped."),
    Document("version", "Since v1.2.3 the cache is off."),
    Document("versions", "v1.2.4 and v1.3.2 and v2.1.3: cache, cache is on, the cache."),
    Document("call", "Close it by foo_bar() at the end."),
    Document("calls", "foo and bar: close foo, close bar, at the end of foo bar, close it."),
    Document("phrase", "In spring the old harbour was closed to ships for good."),
    Document("words", "Old ships closed the harbour; the old closed ships in the harbour, harbour of old."),
    Document("han", "会议定于星期三下午举行，地点是北京大学。"),
    Document("han2", "北京的大学星期三有会议，大学在北京，会议在大学。"),
]


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory):
    with GlyphRAG.open(tmp_path_factory.mktemp("logs"), embedder=HashEmbedder()) as rag:
        rag.add(LOGS)
        yield rag


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("Why did the gateway stop with ERR_CONN_42?", "conn"),
        ("err_conn_42 gateway stopped", "conn"),
        ("Is the cache on in v1.2.3?", "version"),
        ("close foo bar at the end with foo_bar()", "call"),
        ('"old harbour was closed" ships', "phrase"),
        ('When were the ships of "the Old Harbour" closed?', "phrase"),
        ("“北京大学”的会议", "han"),
        ("错误ERR_CONN_42 gateway", "conn"),
        ("ＥＲＲ＿ＣＯＮＮ＿４２で gateway stopped", "conn"),
        ("ERR_CONN_42가 gateway stopped", "conn"),
        ("「北京大学」的会议", "han"),
        ('"the old harbour\nwas closed" ships', "phrase"),
        ("Quand « old harbour was closed » ships ?", "phrase"),
    ],
)
def test_what_a_question_names_comes_first(logs: GlyphRAG, question: str, first: str) -> None:
    hits = logs.search(question, k=10)
    assert hits[0].page.document_id == first
    assert hits[0].score >= 2 / 3 > 1 / 3 >= hits[1].score
    assert len(hits) > 1


def test_a_question_of_nothing_but_a_quotation_finds_nothing_else(logs: GlyphRAG) -> None:
    assert ids(logs.search('"closed to ships"')) == ["phrase"]
    assert set(ids(logs.search('"closed to ships" "ERR_CONN_42"'))) == {"phrase", "conn"}
    assert len(logs.search('"closed to the public"')) == 5, "it stands nowhere, so its words are looked for"
    assert len(logs.search("closed to ships")) == 5


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ('a "b c" d', ("b c",)),
        ("“x y” and „z w“", ("x y", "z w")),
        ("«x y» et « z w », »v« und »u«", ("x y", " z w ", "v", "u")),
        ("「x y」と『z w』、＂v＂", ("x y", "z w", "v")),
        ('"x\ny" and "z\n\nw', ("x\ny",)),
        ("ＥＲＲ＿４２ über 10 m², ＣＯ２", ("ERR_42", "CO2")),
        ('a 5" disk and a 3" one', ()),
        ('"" and "..."', ()),
        ("std::vector, sha256, F-16, ann@example.org", ("std::vector", "sha256", "F-16", "ann@example.org")),
        ("the 19th-century well-known mid-1990s U.S. and/or 3.5 e.g. 1990-1995", ()),
        ('"foo_bar" foo_bar', ("foo_bar",)),
        ("What do --dry-run and --force do? a--b, c -- d", ("--dry-run", "--force")),
        ("getUser in HttpServletRequest on YouTube, iPhone, macOS and McDonald", ("getUser", "HttpServletRequest")),
        ("/etc/app.conf, `/var/log/x`, /tmp and x=/a/b", ("/etc/app.conf", "/var/log/x", "/a/b")),
        (
            "030-555-0142 on 2024-05-17, 10-4432-77 or 10.0.0.1",
            ("030-555-0142", "2024-05-17", "10-4432-77", "10.0.0.1"),
        ),
        (" ".join(f"a_{n}" for n in range(50)), tuple(f"a_{n}" for n in range(8))),
    ],
)
def test_what_counts_as_a_name(question: str, names: tuple[str, ...]) -> None:
    assert named(question) == names


ALIKE = {
    "ERR_CONN_42": ["ERR_CONN_41", "ERR_CONN_42_B", "ERR_CONN_421", "ERR_COMM_42", "ERR_CONN 42", "WARN_CONN_4.2"],
    "retry_after_ms": ["retry_after_s", "retry_before_ms", "try_after_ms_max", "retry after ms"],
    "fetchUserById": ["fetchUsersById", "fetchUserByName", "getUserById", "fetch user by id"],
    "app.cache.max_size": ["app.cache.min_size", "app.caches.max_size", "app cache max size"],
    "/etc/app/main.conf": ["/etc/app/main.conf.d", "/opt/app/main.conf", "/etc/apps/main.conf"],
    "--no-cache-dir": ["--no-cache", "--cache-dir", "--no-cached-dir", "no cache dir"],
    "3f2a9c1e-77b0-4d5e-9a61-0c4d2e8f1b7a": ["3f2a9c1e-77b0-4d5e-9a61-0c4d2e8f1b7b", "3f2a9c1e-77b0-4d5e-9a61"],
    "v2.10.3": ["v2.10.3-rc1", "v2.10.4", "v2.1.3", "v2.1.03", "v12.10.3", "v2 10 3"],
    "030-555-0142": ["030-555-0143", "030-556-0142", "555-0142-030", "030 555 0142 17"],
    "PN-10443-B7": ["PN-10443-B8", "PN-10444-B7", "PM-10443-B7"],
}


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory):
    """Identifiers, each within a longer text or between signs, among others that differ in a letter and say more."""
    with GlyphRAG.open(tmp_path_factory.mktemp("alike"), embedder=HashEmbedder()) as rag:
        for name, others in ALIKE.items():
            rag.add([Document(name, f"Of all the things in this place, one is ({name}), which was seen by Ines.")])
            rag.add(
                Document(f"{name} not {n}", f"What is {other}? {other} is what it is.")
                for n, other in enumerate(others)
            )
        yield rag


@pytest.mark.parametrize("name", ALIKE)
@pytest.mark.parametrize("question", ["{}", "What is {}?", "What is it, {}, and what is {} for?"])
def test_an_identifier_is_found_first_among_those_that_look_like_it(alike: GlyphRAG, name: str, question: str) -> None:
    assert ids(alike.search(question.format(name, name), k=1)) == [name]


def test_an_identifier_within_a_longer_one_counts(alike: GlyphRAG) -> None:
    assert ids(alike.search("What is it, cache.max_size?", k=1)) == ["app.cache.max_size"]
    assert ids(alike.search("What is conn_4.2, seen by Ines?", k=1)) == ["ERR_CONN_42 not 5"]


@pytest.mark.parametrize(
    "question", ["x", "?!", "🙂", "🙂🙃 ERR", "日本 gateway запрос", "_", "--", "/", '"', "a" * 9_999, "ü" * 9]
)
def test_odd_questions_are_asked_like_any_other(logs: GlyphRAG, question: str) -> None:
    whole = logs.search(question, k=len(LOGS) + 5)
    assert len(whole) == len({hit.page.id for hit in whole}) <= len(LOGS)
    assert logs.search(question, k=3) == whole[:3]


class Bilingual(HashEmbedder):
    """Knows a few words of German, which are those of English to it."""

    WORDS: ClassVar = {"wie": "how", "die": "the", "pumpe": "pump", "reinigen": "clean", "wird": "is", "öl": "oil"}

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        words = (re.findall(r"\w+", text.casefold()) for text in texts)
        return super().embed_queries([" ".join(self.WORDS.get(word, word) for word in each) for each in words])


def test_a_word_shared_with_texts_of_another_language_counts_for_little(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path, embedder=Bilingual()) as rag:
        rag.add([Document("right", "Die Pumpe reinigen: wie die Pumpe mit Öl für den Winter nicht einfriert.")])
        rag.add([Document("wrong", "Der Manual, das Manual und die Anzeige: das ist nicht für den Winter.")])
        rag.add(Document(f"other {n}", f"Das ist nicht für den Winter und die Halle {n}.") for n in range(8))
        assert ids(rag.search("how is the pump clean, by the manual", k=1)) == ["right"]
        assert ids(rag.search("manual", k=1)) == ["wrong"]


@given(st.text(max_size=40))
def test_any_question_can_be_taken_apart_and_asked(logs: GlyphRAG, question: str) -> None:
    assert all(name.strip() for name in named(question))
    if question.strip():
        hits = logs.search(question, k=3)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert is_quoted(question) or hits


def test_a_longer_list_begins_with_the_shorter_one(crowd: GlyphRAG) -> None:
    for mmr in (None, 0.5):
        long = crowd.search("red lamp in hall 3", k=300, mmr=mmr)
        assert len(set(ids(long))) == 300
        assert ids(crowd.search("red lamp in hall 3", k=20, mmr=mmr)) == ids(long)[:20]
        if mmr is None:
            assert [hit.score for hit in long] == sorted((hit.score for hit in long), reverse=True)


@settings(max_examples=6)
@given(st.integers(40, 150), st.sampled_from([{}, {"mmr": 0.7}, {"min_score": 0.3}, {"where": {"n": {"$lt": 90}}}]))
def test_cursors_give_the_whole_list_in_parts(crowd: GlyphRAG, k: int, wishes: dict[str, object]) -> None:
    question = "green lamp in hall 5"
    whole = crowd.search(question, k=300, **wishes)
    parts: list[Hit] = []
    while part := crowd.search(question, k=k, after=parts[-1].cursor if parts else None, **wishes):
        parts += part
    assert parts == whole
    assert crowd.search(question, k=2, after=whole[3].cursor, **wishes) == whole[4:6]


def test_a_cursor_of_another_search_or_state_is_refused(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag:
        rag.add([Document(f"d{n}", f"lamp {n}", metadata={"n": n}) for n in range(5)])
        cursor = rag.search("lamp", k=2)[-1].cursor
        assert len(rag.search("lamp", after=cursor)) == 3
        others: list[tuple[str, dict[str, object]]] = [
            ("lamps", {}), ("lamp", {"mmr": 0.5}), ("lamp", {"min_score": 0.1}), ("lamp", {"where": {"n": 1}}),
        ]  # fmt: skip
        for question, wishes in others:
            with pytest.raises(InputError, match=r"belongs to another question .go on with the question"):
                rag.search(question, after=cursor, **wishes)
        with pytest.raises(InputError, match="belongs to another question"):
            rag.scoped(where={"n": {"$gte": 0}}).search("lamp", after=cursor)
        for wrong in ("", "x", cursor[:-1], cursor + "AAAA", "é" * 20, "=" * 40, 5, cursor.encode()):
            with pytest.raises(InputError, match=r"is not a cursor .take it from a hit"):
                rag.search("lamp", after=wrong)
        rag.add([Document("new", "lamp")])
        with pytest.raises(InputError, match=r"the store has changed .* .search again"):
            rag.search("lamp", after=cursor)
    with GlyphRAG.open(tmp_path / "twin", embedder=HashEmbedder()) as rag:
        rag.add([Document(f"d{n}", f"lamp {n}", metadata={"n": n}) for n in range(5)])
        with pytest.raises(InputError, match="the store has changed"):
            rag.search("lamp", after=cursor)


def test_a_cursor_cannot_ask_for_the_depths_of_the_store(tmp_path: Path) -> None:
    limits = Limits(hits=4)
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), limits=limits) as rag:
        rag.add([Document(f"d{n}", f"lamp {n}") for n in range(6)])
        cursor = rag.search("lamp", k=3)[-1].cursor
        assert len(rag.search("lamp", k=1, after=cursor)) == 1
        with pytest.raises(LimitError, match=r"Limits.hits"):
            rag.search("lamp", k=2, after=cursor)
        data = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        forged = base64.urlsafe_b64encode(b"\xff" * 4 + data[4:]).decode().rstrip("=")
        with pytest.raises(LimitError, match=r"Limits.hits"):
            rag.search("lamp", k=1, after=forged)


def test_a_threshold_leaves_out_what_scores_less(crowd: GlyphRAG) -> None:
    everything = crowd.search("blue lamp number 17", k=300)
    assert everything[0].score == 1.0
    assert everything[0].page.document_id == "d17"
    for threshold in (0.2, 0.5, 1.0):
        good = [hit.page.id for hit in everything if hit.score >= threshold]
        assert [hit.page.id for hit in crowd.search("blue lamp number 17", k=300, min_score=threshold)] == good
        spread = crowd.search("blue lamp number 17", k=300, min_score=threshold, mmr=0.5)
        assert sorted(hit.page.id for hit in spread) == sorted(good)


@pytest.mark.parametrize(
    "wishes",
    [{"min_score": -0.1}, {"min_score": 1.1}, {"min_score": "0.3"}, {"min_score": None}, {"mmr": 2.0}, {"mmr": np.nan}],
)
def test_numbers_out_of_range_are_refused(crowd: GlyphRAG, wishes: dict[str, object]) -> None:
    (name,) = wishes
    with pytest.raises(InputError, match=f"{name} is .* between 0 and 1"):
        crowd.search("lamp", **wishes)


def test_diversity_brings_up_what_is_different(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag:
        rag.add([Document(f"same{n}", f"pumps leak at the valve, case {n}") for n in range(5)])
        rag.add([Document("other", "pumps fail when rust blocks their inlet filters")])
        assert "other" not in ids(rag.search("why pumps leak", k=3))
        assert "other" in ids(rag.search("why pumps leak", k=3, mmr=0.3))


def test_many_threads_find_what_one_finds(crowd: GlyphRAG) -> None:
    questions = [f"{colour} lamp in hall {hall}" for colour in COLOURS for hall in range(2)]
    expected = [ids(crowd.search(question, k=5, where={"n": {"$gte": 50}})) for question in questions]
    found: dict[int, list[list[str]]] = {}

    def work(number: int) -> None:
        found[number] = [ids(crowd.search(question, k=5, where={"n": {"$gte": 50}})) for question in questions]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[number] for number in range(4)] == [expected] * 4


def test_vectors_of_chunks_are_those_of_their_words(tmp_path: Path) -> None:
    embedder = HashEmbedder()
    store = Store.open(tmp_path / "kb", embedder.info)
    for start in (0, 5, 3, 20, 21):
        changed = [
            Document(f"d{n}", f"lamp {n} of round {start}\n\n" + "more words. " * 300) for n in range(start, start + 6)
        ]
        Indexer(store, embedder, Limits()).add(changed)
        store.delete([f"d{start + 2}"])
        rows = [row for row, _ in store.nearest_chunks(embedder.embed_queries(["lamp"])[0], 1_000)]
        found = store.vectors_of_chunks([*rows, 10**9])
        assert list(found) == sorted(rows)
        for row, vector in found.items():
            assert np.array_equal(vector, embedder.embed_queries([store.load_chunk(row).indexed_text])[0])
    store.close()


def test_metadata_that_was_tampered_with_is_never_served(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag:
        rag.add([Document("mine", "lamp", metadata={"team": "a"}), Document("theirs", "lamp", metadata={"team": "b"})])
    database = sqlite3.connect(tmp_path / "kb" / "glyph.db")
    database.execute("UPDATE metadata SET value = 'a'")
    database.commit()
    database.close()
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag, pytest.raises(StoreDamagedError):
        rag.scoped(where={"team": "a"}).search("lamp")


def test_a_vector_finds_what_is_nearest_to_it_within_the_filter(crowd: GlyphRAG) -> None:
    embedder = HashEmbedder()
    question = "The red lamp number 40 stands in hall 5."
    vector = embedder.embed_queries([question])[0]
    texts = {f"d{n}": f"The {COLOURS[n % 5]} lamp number {n} stands in hall {n % 7}." for n in range(300)}
    likeness = dict(zip(texts, embedder.embed_documents(list(texts.values())) @ vector, strict=True))
    found = crowd.search_by_vector(3 * vector, 20)
    assert found[0].page.document_id == "d40"
    scores = [likeness[hit.page.document_id] for hit in found]
    assert scores == sorted(likeness.values(), reverse=True)[:20]
    assert all(1 >= a.score >= b.score >= 0 for a, b in pairwise(found))
    few = crowd.search_by_vector(vector, 5, where={"n": {"$gte": 100}})
    assert [likeness[hit.page.document_id] for hit in few] == sorted(
        (score for name, score in likeness.items() if int(name[1:]) >= 100), reverse=True
    )[:5]


@pytest.mark.parametrize(
    "vector", [np.zeros(1024), np.full(1024, np.nan), np.ones(3), np.ones((2, 1024)), np.ones(0), np.ones((1, 1, 1024))]
)
def test_what_is_no_query_vector_is_refused(crowd: GlyphRAG, vector: np.ndarray) -> None:
    with pytest.raises(InputError, match="query vector"):
        crowd.search_by_vector(vector)


def test_documents_by_id_are_those_that_may_be_seen(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path, embedder=HashEmbedder()) as rag:
        kept = [Document("a", "One.", metadata={"team": "x"}), Document("b", "Two.", metadata={"team": "y"})]
        rag.add(kept)
        rag.add([Document("a", "Another's.")], namespace="tenant")
        assert rag.documents(["b", "missing", "a", "b"]) == [kept[1], kept[0]]
        assert rag.scoped(where={"team": "x"}).documents(["a", "b"]) == [kept[0]]
        assert [document.text for document in rag.scoped(namespace="tenant").documents(["a", "b"])] == ["Another's."]
        assert rag.documents([]) == []

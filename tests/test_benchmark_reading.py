"""The reading benchmark counts what it says it counts, and runs."""

from __future__ import annotations

import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag import Answer, Citation, Document
from glyph_rag.read.answer import Sentence, Usage
from glyph_rag.read.plan import ReadingPlan

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

import reading
from reading_sets import LOADERS, Corpus, Question, sample
from reading_strings import FRAMES, MAKERS, Plant, fate_of, plant
from reading_tables import Table, answers_table, percentile, share
from reading_ways import SOURCE, Outcome, contains_gold, make_ways, stands_there

PARAGRAPHS = (
    "The harbour of Velmora was closed in 1987. Its captain, Ines Talbrook, had asked for it twice. Ships now land in "
    "Tarsholm, a day's sail to the north. The old quay became a market for glass and rope, which is open in summer.",
    "The observatory on Mount Ferrin has a mirror of 3.6 metres. It was cast in Dolbeck by Otto Reyes. Clouds hide the "
    "peak for ninety nights a year. Visitors are let in on Sundays, when the keeper lights the stairs with oil lamps.",
)
ASKED = (
    ("When was the harbour of Velmora closed?", "1987", 0),
    ("Who cast the mirror of Mount Ferrin?", "Otto Reyes", 1),
)


def squad(folder: Path) -> Path:
    paragraphs = [
        {"context": text, "qas": [{"question": q, "answers": [{"text": a}]} for q, a, at in ASKED if at == number]}
        for number, text in enumerate(PARAGRAPHS)
    ]
    (folder / "xquad").mkdir()
    file = folder / "xquad" / "xquad.en.json"
    file.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}), "utf-8")
    return folder


def lihua(folder: Path) -> Path:
    (folder / "lihua_world").mkdir()
    with zipfile.ZipFile(folder / "lihua_world" / "LiHuaWorld.zip", "w") as archive:
        archive.writestr("World/week1/20260105_1400.txt", "Time: 20260105_14:00\r\nAda: The lift code is 4471.\r\n")
        archive.writestr("World/week1/20260106_0900.txt", "Time: 20260106_09:00\nBo: Dinner is at the Blue Crane.\n")
    queries = {
        "0": {"question": "What is the lift code?", "answer": "4471", "evidence": "20260105_14:00", "type": "Single"},
        "1": {
            "question": "Did Ada write before Bo?",
            "answer": "Yes",
            "evidence": "20260105_14:00<and>20260106_09:00",
            "type": "Multi",
        },
        "2": {"question": "Who feeds the cat?", "answer": "Insufficient", "evidence": "N/A", "type": "Null"},
    }
    (folder / "lihua_world" / "query_set.json").write_text(json.dumps(queries), "utf-8")
    return folder


def test_the_benchmark_runs_on_a_made_up_corpus_and_reads_it(tmp_path, capsys, monkeypatch):
    squad(tmp_path)
    monkeypatch.setattr(reading, "counter", lambda: lambda text: len(text.split()))
    arguments = ["--data", str(tmp_path), "--sets", "xquad en", "--every", "1", "--densities", "dense"]
    arguments += [
        "--strings",
        "1",
        "--timed",
        "1",
        "--stores",
        str(tmp_path / "kept"),
        "--json",
        str(tmp_path / "found"),
    ]
    reading.main(arguments)
    printed = capsys.readouterr().out
    found = json.loads((tmp_path / "found").read_text("utf-8"))
    ways = [SOURCE, "text", "dense", "dense alone"]
    assert [outcome["way"] for outcome in found["outcomes"]] == 2 * ways
    assert all(outcome["shown"] and outcome["answered"] and outcome["contains"] for outcome in found["outcomes"])
    checked = [outcome for outcome in found["outcomes"] if outcome["way"] != SOURCE]
    assert all(outcome["quotes"] == outcome["verbatim"] > 0 and outcome["in_place"] for outcome in checked)
    assert {bool(outcome["image_tokens"]) for outcome in checked if outcome["way"] == "text"} == {False}
    words = sum(len(text.split()) for text in PARAGRAPHS)
    counted = [outcome["counted_tokens"] for outcome in found["outcomes"]]
    assert counted == 2 * [None, words, None, None], "both paragraphs are shown, and as text"
    assert len(found["strings"]) == 2 * (len(ways) - 1), "two paragraphs, each with one string"
    assert not [string for string in found["strings"] if string["fate"] == "WRONG"]
    assert [timing["cold"] for timing in found["timings"]] == 2 * [True, False]
    assert all(sum(timing["stages"]) <= timing["total"] for timing in found["timings"])
    for title in ("Answers and citations", "Exact strings", "Tokens for each question", "Seconds for each answer"):
        assert title in printed
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {"xquad-en-minilm", "xquad-en-with-strings-minilm"}


def test_gold_is_found_whatever_its_form_but_never_inside_a_longer_number():
    assert contains_gold("It cost １９８７  crowns.", (("1987",),))
    assert contains_gold("Otto\nREYES cast it.", (("someone else",), ("otto reyes",)))
    assert contains_gold("他 在 北京", (("他在北京",),))
    assert contains_gold("Germany, then Ghana", (("Ghana", "Germany"),))
    assert not contains_gold("Germany alone", (("Ghana", "Germany"),))
    assert not contains_gold("In 2015.", (("5",), ("20",)))
    assert contains_gold("In 2015 there were 5.", (("5",),))
    assert not contains_gold("anything", ())


@given(st.text("ab \n", min_size=1, max_size=40), st.data())
def test_a_quote_counts_only_at_its_own_offsets_and_lines(text, data):
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    lines = [text[:at].count("\n") + 1 for at in (start, end)]
    citation = Citation("d", "d.txt", *lines, "", text[start:end], start, end, "p", ())
    document = Document("d", text)
    assert stands_there(citation, document)
    assert not stands_there(replace(citation, line_start=lines[0] + 1), document)
    assert not stands_there(replace(citation, line_end=lines[1] + 1), document)
    assert not stands_there(replace(citation, quote=citation.quote + "x"), document)
    assert not stands_there(replace(citation, quote="", end=start), document)


def test_every_question_without_an_answer_is_asked_and_every_nth_of_the_others():
    questions = tuple(Question(str(n), (), frozenset(), answerable=n % 3 != 0) for n in range(12))
    assert [question.text for question in sample(questions, 4, 100)] == ["1", "7", "0", "3", "6", "9"]
    assert [question.text for question in sample(questions, 1, 3)] == ["1", "5", "10", "0", "6"]


def test_ways_show_dense_pages_with_and_without_their_passages():
    assert [(way.name, way.alone) for way in make_ways(["careful", "dense"])] == [
        ("text", False), ("careful", False), ("dense", False), ("dense alone", True),
    ]  # fmt: skip


@pytest.mark.parametrize("kind", MAKERS)
def test_strings_of_a_kind_differ_and_have_no_white_space_at_their_ends(kind):
    chance = Random(3)
    made = [MAKERS[kind](chance) for _ in range(50)]
    assert len(set(made)) == 50
    assert all(value == value.strip() and any(c.isdigit() for c in value) for value in made)


def test_strings_are_not_planted_into_tables():
    table = "| Rope | 1 |\n| --- | --- |\n" + "".join(f"| Glass {n} | {n} |\n" for n in range(20))
    documents = tuple(Document(f"d{n}", f"{table}\n{PARAGRAPHS[0]}") for n in range(10))
    for one in plant(Corpus("made up", "en", documents, ()), 1, 5)[1]:
        assert one.document.text.startswith(table)


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from(sorted(FRAMES)))
def test_planting_adds_one_sentence_to_each_of_so_many_documents_and_nothing_else(seed, language):
    documents = tuple(Document(f"d{n}", text * 2) for n, text in enumerate(PARAGRAPHS * 6))
    corpus = Corpus("made up", language, (*documents, Document("short", "Too short.")), ())
    changed, planted = plant(corpus, 1, seed)
    assert plant(corpus, 1, seed) == (changed, planted)
    assert [one.kind for one in planted] == list(MAKERS)
    assert len({one.document.id for one in planted}) == len({one.name for one in planted}) == len(planted)
    by_id = {document.id: document.text for document in changed}
    statement, question = FRAMES[language]
    for one in planted:
        sentence = statement.format(name=one.name, value=one.value)
        text = by_id.pop(one.document.id)
        assert text.count(sentence) == 1
        assert text.replace(sentence, "") == next(d.text for d in documents if d.id == one.document.id)
        assert one.question == question.format(name=one.name)
    assert by_id == {d.id: d.text for d in corpus.documents if d.id in by_id}


def answer(text: str, *sentences: tuple[str, str]) -> Answer:
    said = tuple(Sentence(words, support, words, None) for words, support in sentences)
    return Answer(text, bool(text), said, (), False, ReadingPlan((), 0), Usage(0, 0))


@pytest.mark.parametrize(
    ("given_answer", "shown", "given", "fate"),
    [
        (answer("It is AB-1.", ("It is AB-1.", "exact")), True, True, "right"),
        (answer(""), False, False, "page not found"),
        (answer(""), True, False, "refused"),
        (answer("Rain fell.", ("Rain fell.", "exact")), True, False, "other sentence"),
        (answer("", ("The Velmora mill is A8-1.", "unsupported")), True, True, "left out"),
        (
            answer("Rain. The Velmora mill is A8-1.", ("Rain.", "exact"), ("The Velmora mill is A8-1.", "unsupported")),
            True, True, "flagged",
        ),
        (answer("The Velmora mill is", ("The Velmora mill is", "exact")), True, True, "cut short"),
        (answer("The Velmora mill is AB.", ("The Velmora mill is AB.", "exact")), True, True, "WRONG"),
        (answer("The Velmora mill is A8-1.", ("The Velmora mill is A8-1.", "exact")), True, True, "WRONG"),
        (answer("The Velmora mill is A8-1.", ("The Velmora mill is A8-1.", "reworded")), True, True, "WRONG"),
    ],
)  # fmt: skip
def test_a_string_that_verification_let_pass_is_told_from_one_that_it_caught(given_answer, shown, given, fate):
    document = Document("d", "Rain fell. The Velmora mill is AB-1. It turns.")
    planted = Plant("SKU", "AB-1", "the Velmora mill", "?", document)
    assert fate_of(planted, given_answer, shown=shown, given=given) == fate


def test_questions_are_counted_against_the_source_words():
    common = {"corpus": "c", "answerable": True, "judged": True, "shown": True, "answered": True}
    outcomes = [
        Outcome(way=way, question=question, contains=contains, quotes=2, verbatim=1, **common)
        for way, right in ((SOURCE, (True, True, False)), ("careful", (True, False, True)))
        for question, contains in zip("abc", right, strict=True)
    ]
    table = answers_table(outcomes)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [row["contains gold"] for row in rows] == ["0.667", "0.667"]
    assert (rows[1]["lost"], rows[1]["gained"], rows[1]["verbatim"]) == ("1", "1", "3/6")
    assert (rows[0]["lost"], rows[0]["verbatim"]) == ("-", "-")


@given(st.lists(st.floats(0, 9), min_size=1), st.floats(0.01, 1))
def test_percentiles_are_nearest_ranks(values, part):
    assert percentile(sorted(values), part) == np.percentile(values, 100 * part, method="inverted_cdf")


def test_tables_are_aligned_and_have_a_dash_for_no_share():
    table = Table("T", ("set", "n"), (("a long name", share([True, False])), ("b", share([]))))
    assert table.as_text().splitlines() == [
        "T",
        "",
        "set          n",
        "-" * 14,
        "a long name  0.500",
        "b                -",
    ]
    assert table.as_markdown().splitlines()[-1] == "| b | - |"


def test_lihua_world_has_evidence_files_and_questions_without_answers(tmp_path):
    corpus = LOADERS["lihua_world"](lihua(tmp_path))
    assert [(d.id, d.source) for d in corpus.documents] == [
        ("20260105_1400", "20260105_1400.txt"), ("20260106_0900", "20260106_0900.txt"),
    ]  # fmt: skip
    assert "\r" not in corpus.documents[0].text
    single, multi, null = corpus.questions
    assert single.golds == (("4471",),)
    assert multi.golds == ()
    assert multi.documents == {"20260105_1400", "20260106_0900"}
    assert not null.answerable
    assert null.documents == frozenset()


def test_hotpotqa_musique_and_tatqa_name_their_evidence(tmp_path):
    def write(name: str, value: object) -> None:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(value), "utf-8")

    write("hotpotqa/hotpotqa_train_corpus.json", {"Quay": ["It is old.", " It is wet."], "Mill": ["It turns."]})
    write("hotpotqa/hotpotqa_train.json", [{"question": "q", "answer": "no", "supporting_facts": [["Quay", 1]]}])
    hotpot = LOADERS["hotpotqa"](tmp_path)
    assert hotpot.documents[0].text == "Quay\n\nIt is old. It is wet."
    assert hotpot.questions == (Question("q", (), frozenset({"Quay"})),)

    twice = [{"title": "Mill", "text": "It turns."}, {"title": "Mill", "text": "It stands."}]
    write("musique/musique_train_corpus.json", twice)
    paragraphs = [{"title": "Mill", "paragraph_text": "It stands.", "is_supporting": True}]
    asked = {"question": "q", "answer": "Mill", "answer_aliases": ["the mill"], "answerable": True}
    write("musique/musique_train.json", [{**asked, "paragraphs": paragraphs}])
    assert LOADERS["musique"](tmp_path).questions == (Question("q", (("Mill",), ("the mill",)), frozenset({"m1"})),)

    computed = {"question": "sum?", "answer": 3, "answer_type": "arithmetic"}
    listed = {"question": "which?", "answer": ["Rope", "Glass", ""], "answer_type": "multi-span"}
    table = {"table": [["", "2019"], ["Rope", "1"], ["Glass", "2"]]}
    write(
        "tatqa/tatqa_dataset_dev.json",
        [{"table": table, "paragraphs": [{"text": "Sold."}], "questions": [computed, listed]}],
    )
    tatqa = LOADERS["tatqa"](tmp_path)
    assert tatqa.questions == (Question("which?", (("Rope", "Glass"),), frozenset({"t0"})),)
    assert tatqa.documents[0].text == "|  | 2019 |\n| --- | --- |\n| Rope | 1 |\n| Glass | 2 |\n\nSold."

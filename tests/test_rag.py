"""The whole way on real documents: files in, cited answers out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from glyph_rag import Answer, Document, GlyphRAG, Limits, PageCache
from glyph_rag.embed.minilm import MiniLMEmbedder
from glyph_rag.errors import InputError, LimitError, LoadError
from glyph_rag.rag import NOT_FOUND
from glyph_rag.read.ocr.reader import OcrReader
from glyph_rag.testing import HashEmbedder, ScriptedReader


@pytest.fixture(scope="module")
def kb(tmp_path_factory: pytest.TempPathFactory):
    handbook = Path(__file__).parent.parent / "glyph_rag" / "demo" / "handbook"
    with GlyphRAG.open(tmp_path_factory.mktemp("kb")) as rag:
        report = rag.add_path(handbook)
        assert report.skipped == ()
        yield rag


def check_quotes(answer: Answer) -> None:
    for citation in answer.citations:
        path = Path(citation.source)
        if path.suffix == ".md":
            lines = path.read_text("utf-8").split("\n")[citation.line_start - 1 : citation.line_end]
            assert citation.quote in "\n".join(lines)
        assert citation.boxes


@pytest.mark.parametrize(
    ("question", "file", "words"),
    [
        ("How many days of leave can be carried over?", "leave.md", "8 days"),
        ("Who approves a business trip of two weeks?", "business-trips.md", "Ines Calloway"),
        ("What does ERR_SYNC_77 mean?", "security.md", "disk is full"),
        ("After how many years is a laptop replaced?", "equipment.html", "four years"),
        ("病假第几天需要提交诊断证明？", "考勤与休假.md", "第三天"),
    ],
)
def test_questions_get_cited_answers(kb: GlyphRAG, question: str, file: str, words: str) -> None:
    answer = kb.ask(question)
    assert words in answer.text
    assert answer.supported
    assert any(citation.source.endswith(file) and words in citation.quote for citation in answer.citations)
    check_quotes(answer)
    assert answer.usage.image_tokens == sum(page.tokens for page in answer.plan.pages) > 0
    assert answer.usage.text_tokens > 0


def test_a_question_that_nothing_answers_gets_no_guess(kb: GlyphRAG) -> None:
    answer = kb.ask("What is the boiling point of tungsten on Neptune?")
    assert answer.text == NOT_FOUND
    assert (answer.supported, answer.citations, answer.sentences) == (False, (), ())


def test_html_is_cited_by_heading(kb: GlyphRAG) -> None:
    (citation, *_) = kb.ask("After how many years is a laptop replaced?").citations
    assert citation.label == "Equipment > Laptops"
    assert citation.where.endswith("equipment.html, Equipment > Laptops")


def test_the_reader_answers_from_the_pixels_and_from_nothing_else(kb: GlyphRAG) -> None:
    question = "How many days of leave can be carried over?"
    plan = kb.plan(question, k=1)
    reader = OcrReader(MiniLMEmbedder())
    assert "8 days" in reader.read(question, plan).text

    ((page, _),) = _pages_of("Up to 11 days of unused leave can be carried over into the next winter.")
    (shown,) = plan.pages
    passage = dataclasses.replace(shown.passages[0], lines=tuple(line.box for line in page.layout.lines))
    swapped = dataclasses.replace(plan, pages=(dataclasses.replace(shown, levels=page.levels(), passages=(passage,)),))
    read = reader.read(question, swapped).text
    assert "11 days" in read
    assert "8 days" not in read

    blank = dataclasses.replace(plan, pages=(dataclasses.replace(shown, levels=np.zeros_like(shown.levels)),))
    assert reader.read(question, blank).text == ""


def _pages_of(text: str):
    from glyph_rag.corpus.split import split
    from glyph_rag.typeset.page import make_pages
    from glyph_rag.typeset.profile import RenderProfile

    document = Document("d", text)
    return make_pages(document, split(document), RenderProfile())


def test_a_script_the_reader_cannot_read_gets_a_notice(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb") as rag:
        rag.add([Document("ar", "يمكن ترحيل ثمانية أيام من الإجازة غير المستخدمة إلى العام التالي.")])
        answer = rag.ask("كم عدد أيام الإجازة التي يمكن ترحيلها؟")
    assert answer.text == NOT_FOUND
    assert "Arabic" in answer.notices[0]
    assert "Qwen3-VL" in answer.notices[0]


def test_another_reader_is_verified_too(tmp_path: Path) -> None:
    reader = ScriptedReader("The sky is green. Grass is green in spring.")
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=reader) as rag:
        rag.add([Document("d", "Grass is green in spring. Snow is white.")])
        answer = rag.ask("What is green?")
    assert [sentence.support for sentence in answer.sentences] == ["unsupported", "exact"]
    assert not answer.supported
    assert reader.plans[0] is answer.plan


def test_hits_hold_pages_and_the_chunks_that_earned_them(kb: GlyphRAG) -> None:
    hits = kb.search("carry over leave", k=3)
    assert len(hits) == 3
    assert hits[0].score >= hits[1].score >= hits[2].score
    page = hits[0].page
    assert page.document_id == "handbook/people/leave.md"
    assert page.source.endswith("handbook/people/leave.md")
    assert "carried over" in hits[0].chunks[0].text
    assert hits[0].chunks[0].text in page.text
    assert page.image().size == (page.layout.width, page.layout.height)
    assert kb.page(page.id) == page


def test_the_same_tree_twice_and_one_edit_and_one_deletion(tmp_path: Path, handbook: Path) -> None:
    import shutil

    tree = tmp_path / "handbook"
    shutil.copytree(handbook, tree)
    embedder = HashEmbedder()
    with GlyphRAG.open(tmp_path / "kb", embedder=embedder) as rag:
        first = rag.add_path(tree)
        assert first.added == rag.stats().documents == 7
        generation = rag.stats().generation
        embedder.embedded.clear()
        again = rag.add_path(tree)
        assert (again.unchanged, again.added, again.embedded, rag.stats().generation) == (7, 0, 0, generation)

        leave = tree / "people" / "leave.md"
        leave.write_text(leave.read_text("utf-8").replace("8 days", "9 days"), "utf-8")
        edited = rag.add_path(tree)
        assert (edited.unchanged, edited.updated) == (6, 1)
        assert all("Leave" in text for text in embedder.embedded)
        assert "9 days" in rag.search("carried over")[0].page.text

        leave.unlink()
        assert rag.add_path(tree).removed == 0
        assert rag.add_path(tree, sync=True).removed == 1
        assert "handbook/people/leave.md" not in rag.document_ids()


def test_two_trees_of_one_name_are_not_mixed_up(tmp_path: Path) -> None:
    for place in ("a", "b"):
        (tmp_path / place / "docs").mkdir(parents=True)
        (tmp_path / place / "docs" / "x.md").write_text(f"from {place}")
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag:
        rag.add_path(tmp_path / "a" / "docs")
        with pytest.raises(InputError, match="another folder called 'docs'"):
            rag.add_path(tmp_path / "b" / "docs")
        (tmp_path / "a" / "docs").rename(tmp_path / "moved")
        assert rag.add_path(tmp_path / "b" / "docs").updated == 1


def test_a_broken_file_does_not_stop_the_rest(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "good.md").write_text("# Good\n\nWords.")
    (tree / "broken.pdf").write_bytes(b"%PDF-1.4 nonsense")
    (tree / "broken.docx").write_bytes(b"PK nonsense")
    (tree / "empty.txt").write_text("")
    (tree / "binary.md").write_bytes(bytes(range(256)) * 8)
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag:
        report = rag.add_path(tree)
        assert report.added == 1
        assert {Path(item.source).name for item in report.skipped} == {
            "broken.pdf",
            "broken.docx",
            "empty.txt",
            "binary.md",
        }
        assert all(item.reason for item in report.skipped)
        good = tree / "good.md"
        good.write_bytes(b"\x00\x01")
        rag.add_path(tree, sync=True)
        assert rag.document_ids() == ["tree/good.md"], "an unreadable file is not a deleted one"


def test_bad_input_is_refused_by_name(rag: GlyphRAG, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the question is empty"):
        rag.search("  ")
    with pytest.raises(InputError, match="k is 0"):
        rag.search("x", k=0)
    with pytest.raises(LimitError, match="over the limit"):
        rag.search("x" * 20_000)
    with pytest.raises(LoadError, match="nowhere"):
        rag.add_path(tmp_path / "nowhere")
    with pytest.raises(InputError, match="there is no page 'abc'"):
        rag.page("abc")
    with pytest.raises(InputError, match="document id ''"):
        Document("", "x")
    assert rag.search("anything") == []
    assert rag.ask("anything?").text == NOT_FOUND


def test_wrong_types_are_told_by_name(rag: GlyphRAG) -> None:
    for call, message in (
        (lambda: rag.add(["a.md"]), "str 'a.md' is no Document"),
        (lambda: rag.search(5), "the question is int"),
        (lambda: rag.ask(None), "the question is NoneType"),
        (lambda: rag.search("leave", k="3"), "k is '3'"),
        (lambda: rag.ask("leave", mode="pictures"), "there is no mode 'pictures'"),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_values_are_short_to_look_at(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag:
        rag.add([Document("gate", "The gate opens at noon. " * 500)])
        (hit,) = rag.search("gate", k=1)
        assert repr(rag) == f"<GlyphRAG in {str(tmp_path / 'kb')!r}>"
        assert repr(rag.chat()) == "<Chat of 0 turns>"
    for value in (hit.page, hit.chunks[0], Document("gate", "x" * 1_000_000, metadata={"note": "y" * 1_000_000})):
        assert "'gate'" in repr(value)
        assert len(repr(value)) < 300


def test_limits_are_kept(tmp_path: Path) -> None:
    with (
        GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), limits=Limits(document_chars=10)) as rag,
        pytest.raises(LimitError, match="document 'long'"),
    ):
        rag.add([Document("long", "x" * 11)])


def test_answers_become_json(kb: GlyphRAG) -> None:
    import json

    answer = kb.ask("How many days of leave can be carried over?")
    value = json.loads(json.dumps(answer.to_dict()))
    assert value["text"] == answer.text
    assert value["citations"][0]["line_start"] == answer.citations[0].line_start
    assert value["plan"]["pages"][0]["labels"] == ["P1"]


def test_a_row_of_a_table_is_quoted_alone(kb: GlyphRAG) -> None:
    answer = kb.ask("How much is the daily allowance in the rest of Europe?")
    (row,) = (citation for citation in answer.citations if "42 EUR" in citation.quote)
    assert "At home" not in row.quote
    assert row.line_start == row.line_end


def test_images_of_pages_are_kept_in_the_cache(tmp_path: Path) -> None:
    cache = PageCache(folder=tmp_path / "cache")
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), cache=cache) as rag:
        rag.add([Document("a", "Leave is 30 days a year.")])
        plan = rag.ask("How long is leave?").plan
        first = plan.pages[0].png()
        assert (plan.pages[0].png(), cache.stats().hits) == (first, 1)
        image = rag.page_png(plan.pages[0].page_ids[0])
        assert image != first, "the plan's image has the plan's label"
        assert rag.page_png(plan.pages[0].page_ids[0]) == image
    again = PageCache(folder=tmp_path / "cache")
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), cache=again) as rag:
        assert rag.page_png(plan.pages[0].page_ids[0]) == image
        assert again.stats().disk_hits == 1


def test_a_namespace_is_a_store_of_its_own_within_the_store(tmp_path: Path) -> None:
    with GlyphRAG.open(
        tmp_path / "kb", embedder=HashEmbedder(), reader=ScriptedReader("x"), precision="float16"
    ) as rag:
        rag.add([Document("d", "The north gate opens at six.")], namespace="north")
        rag.add([Document("d", "The south gate opens at nine.")], namespace="south")
        assert rag.document_ids() == []
        assert rag.search("When does the gate open?") == []
        (hit,) = rag.scoped(namespace="south").search("When does the gate open?")
        assert "nine" in hit.page.text
        assert rag.delete(["d"], namespace="north") == 1
        assert rag.document_ids(namespace="south") == ["d"]


def test_one_id_is_one_id_and_not_its_letters(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=ScriptedReader("x")) as rag:
        rag.add([Document(name, f"What {name!r} says.") for name in ("a b", "a", "b")])
        assert [document.id for document in rag.documents("a b")] == ["a b"]
        assert rag.delete("a b") == 1
        assert rag.document_ids() == ["a", "b"]


def test_a_format_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="'zz'") as raised:
        Document("d", "text", format="zz")  # type: ignore[arg-type]
    assert "markdown" in raised.value.hint


def test_what_was_deleted_is_back_when_its_file_is_added_again(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "gate.md").write_text("The gate opens at six.")
    (tree / "faq.jsonl").write_text('{"id": "a", "text": "One."}\n{"id": "b", "text": "Two."}\n')
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=ScriptedReader("x")) as rag:
        rag.add_path(tree)
        assert rag.delete(["tree/gate.md", "tree/faq.jsonl#a"]) == 2
        again = rag.add_path(tree)
        assert (again.added, again.unchanged) == (2, 1)
        rag.add(Document("tree/gate.md", "Somebody else says seven."))
        assert rag.add_path(tree).updated == 1
        assert rag.add_path(tree).unchanged == 3


def test_metadata_is_given_to_a_tree_and_replaces_what_files_say_of_themselves(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "gate.md").write_text("The gate opens at six.")
    (tree / "faq.jsonl").write_text('{"id": "a", "text": "The gate is red.", "team": "board", "year": 2023}\n')
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=ScriptedReader("x")) as rag:
        rag.add_path(tree, metadata={"team": "site"})
        assert len(rag.search("gate", where={"team": "site"})) == 2
        assert rag.search("gate", where={"team": "board"}) == []
        assert len(rag.search("gate", where={"year": 2023})) == 1
        assert rag.add_path(tree, metadata={"team": "site"}).unchanged == 2
        changed = rag.add_path(tree, metadata={"team": "north"})
        assert (changed.updated, changed.embedded) == (2, 0)
        with pytest.raises(InputError, match="metadata 'team' of document"):
            rag.add_path(tree, metadata={"team": ["site"]})  # type: ignore[dict-item]


def test_one_document_and_one_pattern_are_one(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Words.")
    (tmp_path / "b.log").write_text("Words.")
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=ScriptedReader("x")) as rag:
        assert rag.add(Document("d", "The gate opens at six.")).added == 1
        assert rag.add_path(tmp_path, exclude="*.log").added == 1


def test_what_a_store_is_opened_with_is_looked_at_first(tmp_path: Path) -> None:
    for arguments, message in (
        ({"precision": "float8"}, "there is no precision 'float8'"),
        ({"embedder": 5}, "the embedder is int"),
        ({"reader": 5}, "the reader is int"),
    ):
        with pytest.raises(InputError, match=message):
            GlyphRAG.open(tmp_path / "kb", **arguments)
        assert not (tmp_path / "kb").exists()
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=ScriptedReader("x")) as rag:
        with pytest.raises(InputError, match="the namespace is NoneType"):
            rag.add([], namespace=None)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="the document is int"):
            rag.read(5, "What?")  # type: ignore[arg-type]
        with pytest.raises(InputError, match="no Turn"):
            rag.ask("What?", history=[{"role": "user", "content": "x"}])  # type: ignore[list-item]


async def test_a_search_does_not_block_the_event_loop(kb: GlyphRAG) -> None:
    question = "How many days of leave can be carried over?"
    assert [hit.page.id for hit in await kb.asearch(question, k=2)] == [hit.page.id for hit in kb.search(question, k=2)]


def test_stats_tell_the_namespaces_and_how_it_is_searched(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder(), reader=ScriptedReader("x")) as rag:
        rag.add(Document("d", "The gate opens at six."), namespace="north")
        stats = rag.stats()
    assert (stats.namespaces, stats.index_kind, stats.index_recall) == ({"north": 1}, "exact", None)


def test_a_damaged_receipt_is_told_and_keeps_no_store_from_opening(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag:
        rag.add(Document("gate", "The gate opens at 6:45."))
    (tmp_path / "kb" / "receipts").mkdir()
    (tmp_path / "kb" / "receipts" / "ocr.json").write_text("{")
    with (
        pytest.warns(UserWarning, match="plans go by no receipt: .*ocr.json"),
        GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag,
    ):
        assert rag.search("gate")


@pytest.mark.parametrize("metadata", [None, "team", [("team", "hr")]])
def test_metadata_that_is_no_mapping_is_an_error(metadata: object) -> None:
    with pytest.raises(InputError, match="metadata of document 'x' is"):
        Document("x", "text", metadata=metadata)  # type: ignore[arg-type]

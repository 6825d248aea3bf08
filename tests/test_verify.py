"""Answers are checked against the source of the pages that were shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.corpus.document import Document, Mark
from glyph_rag.corpus.split import split
from glyph_rag.read.verify import flatten, verify
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

TEXT = """# Leave

Up to 8 days of unused leave can be carried over into the
next year. They lapse on 31 March.

病假从第三天起需要提交医院开具的诊断证明。年假可以结转五天。
"""


def pages_of(text: str, **fields: object) -> list[Page]:
    document = Document("d", text, "hr/leave.md", **fields)
    return [page for page, _ in make_pages(document, split(document), RenderProfile())]


def test_exact_words_become_a_citation() -> None:
    ((sentence,), (citation,)) = verify("They lapse on 31 March.", pages_of(TEXT))
    assert (sentence.text, sentence.support, sentence.citation) == ("They lapse on 31 March.", "exact", 0)
    assert (citation.source, citation.line_start, citation.line_end) == ("hr/leave.md", 4, 4)
    assert citation.quote == "They lapse on 31 March." == TEXT[citation.start : citation.end]
    assert citation.where == "hr/leave.md:4-4"
    assert len(citation.boxes) == 1


def test_a_quote_over_two_lines_keeps_the_line_break_and_the_answer_does_not() -> None:
    ((sentence,), (citation,)) = verify(
        "Up to 8 days of unused leave can be carried over into the next year.", pages_of(TEXT)
    )
    assert sentence.support == "exact"
    assert "\n" not in sentence.text
    assert (citation.line_start, citation.line_end) == (3, 4)
    assert citation.quote == "\n".join(TEXT.split("\n")[2:4]).split(" They")[0]
    assert len(citation.boxes) == 2


@pytest.mark.parametrize(
    ("read_as", "source"),
    [
        ("Thcy lapse on 3l March.", "They lapse on 31 March."),
        (
            "Up to 8 days ofunused leave can be carricd over into the next year",
            "Up to 8 days of unused leave can be carried over into the next year.",
        ),
        ("病假从第三天起需要提文医院开具的诊断证明。", "病假从第三天起需要提交医院开具的诊断证明。"),
    ],
)
def test_misread_characters_are_corrected_to_the_source(read_as: str, source: str) -> None:
    ((sentence,), (citation,)) = verify(read_as, pages_of(TEXT))
    assert sentence.support == "corrected"
    assert sentence.text == source
    assert sentence.read_as == read_as
    assert flatten(citation.quote) == source


def test_what_the_source_does_not_say_is_marked() -> None:
    sentences, citations = verify("They lapse on 31 March. Dogs are welcome in the office on Fridays.", pages_of(TEXT))
    assert [s.support for s in sentences] == ["exact", "unsupported"]
    assert sentences[1].citation is None
    assert len(citations) == 1


def test_nothing_shown_supports_nothing() -> None:
    ((sentence,), citations) = verify("They lapse on 31 March.", [])
    assert (sentence.support, citations) == ("unsupported", ())
    assert verify("", pages_of(TEXT)) == ((), ())


def test_formats_without_lines_cite_their_label() -> None:
    text = "First page.\n\nSecond page says more."
    (citation,) = verify(
        "Second page says more.", pages_of(text, format="pdf", marks=(Mark(0, "page 1"), Mark(13, "page 2")))
    )[1]
    assert citation.where == "hr/leave.md, page 2"


def test_typographic_variants_are_no_misreading() -> None:
    ((sentence,), _) = verify('He said "it\'s fine" - twice.', pages_of("He said “it’s fine” – twice."))
    assert sentence.support == "exact"
    assert sentence.text == "He said “it’s fine” – twice."


def test_emphasis_that_a_reader_leaves_out_is_no_misreading() -> None:
    text = "Then **call** the `add` method of `rag` twice. And go."
    ((sentence,), (citation,)) = verify("call the add method of rag twice.", pages_of(text))
    assert (sentence.support, citation.quote) == ("exact", "**call** the `add` method of `rag` twice.")


def test_a_number_is_not_found_inside_another_number() -> None:
    ((sentence,), _) = verify("30 days", pages_of("You have 300 days. No more."))
    assert sentence.support != "exact"
    ((sentence,), (citation,)) = verify("30 days", pages_of("You have 300 days or 30 days."))
    assert (sentence.support, citation.start) == ("exact", 21)


@given(st.text(max_size=200), st.text(max_size=200))
def test_every_quote_is_the_source_word_for_word(text: str, answer: str) -> None:
    pages = pages_of(text)
    sentences, citations = verify(answer, pages)
    for citation in citations:
        lines = text.split("\n")[citation.line_start - 1 : citation.line_end]
        assert citation.quote == text[citation.start : citation.end]
        assert citation.quote in "\n".join(lines)
    assert all((s.support == "unsupported") == (s.citation is None) for s in sentences)

"""Splitting: nothing is lost, chunks follow the document, and ids hold still."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.corpus.document import Chunk, Document, Format, Mark
from glyph_rag.corpus.split import split
from glyph_rag.errors import InputError

FORMATS: list[Format] = ["text", "markdown", "rst", "code", "html", "pdf", "docx", "record"]


def check(document: Document, chunks: list[Chunk]) -> None:
    """Exact spans, in order, apart, trimmed, covering every character that is not white space."""
    at = 0
    for chunk in chunks:
        assert chunk.document_id == document.id
        assert chunk.start >= at
        assert not document.text[at : chunk.start].strip()
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text
        assert chunk.text == chunk.text.strip()
        at = chunk.end
    assert not document.text[at:].strip()
    assert len({chunk.id for chunk in chunks}) == len(chunks)
    assert all(len(chunk.id) == 32 for chunk in chunks)


def units(text: str) -> int:
    return sum(3 if "\u3040" <= char <= "\u9fff" else 1 for char in text)


def texts(text: str, form: Format, target: int = 800) -> list[str]:
    document = Document("d", text, format=form)
    chunks = split(document, target=target)
    check(document, chunks)
    return [chunk.text for chunk in chunks]


# -- properties --------------------------------------------------------------------------------------------

# What the readers of each format look for, and what trips them up.
SNIPPETS = st.sampled_from(
    [
        *["# A\n", "## B `c`\n", "===\n", "---\n", "\n", "\n\n", "- item\n", "  - inner\n", "1. x\n"],
        *["> quote\n", "```\n", "    code\n", "| a | b |\n", "|---|---|\n", "<div>\n", "[r]: http://x\n"],
        *["word ", "A sentence. ", "句子。", "\t", "\r", "\x85", "\u2028", "e\u0301", "Title\n=====\n"],
        *["\U0001f468\u200d\U0001f469", "long" * 20, "\ud800", "\x00"],
    ]
)
TEXTS = st.one_of(st.text(max_size=400), st.lists(SNIPPETS, max_size=60).map("".join))


@given(text=TEXTS, form=st.sampled_from(FORMATS), target=st.integers(20, 200))
@settings(max_examples=400, deadline=None)
def test_chunks_are_exact_and_lose_nothing(text: str, form: Format, target: int) -> None:
    document = Document("d", text, format=form, marks=(Mark(0, "A > B"),))
    chunks = split(document, target=target)
    check(document, chunks)
    assert split(document, target=target) == chunks
    assert all(units(chunk.text) <= 1.5 * target + 1 for chunk in chunks)


SECTION = st.text(alphabet="abc é漢。. \n", min_size=1, max_size=80).filter(str.strip)


@given(sections=st.lists(SECTION, min_size=1, max_size=6), new=SECTION, at=st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_ids_hold_still_when_a_section_is_inserted(sections: list[str], new: str, at: int) -> None:
    def ids(bodies: list[str]) -> list[str]:
        text = "".join(f"# Title {body.strip()[:5]}\n\n{body}\n\n" for body in bodies)
        return [chunk.id for chunk in split(Document("d", text, format="markdown"), target=60)]

    before, after = ids(sections), ids([*sections[:at], new, *sections[at:]])
    assert set(before) <= set(after)


def test_ids_tell_documents_headings_and_repetitions_apart() -> None:
    text = "# A\n\nsame\n\n# A\n\nsame\n"
    first, second = split(Document("d", text, format="markdown"))
    assert first.text == second.text
    assert first.id != second.id
    assert split(Document("e", text, format="markdown"))[0].id != first.id
    # The headings are embedded with the words: under a renamed heading a chunk needs a new vector.
    one = split(Document("d", "# A\n\n" + "Some words here. " * 20, format="markdown"), target=100)
    two = split(Document("d", "# B\n\n" + "Some words here. " * 20, format="markdown"), target=100)
    assert one[-1].text == two[-1].text
    assert not {chunk.id for chunk in one} & {chunk.id for chunk in two}


def test_the_id_is_fixed_for_ever() -> None:
    (chunk,) = split(Document("d", "words"))
    assert chunk.id == "b8d470df872e788119b7792e354efad5"


@pytest.mark.parametrize("text", ["", " \n\t\u3000\n"])
@pytest.mark.parametrize("form", FORMATS)
def test_documents_without_words_have_no_chunks(text: str, form: Format) -> None:
    assert split(Document("d", text, format=form)) == []


def test_a_target_too_small_is_refused() -> None:
    with pytest.raises(InputError, match="too small"):
        split(Document("d", "x"), target=1)


# -- Markdown ----------------------------------------------------------------------------------------------


def test_markdown_follows_headings() -> None:
    text = (
        "---\ntitle: x\n---\n\n# Leave *rules* { #leave }\n\n## Carrying `over` [days](x.md)\n\n"
        "Five days.\n\nUntil March.\n"
        "\nSetext\n------\n\nUnder it.\n\n> # Not a section\n> quoted\n\n"
        "```\n# not a heading\n```\n\n# Last\n"
    )
    chunks = split(Document("d", text, format="markdown"))
    check(Document("d", text, format="markdown"), chunks)
    assert [(chunk.headings, chunk.text.split("\n")[0]) for chunk in chunks] == [
        (("Leave rules", "Carrying over days"), "---"),
        (("Leave rules", "Setext"), "Setext"),
        (("Last",), "# Last"),
    ]
    assert "# not a heading" in chunks[1].text
    assert chunks[0].indexed_text.startswith("Leave rules > Carrying over days\n---")


def test_small_paragraphs_are_packed_up_to_the_target() -> None:
    paragraphs = [f"Paragraph number {n} has some words in it." for n in range(20)]
    found = texts("\n\n".join(paragraphs), "markdown", target=100)
    assert all(80 <= len(text) <= 100 for text in found[:-1])
    assert all(text.endswith(".") for text in found)


def test_code_and_tables_stay_whole_or_are_cut_between_lines() -> None:
    code = "```python\n" + "\n".join(f"line_{n} = {n}" for n in range(6)) + "\n```"
    found = texts(f"Some words before.\n\n{code}\n\nSome words after.\n", "markdown", target=100)
    assert any(code in text for text in found)
    table = "\n".join(["| a | b |", "|---|---|", *(f"| row {n} | cell {n} |" for n in range(40))])
    found = texts(table, "markdown", target=100)
    assert len(found) > 5
    assert all(text.startswith("|") and text.endswith("|") for text in found)


def test_lists_are_cut_between_items() -> None:
    items = [f"- item {n} says this. And it says that.\n\n  And more.\n" for n in range(12)]
    found = texts("".join(items), "markdown", target=120)
    assert len(found) > 4
    assert all(text.startswith("- item") for text in found)


def test_what_leads_up_to_a_block_stays_with_it() -> None:
    before = "Some words that fill the chunk nearly up to its target, so that it is full."
    block = "* first of the two\n* second of the two\n"
    assert texts(f"{before}\n\nThese are the two:\n\n{block}", "markdown", target=100)[1].startswith("These are")
    quoted = "> ### Note\n>\n> " + "Quoted words stand here. " * 3
    assert texts(f"{before}\n\n{quoted}", "markdown", target=100)[1].startswith("> ### Note")


def test_a_heading_is_not_left_alone_before_a_long_paragraph() -> None:
    sentence = "This is a sentence of a paragraph that is too long. "
    found = texts("# Heading\n\n" + sentence * 20, "markdown", target=100)
    assert found[0].startswith("# Heading\n\nThis is")
    assert all(text.endswith(".") for text in found)


def test_chinese_is_cut_at_about_a_third_of_the_characters() -> None:
    found = texts("年假可以结转五天，员工应在三月底前提出申请。" * 60, "markdown")
    assert all(len(text) <= 267 for text in found)
    assert all(text.endswith("。") for text in found)


# -- other formats -----------------------------------------------------------------------------------------


def test_rst_titles() -> None:
    text = (
        "=====\nTitle\n=====\n\nIntro.\n\nOne ``x``\n=======\n\nBody one.\n\n"
        "Deep\n----\n\nBody deep.\n\n----\n\n"
        "Two :ref:`there <x>`\n====================\n\nBody two.\n"
    )
    chunks = split(Document("d", text, format="rst"))
    assert [chunk.headings for chunk in chunks] == [
        ("Title",),
        ("Title", "One x"),
        ("Title", "One x", "Deep"),
        ("Title", "Two there"),
    ]
    assert chunks[0].text.startswith("=====\nTitle\n=====\n\nIntro.")


def test_code_is_cut_before_unindented_lines() -> None:
    function = "def f():\n    a = 1\n\n    b = 2\n    return a + b\n"
    found = texts("\n\n".join([function] * 8), "code", target=130)
    assert all(text.startswith("def f():") for text in found)


def test_marks_are_headings_in_html_and_docx_only() -> None:
    text = "Leave\n\nFive days.\n\nSick\n\nCall us."
    marks = (Mark(0, "Leave"), Mark(19, "Leave > Sick"))
    for form in ("html", "docx"):
        chunks = split(Document("d", text, format=form, marks=marks))  # type: ignore[arg-type]
        assert [(c.headings, c.start) for c in chunks] == [(("Leave",), 0), (("Leave", "Sick"), 19)]
    (chunk,) = split(Document("d", text, format="pdf", marks=(Mark(0, "page 1"), Mark(19, "page 2"))))
    assert chunk.headings == ()


def test_the_title_of_a_record_stands_above_all_its_chunks() -> None:
    document = Document("d", "Leave\n\n" + "Five days. " * 30, metadata={"title": "Leave"}, format="record")
    chunks = split(document, target=100)
    assert len(chunks) > 2
    assert {chunk.headings for chunk in chunks} == {("Leave",)}


def test_accents_and_emoji_are_not_torn() -> None:
    for unit in ("e\u0301", "\U0001f468\u200d\U0001f469"):
        for text in texts(unit * 200, "text", target=21):
            assert text == unit * (len(text) // len(unit))


# -- size --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("x" * 4_000_000, "text"),
        ("漢" * 1_000_000, "markdown"),
        ("\n".join(f"line {n} of the log" for n in range(100_000)), "code"),
        ("\n".join(f"# Heading {n}" for n in range(50_000)), "markdown"),
        ("- x\n" * 30_000, "markdown"),
        ("a\n=\n" * 30_000, "rst"),
        ("# " + "h" * 1_000_000 + "\n\nbody", "markdown"),
        ("a" + " \n" * 500_000 + "b", "text"),
        (">" * 5_000 + " deep", "markdown"),
        ("a\u0301" + "\u0301" * 1_000_000, "text"),
    ],
    ids=[
        "no space",
        "Chinese",
        "lines",
        "headings",
        "list",
        "rst",
        "long heading",
        "blank",
        "deep",
        "accents",
    ],
)
def test_large_and_hostile_documents(text: str, form: Format) -> None:
    """Of a size at which anything but linear time would take hours."""
    document = Document("d", text, format=form)
    chunks = split(document)
    check(document, chunks)
    assert max(units(chunk.text) for chunk in chunks) <= 1200

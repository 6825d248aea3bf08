"""Loading: what each kind of file becomes, and what is said about the ones that cannot be used."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import docx
import pytest

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.files import LOADERS, Skipped, SourceFile, count_files, parse, read_path
from glyph_rag.errors import LoadError
from glyph_rag.limits import Limits

LIMITS = Limits()


def load(root: Path, *, limits: Limits = LIMITS, exclude: Iterable[str] = ()) -> tuple[list[Document], list[Skipped]]:
    found: list[Document | Skipped] = []
    for item in read_path(root, limits=limits, exclude=tuple(exclude)):
        found += parse(item, limits=limits) if isinstance(item, SourceFile) else [item]
    documents = [item for item in found if isinstance(item, Document)]
    return documents, [item for item in found if isinstance(item, Skipped)]


def load_one(path: Path, data: bytes | str) -> Document:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    documents, skipped = load(path)
    assert skipped == []
    (document,) = documents
    return document


def reason(path: Path, data: bytes | str, *, limits: Limits = LIMITS) -> str:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    documents, skipped = load(path, limits=limits)
    assert documents == []
    (only,) = skipped
    assert only.source == path.as_posix()
    assert only.file_id == f"{path.resolve().parent.name}/{path.name}"
    return only.reason


# -- the tree ----------------------------------------------------------------------------------------------


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    root = tmp_path / "handbook"
    (root / "hr").mkdir(parents=True)
    (root / "hr" / "leave.md").write_text("# Leave\n\nFive days.\n")
    (root / "LICENSE").write_text("Do as you like.\n")
    (root / "a.txt").write_text("First.\n")
    return root


def test_ids_do_not_depend_on_how_the_root_was_spelled(handbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = ["handbook/LICENSE", "handbook/a.txt", "handbook/hr/leave.md"]
    monkeypatch.chdir(handbook.parent)
    sources = {"handbook": "handbook/", "./handbook/": "handbook/", str(handbook): f"{handbook.as_posix()}/"}
    for given, prefix in sources.items():
        documents, _ = load(Path(given))
        assert [d.id for d in documents] == ids
        assert [d.source for d in documents] == [prefix + d.id.removeprefix("handbook/") for d in documents]
    monkeypatch.chdir(handbook)
    documents, _ = load(Path())
    assert [d.id for d in documents] == ids
    assert [d.source for d in documents] == ["LICENSE", "a.txt", "hr/leave.md"]
    documents, _ = load(Path("../handbook"))
    assert [d.id for d in documents] == ids


def test_a_single_file_is_a_tree_of_one(handbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(handbook / "hr")
    (document,), skipped = load(Path("leave.md"))
    assert (document.id, document.source, skipped) == ("hr/leave.md", "leave.md", [])
    assert dict(document.metadata) == {"path": "leave.md", "format": "markdown", "title": "Leave"}
    assert count_files(Path("leave.md")) == 1


def test_a_missing_root_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="nowhere") as caught:
        next(read_path(tmp_path / "nowhere", limits=LIMITS))
    assert caught.value.hint


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is forbidden here")
def test_a_root_behind_a_locked_folder_is_not_called_missing(handbook: Path) -> None:
    (handbook / "hr").chmod(0)
    try:
        with pytest.raises(LoadError, match="cannot be read: permission denied"):
            load(handbook / "hr" / "leave.md")
    finally:
        (handbook / "hr").chmod(0o755)


def test_hidden_and_machine_made_folders_are_passed_over(handbook: Path) -> None:
    for folder in (".git", "__pycache__", "node_modules", "hr/.cache"):
        (handbook / folder).mkdir()
        (handbook / folder / "x.md").write_text("x")
    (handbook / ".secret.md").write_text("x")
    documents, skipped = load(handbook)
    assert len(documents) == 3
    assert skipped == []
    assert count_files(handbook) == 3


def test_exclude_matches_names_and_paths(handbook: Path) -> None:
    for exclude in (["hr"], ["*.md"], ["hr/leave.md"], ["hr/*"]):
        documents, _ = load(handbook, exclude=exclude)
        assert [d.id for d in documents] == ["handbook/LICENSE", "handbook/a.txt"]


def test_the_digest_follows_the_bytes(handbook: Path) -> None:
    def digests() -> list[str]:
        return [item.digest for item in read_path(handbook, limits=LIMITS) if isinstance(item, SourceFile)]

    before = digests()
    assert digests() == before
    (handbook / "a.txt").write_text("Second.\n")
    assert [old == new for old, new in zip(before, digests(), strict=True)] == [True, False, True]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links(handbook: Path) -> None:
    outside = handbook.parent / "outside.md"
    outside.write_text("secret")
    (handbook / "b-loop").symlink_to(handbook, target_is_directory=True)
    (handbook / "c-self").symlink_to(handbook / "c-self")
    (handbook / "d-broken").symlink_to(handbook / "gone")
    (handbook / "e-out.md").symlink_to(outside)
    (handbook / "f-again.md").symlink_to(handbook / "a.txt")
    # This is how mounted configuration looks: the real file stands in a hidden folder.
    (handbook / "..data").mkdir()
    (handbook / "..data" / "g.md").write_text("mounted")
    (handbook / "g.md").symlink_to(handbook / "..data" / "g.md")
    documents, skipped = load(handbook)
    assert [d.id for d in documents] == [
        "handbook/LICENSE",
        "handbook/a.txt",
        "handbook/g.md",
        "handbook/hr/leave.md",
    ]
    assert [(s.file_id, s.reason) for s in skipped] == [
        ("handbook/e-out.md", "link that leaves the folder"),
        ("handbook/d-broken", "link to nothing, or to itself"),
        ("handbook/c-self", "link to nothing, or to itself"),
    ]


def test_the_files_of_a_store_are_passed_over_and_nothing_beside_them(handbook: Path) -> None:
    before = [document.id for document in load(handbook)[0]]
    ours = ("glyph.db", "glyph.db-wal", "writer.lock", "index-12.faiss", "receipts/reader.json")
    for name in (*ours, "index-12.faiss.md", "manifest.json"):
        (handbook / "kb" / name).parent.mkdir(parents=True, exist_ok=True)
        (handbook / "kb" / name).write_text("Words.")
    documents, skipped = load(handbook)
    assert not skipped
    assert {document.id for document in documents} - set(before) == {
        "handbook/kb/index-12.faiss.md", "handbook/kb/manifest.json",
    }  # fmt: skip
    (handbook / "kb" / "glyph.db").unlink()
    assert "handbook/kb/receipts/reader.json" in {document.id for document in load(handbook)[0]}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_pipes_are_not_opened(handbook: Path) -> None:
    os.mkfifo(handbook / "pipe")
    _, skipped = load(handbook)
    assert [s.reason for s in skipped] == ["not a regular file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is unreadable to root")
def test_what_may_not_be_read_is_reported(handbook: Path) -> None:
    (handbook / "a.txt").chmod(0)
    (handbook / "hr").chmod(0)
    try:
        _, skipped = load(handbook)
    finally:
        (handbook / "hr").chmod(0o755)
    assert {s.file_id for s in skipped} == {"handbook/a.txt", "handbook/hr/"}
    assert all("permission" in s.reason for s in skipped)


def test_an_unreadable_folder_covers_what_was_in_it() -> None:
    folder = Skipped("handbook/hr", "folder cannot be listed", "handbook/hr/")
    assert folder.covers("handbook/hr/leave.md")
    assert not folder.covers("handbook/hr2/leave.md")
    assert Skipped("a.pdf", "broken", "handbook/a.pdf").covers("handbook/a.pdf")


def test_one_bad_file_does_not_stop_the_others(handbook: Path) -> None:
    (handbook / "b.pdf").write_bytes(b"%PDF-1.7 no")
    (handbook / "c.docx").write_bytes(b"PK no")
    (handbook / "d.md").write_bytes(b"")
    documents, skipped = load(handbook)
    assert len(documents) == 3
    assert [s.file_id for s in skipped] == ["handbook/b.pdf", "handbook/c.docx", "handbook/d.md"]


def test_the_registry_is_keyed_by_lower_case_endings() -> None:
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in LOADERS)


# -- text --------------------------------------------------------------------------------------------------


def test_text_is_the_file_with_plain_line_ends(tmp_path: Path) -> None:
    document = load_one(tmp_path / "a.md", b"\xef\xbb\xbf# T\r\n\r\n  *x*\t \rlast\x0c\n")
    assert document.text == "# T\n\n  *x*\t \nlast\x0c\n"
    assert document.format == "markdown"
    assert document.line_of(document.text.index("last")) == 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_encodings(tmp_path: Path, encoding: str) -> None:
    text = "Überstunden 年假 \U0001f600\n"
    assert load_one(tmp_path / "a.txt", text.encode(encoding)).text == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Le résumé de l’été a été envoyé à la société générale, hélas.\n"),
        ("cp1251", "Отпуск можно перенести на пять дней до конца марта.\n"),
        ("koi8_r", "Отпуск можно перенести на пять дней до конца марта.\n"),
        ("gb18030", "年假可以结转五天。员工应在三月底前申请。\n"),
        ("cp932", "有給休暇は五日間繰り越せます。申請は三月末まで。\n"),
        ("cp949", "연차 휴가는 닷새까지 이월할 수 있습니다.\n"),
    ],
)
def test_old_encodings(tmp_path: Path, encoding: str, text: str) -> None:
    assert load_one(tmp_path / "a.txt", text.encode(encoding)).text == text


def test_a_stray_byte_does_not_spoil_a_file(tmp_path: Path) -> None:
    text = "Überstunden für Führungskräfte: Ausgleich möglich. " * 5
    document = load_one(tmp_path / "a.txt", text.encode() + b"\xff\n")
    assert document.text == text + "\ufffd\n"


@pytest.mark.parametrize("name", ["Makefile", "a.cfg", "a.toml", "a.csv", "a.log", "a.py", "a.unheard-of"])
def test_any_file_that_is_text_is_loaded(tmp_path: Path, name: str) -> None:
    assert load_one(tmp_path / name, "key = 1\n").text == "key = 1\n"


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.md", b"", "empty"),
        ("a.md", b" \n\t\n", "empty"),
        ("a.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary"),
        ("noise", bytes(range(1, 32)) * 40, "binary"),
        ("a.txt", b"\xff\xfea", "binary"),
        ("a.xlsx", b"PK\x03\x04", "not supported: save it as .csv"),
        ("a.doc", b"\xd0\xcf\x11\xe0", "not supported: save it as .docx"),
    ],
)
def test_files_without_text_are_skipped_with_a_reason(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    assert words in reason(tmp_path / name, data)


def test_limits_skip_and_never_truncate(tmp_path: Path) -> None:
    assert "larger than 10 bytes" in reason(tmp_path / "a.txt", "x" * 11, limits=Limits(file_bytes=10))
    assert "limit of 5" in reason(tmp_path / "b.txt", "x" * 6, limits=Limits(document_chars=5))
    documents, _ = load(tmp_path / "b.txt", limits=Limits(document_chars=6))
    assert documents[0].text == "x" * 6


def test_the_title_comes_from_front_matter_or_the_first_heading(tmp_path: Path) -> None:
    assert load_one(tmp_path / "a.md", "---\ntags: [x]\ntitle: 'Leave'\n---\n# Other\n").metadata["title"] == "Leave"
    assert load_one(tmp_path / "b.md", "intro\n\n# Other\n").metadata["title"] == "Other"
    assert "title" not in load_one(tmp_path / "c.txt", "# Other\n").metadata


# -- HTML --------------------------------------------------------------------------------------------------

PAGE = """<!doctype html><html><head><title> Leave
rules </title><style>p{color:red}</style><script>var hidden_word = 1;</script></head>
<body><nav><a href=/>Home</a></nav><header role="banner">Company banner</header>
<div id="cookie-banner">We use cookies</div><div role="dialog">Subscribe!</div>
<div aria-hidden="true">invisible one</div><p style="display: none">invisible two</p>
<p hidden>invisible three</p>
<h1>Leave <a class="headerlink" href="#leave">¶</a></h1>
<p>All   staff &amp; <b>tem</b>ps&nbsp;&lt;b&gt; &amp;lt;.</p>
<!-- a comment --><section><h2>Carrying <i>over</i></h2><p>Five days.<br>Until March.</p>
<ul><li>first</li><li>second<ol><li>inner</li></ol></li></ul>
<table><tr><th>Grade</th><th>Days</th></tr><tr><td>A</td><td><p>30</p><p>plus</p></td></tr></table>
<pre>def f():
    return 1</pre></section><h2>Sick leave</h2><p>Call us.</p>
<form><button>Send</button><input value=x></form><aside><a href=/x>Related page</a></aside>
<aside><p>A note that matters.</p></aside><footer>Imprint</footer></body></html>"""


def test_html_keeps_the_words_and_leaves_the_rest(tmp_path: Path) -> None:
    document = load_one(tmp_path / "a.html", PAGE)
    assert document.text.split("\n\n") == [
        "Leave",
        "All staff & temps <b> &lt;.",
        "Carrying over",
        "Five days.\nUntil March.",
        "* first\n* second\n 1. inner",
        "Grade | Days\nA | 30 plus",
        "def f():\n    return 1",
        "Sick leave",
        "Call us.",
        "A note that matters.",
    ]
    assert [m.label for m in document.marks] == ["Leave", "Leave > Carrying over", "Leave > Sick leave"]
    for mark in document.marks:
        assert document.text[mark.start :].startswith(mark.label.split(" > ")[-1])
    assert document.metadata["title"] == "Leave rules"


def test_html_prefers_the_only_main_element(tmp_path: Path) -> None:
    page = "<body><div>around</div><main><h1>T</h1><p>inside</p></main> after</body>"
    assert load_one(tmp_path / "a.html", page).text == "T\n\ninside"
    two = "<body><article>one</article><article>two</article></body>"
    assert load_one(tmp_path / "b.html", two).text == "one\ntwo"
    empty = "<body><main> </main><p>around</p></body>"
    assert load_one(tmp_path / "c.html", empty).text == "around"


def test_a_form_around_the_page_is_not_taken_away(tmp_path: Path) -> None:
    page = "<body><form action=x><h1>T</h1><p>words</p><select><option>no</select></form></body>"
    assert load_one(tmp_path / "a.html", page).text == "T\n\nwords"


@pytest.mark.parametrize(
    "page",
    [
        "just words",
        "<p>unclosed <b>tags <table><tr><td>cell",
        "</div></p>words<",
        "<html><p>a<h1></h1>b",
        "<?xml version='1.0' encoding='utf-8'?><html xmlns='http://www.w3.org/1999/xhtml'><body>x</body></html>",
        "<table><table><tr><td>a</td><td>b</td></tr></table></table>",
        "<p>\x0b&#0;&#xD800;&bogus;</p>",
    ],
)
def test_malformed_html_is_still_read(tmp_path: Path, page: str) -> None:
    document = load_one(tmp_path / "a.html", page)
    assert document.text.strip()
    document.text.encode("utf-8")


def test_html_declares_its_encoding(tmp_path: Path) -> None:
    for encoding, words in (("windows-1251", "Отпуск"), ("gb2312", "年假"), ("iso-8859-1", "“Übung”")):
        codec = {"iso-8859-1": "cp1252"}.get(encoding, encoding)
        page = f'<html><head><meta charset="{encoding}"></head><body><p>{words}</p></body></html>'
        assert load_one(tmp_path / "a.html", page.encode(codec)).text == words


def test_html_without_words_or_nested_too_deeply_is_skipped(tmp_path: Path) -> None:
    assert reason(tmp_path / "a.html", "<html><script>x()</script></html>") == "empty"
    assert reason(tmp_path / "b.html", "<!-- only a comment -->") == "empty"
    assert "nested too deeply" in reason(tmp_path / "c.html", "<div>" * 5000 + "words")


def test_a_large_page_loads_in_linear_time(tmp_path: Path) -> None:
    page = "<pre>" + "<span class=k>word</span> " * 100_000 + "</pre>"
    assert load_one(tmp_path / "a.html", page).text.count("word") == 100_000


# -- PDF ---------------------------------------------------------------------------------------------------


def pdf(*pages: str, trailer: str = "") -> bytes:
    """A PDF file with one line of text per line of each page."""
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for page in pages:
        shown = " ".join(f"({line}) Tj T*" for line in page.split("\n") if line)
        content = f"BT /F1 12 Tf 14 TL 50 700 Td {shown} ET" if shown else ""
        bodies.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {len(bodies)} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        kids.append(f"{len(bodies)} 0 R")
    bodies[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, body in enumerate(bodies, start=1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1"))
    start = out.tell()
    out.write(f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode())
    out.write("".join(f"{offset:010} 00000 n \n" for offset in offsets).encode())
    out.write(f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R {trailer} >>\n".encode())
    out.write(f"startxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


ENCRYPTED = f"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{'41' * 32}> /U <{'42' * 32}> >> /ID [<00> <00>]"


def test_pdf_pages_are_marked(tmp_path: Path) -> None:
    document = load_one(tmp_path / "a.pdf", pdf("Leave rules\nFive days.", "", "Last page"))
    assert document.text == "Leave rules\nFive days.\n\nLast page"
    assert [(m.start, m.label) for m in document.marks] == [(0, "page 1"), (24, "page 3")]
    assert document.label_of(document.text.index("Last")) == "page 3"
    assert document.format == "pdf"


def test_pdf_loses_no_hyphen(tmp_path: Path) -> None:
    text = load_one(tmp_path / "a.pdf", pdf("a well-\nknown com-\npany")).text
    assert "".join(text.split()) == "awell-knowncom-pany"
    assert "\x02" not in text


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"%PDF-1.4\ngarbage", "broken"),
        (pdf("x")[:200], "broken"),
        (pdf("x", trailer=ENCRYPTED), "encrypted"),
        (pdf("", ""), "OCR"),
    ],
)
def test_pdfs_without_text_are_skipped_with_a_reason(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in reason(tmp_path / "a.pdf", data)


# -- Word --------------------------------------------------------------------------------------------------


@pytest.fixture
def word_file(tmp_path: Path) -> Path:
    word = docx.Document()
    word.core_properties.title = "Handbook"
    word.add_heading("Leave", 1)
    word.add_paragraph("Five days.")
    word.add_heading("Carrying over", 2)
    word.add_paragraph("first", style="List Bullet")
    word.add_paragraph("second", style="List Bullet")
    table = word.add_table(2, 2)
    for cell, text in zip(table._cells, ["Grade", "Days", "A", "30\nplus"], strict=True):
        cell.text = text
    word.add_paragraph("After the table.").add_run(" Tab\tand more.")
    word.save(str(tmp_path / "a.docx"))
    return tmp_path / "a.docx"


def test_docx_keeps_the_order_and_the_headings(word_file: Path) -> None:
    document = load_one(word_file, word_file.read_bytes())
    assert document.text.split("\n\n") == [
        "Leave",
        "Five days.",
        "Carrying over",
        "- first\n- second",
        "Grade | Days\nA | 30 plus",
        "After the table. Tab\tand more.",
    ]
    assert [m.label for m in document.marks] == ["Leave", "Leave > Carrying over"]
    assert document.label_of(document.text.index("After")) == "Leave > Carrying over"
    assert document.metadata["title"] == "Handbook"


def rewritten(path: Path, change: tuple[bytes, bytes]) -> bytes:
    """The Word file with some of its XML replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(*change) if name == "word/document.xml" else data)
    return out.getvalue()


def test_docx_reads_what_is_wrapped_and_not_what_was_deleted(word_file: Path) -> None:
    wrapped = (
        b"<w:sdt><w:sdtContent><w:p><w:ins><w:r><w:t>controlled</w:t></w:r></w:ins>"
        b"<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p></w:sdtContent></w:sdt></w:body>"
    )
    document = load_one(word_file, rewritten(word_file, (b"</w:body>", wrapped)))
    assert document.text.endswith("\n\ncontrolled")


def test_broken_docx_is_skipped_with_a_reason(word_file: Path) -> None:
    data = word_file.read_bytes()
    target = word_file.with_name("b.docx")
    assert "broken" in reason(target, b"no zip")
    assert "broken" in reason(target, data[: len(data) // 2])
    assert "broken" in reason(target, rewritten(word_file, (b"</w:body>", b"")))
    secret = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512) + "EncryptedPackage".encode("utf-16-le")
    assert "encrypted" in reason(target, secret)
    assert "limit" in reason(target, data, limits=Limits(file_bytes=len(data)))
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as package:
        package.writestr("x", "y")
    assert "broken" in reason(target, empty.getvalue())


def test_damaged_docx_never_raises(word_file: Path) -> None:
    data = word_file.read_bytes()
    target = word_file.with_name("b.docx")
    for at in range(0, len(data), max(1, len(data) // 150)):
        target.write_bytes(data[:at] + b"\xff\x00\xff" + data[at + 3 :])
        load(target)


# -- records -----------------------------------------------------------------------------------------------


def test_records_become_documents(tmp_path: Path) -> None:
    lines = [
        {
            "id": 7,
            "text": "Five days.",
            "title": "Leave",
            "team": "hr",
            "nested": {"a": 1},
            "n": 2,
            "ok": True,
        },
        {"content": "Leave: all of it.", "title": "Leave", "url": "https://example.org/x"},
        {"question": "Why?", "answer": "Because.", "n": 1},
        {"_id": "x", "body": "one"},
        {"_id": "x", "body": "two"},
    ]
    path = tmp_path / "faq.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    documents, skipped = load(path)
    assert skipped == []
    name = f"{tmp_path.name}/faq.jsonl"
    assert [d.id for d in documents] == [f"{name}#7", f"{name}#2", f"{name}#3", f"{name}#x", f"{name}#x~2"]
    assert [d.text for d in documents] == [
        "Leave\n\nFive days.",
        "Leave: all of it.",
        "question: Why?\nanswer: Because.",
        "one",
        "two",
    ]
    assert documents[0].source == f"{path.as_posix()}#7"
    assert documents[1].source == "https://example.org/x"
    assert dict(documents[0].metadata) == {
        "path": "faq.jsonl",
        "format": "record",
        "id": 7,
        "title": "Leave",
        "team": "hr",
        "n": 2,
        "ok": True,
    }
    assert [m.label for d in documents for m in d.marks] == [f"record {n}" for n in range(1, 6)]


def test_broken_records_are_reported_and_the_rest_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text(
        '{"text": "one"}\n{"text": \n[1]\n{"text": " "}\n\n{"n": ' + "9" * 5000 + "}\n" + '{"text": "two\\ud800"}'
    )
    documents, skipped = load(path)
    assert [d.text for d in documents] == ["one", "two\ufffd"]
    assert [s.source.removeprefix(path.as_posix()) for s in skipped] == ["#2", "#3", "#4", "#6"]
    assert [s.reason.split(":")[0] for s in skipped] == ["line 2", "line 3", "line 4", "line 6"]
    assert reason(tmp_path / "b.jsonl", "\n\n") == "empty"


def test_json_is_records_or_text(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"text": "one"}, {"text": "two", "id": "b"}]')
    documents, _ = load(path)
    assert [(d.id.split("#")[1], d.text, d.format) for d in documents] == [
        ("1", "one", "record"),
        ("b", "two", "record"),
    ]
    for text in ('{"text": "one"}', '[{"n": 1}]', "[1]", "[]", '[{"text": '):
        document = load_one(path, text)
        assert (document.text, document.format) == (text, "code")


def test_files_vanish_between_listing_and_reading(handbook: Path) -> None:
    items = read_path(handbook, limits=LIMITS)
    next(items)
    shutil.rmtree(handbook)
    assert all(isinstance(item, Skipped) for item in items)

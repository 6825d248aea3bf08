"""Text in files that nobody sees: left out where the format says that it is hidden, kept where it is seen after all."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.files import Skipped, SourceFile, parse
from glyph_rag.corpus.hidden import HIDDEN_KEY, is_faint
from glyph_rag.limits import Limits
from glyph_rag.rag import GlyphRAG


def load(name: str, data: bytes) -> Document | Skipped:
    (item,) = parse(SourceFile(f"x/{name}", name, name, data), limits=Limits())
    return item


def read(name: str, data: bytes) -> tuple[str, int]:
    """The text of a file, and how many characters of it were left out."""
    document = load(name, data)
    assert isinstance(document, Document)
    hidden = document.metadata.get(HIDDEN_KEY, 0)
    assert isinstance(hidden, int)
    return document.text, hidden


# -- HTML --------------------------------------------------------------------------------------------------


def html(markup: str) -> tuple[str, int]:
    return read("a.html", f"<p>seen</p>{markup}".encode())


@pytest.mark.parametrize(
    "style",
    [
        "display:none",
        "DISPLAY : NONE !important",
        "visibility:hidden",
        "visibility: collapse",
        "content-visibility:hidden",
        "font-size:0",
        "font-size:.5px",
        "font-size:1pt",
        "font-size:5%",
        "font:0/0 a",
        "opacity:0",
        "opacity:0.01",
        "opacity:0%",
        "color:white",
        "color:#fefefe",
        "color:#ffffff00",
        "color:transparent",
        "color:rgba(0,0,0,0)",
        "color:rgb(255 255 255 / 100%)",
        "color:hsl(0, 0%, 100%)",
        "background:#222;color:#222",
        "background-color:rgb(10,20,30);color:#0a141e",
        "position:absolute;left:-9999px",
        "position:fixed;top:-200em",
        "text-indent:-999em",
        "margin-left:-5000px",
        "transform:translateX(-9999px)",
        "transform:scale(0)",
        "clip:rect(0,0,0,0);position:absolute",
        "clip:rect(1px, 1px, 1px, 1px)",
        "clip-path:inset(50%)",
        "clip-path:circle(0)",
        "height:0;overflow:hidden",
        "max-width:1px;overflow:hidden",
        "display:/* */none",
        "color:red;display:none;color:blue",
    ],
)
def test_html_styles_that_hide(style: str) -> None:
    assert html(f'<p style="{style}">gone</p>') == ("seen", 4)
    assert html(f'<div style="{style}"><b>go</b><i>ne</i></div>') == ("seen", 4)
    if '"' not in style:
        assert html(f'<style>.x {{ {style} }}</style><p class="a x">gone</p>') == ("seen", 4)


@pytest.mark.parametrize(
    "markup",
    [
        "<p hidden>gone</p>",
        "<p aria-hidden=true>gone</p>",
        "<font color=white>gone</font>",
        "<table bgcolor=#333333><tr><td><font color=#333333>gone</font></td></tr></table>",
        "<style>#y{color:#fff}</style><p id=y>gone</p>",
        "<style>p.z{font-size:0} p{font-size:20px}</style><p class=z>gone</p>",
        "<style>.h{display:block !important}.h{display:none!important}</style><p class=h style=display:block>gone</p>",
        "<style media=screen>em{display:none}</style><p><em>gone</em></p>",
        "<div style='opacity:0'><p style='opacity:1;visibility:visible;color:black'>gone</p></div>",
    ],
)
def test_html_attributes_and_rules_that_hide(markup: str) -> None:
    assert html(markup) == ("seen", 4)


@pytest.mark.parametrize(
    "markup",
    [
        '<div style="background:#222"><p style="color:#fff">kept</p></div>',
        '<div style="background-image:url(a.png);color:#fff">kept</div>',
        '<div style="background:linear-gradient(red,blue);color:#fff">kept</div>',
        '<div style="background:rgba(0,0,0,.6);color:#fff">kept</div>',
        '<table bgcolor="#003366"><tr><td><font color="#ffffff">kept</font></td></tr></table>',
        "<style>td.h{background:#1f3864}.c{color:#fff}</style><table><tr><td class=h><i class=c>kept</i></table>",
        '<p style="color:transparent;background:linear-gradient(red,blue);-webkit-background-clip:text">kept</p>',
        '<p style="color:#eee">kept</p>',
        '<p style="color:var(--x);font-size:calc(1px + 1em)">kept</p>',
        '<p style="color:inherit;font-size:inherit;background:none">kept</p>',
        '<p style="left:-20px;position:relative">kept</p>',
        '<p style="left:-9999px">kept</p>',
        '<p style="opacity:.6">kept</p>',
        '<p style="height:0">kept</p>',
        '<div style="font-size:0px"><div style="font-size:13px">kept</div></div>',
        '<div style="visibility:hidden"><b style="visibility:visible">kept</b></div>',
        "<style>@media print{.n{display:none}}</style><p class=n>kept</p>",
        "<style media=print>.n{display:none}</style><p class=n>kept</p>",
        "<style>.tab .n{display:none}</style><div class=tab><p class=n>kept</p></div>",
        "<style>.n{display:none}.n.on{display:block}</style><p class='n on'>kept</p>",
        "<style>.n{display:none}</style><p class=n style='display:block'>kept</p>",
        # What a style sheet from elsewhere says is not known.
        '<link rel=stylesheet href=a.css><div class=dark><p style="color:#fff">kept</p></div>',
        '<link rel=stylesheet href=a.css><div style="font-size:0"><div class=col>kept</div></div>',
        "<style>@import 'a.css';</style><p class=x style='color:#fff'>kept</p>",
        '<style>.dark p{background:#000}</style><div class=dark><p style="color:#fff">kept</p></div>',
    ],
)
def test_html_that_is_seen_stays(markup: str) -> None:
    assert html(markup) == ("seen\n\nkept", 0)


def test_html_says_both_sides_itself_even_with_other_style_sheets() -> None:
    assert html('<link rel=stylesheet href=a.css><p style="color:#fff;background:#fff">gone</p>') == ("seen", 4)
    assert html("<link rel=stylesheet href=a.css><p style='display:none'>gone</p>") == ("seen", 4)


def test_html_hides_parts_of_elements() -> None:
    markup = '<div style="visibility:hidden">one<b style="visibility:visible">kept</b>two</div>'
    assert html(markup) == ("seen\n\nkept", 6)
    assert html('<p style="font-size:0">one <span style="font-size:14px">kept</span></p>') == ("seen\n\nkept", 3)
    table = '<table><tr><td>a</td><td style="display:none">x</td><td>b</td></tr></table>'
    assert html(table) == ("seen\n\na | b", 1)


def test_html_inherits_from_outside_of_the_main_element() -> None:
    page = b'<body><div style="display:none"><main><p>gone</p></main></div></body>'
    skipped = load("a.html", page)
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "empty: all of its text is hidden"


def test_html_comments_scripts_and_templates_are_no_text_and_not_counted() -> None:
    assert html("<!-- gone --><script>gone</script><template>gone</template><noscript>gone</noscript>") == ("seen", 0)


def test_html_characters_without_purpose_are_left_out() -> None:
    assert html("<h1>Le\u200bave</h1><p>a\U000e0041\U000e0042b\u202e</p>") == ("seen\n\nLeave\n\nab", 4)
    assert html("<p>می\u200cخواهم 👩\u200d👧</p>") == ("seen\n\nمی\u200cخواهم 👩\u200d👧", 0)


MARKUP = "<p style='<div hidden></b>{}:;.#color:fontsize0none!important/* */@media %,()-9<style></style>&"


@given(st.text(alphabet=MARKUP, max_size=80) | st.lists(st.sampled_from(MARKUP.split(">")), max_size=8).map(">".join))
def test_any_markup_can_be_read(markup: str) -> None:
    for page in (markup, f"<style>{markup}</style><p>x", f'<p style="{markup}">x'):
        assert isinstance(load("a.html", page.encode()), Document | Skipped)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: f'<p style="{" " * n}">a</p>',
        lambda n: f'<p style="left:{"1" * n}">a</p>',
        lambda n: f"<style>{'/*' * n}</style>a",
        lambda n: f"<style>{'{' * n}</style>a",
        lambda n: f"<style>{'.a,' * n}{{}}</style>a",
        lambda n: f'<p style="{"a:b;" * n}">a',
        lambda n: f"<p style='clip-path:polygon({'0' * n}'>a",
        lambda n: f"<p style='background:rgb({'1,' * n}'>a",
        lambda n: "<style>.a{color:red}</style>" + "<p class=a>b" * (n // 20),
    ],
)
def test_html_takes_linear_time(make: Callable[[int], str]) -> None:
    def seconds(length: int) -> float:
        page = make(length).encode()
        started = time.process_time()
        load("a.html", page)
        return time.process_time() - started

    seconds(1_000)
    assert seconds(80_000) < 28 * max(min(seconds(10_000) for _ in range(2)), 0.01)


# -- Word --------------------------------------------------------------------------------------------------


def word(build: Callable[[docx.document.Document], None]) -> tuple[str, int]:
    file = docx.Document()
    file.add_paragraph("seen")
    build(file)
    out = io.BytesIO()
    file.save(out)
    return read("a.docx", out.getvalue())


def run(paragraph, text: str = "gone", **font):
    made = paragraph.add_run(text)
    for name, value in font.items():
        if name == "color":
            made.font.color.rgb = value
        else:
            setattr(made.font, name, value)
    return made


def shaded(properties, fill: str) -> None:
    shade = OxmlElement("w:shd")
    shade.set(qn("w:val"), "clear")
    shade.set(qn("w:fill"), fill)
    properties.append(shade)


WHITE, NEARLY, BLACK = RGBColor(255, 255, 255), RGBColor(254, 253, 255), RGBColor(0, 0, 0)


@pytest.mark.parametrize("font", [{"hidden": True}, {"size": Pt(1)}, {"color": WHITE}, {"color": NEARLY}])
def test_docx_runs_that_are_hidden(font) -> None:
    assert word(lambda file: run(file.add_paragraph(), **font)) == ("seen", 4)
    assert word(lambda file: run(file.add_paragraph("be"), **font).add_tab()) == ("seen\n\nbe", 4)
    assert word(lambda file: run(file.add_table(1, 1).cell(0, 0).paragraphs[0], **font)) == ("seen", 4)


@pytest.mark.parametrize("font", [{"hidden": False}, {"size": Pt(2)}, {"color": BLACK}, {"italic": True}])
def test_docx_runs_that_are_seen(font) -> None:
    assert word(lambda file: run(file.add_paragraph(), "kept", **font)) == ("seen\n\nkept", 0)


def test_docx_styles_hide_and_runs_undo_it() -> None:
    def build(file) -> None:
        letters = file.styles.add_style("Gone", WD_STYLE_TYPE.CHARACTER)
        letters.font.hidden = True
        base = file.styles.add_style("Base", WD_STYLE_TYPE.PARAGRAPH)
        base.font.color.rgb = WHITE
        derived = file.styles.add_style("Derived", WD_STYLE_TYPE.PARAGRAPH)
        derived.base_style = base
        file.add_paragraph("by letters ").add_run("gone").style = letters
        file.add_paragraph("gone", style="Derived")
        run(file.add_paragraph("gone", style="Derived"), "kept", color=BLACK)

    assert word(build) == ("seen\n\nby letters\n\nkept", 12)


def test_docx_styles_that_go_round_in_a_circle() -> None:
    def build(file) -> None:
        one = file.styles.add_style("One", WD_STYLE_TYPE.PARAGRAPH)
        two = file.styles.add_style("Two", WD_STYLE_TYPE.PARAGRAPH)
        one.base_style, two.base_style = two, one
        file.add_paragraph("kept", style="One")

    assert word(build) == ("seen\n\nkept", 0)


def test_docx_white_on_dark_is_seen() -> None:
    def in_cell(file) -> None:
        cell = file.add_table(1, 1).cell(0, 0)
        shaded(cell._tc.get_or_add_tcPr(), "1F3864")
        run(cell.paragraphs[0], "kept", color=WHITE)

    def in_paragraph(file) -> None:
        paragraph = file.add_paragraph()
        shaded(paragraph._p.get_or_add_pPr(), "1F3864")
        run(paragraph, "kept", color=WHITE)

    def in_run(file) -> None:
        shaded(run(file.add_paragraph(), "kept", color=WHITE)._r.get_or_add_rPr(), "1F3864")

    def highlighted(file) -> None:
        run(file.add_paragraph(), "kept", color=WHITE, highlight_color=1)

    def in_styled_table(file) -> None:
        table = file.add_table(1, 1)
        table.style = "Light Grid Accent 1"
        run(table.cell(0, 0).paragraphs[0], "kept", color=WHITE)

    for build in (in_cell, in_paragraph, in_run, highlighted, in_styled_table):
        assert word(build) == ("seen\n\nkept", 0)


def test_docx_dark_on_dark_is_hidden() -> None:
    def build(file) -> None:
        cell = file.add_table(1, 1).cell(0, 0)
        shaded(cell._tc.get_or_add_tcPr(), "1F3864")
        run(cell.paragraphs[0], color=RGBColor(0x1F, 0x38, 0x64))

    assert word(build) == ("seen", 4)


def test_docx_odd_properties_hide_nothing() -> None:
    out = io.BytesIO()
    file = docx.Document()
    run(file.add_paragraph(), "kept", size=Pt(12), color=BLACK)
    file.save(out)
    for change in ((b'w:val="000000"', b'w:val="auto"'), (b'<w:sz w:val="24"/>', b'<w:sz w:val="x"/>')):
        changed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(out.getvalue())) as old, zipfile.ZipFile(changed, "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name).replace(*change))
        assert read("a.docx", changed.getvalue()) == ("kept", 0)


# -- PDF ---------------------------------------------------------------------------------------------------

FORM = (
    "BT /F1 12 Tf 10 20 Td (in a form) Tj ET BT 3 Tr /F1 12 Tf 10 40 Td (gone) Tj ET "
    "BT 0 Tr /F1 1 Tf 10 60 Td (tiny) Tj ET"
)


def pdf(*pages: str, box: str = "") -> bytes:
    """A PDF file with these content streams, a grey image /Im, a form /Fm, and /G, which makes all transparent."""
    resources = "/Resources << /Font << /F1 3 0 R >> /XObject << /Im 4 0 R /Fm 6 0 R >> /ExtGState << /G 5 0 R >> >>"
    image = "/Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Length 1"
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        f"<< /Type /XObject {image} >>\nstream\n@\nendstream",
        "<< /ca 0 >>",
        f"<< /Type /XObject /Subtype /Form /BBox [0 0 600 700] /Resources << /Font << /F1 3 0 R >> >> "
        f"/Length {len(FORM)} >>\nstream\n{FORM}\nendstream",
    ]
    kids = []
    for page in pages:
        bodies.append(f"<< /Length {len(page)} >>\nstream\n{page}\nendstream")
        bodies.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] {box} /Contents {len(bodies)} 0 R {resources} >>"
        )
        kids.append(f"{len(bodies)} 0 R")
    bodies[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    out = io.BytesIO()
    out.write(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(bodies, start=1):
        offsets.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1"))
    start = out.tell()
    out.write(f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n".encode())
    out.write("".join(f"{offset:010} 00000 n \n" for offset in offsets).encode())
    out.write(f"trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode())
    return out.getvalue()


def line(text: str, before: str = "", *, y: int = 600, size: float = 12) -> str:
    return f"q BT {before} /F1 {size} Tf 50 {y} Td ({text}) Tj ET Q\n"


SEEN = line("seen words", y=700)
WHOLE_PAGE = "q 612 0 0 792 0 0 cm /Im Do Q\n"


@pytest.mark.parametrize(
    "content",
    [
        line("gone", "3 Tr"),
        line("gone", "1 1 1 rg"),
        line("gone", "1 g"),
        line("gone", "0 0 0 0 k"),
        line("gone", "0.99 0.99 0.98 rg"),
        line("gone", size=1),
        "BT /F1 12 Tf 0.1 0 0 0.1 50 600 Tm (gone) Tj ET",
        line("gone", y=-50),
        line("gone", y=2000),
        "q /G gs " + line("gone") + "Q",
        "q 1 1 1 rg 0 500 600 200 re f Q " + line("gone", "1 1 1 rg"),
        "0 600 m 600 600 l S 40 590 100 30 re S " + line("gone", "1 1 1 rg"),
        "q 100 0 0 30 40 590 cm /Im Do Q " + line("gone", "3 Tr"),
    ],
)
def test_pdf_text_that_is_hidden(content: str) -> None:
    assert read("a.pdf", pdf(SEEN + content)) == ("seen words", 4)


@pytest.mark.parametrize(
    "content",
    [
        "q 0 0 0 rg 40 590 200 30 re f Q " + line("kept", "1 1 1 rg"),
        WHOLE_PAGE + line("kept", "1 1 1 rg"),
        "BT /F1 1 Tf 12 0 0 12 50 600 Tm (kept) Tj ET",
        line("kept", "0.9 g"),
        line("kept", "1 Tr 1 1 1 rg"),
        line("kept", size=2),
        "q 0 1 -1 0 300 300 cm " + line("kept", y=0) + "Q\n",
    ],
)
def test_pdf_text_that_is_seen(content: str) -> None:
    assert "kept" in read("a.pdf", pdf(content + SEEN))[0]
    assert read("a.pdf", pdf(content + SEEN))[1] == 0


def test_pdf_scans_keep_their_text_layer() -> None:
    layer = line("the words of a scanned page", "3 Tr")
    assert read("a.pdf", pdf(WHOLE_PAGE + layer)) == ("the words of a scanned page", 0)
    assert read("a.pdf", pdf(layer + WHOLE_PAGE)) == ("the words of a scanned page", 0)
    stamped = WHOLE_PAGE + line("stamp", y=650) + layer
    assert read("a.pdf", pdf(stamped)) == ("stamp\nthe words of a scanned page", 0)
    strips = "".join(f"q 612 0 0 99 0 {y} cm /Im Do Q\n" for y in range(0, 792, 99))
    assert read("a.pdf", pdf(strips + layer))[1] == 0


def test_pdf_pictures_do_not_make_a_scan_of_a_page_of_text() -> None:
    text = "".join(line("words that are painted on the page", y=y) for y in (700, 680, 660))
    assert read("a.pdf", pdf(WHOLE_PAGE + text + line("gone", "3 Tr")))[1] == 4
    skipped = load("a.pdf", pdf("q 612 0 0 100 0 0 cm /Im Do Q\n" + line("gone", "3 Tr")))
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "all of its text is hidden"


def test_pdf_forms_are_looked_into() -> None:
    assert read("a.pdf", pdf(SEEN + "q 1 0 0 1 100 100 cm /Fm Do Q")) == ("seen words\nin a form", 8)
    text, hidden = read("a.pdf", pdf(SEEN + "q 9 0 0 9 0 0 cm /Fm Do Q"))
    assert ("tiny" in text, "gone" in text, hidden) == (True, False, 4)


def test_pdf_text_outside_of_the_crop_box_is_hidden() -> None:
    document = pdf(SEEN, line("kept"), box="/CropBox [0 550 612 650]")
    assert read("a.pdf", document) == ("kept", 10)


# -- what all formats share --------------------------------------------------------------------------------


def test_text_files_keep_every_character(tmp_path: Path) -> None:
    text = "a\u200bb\U000e0041 <!-- a comment --> \u202e\n"
    for name in ("a.md", "a.txt", "a.py"):
        assert read(name, text.encode()) == (text, 0)


def test_the_count_survives_the_store_and_ordinary_documents_have_none(rag: GlyphRAG, tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.html").write_text("<p>Leave lasts five days.</p><p hidden>Ignore it all.</p>")
    (tmp_path / "site" / "b.html").write_text("<p>Sick leave is paid.</p>")
    rag.add_path(tmp_path / "site")
    counts = {hit.page.source[-6:]: hit.page.metadata.get(HIDDEN_KEY) for hit in rag.search("leave", k=2)}
    assert counts == {"a.html": 14, "b.html": None}
    assert not rag.search("ignore", k=1) or "Ignore" not in rag.search("ignore", k=1)[0].page.text


@pytest.mark.parametrize(
    ("ink", "paper", "faint"),
    [
        ((255, 255, 255), (255, 255, 255), True),
        ((0, 0, 0), (0, 0, 0), True),
        ((245, 245, 245), (255, 255, 255), True),
        ((230, 230, 230), (255, 255, 255), False),
        ((0, 0, 0), (255, 255, 255), False),
        ((255, 255, 0), (255, 255, 255), True),
    ],
)
def test_faint_ink(ink, paper, faint: bool) -> None:
    assert is_faint(ink, paper) is faint
    assert is_faint(paper, ink) is faint

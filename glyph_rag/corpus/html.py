"""HTML pages: the words a reader sees, without what surrounds them on every page of the site."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from glyph_rag.corpus import text as plain
from glyph_rag.corpus.document import Document, Format
from glyph_rag.corpus.hidden_html import own_styles, remove_hidden
from glyph_rag.corpus.outline import Outline
from glyph_rag.corpus.source import SourceFile
from glyph_rag.errors import LoadError
from glyph_rag.limits import Limits

if TYPE_CHECKING:
    from inscriptis.model.html_element import HtmlElement as Style
    from lxml.html import HtmlElement

_CHARSET = re.compile(
    rb"<(?:meta[^>]{0,200}?charset|\?xml[^>]{0,100}?encoding)\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE
)
# Browsers read these names as the larger encoding that real pages are written in.
_WIDER = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
}
_XML_PROLOG = re.compile(r"\A\s*<\?xml[^>]*\?>")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_NOISE_TAGS = """
    script style noscript template nav footer button input select textarea option datalist dialog menu
    iframe object embed applet canvas svg audio video map link meta title head
"""
_NOISE_ROLES = "navigation banner contentinfo search dialog alertdialog menu menubar toolbar button"
_NOISE = frozenset(_NOISE_TAGS.split())
_NOISE_ROLE = frozenset(_NOISE_ROLES.split())
_ASIDE_ROLES = frozenset({"complementary"})
_COOKIE = re.compile(
    r"(?:cookie|consent|gdpr)s?[-_]?(?:banner|bar|notice|consent|popup|overlay|dialog|modal)|onetrust|cookiebot",
    re.IGNORECASE,
)
_PERMALINK_SIGNS = frozenset({"", "#", "¶", "§", "🔗"})
# Joined to the text around them before layout: they break no line, and a page of highlighted source code has
# hundreds of thousands of them.
_INLINE_TAGS = """
    a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark meter output progress
    rb rp rt ruby s samp small span strike strong sub sup time tt u var wbr nobr center
"""
_LINE_TAGS = "address section details summary dl dt dd fieldset legend hr row form option tr"
_CELL = " | "
# References such as "&#1;" put characters into the tree that it does not take from us.
_NOT_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def load(file: SourceFile, form: Format, limits: Limits) -> Iterator[Document]:
    """Loads an HTML page with a mark per heading."""
    declared = _CHARSET.search(file.data, 0, 4096)
    name = declared.group(1).decode("ascii").lower() if declared else ""
    markup = _XML_PROLOG.sub("", plain.decode(file.data, _WIDER.get(name, name)))
    if not markup.strip():
        raise LoadError("empty")
    limits.check("document_chars", len(markup), "characters in the file")
    tree = _tree(markup)
    title = " ".join((tree.findtext(".//title") or "").split())
    sheet = own_styles(tree)
    content = _content(tree)
    hidden = remove_hidden(content, sheet)
    outline = _outline(content)
    hidden += outline.hidden
    yield file.document(outline.text, form, limits, marks=outline.marks, title=title, hidden=hidden)


def _tree(markup: str) -> HtmlElement:
    from lxml import etree, html

    # Without `huge_tree` the parser drops text nodes over 10 MB without a word.
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(markup.encode("utf-8"), parser=parser)
    except etree.ParserError as error:
        raise LoadError("empty") from error
    if any(entry.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for entry in parser.error_log):
        raise LoadError("HTML that is nested too deeply")
    return tree


def _content(tree: HtmlElement) -> HtmlElement:
    """The element that holds the page's own words, cleaned of everything else."""
    body = tree.find("body")
    body = tree if body is None else body
    mains = body.xpath(".//main | .//*[@role='main']") or body.xpath(".//article")
    if len(mains) == 1:
        _remove_noise(mains[0])
        if mains[0].text_content().strip():
            mains[0].tail = None
            return mains[0]
    _remove_noise(body)
    return body


def _remove_noise(root: HtmlElement) -> None:
    from lxml import etree

    for element in root.iterdescendants(etree.Element):
        if _is_noise(element):
            element.tag = "noise"
    etree.strip_elements(root, "noise", with_tail=False)


def _is_noise(element: HtmlElement) -> bool:
    role = element.get("role", "").lower()
    if element.tag in _NOISE or role in _NOISE_ROLE:
        return True
    if _COOKIE.search(f"{element.get('id', '')} {element.get('class', '')}"):
        return True
    if element.tag == "aside" or role in _ASIDE_ROLES:
        return _is_mostly_links(element)
    if element.tag == "a":
        return element.get("href", "").startswith("#") and element.text_content().strip() in _PERMALINK_SIGNS
    return False


def _is_mostly_links(element: HtmlElement) -> bool:
    words = len("".join(element.text_content().split()))
    linked = sum(len("".join(link.text_content().split())) for link in element.iter("a"))
    return 2 * linked >= words


def _outline(content: HtmlElement) -> Outline:
    from inscriptis.html_engine import Inscriptis
    from inscriptis.model.config import ParserConfig
    from lxml import etree

    for code in content.iterfind(".//pre/code"):
        following = code.getnext()
        # Listings side by side are set apart by the page's style sheet only.
        if following is not None and following.tag == "code" and not code.tail:
            code.tail = "\n"
    etree.strip_tags(content, *_INLINE_TAGS.split())
    for element in content.iter():
        element.text = _laid_bare(element.text)
        element.tail = _laid_bare(element.tail)
    for table in reversed(list(content.iter("table"))):
        _lay_out_table(table)
    for element in content.iter():
        _drop_attributes(element)
    rules = {name: [name] for name in _HEADINGS}
    try:
        page = Inscriptis(content, ParserConfig(css=_styles(), annotation_rules=rules))
    except RecursionError as error:
        raise LoadError("HTML that is nested too deeply") from error
    text = page.get_text()
    outline, done = Outline(), 0
    for note in sorted(page.get_annotations(), key=lambda note: (note.start, -note.end)):
        if note.start >= done:  # a heading inside a heading is part of it
            outline.paragraph(text[done : note.start])
            outline.heading(text[note.start : note.end], _HEADINGS.index(note.metadata) + 1)
            done = note.end
    outline.paragraph(text[done:])
    return outline


def _styles() -> dict[str, Style]:
    from inscriptis.css_profiles import STRICT_CSS_PROFILE
    from inscriptis.html_properties import Display
    from inscriptis.model.html_element import HtmlElement as Style

    styles: dict[str, Style] = {name: style for name, style in STRICT_CSS_PROFILE.items() if name != "q"}
    for name in _LINE_TAGS.split():
        styles[name] = Style(display=Display.block)
    for name in ("section", "dl", "fieldset", "pre", "blockquote"):
        style = styles.get(name, Style(display=Display.block)).__copy__()
        style.margin_before = style.margin_after = 1
        styles[name] = style
    # The extractor hands a margin below an element down to its children, and rows must not be parted by blank
    # lines.
    styles["rows"] = styles["gap"] = Style(display=Display.block, margin_before=1)
    for name in ("ul", "ol"):
        styles[name] = Style(display=Display.block, padding_inline=2)
    return styles


def _lay_out_table(table: HtmlElement) -> None:
    """Turns a table into a block with a line per row, its cells parted by a bar.

    The extractor would pad cells to columns, which tears sentences apart wherever a cell has more than one
    line. A table that only arranges the page (it holds headings, lists or one column) keeps its blocks.
    """
    is_data = table.get("role") not in {"presentation", "none"} and not table.xpath(
        "boolean(.//rows | .//h1 | .//h2 | .//h3 | .//h4 | .//ul | .//ol | .//pre)"
    )
    for row in list(table.iter("tr")):
        row.tag = "row"
        cells = [cell for cell in row if cell.tag in {"td", "th"}]
        if not is_data or len(cells) < 2:
            for cell in cells:
                cell.tag = "div"
            continue
        words = [" ".join(" ".join(cell.itertext()).split()) for cell in cells]
        for child in list(row):
            row.remove(child)
        row.text = _CELL.join(words) if any(words) else ""
    for part in list(table.iter("thead", "tbody", "tfoot", "caption", "colgroup", "td", "th")):
        part.tag = "div"
    table.tag = "rows"
    table.addnext(table.makeelement("gap"))


def _drop_attributes(element: HtmlElement) -> None:
    """Leaves only where a list starts to count: the extractor would obey other attributes too."""
    start = element.get("start") if element.tag == "ol" else None
    element.attrib.clear()
    if start is not None:
        element.set("start", start)


def _laid_bare(text: str | None) -> str | None:
    """Text that the extractor gives back unchanged: it resolves references, which the parser has done."""
    return text and _NOT_XML.sub("", text).replace("&", "&amp;")

"""Word files: paragraphs, headings, lists and tables in the order of the document."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glyph_rag.corpus.document import Document, Format
from glyph_rag.corpus.hidden_docx import Looks
from glyph_rag.corpus.outline import Outline
from glyph_rag.corpus.source import SourceFile
from glyph_rag.errors import LoadError
from glyph_rag.limits import Limits

if TYPE_CHECKING:
    from docx.oxml.xmlchemy import BaseOxmlElement as Element

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_HEADING_STYLE = re.compile(r"heading ([1-9])\Z", re.IGNORECASE)
_CHARACTERS = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "-"}
# Boxes hold blocks of their own; a fallback repeats what stands beside it; deleted words are gone.
_APART = frozenset({f"{_W}txbxContent", _FALLBACK, f"{_W}del", f"{_W}moveFrom"})
# What an element wraps its blocks in without being a block itself.
_WRAPPERS = frozenset({f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}moveTo", f"{_W}customXml", f"{_W}smartTag"})


@dataclass(frozen=True)
class _Styles:
    """What a file says about its styles, by style id.

    Attributes:
        names: What people call them.
        bulleted: Those of lists.
        looks: How text in them looks.
    """

    names: dict[str, str]
    bulleted: frozenset[str]
    looks: Looks


def load(file: SourceFile, form: Format, limits: Limits) -> Iterator[Document]:
    """Loads a Word file with a mark per heading."""
    _check_container(file.data, limits)
    import docx
    from docx.opc.exceptions import OpcError
    from lxml.etree import LxmlError

    try:
        word = docx.Document(io.BytesIO(file.data))
        title = word.core_properties.title or ""
        styles = {style.style_id: style for style in word.styles}
        known = _Styles(
            {name: style.name or "" for name, style in styles.items()},
            frozenset(name for name, style in styles.items() if style.element.find(f".//{_W}numPr") is not None),
            Looks(word.styles.element, word.element),
        )
        body = word.element.body
    except (OpcError, LxmlError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise LoadError("broken: not a Word file that can be opened") from error
    except (KeyError, ValueError, AttributeError, NotImplementedError) as error:
        # python-docx follows the parts' references without asking, so a package with one missing ends in
        # these.
        raise LoadError("broken: parts of the Word file are missing") from error
    outline = Outline()
    for block in _blocks(body):
        if block.tag == f"{_W}tbl":
            _add_table(outline, block, known)
        else:
            _add_paragraph(outline, block, known)
    yield file.document(outline.text, form, limits, marks=outline.marks, title=title.strip(), hidden=outline.hidden)


def _check_container(data: bytes, limits: Limits) -> None:
    if data.startswith(_OLE):
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise LoadError("encrypted: save a copy without a password")
        raise LoadError("an old Word file under a new name: save it as .docx")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            unpacked = sum(entry.file_size for entry in package.infolist())
            is_encrypted = any(entry.flag_bits & 1 for entry in package.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise LoadError("broken: not a Word file that can be opened") from error
    if is_encrypted:
        raise LoadError("encrypted: save a copy without a password")
    limits.check("file_bytes", unpacked, "bytes in the unpacked file")


def _blocks(parent: Element) -> Iterator[Element]:
    """Paragraphs and tables below `parent` in order, looking through what merely wraps them."""
    for child in parent:
        if child.tag == f"{_W}p":
            yield child
            for box in child.iter(f"{_W}txbxContent"):
                if not any(above.tag == _FALLBACK for above in box.iterancestors()):
                    yield from _blocks(box)
        elif child.tag == f"{_W}tbl":
            yield child
        elif child.tag in _WRAPPERS:
            yield from _blocks(child)


def _add_paragraph(outline: Outline, paragraph: Element, styles: _Styles) -> None:
    text, hidden = _paragraph_text(paragraph, styles)
    outline.hidden += hidden
    properties = paragraph.find(f"{_W}pPr")
    if properties is None:
        outline.paragraph(text)
        return
    style = properties.find(f"{_W}pStyle")
    style_id = "" if style is None else style.get(f"{_W}val", "")
    if level := _heading_level(properties, styles.names.get(style_id, "")):
        outline.heading(text, level)
    elif style_id in styles.bulleted or properties.find(f"{_W}numPr") is not None:
        outline.line(f"- {text.strip()}" if text.strip() else "")
    else:
        outline.paragraph(text)


def _heading_level(properties: Element, name: str) -> int:
    if name.lower() == "title":
        return 1
    if found := _HEADING_STYLE.match(name):
        return int(found.group(1))
    outline_level = properties.find(f"{_W}outlineLvl")
    value = "" if outline_level is None else outline_level.get(f"{_W}val", "")
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else 0


def _paragraph_text(paragraph: Element, styles: _Styles) -> tuple[str, int]:
    """The words of a paragraph that are seen, and how many characters of it are not."""
    parts: list[str] = []
    hidden = 0
    below = list(reversed(paragraph))
    while below:
        element = below.pop()
        if element.tag == f"{_W}r" and styles.looks.is_hidden(element, paragraph):
            hidden += sum(len(text.text or "") for text in element.iterchildren(f"{_W}t"))
        elif element.tag == f"{_W}t":
            parts.append(element.text or "")
        elif element.tag in _CHARACTERS:
            parts.append(_CHARACTERS[element.tag])
        elif element.tag not in _APART and element.tag != f"{_W}pPr":
            below.extend(reversed(element))
    return "".join(parts), hidden


def _add_table(outline: Outline, table: Element, styles: _Styles) -> None:
    outline.gap()
    for row in _descendants(table, f"{_W}tr"):
        cells = []
        for cell in _descendants(row, f"{_W}tc"):
            words = []
            for paragraph in cell.iter(f"{_W}p"):
                text, hidden = _paragraph_text(paragraph, styles)
                outline.hidden += hidden
                words.append(" ".join(text.split()))
            cells.append(" ".join(word for word in words if word))
        outline.line(" | ".join(cells) if any(cells) else "")
    outline.gap()


def _descendants(parent: Element, tag: str) -> Iterator[Element]:
    """Elements called `tag` below `parent`, but not those inside another one or inside a nested table."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag in _WRAPPERS:
            yield from _descendants(child, tag)

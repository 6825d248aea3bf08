"""PDF files: the text layer, page by page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from glyph_rag.corpus.document import Document, Format, Mark
from glyph_rag.corpus.hidden import without_hidden
from glyph_rag.corpus.hidden_pdf import remove_hidden
from glyph_rag.corpus.source import SourceFile
from glyph_rag.errors import LoadError
from glyph_rag.limits import Limits

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

# PDFium writes a hyphen that ends a line as one of these and drops the line break; both are put back, so that
# no character of the page is lost and no two words are joined on a guess.
_LINE_HYPHEN = re.compile(r"[\x02\ufffe](?:\r\n)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")


def load(file: SourceFile, form: Format, limits: Limits) -> Iterator[Document]:
    """Loads a PDF file with one mark per page that has text."""
    parts: list[str] = []
    marks: list[Mark] = []
    length, hidden = 0, 0
    for number, (text, unseen) in enumerate(_pages(file.data), start=1):
        hidden += unseen
        if not text:
            continue
        marks.append(Mark(length, f"page {number}"))
        parts.append(text)
        length += len(text) + 2
        limits.check("document_chars", length, "characters in the file")
    if not parts:
        raise LoadError("all of its text is hidden" if hidden else "no text layer: a scanned PDF needs OCR first")
    yield file.document("\n\n".join(parts), form, limits, marks=tuple(marks), hidden=hidden)


def _pages(data: bytes) -> Iterator[tuple[str, int]]:
    """The text of each page that is seen, and how many characters of it are not."""
    import pypdfium2
    from pypdfium2.raw import FPDF_ERR_PASSWORD

    try:
        pdf = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        if error.err_code == FPDF_ERR_PASSWORD:
            raise LoadError("encrypted: save a copy without a password") from error
        raise LoadError("broken: not a PDF file that can be opened") from error
    try:
        for index in range(len(pdf)):
            yield _page_text(pdf, index)
    finally:
        pdf.close()


def _page_text(pdf: PdfDocument, index: int) -> tuple[str, int]:
    import pypdfium2

    try:
        page = pdf[index]
        removed = remove_hidden(page)
        text_page = page.get_textpage()
        text = text_page.get_text_bounded()
        text_page.close()
        page.close()
    except pypdfium2.PdfiumError as error:
        raise LoadError(f"broken: page {index + 1} cannot be read") from error
    text = _LINE_HYPHEN.sub("-\n", text).replace("\r\n", "\n").replace("\r", "\n")
    text, hidden = without_hidden(_CONTROL.sub("", text))
    return text.strip(), removed + hidden

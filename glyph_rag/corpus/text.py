"""Files that are text already: decoded, and otherwise left exactly as they are."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from glyph_rag.corpus.document import Document, Format
from glyph_rag.corpus.source import SourceFile
from glyph_rag.errors import LoadError
from glyph_rag.limits import Limits

# The UTF-32 marks come first because the little-endian one begins with the UTF-16 one.
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Encodings that documents are really found in. Left to choose among all that Python knows, detection takes a
# short Latin text for UTF-16 and a Russian one for Japanese.
_LEGACY = (
    "cp1252 cp1250 cp1251 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 cp874 koi8_r iso8859_2 mac_roman "
    "gb18030 big5 cp932 euc_jp cp949 iso2022_jp"
)
_CONTROL = re.compile(r"[\x00-\x06\x0e-\x1a\x1c-\x1f\x7f]")
_MOST_CONTROL = 0.02
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_GOOD_PER_BROKEN = 20
_FRONT_MATTER_TITLE = re.compile(r"\A---[ \t]*\n(?:(?!---).*\n){0,60}?title:[ \t]*(.+)\n")
_FIRST_HEADING = re.compile(r"(?:\A|\n)#[ \t]+([^\n]+)")


def decode(data: bytes, declared: str = "") -> str:
    """Turns bytes into text with line feeds as line ends, or says why they are none.

    Args:
        data: The bytes of a file.
        declared: The encoding that the file says it has; tried after UTF-8, which hardly ever fits by chance.

    Raises:
        LoadError: The bytes are no text in any credible encoding.
    """
    text = _decoded(data, declared)
    if len(_CONTROL.findall(text)) > _MOST_CONTROL * len(text):
        raise LoadError("binary: too many control characters for a text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def load(file: SourceFile, form: Format, limits: Limits) -> Iterator[Document]:
    """Loads a text file: its text is the file's text, so offsets and lines are those of the file."""
    text = decode(file.data)
    yield file.document(text, form, limits, title=_title(text) if form == "markdown" else "")


def _decoded(data: bytes, declared: str) -> str:
    for bom, encoding in _BOMS:
        if data.startswith(bom):
            try:
                return data[len(bom) :].decode(encoding)
            except UnicodeDecodeError as error:
                raise LoadError(f"binary: begins like {encoding} text but is none at byte {error.start:,}") from error
    if b"\0" in data:
        raise LoadError("binary")
    text = data.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    # A stray byte must not turn a whole page of good UTF-8 into what another encoding would make of it.
    if broken * _GOOD_PER_BROKEN <= len(_NOT_ASCII.findall(text)) - broken:
        return text
    try:
        return data.decode(declared) if declared else _guessed(data)
    except (UnicodeDecodeError, LookupError):
        return _guessed(data)


def _guessed(data: bytes) -> str:
    from charset_normalizer import from_bytes

    matches = from_bytes(data, cp_isolation=_LEGACY.split())
    best = matches.best()
    if best is None:
        raise LoadError("binary, or text in an unknown encoding: save it as UTF-8")
    # A short text fits several encodings equally well; the library then takes the first by the alphabet.
    equals = [match for match in matches if (match.chaos, match.coherence) == (best.chaos, best.coherence)]
    return str(min(equals, key=lambda match: _LEGACY.split().index(match.encoding)))


def _title(text: str) -> str:
    found = _FRONT_MATTER_TITLE.match(text) or _FIRST_HEADING.search(text, 0, 5_000)
    return found.group(1).strip().strip("\"'").strip() if found else ""

"""What a document is built of: its headings, paragraphs, lists, tables and code, as a tree of blocks.

A block knows only where it starts. It ends where the next one starts, so the blocks of a document always
cover all of it, whatever a parser overlooked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

from glyph_rag.corpus.document import Document, Format
from glyph_rag.corpus.outline import SEPARATOR, short_heading

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_PARAGRAPH_BREAK = re.compile(r"\n(?:[^\S\n]*\n)+")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?!\s*\n)")
_FRONT_MATTER_END = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.MULTILINE)
_MARKUP = re.compile(r"[`*_\[\]<>&\\!~]")
_ATTRIBUTES = re.compile(r"\s*\{\s*[#.:][^{}]*\}\s*\Z")
_RST_LINE = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*\Z")
_RST_ROLE = re.compile(r":[\w:.+-]+:`([^`<]*?)\s*(?:<[^`>]*>)?`")

Kind: TypeAlias = Literal["heading", "prose", "lines"]
_KINDS: Mapping[str, Kind] = MappingProxyType({"heading_open": "heading", "paragraph_open": "prose"})


@dataclass
class Block:
    """One element of a document.

    Attributes:
        start: Its first character, as an offset into the document's text.
        kind: How it is cut where it must be: a heading and prose between sentences, lines between lines.
        headings: For a heading, the path of titles down to its own.
        parts: The blocks it is made of, such as the items of a list.
    """

    start: int
    kind: Kind
    headings: tuple[str, ...] = ()
    parts: list[Block] = field(default_factory=list)


def blocks(document: Document) -> Iterator[Block]:
    """The blocks of a document, in order."""
    return _READERS[document.format](document)


def _paragraphs(document: Document) -> Iterator[Block]:
    for start in _paragraph_starts(document.text):
        yield Block(start, "prose")


def _record(document: Document) -> Iterator[Block]:
    """A record's title stands above each of its chunks, as a heading does."""
    title = document.metadata.get("title")
    for at, start in enumerate(_paragraph_starts(document.text)):
        if at == 0 and isinstance(title, str) and title.strip():
            yield Block(start, "heading", (short_heading(title),))
        else:
            yield Block(start, "prose")


def _marked(document: Document) -> Iterator[Block]:
    """HTML and Word: a paragraph at a mark is a heading, and the mark's label is its path."""
    labels = {mark.start: mark.label for mark in document.marks}
    for start in _paragraph_starts(document.text):
        label = labels.get(start)
        yield Block(start, "heading", tuple(label.split(SEPARATOR))) if label else Block(start, "prose")


def _code(document: Document) -> Iterator[Block]:
    """Paragraphs of code, gathered under the unindented line that each belongs to."""
    top: Block | None = None
    for start in _paragraph_starts(document.text):
        part = Block(start, "lines")
        if top is None or not document.text[start : start + 1].isspace():
            if top is not None:
                yield top
            top = Block(start, "lines")
        top.parts.append(part)
    if top is not None:
        yield top


def _paragraph_starts(text: str) -> Iterator[int]:
    yield 0
    for found in _PARAGRAPH_BREAK.finditer(text):
        yield found.end()


class _Path:
    """The titles above the place that has been reached."""

    def __init__(self) -> None:
        self._titles: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> tuple[str, ...]:
        while self._titles and self._titles[-1][0] >= level:
            self._titles.pop()
        if title:
            self._titles.append((level, title))
        return tuple(name for _, name in self._titles)


# -- Markdown --------------------------------------------------------------------------------------------


def _markdown(document: Document) -> Iterator[Block]:
    # Lines of a document end at "\n" only; to the parser a carriage return would end one too and shift all
    # lines.
    text = document.text.replace("\r", " ")
    begin = _front_matter_end(text)
    if begin:
        yield Block(0, "heading")  # it stays with the title that follows it
    body = text[begin:]
    starts = [begin, *(begin + found.end() for found in re.finditer("\n", body))]
    tokens = _block_parser().parse(body)
    path = _Path()
    at = 0
    while at < len(tokens):
        token = tokens[at]
        if token.type == "heading_open" and token.map:
            title = _plain_title(tokens[at + 1].content)
            yield Block(starts[token.map[0]], "heading", path.enter(int(token.tag[1]), title))
            at += 3
        else:
            block, at = _container(tokens, at, starts)
            yield block


def _front_matter_end(text: str) -> int:
    if not _FRONT_MATTER.match(text):
        return 0
    found = _FRONT_MATTER_END.search(text, text.index("\n") + 1)
    return found.end() if found else 0


def _container(tokens: list[Token], at: int, starts: list[int]) -> tuple[Block, int]:
    """The block that opens with the token `at`, and the number of the token behind it."""
    token = tokens[at]
    block = Block(starts[token.map[0]] if token.map else 0, _KINDS.get(token.type, "lines"))
    at += 1
    if token.nesting != 1:
        return block, at
    has_blocks = token.type not in _KINDS and token.type != "table_open"
    depth = 1
    while depth:
        if has_blocks and tokens[at].nesting >= 0 and tokens[at].map and tokens[at].type != "inline":
            part, at = _container(tokens, at, starts)
            block.parts.append(part)
        else:
            depth += tokens[at].nesting
            at += 1
    return block, at


def _plain_title(markup: str) -> str:
    markup = _ATTRIBUTES.sub("", markup[:1_000])
    if not _MARKUP.search(markup):
        return short_heading(markup)
    children = _inline_parser().parseInline(markup)[0].children or []
    return short_heading("".join(child.content for child in children if child.type in {"text", "code_inline"}))


@cache
def _block_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    # Only the blocks are wanted; the words inside them stay as they are written.
    return MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])


@cache
def _inline_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark")


# -- reStructuredText ------------------------------------------------------------------------------------


def _rst(document: Document) -> Iterator[Block]:
    titles = dict(_rst_titles(document.text))
    starts = sorted({*_paragraph_starts(document.text), *titles, *(end for _, _, end in titles.values())})
    styles: list[str] = []
    path = _Path()
    for start in starts:
        if start in titles:
            style, title, _ = titles[start]
            if style not in styles:
                styles.append(style)
            yield Block(start, "heading", path.enter(styles.index(style) + 1, short_heading(title)))
        else:
            is_indented = document.text[start : start + 1].isspace()
            yield Block(start, "lines" if is_indented else "prose")


def _rst_titles(text: str) -> Iterator[tuple[int, tuple[str, str, int]]]:
    """Where each section title starts, with its style, its words and where it ends."""
    above, before, title = "", "", ""
    before_at = title_at = at = 0
    for line in text.split("\n"):
        end = at + len(line) + 1
        rule = _RST_LINE.match(line)
        if rule and _is_rst_title(title) and len(line.rstrip()) >= min(4, len(title.rstrip())):
            over = _RST_LINE.match(before)
            if over and over.group(1) == rule.group(1) and not above.strip():
                yield before_at, (rule.group(1) * 2, _rst_plain(title), min(end, len(text)))
            elif not before.strip():
                yield title_at, (rule.group(1), _rst_plain(title), min(end, len(text)))
        above, before, title = before, title, line
        before_at, title_at, at = title_at, at, end


def _is_rst_title(line: str) -> bool:
    return bool(line.strip()) and not _RST_LINE.match(line)


def _rst_plain(title: str) -> str:
    return _RST_ROLE.sub(r"\1", title).replace("`", "").replace("*", "").strip()


_READERS: Mapping[Format, Callable[[Document], Iterator[Block]]] = MappingProxyType(
    {
        "text": _paragraphs,
        "markdown": _markdown,
        "rst": _rst,
        "code": _code,
        "html": _marked,
        "pdf": _paragraphs,
        "docx": _marked,
        "record": _record,
    }
)

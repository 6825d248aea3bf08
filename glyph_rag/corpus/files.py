"""Walks a tree of files, and turns each file into documents.

    for item in read_path(Path("handbook"), limits=Limits()):  # SourceFile | Skipped, in order
        if isinstance(item, SourceFile):
            for document in parse(item, limits=Limits()):  # Document | Skipped
                ...

Reading and parsing are apart so that a caller who remembers `SourceFile.digest` need not parse an unchanged
file.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from glyph_rag.corpus import docx, html, pdf, records, text
from glyph_rag.corpus.document import Document, Format
from glyph_rag.corpus.source import LOAD_VERSION, Skipped, SourceFile
from glyph_rag.errors import LimitError, LoadError
from glyph_rag.limits import Limits

__all__ = ["LOADERS", "LOAD_VERSION", "Skipped", "SourceFile", "check_root", "count_files", "parse", "read_path"]

Loader: TypeAlias = Callable[[SourceFile, Format, Limits], Iterator[Document | Skipped]]

# Written in lines rather than in sentences.
_CODE = """
    .bash .bat .c .cc .cfg .clj .cmake .conf .cpp .cs .css .csv .cu .dart .diff .env .erl .ex .exs .f90
    .fish .go .gradle .graphql .h .hpp .hs .ini .ipynb .java .jl .js .jsx .kt .less .log .lua .m .mjs .ml
    .nix .patch .php .pl .properties .proto .ps1 .py .pyi .r .rb .rs .sass .scala .scss .sh .sql .svelte
    .swift .tf .toml .ts .tsv .tsx .vb .vue .xml .yaml .yml .zig .zsh
"""

LOADERS: Mapping[str, tuple[Loader, Format]] = MappingProxyType(
    {
        **dict.fromkeys((".md", ".markdown", ".mdown", ".mkd", ".mdx", ".qmd", ".rmd"), (text.load, "markdown")),
        **dict.fromkeys((".rst", ".rest"), (text.load, "rst")),
        **dict.fromkeys(_CODE.split(), (text.load, "code")),
        **dict.fromkeys((".html", ".htm", ".xhtml"), (html.load, "html")),
        **dict.fromkeys((".jsonl", ".ndjson"), (records.load_lines, "record")),
        ".json": (records.load_json, "record"),
        ".pdf": (pdf.load, "pdf"),
        ".docx": (docx.load, "docx"),
    }
)
"""Which loader reads which file ending. Any other file is taken for plain text if it decodes as such."""

_CONVERT = MappingProxyType(
    {
        **dict.fromkeys((".doc", ".odt", ".rtf", ".pages", ".wpd", ".dot", ".docm"), ".docx or .pdf"),
        **dict.fromkeys((".ppt", ".pptx", ".odp", ".key"), ".pdf"),
        **dict.fromkeys((".xls", ".xlsx", ".ods", ".numbers"), ".csv"),
        **dict.fromkeys((".epub", ".mobi", ".azw3", ".chm", ".djvu", ".ps", ".mht", ".mhtml"), ".html or .pdf"),
        **dict.fromkeys((".eml", ".msg", ".mbox"), ".txt or .html"),
    }
)
_NEVER_WALKED = frozenset({"__pycache__", "node_modules"})
# What a store keeps beside its database (docs/store-format.md). `glyph-rag index .` makes one in the folder it reads.
_DATABASE = "glyph.db"
_STORE_FILE = re.compile(r"glyph\.db(-wal|-shm|-journal)?|writer\.lock|index-\d+\.faiss(\.tmp)?|receipts")


@dataclass(frozen=True)
class _Tree:
    """A root with what is needed to name files below it."""

    given: Path
    resolved: Path
    exclude: tuple[str, ...]

    def file_id(self, path: str) -> str:
        return f"{self.resolved.name}/{path}" if self.resolved.name else path

    def source(self, path: str) -> str:
        return (self.given / path).as_posix()

    def skipped(self, path: str, reason: str) -> Skipped:
        return Skipped(_printable(self.source(path)), reason, _printable(self.file_id(path)))

    def passes_over(self, path: str) -> bool:
        """Whether a file or folder is left out without a word: hidden, machine-made or excluded."""
        parts = path.split("/")
        if any(part.startswith(".") or part in _NEVER_WALKED for part in parts):
            return True
        above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        return any(fnmatchcase(name, pattern) for pattern in self.exclude for name in (*parts, *above))


def read_path(root: Path, *, limits: Limits, exclude: Sequence[str] = ()) -> Iterator[SourceFile | Skipped]:
    """Reads the files of a tree one after the other, in the order of their names.

    Hidden files and folders are passed over, and so are the files of a store. A link is followed only to a file below
    the root that would not be met under its own name.

    Args:
        root: A folder, or a single file, which counts as a folder with that one file.
        limits: `file_bytes` bounds the size of a file.
        exclude: Patterns such as "drafts", "*.log" or "hr/old/*", matched against each name on the way to a
            file and against its path below the root. What matches is passed over.

    Yields:
        Each file that can be read, and a reason for each file or folder that cannot.

    Raises:
        LoadError: There is nothing at `root`.
    """
    tree, only = _opened(root, exclude)
    for path in [only] if only else _files(tree):
        yield path if isinstance(path, Skipped) else _read(tree, path, limits)


def check_root(root: Path) -> None:
    """Whether there is anything to read, for a caller who would make something first.

    Raises:
        LoadError: There is nothing at `root`.
    """
    _opened(root, ())


def count_files(root: Path, *, exclude: Sequence[str] = ()) -> int:
    """How many items `read_path` will yield, without reading any, for showing progress.

    Raises:
        LoadError: There is nothing at `root`.
    """
    tree, only = _opened(root, exclude)
    return 1 if only else sum(1 for _ in _files(tree))


def parse(file: SourceFile, *, limits: Limits) -> Iterator[Document | Skipped]:
    """Turns a file into documents: one, or one a record.

    Args:
        file: What `read_path` yielded.
        limits: `document_chars` bounds the text of a document, `file_bytes` what a compressed file unpacks
            to.

    Yields:
        The documents, and a reason for the file or each record that cannot be used.
    """
    suffix = Path(file.path).suffix.lower()
    if suffix in _CONVERT:
        yield file.skipped(f"{suffix} files are not supported: save it as {_CONVERT[suffix]}")
        return
    loader, form = LOADERS.get(suffix, (text.load, "text"))
    if not file.data:
        yield file.skipped("empty")
        return
    try:
        yield from loader(file, form, limits)
    except (LoadError, LimitError) as error:
        yield file.skipped(f"{error.message}: {error.hint}" if error.hint else error.message)


def _opened(root: Path, exclude: Sequence[str]) -> tuple[_Tree, str]:
    """The tree to walk, and the name of the only file wanted from it, if it is only one."""
    root = Path(root)
    try:
        resolved = root.resolve(strict=True)
        is_folder = resolved.is_dir()
    except PermissionError as error:
        raise LoadError(f"{str(root)!r} cannot be read: {_why(error)}", hint="check the permissions") from error
    except (OSError, RuntimeError) as error:  # before Python 3.13 a loop of links is a RuntimeError
        hint = "check the spelling; paths are relative to the folder the program was started in"
        raise LoadError(f"there is no file or folder {str(root)!r}", hint=hint) from error
    if is_folder:
        return _Tree(root, resolved, tuple(exclude)), ""
    return _Tree(root.parent, root.parent.resolve(), tuple(exclude)), root.name


def _files(tree: _Tree) -> Iterator[str | Skipped]:
    """Paths below the root. A folder is listed when its turn comes, so a deep tree takes no deep stack."""
    waiting = [""]
    while waiting:
        path = waiting.pop()
        if path and not path.endswith("/"):
            yield path
            continue
        try:
            names = sorted(entry.name for entry in (tree.resolved / path).iterdir())
        except OSError as error:
            yield tree.skipped(path, f"folder cannot be listed: {_why(error)}")
            continue
        if _DATABASE in names:
            names = [name for name in names if not _STORE_FILE.fullmatch(name)]
        found = [item for name in names if (item := _classify(tree, path + name)) is not None]
        for item in reversed(found):
            if isinstance(item, Skipped):
                yield item
            else:
                waiting.append(item)


def _classify(tree: _Tree, path: str) -> str | Skipped | None:
    """The path of a file, that of a folder with a slash behind it, a reason, or nothing at all."""
    if tree.passes_over(path):
        return None
    full = tree.resolved / path
    try:
        path.encode("utf-8")
        mode = full.lstat().st_mode
    except UnicodeEncodeError:
        return tree.skipped(path, "file name is not valid UTF-8")
    except OSError as error:
        return tree.skipped(path, f"cannot be read: {_why(error)}")
    if stat.S_ISLNK(mode):
        return _follow(tree, path)
    if stat.S_ISDIR(mode):
        return path + "/"
    # Opening a pipe or a device could wait for ever.
    return path if stat.S_ISREG(mode) else tree.skipped(path, "not a regular file")


def _follow(tree: _Tree, path: str) -> str | Skipped | None:
    try:
        target = (tree.resolved / path).resolve(strict=True)
        mode = target.stat().st_mode
    except (OSError, RuntimeError):
        return tree.skipped(path, "link to nothing, or to itself")
    if not target.is_relative_to(tree.resolved):
        return tree.skipped(path, "link that leaves the folder")
    below = target.relative_to(tree.resolved).as_posix()
    if below == "." or not tree.passes_over(below):
        return None
    if not stat.S_ISREG(mode):
        return tree.skipped(path, "link to a folder that is left out")
    return path


def _read(tree: _Tree, path: str, limits: Limits) -> SourceFile | Skipped:
    full = tree.resolved / path
    try:
        if not stat.S_ISREG(full.stat().st_mode):
            return tree.skipped(path, "not a regular file")
        with full.open("rb") as file:
            data = file.read(limits.file_bytes + 1)
    except OSError as error:
        return tree.skipped(path, f"cannot be read: {_why(error)}")
    if len(data) > limits.file_bytes:
        return tree.skipped(path, f"larger than {limits.file_bytes:,} bytes: raise Limits.file_bytes")
    return SourceFile(tree.file_id(path), tree.source(path), path, data)


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _printable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace")

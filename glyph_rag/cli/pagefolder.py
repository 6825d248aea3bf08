"""Where `glyph-rag render` writes: page images and glyph maps, each of which appears whole or not at all."""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from glyph_rag.errors import InputError
from glyph_rag.typeset.glyphmap import GLYPH_MAP_VERSION

if TYPE_CHECKING:
    from glyph_rag.typeset.render import RenderedPage

_MARK: Final = b"Software\0glyph-rag"
_HEADER_END: Final = 33
"""Where the first chunk of a PNG file ends: a signature of 8 bytes, and 25 of IHDR."""

_OPENING: Final = '{"generator":"glyph-rag",'
_PAGE: Final = re.compile(r"(.+)-(\d{5,})\.png", re.DOTALL)
_MAX_NAME: Final = 200
"""Bytes of a name, so that it stays below the 255 of file systems with all that is put behind it."""


class PageFolder:
    """The folder that the pages of many documents are written into.

    It overwrites only what glyph-rag wrote: images say so in a text chunk, glyph maps in their first key. When all
    pages of a document are written, images of ours with higher numbers, from an earlier run, are removed.

    Attributes:
        path: The folder, without links. It need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder.resolve()
        self._folder = folder
        self._taken: set[str] = set()
        self._before: dict[Path, dict[str, list[Path]]] = {}

    def claim(self, wanted: PurePosixPath) -> str:
        """A name in this folder that no other document of this run has.

        Args:
            wanted: Path of the document's file below the folder that was read, or the name of the file.

        Returns:
            The path without the file's ending. With it if another document has that name, and with a number behind
            it if another one has that too.
        """
        folder = [_safe(part) for part in wanted.parts[:-1]]
        candidates = [wanted.stem, wanted.name]
        number = 1
        while True:
            last = candidates.pop(0) if candidates else f"{_safe(wanted.name)}.{(number := number + 1)}"
            name = "/".join([*folder, _safe(last)])
            # Many file systems take upper and lower case for the same.
            if name.casefold() not in self._taken:
                self._taken.add(name.casefold())
                return name

    @contextmanager
    def document(self, name: str) -> Iterator[DocumentFiles]:
        """Files for the pages of a document; its glyph map appears when the block is left without an error.

        Raises:
            InputError: If a file that is in the way is none of ours, or something cannot be written.
        """
        path = self._folder / name
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            before = self._found(path)
            files = DocumentFiles(path)
        try:
            yield files
            files.finish()
        finally:
            files.close()
        with _writing(path):
            for file in before:
                number = _PAGE.fullmatch(file.name)
                if number and int(number[2]) > files.pages:
                    file.unlink(missing_ok=True)

    def _found(self, path: Path) -> list[Path]:
        """The files that were there under a document's name before this run."""
        if path.parent not in self._before:
            self._before[path.parent] = _by_document(path.parent)
        found = self._before[path.parent].pop(path.name, [])
        for file in found:
            if not _is_ours(file):
                raise InputError(
                    f"{str(file)!r} is in the way, and glyph-rag did not write it",
                    hint="choose another folder with --out, or move the file",
                )
        return found


class DocumentFiles:
    """The files of one document, while they are being written.

    Attributes:
        pages: How many pages have been written.
        map_path: Where the glyph map will be.
    """

    def __init__(self, path: Path) -> None:
        self.pages = 0
        self.map_path = path.with_name(f"{path.name}.json")
        self._path = path
        self._partial = _partial(self.map_path)
        self._map = self._partial.open("w", encoding="utf-8", newline="\n")

    def add(self, rendered: RenderedPage, png: bytes) -> Path:
        """Writes the next page, and returns where its image is."""
        self.pages += 1
        path = self._path.with_name(f"{self._path.name}-{self.pages:05}.png")
        image = json.dumps(path.name, ensure_ascii=False)
        with _writing(path):
            partial = _partial(path)
            try:
                partial.write_bytes(_marked(png))
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
            self._map.write(",\n" if self.pages > 1 else f'{_OPENING}"version":{GLYPH_MAP_VERSION},"pages":[\n')
            self._map.write(f'{{"image":{image},{rendered.glyph_map[1:]}')
        return path

    def finish(self) -> None:
        """Brings the glyph map under its name."""
        with _writing(self.map_path):
            self._map.write("\n]}\n")
            self._map.close()
            self._partial.replace(self.map_path)

    def close(self) -> None:
        """Removes what is unfinished."""
        self._map.close()
        self._partial.unlink(missing_ok=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Says what could not be written, and why."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise InputError(f"cannot write {str(path)!r}: {why}", hint="choose another folder with --out") from error


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def _safe(name: str) -> str:
    """A name that every file system takes."""
    name = re.sub(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]', "_", name).rstrip(". ")
    return name.encode()[:_MAX_NAME].decode("utf-8", "ignore") or "_"


def _by_document(folder: Path) -> dict[str, list[Path]]:
    """The images and glyph maps in a folder, by the name of the document they would belong to."""
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in folder.iterdir():
        page = _PAGE.fullmatch(path.name)
        if page:
            found[page[1]].append(path)
        elif path.suffix == ".json":
            found[path.stem].append(path)
    return found


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(_HEADER_END + 8 + len(_MARK))
    return start.startswith(_OPENING.encode()) or start.endswith(b"tEXt" + _MARK)


def _marked(png: bytes) -> bytes:
    """A PNG file that says who made it, in a text chunk (PNG specification, section 11.3.3.2)."""
    body = b"tEXt" + _MARK
    chunk = struct.pack(">I", len(_MARK)) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_HEADER_END] + chunk + png[_HEADER_END:]

"""The index file: what is in memory of a `VectorIndex`, so that opening a store need not read every vector from it.

It is derived from the database and never trusted over it. Two lines of text come first: the SHA-256 of the second, and
the second, JSON, which names the store, the generation and the sizes, and has a SHA-256 for each portion of the rest.
The rest is four arrays: vector rows, chunk rows and document rows (little-endian int64), then FAISS's codes as they
stand in its memory. FAISS's own reader is not used: arrays need no parser, so a file made by an attacker has nothing to
attack. A file that does not fit is not used, and is made anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

import faiss
import numpy as np
import numpy.typing as npt

from glyph_rag.store.files import open_regular, write_atomically
from glyph_rag.store.vectors import DTYPES, Block, Precision, VectorIndex, make_index

_log = logging.getLogger(__name__)

_FORMAT: Final = "glyph-rag-index-2"
_PORTION: Final = 1 << 24
_LONGEST_HEADER: Final = 1 << 20
_NUMBERS: Final = 3 * 8  # Bytes of row numbers for each vector.

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Header:
    """What an index file says about itself.

    Attributes:
        format: Names this way of writing it.
        store: The id of the store it belongs to.
        generation: The generation of the store that it shows.
        state: The name of that state.
        last_row: The largest vector row the index has ever held.
        dimension: Length of the vectors.
        precision: How they are stored.
        count: How many there are.
        digests: SHA-256 of each 16 MiB of the arrays, in hex.
    """

    format: str
    store: str
    generation: int
    state: str
    last_row: int
    dimension: int
    precision: Precision
    count: int
    digests: list[str]


def save(index: VectorIndex, folder: Path, store_id: str) -> None:
    """Writes `index-<generation>.faiss`, and then removes older ones.

    Raises:
        OSError: If the disk refuses.
    """
    index = index.compacted()
    arrays = [array.data for array in _arrays(index) if array.size]
    portions = [view[at : at + _PORTION] for view in arrays for at in range(0, len(view), _PORTION)]
    header = Header(
        _FORMAT, store_id, index.generation, index.state, index.last_row, index.dimension, index.precision,
        len(index), list(_digests(portions)),
    )  # fmt: skip
    line = json.dumps(asdict(header)).encode()
    path = folder / f"index-{index.generation}.faiss"
    write_atomically(path, [hashlib.sha256(line).hexdigest().encode() + b"\n" + line + b"\n", *portions])
    for old in folder.glob("index-*"):
        if old != path:
            old.unlink(missing_ok=True)


def newest(folder: Path, fits: Callable[[Header], bool]) -> tuple[Path, Header] | None:
    """The newest index file in a folder that fits the store, judged by its header alone."""
    for path in sorted(folder.glob("index-*.faiss"), key=lambda path: (len(path.name), path.name), reverse=True):
        try:
            header = read_header(path)
        except FileNotFoundError:
            continue  # A writer has put a newer one in its place.
        except (OSError, ValueError, TypeError) as error:
            _log.warning("%s is not used: %s", path.name, error)
            continue
        if fits(header):
            return path, header
        # Such as one that was written after the snapshot was taken for which an index is wanted.
        _log.info("%s is not used: it shows another store, or another state of this one", path.name)
    return None


def load(path: Path, header: Header) -> VectorIndex | None:
    """The index in a file whose header has been read, or None if the rest of it is damaged.

    Raises:
        FileNotFoundError: If a writer has put a newer one in its place.
    """
    try:
        return _read(path, header)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        _log.warning("%s is damaged (%s); it is made anew from the database", path.name, error)
        return None


def read_header(path: Path) -> Header:
    """What an index file says about itself.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no index file of this format, or its header is damaged.
        TypeError: If its header has other fields.
    """
    return _read_header(path)[0]


def _read_header(path: Path) -> tuple[Header, int]:
    """The header, and how many bytes it takes."""
    with os.fdopen(open_regular(path), "rb") as file:
        digest = file.readline(_LONGEST_HEADER).rstrip(b"\n")
        line = file.readline(_LONGEST_HEADER)
        size = file.tell()
    if not line.endswith(b"\n") or hashlib.sha256(line[:-1]).hexdigest().encode() != digest:
        raise ValueError("its header is not what was written")
    claims = json.loads(line)
    if not isinstance(claims, dict) or claims.get("format") != _FORMAT:
        raise ValueError("it has another format")
    header = Header(**{field.name: claims[field.name] for field in fields(Header) if field.name in claims})
    numbers = (header.generation, header.last_row, header.dimension, header.count)
    if not all(isinstance(number, int) and 0 <= number < 2**62 for number in numbers):
        raise ValueError("its numbers are out of range")
    if not isinstance(header.digests, list) or header.precision not in DTYPES:
        raise ValueError("its digests or its precision are none")
    return header, size


def _read(path: Path, header: Header) -> VectorIndex:
    handle = open_regular(path)
    try:
        skipped, size = _read_header(path)[1], os.fstat(handle).st_size
        index = make_index(header.dimension, header.precision)
        if size != skipped + header.count * (_NUMBERS + index.sa_code_size()):
            raise ValueError("it is cut off, or longer than it should be")
        if not header.count:
            return _index(header, ())
        with mmap.mmap(handle, size, access=mmap.ACCESS_READ) as mapped:
            return _from_bytes(memoryview(mapped)[skipped:], header, index)
    finally:
        os.close(handle)


def _from_bytes(data: memoryview, header: Header, index: faiss.Index) -> VectorIndex:
    """The index from the arrays, of which nothing is kept mapped."""
    with data:
        count, at, views = header.count, 0, []
        for width in (8, 8, 8, index.sa_code_size()):
            views.append(data[at : at + count * width])
            at += count * width
        portions = [view[at : at + _PORTION] for view in views for at in range(0, len(view), _PORTION)]
        try:
            if list(_digests(portions)) != header.digests:
                raise ValueError("its arrays are not what was written")
            rows, chunks, documents = (np.frombuffer(view, "<i8").astype(np.int64) for view in views[:3])
            index.add_sa_codes(np.frombuffer(views[3], np.uint8).reshape(count, -1))
        finally:
            for view in (*portions, *views):
                view.release()
    if (np.diff(rows) <= 0).any() or (np.diff(documents) < 0).any() or rows[-1] > header.last_row:
        raise ValueError("its rows are not in order")
    return _index(header, (Block(rows, chunks, documents, index),))


def _index(header: Header, blocks: tuple[Block, ...]) -> VectorIndex:
    return VectorIndex(header.dimension, header.precision, blocks, header.generation, header.state, header.last_row)


def _arrays(index: VectorIndex) -> Iterator[Bytes]:
    for block in index.blocks:
        for rows in (block.rows, block.chunks, block.documents):
            yield np.ascontiguousarray(rows, "<i8").view(np.uint8)
        size = len(block) * block.index.sa_code_size()
        yield faiss.rev_swig_ptr(block.index.codes.data(), size) if size else np.zeros(0, np.uint8)


def _digests(portions: list[memoryview]) -> Iterator[str]:
    """Hashing lets other threads run, so two portions are hashed at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(lambda portion: hashlib.sha256(portion).hexdigest(), portions)

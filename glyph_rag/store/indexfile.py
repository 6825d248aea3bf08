"""The index file: what is in memory of a `VectorIndex`, so that opening a store need not read every vector from it.

It is derived from the database and never trusted over it. Two lines of text come first: the SHA-256 of the second, and
the second, JSON, which names the store, the generation and the sizes, and has a SHA-256 for each portion of the rest.
The rest is arrays (`_sections`). FAISS's own reader is not used: arrays need no parser, so a file made by an attacker
has nothing to attack. A file that does not fit is not used, and is made anew.

The file of an exact index is read into memory. That of an approximate one stays where it is and is mapped: all but the
vectors in full is held against its SHA-256 at once, and these a few at a time, when they are first touched.
"""

from __future__ import annotations

import hashlib
import json
import logging
import mmap
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from math import isfinite, prod
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from glyph_rag.store.files import index_files, open_regular, write_atomically
from glyph_rag.store.lists import Lists, Scale, Tuning
from glyph_rag.store.load import Rows
from glyph_rag.store.sealed import SEALED_TOGETHER, Fetch, Sealed
from glyph_rag.store.vectors import DTYPES, Block, Exact, Precision, VectorIndex, make_index

_log = logging.getLogger(__name__)

_FORMAT: Final = "glyph-rag-index-3"
_PORTION: Final = 1 << 24
_HASHED: Final = 16
_LONGEST_HEADER: Final = 1 << 20
_TAKEN: Final = 512 * SEALED_TOGETHER
_ALIGNED: Final = 64

Arrays = dict[str, npt.NDArray[np.generic]]


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
        lists: How many lists they are in; 0 if the index is exact.
        tuning: How to search the lists; None if the index is exact.
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
    lists: int
    tuning: Tuning | None
    digests: list[str]


def save(index: VectorIndex, folder: Path, store_id: str) -> None:
    """Writes `index-<generation>.faiss`, and then removes older ones. A newer one is another process's, and stays.

    Raises:
        FileNotFoundError: If another process, which was about a newer one, has taken this for left over.
        OSError: If the disk refuses.
    """
    index = index.compacted()
    lists = _lists_of(index)
    header = Header(
        _FORMAT, store_id, index.generation, index.state, index.last_row, index.dimension, index.precision,
        len(index), len(lists.centres) if lists else 0, lists.tuning if lists else None, [],
    )  # fmt: skip
    arrays = _arrays_of(header, index)
    header = replace(header, digests=list(_digests(_portions(header, arrays))))
    path = folder / f"index-{index.generation}.faiss"
    write_atomically(path, _parts(header, arrays, index))
    for old in folder.glob("index-*"):
        if _generation_in(old.name) < index.generation:
            with suppress(PermissionError):  # On Windows, a file that is mapped stays until a later write.
                old.unlink(missing_ok=True)


def _generation_in(name: str) -> int:
    found = re.fullmatch(r"index-(\d{1,18})\.faiss(\.tmp)?", name, re.ASCII)
    return int(found[1]) if found else -1


def newest(folder: Path, fits: Callable[[Header], bool]) -> tuple[Path, Header] | None:
    """The newest index file in a folder that fits the store, judged by its header alone.

    Raises:
        StoreError: If the folder cannot be looked into.
    """
    for path in index_files(folder):
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


def load(path: Path, header: Header, fetch: Fetch | None = None) -> VectorIndex | None:
    """The index in a file whose header has been read, or None if the rest of it is damaged.

    Args:
        path: The file.
        header: What `read_header` made of it.
        fetch: Gives the vectors of an approximate index that turn out to be damaged later; see `Sealed`.

    Raises:
        FileNotFoundError: If a writer has put a newer one in its place.
    """
    try:
        return _read(path, header, fetch)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        _log.warning("%s cannot be used (%s); it is made anew from the database", path.name, error)
        return None


def is_whole(path: Path, header: Header) -> bool:
    """Whether every byte of a file whose header has been read is what was written.

    Raises:
        FileNotFoundError: If a writer has put a newer one in its place.
    """
    index = load(path, header)
    lists = None if index is None else _lists_of(index)
    return index is not None and (lists is None or not isinstance(lists.full, Sealed) or lists.full.all_sound())


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
        raise ValueError("its header does not match its checksum")
    try:
        claims = json.loads(line)
    except RecursionError as error:
        raise ValueError("its header is too deep") from error
    if not isinstance(claims, dict) or claims.get("format") != _FORMAT:
        raise ValueError("it has another format")
    tuning = claims.get("tuning")
    claims["tuning"] = Tuning(**tuning) if isinstance(tuning, dict) else None
    header = Header(**{field.name: claims[field.name] for field in fields(Header) if field.name in claims})
    _check(header)
    return header, size


def _check(header: Header) -> None:
    """Raises `ValueError` if it says what cannot be."""
    numbers = [header.generation, header.last_row, header.dimension, header.count, header.lists]
    measures = []
    if header.tuning is not None:
        numbers += [header.tuning.probed, header.tuning.trained, header.tuning.asked]
        measures = [header.tuning.slack, header.tuning.recall]
    if not all(isinstance(number, int) and 0 <= number < 2**62 for number in numbers):
        raise ValueError("its numbers are out of range")
    if not all(isinstance(measure, int | float) and isfinite(measure) and measure >= 0 for measure in measures):
        raise ValueError("its numbers are out of range")
    if bool(header.lists) != bool(header.tuning) or (header.tuning and not 1 <= header.tuning.probed <= header.lists):
        raise ValueError("its lists cannot be searched")
    if not isinstance(header.digests, list) or header.precision not in DTYPES:
        raise ValueError("its digests or its precision are invalid")


def _sections(header: Header) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The arrays of a file, in order: dtype and shape."""
    count, dimension, lists = header.count, header.dimension, header.lists
    found: dict[str, tuple[str, tuple[int, ...]]] = dict.fromkeys(("rows", "owners", "documents"), ("<i8", (count,)))
    if lists:
        found |= {
            "positions": ("<i8", (count,)), "starts": ("<i8", (lists + 1,)), "centres": ("<f4", (lists, dimension)),
            "scale": ("<f4", (2, dimension)), "seals": ("|u1", (-(-count // SEALED_TOGETHER), 32)),
        }  # fmt: skip
    found["full"] = (DTYPES[header.precision], (count, dimension))
    if lists:
        found["codes"] = ("|u1", (count, dimension))
    return found


def _arrays_of(header: Header, index: VectorIndex) -> Arrays:
    """What is written of an index, but for its vectors in full."""
    if not index.blocks:
        return {}
    (block,) = index.blocks
    found: Arrays = {"rows": block.rows, "owners": block.owners, "documents": block.documents}
    lists = _lists_of(index)
    if lists is None:
        found["full"] = block.vectors().data
    else:
        dtype = DTYPES[header.precision]
        size = SEALED_TOGETHER * header.dimension * np.dtype(dtype).itemsize
        seals = (
            hashlib.sha256(part[at : at + size]).digest()
            for part in _full(lists, dtype)
            for at in range(0, len(part), size)
        )
        found |= {
            "positions": lists.positions, "starts": lists.starts, "centres": lists.centres,
            "scale": np.stack([lists.scale.low, lists.scale.spread]),
            "seals": np.frombuffer(b"".join(seals), np.uint8), "codes": lists.codes,
        }  # fmt: skip
    return {name: np.ascontiguousarray(array, _sections(header)[name][0]) for name, array in found.items()}


def _full(lists: Lists, dtype: str) -> Iterator[bytes]:
    """The vectors in full, as they are written, in portions of a whole number of seals."""
    for at in range(0, len(lists), _TAKEN):
        yield lists.full.take(np.arange(at, min(len(lists), at + _TAKEN))).astype(dtype).tobytes()


def _parts(header: Header, arrays: Arrays, index: VectorIndex) -> Iterator[bytes | memoryview]:
    line = json.dumps(asdict(header)).encode()
    line += b" " * (-(hashlib.sha256().digest_size * 2 + 2 + len(line)) % _ALIGNED)
    yield hashlib.sha256(line).hexdigest().encode() + b"\n" + line + b"\n"
    lists = _lists_of(index)
    for name in _sections(header):
        if name == "full" and lists is not None:
            yield from _full(lists, DTYPES[header.precision])
        elif name in arrays and arrays[name].size:
            yield arrays[name].data.cast("B")


def _portions(header: Header, arrays: Arrays) -> list[memoryview]:
    """What the header has a digest of, in order."""
    views = [arrays[name].reshape(-1).view(np.uint8).data for name in _sections(header) if name in arrays]
    return [view[at : at + _PORTION] for view in views for at in range(0, len(view), _PORTION)]


def _check_digests(portions: list[memoryview], digests: list[str]) -> None:
    """Raises `ValueError` if portions have other digests. Stops at the first: a file of nothing may be endless."""
    for at in range(0, max(len(portions), len(digests)), _HASHED):
        if list(_digests(portions[at : at + _HASHED])) != digests[at : at + _HASHED]:
            raise ValueError("its arrays do not match their checksums")


def _read(path: Path, header: Header, fetch: Fetch | None) -> VectorIndex:
    handle = open_regular(path)
    try:
        skipped, size = _read_header(path)[1], os.fstat(handle).st_size
        sizes = [prod(shape) * np.dtype(dtype).itemsize for dtype, shape in _sections(header).values()]
        if size != skipped + sum(sizes) or skipped % _ALIGNED:
            raise ValueError("it is cut off, or longer than it should be")
        if not header.count:
            return _index(header, ())
        mapped = mmap.mmap(handle, size, access=mmap.ACCESS_READ)
    finally:
        os.close(handle)
    # It is unmapped when nothing points into it any more.
    arrays, at = {}, skipped
    for (name, (dtype, shape)), length in zip(_sections(header).items(), sizes, strict=True):
        arrays[name] = np.frombuffer(mapped, dtype, prod(shape), at).reshape(shape)
        at += length
    sealed = {name: array for name, array in arrays.items() if not (header.lists and name == "full")}
    _check_digests(_portions(header, sealed), header.digests)
    rows, owners, documents = (np.array(arrays[name], np.int64) for name in ("rows", "owners", "documents"))
    if (np.diff(rows) <= 0).any() or (np.diff(documents) < 0).any() or rows[-1] > header.last_row:
        raise ValueError("its rows are not in order")
    if header.tuning is not None:
        found = _lists(header.tuning, arrays, rows, fetch, path.name)
        return _index(header, (Block(rows, owners, documents, found),))
    index = make_index(header.dimension, header.precision)
    index.add(np.asarray(arrays["full"], np.float32))
    return _index(header, (Block(rows, owners, documents, Exact(index)),))


def _lists(tuning: Tuning, arrays: Arrays, rows: Rows, fetch: Fetch | None, name: str) -> Lists:
    """The lists in the arrays, most of which stay in the file."""
    positions, starts = np.array(arrays["positions"], np.int64), np.array(arrays["starts"], np.int64)
    each_once = np.zeros(len(rows), np.bool_)
    each_once[positions[(positions >= 0) & (positions < len(rows))]] = True
    if not each_once.all() or starts[0] or starts[-1] != len(rows) or (np.diff(starts) < 0).any():
        raise ValueError("its lists do not hold each vector once")
    centres, scale = np.array(arrays["centres"], np.float32), np.array(arrays["scale"], np.float32)
    if not (np.isfinite(centres).all() and np.isfinite(scale).all() and (scale[1] > 0).all()):
        raise ValueError("its centres or its scale are no numbers")
    codes, seals = arrays["codes"].view(np.uint8), arrays["seals"].view(np.uint8)
    full = Sealed(name, arrays["full"], seals, rows[positions], fetch)
    return Lists(centres, starts, positions, Scale(scale[0], scale[1]), codes, full, tuning)


def _index(header: Header, blocks: tuple[Block, ...]) -> VectorIndex:
    return VectorIndex(header.dimension, header.precision, blocks, header.generation, header.state, header.last_row)


def _lists_of(index: VectorIndex) -> Lists | None:
    found = index.blocks[0].index if index.blocks else None
    return found if isinstance(found, Lists) else None


def _digests(portions: list[memoryview]) -> Iterator[str]:
    """Hashing lets other threads run, so two portions are hashed at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(lambda portion: hashlib.sha256(portion).hexdigest(), portions)

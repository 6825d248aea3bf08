"""Every write, truncation, sync, rename and removal that a piece of code does, recorded, and what a disk may hold then.

SQLite's operations are seen where SQLite itself hands them to the system: the `xOpen` and `xDelete` of its default VFS
are replaced through ctypes, in the very library that Python's sqlite3 uses, as SQLite's own crash tests replace them
(test6.c, test_vfs.c). What Python code does goes through `os`, and is seen there.

From such a recording, the state of the disk after a crash at any operation can be made without crashing: `Crash` says
what had become of data and names that nobody had synced.
"""

from __future__ import annotations

import _sqlite3
import ctypes
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple
from unittest import mock

Kind = Literal["create", "write", "truncate", "sync", "delete", "rename", "sync names"]
SECTOR = 512


class Operation(NamedTuple):
    """One operation on a file; `name` and `target` are names within the folder."""

    kind: Kind
    name: str
    offset: int = 0
    data: bytes = b""
    target: str = ""


Crash = Literal["killed", "unsynced lost", "unsynced torn", "names lost"]
"""killed: the process died, the system went on. unsynced lost: the power went, and with it all data that nobody had
synced. unsynced torn: some sectors of it are there. names lost: files made, renamed or removed since the last sync of
the folder are not, or still there."""

CRASHES: tuple[Crash, ...] = ("killed", "unsynced lost", "unsynced torn", "names lost")

_POINTER = ctypes.c_void_p
# Names are handed on as pointers: SQLite keeps them, and has more behind their ends.
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, _POINTER, ctypes.c_int, _POINTER)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, _POINTER, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_int)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int), ("file_size", ctypes.c_int), ("longest_path", ctypes.c_int), ("next", _POINTER),
        ("name", ctypes.c_char_p), ("data", _POINTER), ("open", _POINTER), ("delete", _POINTER),
    )  # fmt: skip


class _Methods(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int), ("close", _POINTER), ("read", _POINTER), ("write", _POINTER),
        ("truncate", _POINTER), ("sync", _POINTER), ("others", _POINTER * 13),
    )  # fmt: skip


class _File(ctypes.Structure):
    _fields_ = (("methods", _POINTER),)


def default_vfs() -> _Vfs | None:
    """SQLite's default VFS in the library that Python uses, or None where it cannot be reached."""
    try:
        find = ctypes.CDLL(_sqlite3.__file__).sqlite3_vfs_find
    except (AttributeError, OSError):
        return None
    find.restype = ctypes.POINTER(_Vfs)
    find.argtypes = (ctypes.c_char_p,)
    found = find(None)
    return found.contents if found else None


@contextmanager
def recording(folder: Path, tell: Callable[[Operation], None]) -> Iterator[None]:
    """Calls `tell` before every operation on a file in a folder. What it raises is lost; it may end the process."""
    vfs = default_vfs()
    assert vfs is not None
    hooks = _Hooks(vfs, _within(folder), tell)
    before = vfs.open, vfs.delete
    vfs.open = ctypes.cast(hooks.open, _POINTER).value
    vfs.delete = ctypes.cast(hooks.delete, _POINTER).value
    try:
        python = _Python(folder, tell)
        replaced = {name: getattr(python, name) for name in ("open", "close", "write", "fsync", "replace", "unlink")}
        with mock.patch.multiple(os, **replaced):
            yield
    finally:
        vfs.open, vfs.delete = before


def _within(folder: Path) -> Callable[[object], str | None]:
    """The name within the folder of a path, or None for paths elsewhere."""
    root = os.path.realpath(folder)

    def name(path: object) -> str | None:
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        head, tail = os.path.split(os.path.realpath(os.fsdecode(path)))
        return tail if head == root else None

    return name


class _Hooks:
    """The replaced functions of SQLite, kept alive as long as they are installed."""

    def __init__(self, vfs: _Vfs, within: Callable[[object], str | None], tell: Callable[[Operation], None]) -> None:
        self._open, self._delete = _OPEN(vfs.open), _DELETE(vfs.delete)
        self._within, self._tell = within, tell
        self._names: dict[int, str] = {}
        self._patched: dict[int, tuple[_Methods, list[object]]] = {}
        self.open, self.delete = _OPEN(self._on_open), _DELETE(self._on_delete)

    def _on_open(self, vfs: int, path: int | None, file: int, flags: int, out: int) -> int:
        name = self._within(ctypes.string_at(path)) if path else None
        if name is not None and path and not _there(ctypes.string_at(path)):
            self._tell(Operation("create", name))
        code: int = self._open(vfs, path, file, flags, out)
        methods = _File.from_address(file).methods
        self._names.pop(file, None)
        if code == 0 and name is not None and methods:
            self._names[file] = name
            _File.from_address(file).methods = ctypes.addressof(self._methods(methods))
        return code

    def _on_delete(self, vfs: int, path: int, sync_folder: int) -> int:
        name = self._within(ctypes.string_at(path))
        if name is not None and _there(ctypes.string_at(path)):
            self._tell(Operation("delete", name))
        code: int = self._delete(vfs, path, sync_folder)
        if name is not None and sync_folder:
            self._tell(Operation("sync names", ""))
        return code

    def _methods(self, address: int) -> _Methods:
        """A copy of the methods of a kind of file, with ours in it."""
        known = {ctypes.addressof(methods): methods for methods, _ in self._patched.values()}
        if address in known:
            return known[address]
        if address not in self._patched:
            theirs = _Methods.from_address(address)
            ours = _Methods.from_buffer_copy(theirs)
            write, truncate, sync = _WRITE(theirs.write), _TRUNCATE(theirs.truncate), _SYNC(theirs.sync)

            def on_write(file: int, data: int, size: int, offset: int) -> int:
                self._tell(Operation("write", self._names[file], offset, ctypes.string_at(data, size)))
                return write(file, data, size, offset)

            def on_truncate(file: int, size: int) -> int:
                self._tell(Operation("truncate", self._names[file], size))
                return truncate(file, size)

            def on_sync(file: int, flags: int) -> int:
                code = sync(file, flags)
                name = self._names[file]
                self._tell(Operation("sync", name))
                if name.endswith(("-wal", "-journal")):  # unixSync() syncs the folder of a new log with it.
                    self._tell(Operation("sync names", ""))
                return code

            callbacks: list[object] = [_WRITE(on_write), _TRUNCATE(on_truncate), _SYNC(on_sync)]
            ours.write, ours.truncate, ours.sync = (ctypes.cast(one, _POINTER).value for one in callbacks)
            self._patched[address] = (ours, callbacks)
        return self._patched[address][0]


class _Python:
    """Stands in for functions of `os`: opening, writing, syncing, renaming and removing."""

    def __init__(self, folder: Path, tell: Callable[[Operation], None]) -> None:
        self._within, self._root, self._tell = _within(folder), os.path.realpath(folder), tell
        self._names: dict[int, str] = {}
        self._open, self._close, self._write = os.open, os.close, os.write
        self._fsync, self._replace, self._unlink = os.fsync, os.replace, os.unlink

    def open(self, path: str, flags: int, *rest: int, **options: int) -> int:
        name = self._within(path)
        if name is not None and flags & os.O_CREAT and not _there(path):
            self._tell(Operation("create", name))
        handle = self._open(path, flags, *rest, **options)
        if name is not None:
            self._names[handle] = name
        elif not isinstance(path, int) and os.path.realpath(path) == self._root:
            self._names[handle] = ""
        return handle

    def close(self, handle: int) -> None:
        self._names.pop(handle, None)
        self._close(handle)

    def write(self, handle: int, data: bytes) -> int:
        if handle in self._names:
            # Our own files are written from front to back.
            self._tell(Operation("write", self._names[handle], os.lseek(handle, 0, os.SEEK_CUR), bytes(data)))
        return self._write(handle, data)

    def fsync(self, handle: int) -> None:
        self._fsync(handle)
        if handle in self._names:
            name = self._names[handle]
            self._tell(Operation("sync", name) if name else Operation("sync names", ""))

    def replace(self, source: str, target: str) -> None:
        name, new = self._within(source), self._within(target)
        if name is not None and new is not None:
            self._tell(Operation("rename", name, target=new))
        self._replace(source, target)

    def unlink(self, path: str, **options: int) -> None:
        name = self._within(path)
        if name is not None and _there(path):
            self._tell(Operation("delete", name))
        self._unlink(path, **options)


def _there(path: str | bytes) -> bool:
    return os.path.lexists(path)


class _Data:
    """The content of a file: what is on the disk for certain, and what has been done since."""

    def __init__(self, content: bytes = b"") -> None:
        self.synced = bytearray(content)
        self.since: list[Operation] = []

    def after(self, crash: Crash, chance: random.Random) -> bytes:
        content = bytearray(self.synced)
        for operation in self.since:
            if crash in ("killed", "names lost"):
                _apply(content, operation)
            elif crash == "unsynced torn":
                for piece in _pieces(operation):
                    if chance.random() < 0.5:
                        _apply(content, piece)
        return bytes(content)


class Disk:
    """A folder on a disk that can be crashed."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._names = {name: _Data(content) for name, content in files.items()}
        self._synced_names = dict(self._names)

    def do(self, operation: Operation) -> None:
        """An operation that went well."""
        kind, name = operation.kind, operation.name
        if kind == "create":
            self._names[name] = _Data()
        elif kind == "delete":
            self._names.pop(name, None)
        elif kind == "rename":
            self._names[operation.target] = self._names.pop(name)
        elif kind == "sync names":
            self._synced_names = dict(self._names)
        elif name in self._names:
            data = self._names[name]
            if kind == "sync":
                data.synced = bytearray(data.after("killed", random.Random()))
                data.since.clear()
            else:
                data.since.append(operation)

    def after(self, crash: Crash, chance: random.Random) -> dict[str, bytes]:
        """What is there when the machine comes back."""
        names = self._synced_names if crash == "names lost" else self._names
        return {name: data.after(crash, chance) for name, data in names.items()}


def _apply(content: bytearray, operation: Operation) -> None:
    if operation.kind == "truncate":
        del content[operation.offset :]
        content.extend(bytes(operation.offset - len(content)))
    else:
        content.extend(bytes(max(0, operation.offset - len(content))))
        content[operation.offset : operation.offset + len(operation.data)] = operation.data


def _pieces(operation: Operation) -> Iterator[Operation]:
    """A write sector by sector, as a disk may do it."""
    at, end = operation.offset, operation.offset + len(operation.data)
    if operation.kind == "truncate":
        yield operation
        return
    while at < end:
        stop = min(end, (at // SECTOR + 1) * SECTOR)
        yield operation._replace(offset=at, data=operation.data[at - operation.offset : stop - operation.offset])
        at = stop

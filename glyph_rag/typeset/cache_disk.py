"""The page cache's entries on disk."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import secrets
import shutil
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_log = logging.getLogger(__name__)

_BLOCK = 4096
_SPARE = 0.05
_PATIENCE = 0.1
_SCAN_AFTER = 1000
_HEADER = struct.Struct("<8sIQ32s")
_MAGIC, _VERSION = b"glyphpg\n", 1
_LEDGER = struct.Struct("<8sQQI")
_LEDGER_MAGIC = b"glyphcb\n"
_SUBFOLDER = re.compile(r"[0-9a-f]{2}")
_ENTRY = re.compile(r"[0-9a-f]{32,128}\.page")
_TEMPORARY = re.compile(r"[0-9a-f]{16}\.tmp")


class DiskCache:
    """Entries as files named by their keys, spread over 256 subfolders.

    Files change only under a lock on the ledger, a file that says how many bytes there are. A write is entered in
    the ledger before it is made, so a process that is killed leaves the ledger too high, never too low, and a
    temporary file that the holder of the lock finds belongs to a dead process. The ledger is made anew from the files
    when it says that the bound is reached, when it cannot be read, and after as many writes as there are files. That
    frees a tenth of the bound, so that a write looks at a constant number of files on average.

    Readers take no lock: a file appears whole under its name, and its header is a checksum of its key and body.
    Nothing is synced to the platter: what a power failure spoils, the checksum shows, and it is rendered again.
    """

    def __init__(self, folder: Path, bound: int) -> None:
        self.folder = folder
        self._bound = bound
        self._patience = _PATIENCE
        self._warned: dict[str, object] = {}
        self._writable = True
        try:
            # What documents say is nobody else's business; the permissions of a folder that is there are left alone.
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            self._give_up(error)

    def read(self, key: str) -> tuple[bytes | None, bool]:
        """The body under a key if it is there and is what was written, and whether something else was there.

        That is removed. A body that is found counts as used now.
        """
        path = self._path(key)
        try:
            body = _read_entry(path, key)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None, False
        except OSError as error:
            self._warn("read", f"the page cache in {self.folder} cannot be read ({error}); pages are rendered again")
            return None, False
        if body is None:
            _log.warning("%s in the page cache is damaged or foreign; it is removed and rendered again", path.name)
            _remove(path)
            return None, True
        with suppress(OSError):
            os.utime(path)
        return body, False

    def write(self, key: str, body: bytes) -> int:
        """Keeps a body, unless there is no room for it or another process does not let go of the folder.

        Returns:
            How many entries were dropped to make room, the least recently used first.
        """
        if not self._writable or _charge(len(body)) > self._bound:
            return 0
        try:
            volume = shutil.disk_usage(self.folder)
            if volume.free < volume.total * _SPARE:
                self._warn("full", f"less than {_SPARE:.0%} of the volume of {self.folder} is free; no page is added")
                return 0
            with self._locked(self._patience) as ledger:
                self._patience = _PATIENCE
                return self._add(key, body, ledger)
        except TimeoutError:
            # Whoever holds the lock so long may be stopped: waiting at every page would cost more than it saves.
            self._patience = 0.0
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                self._warn("full", f"no space for the page cache in {self.folder} ({error}); no page is added")
            else:
                self._give_up(error)
        return 0

    def size(self) -> int:
        """Bytes on disk according to the ledger; 0 if there is none."""
        try:
            record = _unpack_ledger((self.folder / "ledger").read_bytes())
        except OSError:
            return 0
        return record[0] if record else 0

    def clear(self) -> None:
        """Removes all entries, or warns if another process does not let go of the folder."""
        if not self._writable:
            return
        try:
            with self._locked(10.0) as ledger:
                used, _, _ = self._shrink(-1)
                _write_ledger(ledger, used, 0)
        except OSError as error:
            _log.warning("the page cache in %s cannot be cleared (%s)", self.folder, error)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key[:2]}/{key}.page"

    @contextmanager
    def _locked(self, patience: float) -> Iterator[int]:
        """Holds the lock of the folder and gives a descriptor of the ledger.

        A descriptor for each use, so that a forked child shares none with its parent.

        Raises:
            TimeoutError: If another process or thread held the lock for `patience` seconds.
        """
        ledger = os.open(self.folder / "ledger", os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            deadline = time.monotonic() + patience
            while not _try_lock(ledger):
                if time.monotonic() >= deadline:
                    raise TimeoutError("another process is writing")
                time.sleep(0.001)
            try:
                yield ledger
            finally:
                _unlock(ledger)
        finally:
            os.close(ledger)

    def _add(self, key: str, body: bytes, ledger: int) -> int:
        path, charge = self._path(key), _charge(len(body))
        if path.exists():
            return 0
        removed = 0
        used, writes_left = _read_ledger(ledger) or (0, 0)
        if not writes_left or used + charge > self._bound:
            used, files, removed = self._shrink(self._bound - charge)
            writes_left = max(files, _SCAN_AFTER)
        if used + charge > self._bound:
            raise OSError(errno.EBUSY, "files that cannot be removed fill it", str(self.folder))
        _write_ledger(ledger, used + charge, writes_left - 1)
        try:
            _write_entry(path, key, body)
        except OSError:
            _write_ledger(ledger, used, writes_left - 1)
            raise
        return removed

    def _shrink(self, target: int) -> tuple[int, int, int]:
        """Looks at all files, removes temporary ones and, if the rest is over `target`, the oldest tenth of the bound.

        Returns:
            The bytes and the number of the files that are left, and the number of entries that were removed.
        """
        entries, used = [], 0
        for file in _files(self.folder):
            if file.name.endswith(".tmp") and _remove(Path(file)):
                continue
            # A reader that finds a damaged file removes it without the lock.
            with suppress(FileNotFoundError):
                status = file.stat(follow_symlinks=False)
                entries.append((status.st_mtime_ns, file.path, _charge(status.st_size - _HEADER.size)))
                used += entries[-1][2]
        files = len(entries)
        if used > target:
            entries.sort()
            for _, path, charge in entries:
                if used <= min(target, self._bound * 9 // 10):
                    break
                if _remove(Path(path)):
                    used, files = used - charge, files - 1
        return used, files, len(entries) - files

    def _give_up(self, error: OSError) -> None:
        self._writable = False
        self._warn("write", f"the page cache in {self.folder} cannot be written ({error}); no page is added any more")

    def _warn(self, topic: str, message: str) -> None:
        """Logs a warning, once for each topic, also when threads come at once."""
        mine = object()
        if self._warned.setdefault(topic, mine) is mine:
            _log.warning("%s", message)


def _header(key: str, body: bytes) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(body)
    return _HEADER.pack(_MAGIC, _VERSION, len(body), digest.digest())


def _read_entry(path: Path, key: str) -> bytes | None:
    """The body in a file, or `None` if it is not the file that was written for this key."""
    with path.open("rb", buffering=0) as file:
        header = file.read(_HEADER.size)
        length = os.fstat(file.fileno()).st_size - _HEADER.size
        # The length first, so that a large foreign file is not read.
        if len(header) != _HEADER.size or _HEADER.unpack(header)[:3] != (_MAGIC, _VERSION, length):
            return None
        body = file.read()
    return body if header == _header(key, body) else None


def _write_entry(path: Path, key: str, body: bytes) -> None:
    """Makes a file appear as a whole, or, if it cannot be written, not at all."""
    temporary = path.parent / f"{secrets.token_hex(8)}.tmp"
    path.parent.mkdir(exist_ok=True)
    try:
        with temporary.open("xb") as file:
            file.write(_header(key, body))
            file.write(body)
        temporary.replace(path)
    except OSError as error:
        _remove(temporary)
        # Windows refuses to rename a file that a virus scanner has just opened: no reason to give up.
        if not (sys.platform == "win32" and isinstance(error, PermissionError)):
            raise


def _charge(length: int) -> int:
    """Bytes that a body takes on disk: with its header, in whole blocks."""
    return -(-(length + _HEADER.size) // _BLOCK) * _BLOCK


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """The cache's own files in a folder; all others, also of the same folder, are left alone."""
    with os.scandir(folder) as subfolders:
        names = [s.name for s in subfolders if _SUBFOLDER.fullmatch(s.name) and s.is_dir(follow_symlinks=False)]
    for name in names:
        with suppress(FileNotFoundError), os.scandir(folder / name) as files:
            yield from (file for file in files if _ENTRY.fullmatch(file.name) or _TEMPORARY.fullmatch(file.name))


def _remove(path: Path) -> bool:
    """Removes a file; whether it is gone. Windows keeps one that somebody is reading."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _read_ledger(ledger: int) -> tuple[int, int] | None:
    os.lseek(ledger, 0, os.SEEK_SET)
    return _unpack_ledger(os.read(ledger, _LEDGER.size + 1))


def _unpack_ledger(record: bytes) -> tuple[int, int] | None:
    """Bytes on disk, and writes until the files are looked at again; `None` if the record is damaged."""
    if len(record) != _LEDGER.size:
        return None
    magic, used, writes_left, checksum = _LEDGER.unpack(record)
    return (used, writes_left) if magic == _LEDGER_MAGIC and checksum == zlib.crc32(record[:-4]) else None


def _write_ledger(ledger: int, used: int, writes_left: int) -> None:
    record = _LEDGER.pack(_LEDGER_MAGIC, used, writes_left, 0)[:-4]
    os.lseek(ledger, 0, os.SEEK_SET)
    os.write(ledger, record + zlib.crc32(record).to_bytes(4, "little"))
    # A longer file, which somebody else wrote, would never be read as a ledger.
    os.ftruncate(ledger, _LEDGER.size)


if sys.platform == "win32":
    _FAR = 2**30

    def _try_lock(file: int) -> bool:
        # A byte past the end: what is locked on Windows cannot be read.
        os.lseek(file, _FAR, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_UNLCK, 1)

else:

    def _try_lock(file: int) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)

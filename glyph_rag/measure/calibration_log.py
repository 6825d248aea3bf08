"""What a calibration has measured so far, one line of JSON for each answer, so that it can go on after an interruption.

The order of the lines does not matter. A line that was cut off while it was written is dropped and asked again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Final, TypeAlias

from glyph_rag.errors import InputError

FORMAT: Final = "glyph-rag-calibration-1"
_MOST_BYTES = 200_000_000
_HINT = "remove the file to begin anew, or name another one"
Key: TypeAlias = tuple[str, str, str, int]


@dataclass(frozen=True)
class Header:
    """Whose answers these are; answers of others are not mixed in.

    Attributes:
        reader: The reader's name.
        model: What its maker calls the model.
        seed: Which questions.
        version: The version of glyph-rag.
        format: What kind of file this is.
    """

    reader: str
    model: str
    seed: int
    version: str
    format: str = FORMAT


@dataclass(frozen=True)
class Outcome:
    """What came of one probe.

    Attributes:
        shown: "image" or "text", a blank, and the fingerprint of the page's profile.
        language: The language's tag.
        kind: What was asked for.
        number: Which probe of its kind.
        right: As in `judge.Judgement`, and so are the next three.
        verified: See there.
        abstained: See there.
        silent: See there.
        image_tokens: What the image costs by the reader's rule; 0 for text.
        text_tokens: What the page would cost as text.
        prompt_tokens: What the prompt took: as the provider said, or else by the plan.
        output_tokens: What the reply took, or 0 where nobody said.
        seconds: How long the reader took.
    """

    shown: str
    language: str
    kind: str
    number: int
    right: bool
    verified: bool
    abstained: bool
    silent: bool
    image_tokens: int
    text_tokens: int
    prompt_tokens: int
    output_tokens: int
    seconds: float

    @property
    def key(self) -> Key:
        """Which probe it is of."""
        return self.shown, self.language, self.kind, self.number


class Log:
    """The answers of one calibration, in memory and in a file if there is one."""

    def __init__(self, outcomes: dict[Key, Outcome], file: IO[str] | None) -> None:
        """Use `open_log`."""
        self.outcomes, self._file = outcomes, file

    def add(self, outcome: Outcome) -> None:
        """Keeps an answer."""
        self.outcomes[outcome.key] = outcome
        if self._file is not None:
            self._file.write(json.dumps(asdict(outcome)) + "\n")
            self._file.flush()


@contextmanager
def open_log(path: Path | None, header: Header) -> Iterator[Log]:
    """The log in a file, with what is in it already; in memory alone where there is no path.

    Raises:
        InputError: If the file cannot be read or written, is no such log, or belongs to another calibration.
    """
    if path is None:
        yield Log({}, None)
        return
    try:
        lines = _lines(path)
        outcomes = _outcomes(lines, header, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{line}\n" for line in lines or [json.dumps(asdict(header))]), "utf-8", newline="\n")
        file = path.open("a", encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"cannot use {str(path)!r}: {error.strerror}", hint=_HINT) from error
    with file:
        yield Log(outcomes, file)


def _lines(path: Path) -> list[str]:
    """The whole lines of a file."""
    if not path.exists():
        return []
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{str(path)!r} has over {_MOST_BYTES:,} bytes", hint=_HINT)
    return path.read_bytes().decode("utf-8", "replace").split("\n")[:-1]


def _outcomes(lines: list[str], header: Header, path: Path) -> dict[Key, Outcome]:
    if not lines:
        return {}
    try:
        found = Header(**json.loads(lines[0]))
        outcomes = [_checked(Outcome(**json.loads(line))) for line in lines[1:]]
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{str(path)!r} is no log of a calibration", hint=_HINT) from error
    if found != header:
        differing = ", ".join(f.name for f in fields(Header) if getattr(found, f.name) != getattr(header, f.name))
        raise InputError(f"{str(path)!r} belongs to a calibration with another {differing}", hint=_HINT)
    return {outcome.key: outcome for outcome in outcomes}


def _checked(outcome: Outcome) -> Outcome:
    for field in fields(Outcome):
        value = getattr(outcome, field.name)
        if type(value).__name__ != field.type or (isinstance(value, int | float) and not value >= 0):
            raise ValueError(f"{field.name} is {value!r}")
    return outcome

"""A render_config as it was written: keys, values, and the line each stands on. What they mean is decided elsewhere.

YAML is read from its events: a config is a flat mapping, so everything that makes YAML dangerous or surprising (tags,
anchors, nesting, `no` for false, `010` for 8) is refused rather than interpreted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

import yaml

from glyph_rag.errors import ProfileError

MAX_BYTES: Final = 1_000_000

_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,11})(\.[0-9]{0,12})?")
_WORDS: Final[Mapping[str, bool | None]] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}


@dataclass(frozen=True)
class Settings:
    """What a render_config says.

    Attributes:
        name: What messages call it: the file's path, or "render_config".
        folder: What relative paths in it are relative to.
        values: Value by key. Keys have underscores, however they were spelled.
        spelled: The key as it was spelled, by key.
        lines: The line a key stands on, counted from 1, where that is known.
    """

    name: str
    folder: Path
    values: Mapping[str, object]
    spelled: Mapping[str, str]
    lines: Mapping[str, int]

    def place(self, key: str = "") -> str:
        """What to call the place of a key in a message, or the whole."""
        return f"{self.name}, line {self.lines[key]}" if key in self.lines else self.name

    def error(self, key: str, message: str, hint: str) -> ProfileError:
        """An error that names the place of a key."""
        return ProfileError(f"{self.place(key)}: {message}", hint=hint)

    def bad_value(self, key: str, hint: str) -> ProfileError:
        """The error for a value that a key cannot have."""
        shown = repr(self.values[key])
        return self.error(key, f"{self.spelled[key]} is {shown if len(shown) <= 80 else shown[:80] + '...'}", hint)

    def paths(self, key: str) -> tuple[Path, ...]:
        """The font files that a key names: one path or a list of them.

        Raises:
            ProfileError: If the value is something else, or a file is missing.
        """
        value = self.values.get(key, ())
        paths: list[Path] = []
        for item in value if isinstance(value, (list, tuple)) else (value,):
            if not isinstance(item, (str, Path)) or not str(item):
                raise self.bad_value(key, "choose the path of a font file, or a list of paths")
            paths.append(self.folder / item)
            if not paths[-1].is_file():
                raise self.error(
                    key,
                    f"there is no font file {str(paths[-1])!r}",
                    "put it there, or drop the key: the bundled fonts, which cover every common script, are used then",
                )
        return tuple(paths)

    @contextmanager
    def locating(self, key: str = "") -> Iterator[None]:
        """Adds the place of a key to a `ProfileError` from inside."""
        try:
            yield
        except ProfileError as error:
            raise ProfileError(f"{self.place(key)}: {error.message}", hint=error.hint) from error


def read(path: Path) -> Settings:
    """The settings in a file: JSON where its name ends in .json, else YAML. At most `MAX_BYTES`, in UTF-8.

    Raises:
        ProfileError: If the file cannot be read or is no flat mapping.
    """
    text = _read_text(path)
    pairs = _read_json(text, str(path)) if path.suffix.lower() == ".json" else _read_yaml(text, str(path))
    return _collect(str(path), path.absolute().parent, pairs)


def from_mapping(mapping: Mapping[str, object]) -> Settings:
    """The settings in a mapping; paths in it are relative to the working directory.

    Raises:
        ProfileError: If a key is not a string, or given twice.
    """
    return _collect("render_config", Path.cwd(), ((key, value, 0) for key, value in mapping.items()))


def _collect(name: str, folder: Path, pairs: Iterable[tuple[object, object, int]]) -> Settings:
    values: dict[str, object] = {}
    spelled: dict[str, str] = {}
    lines: dict[str, int] = {}
    for written, value, line in pairs:
        where = f"{name}, line {line}" if line else name
        if not isinstance(written, str):
            raise ProfileError(f"{where}: the key {written!r} is not a string", hint="keys are names such as page-size")
        key = written.replace("-", "_")
        if key in values:
            raise ProfileError(f"{where}: {written!r} is given twice", hint=f"first as {spelled[key]!r}; keep one")
        values[key], spelled[key] = value, written
        if line:
            lines[key] = line
        if value is None:
            raise ProfileError(
                f"{where}: {written} has no value",
                hint="give one or drop the key; a colour goes in quotes, because # begins a comment",
            )
    return Settings(name, folder, values, spelled, lines)


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise ProfileError(f"there is no file {str(path)!r}", hint="a render_config is a YAML or JSON file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ProfileError(f"cannot read {str(path)!r}", hint=str(error)) from error
    if len(data) > MAX_BYTES:
        raise ProfileError(f"{path} has more than {MAX_BYTES} bytes", hint="that is no render_config")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path} is not UTF-8", hint=f"see the byte at {error.start}") from error


class _Pairs(list[tuple[str, object]]):
    """A JSON object, with the keys that it has twice."""


def _read_json(text: str, name: str) -> Iterator[tuple[str, object, int]]:
    try:
        whole = json.loads(text, object_pairs_hook=_Pairs, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ProfileError(f"{name}, line {error.lineno}: this is not JSON", hint=error.msg) from error
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"{name}: this is no render_config", hint=str(error)[:200]) from error
    if not isinstance(whole, _Pairs):
        raise ProfileError(f"{name}: this is no mapping of keys to values", hint='write {"page-size": "595,842"}')
    for key, value in whole:
        found = re.search(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:", text)
        line = text.count("\n", 0, found.start()) + 1 if found else 0
        if isinstance(value, _Pairs) or (isinstance(value, list) and any(isinstance(item, list) for item in value)):
            raise ProfileError(f"{name}, line {line}: the value of {key!r} is nested", hint="values are plain or lists")
        yield key, value, line


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")


def _read_yaml(text: str, name: str) -> Iterator[tuple[str, object, int]]:
    events = _plain_events(text, name)
    if not isinstance(next(events, None), yaml.MappingStartEvent):
        raise ProfileError(f"{name}: this is no mapping of keys to values", hint="write lines such as 'page-size: A4'")
    for key in events:
        line = _line(key)
        if isinstance(key, yaml.MappingEndEvent):
            continue  # Not the end of the loop: what stands after it still has to be looked at.
        if not isinstance(key, yaml.ScalarEvent):
            raise ProfileError(f"{name}, line {line}: a key is not a string", hint="keys are names such as page-size")
        yield key.value, _yaml_value(events, key.value, name), line


def _yaml_value(events: Iterator[yaml.Event], key: str, name: str) -> object:
    first = next(events)
    if isinstance(first, yaml.ScalarEvent):
        return _scalar(first)
    items: list[object] = []
    if isinstance(first, yaml.SequenceStartEvent):
        while isinstance(item := next(events), yaml.ScalarEvent):
            items.append(_scalar(item))
        if isinstance(item, yaml.SequenceEndEvent):
            return items
    line = _line(first)
    raise ProfileError(f"{name}, line {line}: the value of {key!r} is nested", hint="values are plain or lists")


def _scalar(event: yaml.ScalarEvent) -> object:
    """A value that stands there without quotes is a number, true, false or nothing if it looks like one."""
    if event.style:
        return str(event.value)
    if event.value in _WORDS:
        return _WORDS[event.value]
    number = _NUMBER.fullmatch(event.value)
    if not number:
        return str(event.value)
    return float(event.value) if number[1] else int(event.value)


def _plain_events(text: str, name: str) -> Iterator[yaml.Event]:
    """What stands in the only document of a text."""
    documents = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent, yaml.ScalarEvent, yaml.AliasEvent)):
                _check_plain(event, f"{name}, line {_line(event)}")
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise ProfileError(f"{name}: there are several documents in it", hint="keep what stands before '---'")
            if not isinstance(event, _FRAME):
                yield event
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProfileError(f"{name}, line {line}: this is no YAML", hint=str(error.problem)) from error
    except yaml.YAMLError as error:
        raise ProfileError(f"{name}: this is no YAML", hint=str(error)) from error


_FRAME: Final = (yaml.StreamStartEvent, yaml.StreamEndEvent, yaml.DocumentStartEvent, yaml.DocumentEndEvent)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _check_plain(event: yaml.NodeEvent, where: str) -> None:
    if event.anchor:
        raise ProfileError(f"{where}: anchors and aliases are not used here", hint="write the value itself")
    if isinstance(event, (yaml.CollectionStartEvent, yaml.ScalarEvent)) and event.tag:
        raise ProfileError(f"{where}: tags such as {event.tag} are not used here", hint="write the value alone")

"""Memory and time of long inputs, each in a process of its own that keeps no page.

python -m benchmarks.typeset.streaming stream --data DIR --mb 200
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from glyph_rag.corpus.document import Document
from glyph_rag.typeset.profile import RenderProfile

from .ours import pages
from .samples import SETS, paragraphs

CASES = ("stream", "line", "lines")
_ALTERED = 0.02
_DOCUMENT = 100_000


@dataclass(frozen=True)
class Reading:
    """How far a process has come, and what it takes.

    Attributes:
        done: Bytes of text that are typeset, in UTF-8.
        pages: Pages drawn so far.
        seconds: By the clock, since the first page was asked for.
        cpu: Seconds of processor time since then.
        resident: Bytes of memory now.
        peak: Most bytes of memory so far.
    """

    done: int
    pages: int
    seconds: float
    cpu: float
    resident: int
    peak: int


def measure(case: str, data: Path, megabytes: int, preset: str) -> list[Reading]:
    """Runs a case in a new process.

    Args:
        case: "stream": `megabytes` of documents in five scripts, read at a tenth, the half and the end. "line": a
            line of 10 MB without a space. "lines": a file of 100,000 lines.
        data: The evaluation data.
        megabytes: Length of the stream.
        preset: Name of the profile.
    """
    command = [sys.executable, "-m", "benchmarks.typeset.streaming", case, "--data", str(data)]
    command += ["--mb", str(megabytes), "--preset", preset]
    finished = subprocess.run(command, check=True, capture_output=True, text=True)
    return [Reading(**json.loads(line)) for line in finished.stdout.splitlines()]


def main() -> None:
    """Prints readings, one JSON object a line; the first is taken before any text is typeset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--mb", type=int, default=200)
    parser.add_argument("--preset", default="careful")
    arguments = parser.parse_args()
    makers: dict[str, Callable[[], Iterator[Document]]] = {
        "stream": lambda: _stream(arguments.data, arguments.mb * 10**6),
        "line": lambda: iter([_long_line()]),
        "lines": lambda: iter([_many_lines()]),
    }
    marks = [0.1, 0.5] if arguments.case == "stream" else []
    total = arguments.mb * 10**6
    _draw(makers[arguments.case](), RenderProfile.preset(arguments.preset), [round(mark * total) for mark in marks])


def _draw(documents: Iterator[Document], profile: RenderProfile, marks: list[int]) -> None:
    done = count = 0
    document = next(documents, None)
    started = time.perf_counter(), time.process_time()
    _print(done, count, started)
    while document is not None:
        for page in pages(document, profile):
            page.png()
            count += 1
        done += len(document.text.encode())
        document = next(documents, None)
        if document is None or (marks and done >= marks[0]):
            _print(done, count, started)
            marks = marks[1:]


def _print(done: int, count: int, started: tuple[float, float]) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # In kilobytes on Linux, in bytes on macOS; see getrusage(2).
    peak *= 1 if sys.platform == "darwin" else 1024
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    reading = Reading(done, count, wall, cpu, _resident() or peak, peak)
    print(json.dumps(asdict(reading)), flush=True)


def _resident() -> int:
    """Bytes of memory of this process now, or 0 where there is no /proc."""
    file = Path("/proc/self/statm")
    return int(file.read_text().split()[1]) * resource.getpagesize() if file.exists() else 0


def _stream(data: Path, size: int) -> Iterator[Document]:
    """Documents in five scripts in turn, whose words change as they come again."""
    texts = ["\n\n".join(paragraphs(data / name)) for name in SETS.values()]
    done = number = 0
    while done < size:
        text = texts[number % len(texts)]
        start = number * _DOCUMENT // 3 % max(1, len(text) - _DOCUMENT)
        text = _altered(text[start : start + _DOCUMENT], number)
        done += len(text.encode())
        yield Document(f"d{number}", text)
        number += 1


def _altered(text: str, number: int) -> str:
    """The text with the letters of some of its words in another order, so that they are words not seen before."""
    chance = random.Random(number)

    def alter(word: re.Match[str]) -> str:
        letters = word.group()
        return "".join(chance.sample(letters, len(letters))) if chance.random() < _ALTERED else letters

    return re.sub(r"\S+", alter, text)


def _long_line() -> Document:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return Document("line", "".join(random.Random(0).choices(letters, k=10_000_000)))


def _many_lines() -> Document:
    return Document("lines", "\n".join(f"setting_{at} = {at * 7919 % 100_003}" for at in range(100_000)))


if __name__ == "__main__":
    main()

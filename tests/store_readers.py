"""Many processes read a store while one writes it.

python -m tests.store_readers 60 8     for a minute, with eight readers
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from glyph_rag.corpus.document import Document
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder

EMBEDDER = HashEmbedder(32)
DOCUMENTS = 6


def write(folder: Path, seconds: float) -> int:
    """Rewrites every document again and again, each time in one transaction; returns how often."""
    done, end = 0, time.monotonic() + seconds
    with closing(Store.open(folder, EMBEDDER.info)) as store:
        while time.monotonic() < end:
            done += 1
            Indexer(store, EMBEDDER, Limits()).add(_round(done))
    return done


def read(folder: Path, seconds: float) -> int:
    """Searches and reads, and stops at the first thing that is not of one round; returns how often it read."""
    reads, last, end = 0, 0, time.monotonic() + seconds
    store = Store.open(folder, EMBEDDER.info, create=False)
    while time.monotonic() < end:
        reads += 1
        if reads % 5 == 0:
            store.close()
            store = Store.open(folder, EMBEDDER.info, create=False)
        with store.reading() as snapshot:
            question = f"Document {reads % DOCUMENTS}"
            near = store.nearest_chunks(EMBEDDER.embed_queries([question])[0], 50)
            found = store.matching_chunks(question, 50)
            rows = snapshot.connection.execute("SELECT row FROM pages").fetchall()
            texts = [store.load_page(row).text for (row,) in rows]
            texts += [store.load_chunk(row).text for row, _ in near + found]
            rounds = {int(re.findall(r"round(\d+)", text)[0]) for text in texts}
            assert len(rounds) == 1, f"rounds {rounds} in one snapshot"
            assert len(near) == len(found) == len(rows) == DOCUMENTS, (len(near), len(found), len(rows))
        assert min(rounds) >= last, f"round {rounds} after {last}"
        last = min(rounds)
    store.close()
    return reads


def _round(number: int) -> list[Document]:
    return [Document(f"d{n}", f"Document {n} as of round{number}, words{number * n}.") for n in range(DOCUMENTS)]


def together(seconds: float, readers: int) -> tuple[int, list[int], list[str]]:
    """Runs a writer and readers; how often the one wrote, how often each of the others read, and what went wrong."""
    with tempfile.TemporaryDirectory() as name:
        with closing(Store.open(Path(name), EMBEDDER.info)) as store:
            Indexer(store, EMBEDDER, Limits()).add(_round(0))
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.store_readers", "--", kind, name, str(seconds)],
                cwd=Path(__file__).parent.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )
            for kind in ("write", *["read"] * readers)
        ]  # fmt: skip
        ended = [(process, *process.communicate()) for process in running]
    wrong = [err or f"ended with {process.returncode}" for process, _, err in ended if process.returncode or err]
    counts = [int(out or 0) for _, out, _ in ended]
    return counts[0], counts[1:], wrong


def main() -> None:
    """One of the processes, or all of them."""
    first, *others = sys.argv[1:] or ["60", "8"]
    if first == "--":
        print({"write": write, "read": read}[others[0]](Path(others[1]), float(others[2])))
        return
    written, reads, wrong = together(float(first), int(others[0]))
    print(f"{written} writes, {sum(reads)} reads by {len(reads)} processes, {len(wrong)} of them failed")
    for line in wrong:
        print(line)
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()

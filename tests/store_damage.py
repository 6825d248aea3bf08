"""Turns over bits of a store's files and cuts them off, and says what came of it.

python -m tests.store_damage 5000      so many random flips and cuts of every file
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Literal, NamedTuple

from glyph_rag.corpus.document import Document
from glyph_rag.errors import StoreError
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store.doctor import examine
from glyph_rag.store.scope import Scope
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder

EMBEDDER = HashEmbedder(16)
Outcome = Literal["harmless", "detected", "misplaced by words, found by doctor", "WRONG"]


class Observed(NamedTuple):
    """All that a store serves."""

    texts: tuple[object, ...]
    by_vectors: tuple[object, ...]
    by_words: tuple[object, ...]
    listed: tuple[str, ...]


def make(folder: Path, *, folded: bool) -> dict[str, bytes]:
    """The files of a store, with the last change folded into the database, or in the log beside it."""
    with closing(Store.open(folder, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add(_document(n) for n in range(12))
        Indexer(store, EMBEDDER, Limits(), "tenant").add([_document(n) for n in range(3)])
    with closing(Store.open(folder, EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add([_document(20), _document(3, "changed")])
        if not folded:
            return _files(folder)
    return _files(folder)


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def _document(number: int, words: str = "first") -> Document:
    text = f"# Part {number}\n\nDocument {number}, {words}, about topic{number}. " + f"Word{number} again. " * 30
    return Document(f"d{number}", text, metadata={"n": number, "even": number % 2 == 0}, format="markdown")


def observe(folder: Path) -> Observed:
    """Reads all that a store serves, as any user of it would."""
    with closing(Store.open(folder, EMBEDDER.info, create=False)) as store, store.reading() as snapshot:
        texts: list[object] = []
        for (row,) in snapshot.connection.execute("SELECT row FROM pages ORDER BY row").fetchall():
            page = store.load_page(row)
            texts.append((page.id, page.document_id, page.text, page.source, page.blocks, dict(page.metadata)))
        everybody, vectors, words = Scope(namespace=None), [], []
        for number in (1, 3, 20):
            question = f"Document {number}, first, about topic{number}"
            near = store.nearest_chunks(EMBEDDER.embed_queries([question])[0], 5, everybody)
            vectors.append([(_chunk(store, row), round(score, 5)) for row, score in near])
            found = store.matching_chunks(question, 5)
            words.append([(_chunk(store, row), round(score, 5)) for row, score in found])
        ids = (*store.document_ids(), *store.document_ids("tenant"))
        return Observed(tuple(texts), tuple(vectors), tuple(words), ids)


def _chunk(store: Store, row: int) -> object:
    chunk = store.load_chunk(row)
    return chunk.id, chunk.document_id, chunk.text, tuple(store.pages_of_chunks([row])[row])


def outcome(files: dict[str, bytes], name: str, damaged: bytes, expected: tuple[Observed, ...]) -> Outcome:
    """What comes of reading a store one of whose files is damaged.

    Args:
        files: The files of the store.
        name: The one that is damaged.
        damaged: What is in it now.
        expected: What the store may serve: its state, or the one before if its log is what is damaged.
    """
    with tempfile.TemporaryDirectory() as folder:
        for other, data in files.items():
            (Path(folder) / other).write_bytes(damaged if other == name else data)
        try:
            seen = observe(Path(folder))
        except StoreError:
            return "detected"
        if seen in expected:
            return "harmless"
        if any(seen._replace(by_words=state.by_words) == state for state in expected):
            found = examine(Path(folder))
            return "misplaced by words, found by doctor" if any(not one.harmless for one in found) else "WRONG"
        return "WRONG"


def flipped(data: bytes, bit: int) -> bytes:
    """The data with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def states(files: dict[str, bytes]) -> tuple[Observed, ...]:
    """What a store serves, and what it served before the change that is in its log only."""
    observed = []
    for left_out in (set(), {"glyph.db-wal"}):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in files.items():
                if name not in left_out:
                    (Path(folder) / name).write_bytes(data)
            observed.append(observe(Path(folder)))
    return tuple(observed)


def main() -> None:
    """Damages, and prints what came of it."""
    chance = random.Random(0)
    flips = int((*sys.argv[1:], "1000")[0])
    for folded in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            files = make(Path(folder), folded=folded)
        expected = states(files)
        print("the last change is", "folded into the database" if folded else "in the log")
        for name, data in files.items():
            counted: Counter[Outcome] = Counter()
            for number in range(flips if data else 0):
                cut = number % 10 == 0
                damaged = data[: chance.randrange(len(data))] if cut else flipped(data, chance.randrange(8 * len(data)))
                one = outcome(files, name, damaged, expected if name.endswith("-wal") else expected[:1])
                counted[one] += 1
                if one == "WRONG":
                    print("  WRONG", name, "cut" if cut else "flipped", number)
            print(f"  {name} ({len(data):,} bytes): {dict(counted)}")


if __name__ == "__main__":
    main()

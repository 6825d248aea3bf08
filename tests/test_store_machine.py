"""Whatever is done to a store, in whatever order, it holds what a dictionary would."""

from __future__ import annotations

import logging
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from glyph_rag.corpus.document import Document
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store import load
from glyph_rag.store.backup import backup, restore
from glyph_rag.store.compact import compact
from glyph_rag.store.doctor import examine
from glyph_rag.store.exchange import export_lines
from glyph_rag.store.scope import Scope
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder
from tests.store_io import CRASHES, Disk, Operation, default_vfs, recording

EMBEDDER = HashEmbedder(16)
Model = dict[tuple[str, str], str]

NAMES = st.sampled_from(["a", "b", "c", "ü/../x"])
NAMESPACES = st.sampled_from(["", "t1"])
WORDS = st.text("xyz \n\ud800é好", max_size=30).map(lambda text: f"word {text}")


class StoreMachine(RuleBasedStateMachine):
    """A store and the dictionary it is held against."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.count = 0
        self.folder = self._next()
        self.model: Model = {}
        self.store = Store.open(self.folder, EMBEDDER.info)
        self.reader: tuple[Store, Model] | None = None

    def _next(self) -> Path:
        self.count += 1
        return self.root / f"kb{self.count}"

    def _add(self, namespace: str, documents: dict[str, str]) -> None:
        chosen = [Document(name, text, metadata={"length": len(text)}) for name, text in documents.items()]
        Indexer(self.store, EMBEDDER, Limits(), namespace).add(chosen)

    @rule(namespace=NAMESPACES, documents=st.dictionaries(NAMES, WORDS, min_size=1, max_size=3))
    def add(self, namespace: str, documents: dict[str, str]) -> None:
        self._add(namespace, documents)
        self.model.update({(namespace, name): text for name, text in documents.items()})

    @rule(namespace=NAMESPACES, names=st.lists(NAMES, unique=True, max_size=3))
    def delete(self, namespace: str, names: list[str]) -> None:
        there = [(namespace, name) for name in names if (namespace, name) in self.model]
        assert self.store.delete(names, namespace) == len(there)
        self.store.save_index()
        for key in there:
            del self.model[key]

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder, EMBEDDER.info)

    @rule()
    def compact(self) -> None:
        compact(self.folder)

    @rule()
    def move_by_backup(self) -> None:
        target, folder = self._next(), self._next()
        backup(self.folder, target)
        restore(target, folder)
        self.store.close()
        self.folder, self.store = folder, Store.open(folder, EMBEDDER.info)

    @rule()
    def move_by_export(self) -> None:
        lines = list(export_lines(self.folder, vectors=True))
        self.store.close()
        self.folder = self._next()
        self.store = Store.open(self.folder, EMBEDDER.info)
        Indexer(self.store, EMBEDDER, Limits()).add_exported(lines)

    @rule()
    def start_reading(self) -> None:
        self.stop_reading()
        store = Store.open(self.folder, EMBEDDER.info)
        self.reader = (store, dict(self.model))
        self.snapshot = store.reading()
        self.snapshot.__enter__()

    @rule()
    def stop_reading(self) -> None:
        if self.reader is not None:
            store, model = self.reader
            assert held(store) == model
            self.snapshot.__exit__(None, None, None)
            store.close()
            self.reader = None

    @rule(
        namespace=NAMESPACES, documents=st.dictionaries(NAMES, WORDS, min_size=1, max_size=2), seed=st.integers(0, 99)
    )
    def crash_while_adding(self, namespace: str, documents: dict[str, str], seed: int) -> None:
        self.store.close()
        disk = Disk({path.name: path.read_bytes() for path in self.folder.iterdir() if "-shm" not in path.name})
        operations: list[Operation] = []
        with recording(self.folder, operations.append):
            self.store = Store.open(self.folder, EMBEDDER.info)
            self._add(namespace, documents)
            self.store.close()
        chance = random.Random(seed)
        for operation in operations[: chance.randrange(len(operations) + 1)]:
            disk.do(operation)
        self.folder = self._next()
        self.folder.mkdir()
        for name, data in disk.after(chance.choice(CRASHES), chance).items():
            (self.folder / name).write_bytes(data)
        self.store = Store.open(self.folder, EMBEDDER.info)
        after = {**self.model, **{(namespace, name): text for name, text in documents.items()}}
        found = held(self.store)
        assert found in (self.model, after)
        self.model = found

    @invariant()
    def holds_what_the_dictionary_holds(self) -> None:
        assert held(self.store) == self.model
        for namespace in ("", "t1"):
            names = sorted(name for space, name in self.model if space == namespace)
            assert self.store.document_ids(namespace) == names
            found = self.store.nearest_chunks(EMBEDDER.embed_queries(["word"])[0], 100, Scope(namespace))
            assert sorted(self.store.load_chunk(row).document_id for row, _ in found) == names
            found = self.store.matching_chunks("word", 100, Scope(namespace))
            assert sorted(self.store.load_chunk(row).document_id for row, _ in found) == names

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.stop_reading()
            self.store.close()
            assert [finding for finding in examine(self.folder) if not finding.harmless] == []
            shutil.rmtree(self.root)


def held(store: Store) -> Model:
    """Everything in a store, from the snapshot it reads."""
    found: Model = {}
    with store.reading() as snapshot:
        for namespace in ("", "t1"):
            query = "SELECT row FROM documents WHERE namespace = ?"
            for (row,) in snapshot.connection.execute(query, (namespace,)).fetchall():
                document = load.load_document(snapshot.connection, row).document
                assert document.metadata == {"length": len(document.text)}
                found[namespace, document.id] = document.text
    return found


@pytest.mark.skipif(default_vfs() is None, reason="SQLite's functions cannot be reached through ctypes")
def test_a_store_is_a_dictionary(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    from hypothesis.stateful import run_state_machine_as_test

    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    phases = [Phase.explicit, Phase.generate]
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=checks, phases=phases
        ),
    )
    assert not caplog.records

"""Stores of a page embedder: MaxSim against brute force, and the life of such a store."""

from __future__ import annotations

import hashlib
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from glyph_rag import Document, GlyphRAG, RenderProfile
from glyph_rag.embed.embedder import EmbedderInfo, FloatArray
from glyph_rag.embed.minilm import MiniLMEmbedder
from glyph_rag.embed.open import text_embedder
from glyph_rag.errors import EmbedderError, InputError, StoreMismatchError
from glyph_rag.index import Indexer, IndexReport
from glyph_rag.limits import Limits
from glyph_rag.search.maxsim import maxsim, nearest_pages
from glyph_rag.store.backup import backup, restore
from glyph_rag.store.compact import compact
from glyph_rag.store.doctor import examine
from glyph_rag.store.exchange import export_lines
from glyph_rag.store.scope import UNNAMED, Scope
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder, PixelEmbedder
from tests import store_crash

WORDS = ["whale", "harbour", "cactus", "planet", "river", "stone", "window", "garden", "letter", "engine"]


class RandomPages:
    """Vectors that have nothing to do with what is seen but depend on nothing else: 1 to 5 for a page."""

    info = EmbedderInfo("random", "random", 8, 100, None, 5)

    def embed_pages(self, images: Sequence[Image.Image]) -> list[FloatArray]:
        return [self._vectors(np.asarray(image).tobytes(), 5) for image in images]

    def embed_queries(self, texts: Sequence[str]) -> list[FloatArray]:
        return [self._vectors(text.encode(), 3) for text in texts]

    def _vectors(self, seed: bytes, most: int) -> FloatArray:
        made = np.random.default_rng(int.from_bytes(hashlib.sha256(seed).digest()[:8], "big"))
        return unit(made.standard_normal((made.integers(1, most + 1), 8)))


def unit(vectors: np.ndarray) -> FloatArray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def by_hand(query: FloatArray, page: FloatArray) -> float:
    return float(np.mean([max(float(q @ p) for p in page) for q in query]))


def long(number: int, paragraphs: int = 150) -> Document:
    text = "\n\n".join(
        f"Part {n} of book {number} speaks of {random.Random(n).choice(WORDS)}." for n in range(paragraphs)
    )
    return Document(f"long{number}", text, metadata={"n": number})


def short(number: int, word: str) -> Document:
    return Document(f"d{number}", f"The quick brown {word} jumps over the lazy dog. " * 5, metadata={"n": number})


def page_rows(store: Store) -> list[int]:
    with store.reading() as snapshot:
        return [row for (row,) in snapshot.connection.execute("SELECT row FROM pages ORDER BY row")]


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.lists(st.integers(1, 7), max_size=6))
def test_maxsim_is_what_it_says(seed: int, queries: int, sizes: list[int]) -> None:
    made = np.random.default_rng(seed)
    query = unit(made.standard_normal((queries, 5)))
    pages = {9 - n: unit(made.standard_normal((size, 5))) for n, size in enumerate(sizes)}
    assert maxsim(query, pages) == pytest.approx(
        {page: by_hand(query, found) for page, found in pages.items()}, abs=1e-5
    )


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), st.sampled_from(["one", "two", "three four"]))
def test_nearest_pages_are_those_of_brute_force(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], question: str
) -> None:
    embedder = RandomPages()
    query = embedder.embed_queries([question])[0]
    folder = tmp_path_factory.mktemp("kb")
    with closing(Store.open(folder, embedder.info)) as store:
        Indexer(store, embedder, Limits()).add([short(n, word) for n, word in enumerate(words)])
        rows = page_rows(store)
        vectors = embedder.embed_pages([store.load_page(row).image() for row in rows])
        expected = {row: by_hand(query, found) for row, found in zip(rows, vectors, strict=True)}
        every = nearest_pages(store, query, 100, UNNAMED)
        assert every == pytest.approx(expected, abs=1e-5)
        assert list(every.values()) == sorted(every.values(), reverse=True)
        assert nearest_pages(store, query, 3, UNNAMED) == dict(list(every.items())[:3])


def test_two_steps_find_what_one_finds(tmp_path: Path) -> None:
    embedder = RandomPages()
    with closing(Store.open(tmp_path, embedder.info)) as store:
        Indexer(store, embedder, Limits()).add([short(n, f"{WORDS[n % 10]}{n}") for n in range(200)])
        for question in ("what", "who", "where"):
            query = embedder.embed_queries([question])[0]
            exact = nearest_pages(store, query, 200, UNNAMED)
            assert len(exact) == 200
            # Half of the pages own most vectors that are near to any; and what is found has its exact score.
            assert nearest_pages(store, query, 40, UNNAMED) == pytest.approx(dict(list(exact.items())[:40]), abs=1e-6)
            for page, score in nearest_pages(store, query, 2, UNNAMED).items():
                assert score == pytest.approx(exact[page], abs=1e-6)
            # With one vector the first step is exact however few are looked for, and a long question is as good.
            one = nearest_pages(store, query[:1], 3, UNNAMED)
            assert list(one) == list(nearest_pages(store, query[:1], 200, UNNAMED))[:3]
            long_one = np.repeat(query, 50, axis=0)
            assert list(nearest_pages(store, long_one, 40, UNNAMED)) == list(exact)[:40]


def test_a_search_without_shared_words_is_in_the_order_of_brute_force(tmp_path: Path) -> None:
    embedder = RandomPages()
    documents = [short(n, word) for n, word in enumerate(WORDS)] + [long(0)]
    with GlyphRAG.open(tmp_path, embedder=embedder) as rag:
        rag.add(documents)
        query = embedder.embed_queries(["zzzz"])[0]
        hits = rag.search("zzzz", k=100)
        scores = [by_hand(query, embedder.embed_pages([hit.page.image()])[0]) for hit in hits]
        assert len(hits) == rag.stats().pages
        assert scores == sorted(scores, reverse=True)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        assert (hits[0].score, hits[-1].score) == (1.0, 0.0)
        for hit in hits:
            assert hit.chunks
            assert all(hit.page.start < chunk.end and chunk.start < hit.page.end for chunk in hit.chunks)


def test_what_stands_on_a_page_is_found_by_its_looks_and_by_its_words(tmp_path: Path) -> None:
    embedder = PixelEmbedder()
    with GlyphRAG.open(tmp_path, embedder=embedder) as rag:
        rag.add([*(short(n, word) for n, word in enumerate(WORDS)), long(0)])
        for n, word in enumerate(WORDS):
            near = nearest_pages(rag._store, embedder.embed_queries([word])[0], 1, UNNAMED)
            assert rag._store.load_page(next(iter(near))).document_id in (f"d{n}", "long0")
            assert rag.search(f"quick {word}")[0].page.document_id == f"d{n}"
        # "Speaks" is capitalised, so its shape is new; only the words find it.
        assert rag.search("Speaks", k=1)[0].page.document_id == "long0"
        # What is named word by word comes first, and alone if nothing else is asked.
        assert [hit.page.document_id for hit in rag.search('"brown planet jumps"')] == ["d3"]
        best = rag.search('what says "book 0 speaks of"?', k=1)[0]
        assert (best.page.document_id, len(best.chunks) > 1) == ("long0", True)
        assert "whale" in rag.ask("Which whale jumps over the lazy dog?").text


def test_cursors_filters_namespaces_and_mmr(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path, embedder=RandomPages()) as rag:
        rag.add([short(n, word) for n, word in enumerate(WORDS)])
        rag.add([short(99, "tenant"), long(7)], namespace="tenant")
        whole = rag.search("quick dog", k=10)
        assert len(whole) == 10
        assert all(hit.page.document_id != "d99" for hit in whole)
        assert [hit.page.id for hit in rag.search("quick dog", k=4, after=whole[3].cursor)] == [
            hit.page.id for hit in whole[4:8]
        ]
        some = rag.search("quick dog", k=10, where={"n": {"$in": [2, 5]}})
        assert {hit.page.document_id for hit in some} == {"d2", "d5"}
        assert {hit.page.document_id for hit in rag.scoped(namespace="tenant").search("zz", k=50)} == {"d99", "long7"}
        varied = rag.search("quick dog", k=10, mmr=0.5)
        assert {hit.page.id for hit in varied} == {hit.page.id for hit in whole}
        assert [hit.page.id for hit in varied] != [hit.page.id for hit in whole]


def test_pages_that_look_the_same_are_embedded_once(tmp_path: Path) -> None:
    embedder = PixelEmbedder()
    with GlyphRAG.open(tmp_path, embedder=embedder) as rag:
        documents = [short(0, "whale"), short(1, "whale"), long(0)]
        first = rag.add(documents)
        assert first.embedded == len(embedder.embedded) == rag.stats().pages - 1
        assert rag.add(documents) == IndexReport(unchanged=3)
        rag.add([Document("copy", documents[2].text)], namespace="other")
        assert len(embedder.embedded) == first.embedded
        changed = Document("long0", documents[2].text.replace("Part 140 of", "Part 140 OF"))
        report = rag.add([changed])
        assert (report.updated, report.embedded) == (1, 1)
        assert rag.search("Part 140 OF")[0].page.document_id == "long0"
        rag.delete(["d0", "long0"])
        assert {hit.page.document_id for hit in rag.search("quick whale", k=9)} == {"d1"}
    assert examine(tmp_path) == []


def test_a_tree_whose_files_move_keeps_its_vectors(tmp_path: Path) -> None:
    tree, embedder = tmp_path / "tree", PixelEmbedder()
    (tree / "sub").mkdir(parents=True)
    for n, word in enumerate(WORDS[:4]):
        (tree / f"{n}.md").write_text(short(n, word).text)
    with GlyphRAG.open(tmp_path / "kb", embedder=embedder) as rag:
        assert rag.add_path(tree).embedded == 4
        (tree / "0.md").rename(tree / "sub" / "moved.md")
        (tree / "1.md").write_text(short(1, "window").text)
        report = rag.add_path(tree, sync=True)
        assert (report.added, report.updated, report.removed, report.embedded) == (1, 1, 1, 1)
        assert rag.search("quick whale")[0].page.document_id == "tree/sub/moved.md"
    with GlyphRAG.open(tmp_path / "kb", embedder=embedder) as rag:
        assert rag.add_path(tree) == IndexReport(unchanged=4)
        assert rag.search("quick window")[0].page.document_id == "tree/1.md"
    assert len(embedder.embedded) == 5


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_export_import_backup_and_compact_carry_the_vectors(tmp_path: Path, precision: str) -> None:
    embedder = PixelEmbedder(64, 4)
    documents = [short(0, "whale"), long(0), long(1)]
    with GlyphRAG.open(tmp_path / "kb", embedder=embedder, precision=precision) as rag:
        rag.add([*documents, short(1, "gone")])
        rag.delete(["d1"])
        hits = rag.search("whale", k=50)
    lines = list(export_lines(tmp_path / "kb", vectors=True))
    compact(tmp_path / "kb")
    backup(tmp_path / "kb", tmp_path / "backup")
    restore(tmp_path / "backup", tmp_path / "restored")
    with closing(Store.open(tmp_path / "imported", embedder.info, precision=precision)) as store:
        assert Indexer(store, embedder, Limits()).add_exported(lines).embedded == 0
    with closing(Store.open(tmp_path / "anew", embedder.info, precision=precision)) as store:
        bare = list(export_lines(tmp_path / "kb"))
        assert Indexer(store, embedder, Limits()).add_exported(bare).embedded == len(hits)
    for name in ("kb", "restored", "imported", "anew"):
        assert examine(tmp_path / name) == []
        with GlyphRAG.open(tmp_path / name, embedder=embedder) as rag:
            found = rag.search("whale", k=50)
            assert [(hit.page.id, hit.score) for hit in found] == [(hit.page.id, hit.score) for hit in hits]


def test_an_export_goes_from_text_to_pages_and_back(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "pages", embedder=PixelEmbedder()) as rag:
        rag.add([short(0, "whale"), long(0)])
    with closing(Store.open(tmp_path / "text", HashEmbedder().info)) as store:
        Indexer(store, HashEmbedder(), Limits()).add_exported(export_lines(tmp_path / "pages", vectors=True))
    with closing(Store.open(tmp_path / "again", PixelEmbedder().info)) as store:
        Indexer(store, PixelEmbedder(), Limits()).add_exported(export_lines(tmp_path / "text", vectors=True))
    without = [list(export_lines(tmp_path / name))[1:] for name in ("pages", "text", "again")]
    assert without[0] == without[1] == without[2]


def test_an_export_with_more_vectors_than_a_page_has_is_refused(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path / "kb", embedder=PixelEmbedder(8, 4)) as rag:
        rag.add([long(0)])
    lines = list(export_lines(tmp_path / "kb", vectors=True))
    narrow = PixelEmbedder(8, 2)
    narrow._info = EmbedderInfo("pixels", PixelEmbedder(8, 4).info.fingerprint, 8, 9, None, 2)
    with (
        closing(Store.open(tmp_path / "new", narrow.info)) as store,
        pytest.raises(InputError, match="is no document"),
    ):
        Indexer(store, narrow, Limits()).add_exported(lines)


def test_a_store_refuses_another_embedder(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path, embedder=PixelEmbedder()) as rag:
        rag.add([short(0, "whale")])
    like_it = HashEmbedder(256)
    like_it._info = EmbedderInfo("pixels", PixelEmbedder().info.fingerprint, 256, 9, None)
    for other in (HashEmbedder(256), PixelEmbedder(vectors_per_page=3), like_it):
        with pytest.raises(StoreMismatchError):
            GlyphRAG.open(tmp_path, embedder=other)
    with pytest.raises(StoreMismatchError, match="name it"):
        GlyphRAG.open(tmp_path)


@pytest.mark.parametrize(
    "vectors",
    [
        np.zeros((0, 8), np.float32),
        np.ones((6, 8), np.float32),
        np.ones((2, 7), np.float32),
        np.ones(8, np.float32),
        np.full((2, 8), np.nan, np.float32),
        None,
    ],
)
def test_an_embedder_that_returns_nonsense_is_refused(tmp_path: Path, vectors: FloatArray | None) -> None:
    class Broken(RandomPages):
        def embed_pages(self, images: Sequence[Image.Image]) -> list[FloatArray]:
            return [] if vectors is None else [vectors for _ in images]

    with GlyphRAG.open(tmp_path, embedder=Broken()) as rag, pytest.raises(EmbedderError, match="random returned"):
        rag.add([short(0, "whale")])
    with GlyphRAG.open(tmp_path, embedder=RandomPages()) as rag:
        assert rag.stats().documents == 0


def test_work_that_is_interrupted_goes_on_where_it_stopped(tmp_path: Path) -> None:
    class Stops(PixelEmbedder):
        def embed_pages(self, images: Sequence[Image.Image]) -> list[FloatArray]:
            if len(self.embedded) >= 16:
                raise KeyboardInterrupt
            return super().embed_pages(images)

    documents = [short(n, f"{WORDS[n % 10]}{n}") for n in range(40)]
    with GlyphRAG.open(tmp_path, embedder=Stops()) as rag:
        with pytest.raises(KeyboardInterrupt):
            rag.add(documents)
        assert rag.stats().documents == 16
    embedder = PixelEmbedder()
    with GlyphRAG.open(tmp_path, embedder=embedder) as rag:
        assert rag.add(documents) == IndexReport(added=24, unchanged=16, embedded=24)
        assert rag.search("whale30")[0].page.document_id == "d30"


def test_a_long_document_is_drawn_a_little_at_a_time(tmp_path: Path) -> None:
    class Counts(PixelEmbedder):
        most = 0

        def embed_pages(self, images: Sequence[Image.Image]) -> list[FloatArray]:
            self.most = max(self.most, len(images))
            return super().embed_pages(images)

    embedder = Counts()
    small = RenderProfile(width=336, height=168)
    with GlyphRAG.open(tmp_path, embedder=embedder, profile=small) as rag:
        rag.add([long(0, 300)])
        assert rag.stats().pages > 20
    assert 0 < embedder.most <= 16


def test_the_doctor_misses_the_vectors_of_a_page(tmp_path: Path) -> None:
    with GlyphRAG.open(tmp_path, embedder=PixelEmbedder()) as rag:
        rag.add([short(0, "whale"), short(1, "river")])
    with closing(sqlite3.connect(tmp_path / "glyph.db")) as connection, connection:
        connection.execute("DELETE FROM vectors WHERE page = 1")
    assert any("1 pages without a vector" in finding.what for finding in examine(tmp_path))


def test_a_crash_anywhere_leaves_the_state_before_or_after(tmp_path: Path) -> None:
    embedder = PixelEmbedder(16, 4)

    def life(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
        opened: list[Store] = []

        def add(*documents: Document) -> None:
            Indexer(opened[0], embedder, Limits()).add(documents)

        yield "create", lambda: opened.append(Store.open(folder, embedder.info))
        yield "add", lambda: add(*(short(n, WORDS[n]) for n in range(3)))
        yield "update", lambda: add(short(1, "garden"), long(0, 20))
        yield "delete", lambda: opened[0].delete(["d0"])
        yield "close", lambda: opened[0].close()

    (tmp_path / "kb").mkdir()
    made = store_crash.record(tmp_path / "kb", life)
    looked = 0
    for n, (step, number, kind, files) in enumerate(store_crash.crashes(made, 7)):
        if n % 5:
            continue
        folder = tmp_path / str(n)
        folder.mkdir()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        with closing(Store.open(folder, embedder.info)) as store:
            index, _ = store.searchable(Scope(None))
            with store.reading() as snapshot:
                (count,) = snapshot.connection.execute("SELECT count(*) FROM vectors").fetchone()
            assert len(index) == count
        allowed = (step.after,) if number == step.last else (step.before, step.after)
        # A store whose making was cut short is made by opening it.
        held = store_crash.content(folder)
        assert held in allowed or (held == store_crash.EMPTY and None in allowed), (step.name, number, kind)
        looked += 1
    assert looked > 20


def test_sentences_are_compared_by_an_embedder_of_text() -> None:
    assert isinstance(text_embedder(PixelEmbedder()), MiniLMEmbedder)
    text = HashEmbedder()
    assert text_embedder(text) is text


def test_the_fake_sees_nothing_but_pixels() -> None:
    embedder = PixelEmbedder(32, 3)
    blank = Image.new("L", (50, 50), 255)
    (vectors,) = embedder.embed_pages([blank])
    assert vectors.shape == (1, 32)
    grey = Image.fromarray(np.asarray(np.random.default_rng(1).integers(0, 256, (90, 120)), np.uint8))
    ours, again, coloured = embedder.embed_pages([grey, grey, grey.convert("RGB")])
    assert np.array_equal(ours, again)
    assert np.array_equal(ours, coloured)
    assert np.allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)
    assert [query.shape[1] for query in embedder.embed_queries(["", "two words", "\ud800"])] == [32] * 3

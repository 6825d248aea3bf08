"""GlyphRetriever, GlyphVectorStore and the embeddings: LangChain's own standard tests, and what they leave out."""

from __future__ import annotations

import gc
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from glyph_rag.errors import EmbedderError, GlyphRAGError, InputError, StoreMismatchError
from glyph_rag.rag import GlyphRAG
from glyph_rag.testing import HashEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_classic.retrievers import EnsembleRetriever, ParentDocumentRetriever
from langchain_classic.retrievers.multi_vector import SearchType
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.example_selectors import SemanticSimilarityExampleSelector
from langchain_core.indexing import InMemoryRecordManager, aindex, index
from langchain_core.stores import InMemoryStore
from langchain_core.tracers.context import collect_runs
from langchain_tests.integration_tests import (
    EmbeddingsIntegrationTests,
    RetrieversIntegrationTests,
    VectorStoreIntegrationTests,
)
from langchain_tests.unit_tests import EmbeddingsUnitTests
from langchain_text_splitters import RecursiveCharacterTextSplitter

from langchain_glyph_rag import GlyphEmbeddings, GlyphRetriever, GlyphVectorStore, LangChainEmbedder
from langchain_glyph_rag.records import NESTED_KEY, to_document, to_source

LEAVE = "Five days of leave can be carried over until 31 March."
TEXTS = ["The cat sleeps on the mat.", "A dog barks at the gate.", "The cat eats on the mat.", "Rain falls on Monday."]


class TestGlyphVectorStore(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        store = GlyphVectorStore.open(tmp_path / "store", self.get_embeddings())
        yield store
        store.rag.close()


class TestGlyphVectorStoreOfANamespace(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path):
        store = GlyphVectorStore.open(tmp_path / "store", self.get_embeddings(), namespace="north")
        GlyphVectorStore(store.rag, namespace="south").add_texts(["foo", "bar"], ids=["1", "2"])
        yield store
        store.rag.close()


class TestGlyphRetriever(RetrieversIntegrationTests):
    rag = None

    @pytest.fixture(autouse=True)
    def _store(self, tmp_path):
        with GlyphRAG.open(tmp_path / "store", embedder=HashEmbedder()) as rag:
            GlyphVectorStore(rag).add_texts([f"The cat number {n} sleeps." for n in range(5)])
            type(self).rag = rag
            yield

    @property
    def retriever_constructor(self):
        return GlyphRetriever

    @property
    def retriever_constructor_params(self):
        return {"rag": self.rag}

    @property
    def retriever_query_example(self):
        return "cat"


class TestGlyphEmbeddings(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self):
        return GlyphEmbeddings


class TestGlyphEmbeddingsAsAUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self):
        return GlyphEmbeddings


@pytest.fixture
def store(tmp_path):
    with GlyphRAG.open(tmp_path / "store", embedder=HashEmbedder()) as rag:
        yield GlyphVectorStore(rag)


def test_documents_come_back_word_for_word(store, tmp_path):
    metadata = {"source": "a.md", "tags": ["x", {"y": 1}], "page": 3, "ratio": 0.5, "none": None, "big": 2**70}
    (name,) = store.add_documents([Document(page_content="The cat sleeps.", metadata=metadata)])
    (found,) = store.similarity_search("cat")
    assert found == Document(id=name, page_content="The cat sleeps.", metadata=metadata)
    store.rag.close()
    with GlyphRAG.open(tmp_path / "store", embedder=HashEmbedder()) as again:
        assert GlyphVectorStore(again).get_by_ids([name]) == [found]


def test_filters_scores_and_thresholds(store):
    store.add_texts(TEXTS, [{"n": n, "kind": "pet" if n < 3 else "sky"} for n in range(4)], ids=list("abcd"))
    scored = store.similarity_search_with_score("cat mat", k=4)
    assert [score for _, score in scored] == sorted((score for _, score in scored), reverse=True)
    assert all(0 <= score <= 1 for _, score in scored)
    found = store.similarity_search("cat mat", k=4, filter={"n": {"$gte": 1}, "kind": "pet"})
    assert {document.id for document in found} <= {"b", "c"}
    assert found[0].id == "c"
    with pytest.raises(InputError):
        store.similarity_search("cat", filter={"n": {"$near": 1}})


async def test_a_threshold_means_the_same_for_every_question(tmp_path):
    long = "\n\n".join(f"Paragraph {n} is about the harbour. " * 12 for n in range(12)) + "\n\n" + LEAVE
    texts, ours = [long, *TEXTS, LEAVE], GlyphEmbeddings()
    store = GlyphVectorStore.from_texts(texts, ours, [{"n": n} for n in range(6)], path=tmp_path / "kb")
    question = "How many days of leave can be carried over?"
    scored = store.similarity_search_with_relevance_scores(question, k=6)
    assert scored == await store.asimilarity_search_with_relevance_scores(question, k=6)
    assert [score for _, score in scored] == sorted((score for _, score in scored), reverse=True)
    assert {document.metadata["n"] for document, _ in scored[:2]} == {0, 5}
    cosine = np.dot(ours.embed_query(question), ours.embed_documents([LEAVE])[0])
    assert {document.metadata["n"]: score for document, score in scored}[5] == pytest.approx(cosine, abs=1e-3)
    retriever = store.as_retriever(
        search_type="similarity_score_threshold", search_kwargs={"score_threshold": 0.4, "filter": {"n": {"$gt": 0}}}
    )
    assert [document.metadata["n"] for document in retriever.invoke(question)] == [5]
    assert [document.metadata["n"] for document in await retriever.ainvoke(question)] == [5]
    assert retriever.invoke("What is the capital of Mongolia?") == []
    assert store.similarity_search_with_relevance_scores(question, filter={"n": 9}) == []
    store.rag.close()


def test_relevance_and_difference(store):
    store.add_texts([TEXTS[0], TEXTS[0] + " ", TEXTS[1], TEXTS[3]], ids=list("abcd"))
    same = store.similarity_search("cat mat", k=2)
    other = store.max_marginal_relevance_search("cat mat", k=2, fetch_k=4, lambda_mult=0.1)
    assert {document.id for document in same} == {"a", "b"}
    assert len({document.id for document in other} & {"a", "b"}) == 1
    alone = store.max_marginal_relevance_search("cat mat", k=2, fetch_k=2, lambda_mult=0.1)
    assert {document.id for document in alone} == {"a", "b"}
    retriever = store.as_retriever(search_type="mmr", search_kwargs={"k": 2, "fetch_k": 4, "lambda_mult": 0.1})
    assert [document.id for document in retriever.invoke("cat mat")] == [document.id for document in other]
    assert store.max_marginal_relevance_search("cat", filter={"none": "such"}) == []
    with pytest.raises(InputError, match="lambda_mult"):
        store.max_marginal_relevance_search("cat", lambda_mult=2)


def test_vectors(store):
    store.add_texts(TEXTS, ids=list("abcd"))
    vector = HashEmbedder().embed_queries([TEXTS[1]])[0]
    assert store.similarity_search_by_vector(vector.tolist(), k=1)[0].id == "b"
    assert store.similarity_search_by_vector((7 * vector).tolist(), k=1)[0].id == "b"
    assert store.max_marginal_relevance_search_by_vector(vector.tolist(), k=1)[0].id == "b"
    assert store.similarity_search_by_vector(vector.tolist(), k=4, filter={"source": "c"})[0].id == "c"
    with pytest.raises(GlyphRAGError):
        store.similarity_search_by_vector([1.0, 0.0], k=1)


def test_long_documents_are_found_once_and_come_back_whole(store):
    long = "\n\n".join(f"Paragraph {n} about the cat and number {n}. " * 20 for n in range(60))
    store.add_texts([long, *TEXTS], ids=["long", *"abcd"])
    found = store.similarity_search("paragraph 17 number 17", k=3)
    assert len(found) == len({document.id for document in found}) == 3
    assert long in [document.page_content for document in found]


def test_adding_again_replaces_and_deleting_passes_over_what_is_not_there(store):
    assert store.add_texts(["one"], ids=["x"]) == ["x"]
    assert store.add_documents([Document(page_content="two", id="x")]) == ["x"]
    assert store.get_by_ids(["x", "nowhere"])[0].page_content == "two"
    assert store.delete(["nowhere"])
    new = store.add_texts(text for text in ["three", "three"])
    assert len(store.get_by_ids(new)) == 2
    assert store.add_texts((text for text in ["four"]), ids=["y"]) == ["y"]
    assert store.delete(["y"])
    assert len(set(new)) == 2
    assert store.delete()
    assert store.get_by_ids(["x", *new]) == []


@pytest.mark.parametrize("cleanup", ["incremental", "full", "scoped_full"])
def test_the_indexing_api(store, cleanup):
    manager = InMemoryRecordManager("test")
    manager.create_schema()

    def run(texts):
        documents = [Document(page_content=text, metadata={"source": "s"}) for text in texts]
        result = index(documents, manager, store, cleanup=cleanup, source_id_key="source", key_encoder="sha256")
        return result["num_added"], result["num_skipped"], result["num_deleted"]

    assert run(TEXTS) == (4, 0, 0)
    assert run(TEXTS) == (0, 4, 0)
    assert run([*TEXTS[:3], "Snow falls on Tuesday."]) == (1, 3, 1)
    assert {document.page_content for document in store.similarity_search("snow rain falls", k=4)} == {
        *TEXTS[:3],
        "Snow falls on Tuesday.",
    }


async def test_the_indexing_api_async(store):
    manager = InMemoryRecordManager("test")
    await manager.acreate_schema()
    documents = [Document(page_content=text, metadata={"source": "s"}) for text in TEXTS]
    for wanted in ((4, 0), (0, 4)):
        result = await aindex(documents, manager, store, cleanup="full", source_id_key="source", key_encoder="sha256")
        assert (result["num_added"], result["num_skipped"]) == wanted


def test_many_threads_write_and_search(store):
    def work(number):
        store.add_texts([f"Thread number {number} says so."], [{"number": number}], ids=[str(number)])
        found = store.similarity_search(f"thread number {number}", k=1, filter={"number": number})
        if number % 4 == 0:
            store.delete([str(number)])
        return found[0].id

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(48))) == [str(number) for number in range(48)]
    assert len(store.rag.document_ids()) == 36


def test_retrievers_that_are_built_on_a_vector_store(store):
    children = RecursiveCharacterTextSplitter(chunk_size=30, chunk_overlap=0)
    parents = ParentDocumentRetriever(vectorstore=store, docstore=InMemoryStore(), child_splitter=children)
    parents.add_documents([Document(page_content=" ".join(TEXTS[:2]), id="a"), Document(page_content=TEXTS[3], id="b")])
    assert parents.invoke("rain Monday")[0].id == "b"
    parents.search_type = SearchType.mmr
    assert parents.invoke("dog gate")[0].id == "a"
    store.delete()
    store.add_texts(TEXTS, ids=list("abcd"))
    both = EnsembleRetriever(retrievers=[store.as_retriever(), GlyphRetriever(rag=store.rag)], weights=[0.5, 0.5])
    assert both.invoke("dog gate")[0].page_content == TEXTS[1]
    examples = SemanticSimilarityExampleSelector.from_examples(
        [{"q": "dog"}, {"q": "rain"}], GlyphEmbeddings(HashEmbedder()), GlyphVectorStore, k=1
    )
    assert examples.select_examples({"q": "rain"}) == [{"q": "rain"}]
    examples.vectorstore.rag.close()


def test_a_temporary_folder_lasts_as_long_as_what_is_in_use():
    rag = GlyphVectorStore.from_texts(TEXTS, GlyphEmbeddings(HashEmbedder()), ids=list("abcd")).rag
    gc.collect()
    GlyphVectorStore(rag).add_texts(["The fox is red."], ids=["e"])
    assert GlyphRetriever(rag=rag, k=1).invoke("red fox")[0].page_content == "The fox is red."
    rag.close()


def test_from_texts_in_a_folder_that_goes_with_it(tmp_path):
    store = GlyphVectorStore.from_texts(TEXTS, GlyphEmbeddings(HashEmbedder()), [{"n": n} for n in range(4)])
    assert store.similarity_search("dog", k=1)[0].metadata == {"n": 1}
    assert isinstance(store.embeddings, GlyphEmbeddings)
    store.rag.close()
    kept = GlyphVectorStore.from_documents(
        [Document(page_content=TEXTS[0], id="a")], DeterministicFakeEmbedding(size=8), path=tmp_path / "kept"
    )
    kept.rag.close()
    again = GlyphVectorStore.open(tmp_path / "kept", DeterministicFakeEmbedding(size=8))
    assert again.similarity_search("cat")[0].id == "a"
    again.rag.close()
    with pytest.raises(StoreMismatchError):
        GlyphVectorStore.open(tmp_path / "kept", DeterministicFakeEmbedding(size=9))


async def test_async_and_bad_input(store):
    await store.aadd_texts(TEXTS, ids=list("abcd"))
    assert (await store.asimilarity_search("dog", k=1))[0].id == "b"
    assert (await store.amax_marginal_relevance_search("dog", k=1, fetch_k=2))[0].id == "b"
    assert (await store.asimilarity_search_with_relevance_scores("dog", k=1))[0][0].id == "b"
    with pytest.raises(InputError, match="1 ids for 2"):
        store.add_documents([Document(page_content="x")] * 2, ids=["a"])
    with pytest.raises(InputError, match="1 metadatas for 2"):
        store.add_texts(["x", "y"], [{}])
    with pytest.raises(InputError, match="reserved"):
        store.add_texts(["x"], [{NESTED_KEY: 1}])
    with pytest.raises(InputError, match=r"of 'when': .*set"):
        store.add_texts(["x"], [{"when": {1, 2}}])
    with pytest.raises(TypeError):
        store.similarity_search("x", fliter={"n": 1})


def test_a_retriever_gives_places_and_no_pixels(tmp_path):
    with GlyphRAG.open(tmp_path / "store", embedder=HashEmbedder()) as rag:
        folder = tmp_path / "hr"
        folder.mkdir()
        (folder / "leave.md").write_text("# Leave\n\nFive days of leave can be carried over.\n")
        rag.add_path(folder)
        retriever = GlyphRetriever(rag=rag, k=2)
        with collect_runs() as runs:
            (found,) = retriever.invoke("leave carried over")
        assert found.page_content.startswith("# Leave")
        assert found.metadata["document_id"] == "hr/leave.md"
        assert (found.metadata["line_start"], found.metadata["line_end"]) == (1, 3)
        assert found.metadata["page_id"] == found.id == rag.page(found.id).id
        assert 0 < found.metadata["score"] <= 1
        assert len(json.dumps(found.metadata)) < 500
        traced = runs.traced_runs[0].extra["metadata"]
        assert (traced["ls_retriever_name"], traced["ls_embedding_model"]) == ("glyph", "hash")
        assert retriever.invoke("leave", filter={"source": "elsewhere"}) == []
        with pytest.raises(InputError):
            retriever.invoke("")
        assert GlyphRetriever(rag=rag, min_score=1.0, mmr=0.5).invoke("leave")


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.text(min_size=1, max_size=8).filter(lambda key: key != NESTED_KEY),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_any_metadata_survives(metadata):
    document = Document(id="x", page_content="words", metadata=metadata)
    assert to_document(to_source(document, "x")) == document


class Broken(Embeddings):
    def __init__(self, rows):
        self.rows = rows

    def embed_documents(self, texts):
        return self.rows

    def embed_query(self, text):
        return [1.0, 0.0]


@pytest.mark.parametrize("rows", [[[1.0]], [[0.0, 0.0]], [[float("nan"), 1.0]], [[1.0, 0.0]] * 2])
def test_embeddings_that_misbehave(rows):
    with pytest.raises(EmbedderError):
        LangChainEmbedder(Broken(rows)).embed_documents(["x"])


def test_embeddings_of_langchain_are_brought_to_unit_length():
    embedder = LangChainEmbedder(DeterministicFakeEmbedding(size=16), name="fake")
    assert embedder.info.dimension == 16
    assert embedder.info.name == "fake"
    vectors = embedder.embed_documents(["a", "b"])
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert embedder.embed_documents([]).shape == (0, 16)
    assert LangChainEmbedder(Broken([]), dimension=2).info.fingerprint == "langchain:Broken:2"

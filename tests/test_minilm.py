"""The bundled embedder: against the float32 model, whatever its batch, and with text no one should send."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from glyph_rag.embed import minilm
from glyph_rag.embed.minilm import MiniLMEmbedder
from glyph_rag.errors import EmbedderError

GOLDEN = json.loads((Path(__file__).parent / "data" / "minilm.json").read_text("utf-8"))
TEXTS = [entry["text"] for entry in GOLDEN]
ASSETS = Path(minilm.__file__).parent.parent / "assets" / "minilm"


@pytest.fixture(scope="module")
def embedder() -> MiniLMEmbedder:
    return MiniLMEmbedder(threads=2)


@pytest.fixture(scope="module")
def vectors(embedder):
    return embedder.embed_documents(TEXTS)


def test_agrees_with_the_float32_model(vectors):
    """The golden vectors were computed from the published float32 weights, without any rounding of them."""
    cosines = (vectors * np.array([entry["vector"] for entry in GOLDEN], np.float32)).sum(axis=1)
    assert cosines.min() > 0.999
    assert cosines.mean() > 0.9995


def test_shape_type_and_length(vectors):
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_vector_does_not_depend_on_its_batch(embedder, vectors):
    alone = np.concatenate([embedder.embed_documents([text]) for text in TEXTS])
    np.testing.assert_array_equal(alone, vectors)
    np.testing.assert_array_equal(embedder.embed_documents(TEXTS[::-1]), vectors[::-1])


def test_a_vector_does_not_depend_on_the_number_of_threads(vectors):
    np.testing.assert_array_equal(MiniLMEmbedder(threads=1).embed_documents(TEXTS), vectors)


def test_rows_are_in_input_order_when_lengths_differ(embedder):
    texts = ["word " * count for count in (200, 1, 50, 3, 120, 2)]
    rows = embedder.embed_documents(texts)
    for text, row in zip(texts, rows, strict=True):
        np.testing.assert_array_equal(embedder.embed_documents([text])[0], row)


def test_questions_and_passages_share_one_space(embedder, vectors):
    np.testing.assert_array_equal(embedder.embed_queries(TEXTS[:2]), vectors[:2])


def test_a_question_is_nearest_to_its_answer(embedder):
    passages = [
        "The Amazon carries more water than any other river.",
        "Penicillin was discovered by Alexander Fleming in 1928.",
        "The lease may be ended with three months' notice in writing.",
    ]
    questions = ["How do I end the rental contract?", "Who found the first antibiotic?", "Biggest river"]
    scores = embedder.embed_queries(questions) @ embedder.embed_documents(passages).T
    assert scores.argmax(axis=1).tolist() == [2, 1, 0]


@pytest.mark.parametrize("texts", [[], ()])
def test_nothing_in_nothing_out(texts):
    rows = MiniLMEmbedder().embed_documents(texts)
    assert rows.shape == (0, 384)
    assert rows.dtype == np.float32


@pytest.mark.parametrize(
    "text",
    ["", " ", "\n\t\r", "\0", "a\0b", "\ud800", "x\udfffy", "\ud83d\ude00", "\uffff", "\u202e\u200d\ufeff",
     "\U0010ffff", "e" + "\u0301" * 5000, "日本語と한국어", "x" * 100_000, "🧑‍🚀" * 400],
    ids=lambda text: ascii(text[:6]),
)  # fmt: skip
def test_garbage_has_a_vector(embedder, text):
    row = embedder.embed_documents([text])
    assert row.shape == (1, 384)
    assert np.isfinite(row).all()
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5)


def test_nul_and_a_lone_surrogate_leave_no_trace(embedder):
    rows = embedder.embed_documents(["left\0right \udc80", "leftright"])
    np.testing.assert_array_equal(rows[0], rows[1])


def test_only_the_first_256_tokens_count(embedder):
    # "word" is one token, and two of the 256 are the model's own marks around the text.
    full = "word " * 254
    rows = embedder.embed_documents([full, full + "entirely different ending", "word " * 253 + "ending"])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_what_it_says_about_itself():
    info = MiniLMEmbedder().info
    assert (info.name, info.dimension, info.max_tokens) == ("minilm", 384, 256)
    assert info.languages == frozenset({"en"})


def test_the_fingerprint_is_that_of_the_shipped_files():
    model, tokenizer = (
        hashlib.sha256((ASSETS / name).read_bytes()).hexdigest() for name in ("model.onnx", "tokenizer.json")
    )
    assert MiniLMEmbedder().info.fingerprint == f"minilm:{model[:16]}:{tokenizer[:16]}"


def test_concurrent_first_calls_load_the_model_once(monkeypatch, vectors):
    loads = []
    load = minilm._load
    monkeypatch.setattr(minilm, "_load", lambda max_tokens: loads.append(max_tokens) or load(max_tokens))
    embedder = MiniLMEmbedder(threads=2)
    start = threading.Barrier(4)

    def call(_: int):
        start.wait()
        return embedder.embed_documents(TEXTS[:2])

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(call, range(4)))
    assert loads == [256]
    for rows in results:
        np.testing.assert_array_equal(rows, vectors[:2])


def test_importing_and_describing_load_no_runtime():
    code = (
        "import sys; from glyph_rag.embed.minilm import MiniLMEmbedder; MiniLMEmbedder().info; "
        "sys.exit('onnxruntime' in sys.modules or 'tokenizers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_and_damaged_files_say_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(minilm, "_FOLDER", tmp_path)
    with pytest.raises(EmbedderError, match=r"model\.json is missing"):
        _ = MiniLMEmbedder().info
    (tmp_path / "model.json").write_bytes((ASSETS / "model.json").read_bytes())
    (tmp_path / "tokenizer.json").write_bytes((ASSETS / "tokenizer.json").read_bytes())
    with pytest.raises(EmbedderError, match=r"model\.onnx is missing"):
        MiniLMEmbedder().embed_documents(["text"])
    (tmp_path / "model.onnx").write_bytes((ASSETS / "model.onnx").read_bytes()[:1000])
    with pytest.raises(EmbedderError, match="cannot be loaded") as caught:
        MiniLMEmbedder().embed_documents(["text"])
    assert caught.value.hint == "reinstall glyph-rag"


def test_threads_must_be_positive():
    with pytest.raises(ValueError, match="at least 1"):
        MiniLMEmbedder(threads=0)

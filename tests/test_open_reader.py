"""Readers by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from glyph_rag.errors import InputError, MissingExtraError, ReaderError
from glyph_rag.read.ocr.reader import OcrReader
from glyph_rag.read.open import DEFAULT_READER, open_reader
from glyph_rag.testing import HashEmbedder


def refused(spec: str) -> str:
    with pytest.raises(InputError) as caught:
        open_reader(spec, HashEmbedder())
    assert repr(spec.partition("openai:")[2] or spec) in caught.value.message
    return caught.value.hint


def test_the_embedded_reader() -> None:
    assert isinstance(open_reader(DEFAULT_READER, HashEmbedder()), OcrReader)
    assert isinstance(open_reader(" ocr ", HashEmbedder()), OcrReader)


@pytest.mark.parametrize("model", ["Qwen/Qwen3-VL-4B-Instruct", "./models/mine", r"C:\models\mine"])
def test_a_model_on_this_machine(model: str) -> None:
    assert open_reader(f"transformers:{model}", HashEmbedder()).name == f"transformers ({model})"


@pytest.mark.parametrize(
    ("rest", "model", "address"),
    [
        ("gpt-5.4", "gpt-5.4", "https://api.openai.com/v1/"),
        (
            "Qwen/Qwen3-VL-8B-Instruct@http://localhost:8000/v1",
            "Qwen/Qwen3-VL-8B-Instruct",
            "http://localhost:8000/v1/",
        ),
        ("qwen3-vl:8b@http://me@host:1/v1", "qwen3-vl:8b", "http://me@host:1/v1/"),
        ("claude@20260101@https://host/v1", "claude@20260101", "https://host/v1/"),
        ("claude@20260101", "claude@20260101", "https://api.openai.com/v1/"),
    ],
)
def test_a_model_behind_an_endpoint(monkeypatch: pytest.MonkeyPatch, rest: str, model: str, address: str) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(Path(__file__).parent / "data"))
    reader = open_reader(f"openai:{rest}", HashEmbedder())
    assert reader.name == model
    assert reader._base_url == address  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("Qwen/Qwen3-VL-4B-Instruct", "did you mean 'transformers:Qwen/Qwen3-VL-4B-Instruct'?"),
        ("gpt-4o", "did you mean 'openai:gpt-4o'?"),
        ("opnai:gpt-4o", "did you mean 'openai:gpt-4o'?"),
        ("Transformer:some/model", "did you mean 'transformers:some/model'?"),
        ("OCR", "did you mean 'ocr'?"),
        ("openai", "openai:<model>"),
        ("transformers:", "transformers:<hub id or path>"),
        ("ocr:fast", "did you mean 'ocr'?"),
        ("openai:m@localhost:8000/v1", "begins with http://"),
        ("openai:m@localhost", "begins with http://"),
        ("openai:m@", "begins with http://"),
        ("", "there are ocr, transformers:"),
        ("zzzz", "there are ocr, transformers:"),
    ],
)
def test_what_is_no_reader_is_refused_with_what_comes_nearest(spec: str, hint: str) -> None:
    assert hint in refused(spec)


def test_a_folder_without_its_kind(tmp_path: Path) -> None:
    assert refused(str(tmp_path)) == f"did you mean {f'transformers:{tmp_path}'!r}?"


def test_a_missing_key_and_a_missing_package_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ReaderError, match="OPENAI_API_KEY"):
        open_reader("openai:gpt-4o", HashEmbedder())
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtraError, match=r"glyph-rag\[openai\]"):
        open_reader("openai:gpt-4o", HashEmbedder())

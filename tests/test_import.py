"""Importing the package is fast and pulls in nothing heavy."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import glyph_rag

HEAVY = (
    "torch",
    "transformers",
    "onnxruntime",
    "faiss",
    "langchain",
    "langchain_core",
    "llama_index",
    "numpy",
    "PIL",
    "uharfbuzz",
    "lxml",
    "pypdfium2",
)


def test_import_pulls_in_nothing_heavy() -> None:
    code = f"import sys, glyph_rag; print([m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


def test_the_facade_pulls_in_no_model_runtime() -> None:
    heavy = ("torch", "transformers", "onnxruntime", "tokenizers", "lxml", "docx")
    code = f"import sys, glyph_rag; glyph_rag.GlyphRAG; print([m for m in {heavy!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize("name", glyph_rag.__all__)
def test_every_public_name_is_there(name: str) -> None:
    value = getattr(glyph_rag, name)
    assert value is getattr(import_module(value.__module__), name)


def test_public_names_are_sorted_and_an_unknown_one_is_an_error() -> None:
    assert sorted(glyph_rag.__all__) == glyph_rag.__all__
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        glyph_rag.Nonsense  # noqa: B018

"""Every example of docs/search.md does what it says."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from glyph_rag import GlyphRAG

TEXT = (Path(__file__).parent.parent / "docs" / "search.md").read_text("utf-8")


def test_every_example_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = doctest.DocTestParser().get_doctest(TEXT, {}, "search.md", "docs/search.md", 0)
    assert len(examples.examples) >= TEXT.count("```pycon") >= 9
    said: list[str] = []
    runner = doctest.DocTestRunner(verbose=False)
    failed, _ = runner.run(examples, out=said.append, clear_globs=False)
    opened = examples.globs["rag"]
    assert isinstance(opened, GlyphRAG)
    opened.close()
    assert not failed, "".join(said)

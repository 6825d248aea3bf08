"""`glyph-rag stats | doctor | compact | backup | restore | export | import`: the upkeep of a store."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from glyph_rag.cli.console import (
    DEFAULT_STORE,
    EXIT_ERROR,
    EmbedderOption,
    JsonOption,
    StoreOption,
    interruptible,
    note_if_empty,
    out,
    print_json,
    progress_bar,
)
from glyph_rag.cli.index import print_report, report_to_dict
from glyph_rag.errors import InputError

if TYPE_CHECKING:
    from glyph_rag.index import Indexer
    from glyph_rag.store.backup import Manifest
    from glyph_rag.store.overview import Overview


def stats(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Say how much a store holds, how large it is, and how it is searched."""
    from glyph_rag.store.overview import overview

    found = overview(store)
    if as_json:
        print_json(asdict(found))
    else:
        _print_overview(found)


def doctor(
    store: StoreOption = DEFAULT_STORE,
    quick: Annotated[
        bool, typer.Option("--quick", help="Skip the check of the word index against the texts, which takes longest.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Look for damage: every row, text, vector and index is checked.

    Exit code 0: the store is sound. 1: something is damaged; each finding says what to do.
    """
    from glyph_rag.store.doctor import examine

    with interruptible("not everything was looked at"), progress_bar("Examining") as progress:
        findings = examine(store, terms=not quick, progress=progress)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            out.print(f"[{'yellow]note' if finding.harmless else 'red]damage'}:[/] {escape(finding.what)}")
            out.print(f"  [dim]{escape(finding.hint)}[/]")
        if not findings:
            out.print("The store is sound.")
    if any(not finding.harmless for finding in findings):
        raise typer.Exit(EXIT_ERROR)


def compact(store: StoreOption = DEFAULT_STORE, as_json: JsonOption = False) -> None:
    """Give back the room of what was deleted, and write the index anew. Bring an old store's format up to date."""
    from glyph_rag.store.compact import compact as run

    with interruptible("what was done stays; the same command goes on"), progress_bar("Compacting") as progress:
        done = run(store, progress)
    if as_json:
        print_json(asdict(done))
    else:
        out.print(f"{_size(done.bytes_before)} before, {_size(done.bytes_after)} now")


def backup(
    target: Annotated[Path, typer.Argument(help="A folder that does not exist yet.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Copy a store while others read and write it, with checksums."""
    from glyph_rag.store.backup import backup as run

    with interruptible("the same command begins the copy anew"), progress_bar("Copying") as progress:
        made = run(store, target, progress)
    _print_copy(made, target, as_json=as_json)


def restore(
    source: Annotated[Path, typer.Argument(help="The folder of a backup.")],
    store: StoreOption = DEFAULT_STORE,
    as_json: JsonOption = False,
) -> None:
    """Make a store from a backup, having verified it. The store's folder must not exist or be empty."""
    from glyph_rag.store.backup import restore as run

    with interruptible("the same command begins anew"), progress_bar("Restoring") as progress:
        made = run(source, store, progress)
    _print_copy(made, store, as_json=as_json)


def export(
    target: Annotated[Path, typer.Argument(help="The file to write, or - for the standard output.")],
    store: StoreOption = DEFAULT_STORE,
    namespace: Annotated[str | None, typer.Option(help="Only this namespace; all of them otherwise.")] = None,
    vectors: Annotated[
        bool,
        typer.Option(
            "--vectors",
            help="Include the vectors, so that a store with the same embedder need not compute them again.",
        ),
    ] = False,
) -> None:
    """Write all documents and their metadata as JSON Lines, for `glyph-rag import` with any embedder or profile."""
    from glyph_rag.store.exchange import export_lines

    with interruptible("there is no export; the same command begins anew"), progress_bar("Exporting") as progress:
        if namespace is not None:
            note_if_empty(store, namespace)
        lines = export_lines(store, namespace=namespace, vectors=vectors, progress=progress)
        data = (line.encode() + b"\n" for line in lines)
        if str(target) == "-":
            sys.stdout.buffer.writelines(data)
            return
        documents = _write_export(target, data)
    out.print(f"{documents} {'document' if documents == 1 else 'documents'} in {escape(str(target))}")


def import_(
    source: Annotated[Path, typer.Argument(help="What `glyph-rag export` wrote, or - for the standard input.")],
    store: StoreOption = DEFAULT_STORE,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the documents of an export to a store. Documents that are there already are passed over."""
    with (
        interruptible("what was imported stays; the same command goes on"),
        _lines(source) as lines,
        _opened(store, embedder) as indexer,
        progress_bar("Importing") as progress,
    ):
        report = indexer.add_exported(lines, progress)
    if as_json:
        print_json(report_to_dict(report))
    else:
        print_report(report)


def _write_export(target: Path, lines: Iterable[bytes]) -> int:
    """Writes an export so that it is there wholly or not at all; returns how many documents it has.

    Raises:
        InputError: If the file cannot be written.
    """
    from glyph_rag.store.files import write_atomically

    written = -2  # the first and the last line are none

    def counted() -> Iterator[bytes]:
        nonlocal written
        for line in lines:
            written += 1
            yield line

    try:
        write_atomically(target, counted())
    except OSError as error:
        why = f"cannot write {str(target)!r}: {error.strerror}"
        raise InputError(why, hint="name another file, or - for the standard output") from error
    return written


@contextmanager
def _opened(folder: Path, name: str | None) -> Iterator[Indexer]:
    """What adds to the store in a folder, which is made if there is none, with the embedder it remembers."""
    from glyph_rag.embed.open import DEFAULT_EMBEDDER, is_bundled, open_embedder
    from glyph_rag.errors import StoreMismatchError
    from glyph_rag.index import Indexer
    from glyph_rag.limits import Limits
    from glyph_rag.store.identity import embedder_of
    from glyph_rag.store.store import Store

    remembered = embedder_of(folder)
    if name is None and remembered is not None and not is_bundled(remembered):
        raise StoreMismatchError(
            f"the store in {str(folder)!r} was made with the embedder {remembered!r}", hint="name it: --embedder"
        )
    embedder = open_embedder(name or remembered or DEFAULT_EMBEDDER)
    with closing(Store.open(folder, embedder.info)) as store:
        yield Indexer(store, embedder, Limits())


@contextmanager
def _lines(source: Path) -> Iterator[Iterator[str]]:
    """The lines of an export, of which the first has been looked at: no store is made for what is none."""
    if str(source) == "-":
        yield _checked(iter(sys.stdin), "the standard input")
        return
    if not source.exists() or source.is_dir():
        raise InputError(f"there is no file {str(source)!r}", hint="make one with `glyph-rag export`")
    # Escaped by json.dumps, so ASCII; whatever else comes is told by the reader of the lines.
    with source.open(encoding="utf-8", errors="replace", newline="\n") as file:
        yield _checked(file, repr(str(source)))


def _checked(lines: Iterator[str], name: str) -> Iterator[str]:
    from glyph_rag.embed.embedder import EmbedderInfo
    from glyph_rag.store.exchange import read_lines

    first = next(lines, "")
    try:
        list(read_lines([first, '{"end": 0}'], EmbedderInfo("none", "none", 1, 0, None)))
    except InputError as error:
        raise InputError(f"{name}: {error.message}", hint=error.hint) from error
    return chain([first], lines)


def _print_copy(made: Manifest, folder: Path, *, as_json: bool) -> None:
    if as_json:
        print_json({"path": str(folder), "documents": made.documents, "bytes": made.bytes, "sha256": made.sha256})
    else:
        documents = "document" if made.documents == 1 else "documents"
        out.print(f"{made.documents} {documents}, {_size(made.bytes)}, in {escape(str(folder))}")


def _print_overview(found: Overview) -> None:
    out.print(f"documents   {found.documents:,}")
    if set(found.namespaces) - {""}:
        for name, count in sorted(found.namespaces.items()):
            out.print(f"  {escape(name) or '(unnamed)'}: {count:,}")
    out.print(f"pages       {found.pages:,}")
    out.print(f"chunks      {found.chunks:,}")
    out.print(f"embedder    {escape(found.embedder)}, {found.dimension} x {found.precision}")
    out.print(f"generation  {found.generation:,}")
    free = f", {_size(found.free_bytes)} of it free" if found.free_bytes else ""
    out.print(f"database    {_size(found.database_bytes)}{free}")
    behind = f", {found.index_behind:,} vectors behind" if found.index_behind else ""
    out.print(f"index       {found.index_kind}, {found.index_vectors:,} vectors, {_size(found.index_bytes)}{behind}")
    if found.index_recall is not None:
        out.print(
            f"            {found.index_probed:,} of {found.index_lists:,} lists are looked into; recall@10 was"
            f" {found.index_recall:.3f} for {found.index_asked} queries when it was made, after change"
            f" {found.index_generation:,}"
        )


def _size(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"

"""`glyph-rag index | search | delete`: into a store, and out of it."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from glyph_rag.cli.console import (
    DEFAULT_STORE,
    EXIT_SKIPPED,
    EmbedderOption,
    JsonOption,
    NamespaceOption,
    StoreOption,
    err,
    interruptible,
    note_if_empty,
    open_store,
    out,
    print_json,
    print_skipped,
    progress_bar,
)
from glyph_rag.cli.pairs import MetadataOption, WhereOption, parse_metadata, parse_where
from glyph_rag.errors import InputError

if TYPE_CHECKING:
    from glyph_rag.index import IndexReport, Progress
    from glyph_rag.search.hit import Hit


def index(
    paths: Annotated[list[Path], typer.Argument(help="Folders or files.")],
    store: StoreOption = DEFAULT_STORE,
    sync: Annotated[bool, typer.Option("--sync", help="Remove documents whose file is gone from the folder.")] = False,
    exclude: Annotated[
        list[str] | None, typer.Option(help='Names or paths to pass over, such as "*.log". May be repeated.')
    ] = None,
    namespace: NamespaceOption = "",
    metadata: MetadataOption = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add folders of documents to a store. What has not changed since the last time is left alone.

    Exit code 0: everything is indexed. 3: some files were skipped (each is reported with its reason), the rest is
    indexed. 1: nothing could be done.
    """
    from glyph_rag.corpus.files import count_files

    values = parse_metadata(metadata)
    counts = [count_files(path, exclude=exclude or ()) for path in paths]
    with (
        interruptible("what was indexed stays; the same command goes on"),
        open_store(store, embedder, create=True) as rag,
        progress_bar("Indexing") as progress,
    ):
        reports = [
            rag.add_path(
                path,
                sync=sync,
                exclude=exclude or (),
                namespace=namespace,
                metadata=values,
                progress=_going_on(progress, before, sum(counts)),
            )
            for path, before in zip(paths, accumulate([0, *counts]), strict=False)
        ]
        stats = rag.stats()
    report = _together(reports)
    if as_json:
        totals = {"documents": stats.documents, "pages": stats.pages, "chunks": stats.chunks}
        print_json({**report_to_dict(report), "store": {"path": str(store), **totals}})
    else:
        print_report(report)
        out.print(
            f"[dim]{escape(str(store))}: {stats.documents} documents, {stats.pages} pages, {stats.chunks} chunks[/]"
        )
    if report.skipped:
        raise typer.Exit(EXIT_SKIPPED)


def search(
    question: Annotated[str, typer.Argument(help="A question or keywords.")],
    store: StoreOption = DEFAULT_STORE,
    k: Annotated[int, typer.Option("-k", help="At most this many pages.", min=1)] = 5,
    where: WhereOption = None,
    namespace: NamespaceOption = "",
    min_score: Annotated[
        float, typer.Option(help="Leave out pages that score less; scores go from 0 to 1.", show_default=False)
    ] = 0.0,
    mmr: Annotated[
        float | None,
        typer.Option(
            help="Diversify hits by maximal marginal relevance: 1 is by score alone; the nearer to 0, the more diverse."
        ),
    ] = None,
    after: Annotated[
        str | None, typer.Option(help="Continue after the hit with this cursor (printed by --json).")
    ] = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the pages that fit a question best."""
    with open_store(store, embedder) as rag:
        view = rag.scoped(namespace=namespace)
        hits = view.search(question, k, where=parse_where(where), min_score=min_score, mmr=mmr, after=after)
    if not hits:
        note_if_empty(store, namespace, filtered=bool(where))
    if as_json:
        print_json([_hit_to_dict(hit) for hit in hits])
        return
    for rank, hit in enumerate(hits, 1):
        chunk = hit.chunks[0]
        out.print(f"[bold]{rank}. {escape(_place(hit))}[/]  [dim]{hit.score:.4f}[/]")
        out.print(f"   {escape(_shorten(chunk.text))}")
    if not hits:
        out.print("Nothing found.")


def delete(
    ids: Annotated[
        list[str] | None, typer.Argument(help="Ids of documents, as `document_id` in `search --json`.")
    ] = None,
    store: StoreOption = DEFAULT_STORE,
    namespace: NamespaceOption = "",
    everything: Annotated[
        bool, typer.Option("--all", help="Every document of the namespace, which has to be named.")
    ] = False,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents from a store. Those that come from a file are back when that is indexed again.

    Exit code 0: all of them are removed. 3: some were not there, the rest is removed.
    """
    if bool(ids) == everything or (everything and not namespace):
        raise InputError(
            "nothing says which documents to delete",
            hint="name their ids, or a whole namespace: --all --namespace NAME",
        )
    with open_store(store, embedder) as rag:
        present = rag.document_ids(namespace=namespace)
        missing = sorted({*(ids or ())} - {*present})
        removed = rag.delete(present if everything else ids or (), namespace=namespace)
    for name in missing:
        err.print(f"[yellow]skipped[/] {escape(name)}: there is no such document")
    if as_json:
        print_json({"removed": removed, "missing": missing})
    else:
        out.print(f"{removed} removed")
    if missing:
        raise typer.Exit(EXIT_SKIPPED)


def report_to_dict(report: IndexReport) -> dict[str, object]:
    """What adding documents did, for JSON."""
    skipped = [{"source": item.source, "reason": item.reason} for item in report.skipped]
    counts = {
        name: getattr(report, name) for name in ("added", "updated", "unchanged", "removed", "embedded", "foreign")
    }
    return {**counts, "skipped": skipped}


def _going_on(progress: Progress, before: int, total: int) -> Progress:
    """Progress through one of several folders, told as that through all of them."""
    return lambda done, _: progress(before + done, total)


def _together(reports: list[IndexReport]) -> IndexReport:
    from glyph_rag.index import IndexReport

    return IndexReport(
        added=sum(report.added for report in reports),
        updated=sum(report.updated for report in reports),
        unchanged=sum(report.unchanged for report in reports),
        removed=sum(report.removed for report in reports),
        embedded=sum(report.embedded for report in reports),
        skipped=tuple(item for report in reports for item in report.skipped),
        foreign=sum(report.foreign for report in reports),
    )


def print_report(report: IndexReport) -> None:
    """Prints what adding documents did."""
    print_skipped(report.skipped)
    counts = [
        f"{number} {name}"
        for name in ("added", "updated", "unchanged", "removed")
        if (number := getattr(report, name)) or name == "added"
    ]
    out.print(
        f"{', '.join(counts)}; {report.embedded} embedded"
        + (f"; {len(report.skipped)} skipped" if report.skipped else "")
    )
    if 2 * report.foreign > report.added + report.updated:
        err.print(
            f"[yellow]note:[/] most of these ({report.foreign}) are in languages that the embedder does not know, so "
            "they are found by their words, not by their meaning. For 100 languages: pip install "
            r"'glyph-rag\[multilingual]', and a new store with --embedder e5"
        )


def _place(hit: Hit) -> str:
    chunk, page = hit.chunks[0], hit.page
    label = page.label_of(max(chunk.start, page.start))
    if label:
        return f"{page.source}, {label}"
    return f"{page.source}:{page.line_of(chunk.start)}-{page.line_of(min(chunk.end, page.end) - 1)}"


def _shorten(text: str, width: int = 160) -> str:
    words = " ".join(text.split())
    return words if len(words) <= width else words[: width - 1] + "…"


def _hit_to_dict(hit: Hit) -> dict[str, object]:
    page = hit.page
    chunks = [{"id": chunk.id, "text": chunk.text, "headings": list(chunk.headings)} for chunk in hit.chunks]
    return {
        "score": hit.score, "where": _place(hit), "document_id": page.document_id, "source": page.source,
        "page_id": page.id, "line_start": page.line_of(page.start), "line_end": page.line_of(page.end - 1),
        "metadata": dict(page.metadata), "chunks": chunks, "cursor": hit.cursor,
    }  # fmt: skip

"""`glyph-rag index | search`: into a store, and out of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from glyph_rag.cli.console import (
    DEFAULT_STORE,
    EXIT_SKIPPED,
    EmbedderOption,
    JsonOption,
    StoreOption,
    interruptible,
    note_if_empty,
    open_store,
    out,
    print_json,
    print_skipped,
    progress_bar,
)

if TYPE_CHECKING:
    from glyph_rag.index import IndexReport
    from glyph_rag.search.hit import Hit


def index(
    path: Annotated[Path, typer.Argument(help="A folder or a file.")],
    store: StoreOption = DEFAULT_STORE,
    sync: Annotated[bool, typer.Option("--sync", help="Remove documents whose file is gone from the folder.")] = False,
    exclude: Annotated[list[str] | None, typer.Option(help='Names or paths to pass over, such as "*.log".')] = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a folder of documents to a store.

    Exit code 0: everything is indexed. 3: some files were skipped (each is reported with its reason), the rest is
    indexed. 1: nothing could be done.
    """
    from glyph_rag.corpus.files import check_root

    check_root(path)
    with (
        interruptible("what was indexed stays; the same command goes on"),
        open_store(store, embedder, create=True) as rag,
        progress_bar("Indexing") as progress,
    ):
        report = rag.add_path(path, sync=sync, exclude=exclude or (), progress=progress)
        stats = rag.stats()
    if as_json:
        skipped = [{"source": item.source, "reason": item.reason} for item in report.skipped]
        counts = {name: getattr(report, name) for name in ("added", "updated", "unchanged", "removed", "embedded")}
        totals = {"documents": stats.documents, "pages": stats.pages, "chunks": stats.chunks}
        print_json({**counts, "skipped": skipped, "store": {"path": str(store), **totals}})
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
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the pages that fit a question best."""
    with open_store(store, embedder) as rag:
        hits = rag.search(question, k)
        if not hits:
            note_if_empty(rag, store)
    if as_json:
        print_json([_hit_to_dict(hit) for hit in hits])
        return
    for rank, hit in enumerate(hits, 1):
        chunk = hit.chunks[0]
        out.print(f"[bold]{rank}. {escape(_place(hit))}[/]  [dim]{hit.score:.4f}[/]")
        out.print(f"   {escape(_shorten(chunk.text))}")
    if not hits:
        out.print("Nothing found.")


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
        "metadata": dict(page.metadata), "chunks": chunks,
    }  # fmt: skip

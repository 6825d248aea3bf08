"""`glyph-rag index | search | ask | demo`: stores and answers."""

from __future__ import annotations

import tempfile
from importlib.resources import as_file, files
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
    open_store,
    out,
    print_json,
    print_skipped,
    progress_bar,
)

if TYPE_CHECKING:
    from glyph_rag.index import IndexReport
    from glyph_rag.rag import GlyphRAG
    from glyph_rag.read.answer import Answer
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
    with open_store(store, embedder, create=True) as rag, progress_bar("Indexing") as progress:
        report = rag.add_path(path, sync=sync, exclude=exclude or (), progress=progress)
        stats = rag.stats()
    if as_json:
        skipped = [{"source": item.source, "reason": item.reason} for item in report.skipped]
        counts = {name: getattr(report, name) for name in ("added", "updated", "unchanged", "removed", "embedded")}
        totals = {"documents": stats.documents, "pages": stats.pages, "chunks": stats.chunks}
        print_json({**counts, "skipped": skipped, "store": {"path": str(store), **totals}})
    else:
        _print_report(report)
        out.print(
            f"[dim]{escape(str(store))}: {stats.documents} documents, {stats.pages} pages, {stats.chunks} chunks[/]"
        )
    if report.skipped:
        raise typer.Exit(EXIT_SKIPPED)


def search(
    question: Annotated[str, typer.Argument(help="A question or keywords.")],
    store: StoreOption = DEFAULT_STORE,
    k: Annotated[int, typer.Option("-k", help="At most this many pages.")] = 5,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the pages that fit a question best."""
    with open_store(store, embedder) as rag:
        hits = rag.search(question, k)
    if as_json:
        print_json([_hit_to_dict(hit) for hit in hits])
        return
    for rank, hit in enumerate(hits, 1):
        chunk = hit.chunks[0]
        out.print(f"[bold]{rank}. {escape(_place(hit))}[/]  [dim]{hit.score:.4f}[/]")
        out.print(f"   {escape(_shorten(chunk.text))}")
    if not hits:
        out.print("Nothing found.")


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    store: StoreOption = DEFAULT_STORE,
    k: Annotated[int, typer.Option("-k", help="How many pages the reader is shown at most.")] = 3,
    save_pages: Annotated[
        Path | None,
        typer.Option(help="Write the pages that were read here, as PNG with the cited lines highlighted."),
    ] = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the store, with citations."""
    with open_store(store, embedder) as rag:
        answer = rag.ask(question, k)
        saved = _save_pages(rag, answer, save_pages) if save_pages else []
    if as_json:
        print_json({"question": question, **answer.to_dict(), "saved_pages": [str(path) for path in saved]})
    else:
        _print_answer(answer, saved)


def demo() -> None:
    """Index a small handbook that ships with the package, and answer three questions from it."""
    questions = (
        "How many days of leave can be carried over?",
        "Who approves a business trip?",
        "病假第几天需要提交诊断证明？",
    )
    with as_file(files("glyph_rag") / "demo") as folder, tempfile.TemporaryDirectory() as store:
        handbook = folder / "handbook"
        out.print(f"[dim]$ glyph-rag index {escape(handbook.name)}/[/]")
        with open_store(Path(store), None, create=True) as rag:
            with progress_bar("Indexing") as progress:
                _print_report(rag.add_path(handbook, progress=progress))
            for question in questions:
                out.print(f"\n[dim]$ glyph-rag ask[/] [bold]{escape(question)}[/]")
                _print_answer(rag.ask(question), [])


def _print_report(report: IndexReport) -> None:
    print_skipped(report.skipped)
    counts = [
        f"{number} {name}"
        for name in ("added", "updated", "unchanged", "removed")
        if (number := getattr(report, name)) or name == "added"
    ]
    out.print(
        f"{', '.join(counts)}; {report.embedded} chunks embedded"
        + (f"; {len(report.skipped)} skipped" if report.skipped else "")
    )


def _print_answer(answer: Answer, saved: list[Path]) -> None:
    out.print()
    for sentence in answer.sentences:
        mark = {
            "exact": "",
            "reworded": "",
            "corrected": " [dim](corrected from the source)[/]",
            "unsupported": " [red](not in the source)[/]",
        }
        cited = "" if sentence.citation is None else f" [cyan]\\[{sentence.citation + 1}][/]"
        out.print(f"[bold]{escape(sentence.text)}[/]{cited}{mark[sentence.support]}")
    if not answer.sentences:
        out.print(f"[bold]{escape(answer.text)}[/]")
    for notice in answer.notices:
        out.print(f"[yellow]note:[/] {escape(notice)}")
    out.print()
    for number, citation in enumerate(answer.citations, 1):
        out.print(f"[cyan]\\[{number}][/] {escape(citation.where)}")
        for line in citation.quote.splitlines():
            out.print(f"    [dim]>[/] {escape(line)}")
    for path in saved:
        out.print(f"[dim]wrote {escape(str(path))}[/]")
    usage = answer.usage
    out.print(f"[dim]{usage.image_tokens} image tokens; the same pages as text: about {usage.text_tokens} tokens[/]")


def _save_pages(rag: GlyphRAG, answer: Answer, folder: Path) -> list[Path]:
    """Writes the pages of a plan, with the cited words highlighted."""
    from glyph_rag.typeset.highlight import highlight

    folder.mkdir(parents=True, exist_ok=True)
    saved = []
    for shown in answer.plan.pages:
        boxes = [box for citation in answer.citations if citation.page_id == shown.page_id for box in citation.boxes]
        path = folder / f"{shown.label}-{shown.page_id[:8]}.png"
        highlight(rag.page(shown.page_id), boxes).save(path)
        saved.append(path)
    return saved


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

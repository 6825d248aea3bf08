"""`glyph-rag ask | read | chat | demo`: answers."""

from __future__ import annotations

import sys
import tempfile
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from glyph_rag.cli.console import (
    DEFAULT_STORE,
    EmbedderOption,
    JsonOption,
    NamespaceOption,
    PagesOption,
    ReaderOption,
    StoreOption,
    err,
    note_if_empty,
    open_store,
    out,
    print_json,
    progress_bar,
)
from glyph_rag.cli.index import print_report
from glyph_rag.cli.pairs import WhereOption, parse_where
from glyph_rag.errors import GlyphRAGError, InputError, LoadError

if TYPE_CHECKING:
    from glyph_rag.corpus.document import Document
    from glyph_rag.read.answer import Answer
    from glyph_rag.read.plan import ReadingPlan
    from glyph_rag.view import View

ModeOption = Annotated[
    Literal["image", "text", "auto"], typer.Option(help="Show pages as images, as text, or as whatever costs least.")
]
DensityOption = Annotated[
    str | None,
    typer.Option(
        help="How pages are set: careful, balanced or dense. As in the store if not given; careful for `read`."
    ),
]
BudgetOption = Annotated[int | None, typer.Option(help="Tokens that the prompt may have.", min=1)]
StrictOption = Annotated[bool, typer.Option("--strict", help="Leave out what the source does not say.")]
SaveOption = Annotated[
    Path | None,
    typer.Option("--save-pages", help="Write the pages that were read here, as PNG with the cited words highlighted."),
]
_SUPPORT = {
    "exact": "", "reworded": "", "corrected": " [dim](corrected from the source)[/]",
    "unsupported": " [red](not in the source)[/]",
}  # fmt: skip


def ask(
    question: Annotated[str, typer.Argument(help="The question.")],
    store: StoreOption = DEFAULT_STORE,
    k: PagesOption = 3,
    where: WhereOption = None,
    namespace: NamespaceOption = "",
    reader: ReaderOption = None,
    mode: ModeOption = "image",
    density: DensityOption = None,
    budget: BudgetOption = None,
    strict: StrictOption = False,
    cross_check: Annotated[
        bool,
        typer.Option(
            "--cross-check",
            help="Ask a second time, as text if the first was images or the reverse, and say if the answers agree.",
        ),
    ] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what the reader would be shown.")] = False,
    save_pages: SaveOption = None,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the store, with citations."""
    condition = parse_where(where)
    with open_store(store, embedder, reader=reader) as rag:
        view = rag.scoped(namespace=namespace)
        if plan:
            planned = view.plan(question, k, mode=mode, density=density, budget=budget, where=condition)
            _print_plan(planned, as_json=as_json)
            return
        answer = view.ask(
            question,
            k,
            mode=mode,
            density=density,
            budget=budget,
            strict=strict,
            cross_check=cross_check,
            where=condition,
        )
        saved = _save_pages(view, answer, save_pages) if save_pages else []
    if answer.plan.empty:
        note_if_empty(store, namespace, filtered=bool(where))
    if as_json:
        print_json({"question": question, **answer.to_dict(), "saved_pages": [str(path) for path in saved]})
    else:
        print_answer(answer, saved)


def read(
    file: Annotated[
        Path, typer.Argument(help="A document of any kind that can be indexed, or - for text on the standard input.")
    ],
    question: Annotated[str, typer.Argument(help='A question or a task: "Summarise the third section."')],
    reader: ReaderOption = None,
    mode: ModeOption = "image",
    density: DensityOption = None,
    budget: BudgetOption = None,
    strict: StrictOption = False,
    embedder: EmbedderOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question about one document, all of which the reader is shown. Needs no store."""
    document = _load(file)
    with (
        tempfile.TemporaryDirectory() as store,
        open_store(Path(store), embedder, create=True, reader=reader) as rag,
        progress_bar("Reading") as progress,
    ):
        answer = rag.read(
            document, question, mode=mode, density=density, budget=budget, strict=strict, progress=progress
        )
    if as_json:
        print_json({"question": question, **answer.to_dict()})
    else:
        print_answer(answer, [])


def chat(
    store: StoreOption = DEFAULT_STORE,
    k: PagesOption = 3,
    where: WhereOption = None,
    namespace: NamespaceOption = "",
    reader: ReaderOption = None,
    mode: ModeOption = "image",
    density: DensityOption = None,
    budget: BudgetOption = None,
    strict: StrictOption = False,
    session: Annotated[
        Path | None, typer.Option(help="A file to keep the conversation in, and to go on from if it is there.")
    ] = None,
    embedder: EmbedderOption = None,
) -> None:
    """Ask one question after the other; an empty line ends the conversation."""
    condition = parse_where(where)
    with open_store(store, embedder, reader=reader) as rag:
        note_if_empty(store, namespace)
        conversation = rag.scoped(namespace=namespace, where=condition).chat(
            session if session is not None and session.exists() else None,
            k=k,
            mode=mode,
            density=density,
            budget=budget,
            strict=strict,
        )
        if session is not None:
            # Now, and not after the first answer, which somebody has waited for.
            conversation.save(session)
        while question := _next_question():
            try:
                print_answer(conversation.ask(question), [])
            except GlyphRAGError as error:
                err.print(f"[red]error:[/] {escape(str(error))}")
                continue
            if session is not None:
                conversation.save(session)


def demo(save_pages: SaveOption = None) -> None:
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
                print_report(rag.add_path(handbook, progress=progress))
            for question in questions:
                out.print(f'\n[dim]$ glyph-rag ask[/] [bold]"{escape(question)}"[/]')
                answer = rag.ask(question)
                print_answer(answer, _save_pages(rag, answer, save_pages) if save_pages else [])
    out.print()
    if not save_pages:
        out.print(
            "To see the pages that were read, with the cited words highlighted: glyph-rag demo --save-pages pages"
        )
    out.print('For documents of your own: glyph-rag index FOLDER, then glyph-rag ask "..."')


def print_answer(answer: Answer, saved: list[Path]) -> None:
    """Prints an answer with its citations, and what it cost."""
    out.print()
    for sentence in answer.sentences if answer.found else ():
        cited = "" if sentence.citation is None else f" [cyan]\\[{sentence.citation + 1}][/]"
        if sentence.text in answer.text:
            out.print(f"[bold]{escape(sentence.text)}[/]{cited}{_SUPPORT[sentence.support]}")
    if not answer.found:
        out.print(f"[bold]{escape(answer.text)}[/]")
    for notice in answer.notices:
        out.print(f"[yellow]note:[/] {escape(notice)}")
    if answer.cross_check is not None:
        verdict = "[green]agrees[/]" if answer.cross_check.agrees else "[red]disagrees[/]"
        channel = answer.cross_check.other.plan.mode
        out.print(f"cross-check: {channel} {verdict}: {escape(answer.cross_check.why)}")
    out.print()
    for number, citation in enumerate(answer.citations, 1):
        out.print(f"[cyan]\\[{number}][/] {escape(citation.where)}")
        for line in citation.quote.splitlines():
            out.print(f"    [dim]>[/] {escape(line)}")
    for path in saved:
        out.print(f"[dim]wrote {escape(str(path))}[/]")
    usage = answer.usage
    price = "" if usage.usd is None else f"; about {usage.usd:.4f} USD"
    reported = "" if usage.reported_tokens is None else f" ({usage.reported_tokens} reported for the whole prompt)"
    out.print(
        f"[dim]{usage.image_tokens} image tokens{reported};"
        f" the same pages as text: about {usage.text_tokens} tokens{price}[/]"
    )


def _print_plan(plan: ReadingPlan, *, as_json: bool) -> None:
    if as_json:
        print_json(plan.to_dict())
    else:
        out.print(escape(str(plan)))


def _next_question() -> str:
    try:
        return str(out.input("\n[bold cyan]?[/] ")).strip()
    except (EOFError, KeyboardInterrupt):
        out.print()
        return ""


def _load(file: Path) -> Document:
    """The one document in a file.

    Raises:
        LoadError: There is none, or there are several.
    """
    from glyph_rag.corpus.document import Document
    from glyph_rag.corpus.files import parse, read_path
    from glyph_rag.corpus.source import Skipped
    from glyph_rag.corpus.text import decode
    from glyph_rag.limits import Limits

    if str(file) == "-":
        return Document("standard input", decode(sys.stdin.buffer.read()))
    if file.is_dir():
        raise LoadError(f"{str(file)!r} is a folder", hint="name one file, or index the folder and use `glyph-rag ask`")
    limits = Limits()
    found = [
        item
        for entry in read_path(file, limits=limits)
        for item in ([entry] if isinstance(entry, Skipped) else parse(entry, limits=limits))
    ]
    documents = [item for item in found if not isinstance(item, Skipped)]
    if len(documents) > 1:
        raise LoadError(
            f"{str(file)!r} holds {len(documents)} documents",
            hint="name a file that holds one, or index this one and use `glyph-rag ask`",
        )
    if not documents:
        why = "; ".join(item.reason for item in found if isinstance(item, Skipped))
        raise LoadError(f"{str(file)!r} cannot be read: {why}", hint="name a file with text in it")
    return documents[0]


def _save_pages(view: View, answer: Answer, folder: Path) -> list[Path]:
    """Writes the pages of a plan, with the cited words highlighted.

    Raises:
        InputError: If the folder cannot be written to.
    """
    saved = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, (page_id, image) in enumerate(view.highlighted(answer).items(), 1):
            path = folder / f"P{number}-{page_id[:8]}.png"
            image.save(path)
            saved.append(path)
    except OSError as error:
        why = f"cannot write pages to {str(folder)!r}: {error.strerror}"
        raise InputError(why, hint="choose another folder with --save-pages") from error
    return saved

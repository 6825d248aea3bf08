"""What all commands share: where they print, what they exit with, and options."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape

if TYPE_CHECKING:
    from glyph_rag.corpus.source import Skipped
    from glyph_rag.index import Progress
    from glyph_rag.rag import GlyphRAG

EXIT_ERROR: Final = 1
EXIT_SKIPPED: Final = 3
EXIT_INTERRUPTED: Final = 130
_SECONDS_BETWEEN_LINES: Final = 10.0

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

StoreOption = Annotated[Path, typer.Option("--store", help="The store's folder.", show_default=True)]
EmbedderOption = Annotated[
    str | None,
    typer.Option(
        "--embedder", help="minilm (English), e5 (100 languages), a sentence-transformers model, or visual:MODEL."
    ),
]
PagesOption = Annotated[int, typer.Option("-k", help="How many pages the reader is shown at most.", min=1)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
ReaderOption = Annotated[
    str | None,
    typer.Option(
        "--reader",
        help="ocr (the default, embedded), openai:MODEL, openai:MODEL@ADDRESS, or transformers:MODEL (hub id or path).",
    ),
]
NamespaceOption = Annotated[
    str,
    typer.Option(
        "--namespace", help="Only documents of this namespace; those without one if not given.", show_default=False
    ),
]
DEFAULT_STORE = Path("glyph-kb")


@contextmanager
def open_store(
    store: Path, embedder: str | None, *, create: bool = False, reader: str | None = None
) -> Iterator[GlyphRAG]:
    """Opens the store that a command is about."""
    from glyph_rag.rag import GlyphRAG

    with (
        _telling("glyph_rag.store.derived"),
        GlyphRAG.open(store, embedder=embedder, reader=reader, create=create) as rag,
    ):
        yield rag


def note_if_empty(store: Path, namespace: str, *, filtered: bool = False) -> None:
    """Says so where there is nothing to find: that nothing was found would not tell why.

    Args:
        store: The store's folder.
        namespace: Where was looked.
        filtered: Whether there was a filter, and nothing was found.
    """
    from glyph_rag.store.overview import overview

    names = overview(store).namespaces
    there = ", ".join(repr(name) if name else "documents without one" for name in sorted(names))
    whose = f"the namespace {namespace!r}" if namespace else "no namespace"
    if not names:
        why = f"the store in {str(store)!r} holds no documents: use `glyph-rag index`"
    elif namespace not in names:
        why = f"no document of the store in {str(store)!r} has {whose}; there are: {there}"
    elif filtered:
        why = "nothing fits --where; `glyph-rag search --json` shows what metadata there is"
    else:
        return
    err.print(f"[yellow]note:[/] {escape(why)}")


@contextmanager
def _telling(name: str) -> Iterator[None]:
    """Prints what a logger says, such as that closing a store waits for its index."""
    logger, handler = logging.getLogger(name), logging.Handler(logging.INFO)
    handler.emit = lambda record: err.print(escape(record.getMessage()))  # type: ignore[method-assign]
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """A progress bar on a terminal; elsewhere a line now and then, for whoever reads the log."""
    if not err.is_terminal:
        yield _log_progress(title)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total or None)


def _log_progress(title: str) -> Progress:
    told = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _SECONDS_BETWEEN_LINES:
            told = time.monotonic()
            err.print(f"{title}: {done} of {total}" if total else f"{title}: {done}")

    return tell


@contextmanager
def interruptible(message: str) -> Iterator[None]:
    """Ends with a message instead of a traceback when the user stops a long command."""
    try:
        yield
    except KeyboardInterrupt:
        err.print(f"[yellow]stopped[/]: {escape(message)}")
        raise typer.Exit(EXIT_INTERRUPTED) from None


def print_skipped(skipped: Sequence[Skipped]) -> None:
    """Says what was left out, and why."""
    for item in skipped:
        err.print(f"[yellow]skipped[/] {escape(item.source)}: {escape(item.reason)}")


def print_json(value: object) -> None:
    """Prints a value as JSON."""
    # Escaped surrogates survive any terminal encoding; other characters are written as they are.
    text = json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace")
    sys.stdout.buffer.write(text + b"\n")

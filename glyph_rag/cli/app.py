"""The program: its commands, and what becomes of errors."""

from __future__ import annotations

import inspect
import io
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from glyph_rag import __version__
from glyph_rag.cli.answers import ask, chat, demo, read
from glyph_rag.cli.audit import audit
from glyph_rag.cli.calibrate import calibrate
from glyph_rag.cli.console import EXIT_ERROR, err, out
from glyph_rag.cli.index import delete, index, search
from glyph_rag.cli.render import render
from glyph_rag.cli.store import backup, compact, doctor, export, import_, restore, stats
from glyph_rag.errors import GlyphRAGError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = (
    demo, index, search, ask, read, chat, delete, render, audit, calibrate, stats, doctor, compact, backup, restore,
    export,
)  # fmt: skip


def _help(command: Callable[..., None]) -> str:
    """The docstring of a command, each paragraph on one line: where lines end is for the terminal to say."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


for command in _COMMANDS:
    app.command(help=_help(command))(command)
app.command("import", help=_help(import_))(import_)


def _print_version(wanted: bool) -> None:
    if wanted:
        out.print(f"glyph-rag {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Answers from your documents, read off page images and checked against the source."""


def main() -> None:
    """Entry point: errors of this package, and those of files, become one line with a hint and exit code 1."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # An answer in Chinese must not end in an error where the output takes only Latin-1.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except GlyphRAGError as error:
        _fail(error.message, error.hint)
    except OSError as error:
        named = error.filename2 or error.filename
        what = error.strerror or str(error)
        _fail(f"{str(named)!r}: {what}" if named else what, "check the path, the permissions and the room on the disk")


def _fail(message: str, hint: str) -> NoReturn:
    err.print(f"[red]error:[/] {escape(message)}")
    if hint:
        err.print(f"[dim]hint: {escape(hint)}[/]")
    raise SystemExit(EXIT_ERROR) from None

"""The program: its commands, and what becomes of errors."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from glyph_rag import __version__
from glyph_rag.cli.answers import ask, chat, demo, read
from glyph_rag.cli.audit import audit
from glyph_rag.cli.calibrate import calibrate
from glyph_rag.cli.console import EXIT_ERROR, err, out
from glyph_rag.cli.index import index, search
from glyph_rag.cli.render import render
from glyph_rag.cli.store import backup, compact, doctor, export, import_, restore, stats
from glyph_rag.errors import GlyphRAGError

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode="rich", pretty_exceptions_enable=False)
_COMMANDS = (
    index, search, ask, read, chat, render, audit, calibrate, demo, stats, doctor, compact, backup, restore, export,
)  # fmt: skip
for command in _COMMANDS:
    app.command()(command)
app.command("import")(import_)


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
    """Entry point: errors of this package become one line and exit code 1."""
    try:
        app()
    except GlyphRAGError as error:
        err.print(f"[red]error:[/] {escape(error.message)}")
        if error.hint:
            err.print(f"[dim]hint: {escape(error.hint)}[/]")
        raise SystemExit(EXIT_ERROR) from None

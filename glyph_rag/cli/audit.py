"""`glyph-rag audit`: can the pages of a store be read?"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from glyph_rag.cli.console import (
    DEFAULT_STORE,
    EXIT_ERROR,
    JsonOption,
    StoreOption,
    err,
    out,
    print_json,
    progress_bar,
)

if TYPE_CHECKING:
    from glyph_rag.measure.legibility import Count, Legibility


def audit(
    store: StoreOption = DEFAULT_STORE,
    sample: Annotated[int, typer.Option(help="How many pages to read.", min=1)] = 50,
    max_cer: Annotated[
        float | None,
        typer.Option(help="Exit with code 1 if the character error rate is above this, such as 0.02.", min=0.0),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which pages: the same seed gives the same sample.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Draw a sample of a store's pages, read them back, and count the characters that were misread."""
    from glyph_rag.measure.store_audit import audit_store

    with progress_bar("Reading") as progress:
        found = audit_store(store, sample, seed, progress=progress)
    if as_json:
        print_json(_to_dict(found))
    else:
        _print(found)
    if max_cer is None:
        return
    if not found.lines:
        err.print("[red]error:[/] no line was read, so there is no error rate to hold against --max-cer")
        raise typer.Exit(EXIT_ERROR)
    if found.cer > max_cer:
        err.print(f"[red]error:[/] a character error rate of {found.cer:.2%} is above {max_cer * 100:g}%")
        raise typer.Exit(EXIT_ERROR)


def _to_dict(found: Legibility) -> dict[str, object]:
    scripts = {script: {**asdict(count), "cer": count.cer} for script, count in found.by_script.items()}
    total = {**asdict(found.total), "cer": found.cer}
    return {"pages": found.pages, "total": total, "unread": found.unread, "by_script": scripts}


def _print(found: Legibility) -> None:
    from rich import box
    from rich.table import Table

    table = Table("script", box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for title in ("lines", "characters", "errors", "error rate"):
        table.add_column(title, justify="right", no_wrap=True)
    for script, count in found.by_script.items():
        table.add_row(script if script == "CJK" else script.capitalize(), *_cells(count))
    table.add_row("all", *_cells(found.total), style="bold")
    out.print(f"{found.pages} {'page' if found.pages == 1 else 'pages'} read")
    out.print(table)
    if found.unread:
        out.print(f"[yellow]note:[/] {found.unread} lines not read: the reader does not know their script")
    if found.worst:
        out.print("\nThe worst lines:")
    for line in found.worst:
        out.print(f"[dim]{line.page_id[:8]} at {line.box.x0},{line.box.y0}[/]")
        out.print(f"  source {escape(line.source)}")
        out.print(f"  read   {escape(line.reading)}")


def _cells(count: Count) -> tuple[str, ...]:
    return f"{count.lines:,}", f"{count.characters:,}", f"{count.errors:,}", f"{count.cer:.2%}"

"""`glyph-rag calibrate`: how dense may pages be for a reader?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from glyph_rag.cli.console import (
    DEFAULT_STORE,
    EmbedderOption,
    ReaderOption,
    StoreOption,
    err,
    interruptible,
    out,
    progress_bar,
)
from glyph_rag.errors import InputError

if TYPE_CHECKING:
    from glyph_rag.read.planning.receipt import Receipt
    from glyph_rag.read.reader import Reader
    from glyph_rag.typeset.profile import RenderProfile

_CONFIGS = (".yaml", ".yml", ".json")


def calibrate(
    reader: ReaderOption = None,
    density: Annotated[
        str, typer.Option(help="Presets, or render_config files; careful is always among them. text: as text.")
    ] = "careful,balanced,dense",
    script: Annotated[
        str, typer.Option(help="latin, han, kana, cyrillic, arabic, devanagari, hangul, thai, or languages: en,de,zh.")
    ] = "latin,han",
    probes: Annotated[int, typer.Option(help="Questions of each kind for each script and density.", min=1)] = 40,
    seed: Annotated[int, typer.Option(help="Which questions.")] = 0,
    workers: Annotated[int, typer.Option(help="How many questions are asked at a time.", min=1)] = 1,
    store: StoreOption = DEFAULT_STORE,
    to: Annotated[
        Path | None, typer.Option("--out", help="The receipt's file. In the store's folder of receipts by default.")
    ] = None,
    show: Annotated[Path | None, typer.Option(help="Ask nothing, but print this receipt.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write a plot here, as SVG.")] = None,
    embedder: EmbedderOption = None,
) -> None:
    """Measure what a reader reads right at several densities, and write a receipt.

    Pages of invented facts are shown to the reader, each with a question. Plans follow the receipt: pages are set no
    denser than the reader was measured to read. When it is interrupted, what was measured is kept beside the receipt,
    and the same command goes on.
    """
    from glyph_rag.read.open import DEFAULT_READER
    from glyph_rag.read.planning.receipt import Receipt

    if show is None:
        chosen = _densities(density)
        asked = _open_reader(reader or DEFAULT_READER, embedder)
        path = to or _default_path(store, asked.name)
        receipt = _measure(asked, path, script.split(","), chosen, "text" in density.split(","), probes, seed, workers)
        err.print(f"[dim]wrote {escape(str(path))}[/]")
    else:
        receipt = Receipt.load(show)
    _print(receipt)
    if plot is not None:
        _plot(receipt, plot)


def _densities(names: str) -> dict[str, RenderProfile]:
    """Profiles by name, "careful" first."""
    from glyph_rag.read.planning.receipt import BASELINE, TEXT
    from glyph_rag.typeset.config.load import load_render_config
    from glyph_rag.typeset.profile import RenderProfile

    found = {BASELINE: RenderProfile.preset(BASELINE)}
    for name in filter(None, map(str.strip, names.split(","))):
        if Path(name).suffix in _CONFIGS:
            found[Path(name).stem] = load_render_config(Path(name))
        elif name != TEXT:
            found[name] = RenderProfile.preset(name)
    return found


def _open_reader(spec: str, embedder: str | None) -> Reader:
    from glyph_rag.embed.open import DEFAULT_EMBEDDER, open_embedder, text_embedder
    from glyph_rag.read.open import open_reader

    return open_reader(spec, text_embedder(open_embedder(embedder or DEFAULT_EMBEDDER)))


def _default_path(store: Path, reader: str) -> Path:
    if not store.is_dir():
        raise InputError(
            f"there is no store in {str(store)!r}", hint="make one with `glyph-rag index`, or name a file with --out"
        )
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", reader).strip("-.") or "reader"
    return store / "receipts" / f"{name}.json"


def _measure(
    reader: Reader,
    path: Path,
    scripts: list[str],
    densities: dict[str, RenderProfile],
    with_text: bool,
    probes: int,
    seed: int,
    workers: int,
) -> Receipt:
    """Asks, and writes the receipt."""
    from glyph_rag.measure.calibrate import calibrate as measure

    partial = path.with_name(f"{path.name}.partial")
    goes_on = f"what was measured is in {partial}; the same command goes on"
    with interruptible(goes_on), progress_bar("Asking") as progress:
        receipt = measure(
            reader,
            scripts,
            densities=densities,
            with_text=with_text,
            probes=probes,
            seed=seed,
            partial=partial,
            workers=workers,
            progress=progress,
        )
    receipt.save(path)
    partial.unlink(missing_ok=True)
    return receipt


def _print(receipt: Receipt) -> None:
    from glyph_rag.measure.receipt_report import rich_tables

    out.print(f"{escape(receipt.reader)}, {receipt.made[:10]}, glyph-rag {escape(receipt.version)}\n")
    right, cost = rich_tables(receipt)
    out.print(right, "", cost, sep="\n")


def _plot(receipt: Receipt, path: Path) -> None:
    from glyph_rag.measure.receipt_report import svg

    try:
        path.write_text(svg(receipt), "utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror}", hint="choose another file") from error

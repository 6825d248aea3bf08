"""`glyph-rag render`: files to page images and glyph maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer
from rich.markup import escape

from glyph_rag.cli.console import EXIT_SKIPPED, err, out, print_skipped
from glyph_rag.errors import InputError

if TYPE_CHECKING:
    from glyph_rag.cli.pagefolder import PageFolder
    from glyph_rag.cli.stats import PageStats
    from glyph_rag.corpus.document import Document
    from glyph_rag.corpus.source import Skipped, SourceFile
    from glyph_rag.typeset.profile import RenderProfile
    from glyph_rag.typeset.render import RenderedPage

Report: TypeAlias = "Callable[[RenderedPage, Path, int], None]"
"""Called with a page, where its image is, and how many pages there are by now."""


def render(
    files: Annotated[list[Path] | None, typer.Argument(help="Files, or folders of files.", show_default=False)] = None,
    profile: Annotated[
        str | None, typer.Option(help="careful (the default), balanced or dense.", show_default=False)
    ] = None,
    config: Annotated[Path | None, typer.Option(help="A render_config file instead, YAML or JSON.")] = None,
    folder: Annotated[Path, typer.Option("--out", help="Where to write.")] = Path("pages"),
    stats: Annotated[bool, typer.Option("--stats", help="Print what the pages cost each family of readers.")] = False,
    workers: Annotated[int, typer.Option(help="How many processes render.", min=1)] = 1,
    print_config: Annotated[
        bool, typer.Option("--print-config", help="Print the profile as a render_config file, and do nothing else.")
    ] = False,
    line_numbers: Annotated[
        bool | None,
        typer.Option(
            "--line-numbers/--no-line-numbers", help="Write line numbers beside the text.", show_default=False
        ),
    ] = None,
    label: Annotated[
        bool | None,
        typer.Option("--label/--no-label", help="Write source and lines at the top of each page.", show_default=False),
    ] = None,
) -> None:
    """Typeset files into page images.

    Writes NAME-00001.png, NAME-00002.png and so on, and NAME.json with the place of every character, for each file;
    NAME is the file's path below the folder that was given, without its ending. Only what this command wrote before
    is overwritten.

    Exit code 0: everything is rendered. 3: some files were skipped (each is reported with its reason), the rest is
    rendered. 1: an error.
    """
    chosen = _profile(profile, config, line_numbers, label)
    if print_config:
        from glyph_rag.typeset.config.load import to_config

        typer.echo(to_config(chosen), nl=False)
        return
    if not files:
        raise typer.BadParameter("name at least one file or folder", param_hint="FILES")
    skipped = _render(files, chosen, folder, workers, with_stats=stats)
    if skipped:
        raise typer.Exit(EXIT_SKIPPED)


def _profile(name: str | None, config: Path | None, line_numbers: bool | None, label: bool | None) -> RenderProfile:
    from glyph_rag.typeset.config.load import load_render_config
    from glyph_rag.typeset.profile import RenderProfile

    if name is not None and config is not None:
        raise InputError("both --profile and --config are given", hint="a render_config may name a preset: `preset:`")
    profile = RenderProfile.preset(name or "careful") if config is None else load_render_config(config)
    if line_numbers is not None:
        profile = replace(profile, line_numbers=line_numbers)
    if label is not None and label != (profile.label_px > 0):
        profile = replace(profile, label_px=RenderProfile().label_px if label else 0)
    return profile


def _render(
    paths: Sequence[Path], profile: RenderProfile, out_folder: Path, workers: int, *, with_stats: bool
) -> Sequence[Skipped]:
    """Renders files, prints what came of it, and returns what was skipped."""
    from glyph_rag.cli.pagefolder import PageFolder
    from glyph_rag.cli.stats import PageStats
    from glyph_rag.typeset.render import render_documents

    folder, counts = PageFolder(out_folder), PageStats()
    reading = _Reading(paths, folder)
    documents = pages = 0
    rendered = render_documents(reading.documents(), profile, workers=workers)
    with closing(rendered), _reporting(reading) as report:
        for number, group in groupby(rendered, key=lambda item: item[0].document):
            with folder.document(reading.names.pop(number)) as files:
                for page, png in group:
                    pages += 1
                    report(page, files.add(page, png), pages)
                    if with_stats:
                        counts.add(page)
            documents += 1
    print_skipped(reading.skipped)
    noun = "document" if documents == 1 else "documents"
    out.print(f"{documents} {noun}, {pages} {_pages(pages)} in {escape(str(out_folder))}")
    if with_stats and pages:
        _print_stats(counts)
    return reading.skipped


def _pages(number: int) -> str:
    return "page" if number == 1 else "pages"


def _print_stats(counts: PageStats) -> None:
    pages = counts.sizes.total()
    out.print(
        f"{pages:,} {_pages(pages)}, {counts.characters:,} characters, about {counts.text_tokens:,} text tokens\n"
    )
    out.print(counts.table())
    out.print("\n[dim]compression: text tokens, an estimate, for each image token[/]")


class _Reading:
    """Reads documents from files, and keeps book of them.

    Attributes:
        total: How many files there are.
        done: How many files have been read.
        skipped: What could not be read, and why.
        names: What the documents that have been read are called in the folder, by their number.
    """

    def __init__(self, paths: Sequence[Path], folder: PageFolder) -> None:
        from glyph_rag.corpus.files import count_files

        self._paths, self._folder = paths, folder
        self.total = sum(count_files(path) for path in paths)
        self.done = 0
        self._read = 0
        self.skipped: list[Skipped] = []
        self.names: dict[int, str] = {}

    def documents(self) -> Iterator[Document]:
        """The documents, one after the other."""
        from glyph_rag.corpus.files import read_path
        from glyph_rag.corpus.source import Skipped
        from glyph_rag.limits import Limits

        for path in self._paths:
            for file in read_path(path, limits=Limits()):
                self.done += 1
                # What an earlier run wrote, where the folder that is read holds the one that is written.
                place = Path(file.source).parent.resolve()
                if self._folder.path in (place, *place.parents):
                    continue
                if isinstance(file, Skipped):
                    self.skipped.append(file)
                else:
                    yield from self._parsed(file)

    def _parsed(self, file: SourceFile) -> Iterator[Document]:
        from glyph_rag.corpus.files import parse
        from glyph_rag.corpus.source import Skipped
        from glyph_rag.limits import Limits

        for item in parse(file, limits=Limits()):
            if isinstance(item, Skipped):
                self.skipped.append(item)
            else:
                self.names[self._read] = self._folder.claim(_wanted(file, item))
                self._read += 1
                yield item


def _wanted(file: SourceFile, document: Document) -> PurePosixPath:
    """What a document would be called: its file, and, of a file of records, the record."""
    path = PurePosixPath(file.path)
    record = document.id.removeprefix(file.id).removeprefix("#")
    return path.with_name(f"{path.stem}.{record.replace('/', '_')}{path.suffix}") if record else path


@contextmanager
def _reporting(reading: _Reading) -> Iterator[Report]:
    """A progress bar on a terminal, a line for each document elsewhere."""
    if not err.is_terminal:
        yield _log
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("Rendering", total=reading.total)
        yield lambda page, image, pages: bar.update(
            task, completed=reading.done, description=f"Rendering, {pages} {_pages(pages)}"
        )


def _log(page: RenderedPage, image: Path, pages: int) -> None:
    if page.last:
        err.print(f"{escape(page.page.source)}: {page.number} {_pages(page.number)}, the last is {escape(str(image))}")

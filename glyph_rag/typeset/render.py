"""Documents to page images, one after the other or on several processors, and never all of them in memory."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context, parent_process
from typing import Final, TypeAlias

from glyph_rag.corpus.document import Document
from glyph_rag.corpus.split import split
from glyph_rag.errors import InputError, RenderError
from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.glyphmap import glyph_map, to_json
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

Rendering: TypeAlias = "Generator[tuple[RenderedPage, bytes], None, None]"
"""Pages with their images; closing it stops the workers."""

MAX_WORKERS: Final = 61
"""Windows lets a process wait for no more."""

_BATCH_CHARS = 200_000
"""Characters that a worker typesets at a time: enough that sending them costs little; they make some ten megabytes."""

_BATCH_PAGES = 12
"""Pages of a long document that a worker draws at a time."""

_AHEAD = 2
"""Batches for each worker that are being rendered or wait to be fetched."""


@dataclass(frozen=True)
class RenderedPage:
    """A page that has been drawn, without its pixels and its layout.

    Attributes:
        page: The page.
        document: Which of the documents it belongs to, counted from 0.
        number: Which of the document's pages it is, counted from 1.
        last: Whether it is the document's last one.
        width: Width of the image in pixels.
        height: Its height.
        glyph_map: Its glyph map as JSON; empty if it was not asked for.
    """

    page: Page
    document: int
    number: int
    last: bool
    width: int
    height: int
    glyph_map: str = field(repr=False)


def page_label(page: Page) -> str:
    """What a page is called in the strip at its top: its source, and its lines or what the format has instead."""
    place = page.label_of(page.start)
    return f"{page.source}:{place or f'{page.first_line}-{page.line_of(page.end - 1)}'}"


def page_key(page: Page, label: str = "") -> str:
    """64 hex digits: equal for pages that are drawn alike, wherever in whichever document they stand."""
    profile = page.profile
    blocks = [(start - page.start, end - page.start) for start, end in page.blocks]
    shown = label if profile.label_px else ""
    first_line = page.first_line if profile.line_numbers else 0
    facts = json.dumps([profile.fingerprint, page.format == "code", blocks, page.text, shown, first_line])
    return hashlib.sha256(facts.encode("ascii")).hexdigest()


def cached_png(page: Page, label: str, cache: PageCache) -> bytes:
    """A page as a PNG file, from the cache if it was drawn before."""
    return cache.get(page_key(page, label), lambda: page.png(label))


def render_documents(
    documents: Iterable[Document], profile: RenderProfile, *, workers: int = 1, glyph_maps: bool = True
) -> Rendering:
    """Typesets and draws documents. Each page is labelled by `page_label` if the profile has room for labels.

    Memory does not grow with the number of documents: they are taken from the iterable as they are needed.
    The pages do not depend on the number of workers.

    Args:
        documents: The documents. A document without words has no pages.
        profile: How to set them.
        workers: How many processes draw; with 1, this one does. They are started afresh, so a script that asks for
            more has to keep what it does under `if __name__ == "__main__":`.
        glyph_maps: Whether to make the glyph maps.

    Yields:
        Each page with its image, a PNG file, in order.

    Raises:
        InputError: If `workers` is less than 1 or more than 61.
        RenderError: If a worker dies.
    """
    if not 1 <= workers <= MAX_WORKERS:
        raise InputError(f"workers is {workers}", hint=f"choose 1 to {MAX_WORKERS}; 1 renders in this process")
    if workers == 1:
        return _render_here(documents, profile, glyph_maps)
    return _render_apart(documents, profile, workers, glyph_maps)


@dataclass(frozen=True)
class _Numbered:
    """A page on its way to be drawn; see `RenderedPage`."""

    page: Page
    document: int
    number: int
    last: bool


_Batch: TypeAlias = list[tuple[RenderedPage, bytes]]


def _render_here(documents: Iterable[Document], profile: RenderProfile, glyph_maps: bool) -> Rendering:
    for number, document in enumerate(documents):
        for page in _number(number, document, profile):
            yield _draw(page, glyph_maps)


def _number(document_number: int, document: Document, profile: RenderProfile) -> Iterator[_Numbered]:
    waiting: Page | None = None
    number = 0
    for page, _ in make_pages(document, split(document), profile):
        if waiting is not None:
            number += 1
            yield _Numbered(waiting, document_number, number, False)
        waiting = page
    if waiting is not None:
        yield _Numbered(waiting, document_number, number + 1, True)


def _draw(numbered: _Numbered, glyph_maps: bool) -> tuple[RenderedPage, bytes]:
    page = numbered.page
    png = page.png(page_label(page))
    text = to_json(glyph_map(page)) if glyph_maps else ""
    rendered = RenderedPage(
        # A copy, which leaves the layout behind.
        page=replace(page),
        document=numbered.document,
        number=numbered.number,
        last=numbered.last,
        width=page.layout.width,
        height=page.layout.height,
        glyph_map=text,
    )
    return rendered, png


def _render_apart(documents: Iterable[Document], profile: RenderProfile, workers: int, glyph_maps: bool) -> Rendering:
    # Spawned, as a forked process would inherit locks that other threads hold.
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start_worker)
    waiting: deque[Future[_Batch]] = deque()
    try:
        for task in _tasks(documents, profile, glyph_maps):
            with _interrupts_held():
                waiting.append(pool.submit(task))
            if len(waiting) >= _AHEAD * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    except BrokenProcessPool as error:
        raise RenderError(
            "a process that rendered pages died",
            hint="if memory ran out, use fewer workers; in a script, render under `if __name__ == '__main__':`",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _tasks(documents: Iterable[Document], profile: RenderProfile, glyph_maps: bool) -> Iterator[partial[_Batch]]:
    """Work of about equal size: several documents, or some pages of one that is too long to be sent as a whole.

    The pages of a long document are found here and drawn elsewhere, as where one ends decides where the next begins.
    """
    batch: list[tuple[int, Document]] = []
    size = 0
    for number, document in enumerate(documents):
        if batch and size + len(document.text) > _BATCH_CHARS:
            yield partial(_render_batch, batch, profile, glyph_maps)
            batch, size = [], 0
        if len(document.text) > _BATCH_CHARS:
            yield from _pages_tasks(_number(number, document, profile), glyph_maps)
        else:
            batch.append((number, document))
            size += len(document.text) + 1000
    if batch:
        yield partial(_render_batch, batch, profile, glyph_maps)


def _pages_tasks(pages: Iterator[_Numbered], glyph_maps: bool) -> Iterator[partial[_Batch]]:
    batch: list[_Numbered] = []
    for numbered in pages:
        batch.append(replace(numbered, page=replace(numbered.page)))
        if len(batch) == _BATCH_PAGES or numbered.last:
            yield partial(_draw_batch, batch, glyph_maps)
            batch = []


def _render_batch(batch: Sequence[tuple[int, Document]], profile: RenderProfile, glyph_maps: bool) -> _Batch:
    """What a worker does with documents."""
    return [_draw(page, glyph_maps) for number, document in batch for page in _number(number, document, profile)]


def _draw_batch(batch: Sequence[_Numbered], glyph_maps: bool) -> _Batch:
    """What a worker does with pages."""
    return [_draw(page, glyph_maps) for page in batch]


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Holds back an interrupt from the keyboard. Workers that are started meanwhile never see one."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    """Leaves an interrupt from the keyboard to the parent, and ends this process when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""Other programs that turn text into images for models, where they are installed.

Each is driven by its own interface, at the page size, margins, font and size of the profile as near as it goes, in one
column. Their images are made into PNG files in memory, as ours are; none makes a glyph map.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from unittest import mock
from xml.sax.saxutils import escape

import numpy as np
from PIL import Image, ImageFont

from glyph_rag.typeset.profile import RenderProfile

from .measure import Output, Route
from .samples import Sample

DEOCR = "deocr"
PIXELPROMPT = "pixelprompt"
GLYPH = "Glyph's route (our reproduction)"

_DEOCR_ENGINE = "deocr.engine.playwright.sync_api"
_CJK = "NotoSansCJKsc-subset.otf"
_GLYPH_BATCH = 20
_GLYPH_LINES = 30


class MissingError(Exception):
    """A peer that cannot run here, and why."""


Start = Callable[[Sample, RenderProfile, ExitStack], list[Route]]


def deocr(sample: Sample, profile: RenderProfile, closing: ExitStack) -> list[Route]:
    """deocr: Markdown to HTML to PDF in a browser that stays open, then to pixels by MuPDF.

    Raises:
        MissingError: If it, its browser or MuPDF is not installed.
    """
    _require("deocr", "playwright", "pymupdf")
    browser = shutil.which("chromium")
    if browser is None:
        raise MissingError("no chromium")
    launcher = import_module("playwright.sync_api").BrowserType
    launch = launcher.launch

    def launch_system(own: object) -> object:
        return launch(own, executable_path=browser)

    # It starts its browser when it is imported, and asks for one that only playwright can download.
    if _DEOCR_ENGINE not in sys.modules:
        with mock.patch.object(launcher, "launch", launch_system):
            import_module(_DEOCR_ENGINE)
        closing.callback(_close_deocr)
    engine = import_module(_DEOCR_ENGINE)
    size, pitch, family = _type(sample, profile, '"DejaVu Sans"', '"Noto Sans CJK SC"')
    style = f"body{{margin:0;font:{size}px/{pitch}px {family}}}p{{margin:0 0 {profile.paragraph_gap}px}}"
    style += "pre,code{margin:0;font:inherit;white-space:pre-wrap}"
    arguments = import_module("deocr.engine.args").RenderArgs(
        pagesize=(profile.width, profile.height),
        marginLeft=profile.margin_x,
        marginRight=profile.margin_x,
        marginTop=profile.margin_y,
        marginBottom=profile.margin_y,
        css=style,
    )
    text = f"```\n{sample.text}\n```" if sample.format == "code" else sample.text

    def run(save: Callable[[Iterable[Image.Image]], Output]) -> Output:
        return save(engine.transform(text, None, arguments))

    return [
        Route(DEOCR, partial(run, _as_png)),
        Route(f"{DEOCR}, its default JPEG", partial(run, _as_jpeg)),
    ]


def _close_deocr() -> None:
    engine = import_module(_DEOCR_ENGINE)
    engine._browser.close()
    engine._playwright.stop()


def pixelprompt(sample: Sample, profile: RenderProfile, closing: ExitStack) -> list[Route]:
    """pixelprompt: Pillow line by line, with lines counted in widths of an "M" and its own choice of font.

    For Chinese it is given a font that has the letters; its lines still run off the page, which it does not notice.

    Raises:
        MissingError: If it is not installed.
    """
    _require("pixelprompt")
    module = import_module("pixelprompt")
    core = import_module("pixelprompt.core")
    size, *_ = _type(sample, profile, "", "")
    config = module.RenderConfig(
        font_size=round(size),
        max_width=profile.width,
        max_height=profile.height,
        padding=profile.margin_x,
        minify=False,
    )
    own = core.PixelPrompt._find_font

    def find(prompt: object, names: list[str]) -> object:
        if sample.name != "zh":
            return own(prompt, names)
        font = (files("glyph_rag") / "assets" / "fonts" / _CJK).read_bytes()
        return ImageFont.truetype(io.BytesIO(font), size)

    with mock.patch.object(core.PixelPrompt, "_find_font", find):
        prompt = module.PixelPrompt(config)

    def run() -> Output:
        sizes = [len(image.png_bytes()) for image in prompt.render(sample.text)]
        return Output(len(sizes), sum(sizes))

    return [Route(PIXELPROMPT, run)]


def glyph(sample: Sample, profile: RenderProfile, closing: ExitStack, cjk: Path | None) -> list[Route]:
    """The way that thu-coai/Glyph goes in `scripts/word2png_function.py`, which is no package, written anew.

    Thirty lines to a reportlab paragraph, a PDF, then poppler at 72 dpi, 20 pages at a time, cropped on the right.

    Args:
        sample: The text.
        profile: Page size and sizes of type.
        closing: What to close at the end.
        cjk: A TrueType font for Chinese, since reportlab takes no other.

    Raises:
        MissingError: If reportlab, pdf2image, poppler or the font is not installed.
    """
    _require("reportlab", "pdf2image")
    if shutil.which("pdftoppm") is None:
        raise MissingError("no poppler")
    if sample.name == "zh" and cjk is None:
        raise MissingError("no --cjk-ttf")
    font = files("glyph_rag") / "assets" / "fonts" / "DejaVuSans.ttf"
    path = cjk if sample.name == "zh" and cjk else closing.enter_context(as_file(font))
    name = f"benchmark-{sample.name}"
    import_module("reportlab.pdfbase.pdfmetrics").registerFont(
        import_module("reportlab.pdfbase.ttfonts").TTFont(name, str(path))
    )
    size, pitch, _ = _type(sample, profile, "", "")
    style = import_module("reportlab.lib.styles").ParagraphStyle(
        name, fontName=name, fontSize=size, leading=pitch, wordWrap="CJK" if sample.name == "zh" else None
    )

    def run() -> Output:
        return _as_png(_crop(image, profile.margin_x) for image in _images(_pdf(sample.text, style, profile)))

    return [Route(GLYPH, run)]


def _pdf(text: str, style: object, profile: RenderProfile) -> bytes:
    platypus = import_module("reportlab.platypus")
    lines = re.sub(" {2,}", lambda blanks: "&nbsp;" * len(blanks.group()), escape(text)).split("\n")
    story = [
        platypus.Paragraph("<br/>".join(lines[at : at + _GLYPH_LINES]), style)
        for at in range(0, len(lines), _GLYPH_LINES)
    ]
    file = io.BytesIO()
    platypus.SimpleDocTemplate(
        file,
        pagesize=(profile.width, profile.height),
        leftMargin=profile.margin_x,
        rightMargin=profile.margin_x,
        topMargin=profile.margin_y,
        bottomMargin=profile.margin_y,
    ).build(story)
    return file.getvalue()


def _images(pdf: bytes) -> Iterable[Image.Image]:
    poppler = import_module("pdf2image")
    count = int(poppler.pdfinfo_from_bytes(pdf)["Pages"])
    for first in range(1, count + 1, _GLYPH_BATCH):
        last = min(first + _GLYPH_BATCH - 1, count)
        yield from poppler.convert_from_bytes(pdf, dpi=72, first_page=first, last_page=last)


def _crop(image: Image.Image, margin: int) -> Image.Image:
    inked = np.flatnonzero((np.asarray(image.convert("L")) < 250).any(axis=0))
    right = int(inked[-1]) + 1 + margin if len(inked) else image.width
    return image.crop((0, 0, min(right, image.width), image.height))


def _as_png(images: Iterable[Image.Image]) -> Output:
    return _saved(images, "PNG", None)


def _as_jpeg(images: Iterable[Image.Image]) -> Output:
    return _saved(images, "JPEG", 85)


def _saved(images: Iterable[Image.Image], form: str, quality: int | None) -> Output:
    count = size = 0
    for image in images:
        file = io.BytesIO()
        if quality is None:
            image.save(file, form)
        else:
            image.save(file, form, quality=quality)
        count, size = count + 1, size + len(file.getvalue())
    return Output(count, size)


def _type(sample: Sample, profile: RenderProfile, latin: str, cjk: str) -> tuple[float, int, str]:
    """Font size, height of a line, and font."""
    if sample.name == "zh":
        return profile.cjk_px, profile.cjk_line, cjk
    return profile.latin_px, profile.latin_line, latin


def _require(*modules: str) -> None:
    absent = [module for module in modules if find_spec(module) is None]
    if absent:
        raise MissingError(f"not installed: {', '.join(absent)}")

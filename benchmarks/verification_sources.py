"""Documents of the evaluation data as pages with their sentences and gold answers, for `verification`."""

from __future__ import annotations

import hashlib
import json
import random
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from glyph_rag import Document
from glyph_rag.corpus.sentences import sentence_spans
from glyph_rag.corpus.split import split
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

LANGUAGES = ("en", "zh", "de", "es", "el", "ro", "ru", "tr", "vi", "ar", "hi", "th")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u9fff]")
_STOPS = tuple(".!?。！？।؟")


@dataclass(frozen=True)
class Source:
    """One document.

    Attributes:
        id: Unique over all sets.
        name: The set it belongs to.
        language: ISO 639-1 code.
        text: All of it.
        answers: Gold answers that stand in it, with their questions.
    """

    id: str
    name: str
    language: str
    text: str
    answers: tuple[tuple[str, str], ...] = ()

    @cached_property
    def pages(self) -> list[Page]:
        """It, typeset. Layouts are made here, so that they are no part of what is timed."""
        document = Document(self.id, self.text, f"{self.id}.txt")
        pages = [page for page, _ in make_pages(document, split(document), RenderProfile())]
        for page in pages:
            _ = page.layout
        return pages

    @cached_property
    def sentences(self) -> list[str]:
        """Whole sentences of prose, neither very short nor very long; in Thai, which has no full stop, phrases."""
        if self.language == "th":
            return [phrase for phrase in self.text.split() if 8 <= size(phrase) <= 60]
        found = [self.text[a:b] for a, b in sentence_spans(self.text)]
        return [
            s
            for s in found
            if "\n" not in s
            and s.endswith(_STOPS)
            and s[0] not in "#|>-*`("
            and not s[0].isdigit()
            and 5 <= size(s) <= 60
        ]

    def page_with(self, words: str) -> Page:
        """The page on which some words stand, or the first."""
        return next((page for page in self.pages if words in page.text), self.pages[0])


def size(text: str) -> float:
    """About how many words a text has."""
    unspaced = len(_UNSPACED.findall(text))
    return len(_UNSPACED.sub(" ", text).split()) + unspaced / 2


def is_development(source: Source) -> bool:
    """Whether a document belongs to the half on which the rules were developed; translations belong together."""
    name = re.sub(r"^xquad \w+", "xquad", source.id)
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0


def load(data: Path, seed: int) -> dict[str, list[Source]]:
    """All sets, each in an order that the seed decides."""
    sets = {f"xquad {language}": list(_squad(data / f"xquad/xquad.{language}.json", f"xquad {language}", language))
            for language in LANGUAGES}  # fmt: skip
    sets["cmrc2018"] = list(_squad(data / "cmrc2018/cmrc2018_dev.json", "cmrc2018", "zh"))
    hotpot = json.loads((data / "hotpotqa/hotpotqa_train_corpus.json").read_text("utf-8"))
    sets["hotpotqa"] = list(_passages("hotpotqa", [(title, "".join(text)) for title, text in hotpot.items()]))
    musique = json.loads((data / "musique/musique_train_corpus.json").read_text("utf-8"))
    sets["musique"] = list(_passages("musique", [(item["title"], item["text"]) for item in musique]))
    sets["tatqa"] = list(_tables(data / "tatqa/tatqa_dataset_dev.json"))
    sets["lihua_world"] = list(_chats(data / "lihua_world/LiHuaWorld.zip"))
    sets["markdown_trees"] = list(_trees(data / "markdown_trees"))
    for name, sources in sets.items():
        random.Random(f"{seed} {name}").shuffle(sources)
    return sets


def _squad(path: Path, name: str, language: str) -> Iterator[Source]:
    paragraphs = [p for article in json.loads(path.read_text("utf-8"))["data"] for p in article["paragraphs"]]
    for number, paragraph in enumerate(paragraphs):
        answers = tuple(
            (item["question"], item["answers"][0]["text"])
            for item in paragraph["qas"]
            if item["answers"][0]["text"] in paragraph["context"]
        )
        yield Source(f"{name} {number}", name, language, paragraph["context"], answers)


def _passages(name: str, passages: list[tuple[str, str]]) -> Iterator[Source]:
    for number, (title, text) in enumerate(passages):
        yield Source(f"{name} {number}", name, "en", f"{title}\n\n{text}")


def _tables(path: Path) -> Iterator[Source]:
    for number, item in enumerate(json.loads(path.read_text("utf-8"))):
        rows = ["| " + " | ".join(cells) + " |" for cells in item["table"]["table"]]
        text = "\n".join([*rows, "", *(f"{paragraph['text']}\n" for paragraph in item["paragraphs"])])
        answers = [
            (q["question"], str(q["answer"][0]))
            for q in item["questions"]
            if q["answer_type"] in ("span", "multi-span")
        ]
        yield Source(f"tatqa {number}", "tatqa", "en", text, tuple((q, a) for q, a in answers if a in text))


def _chats(path: Path) -> Iterator[Source]:
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".txt"):
                yield Source(f"lihua_world {Path(name).stem}", "lihua_world", "en", archive.read(name).decode("utf-8"))


def _trees(folder: Path) -> Iterator[Source]:
    languages = {"fastapi/en": "en", "fastapi/zh": "zh", "rust_book": "en"}
    for part, language in languages.items():
        for path in sorted((folder / part).rglob("*.md")):
            text = path.read_text("utf-8")
            if len(text) > 500:
                yield Source(f"markdown_trees {path.relative_to(folder)}", "markdown_trees", language, text[:12_000])

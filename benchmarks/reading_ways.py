"""The ways in which one reader is shown the same hits, and what came of each question, for `reading`."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from reading_sets import Question

from glyph_rag import Answer, Citation, Document, Embedder, EmbedderInfo, GlyphRAG, Hit, ReadingPlan, RenderProfile
from glyph_rag.embed.embedder import FloatArray
from glyph_rag.measure.compare import normalise
from glyph_rag.read.ocr.reader import OcrReader
from glyph_rag.read.ocr.recognise import PaddleRecogniser
from glyph_rag.read.plan import Mode, PlanText
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.glyphs.ink import Levels

K = 3
"""Pages that are shown."""

SOURCE = "source words"
"""What the tables call the passages that are to be read, given as text: the reader with perfect eyes."""


@dataclass(frozen=True)
class Way:
    """How pages are shown.

    Attributes:
        name: What the tables call it.
        mode: As images or as text.
        density: The preset; None for text.
        alone: Show dense pages without their passages once more at careful size, as to a reader with a receipt.
    """

    name: str
    mode: Mode
    density: str | None = None
    alone: bool = False


def make_ways(densities: Sequence[str]) -> list[Way]:
    """Text, each density as `ask` shows it, and those denser than careful without the passages shown again."""
    ways = [Way("text", "text")]
    for density in densities:
        ways.append(Way(density, "image", density))
        if density != "careful":
            ways.append(Way(f"{density} alone", "image", density, alone=True))
    return ways


@dataclass(frozen=True)
class Permit:
    """Stands for receipts, and says the same of every reader and density: permitted, or None for not measured."""

    verdict: bool | None

    def allows(self, reader: str, profile: RenderProfile, scripts: frozenset[str]) -> bool | None:
        """See `Receipts.allows`."""
        return self.verdict


class ForgetfulRecogniser:
    """PP-OCRv6 that forgets on request which lines it has read, and stays loaded."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Reads every line anew from here on."""
        self._recogniser = PaddleRecogniser()
        self._recogniser.read(np.full((12, 60), 15, np.uint8), [Box(0, 0, 60, 12)])

    def read(self, levels: Levels, lines: Sequence[Box]) -> list[str]:
        """See `LineRecogniser.read`."""
        return self._recogniser.read(levels, lines)


class RememberingEmbedder:
    """Embeds as the embedder behind it, and no text a second time: in all ways the reader looks at the same words."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._documents: dict[str, FloatArray] = {}
        self._queries: dict[str, FloatArray] = {}

    @property
    def info(self) -> EmbedderInfo:
        """That of the embedder behind it."""
        return self._embedder.info

    def embed_documents(self, texts: Sequence[str]) -> FloatArray:
        """See `Embedder.embed_documents`."""
        return _recall(texts, self._documents, self._embedder.embed_documents)

    def embed_queries(self, texts: Sequence[str]) -> FloatArray:
        """See `Embedder.embed_queries`."""
        return _recall(texts, self._queries, self._embedder.embed_queries)


def _recall(
    texts: Sequence[str], known: dict[str, FloatArray], embed: Callable[[Sequence[str]], FloatArray]
) -> FloatArray:
    fresh = [text for text in dict.fromkeys(texts) if text not in known]
    if fresh:
        known.update(zip(fresh, embed(fresh), strict=True))
    return np.stack([known[text] for text in texts])


@dataclass(frozen=True)
class Bench:
    """An indexed corpus and the one reader that answers from it in every way.

    Attributes:
        rag: Shows pages as to a reader of which nothing was measured.
        permitted: The same store, showing pages as to a reader that reads every density.
        reader: The reader of both.
        recogniser: What it reads lines with.
        documents: The documents by id.
    """

    rag: GlyphRAG
    permitted: GlyphRAG
    reader: OcrReader
    recogniser: ForgetfulRecogniser
    documents: Mapping[str, Document]

    def ask(self, question: str, way: Way) -> Answer:
        """Asks in one of the ways."""
        rag = self.permitted if way.alone else self.rag
        return rag.ask(question, K, mode=way.mode, density=way.density)

    def ask_source(self, question: str, hits: Sequence[Hit]) -> str:
        """What the reader says when it is given the source words of the passages that it reads off images."""
        texts = tuple(PlanText("passage", f"P{number}", "", _passages_of(hit), 0) for number, hit in enumerate(hits, 1))
        return self.reader.read(question, ReadingPlan((), 0, texts, mode="text")).text if texts else ""


@contextmanager
def open_bench(documents: Sequence[Document], folder: Path, embedder: Embedder) -> Iterator[Bench]:
    """Indexes documents in a folder, unless they are there already, and opens it for all ways."""
    recogniser = ForgetfulRecogniser()
    reader = OcrReader(embedder, recogniser)
    with GlyphRAG.open(folder, embedder=embedder, reader=reader, receipts=Permit(None)) as rag:
        rag.add(documents)
        with GlyphRAG.open(folder, embedder=embedder, reader=reader, receipts=Permit(True)) as permitted:
            yield Bench(rag, permitted, reader, recogniser, {document.id: document for document in documents})


def _passages_of(hit: Hit) -> str:
    page = hit.page
    spans = [(max(chunk.start, page.start), min(chunk.end, page.end)) for chunk in hit.chunks]
    return "\n\n".join(page.text[a - page.start : b - page.start] for a, b in sorted(spans))


@dataclass(frozen=True)
class Outcome:
    """What came of one question in one way.

    Attributes:
        corpus: The set.
        way: The way.
        question: The question.
        answerable: Whether the corpus answers it.
        judged: Whether there is a gold answer to look for.
        shown: Whether a page of a gold document was among the hits.
        answered: Whether the reader answered at all.
        contains: Whether the answer contains a gold answer.
        quotes: Citations.
        verbatim: Those whose quote stands in the cited document at the cited lines.
        in_gold: Whether one of them is of a gold document.
        in_place: Whether one of those is verbatim and contains a gold answer.
        image_tokens: What the images cost, by the plan.
        tokens: What the whole prompt costs, by the plan.
        text_tokens: What the words on the pages would cost as text: the package's estimate.
        counted_tokens: The same by a tokenizer, for words that were shown as text, where one is installed.
        text: The answer.
    """

    corpus: str
    way: str
    question: str
    answerable: bool
    judged: bool
    shown: bool
    answered: bool
    contains: bool
    quotes: int = 0
    verbatim: int = 0
    in_gold: bool = False
    in_place: bool = False
    image_tokens: int = 0
    tokens: int = 0
    text_tokens: int = 0
    counted_tokens: int | None = None
    text: str = ""


def ask_every_way(
    bench: Bench, corpus: str, question: Question, ways: Sequence[Way], count: Callable[[str], int] | None
) -> Iterator[Outcome]:
    """Asks one question of the source words and in every way.

    Args:
        bench: The corpus, indexed.
        corpus: Its name.
        question: The question.
        ways: The ways.
        count: A tokenizer: how many tokens a text takes; None where there is none.
    """
    hits = bench.rag.search(question.text, K)
    shown = any(hit.page.document_id in question.documents for hit in hits)
    read = bench.ask_source(question.text, hits)
    known = (question.answerable, bool(question.golds), shown)
    yield Outcome(corpus, SOURCE, question.text, *known, bool(read), contains_gold(read, question.golds), text=read)
    for way in ways:
        answer = bench.ask(question.text, way)
        plan = answer.plan
        exact = [stands_there(citation, bench.documents[citation.document_id]) for citation in answer.citations]
        of_gold = [citation.document_id in question.documents for citation in answer.citations]
        yield Outcome(
            corpus,
            way.name,
            question.text,
            *known,
            answered=answer.found,
            contains=answer.found and contains_gold(answer.text, question.golds),
            quotes=len(answer.citations),
            verbatim=sum(exact),
            in_gold=any(of_gold),
            in_place=any(
                is_exact and is_gold and contains_gold(citation.quote, question.golds)
                for citation, is_exact, is_gold in zip(answer.citations, exact, of_gold, strict=True)
            ),
            image_tokens=plan.image_tokens,
            tokens=plan.tokens,
            text_tokens=plan.text_tokens,
            counted_tokens=sum(count(text.text) for text in plan.texts) if count and way.mode == "text" else None,
            text=answer.text,
        )


def stands_there(citation: Citation, document: Document) -> bool:
    """Whether the quote of a citation stands in the document, character for character, at its offsets and lines."""
    before = document.text[: citation.start]
    first = before.count("\n") + 1
    return (
        bool(citation.quote)
        and document.text[citation.start : citation.end] == citation.quote
        and citation.line_start == first
        and citation.line_end == first + citation.quote.count("\n")
    )


def contains_gold(text: str, golds: Sequence[Sequence[str]]) -> bool:
    """Whether a text contains one of the gold answers, with all its parts.

    Compatibility forms (NFKC), case and white space do not matter. A number has to be a whole one: 5 is not in 2015.
    """
    folded = _fold(text)
    return any(all(_holds(folded, _fold(part)) for part in gold) for gold in golds)


def _fold(text: str) -> str:
    return normalise(unicodedata.normalize("NFKC", text)).casefold()


def _holds(text: str, part: str) -> bool:
    at = text.find(part)
    while at >= 0:
        before, after = text[at - 1 : at], text[at + len(part) : at + len(part) + 1]
        if not (before.isdigit() and part[:1].isdigit()) and not (after.isdigit() and part[-1:].isdigit()):
            return True
        at = text.find(part, at + 1)
    return False

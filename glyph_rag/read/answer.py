"""Answer: text whose every sentence has been checked against the source, with citations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, TypeAlias

from glyph_rag.read.plan import JSON, ReadingPlan
from glyph_rag.typeset.compose.layout import Box

Support: TypeAlias = Literal["exact", "reworded", "corrected", "unsupported"]


@dataclass(frozen=True)
class Citation:
    """Where the words of an answer stand.

    Attributes:
        document_id: The document.
        source: Its path or URI.
        line_start: First line of the quote in the document's text, counted from 1.
        line_end: Last line of the quote.
        label: For formats without lines, where to look in the original: "page 3", "Leave > Carrying days over".
        quote: The exact words of the source.
        start: First character of the quote, as an offset into the document's text.
        end: One past its last character.
        page_id: The page on which the quote starts.
        boxes: Its rectangles on that page, in pixels, one for each line.
    """

    document_id: str
    source: str
    line_start: int
    line_end: int
    label: str
    quote: str
    start: int
    end: int
    page_id: str
    boxes: tuple[Box, ...]

    @property
    def where(self) -> str:
        """`path:first-last`, or `path, page 3` for formats without lines."""
        return f"{self.source}, {self.label}" if self.label else f"{self.source}:{self.line_start}-{self.line_end}"


@dataclass(frozen=True)
class Sentence:
    """One sentence of an answer.

    Attributes:
        text: As it stands in the answer.
        support: Whether the source says it: "exact" (word for word), "reworded" (every word, number and name of it, in
            nearly the same words), "corrected" (nearly, and the source's words were put in), or "unsupported".
        read_as: What the reader wrote.
        citation: Index into the answer's citations, or None.
        citations: The same for a sentence that joins several statements: all of them, `citation` first.
    """

    text: str
    support: Support
    read_as: str
    citation: int | None
    citations: tuple[int, ...] = ()


@dataclass(frozen=True)
class Field:
    """One value of a form, and what verification found.

    Attributes:
        path: Which: "items[2].price".
        value: The value as JSON has it, a text without its quotation marks: "1200", "true", "null", "2024-03-03".
        support: "exact": it stands there in these words or digits; "reworded": in another form, as 1,200 for 1200;
            "corrected": a statement that nearly stands there, where the citation's quote is what the source says;
            "unsupported": it does not stand there. What no page can show, such as true, null or an empty text, is
            unsupported too.
        citation: Where it stands, or None.
    """

    path: str
    value: str
    support: Support
    citation: Citation | None


@dataclass(frozen=True)
class Usage:
    """What an answer cost.

    Attributes:
        image_tokens: What the page images cost, by the plan.
        text_tokens: What the same pages would have cost as text (an estimate).
        expected_tokens: What the whole prompt should have cost, by the plan.
        reported_tokens: What the provider said the prompt took, or None.
        output_tokens: What it said the reply took, or None.
        usd: The estimated price in US dollars, or None where it is not known.
        price_source: Where the price comes from; empty if there is none.
        seconds: Time spent in each step, in seconds.
    """

    image_tokens: int
    text_tokens: int
    expected_tokens: int = 0
    reported_tokens: int | None = None
    output_tokens: int | None = None
    usd: float | None = None
    price_source: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        text: The answer; says so when the documents do not hold one.
        found: Whether the documents hold one.
        sentences: What the reader said, each sentence with what verification found, also those that are not part of
            the text because the source does not support them.
        citations: Where its words stand, in order of first use.
        supported: Whether there is an answer and the source says every sentence of it, also those that are left out.
        plan: What the reader was shown.
        usage: What it cost.
        notices: What the user has to know about how it was read.
        data: The filled-in form of a question with a schema, or None.
        fields: Its values, each with what verification found.
        cross_check: What the other channel answered, if it was asked.
    """

    text: str
    found: bool
    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]
    supported: bool
    plan: ReadingPlan = field(repr=False)
    usage: Usage
    notices: tuple[str, ...] = ()
    data: object | None = None
    fields: tuple[Field, ...] = ()
    cross_check: CrossCheck | None = None

    def boxes_on(self, page_id: str) -> tuple[Box, ...]:
        """What it cites of a page, as rectangles on that page, in pixels."""
        return tuple(box for citation in self.citations if citation.page_id == page_id for box in citation.boxes)

    def to_dict(self) -> dict[str, JSON]:
        """Everything but the pixels, as values that JSON can hold."""
        citations: JSON = [
            {**asdict(citation), "boxes": [list(box) for box in citation.boxes], "where": citation.where}
            for citation in self.citations
        ]
        check = self.cross_check
        return {
            "text": self.text,
            "found": self.found,
            "supported": self.supported,
            "sentences": [{**asdict(sentence), "citations": list(sentence.citations)} for sentence in self.sentences],
            "citations": citations,
            "fields": [asdict(value) for value in self.fields],
            "plan": self.plan.to_dict(),
            "usage": {**asdict(self.usage), "seconds": dict(self.usage.seconds)},
            "notices": list(self.notices),
            "cross_check": None if check is None else {
                "agrees": check.agrees, "why": check.why, "other": check.other.to_dict(),
            },
        }  # fmt: skip


@dataclass(frozen=True)
class CrossCheck:
    """What the other channel answered.

    Attributes:
        agrees: Whether both say the same: the same figures and identifiers, and the same words or the same place in the
            source; or that the documents do not answer.
        why: Why, in words.
        other: The answer through the other channel, which is text unless the pages were shown as text already.
    """

    agrees: bool
    why: str
    other: Answer

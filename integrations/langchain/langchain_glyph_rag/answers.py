"""Checked answers in the forms that LangChain's users know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Self, SupportsIndex, TypedDict

from glyph_rag.passages import number_of
from glyph_rag.read.answer import Answer, Sentence
from langchain_core.documents import Document
from langchain_core.messages.content import Citation, create_citation


class TokenUsage(TypedDict):
    """What an answer cost; as `glyph_rag.read.answer.Usage`."""

    image_tokens: int
    text_tokens: int
    expected_tokens: int
    reported_tokens: int | None
    output_tokens: int | None
    usd: float | None
    price_source: str
    seconds: dict[str, float]


class CheckedText(str):
    """The text of a checked answer, with all that is known of it. A plain string for whoever wants no more.

    At the end of a stream comes an empty one. Added to the words before it, it gives the checked text; joined with
    them (`"".join`), it leaves them as the model wrote them. Copies, pickles and checkpoints hold plain strings.

    Attributes:
        answer: The whole answer: sentences, notices, what the model was shown.
        citations: LangChain's citations of this text.
    """

    answer: Answer
    citations: list[Citation]

    def __new__(cls, answer: Answer, citations: list[Citation], words: str | None = None) -> Self:
        """
        Args:
            answer: The answer.
            citations: Its citations.
            words: The string itself; the answer's text where None.
        """
        text = super().__new__(cls, answer.text if words is None else words)
        text.answer, text.citations = answer, citations
        return text

    @property
    def supported(self) -> bool:
        """Whether the passages say every sentence of it."""
        return self.answer.supported

    @property
    def usage(self) -> TokenUsage:
        """What it cost."""
        return usage_of(self.answer)

    def __radd__(self, before: str) -> Self:
        return type(self)(self.answer, self.citations)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        # Copies and pickles are plain strings, so that no state and no trace holds the pixels of a plan.
        return str, (str(self),)

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[type[str], tuple[str]]:
        return self.__reduce__()


def usage_of(answer: Answer) -> TokenUsage:
    """What an answer cost, as values that JSON can hold."""
    usage = answer.usage
    return TokenUsage(
        image_tokens=usage.image_tokens,
        text_tokens=usage.text_tokens,
        expected_tokens=usage.expected_tokens,
        reported_tokens=usage.reported_tokens,
        output_tokens=usage.output_tokens,
        usd=usage.usd,
        price_source=usage.price_source,
        seconds=dict(usage.seconds),
    )


def citations_of(answer: Answer, passages: Sequence[Document] | None = None, text: str | None = None) -> list[Citation]:
    """An answer's citations as LangChain has them: places in its text, and the words of the source.

    Their `extras` hold the source, the lines or the label, the page and the boxes on it, how far the source says the
    sentence, what the model wrote, and which document.

    Args:
        answer: The answer.
        passages: What it was read from, where the numbers of passages stand for documents.
        text: The reply with nothing changed but what was misread, if that is what users see; the answer's own text
            where None.
    """
    return [
        _citation(answer, sentence, number, place, passages)
        for sentence, place in _places(answer, text)
        for number in sentence.citations or (() if sentence.citation is None else (sentence.citation,))
    ]


def _places(answer: Answer, reply: str | None) -> Iterator[tuple[Sentence, tuple[int, int]]]:
    """The sentences of an answer that stand in its text or in a reply, and where."""
    at = 0
    for sentence in answer.sentences:
        words = sentence.text if reply is None or sentence.support == "corrected" else sentence.read_as
        start = (answer.text if reply is None else reply).find(words, at)
        if start >= 0:
            at = start + len(words)
            yield sentence, (start, at)


def _citation(
    answer: Answer, sentence: Sentence, number: int, place: tuple[int, int], passages: Sequence[Document] | None
) -> Citation:
    found = answer.citations[number]
    passage = None if passages is None else number_of(found.document_id)
    citation = create_citation(
        url=found.source if found.source.startswith(("http://", "https://")) else None,
        title=found.where,
        start_index=place[0],
        end_index=place[1],
        cited_text=found.quote,
        id=f"citation-{number}-{place[0]}",
    )
    # Not through `create_citation`, which leaves out what is None: whoever asks for a Document's id may find none.
    citation["extras"] = {
        **asdict(found),
        "boxes": [list(box) for box in found.boxes],
        "document_id": found.document_id if passages is None or passage is None else passages[passage].id,
        "passage": passage,
        "support": sentence.support,
        "read_as": sentence.read_as,
    }
    return citation

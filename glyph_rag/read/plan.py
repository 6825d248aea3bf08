"""ReadingPlan: what a reader is shown, and what it costs.

Page images are pixels and geometry without source text, so a reader cannot answer from anything but what it sees.
What is shown as text is a part of its own, and there is none but what was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.glyphs.ink import Levels
from glyph_rag.typeset.page import Page
from glyph_rag.typeset.png import encode

JSON: TypeAlias = "str | int | float | bool | list[JSON] | dict[str, JSON] | None"
Mode: TypeAlias = Literal["image", "text", "auto"]
"""How pages are shown: as images, as text, or as whatever costs least of what the reader is known to read."""


@dataclass(frozen=True)
class Turn:
    """One question of a conversation, and the answer it got."""

    question: str
    answer: str


@dataclass(frozen=True)
class Passage:
    """A part of a page that earned the hit, as a place and not as words.

    Attributes:
        label: Which page it stands on: "P1".
        lines: The box of each line in the image, in the order of reading.
        scripts: The scripts it is written in, as in `typeset.scripts`, so that a reader can tell what it cannot read.
        column_width: Room for a line, in pixels: a line that leaves much of it empty was not broken for want of room.
    """

    label: str
    lines: tuple[Box, ...]
    scripts: frozenset[str]
    column_width: int


@dataclass(frozen=True, eq=False)
class PlanPage:
    """One image as a reader is shown it: a page, or several small ones below each other.

    Attributes:
        labels: What the pages on it are called in this plan, and in the strip at the top of each: "P1", "P2", ...
        page_ids: The page of the store that each of them shows, wholly or in part; empty for turns of a conversation.
        levels: Its pixels: uint8 (height, width), ink from 0 for paper to 15 for full ink.
        ink: Colour of full ink, "#rrggbb".
        paper: Colour of the paper.
        passages: The parts that earned the hits, in the order in which they are to be read.
        tokens: What the reader pays for the image.
        why: Why it is there, and why as it is.
        key: What the image is known by in the cache.
        cache: Where image files are kept.
    """

    labels: tuple[str, ...]
    page_ids: tuple[str, ...]
    levels: Levels = field(repr=False)
    ink: str = field(repr=False)
    paper: str = field(repr=False)
    passages: tuple[Passage, ...] = field(repr=False)
    tokens: int
    why: str = ""
    key: str = field(default="", repr=False)
    cache: PageCache | None = field(default=None, repr=False)

    @property
    def label(self) -> str:
        """What the image is called in the prompt: "P1", or "P1, P2"."""
        return ", ".join(self.labels)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, in pixels."""
        return self.levels.shape[1], self.levels.shape[0]

    def png(self) -> bytes:
        """The image as a PNG file."""
        if self.cache is None:
            return encode(self.levels, self.ink, self.paper)
        return self.cache.get(self.key, lambda: encode(self.levels, self.ink, self.paper))

    def _repr_png_(self) -> bytes:
        """The image, for notebooks."""
        return self.png()


@dataclass(frozen=True)
class PlanText:
    """Something that a reader is shown as text.

    Attributes:
        kind: "passage" is a stretch of a document; "exact" is the list of exact strings that stand on the pages.
        label: What it is called in this plan, "P1"; empty for exact strings, which name the pages they stand on.
        place: Where a passage comes from, as in a citation; empty for exact strings.
        text: The words.
        tokens: What the reader pays for it, its label included.
        why: Why it is there.
    """

    kind: Literal["passage", "exact"]
    label: str
    place: str
    text: str = field(repr=False)
    tokens: int
    why: str = ""


@dataclass(frozen=True)
class Omission:
    """Something that was found and is not shown.

    Attributes:
        place: Where it stands: "handbook/leave.md:3-40".
        why: Why it is left out.
    """

    place: str
    why: str


@dataclass(frozen=True, eq=False)
class ReadingPlan:
    """What a reader is shown, and what it costs.

    Attributes:
        pages: The images, in the order in which they are shown: best first.
        text_tokens: What everything that is shown would cost as text (an estimate): the counterfactual.
        texts: What is shown as text.
        turns: The conversation so far, as far as it is given as text, oldest first.
        omitted: What was found and is not shown.
        mode: "image" or "text".
        reason: Why in this mode and density.
        prompt_tokens: What instructions, labels, the conversation and the question cost (an estimate, as for words).
        budget: Tokens that the prompt may have, or None.
    """

    pages: tuple[PlanPage, ...]
    text_tokens: int
    texts: tuple[PlanText, ...] = ()
    turns: tuple[Turn, ...] = ()
    omitted: tuple[Omission, ...] = ()
    mode: Literal["image", "text"] = "image"
    reason: str = ""
    prompt_tokens: int = 0
    budget: int | None = None

    @property
    def image_tokens(self) -> int:
        """What the images cost."""
        return sum(page.tokens for page in self.pages)

    @property
    def tokens(self) -> int:
        """What the whole prompt is expected to cost."""
        return self.image_tokens + sum(text.tokens for text in self.texts) + self.prompt_tokens

    @property
    def labels(self) -> tuple[str, ...]:
        """What everything that is shown is called."""
        shown = [label for page in self.pages for label in page.labels]
        return (*shown, *(text.label for text in self.texts if text.label))

    @property
    def empty(self) -> bool:
        """Whether nothing of any document is shown."""
        return not self.pages and not self.texts

    def __str__(self) -> str:
        rows = [(f"[{page.label}]", "{} x {} px".format(*page.size), page.tokens, page.why) for page in self.pages]
        rows += [
            (f"[{text.label}]" if text.label else "strings", f"{len(text.text)} characters", text.tokens, text.why)
            for text in self.texts
        ]
        rows.append(("prompt", "", self.prompt_tokens, "instructions, labels, question"))
        widths = max(len(row[0]) for row in rows), max(len(row[1]) for row in rows)
        lines = [f"{self.mode}: {self.reason}"] if self.reason else []
        lines += [
            f"{name:<{widths[0]}}  {size:<{widths[1]}}  {tokens:>6} tokens  {why}".rstrip()
            for name, size, tokens, why in rows
        ]
        lines += [f"left out: {omission.place}: {omission.why}" for omission in self.omitted]
        bound = f" of {self.budget}" if self.budget is not None else ""
        return "\n".join([*lines, f"{self.tokens}{bound} tokens; as text about {self.text_tokens}"])

    def to_dict(self) -> dict[str, JSON]:
        """Everything but the pixels and the conversation, as values that JSON can hold."""
        return {
            "mode": self.mode, "reason": self.reason, "budget": self.budget, "tokens": self.tokens,
            "image_tokens": self.image_tokens, "prompt_tokens": self.prompt_tokens, "text_tokens": self.text_tokens,
            "pages": [_page_to_dict(page) for page in self.pages],
            "texts": [_text_to_dict(text) for text in self.texts],
            "omitted": [{"place": omission.place, "why": omission.why} for omission in self.omitted],
        }  # fmt: skip


@dataclass(frozen=True, eq=False)
class Excerpt:
    """What of the source stands behind a label: what an answer is checked against. Readers never get to see it.

    Attributes:
        label: What it is called in the plan.
        shown: The words that are shown, as a page of their own: of any profile, and wholly or in part.
        home: The page they belong to, whose id and boxes citations give.
    """

    label: str
    shown: Page
    home: Page


def _page_to_dict(page: PlanPage) -> JSON:
    return {
        "labels": list(page.labels), "page_ids": list(page.page_ids), "tokens": page.tokens,
        "width": page.size[0], "height": page.size[1], "why": page.why,
    }  # fmt: skip


def _text_to_dict(text: PlanText) -> JSON:
    return {
        "kind": text.kind, "label": text.label, "place": text.place, "text": text.text, "tokens": text.tokens,
        "why": text.why,
    }  # fmt: skip

"""Probes: full pages of invented facts, each with a question and the one value on the page that answers it.

A probe follows from its language, kind, number and seed alone: the fact is the same at every density, and so are the
facts around it, of which a denser page holds more. All are of one kind, so that the page is full of values that would
answer a neighbour's question. Where on the page the fact stands varies with the probe's number.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from types import MappingProxyType
from typing import Final, TypeAlias

from glyph_rag.corpus.document import Chunk, Document, Format
from glyph_rag.measure.probe_words import Language
from glyph_rag.read.planning.receipt import Kind
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

_GOLDEN = 0.6180339887498949
_STATEMENTS = 5
_ROWS = 8
_BATCH = 16
_TWINS = 3
_LOOKALIKES = ("0O", "1l", "5S", "8B", "2Z", "6b", "9g", "3E", "7T")
_VERBS = "attach/bind/clear/drain/expand/flush/gather/inspect/launch/mount/notify/probe/reset/seal/trim/unlock"
_NOUNS = "_buffer/_cache/_cursor/_frame/_gauge/_index/_ledger/_mirror/_packet/_quota/_relay/_sensor/_token/_valve"


@dataclass(frozen=True)
class Fact:
    """Something that stands on a page and can be asked for.

    Attributes:
        text: The sentence, the row of a table, or the lines of code.
        question: What is asked.
        value: What answers it.
    """

    text: str
    question: str
    value: str


@dataclass(frozen=True, eq=False)
class Probe:
    """One page, one question.

    Attributes:
        language: The language.
        kind: What is asked for.
        number: Which of its kind.
        page: The page, full under its profile.
        chunks: The parts of the page, in order, covering it but for white space.
        question: What is asked.
        gold: What answers it; it stands on the page once.
        misses: The values on the page that would answer its neighbours' questions.
    """

    language: Language
    kind: Kind
    number: int
    page: Page
    chunks: tuple[Chunk, ...]
    question: str
    gold: str
    misses: frozenset[str]


def make_probe(language: Language, kind: Kind, number: int, seed: int, profile: RenderProfile) -> Probe:
    """The probe of a number.

    Args:
        language: What it is written in.
        kind: What is asked for.
        number: Which probe, from 0.
        seed: Which set of probes.
        profile: How its page is set.

    Raises:
        ProfileError: If a font of the profile cannot be read.
    """
    chance = random.Random(f"{seed} {language.code} {kind} {number}")
    facts = _FACTS[kind](_Maker(language, chance))
    asked = next(facts)
    share = (0.5 + number) * _GOLDEN % 1
    page, chunks, around = _full_page(asked, facts, _Setting(language, kind, profile, share))
    misses = frozenset(fact.value for fact in around)
    return Probe(language, kind, number, page, chunks, asked.question, asked.value, misses)


class _Maker:
    """Names and values of one page, none of them twice."""

    def __init__(self, language: Language, chance: random.Random) -> None:
        self.language, self.chance = language, chance
        self.places, self.people = self._names(language.place), self._names(language.person)
        self.words = self._names((_VERBS, _NOUNS, "/_a/_b/_c"))
        self._seen: set[str] = set()

    def _names(self, parts: Sequence[str]) -> Iterator[str]:
        names = list(dict.fromkeys("".join(name) for name in product(*(part.split("/") for part in parts))))
        self.chance.shuffle(names)
        return iter(names)

    def fresh(self, make: Callable[[], str]) -> str:
        """A value that was not made before on this page."""
        while (value := make()) in self._seen:
            pass
        self._seen.add(value)
        return value

    def number(self) -> str:
        """Four or five digits, or three and a decimal."""
        tenths = self.chance.random() < 0.3
        whole = self.chance.randrange(100, 1000) if tenths else self.chance.randrange(1000, 100_000)
        return f"{whole}.{self.chance.randrange(1, 10)}" if tenths else str(whole)

    def date(self) -> str:
        """A day of the last two centuries."""
        month = self.chance.randrange(12)
        name = self.language.months.split("/")[month] if self.language.months else str(month + 1)
        day, year = self.chance.randrange(2, 29), self.chance.randrange(1820, 2020)
        return self.language.date.format(day=day, month=name, year=year)

    def code(self) -> str:
        """An identifier: hex digits, a UUID, an error code, or a stock number."""
        chance = self.chance
        letters = "".join(chance.choices("ABCDEFGHJKLMNPQRSTUVWXYZ", k=5))
        return chance.choice(
            (
                f"{chance.getrandbits(64):016x}",
                str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                f"ERR_{letters[:4]}_{chance.randrange(100, 10_000)}",
                f"{letters[:3]}-{chance.randrange(1000, 100_000)}-{letters[3:]}{chance.randrange(10)}",
            )
        )

    def twin(self, code: str) -> str:
        """The code with one character replaced, by one that looks like it where there is one."""
        at = self.chance.choice([place for place, character in enumerate(code) if character.isalnum()])
        alike = "".join(pair for pair in _LOOKALIKES if code[at] in pair) or "0123456789"
        return code[:at] + self.chance.choice(alike.replace(code[at], "")) + code[at + 1 :]


def _prose(maker: _Maker) -> Iterator[Fact]:
    slot = maker.chance.randrange(2)
    for place, person in zip(maker.places, maker.people, strict=False):
        date = maker.fresh(maker.date)
        statement, *questions = maker.chance.choice(maker.language.events)
        text = statement.format(place=place, date=date, person=person)
        yield Fact(text, questions[slot].format(place=place), (date, person)[slot])


def _identifiers(maker: _Maker) -> Iterator[Fact]:
    codes = _codes(maker)
    for place, code in zip(maker.places, codes, strict=False):
        statement, question = maker.chance.choice(maker.language.codes)
        yield Fact(statement.format(place=place, code=code), question.format(place=place), code)


def _codes(maker: _Maker) -> Iterator[str]:
    """The code that is asked for, some that nearly look like it, and others."""
    asked = maker.fresh(maker.code)
    yield asked
    for _ in range(_TWINS):
        yield maker.fresh(maker.code)
        yield maker.fresh(lambda: maker.twin(asked))
    while True:
        yield maker.fresh(maker.code)


def _numbers(maker: _Maker) -> Iterator[Fact]:
    for place in maker.places:
        number = maker.fresh(maker.number)
        statement, question = maker.chance.choice(maker.language.numbers)
        yield Fact(statement.format(place=place, number=number), question.format(place=place), number)


def _rows(maker: _Maker) -> Iterator[Fact]:
    titles = maker.language.columns[1:]
    column = maker.chance.randrange(len(titles))
    for place in maker.places:
        values = [maker.fresh(maker.number) for _ in titles]
        question = maker.language.cell.format(column=titles[column], row=place)
        yield Fact(f"| {' | '.join((place, *values))} |", question, values[column])


def _functions(maker: _Maker) -> Iterator[Fact]:
    wants_name = maker.chance.random() < 0.5
    says, asks = maker.language.function
    for place, name in zip(maker.places, maker.words, strict=False):
        constant, number = f"{name.upper()}_LIMIT", maker.fresh(maker.number)
        lines = (
            f"{constant} = {number}",
            f"def {name}(level):",
            f'    """{says.format(place=place)}"""',
            f"    return min(level, {constant})",
        )
        question = asks.format(place=place) if wants_name else maker.language.constant.format(name=constant)
        yield Fact("\n".join(lines), question, name if wants_name else number)


_FACTS: Final[Mapping[Kind, Callable[[_Maker], Iterator[Fact]]]] = MappingProxyType(
    {"prose": _prose, "identifier": _identifiers, "number": _numbers, "table": _rows, "code": _functions}
)
_Filled: TypeAlias = tuple[Page, tuple[Chunk, ...], Sequence[Fact]]


@dataclass(frozen=True)
class _Setting:
    """How facts become a page."""

    language: Language
    kind: Kind
    profile: RenderProfile
    share: float

    @property
    def _format(self) -> Format:
        return "code" if self.kind == "code" else "markdown" if self.kind == "table" else "text"

    def pages(self, facts: Sequence[Fact]) -> list[tuple[Page, Sequence[Chunk]]]:
        """The pages that these facts fill."""
        chunks, blocks, at = [], self._blocks([fact.text for fact in facts]), 0
        for number, block in enumerate(blocks):
            chunks.append(Chunk(f"{number}", "probe", at, at + len(block), block))
            at += len(block) + 2
        name = "probe.py" if self.kind == "code" else "probe.md"
        document = Document("probe", "\n\n".join(blocks), source=name, format=self._format)
        return list(make_pages(document, chunks, self.profile))

    def _blocks(self, texts: Sequence[str]) -> list[str]:
        if self.kind == "code":
            return list(texts)
        if self.kind == "table":
            titles = self.language.columns
            head = f"| {' | '.join(titles)} |\n|{' --- |' * len(titles)}"
            return ["\n".join((head, *texts[at : at + _ROWS])) for at in range(0, len(texts), _ROWS)]
        groups = range(0, len(texts), _STATEMENTS)
        return [self.language.space.join(texts[at : at + _STATEMENTS]) for at in groups]

    def around(self, asked: Fact, others: Sequence[Fact]) -> list[Fact]:
        """The asked fact in its place among others."""
        at = round(self.share * len(others))
        return [*others[:at], asked, *others[at:]]


def _full_page(asked: Fact, filler: Iterator[Fact], setting: _Setting) -> _Filled:
    """As many facts as one page holds; fewer where the names run out first."""
    others: list[Fact] = []
    while True:
        more = list(islice(filler, max(_BATCH, len(others))))
        others += more
        pages = setting.pages(setting.around(asked, others))
        if len(pages) > 1 or not more:
            break
    # What goes to the next page is whole tables and paragraphs, of which a part may fit.
    count = int(pages[0][0].end / sum(len(page.text) for page, _ in pages) * len(others))
    while count < len(others) and len(setting.pages(setting.around(asked, others[: count + 1]))) == 1:
        count += 1
    while len(pages := setting.pages(setting.around(asked, others[:count]))) > 1 and count:
        count -= 1
    page, chunks = pages[0]
    return page, tuple(chunks), others[:count]

"""Exact strings planted into real pages and asked for, for `reading`."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import MappingProxyType
from typing import Literal

from rapidfuzz import fuzz
from reading_sets import Corpus
from reading_ways import Bench, K, Way

from glyph_rag import Answer, Document
from glyph_rag.corpus.sentences import sentence_spans

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_SYLLABLES = ("ba", "dor", "fel", "gri", "kas", "lum", "mi", "nor", "pell", "ros", "sta", "tov", "vel", "wen", "zu")
_HAN = "维洛姆塔森格里迪安诺布卡莱鲁"
_THINGS = ("depot", "harbour", "pump station", "archive", "mill", "gatehouse")
_THINGS_ZH = ("仓库", "码头", "泵站", "档案馆", "磨坊", "门房")
_LEAST_LENGTH = 200
_ALIKE = 80.0

FRAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "en": ("The reference of {name} is {value}. ", "What is the reference of {name}?"),
        "zh": ("{name}的编号是{value}。", "{name}的编号是什么？"),
    }
)
"""By language, the sentence that is planted and the question that asks for it."""

Fate = Literal["right", "page not found", "refused", "other sentence", "left out", "flagged", "cut short", "WRONG"]
"""What became of a string. "left out" and "flagged": misread, and verification said so. "cut short": the answer stops
before it, and what it does say is the source's words. "WRONG": something else stands in its place."""


@dataclass(frozen=True)
class Plant:
    """A string in a document.

    Attributes:
        kind: What sort of string it is.
        value: The string; it stands in the corpus once.
        name: What it is the reference of.
        question: What asks for it.
        document: The document with the sentence in it.
    """

    kind: str
    value: str
    name: str
    question: str
    document: Document


@dataclass(frozen=True)
class StringOutcome:
    """What became of a planted string in one way.

    Attributes:
        corpus: The set.
        way: The way.
        kind: What sort of string it is.
        value: The string.
        given: Whether the reader gave the planted sentence, as well as it could read it.
        raw: Whether the string stands in the reader's words without a mistake; white space does not count, as a string
            may be broken between lines.
        final: Whether it stands in the answer after verification, without a mistake.
        fate: What became of it.
        read_as: The reader's words.
        text: The answer.
    """

    corpus: str
    way: str
    kind: str
    value: str
    given: bool
    raw: bool
    final: bool
    fate: Fate
    read_as: str
    text: str


def _word(chance: Random, parts: Sequence[str], count: int) -> str:
    return "".join(chance.choices(parts, k=count))


def _sku(chance: Random) -> str:
    end = f"{_word(chance, _LETTERS, 1)}{chance.randrange(10)}"
    return f"{_word(chance, _LETTERS, 3)}-{chance.randrange(10**3, 10**5)}-{end}"


def _quantity(chance: Random) -> str:
    return f"{chance.randrange(10, 10**4)}.{chance.randrange(10, 99)} {chance.choice(('kg', 'mm', 'kWh', 'mg/l'))}"


def _amount(chance: Random) -> str:
    return f"${chance.randrange(1, 999)},{chance.randrange(100, 999)}.{chance.randrange(10, 99)}"


def _phone(chance: Random) -> str:
    return f"+{chance.randrange(20, 99)} {chance.randrange(10, 999)} {chance.randrange(10**6, 10**8)}"


def _version(chance: Random) -> str:
    return f"v{chance.randrange(30)}.{chance.randrange(40)}.{chance.randrange(200)}-rc.{chance.randrange(1, 12)}"


def _url(chance: Random) -> str:
    path = f"{chance.choice(('docs', 'api', 'files'))}/v{chance.randrange(1, 9)}/{chance.getrandbits(28):x}"
    return f"https://{_word(chance, _SYLLABLES, 3)}.example/{path}?id={chance.randrange(10**5)}"


def _mail(chance: Random) -> str:
    host = f"{_word(chance, _SYLLABLES, 1)}-{_word(chance, _SYLLABLES, 1)}.example"
    return f"{_word(chance, _SYLLABLES, 2)}.{chance.randrange(100)}@{host}"


MAKERS: Mapping[str, Callable[[Random], str]] = MappingProxyType(
    {
        "hex": lambda chance: f"{chance.getrandbits(64):016x}",
        "UUID": lambda chance: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        "error code": lambda chance: f"ERR_{_word(chance, _LETTERS, 4)}_{chance.randrange(100, 10**4)}",
        "SKU": _sku,
        "number with unit": _quantity,
        "amount": _amount,
        "phone": _phone,
        "version": _version,
        "URL": _url,
        "e-mail": _mail,
    }
)
"""What makes a string of each kind."""


def plant(corpus: Corpus, each: int, seed: int) -> tuple[list[Document], list[Plant]]:
    """Puts strings into documents of a corpus, each into one of its own, between two sentences.

    Args:
        corpus: The corpus; there are `FRAMES` for its language.
        each: Strings of each kind. There are fewer where documents of some length run out.
        seed: Which strings, and where.

    Returns:
        All documents, and what was planted.
    """
    chance = Random(f"{seed} {corpus.name}")
    able = [document for document in corpus.documents if len(document.text) >= _LEAST_LENGTH]
    chance.shuffle(able)
    kinds = [kind for kind in MAKERS for _ in range(each)]
    names = _names(corpus.language, chance)
    planted = [_plant(kind, next(names), d, corpus.language, chance) for kind, d in zip(kinds, able, strict=False)]
    changed = {one.document.id: one.document for one in planted}
    return [changed.get(document.id, document) for document in corpus.documents], planted


def _plant(kind: str, name: str, document: Document, language: str, chance: Random) -> Plant:
    statement, question = FRAMES[language]
    value = MAKERS[kind](chance)
    starts = [start for start, _ in sentence_spans(document.text)]
    at = chance.choice([start for start in starts if not _in_table(document.text, start)] or starts)
    text = document.text[:at] + statement.format(name=name, value=value) + document.text[at:]
    return Plant(kind, value, name, question.format(name=name), replace(document, text=text))


def _in_table(text: str, at: int) -> bool:
    return text.startswith("|", text.rfind("\n", 0, at) + 1)


def _names(language: str, chance: Random) -> Iterator[str]:
    """Invented names, none twice."""
    seen: set[str] = set()
    while True:
        if language == "zh":
            name = "".join(chance.sample(_HAN, 3)) + chance.choice(_THINGS_ZH)
        else:
            name = f"the {''.join(chance.sample(_SYLLABLES, 3)).title()} {chance.choice(_THINGS)}"
        if name not in seen:
            seen.add(name)
            yield name


def ask_for(bench: Bench, corpus: str, planted: Plant, ways: Sequence[Way]) -> Iterator[StringOutcome]:
    """Asks for a planted string in every way."""
    hits = bench.rag.search(planted.question, K)
    shown = any(planted.value in hit.page.text for hit in hits)
    for way in ways:
        answer = bench.ask(planted.question, way)
        read_as = " ".join(sentence.read_as for sentence in answer.sentences)
        given = is_given(planted, read_as)
        yield StringOutcome(
            corpus=corpus,
            way=way.name,
            kind=planted.kind,
            value=planted.value,
            given=given,
            raw=squeeze(planted.value) in squeeze(read_as),
            final=answer.found and planted.value in answer.text,
            fate=fate_of(planted, answer, shown=shown, given=given),
            read_as=read_as,
            text=answer.text,
        )


def is_given(planted: Plant, read_as: str) -> bool:
    """Whether a reader's words are about what the string is the reference of, give or take misread letters."""
    return bool(read_as) and fuzz.partial_ratio(squeeze(planted.name), squeeze(read_as)) >= _ALIKE


def fate_of(planted: Plant, answer: Answer, *, shown: bool, given: bool) -> Fate:
    """What became of a planted string.

    Args:
        planted: The string.
        answer: The answer to its question.
        shown: Whether its page was among the hits.
        given: Whether the reader gave its sentence.
    """
    if answer.found and planted.value in answer.text:
        return "right"
    if not shown:
        return "page not found"
    if not answer.sentences:
        return "refused"
    if not given:
        return "other sentence"
    if not answer.found:
        return "left out"
    own = [sentence for sentence in answer.sentences if is_given(planted, sentence.read_as)] or answer.sentences
    passed = [sentence for sentence in own if sentence.support != "unsupported"]
    if not passed:
        return "flagged"
    before = words_of(planted.document.text.partition(planted.value)[0])
    return "cut short" if all(words_of(sentence.text) in before for sentence in passed) else "WRONG"


def words_of(text: str) -> str:
    """The words of a text between blanks, without the signs between them."""
    return " ".join(["", *re.findall(r"\w+", text), ""])


def squeeze(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())

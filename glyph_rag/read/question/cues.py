"""What kind of answer a question asks for, told by its question words.

The words by language are in `cue_words`; a language that is missing there only loses the small help of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from glyph_rag.read.question import cue_words as words

__all__ = ["Wanted", "names_a_time", "section_number", "wanted", "without_cues", "without_summary_cues"]

# Scripts that join words or endings without a space: what stands beside a cue says nothing.
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u9fff\uac00-\ud7af]")


def _pattern(*cues: str) -> re.Pattern[str]:
    def one(cue: str) -> str:
        return re.escape(cue) if _UNSPACED.match(cue) else rf"(?<!\w){re.escape(cue)}(?!\w)"

    listed = sorted({cue.strip() for table in cues for cue in table.split("|")}, key=len, reverse=True)
    return re.compile("|".join(one(cue) for cue in listed), re.IGNORECASE)


_NUMBER, _TIME, _NAME = _pattern(words.NUMBER), _pattern(words.TIME), _pattern(words.NAME)
_LIST, _LIST_FORM = _pattern(words.LIST), re.compile(words.LIST_FORM, re.IGNORECASE)
_DECISION = re.compile(words.DECISION_FORM, re.IGNORECASE)
_SUMMARY = re.compile(words.SUMMARY_FORM, re.IGNORECASE)
_ANY = _pattern(words.NUMBER, words.TIME, words.NAME, words.OTHER)
_KINDS = tuple((_pattern(asked), re.compile(answer, re.IGNORECASE)) for asked, answer in words.KINDS)
_A_TIME = re.compile(words.A_TIME, re.IGNORECASE)
_SECTION = re.compile(words.SECTION_FORM, re.IGNORECASE)
_ORDINALS = {word: at for at, listed in enumerate(words.ORDINALS, 1) for word in listed.split("|")}
_LAST = frozenset(words.LAST.split("|"))


@dataclass(frozen=True)
class Wanted:
    """What a question asks for.

    Attributes:
        number: A number.
        time: A date, a year or a time of day.
        name: The name of a person or a place.
        kind: What a number of the kind that is asked for looks like, such as a share or a price, or None.
        decision: Yes or no.
        several: A list.
        summary: What a text says as a whole.
    """

    number: bool
    time: bool
    name: bool
    kind: re.Pattern[str] | None
    decision: bool
    several: bool
    summary: bool


def wanted(question: str) -> Wanted:
    """What kind of answer a question asks for."""
    number, time, name = (cues.search(question) is not None for cues in (_NUMBER, _TIME, _NAME))
    decision = _DECISION.search(question) is not None and not number
    return Wanted(
        number=number,
        time=time,
        name=name,
        kind=next((answer for asked, answer in _KINDS if asked.search(question)), None),
        decision=decision,
        several=not decision and (_LIST.search(question) or _LIST_FORM.search(question)) is not None,
        summary=_SUMMARY.search(question) is not None,
    )


def names_a_time(text: str) -> frozenset[str]:
    """The years, dates, times of day, months and weekdays in a text, as they are written there."""
    return frozenset(match.group().casefold() for match in _A_TIME.finditer(text))


def section_number(question: str) -> int | None:
    """Which section a question names by its number, counted from 1; -1 for the last one; None for none."""
    match = _SECTION.search(question)
    if match is None:
        return None
    said = next(group for group in match.groups() if group).casefold()
    if said in _LAST:
        return -1
    return int(said) if said.isdecimal() else _ORDINALS.get(said)


def without_cues(question: str) -> str:
    """Blank out the question words, which no answer repeats; they stay where nothing else would be left."""
    rest = _ANY.sub(" ", question)
    return rest if re.search(r"\w", rest) else question


def without_summary_cues(question: str) -> str:
    """What is left of a question for a summary: the words that say of what."""
    return _SECTION.sub(" ", _SUMMARY.sub(" ", without_cues(question)))

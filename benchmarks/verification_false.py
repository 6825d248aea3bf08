"""Ways to make a true sentence false. Each takes a scene and gives the answer, or None where it does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from verification_sources import Source, size
from verification_words import (
    ADDITIONS,
    AND,
    ANSWER_IS,
    COMPARISONS,
    MONTHS,
    NEGATED,
    NEGATIONS,
    QUANTIFIERS,
    UNITS,
)

UNSPACED_LANGUAGES = ("zh", "th")
_NUMBER = re.compile(r"(?<![\w.,])\d+(?:[.,]\d+)*(?!\w)")
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_NAME = re.compile(r"(?<=[\w,] )[^\W\d_a-zа-яα-ω][\w’'-]+(?: [^\W\d_a-zа-яα-ω][\w’'-]+)*")
_IDENTIFIER = re.compile(
    r"(?<![\w./#@~:-])(?=[\w./:-]*[A-Za-z])(?:[A-Za-z]\w*[._/:]\w[\w./:]*\w|[A-Za-z]+-?\d[\w.-]*\w)(?![\w/=-])"
)
_HAN_DIGIT = re.compile(r"[二三四五六七八九]")
_STOP = re.compile(r"[.!?。！？।؟\s]+\Z")


@dataclass(frozen=True)
class Scene:
    """What a case is made of.

    Attributes:
        rng: Decides everything.
        source: The document that is shown.
        other: Another document that is shown.
        hidden: One that is not.
        sentence: A sentence of the first.
    """

    rng: Random
    source: Source
    other: Source
    hidden: Source
    sentence: str

    @property
    def language(self) -> str:
        """That of the document."""
        return self.source.language

    @property
    def unspaced(self) -> bool:
        """Whether its words are not parted by spaces."""
        return self.language in UNSPACED_LANGUAGES

    def short_answer(self) -> tuple[str, str] | None:
        """A question with its gold answer, at most six words."""
        short = [pair for pair in self.source.answers if size(pair[1]) <= 6]
        return self.rng.choice(short) if short else None


Change = Callable[[Scene], str | None]


def without_stop(text: str) -> str:
    """A sentence without its last full stop."""
    return _STOP.sub("", text)


def with_words(scene: Scene, text: str, one: str, other: str) -> str | None:
    """A text with one of its words, or one stretch of characters, replaced."""
    pattern = re.escape(one) if scene.unspaced or not one[0].isalnum() else rf"(?<!\w){re.escape(one)}(?!\w)"
    found = list(re.finditer(pattern, text))
    if not found:
        return None
    match = scene.rng.choice(found)
    return text[: match.start()] + other + text[match.end() :]


def _paired(scene: Scene, pairs: list[tuple[str, str]], *, both: bool = True) -> str | None:
    options = [(a, b) for pair in pairs for a, b in ((pair, pair[::-1]) if both else (pair,))]
    scene.rng.shuffle(options)
    changed = (with_words(scene, scene.sentence, a, b) for a, b in options)
    return next((text for text in changed if text), None)


def _other_digit(scene: Scene, text: str) -> str | None:
    """One digit changed, the first of a number less often than the others."""
    places = [m.start() for m in re.finditer(r"\d", text)]
    if not places:
        return None
    at = scene.rng.choice(places)
    digit = scene.rng.choice([d for d in "123456789" if d != text[at]])
    return text[:at] + digit + text[at + 1 :]


def digit(scene: Scene) -> str | None:
    return _other_digit(scene, scene.sentence)


def short_digit(scene: Scene) -> str | None:
    answer = scene.short_answer()
    changed = _other_digit(scene, answer[1]) if answer else None
    # Another number of the page is a true quote; whether it answers the question, no comparison can tell.
    return changed if changed and changed not in scene.source.text + scene.other.text else None


def framed_digit(scene: Scene) -> str | None:
    changed = short_digit(scene)
    return scene.rng.choice(ANSWER_IS[scene.language].split("|")).format(changed) if changed else None


def other_number(scene: Scene) -> str | None:
    numbers = {m.group() for m in _NUMBER.finditer(scene.source.text)}
    here = list(_NUMBER.finditer(scene.sentence))
    if not here:
        return None
    match = scene.rng.choice(here)
    others = sorted(numbers - {m.group() for m in here})
    return (
        scene.sentence[: match.start()] + scene.rng.choice(others) + scene.sentence[match.end() :] if others else None
    )


def numbers_exchanged(scene: Scene) -> str | None:
    here = list(_NUMBER.finditer(scene.sentence))
    if len(here) < 2 or here[0].group() == here[-1].group():
        return None
    a, b = here[0], here[-1]
    text = scene.sentence
    return text[: a.start()] + b.group() + text[a.end() : b.start()] + a.group() + text[b.end() :]


def point_moved(scene: Scene) -> str | None:
    here = [m for m in _NUMBER.finditer(scene.sentence) if re.fullmatch(r"\d{2,}|\d+[.,]\d{1,2}", m.group())]
    if not here:
        return None
    match = scene.rng.choice(here)
    number = match.group()
    mark = re.search(r"[.,]", number)
    new = number.replace(mark[0], "") if mark else f"{number[:-1]}.{number[-1]}"
    return scene.sentence[: match.start()] + new + scene.sentence[match.end() :]


def date_moved(scene: Scene) -> str | None:
    months = MONTHS.get(scene.language, "").split()
    found = [month for month in months if re.search(rf"(?<!\w){month}", scene.sentence)]
    if found and scene.rng.random() < 0.6:
        month = scene.rng.choice(found)
        return re.sub(rf"(?<!\w){month}", scene.rng.choice([m for m in months if m != month]), scene.sentence, count=1)
    year = _YEAR.search(scene.sentence)
    if year is None:
        return None
    moved = str(int(year.group()) + scene.rng.choice((-10, -2, -1, 1, 2, 10)))
    return scene.sentence[: year.start()] + moved + scene.sentence[year.end() :]


def unit(scene: Scene) -> str | None:
    return _paired(scene, UNITS[scene.language]) if re.search(r"\d|[一二三四五六七八九十]", scene.sentence) else None


def name(scene: Scene) -> str | None:
    """A name replaced by another one of the same document; where names cannot be seen, by another gold answer."""
    if scene.language in ("zh", "th", "ar", "hi"):
        answers = sorted({a for _, a in scene.source.answers if size(a) <= 4 and not re.search(r"\d", a)})
        here = [a for a in answers if a in scene.sentence]
    else:
        answers = sorted({m.group() for m in _NAME.finditer(scene.source.text)})
        here = [m.group() for m in _NAME.finditer(scene.sentence)]
    if not here:
        return None
    one = scene.rng.choice(here)
    others = [a for a in answers if a not in scene.sentence and a not in one and one not in a]
    return with_words(scene, scene.sentence, one, scene.rng.choice(others)) if others else None


def roles(scene: Scene) -> str | None:
    """Two names of a sentence that are not members of one enumeration, exchanged."""
    text = scene.sentence
    if scene.language in ("zh", "th", "ar", "hi"):
        here = sorted({a for _, a in scene.source.answers if size(a) <= 4 and text.count(a) == 1}, key=text.index)
    else:
        here = list(dict.fromkeys(m.group() for m in re.finditer(_NAME.pattern.replace("(?<=[\\w,] )", ""), text)))
        here = [n for n in here if text.count(n) == 1 and size(n) <= 4 and len(n) > 3]
    if len(here) < 2 or here[0] in here[-1] or here[-1] in here[0]:
        return None
    a, b = here[0], here[-1]
    i, j = text.index(a), text.index(b)
    if j < i + len(a) or size(text[i + len(a) : j]) < 2:
        return None
    return text[:i] + b + text[i + len(a) : j] + a + text[j + len(b) :]


def negation_added(scene: Scene) -> str | None:
    return _paired(scene, NEGATED[scene.language], both=False)


def negation_removed(scene: Scene) -> str | None:
    for word in NEGATIONS[scene.language].split():
        changed = with_words(scene, scene.sentence, word, "")
        if changed:
            return re.sub(r" {2,}", " ", changed).replace(" .", ".").strip()
    return None


def quantifier(scene: Scene) -> str | None:
    return _paired(scene, QUANTIFIERS[scene.language])


def comparison(scene: Scene) -> str | None:
    return _paired(scene, COMPARISONS[scene.language])


def _halves(scene: Scene, text: str) -> tuple[str, str]:
    """A sentence cut in two at a word near its middle."""
    middle = len(text) // 2
    at = middle if scene.unspaced else text.find(" ", middle)
    return (text[:at], text[at:]) if at > 0 else (text, "")


def _two_places(scene: Scene) -> tuple[str, str] | None:
    others = [s for source in (scene.source, scene.other) for s in source.sentences if s != scene.sentence]
    return (scene.sentence, scene.rng.choice(others)) if others else None


def stitched(scene: Scene) -> str | None:
    two = _two_places(scene)
    return _halves(scene, two[0])[0] + _halves(scene, two[1])[1] if two else None


def stitched_by_and(scene: Scene) -> str | None:
    two = _two_places(scene)
    return _halves(scene, two[0])[0] + AND[scene.language] + _halves(scene, two[1])[1].lstrip() if two else None


def stitched_at_clauses(scene: Scene) -> str | None:
    """The first clause of one sentence and the last of another."""
    two = _two_places(scene)
    first, last = (re.split(r"(?<=\w)([,，、،;；] ?)", text) for text in two) if two else ([""], [""])
    if len(first) < 3 or len(last) < 3 or size(first[0]) < 3 or size(last[-1]) < 3:
        return None
    return first[0] + scene.rng.choice((first[1], AND[scene.language])) + last[-1]


def not_shown(scene: Scene) -> str | None:
    return scene.rng.choice(scene.hidden.sentences) if scene.hidden.sentences else None


def added(scene: Scene) -> str | None:
    addition = scene.rng.choice(ADDITIONS[scene.language].split("|"))
    return without_stop(scene.sentence) + addition + scene.sentence[len(without_stop(scene.sentence)) :]


def added_from_elsewhere(scene: Scene) -> str | None:
    """An addition in words that stand elsewhere in what is shown."""
    two = _two_places(scene)
    if two is None:
        return None
    tail = without_stop(_halves(scene, two[1])[1].lstrip())
    if size(tail) < 2:
        return None
    return f"{without_stop(scene.sentence)}{'，' if scene.language == 'zh' else ', '}{tail}{scene.sentence[-1]}"


def identifier(scene: Scene) -> str | None:
    """One character of an identifier changed, in its sentence or by itself."""
    found = list(_IDENTIFIER.finditer(scene.sentence))
    if not found:
        return None
    match = scene.rng.choice(found)
    whole = match.group()
    at = scene.rng.choice([i for i, c in enumerate(whole) if c.isalnum()])
    pool = "0123456789" if whole[at].isdigit() else "abdeghkprstuvxy"
    changed = whole[:at] + scene.rng.choice([c for c in pool if c != whole[at].lower()]) + whole[at + 1 :]
    if scene.rng.random() < 0.5:
        return changed
    return scene.sentence[: match.start()] + changed + scene.sentence[match.end() :]


def chinese(scene: Scene) -> str | None:
    """A Chinese numeral changed."""
    found = list(_HAN_DIGIT.finditer(scene.sentence))
    if scene.language != "zh" or not found:
        return None
    match = scene.rng.choice(found)
    other = scene.rng.choice([c for c in "二三四五六七八九" if c != match.group()])
    return scene.sentence[: match.start()] + other + scene.sentence[match.end() :]


FALSE: dict[str, Change] = {
    "digit changed": digit,
    "digit of a short answer": short_digit,
    '"the answer is", digit': framed_digit,
    "another number of the page": other_number,
    "numbers exchanged": numbers_exchanged,
    "decimal point moved": point_moved,
    "date moved": date_moved,
    "unit changed": unit,
    "name replaced": name,
    "subject and object": roles,
    "negation added": negation_added,
    "negation removed": negation_removed,
    "quantifier changed": quantifier,
    "comparison changed": comparison,
    "stitched": stitched,
    'stitched by "and"': stitched_by_and,
    "stitched at clauses": stitched_at_clauses,
    "page not shown": not_shown,
    "invented addition": added,
    "addition from elsewhere": added_from_elsewhere,
    "identifier changed": identifier,
    "Chinese numeral": chinese,
}

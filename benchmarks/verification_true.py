"""True answers: quotes, misreadings and the harmless rewordings of a model. None where one does not fit."""

from __future__ import annotations

import re
from itertools import pairwise

from verification_false import _IDENTIFIER as IDENTIFIER
from verification_false import Change, Scene, with_words, without_stop
from verification_sources import size
from verification_words import AND, ANSWER_IS, ARTICLES, COPULAS, LIST_AND, PRONOUNS, TENSES

_LETTER_PAIRS = ("rn=m", "m=rn", "l=1", "l=I", "O=0", "o=0", "e=c", "c=e", "h=b", "i=l", "u=v", "n=u", "vv=w", "w=vv")
_GROUPED = re.compile(r"(?<![\w.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d.,]*\d)")
_NAME = r"[^\W\d_a-zа-яα-ω][\w’'-]+"
_CAPITALS = re.compile(rf"({_NAME}(?: {_NAME}){{0,3}}) [^\W\d_A-ZА-ЯΑ-Ω]")
_WH = re.compile(r"(?:Who|What|Which \w+) ((?!is |are |was |were |did |does |do |has |had |can )[a-z].*)\?\s*\Z")
_FULL_WIDTH = {ord(c): chr(ord(c) + 0xFEE0) for c in "0123456789%ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_HAN = "零一二三四五六七八九"


def verbatim(scene: Scene) -> str | None:
    return scene.sentence


def misread(scene: Scene) -> str | None:
    """One to three wrong letters: lookalikes in Latin script, others in other scripts; never a digit."""
    text = scene.sentence
    for _ in range(scene.rng.randint(1, 3)):
        pairs = [p.split("=") for p in _LETTER_PAIRS if p.split("=")[0] in text]
        if pairs and scene.language in ("en", "de", "es", "ro", "vi", "tr"):
            one, other = scene.rng.choice(pairs)
            at = scene.rng.choice([m.start() for m in re.finditer(re.escape(one), text)])
            text = text[:at] + other + text[at + len(one) :]
            continue
        places = [i for i, c in enumerate(text) if c.isalpha() and c not in "一二三四五六七八九十百千万亿不没无未"]
        letters = sorted({c for c in scene.source.text if c.isalpha()})
        at = scene.rng.choice(places)
        text = text[:at] + scene.rng.choice(letters) + text[at + 1 :]
    return text if text != scene.sentence else None


def full_width(scene: Scene) -> str | None:
    changed = scene.sentence.translate(_FULL_WIDTH)
    return changed if changed != scene.sentence else None


def no_article(scene: Scene) -> str | None:
    text = scene.sentence
    for article in scene.rng.sample(
        ARTICLES.get(scene.language, "").split(), len(ARTICLES.get(scene.language, "").split())
    ):
        changed = with_words(scene, text, f"{article} ", "")
        if changed is None:
            changed = re.sub(rf"(?<= ){article} ", "", text, count=1)
        if changed and changed != text:
            return changed
    return None


def other_case(scene: Scene) -> str | None:
    changed = scene.rng.choice((scene.sentence.lower(), scene.sentence.upper(), scene.sentence.title()))
    # Not every letter has both cases and the way back: "ß" and "SS", "ı" and "I", "ς" and "Σ".
    return changed if changed != scene.sentence and changed.casefold() == scene.sentence.casefold() else None


def other_stop(scene: Scene) -> str | None:
    bare = without_stop(scene.sentence)
    return scene.rng.choice((bare, f"{bare}!", f"“{scene.sentence}”", f'"{bare}."', f"**{bare}**."))


def listed(scene: Scene) -> str | None:
    return scene.rng.choice(("- ", "1. ", "* ", "• ")) + scene.sentence


def short(scene: Scene) -> str | None:
    answer = scene.short_answer()
    return answer[1] + scene.rng.choice(("", ".")) if answer else None


def framed(scene: Scene) -> str | None:
    answer = scene.short_answer()
    return scene.rng.choice(ANSWER_IS[scene.language].split("|")).format(answer[1]) if answer else None


def part(scene: Scene) -> str | None:
    """A sentence up to one of its commas."""
    parts = re.split(r"(?<=\w)[,，、،;；] ?", scene.sentence)
    return parts[0] + scene.sentence[-1] if len(parts) > 1 and size(parts[0]) >= 4 else None


def no_bracket(scene: Scene) -> str | None:
    changed = re.sub(r" ?[(（][^()（）]{3,60}[)）]", "", scene.sentence, count=1)
    return changed if changed != scene.sentence else None


def turned(scene: Scene) -> str | None:
    """The two sides of "is" exchanged: "The capital of France is Paris"."""
    copulas = "|".join(COPULAS.get(scene.language, "-").split())
    articles = "|".join(ARTICLES.get(scene.language, "").split())
    ends = (
        r"(?= (?:of|in|on|by|and|that|which|who|to|for|at|from|with)\b|[,.;(])"
        if scene.language == "en"
        else r"(?=[,.;(])"
    )
    found = re.match(rf"([^,.;:()]{{3,40}}) ({copulas}) ((?:{articles}) [^,.;:()]{{3,60}}?){ends}", scene.sentence)
    if found is None or size(found[1]) > 6 or re.search(r"\b(?:not|no|one|some|all)\b", found[0]):
        return None
    subject, copula, predicate = found.groups()
    if subject.split()[0].lower() in (
        "this",
        "that",
        "it",
        "there",
        "he",
        "she",
        "they",
        "these",
        "who",
        "what",
        "some",
    ):
        return None
    return f"{predicate[0].upper()}{predicate[1:]} {copula} {subject}."


def taken_up(scene: Scene) -> str | None:
    """The question as a statement, where its words stand behind the answer in the source."""
    for question, answer in scene.source.answers:
        wh = _WH.match(question) if scene.language == "en" else None
        if wh and f"{answer} {wh[1]}".lower() in scene.source.text.lower():
            return f"{answer} {wh[1]}."
    return None


def joined(scene: Scene) -> str | None:
    others = [s for source in (scene.source, scene.other) for s in source.sentences if s != scene.sentence]
    if not others or scene.language == "th":  # Its phrases are not whole statements.
        return None
    other = scene.rng.choice(others)
    return without_stop(scene.sentence) + AND[scene.language] + other


def enumerated(scene: Scene) -> str | None:
    """The members of an enumeration in another order."""
    conjunction = LIST_AND[scene.language].strip()
    gap = "" if scene.unspaced else " "
    item = r"[^\s,.;:()，、。；：（）]{2,6}" if scene.unspaced else rf"{_NAME}(?: {_NAME}){{0,2}}"
    start = r"(?<=[：、是括即])" if scene.unspaced else r"(?<!\w)"
    found = re.search(
        rf"{start}((?:{item}(?:, |、)){{1,5}}{item}),?{gap}{conjunction}{gap}({item})(?!\w)", scene.sentence
    )
    if found is None or scene.language in ("ar", "hi", "th"):
        return None
    items = [*re.split(r", |、", found[1]), found[2]]
    if not scene.unspaced and not all(word[0].isupper() for item in items for word in item.split()):
        return None
    scene.rng.shuffle(items)
    last = LIST_AND[scene.language].join(items[-2:])
    return ("、" if scene.language == "zh" else ", ").join([*items[:-2], last])


def named(scene: Scene) -> str | None:
    """A pronoun at the start of a sentence replaced by the name that starts the sentence before."""
    sentences = scene.source.sentences
    for before, sentence in pairwise(sentences):
        first, _, rest = sentence.partition(" ")
        subject = _CAPITALS.match(before)
        if first not in PRONOUNS.get(scene.language, "").split() or f"{before} {sentence}" not in scene.source.text:
            continue
        if subject and subject[1].split()[0].lower() not in _NO_NAMES.split():
            return f"{subject[1]} {rest}"
    return None


_NO_NAMES = (
    "in on at the a an after before during when while for as by from there it's it’s this these that some many if "
    "but and both all most"
)


def wrongly_named(scene: Scene) -> str | None:
    """As `named`, but with another name of the sentence before."""
    sentences = scene.source.sentences
    for before, sentence in pairwise(sentences):
        first, _, rest = sentence.partition(" ")
        subject = _CAPITALS.match(before)
        if first not in PRONOUNS.get(scene.language, "").split() or f"{before} {sentence}" not in scene.source.text:
            continue
        others = [m[1] for m in _CAPITALS.finditer(before) if not subject or m[1] not in subject[1]]
        if others and subject and subject[1].split()[0].lower() not in _NO_NAMES.split():
            return f"{scene.rng.choice(others)} {rest}"
    return None


def tense(scene: Scene) -> str | None:
    pairs = list(TENSES.get(scene.language, []))
    scene.rng.shuffle(pairs)
    changed = (with_words(scene, scene.sentence, a, b) for a, b in pairs)
    return next((text for text in changed if text), None)


def regrouped(scene: Scene) -> str | None:
    """Thousands written without separators, or with thin spaces."""
    found = list(_GROUPED.finditer(scene.sentence))
    if not found:
        return None
    match = scene.rng.choice(found)
    new = match.group().replace(",", scene.rng.choice(("", "", " ", "\u202f")))
    if scene.rng.random() < 0.4:
        return new
    return scene.sentence[: match.start()] + new + scene.sentence[match.end() :]


def other_digits(scene: Scene) -> str | None:
    """A number in Chinese characters as digits, or the other way."""
    if scene.language != "zh":
        return None
    found = re.search(r"(?<![\d.,一二三四五六七八九十百千万亿第])[1-9](?=[年个月天次人岁名])", scene.sentence)
    if found:
        return scene.sentence[: found.start()] + _HAN[int(found.group())] + scene.sentence[found.end() :]
    found = re.search(r"(?<![一二三四五六七八九十百千万亿\d])[二三四五六七八九](?=[年个月天次人岁名])", scene.sentence)
    return (
        scene.sentence[: found.start()] + str(_HAN.index(found.group())) + scene.sentence[found.end() :]
        if found
        else None
    )


def identifier(scene: Scene) -> str | None:
    found = IDENTIFIER.findall(scene.sentence)
    return scene.rng.choice(found) if found else None


def question_and_answer(scene: Scene) -> str | None:
    """A question as a statement, with its gold answer, in words that need not stand in the source."""
    for question, answer in scene.source.answers:
        wh = _WH.match(question) if scene.language == "en" else None
        if wh and f"{answer} {wh[1]}".lower() not in scene.source.text.lower():
            return f"{answer[0].upper()}{answer[1:]} {wh[1]}."
    return None


def moved(scene: Scene) -> str | None:
    """What stands at the start, up to the comma, put at the end."""
    found = re.match(r"((?:In|On|At|After|During|By|For|From) [^,.;()]{4,40}), ([^.;()]+)\.\Z", scene.sentence)
    return f"{found[2][0].upper()}{found[2][1:]} {found[1][0].lower()}{found[1][1:]}." if found else None


TRUE: dict[str, Change] = {
    "verbatim": verbatim, "misread letters": misread, "full width": full_width, "article dropped": no_article,
    "other case": other_case, "other punctuation": other_stop, "list mark": listed, "short answer": short,
    '"the answer is"': framed, "up to a comma": part, "bracket dropped": no_bracket, "sides of 'is' exchanged": turned,
    "question taken up": taken_up, 'joined by "and"': joined, "list": enumerated, "name for pronoun": named,
    "other tense": tense, "thousands regrouped": regrouped, "Chinese numeral or digit": other_digits,
    "identifier": identifier, "adverbial moved": moved,
}  # fmt: skip
PARAPHRASES: dict[str, Change] = {"question and answer": question_and_answer}

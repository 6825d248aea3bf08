"""Exact sentence spans in any script.

A small set of rules, no model: lines are gathered into blocks (Markdown structure and blank lines part
them), then each block of prose is cut after its sentence marks. Every step walks the text once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["sentence_spans"]

_LINE = re.compile(r"[^\n\r\x0b\x0c\x85\u2028\u2029]*(?:\r\n|[\n\r\x0b\x0c\x85\u2028\u2029])?")
_FENCE = re.compile(r"\s{0,12}(```|~~~)")
_RULE = re.compile(r"\s*(?:={3,}|-{3,}|\*{3,}|_{3,})\s*\Z")
_WHOLE_LINE = re.compile(r"\s{0,12}(?:#{1,6}\s|\|)")
_QUOTE = re.compile(r"\s{0,3}>[> \t]*")
_ITEM = re.compile(r"\s*(?:[-*+•]\s+|\d{1,3}[.)]\s+)")

# A mark that ends a sentence wherever it stands (no script that uses them also uses them inside words).
_HARD = "。｡！？؟۔।॥։።፧፨។៕။།᠃܀‼⁇⁈⁉\u037e"
_CLOSERS = "\"'”’»›)\\]}」』》〉）】〕*_"
# Foot-note marks that stand glued to the stop: "success.[12]" and "success.:121,154".
_NOTES = r"(?:\[[^\[\]\s]{1,12}\]){0,9}(?::\d[\d,–-]{0,24})?"
_END = re.compile(rf"(?:[{_HARD}][{_HARD}….!?]*|…[….!?]*|[.!?]+…?[.!?…]*|(?<=[\u0370-\u03ff\u1f00-\u1fff]);)"
                  rf"[{_CLOSERS}]*{_NOTES}")  # fmt: skip
_SPACE = re.compile(r"\s*")
_NEXT_WORD = re.compile(r"[\"'“‘«‹(\[{¿¡「『《（*_]{0,4}([^\W_]{0,16})")
_LAST_TOKEN = re.compile(r"[^\s\"'“‘«(\[{/]*\Z")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that carry their own full stop and are followed by more of the same sentence.
_NEVER_ENDS = _words(
    "mr mrs ms mx dr prof rev fr hon st sr sra srta gen col maj capt cpt lt sgt cmdr adm gov sen "
    "rep pres supt "
    "messrs mme mlle e.g i.e eg ie cf vs viz al ca approx esp incl resp nr no nos art fig figs eq "
    "eqs sec secs "
    "ch vol vols pp p ed eds hrsg bzw z.b d.h u.a usw vgl ggf inkl mt ft dept univ ул г им т.е т.д т.п"
)
# Words that carry a full stop and may end a sentence too: the next word decides.
_MAY_END = _words(
    "inc ltd corp co bros jr sr ph.d m.d b.a m.a a.m p.m u.s u.k u.n u.s.a d.c a.d b.c etc est "
    "jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun"
)
_STARTERS = _words(
    "the a an in on at it its he she they we you i his her their this that these those there but and or as "
    "after before when while since if for from by with however although during some many most both "
    "one two all no not what who where why how der die das ein eine es er sie im in le la les il elle el los "
    "las un una en"
)
# "am 7. Januar", "im 19. Jahrhundert": German writes ordinals with a full stop.
_AFTER_ORDINAL = _words(
    "januar februar märz april mai juni juli august september oktober november dezember "
    "jahrhundert jahrhunderts "
    "jh weltkrieg weltkriegs"
)
_NOT_AFTER_QUOTE = frozenset("，、；：的,;:")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Find the sentences of a text.

    Blank lines, headings, list items, table rows and the lines of fenced code end a sentence; a single line break
    inside prose or inside a block quote does not.

    Args:
        text: Any text, plain or Markdown.

    Returns:
        Half-open ``(start, end)`` spans in reading order: trimmed of outer white space, not
        overlapping, and together covering every character that is not white space.
    """
    spans: list[tuple[int, int]] = []
    for start, end, is_prose in _blocks(text):
        cuts = _cuts(text, start, end) if is_prose else []
        for cut in [*cuts, end]:
            piece = text[start:cut]
            inner = piece.strip()
            if inner:
                left = start + len(piece) - len(piece.lstrip())
                spans.append((left, left + len(inner)))
            start = cut
    return spans


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield ``(start, end, is_prose)`` stretches of whole lines that no sentence may cross."""
    start = at = 0
    in_code = was_quoted = False
    while at < len(text):
        match = _LINE.match(text, at)
        end = match.end() if match else len(text)
        quote = _QUOTE.match(text, at, end)
        line = text[quote.end() if quote else at : end]
        fence = _FENCE.match(line) is not None
        alone = in_code or fence or _RULE.match(line) is not None or _WHOLE_LINE.match(line) is not None
        enters_or_leaves = (quote is not None) != was_quoted
        was_quoted = quote is not None
        if alone or enters_or_leaves or not line.strip() or _ITEM.match(line):
            if start < at:
                yield start, at, True
            start = at
        if alone:
            yield at, end, False
            start = end
        in_code ^= fence
        at = end
    if start < at:
        yield start, at, True


def _cuts(text: str, start: int, end: int) -> list[int]:
    """Return the positions inside a block of prose after which a new sentence begins."""
    quote = _QUOTE.match(text, start, end)
    first = quote.end() if quote else start
    item = _ITEM.match(text, first, end)
    first = item.end() if item else first
    block = text[start:end]
    cased = block != block.lower()
    return [m.end() for m in _END.finditer(text, first, end) if m.end() < end and _ends(text, m, end, cased)]


def _ends(text: str, match: re.Match[str], end: int, cased: bool) -> bool:
    """Tell whether a sentence mark really ends its sentence."""
    mark, after = text[match.start()], match.end()
    following = text[after]
    if mark in _HARD or (mark == "…" and text[match.start() : after].startswith("……")):
        return not (text[after - 1] in "》〉" or following in _NOT_AFTER_QUOTE)
    if not following.isspace():
        before = text[match.start() - 1 : match.start()]
        return bool(_CJK.match(following)) and (mark in "!?" or bool(_CJK.match(before)))
    gap = _SPACE.match(text, after, end)
    word_at = gap.end() if gap else after
    opening = _NEXT_WORD.match(text, word_at, end)
    word = opening.group(1) if opening else ""
    # Text that never uses capitals (chat, code comments) cannot show a beginning by one.
    if cased and word[:1].islower():
        return False
    return mark != "." or not _is_abbreviation(text, match.start(), word)


def _is_abbreviation(text: str, stop: int, next_word: str) -> bool:
    """Tell whether the full stop at ``stop`` belongs to the word before it rather than to the sentence."""
    found = _LAST_TOKEN.search(text[max(0, stop - 16) : stop])
    token = (found.group() if found else "").lower()
    following = next_word.lower()
    if not token or text[stop + 1 : stop + 2] == ".":
        return False
    if token in _NEVER_ENDS:
        return True
    if token.isdecimal() and len(token) <= 2:
        return following in _AFTER_ORDINAL
    initial = len(token) == 1 and token.isalpha() and not _CJK.match(token)
    dotted = "." in token and all(part.isalpha() and len(part) <= 2 for part in token.split("."))
    return (initial or dotted or token in _MAY_END) and following not in _STARTERS

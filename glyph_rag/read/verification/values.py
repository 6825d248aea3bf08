"""Where a number or a date stands on a page, in whatever form it is written there: 1200 also as 1,200.

Values of a form come without a sentence around them, so the words beside them cannot tell what they are about; here it
is only looked for whether they stand there at all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation

from glyph_rag.read.verification.place import Place
from glyph_rag.read.verification.shown import Shown
from glyph_rag.read.verification.words import UNSPACED, Token

__all__ = ["find_date", "find_number", "find_time"]

# Month names of CLDR 48 from January on, wide and in the case that dates have; for English also short.
_MONTHS = tuple(
    zip(
        *(
            names.split()
            for names in (
                "january february march april may june july august september october november december",
                "jan feb mar apr may jun jul aug sept? oct nov dec",
                "januar februar märz april mai juni juli august september oktober november dezember",
                "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
                "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
                "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
                "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
            )
        ),
        strict=True,
    )
)
_MAGNITUDE = re.compile(
    r"(?:k|\s?(?:thousand|tausend|ألف|آلاف))(?!\w)()"
    r"|\s?(?:millions?|millionen|mio|mn|مليون|ملايين)(?!\w)()"
    r"|\s?(?:billions?|milliarden?|mrd|bn|مليار|مليارات)(?!\w)()",
    re.IGNORECASE,
)
_PERCENT = re.compile(r"\s?(?:[%％٪]|percent\b|per cent\b)", re.IGNORECASE)
_UNCLEAR = re.compile(r"-?\d{1,3}([.,])\d{3}(?:\1\d{3})*")
_EXPONENT = re.compile(r"e[-+]?\d", re.IGNORECASE)
_LETTER = re.compile(r"[A-Za-z]")
_SPACED = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3})+(?![\d.,]*\d)")
_DATE_OR_TIME = re.compile(
    r"\d+([-/.])\d+\1\d+|(?:\d+\s?[年년]\s?)?\d+\s?[月월]\s?\d+\s?[日号號일]|\d{1,2}:\d{2}(?::\d{2})?"
)
_LONGEST_PART = 2  # Digits of a day, a month, an hour: none of them is a number of its own. A year may be.
_EDGE = rf"[^\W{UNSPACED}]"
_ORDINAL = r"(?:st|nd|rd|th|er|\.|º)?"


def find_number(number: Decimal, pages: Sequence[Shown]) -> Place | None:
    """Where a number stands: in these digits ("exact"), or written otherwise ("reworded").

    Otherwise is with separators, in words or digits of another script, before "million" and the like, in brackets for
    a loss, or as percents: both 3 and 0.03 stand there as "3 %".
    """
    other: Place | None = None
    plain = format(number, "f")
    for shown in pages:
        for value, start, end, written in _numbers(shown):
            if value == number and written == plain:
                return Place(shown, start, end, "exact")
            if value == number:
                other = other or Place(shown, start, end, "reworded")
    return other


def find_date(day: date, pages: Sequence[Shown]) -> Place | None:
    """Where a date stands, with its year: as in ISO 8601 ("exact"), or in a form that can mean no other ("reworded").

    03/04/2024 may be in March or in April, so it is neither. Of a `datetime` the time has to stand beside the date,
    unless it is midnight; time zones are not looked at.
    """
    y, m, d = day.year, f"0?{day.month}", f"0?{day.day}"
    names = "|".join(_MONTHS[day.month - 1])
    forms = [
        rf"{y}[-/.]{m}[-/.]{d}",
        rf"{y}\s?[年년]\s?{m}\s?[月월]\s?{d}(?:\s?[日号號일])?",
        rf"{d}\.\s?{m}\.\s?{y}",
        rf"{d}{_ORDINAL}\s(?:of\s|de\s)?(?:{names})\.?,?\s(?:del?\s)?{y}",
        rf"(?:{names})\.?\s{d}{_ORDINAL},?\s{y}",
    ]
    if day.day > 12 or day.day == day.month:
        forms += [rf"{d}[-/]{m}[-/]{y}", rf"{m}[-/]{d}[-/]{y}"]
    pattern = rf"(?:{'|'.join(forms)})"
    if isinstance(day, datetime) and day.time() != time.min:
        clock = _clock(day.time())
        pattern = rf"(?:{pattern}(?:T|\D{{1,20}}){clock}|{clock}\D{{1,20}}{pattern})"
    return _find(pattern, day.isoformat(), pages)


def find_time(clock: time, pages: Sequence[Shown]) -> Place | None:
    """Where a time of day stands, in 24 hours; seconds count where they are not zero."""
    return _find(_clock(clock), clock.isoformat(), pages)


def _clock(clock: time) -> str:
    seconds = f":{clock.second:02}" if clock.second else "(?::00)?"
    return rf"(?:0?{clock.hour}:{clock.minute:02}{seconds}(?!:\d))"


def _find(pattern: str, plain: str, pages: Sequence[Shown]) -> Place | None:
    whole = re.compile(rf"(?<!{_EDGE}){pattern}(?!{_EDGE})", re.IGNORECASE)
    for shown in pages:
        if (match := whole.search(_ascii_digits(shown.text))) is not None:
            quote = shown.text[match.start() : match.end()]
            return Place(shown, match.start(), match.end(), "exact" if quote == plain else "reworded")
    return None


def _numbers(shown: Shown) -> Iterator[tuple[Decimal, int, int, str]]:
    """What the numbers of a page can say: the value, its span, and how it is written."""
    text = _ascii_digits(shown.text)
    parts = [match.span() for match in _DATE_OR_TIME.finditer(text)]
    for token in shown.tokens:
        if token.kind == "number" and not _is_part(token, parts):
            for value, end in _readings(token, shown.text):
                yield value, token.start, end, token.text if end == token.end else ""
    for match in _SPACED.finditer(text):
        yield Decimal(match[0].replace(" ", "")), *match.span(), match[0]


def _is_part(token: Token, spans: Sequence[tuple[int, int]]) -> bool:
    return token.end - token.start <= _LONGEST_PART and any(a <= token.start and token.end <= b for a, b in spans)


def _readings(token: Token, text: str) -> Iterator[tuple[Decimal, int]]:
    """What a number token can say, and where that ends: 3 in "3 million" is 3 of something, and 3,000,000."""
    apart = not _EXPONENT.match(text, token.end) and not _LETTER.match(text, max(0, token.start - 1), token.start)
    for key in _spellings(token.key) if apart else ():
        try:
            value = Decimal(key)
        except InvalidOperation:
            continue
        yield value, token.end
        if text.endswith("(", 0, token.start) and text.startswith(")", token.end):
            yield -value, token.end  # as accounts write losses
        if (match := _MAGNITUDE.match(text, token.end)) is not None:
            yield value.scaleb(3 * (match.lastindex or 0)), match.end()
        if (match := _PERCENT.match(text, token.end)) is not None:
            yield value.scaleb(-2), match.end()
        if text.endswith("百分之", 0, token.start):
            yield value.scaleb(-2), token.end


def _spellings(key: str) -> tuple[str, ...]:
    """A number as Python writes it; both ways for one such as 1,234 where it is not known what the mark does."""
    if (match := _UNCLEAR.fullmatch(key)) is not None and match[1] == ",":
        return key.replace(",", ""), key.replace(",", ".")
    return (key,)


def _ascii_digits(text: str) -> str:
    """The text with digits of all scripts as 0 to 9, and as long as before."""
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)

"""What a written number says: 1,200 and 1200 are one number, 1.5 and 15 are two."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["HAN_NUMBER", "NUMBER", "decimal_comma_of", "value_of", "value_of_han"]

NUMBER = (
    r"(?:(?<![\w)\]%.,])[-\u2212\uff0d](?=\d))?\d+"
    r"(?:[.,\u066b\u066c\uff0e]\d+|['\u2019\u00a0\u202f\u2009]\d{3}(?!\d))*(?:\s?[万亿萬億](?![万亿萬億])|千万)?"
)
"""Pattern of a number in digits of any script, with its sign and separators; a Chinese myriad belongs to it."""

HAN_NUMBER = r"[〇零一二三四五六七八九十百千万亿两壹贰叁肆伍陆柒捌玖拾佰仟萬億兩]+"
"""Pattern of a number in Chinese characters."""

_DIGITS = {
    character: value
    for value, characters in enumerate(
        ("〇零", "一壹", "二两贰兩", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖")
    )
    for character in characters
}
_TENS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}
_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
# Not before a full stop: "12.5." is a German date.
_SMALL_DECIMAL = re.compile(r"(?<![\d.,])\d+([.,])\d{1,2}(?![\d.]|,\d)")
_SURE_GROUP = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:(,)000|([.,])\d{3}\2\d{3})(?![\d.,]*\d)")
_GROUPS = {
    mark: re.compile(rf"[-]?[1-9]\d{{0,2}}(?:{re.escape(mark)}\d{{3}})+|[-]?[1-9]\d?(?:{re.escape(mark)}\d{{2}})+"
                     rf"{re.escape(mark)}\d{{3}}")
    for mark in ".,"
}  # fmt: skip


def decimal_comma_of(text: str, usual: bool | None) -> bool | None:
    """Whether a text writes its decimals with a comma.

    Args:
        text: The text. Numbers such as 12.5 and 3,75 tell; 1,200 does not.
        usual: What its language usually does, or None; it decides where the text itself does not.

    Returns:
        None where both marks are used and neither is usual.
    """
    marks = [match[1] for match in _SMALL_DECIMAL.finditer(text)]
    # What parts thousands is no decimal mark.
    marks += ["," if (match[1] or match[2]) == "." else "." for match in _SURE_GROUP.finditer(text)]
    commas, points = marks.count(","), marks.count(".")
    if commas > 2 * points:
        return True
    return False if points > 2 * commas else usual


def value_of(number: str, decimal_comma: bool | None) -> str:
    """A number in one spelling: plain digits, a point before decimals, "-" before negative ones.

    Decimals keep their last zeros, as 3.10 may be a version. What is no number, such as 192.168.0.1, and what may be
    two, such as 1.234 where it is not known what the point does, stays as it is.

    Args:
        number: As matched by `NUMBER`.
        decimal_comma: Whether the decimal mark is a comma, or None if that is not known.
    """
    text, myriads = _plain(number)
    value = _ungrouped(text, decimal_comma)
    return _times(value, myriads) if myriads > 1 else value


def value_of_han(number: str) -> str:
    """The value of a number in Chinese characters, or the characters themselves where they do not make a number."""
    if all(character in _DIGITS for character in number):
        return "".join(str(_DIGITS[character]) for character in number)
    total = section = digit = 0
    for character in number:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character in _TENS:
            section, digit = section + (digit or 1) * _TENS[character], 0
        elif total >= 10**8:
            total, section, digit = total + (section + digit) * _MYRIADS[character], 0, 0
        else:
            total, section, digit = (total + section + digit or 1) * _MYRIADS[character], 0, 0
    return str(total + section + digit)


def _plain(number: str) -> tuple[str, int]:
    """ASCII digits, "." and "," only, and what the Chinese myriads behind them multiply by."""
    parts, myriads = [], 1
    for character in number:
        if character.isdecimal():
            parts.append(str(unicodedata.decimal(character)))
        elif character in "-\u2212\uff0d":
            parts.append("-")
        elif character in ".,":
            parts.append(character)
        elif character in "\u066b\uff0e":
            parts.append(".")
        elif character == "千":
            myriads *= 1000
        elif character in _MYRIADS:
            myriads *= _MYRIADS[character]
    return "".join(parts), myriads


def _ungrouped(text: str, decimal_comma: bool | None) -> str:
    marks = [character for character in text if character in ".,"]
    if not marks:
        return text
    if len(set(marks)) == 2:
        whole, mark, decimals = text.rpartition(marks[-1])
        grouping = next(other for other in ".," if other != mark)
        return f"{whole.replace(grouping, '')}.{decimals}" if _GROUPS[grouping].fullmatch(whole) else text
    mark = marks[0]
    grouped = _GROUPS[mark].fullmatch(text) is not None
    if len(marks) > 1:
        return text.replace(mark, "") if grouped else text
    if not grouped:
        return text.replace(",", ".")
    if text.endswith(",000") or (text.endswith(".000") and decimal_comma is not False):  # Few write decimals so.
        return text.replace(mark, "")
    if decimal_comma is None:
        return text
    return text.replace(mark, "") if (mark == ".") == decimal_comma else text.replace(",", ".")


def _times(value: str, factor: int) -> str:
    whole, _, decimals = value.partition(".")
    zeros = len(str(factor)) - 1
    if not (whole.lstrip("-") + decimals).isdecimal():
        return f"{value}*{factor}"
    if len(decimals) > zeros:
        return f"{whole}{decimals[:zeros]}.{decimals[zeros:]}".lstrip("0")
    return (f"{whole}{decimals}" + "0" * (zeros - len(decimals))).lstrip("0")

"""Sentences as words, numbers and signs that can be compared one by one, in any script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

from glyph_rag.read.verification.fold import fold
from glyph_rag.read.verification.lexicon import Lexicon
from glyph_rag.read.verification.numerals import HAN_NUMBER, NUMBER, value_of, value_of_han

__all__ = ["UNSPACED", "Token", "inside_a_token", "is_identifier", "split_words"]

Kind: TypeAlias = Literal["word", "number", "identifier", "character", "sign"]

UNSPACED = (
    r"\u0e01-\u0e3e\u0e40-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007\u3021-\u3029\u3031-\u3035"
    r"\u3038-\u30fa\u30fc-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
"""Scripts that write no spaces between words, for a character class: Thai, Lao, Tibetan, Myanmar, Khmer, kana, Han."""

# Vowel signs are marks, which \w leaves out.
_MARK = (
    r"\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0900-\u0903\u093a-\u094f\u0951-\u0957"
    r"\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a4d\u0abc-\u0acd\u0b3c-\u0b57\u0b82-\u0bcd\u0c00-\u0c56"
    r"\u0cbc-\u0cd6\u0d00-\u0d4d\u0dca-\u0ddf\u200c\u200d"
)
_THAI_MARK = r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ecd\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_LETTER = rf"(?:[^\W\d_⁰¹²³⁴-⁹{UNSPACED}]|[{_MARK}])"
_PLAIN = (
    rf"(?P<percent>百分之)|(?P<number>{NUMBER})|(?P<han>{HAN_NUMBER})|(?P<power>[⁰¹²³⁴-⁹]+)"
    rf"|(?P<word>(?:(?!n['’]t(?!\w)){_LETTER})+|n['’]t(?!\w))"
    rf"|(?P<character>[{UNSPACED}][{_THAI_MARK}]*)"
    r"|(?P<sign>[%$€£¥₹₽₺฿₫°+=<>≤≥≠×÷±^&@#％＄￥＋＝＜＞‰])"
)
_PART = r"[A-Za-z0-9_]+"
_JOINING = rf"[^\W{UNSPACED}]"  # Where words are not parted by spaces, an identifier ends where the script changes.
_SIMPLE = re.compile(_PLAIN)
_TOKEN = re.compile(
    rf"(?P<joined>(?<!{_JOINING})(?=[^\s{UNSPACED}]*[A-Za-z_])"
    rf"(?:{_PART}(?:[._/\\@#~=&?+:-]+{_PART})+|[A-Za-z_]+\d{_PART}|[A-Za-z_]+\d|{_PART}_{_PART})(?!{_JOINING}))|{_PLAIN}"
)
_IDENTIFIER = re.compile(
    r".*[_\\@#~=]|.*[A-Za-z0-9]:+[A-Za-z]|.*(?:[A-Za-z]\.\w|\w\.[A-Za-z])|[A-Za-z]+[./-]?\d"
    r"|.*\d[./-]?[A-Za-z]+[./-]?\d"
)
_INITIALS = re.compile(r"[A-Za-z](?:\.[A-Za-z])+")
_SAID_AS_SIGN = {
    "percent": "%", "prozent": "%", "процент": "%", "процентов": "%", "dollars": "$", "dollar": "$", "euros": "€",
    "euro": "€", "pounds": "£", "yen": "¥", "美元": "$", "欧元": "€",
}  # fmt: skip
_SIGNS = frozenset(_SAID_AS_SIGN.values())
_REACH = 80  # No token that matters is longer than this; further away nothing is looked at.


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number, sign, or, where words are not parted by spaces, one character.

    Attributes:
        kind: What it is. An identifier is a name of a machine: letters mixed with digits, or parts joined by signs.
        key: What it says: two tokens with one key say the same.
        text: Its letters, folded.
        start: Its first character, as an offset into the text.
        end: One past its last character.
        capital: Whether it begins with a capital letter.
    """

    kind: Kind
    key: str
    text: str
    start: int
    end: int
    capital: bool


def split_words(text: str, lexicon: Lexicon, decimal_comma: bool | None) -> list[Token]:
    """Splits a text into tokens, leaving out white space and punctuation.

    Args:
        text: Any text.
        lexicon: That of its language.
        decimal_comma: As for `value_of`.
    """
    tokens: list[Token] = []
    at = plain_until = 0
    percent = False
    while match := (_SIMPLE if at < plain_until else _TOKEN).search(text, at):
        kind, (start, at) = match.lastgroup or "", match.span()
        if kind == "percent":
            percent = True
            continue
        if kind == "joined" and not _is_joined(match.group()):
            at, plain_until = start, at
            continue
        if kind == "character" and lexicon.merged and (merged := lexicon.merged.match(text, start)):
            kind, at = ("word", merged.end()) if merged.end() > at else (kind, at)
        tokens.append(_token(kind, text, start, at, lexicon, decimal_comma))
        if percent:
            tokens.append(Token("sign", "%", "%", at, at, False))
            percent = False
    return _money_behind(tokens)


def _money_behind(tokens: list[Token]) -> list[Token]:
    """Puts the sign of a currency behind its number, where other texts have it or its name."""
    for at in range(len(tokens) - 1):
        if tokens[at].key in _SIGNS and tokens[at + 1].kind == "number" and tokens[at].end == tokens[at + 1].start:
            tokens[at], tokens[at + 1] = tokens[at + 1], tokens[at]
    return tokens


def is_identifier(text: str) -> bool:
    """Whether a run of letters, digits and joining signs is a machine's name rather than words or initials ("U.S.")."""
    return _IDENTIFIER.match(text) is not None and _INITIALS.fullmatch(text) is None


def inside_a_token(text: str, at: int, lexicon: Lexicon) -> bool:
    """Whether an offset lies within a number, an identifier or a word rather than at the end of one."""
    if not 0 < at < len(text) or text[at - 1].isspace() or text[at].isspace():
        return False
    before = text.rfind(" ", max(0, at - _REACH), at)
    around = before + 1 if before >= 0 else max(0, at - _REACH)
    tokens = split_words(text[around : at + _REACH], lexicon, None)
    return any(token.start < at - around < token.end for token in tokens)


@lru_cache(maxsize=32768)
def _fold(raw: str) -> str:
    return fold(raw).text


def _is_joined(text: str) -> bool:
    return _INITIALS.fullmatch(text) is not None or is_identifier(text)


def _token(kind: str, text: str, start: int, end: int, lexicon: Lexicon, decimal_comma: bool | None) -> Token:
    raw = text[start:end]
    folded = _fold(raw)
    capital = raw[0].isupper()
    if kind == "joined":
        if _INITIALS.fullmatch(raw):
            letters = folded.replace(".", "")
            return Token("word", letters, letters, start, end, capital)
        return Token("identifier", folded, folded, start, end, capital)
    if kind == "number":
        return Token("number", value_of(raw, decimal_comma), folded, start, end, capital)
    if kind == "han":
        return Token("number", value_of_han(raw), folded, start, end, capital)
    if kind == "power":
        return Token("number", f"^{folded}", folded, start, end, capital)
    if kind in ("sign", "character"):
        return Token("sign" if kind == "sign" else "character", folded, folded, start, end, capital)
    return _word(folded, start, end, capital, lexicon)


def _word(folded: str, start: int, end: int, capital: bool, lexicon: Lexicon) -> Token:
    if folded.endswith("n't"):
        folded = "not"
    if folded in lexicon.numbers:
        return Token("number", str(lexicon.numbers[folded]), folded, start, end, capital)
    if lexicon.article and folded.startswith(lexicon.article) and len(folded) > len(lexicon.article) + 2:
        folded = folded.removeprefix(lexicon.article)
    key = _SAID_AS_SIGN.get(folded) or lexicon.same.get(folded, folded)
    return Token("sign" if key in _SIGNS else "word", key, folded, start, end, capital)

"""Text to search terms: the words and word parts that SQLite FTS5 indexes, for any script.

FTS5's own tokenizers cut Indic words at their vowel signs, keep a Chinese sentence as one word, and know no
word forms. So we cut the text ourselves and hand FTS5 plain tokens separated by spaces, in two columns:

* ``words``: whole words, case folded and in Unicode compatibility form. Identifiers stand whole and by part
  (``ERR_CONN_42`` is ``err_conn_42``, ``err``, ``conn``, ``42``; ``fooBar`` is ``foobar``, ``foo``, ``bar``).
  Scripts written without spaces stand as overlapping runs of characters.
* ``parts``: character 4-grams of each word with its ends marked, so that "Stadtrat" meets "Stadtrates"
  without a stemmer per language; an accented word once more without its accents, so that "cafe" meets "café";
  for scripts without spaces, the next smaller (Chinese, Japanese, Korean) or larger (Thai, Khmer) runs.

Both columns are asked at once and FTS5's bm25() adds them up. Words too common to tell anything need no list
in the index; only a question leaves its function words out, because they are what makes a large store slow. And only
a question asks for other spellings of what it says (``SHA-256`` for ``sha256``), so the index need not have them.

Character 4-grams as the stemmer for any language: McNamee and Mayfield, "Character N-Gram Tokenization for
European Language Text Retrieval", Information Retrieval 7 (2004). Bigrams for Chinese: Nie, Gao, Zhang and
Zhou, "On the Use of Words and N-grams for Chinese Information Retrieval", IRAL 2000. Arabic letters: Larkey,
Ballesteros and Connell, "Improving Stemming for Arabic Information Retrieval", SIGIR 2002.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from glyph_rag.embed.language import FUNCTION_WORDS, guess_language

TERMS_VERSION: Final = 1
"""Raised whenever the same text would give other terms, so that a store knows to index its text again."""

FTS_COLUMNS: Final = ("words", "parts")
FTS_WEIGHTS: Final = (3.0, 1.0)
FTS_TOKENIZER: Final = "ascii tokenchars '_'"
"""FTS5 tokenizer: with ``ascii`` every character above U+007F is part of a token, in every SQLite version."""

MAX_QUERY_TERMS: Final = 256
"""Terms of a question that each column is asked for; the rest of a longer question is not looked at."""

_LONGEST_QUESTION: Final = 10_000
_MAX_WORD: Final = 64
_MAX_PIECES: Final = 8
_GRAM: Final = 4


class Terms(NamedTuple):
    """Space separated terms of one text, one string per FTS5 column."""

    words: str
    parts: str


class Term(NamedTuple):
    """A term, and the FTS5 column it is looked up in."""

    column: str
    text: str


Counts = tuple[tuple[int, int], ...]
"""The numbers of terms that stand in a text, ascending, each with how often it does."""


# Han, kana and bopomofo: written without spaces, one or two characters to a word.
_HAN = (
    "\u2e80-\u2fd5\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"
)
# Thai, Lao, Tibetan, Myanmar and Khmer: without spaces too, several characters to a word. Punctuation and
# digits stand between the ranges.
_SPACELESS = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ecd\u0edc-\u0edf\u0f40-\u0f84\u0f86-\u0fbc\u1000-\u103f\u1050-\u108f"
    "\u109a-\u109d\u1780-\u17d3\u17d7\u17dc\u17dd\ua9e0-\ua9ef\uaa60-\uaa7f"
)
_HANGUL = "\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb"
# Python's \w leaves out combining marks, such as the vowels of the Indic scripts: whole blocks but the danda.
_MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0730-\u074a\u07a6-\u07b0"
    "\u07eb-\u07f3\u0816-\u082d\u0859-\u085b\u08d3-\u0963\u0966-\u096f\u0971-\u0df3\u135d-\u135f\u1712-\u1734"
    "\u18a9\u1920-\u193b\u1a17-\u1a1b\u1a55-\u1a7f\u1b00-\u1b44\u1b80-\u1baa\u1be6-\u1bf3\u1c24-\u1c37"
    "\u1dc0-\u1dff\u2cef-\u2cf1\u2d7f\ua802-\ua827\ua880-\ua8c5\ua8e0-\ua8ff\ua926-\ua92d\ua947-\ua953"
    "\ua980-\ua9c0\uaa29-\uaa36\uaaeb-\uaaf6\uabe3-\uabea\ufe20-\ufe2f\U00011000-\U0001124f\U000112df-\U0001145e"
)
# Possessive, so that no text makes it go back; ASCII first, because the big classes are slow.
_ALNUM = rf"(?:[A-Za-z0-9]++|(?![{_HAN}{_SPACELESS}{_HANGUL}_])[\w{_MARKS}])++"
_TOKEN = re.compile(
    rf"(?P<word>{_ALNUM}(?:(?:_++|[.\-/:@+#&]|::|(?<=\d),(?=\d)){_ALNUM})*)"
    rf"|(?P<han>[{_HAN}]+)|(?P<hangul>[{_HANGUL}]+)|(?P<spaceless>[{_SPACELESS}]+)"
)
_ASCII_TOKEN = re.compile(r"(?P<word>[A-Za-z0-9]++(?:(?:_++|[.\-/:@+#&]|::|(?<=\d),(?=\d))[A-Za-z0-9]++)*)")
_JOIN = re.compile(r"[._\-/:@+#&,]+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^A-Za-z\d]+")
_ASCII_RUN = re.compile(r"[a-z0-9]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
_LETTERS_THEN_DIGITS = re.compile(r"([^\W\d_]+)(\d+)")
_LONG_NUMBER = re.compile(r"[1-9][0-9]{3,14}")
_SPACED = re.compile(r"\b[A-Za-z]{0,8}[0-9]{0,32}(?: [0-9]{1,32})+\b")

# Taken out before cutting: what changes how a word looks but not which word it is (soft hyphen, joiners,
# direction marks, Hebrew points, Arabic vowel signs and tatweel). Arabic letters get one form each (Larkey).
_LETTERS: Final[dict[int, str | None]] = {
    **dict.fromkeys((0xAD, 0x640, 0x670, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF)),
    **dict.fromkeys(range(0x202A, 0x202F)),
    **dict.fromkeys(range(0x2066, 0x206A)),
    **dict.fromkeys(range(0x591, 0x5BE)),
    **dict.fromkeys((0x5BF, 0x5C1, 0x5C2, 0x5C4, 0x5C5, 0x5C7)),
    **dict.fromkeys(range(0x610, 0x61B)),
    **dict.fromkeys(range(0x64B, 0x660)),
    **dict.fromkeys(range(0x6D6, 0x6DD)),
    **dict.fromkeys(range(0x6DF, 0x6E5)),
    **dict.fromkeys((0x6E7, 0x6E8, *range(0x6EA, 0x6EE))),
    **dict.fromkeys((0x622, 0x623, 0x625, 0x671), "\u0627"),
    **dict.fromkeys((0x649, 0x6CC), "\u064a"),
    0x6A9: "\u0643",
    0x629: "\u0647",
}


def index_terms(text: str) -> Terms:
    """Cuts a text into the terms under which it is found.

    Args:
        text: Any text at all, lone surrogates and NUL included; they separate terms.

    Returns:
        The space separated terms for each column of `FTS_COLUMNS`, with repetitions, in text order.
    """
    words: list[str] = []
    parts: list[str] = []
    for word, part in _cut(text):
        words.append(word)
        if part:
            parts.append(part)
    return Terms(" ".join(words), " ".join(parts))


def question_terms(question: str) -> list[Term]:
    """The terms that a question is searched by: its own, and other spellings of them that a text may have.

    Args:
        question: What the user asked, in any form.

    Returns:
        At most `MAX_QUERY_TERMS` for each column, the whole words first; none where the question holds nothing to
        search for.
    """
    own = _own_terms(question)
    others = _other_spellings(question, [word for words, _ in own for word in words.split(" ")])
    return _as_terms([*own, others])


def own_terms(question: str) -> list[Term]:
    """The terms of a question as those of a text, each once, without the words of its grammar."""
    return _as_terms(_own_terms(question))


def is_word_as_part(term: Term) -> bool:
    """Whether a term is a whole word that is looked up among the parts, where accented words have it."""
    return term.column == "parts" and len(term.text) > _GRAM and term.text.isalpha()


def match_expression(terms: Sequence[Term]) -> str:
    """An FTS5 MATCH expression: any of some terms, of which there is at least one, each in its own column.

    Terms hold letters, digits, marks and ``_`` only and are quoted, so nothing of a question is read as FTS5 syntax.
    """
    columns = ((column, [term.text for term in terms if term.column == column]) for column in FTS_COLUMNS)
    return " OR ".join(f"{column} : ({_quoted(texts)})" for column, texts in columns if texts)


class TermCounter:
    """Counts terms in texts, without an index. Remembers what it has seen, so it is for a few hundred texts."""

    def __init__(self, terms: Sequence[Term]) -> None:
        """The terms that are looked for."""
        self._number = {term: number for number, term in enumerate(terms)}
        self._words, self._parts = (
            frozenset(term.text for term in terms if term.column == column) for column in FTS_COLUMNS
        )
        # Most words have none of the terms, and that is seen sooner than which terms they have.
        runs = sorted({match.group() for term in terms if (match := _ASCII_RUN.search(term.text))})
        self._perhaps = re.compile("|".join(runs) or r"(?!)")
        self._seen: dict[str, Counts] = {}

    def count(self, text: str) -> Counts:
        """The terms that stand in a text, by their place among those looked for."""
        found: dict[int, int] = {}
        for piece, times in Counter(_pieces(text)).items():
            inside = self._seen.get(piece)
            if inside is None:
                inside = self._seen[piece] = self._inside(piece)
            for number, often in inside:
                found[number] = found.get(number, 0) + times * often
        return tuple(sorted(found.items()))

    def _inside(self, piece: str) -> Counts:
        if piece.isascii() and not self._perhaps.search(piece.lower()):
            return ()
        words, parts = (joined.split() for joined in index_terms(piece))
        if self._words.isdisjoint(words) and self._parts.isdisjoint(parts):
            return ()
        found = Counter(Term(FTS_COLUMNS[0], text) for text in words)
        found.update(Term(FTS_COLUMNS[1], text) for text in parts)
        return tuple((self._number[term], often) for term, often in found.items() if term in self._number)


def phrase_expression(phrase: str) -> str | None:
    """Turns words into an FTS5 MATCH expression: all of them, one right after the other.

    Case and the signs between words do not matter; whole words do.

    Args:
        phrase: Words, or an identifier.

    Returns:
        The expression, or None where the phrase holds nothing to search for.
    """
    words = index_terms(phrase[:_LONGEST_QUESTION]).words
    return f'{FTS_COLUMNS[0]} : "{words}"' if words else None


def inner_expression(name: str) -> str | None:
    """The same for an identifier of several words that may be part of a longer one: ``st_mode`` in ``os.st_mode``.

    It also matches where the words stand by themselves; `holds_inside` tells the two apart.

    Returns:
        The expression, or None where the name is no such identifier.
    """
    pieces = _pieces_of(name)
    if not pieces:
        return None
    words = index_terms(name).words.split(" ")[len(_windows("_".join(pieces))) :]
    return f'{FTS_COLUMNS[0]} : "{" ".join(words)}"'


def holds_inside(name: str, text: str) -> bool:
    """Whether an identifier of several words stands in a text, by itself or within a longer one."""
    pieces = _pieces_of(name)
    inside = (_folded_pieces(match["word"]) for match in _TOKEN.finditer(_plain_letters(text)) if match["word"])
    return any(pieces == whole[at : at + len(pieces)] for whole in inside for at in range(len(whole) - len(pieces) + 1))


def _pieces_of(name: str) -> list[str]:
    """The words of an identifier that the index has as a whole; none where it is not one, or only one word."""
    matches = list(_TOKEN.finditer(_plain_letters(name[:_LONGEST_QUESTION])))
    pieces = _folded_pieces(matches[0]["word"] or "") if len(matches) == 1 else []
    return pieces if 1 < len(pieces) <= _MAX_PIECES else []


def _folded_pieces(token: str) -> list[str]:
    return [piece.casefold() for piece in _JOIN.split(token)]


def _plain_letters(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_LETTERS)


def _function_words(question: str) -> frozenset[str]:
    """The question's function words, as far as its language is clear; WHO in capitals may be a name."""
    capitals = {word.casefold() for word in question.split() if len(word) > 1 and word.isupper()}
    return FUNCTION_WORDS.get(guess_language(question) or "", frozenset()) - capitals


def _own_terms(question: str) -> list[tuple[str, str]]:
    found = _cut(question[:_LONGEST_QUESTION])
    ignored = _function_words(question[:_LONGEST_QUESTION])
    return [(word, part) for word, part in found if word not in ignored] or found


def _as_terms(found: Sequence[tuple[str, str]]) -> list[Term]:
    texts = (_distinct(word for word, _ in found), _distinct(part for _, part in found))
    return [Term(column, text) for column, each in zip(FTS_COLUMNS, texts, strict=True) for text in each]


def _other_spellings(question: str, words: Iterable[str]) -> tuple[str, str]:
    """What else the words of a question may be in a text, for each column.

    Without accents, and what is found under that; written in one (``sha256``, ``wifi``) or with signs and spaces
    between (``SHA-256``, ``RFC 2616``, ``10,000``).
    """
    others: list[str] = []
    plain: list[str] = []
    for word in map(_plain, words):
        others += [word, word.replace("_", "")]
        if apart := _LETTERS_THEN_DIGITS.fullmatch(word):
            letters, digits = apart.groups()
            others += [f"{letters}_{digits}", *((letters, digits) if len(letters) > 1 else ())]
        if _LONG_NUMBER.fullmatch(word):
            others.append(f"{int(word):_}")
        if word.islower() and "_" not in word:
            plain.append(word)
    others += [
        match.group().casefold().replace(" ", "")
        for match in _SPACED.finditer(_plain_letters(question[:_LONGEST_QUESTION]))
    ]
    return " ".join(others), " ".join(plain)


def _distinct(joined: Iterable[str]) -> list[str]:
    terms = dict.fromkeys(term for text in joined for term in text.split(" ") if term)
    return list(terms)[:MAX_QUERY_TERMS]


def _quoted(texts: list[str]) -> str:
    return " OR ".join(f'"{text}"' for text in texts)


def _pieces(text: str) -> list[str]:
    """A text in pieces that have their terms each by itself: ASCII tokens, and runs of others without white space."""
    if text.isascii():
        return _ASCII_TOKEN.findall(text)
    runs = text.split()
    ascii_runs = " ".join([run for run in runs if run.isascii()])
    return _ASCII_TOKEN.findall(ascii_runs) + [run for run in runs if not run.isascii()]


def _cut(text: str) -> list[tuple[str, str]]:
    text = _plain_letters(text)
    found: list[tuple[str, str]] = []
    for match in (_ASCII_TOKEN if text.isascii() else _TOKEN).finditer(text):
        token = match.group()
        kind = match.lastgroup
        if kind == "word":
            found.append(_word(token) if len(token) <= _MAX_WORD else _terms_of_word(token))
        elif kind == "han":
            found.append((_grams(token, 2), " ".join(token)))
        elif kind == "hangul":
            found.append((" ".join(_windows(token)), _grams(token, 2)))
        else:
            found.append((_grams(token, 3), _grams(token, 4)))
    return found


def _terms_of_word(token: str) -> tuple[str, str]:
    """The terms of one run of words and joining signs such as ``foo.bar`` or ``snake_case``."""
    pieces = _JOIN.split(token)
    words: list[str] = []
    if 1 < len(pieces) <= _MAX_PIECES:
        words += _windows("_".join(pieces).casefold())
    parts: list[str] = []
    for piece in pieces:
        folded = piece.casefold()
        words += _windows(folded)
        words += _inner_words(piece)
        if _has_parts(folded):
            parts.append(_grams(f"_{folded}_", _GRAM))
        plain = _plain(folded)
        if plain != folded:
            parts.append(plain)
    return " ".join(words), " ".join(parts)


_word = lru_cache(maxsize=1 << 15)(_terms_of_word)


def _inner_words(piece: str) -> list[str]:
    """``fooBar2`` holds ``foo``, ``bar`` and ``2``; too many pieces are a hash, which is only found whole."""
    if piece.islower() or piece.isdigit() or piece.istitle() or piece.isupper():
        return []
    inner = _CAMEL.findall(piece[:_MAX_WORD])
    return [part.casefold() for part in inner] if 1 < len(inner) <= _MAX_PIECES else []


def _has_parts(word: str) -> bool:
    """Numbers are right or wrong; an ASCII word of three letters is too short to have forms."""
    return not word.isdigit() and len(word) >= (_GRAM if word.isascii() else _GRAM - 1)


def _plain(word: str) -> str:
    if word.isascii():
        return word
    return unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", word)))


def _windows(word: str) -> list[str]:
    """A word as it is; a longer run, such as a line of base64, in pieces short enough to be terms."""
    return [word[i : i + _MAX_WORD] for i in range(0, len(word), _MAX_WORD)]


def _grams(run: str, size: int) -> str:
    if len(run) <= size:
        return run
    return " ".join([run[i : i + size] for i in range(len(run) - size + 1)])

"""What a question names: phrases in quotation marks, and identifiers."""

from __future__ import annotations

import re
from typing import Final

_MOST: Final = 8
"""Names in one question that are looked at."""

# Not after a digit, where the sign may mean inches. What is quoted may run over a line's end, but no paragraph's.
_QUOTED: Final = re.compile(
    r'(?<!\d)"((?:[^"\n]|\n(?!\s*\n))*)"'
    + "".join(
        rf"|[{left}]((?:[^{left}{right}\n]|\n(?!\s*\n))*)[{right}]"
        for left, right in (("“„", '”“"'), ("「", "」"), ("『", "』"), ("«", "»"), ("»", "«"))
    )
)

_FULL_WIDTH: Final = {0xFEE0 + code: code for code in range(0x21, 0x7F)}

_TOKEN: Final = re.compile(
    r"(?:(?<![A-Za-z0-9_.\-/])(?:--|/))?(?<![A-Za-z0-9_])[A-Za-z0-9]+(?:(?:_+|::|[.\-/:@#])[A-Za-z0-9]+)*(?:\(\))?"
)

# snake_case, a::b, f(), sha256, ERR-42, 1.2.3, 030-555-0142, a@b, --option, /etc/file, camelCase, SuchAsThis: what the
# words of a sentence do not look like. YouTube and iPhone are such words.
_SIGNS: Final = re.compile(
    r"[A-Za-z0-9]_|::|\(\)|[A-Za-z]\d|[A-Z]-\d|\d[.\-/]\d+[.\-/]\d|@|^--[A-Za-z]|^/[^/]+/"
    r"|^[a-z]{2,}[A-Z][a-z]|^(?:[A-Z][a-z]+){3}"
)


def named(question: str) -> tuple[str, ...]:
    """What a question names word by word.

    That is what stands in quotation marks ("...", “...”, „...“, «...», »...«, 「...」 or 『...』), and names of things
    in code and systems, such as ERR_CONN_42, v1.2.3 or foo_bar(), which are right or wrong as a whole.
    """
    question = question.translate(_FULL_WIDTH)
    quoted = [match[match.lastindex or 0] for match in _QUOTED.finditer(question)]
    tokens = [token for token in _TOKEN.findall(_QUOTED.sub(" ", question)) if _SIGNS.search(token)]
    return tuple(dict.fromkeys(name for name in [*quoted, *tokens] if _says_something(name)))[:_MOST]


def is_quoted(question: str) -> bool:
    """Whether there is nothing in a question but what stands in quotation marks."""
    return not _says_something(_QUOTED.sub(" ", question.translate(_FULL_WIDTH)))


def _says_something(text: str) -> bool:
    return any(map(str.isalnum, text))

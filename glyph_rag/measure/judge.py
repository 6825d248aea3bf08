"""Judging: is the answer to a probe right, by itself and after verification?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from glyph_rag.corpus.sentences import sentence_spans
from glyph_rag.measure.compare import normalise
from glyph_rag.measure.probes import Probe
from glyph_rag.read.planning.receipt import Kind
from glyph_rag.read.verify import verify

_NEIGHBOURS = 3
_EXACT: frozenset[Kind] = frozenset({"identifier", "code"})
# An identifier is another one where letters, digits or a sign within it go on.
_LONGER_BEFORE, _LONGER_AFTER = re.compile(r"[A-Za-z0-9_-]\Z|[0-9][.,]\Z"), re.compile(r"[A-Za-z0-9_]|[-.,][A-Za-z0-9]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


class Judgement(NamedTuple):
    """What an answer is worth.

    Attributes:
        right: It has the right value, as the reader gave it.
        verified: It has the right value in what verification left and corrected.
        abstained: The reader did not answer.
        silent: It is wrong although verification finds every sentence of it on the page.
    """

    right: bool
    verified: bool
    abstained: bool
    silent: bool


def judge(probe: Probe, answer: str) -> Judgement:
    """Judges an answer, as `is_right` does, before and after it is verified against the probe's page.

    Args:
        probe: What was asked.
        answer: The reader's words; empty where it did not answer.
    """
    if not answer.strip():
        return Judgement(right=False, verified=False, abstained=True, silent=False)
    sentences, _ = verify(answer, [probe.page])
    supported = [sentence.text for sentence in sentences if sentence.support != "unsupported"]
    verified = is_right(probe, supported)
    return Judgement(
        right=is_right(probe, [answer[start:end] for start, end in sentence_spans(answer)]),
        verified=verified,
        abstained=False,
        silent=not verified and len(supported) == len(sentences),
    )


def is_right(probe: Probe, sentences: Sequence[str]) -> bool:
    """Whether sentences give the value that was asked for.

    One of them has to hold it, and in it no value that answers a neighbour's question. A reader that quotes may add
    sentences with such values, but `_NEIGHBOURS` at most: listing the page is no answer.

    Identifiers and names in code count letter by letter. Of other values the form does not matter: compatibility
    characters (NFKC), case, digits of another script, white space, and commas between thousands.
    """
    exact = probe.kind in _EXACT
    said = [_folded(sentence, exact=exact) for sentence in sentences]
    gold = _folded(probe.gold, exact=exact)
    misses = [_folded(miss, exact=exact) for miss in probe.misses]
    hits = [sentence for sentence in said if _holds(sentence, gold, exact=exact)]
    off = [sentence for sentence in said if any(_holds(sentence, miss, exact=exact) for miss in misses)]
    return any(sentence not in off for sentence in hits) and len(off) <= _NEIGHBOURS


def _folded(text: str, *, exact: bool) -> str:
    if exact:
        return text
    text = normalise(unicodedata.normalize("NFKC", text)).casefold()
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c for c in text)
    return _THOUSANDS.sub("", digits)


def _holds(text: str, value: str, *, exact: bool) -> bool:
    """Whether a value stands in a text, and not as a part of a longer one."""
    at = text.find(value)
    while at >= 0:
        end = at + len(value)
        if not (_goes_on_exactly if exact else _goes_on)(text[:at], value, text[end:]):
            return True
        at = text.find(value, at + 1)
    return False


def _goes_on_exactly(before: str, value: str, after: str) -> bool:
    return _LONGER_BEFORE.search(before[-2:]) is not None or _LONGER_AFTER.match(after) is not None


def _goes_on(before: str, value: str, after: str) -> bool:
    """Whether a number or a name goes on outside of the value. Only scripts with capitals part all their words."""
    if (_is_cased(before[-1:]) and _is_cased(value[0])) or (_is_cased(value[-1]) and _is_cased(after[:1])):
        return True
    number_before = value[0].isdigit() and re.search(r"\d[.,]?\Z", before) is not None
    return number_before or (value[-1].isdigit() and re.match(r"[.,]?\d", after) is not None)


def _is_cased(character: str) -> bool:
    return character.lower() != character.upper()

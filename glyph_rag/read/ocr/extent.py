"""How much of what was found is given: one sentence or two, a whole list, a row with its header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np

from glyph_rag.read.ocr.observe import Seen
from glyph_rag.read.ocr.pieces import Chosen, headers, is_row, item_mark
from glyph_rag.read.question.evidence import FloatArray, is_unspaced

_WITHIN = 5.0  # how far a sentence may score below the best
_MOST_SENTENCES = 4
_SHORT, _SHORT_UNSPACED = 160, 50  # characters below which two sentences are hardly an answer, as in a chat
_MOST_ITEMS = 40
_LIST_WITHIN = 4.0  # how far a list may score below the best sentence and be the answer all the same
# Three things parted by commas, in any script.
_ENUMERATION = re.compile(r"[^,、،，;；]{2,60}(?:[,、،，;；][^,、،，;；]{2,60}){2}")


def extend(seen: Seen, scores: FloatArray) -> list[int]:
    """The sentences to give, as indices of those that were seen: at least one, the best."""
    order = [int(i) for i in np.argsort(-scores, kind="stable") if np.isfinite(scores[i])]
    if not order:
        return [int(scores.argmax())]
    if items := _list(seen, scores, order[0]):
        return items
    return _with_headers(seen.pieces, _sentences(seen, scores, order))


def _sentences(seen: Seen, scores: FloatArray, order: Sequence[int]) -> list[int]:
    """The best sentence and those nearly as good.

    What decides a question stands alone, as does the row of a table. Where several things are asked for, an enumeration
    is enough, and without one there may be more sentences than the usual two; likewise where they are short.
    """
    pieces, best = seen.pieces, order[0]
    if seen.wanted.decision or (is_row(pieces[best].text) and not seen.wanted.several):
        return [best]
    picked = [best]
    for other in order[1:]:
        if scores[other] < scores[best] - _WITHIN or len(picked) == _MOST_SENTENCES:
            break
        if len(picked) >= 2 and not _wants_more(seen, picked):
            break
        if pieces[other].text not in {pieces[i].text for i in picked}:
            picked.append(other)
    return picked


def _wants_more(seen: Seen, picked: Sequence[int]) -> bool:
    text = " ".join(seen.pieces[i].text for i in picked)
    if seen.wanted.several:
        return _ENUMERATION.search(text) is None
    return len(text) < (_SHORT_UNSPACED if is_unspaced(text) else _SHORT)


def _list(seen: Seen, scores: FloatArray, best: int) -> list[int]:
    """The list that answers, with the sentence that leads it in; empty where none does.

    One does if the best sentence ends with a colon before it, or if several things are asked for and it is nearly best.
    """
    least, chosen = float(scores[best]) - _LIST_WITHIN, list[int]()
    for lead, run in _lists(seen.pieces):
        whole = run if lead is None or not np.isfinite(scores[lead]) else [lead, *run]
        if whole[0] == best and seen.pieces[best].text.endswith((":", "：")):
            return whole[:_MOST_ITEMS]
        value = float(scores[whole].max())
        if seen.wanted.several and value > least:
            least, chosen = value, whole[:_MOST_ITEMS]
    return chosen


def _lists(pieces: Sequence[Chosen]) -> Iterator[tuple[int | None, list[int]]]:
    """Lists of at least two items, bulleted or numbered, each with the sentence before it unless that is an item."""
    keys = [(piece.passage, item_mark(piece.text)) for piece in pieces]
    for (_, mark), places in groupby(range(len(pieces)), key=keys.__getitem__):
        run = list(places)
        if not mark or len(run) < 2:
            continue
        lead = run[0] - 1
        leads = lead >= 0 and keys[lead] == (pieces[run[0]].passage, "")
        yield (lead if leads else None), run


def _with_headers(pieces: Sequence[Chosen], picked: Sequence[int]) -> list[int]:
    """Each row of a table together with the header that says what its cells are."""
    header = headers(pieces)
    return list(dict.fromkeys(at for i in picked for at in (header.get(i, i), i)))

"""Whether the best sentence answers at all, or only stands nearest to a question that the passages leave open.

Judged by how much of the question is covered: by the sentence and what goes with it, by the sentences around it, by its
passage. All words of a question are counted alike here as well, since one that stands nowhere near is what a missing
fact looks like, however common the others are.

Weights: a logistic regression of questions whose answer was chosen rightly against questions whose article was taken
away, that were asked of another corpus, or that a chat log does not answer (XQuAD en and zh, LiHua-World, HotpotQA),
on one half of the articles; names are left out for pairs. Lines: they lose 2 to 4 points of right answers on that half,
and were moved by hand after a look at both halves, so only the weights were held out. The weights for character pairs
with an embedder are older, and were not fitted again.
"""

from __future__ import annotations

import numpy as np

from glyph_rag.read.ocr.observe import Seen
from glyph_rag.read.question.evidence import MATCHED, is_unspaced

_NEAR = 2  # Sentences before and after.

_WORDS = {"near": 5.9, "passage": 1.2, "around": 4.2, "names": 3.3}
_LINE_WORDS = 6.6
_WORDS_COMPARED = {"near": 2.9, "passage": 2.4, "around": 4.2, "names": 2.1, "alike": 9.3}
_LINE_WORDS_COMPARED = 9.8
# Character pairs overlap less than words, and a name cannot be told among them.
_PAIRS = {"near": 2.7, "passage": 4.2, "around": 4.5, "all": 6.0}
_LINE_PAIRS = 3.9
_PAIRS_COMPARED = {"near": 6.9, "passage": 1.9, "alike": 18.1}
_LINE_PAIRS_COMPARED = 9.8


def support(seen: Seen, best: int) -> float:
    """How sure it is that something answers, judged by the best sentence; 0 is the line."""
    unspaced, compared = is_unspaced(seen.question), "alike" in seen.values
    if unspaced:
        weights, line = (_PAIRS_COMPARED, _LINE_PAIRS_COMPARED) if compared else (_PAIRS, _LINE_PAIRS)
    else:
        weights, line = (_WORDS_COMPARED, _LINE_WORDS_COMPARED) if compared else (_WORDS, _LINE_WORDS)
    covered = _covered(seen, best)
    return sum(weight * covered[name] for name, weight in weights.items()) - line


def _covered(seen: Seen, best: int) -> dict[str, float]:
    values = seen.values
    same = seen.passage == seen.passage[best]
    around = same & (abs(np.arange(len(seen.pieces)) - best) <= _NEAR)
    words = list(dict.fromkeys(seen.asked.words))
    whole = seen.found[:, same].max(axis=1)
    named = [i for i, word in enumerate(words) if word in seen.asked.names or word in seen.asked.numbers]
    alike = [values[name][best] for name in ("alike", "alike_in_context") if name in values]
    return {
        "near": float(values["own"][best] + values["context"][best]),
        "passage": float(values["passage"][best]),
        "around": float((seen.found[:, around].max(axis=1) >= MATCHED).mean()),
        "all": float((whole >= MATCHED).mean()),
        "names": float(whole[named].mean()) if named else 1.0,
        "alike": float(max(alike, default=0.0)),
    }

"""Follow-up questions: what "And for part-time staff?" is about stands in the question before it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from glyph_rag.read.plan import Turn
from glyph_rag.read.question.evidence import analyse

_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|he|him|his|she|her|this|that|these|those|there|then|one|ones|same|former|latter|else"
    r"|and|also|what about|how about|why|instead"
    r"|es|sie|ihn|ihm|ihr|ihre|dies\w*|das|davon|dafür|dort|und|auch|warum|wieso"
    r"|il|elle|ils|elles|cela|ça|celui|celle|ceux|y|et|aussi|pourquoi"
    r"|él|ella|ellos|ellas|eso|esto|esa|ese|allí|y|también"
    r"|он|она|оно|они|это|этот|эта|эти|там|его|её|ее|их|а|и|тоже|почему)\b"
    r"|^(?:那|那么|那麼|它|他|她|这|這|该|該|其|还有|還有)|[它他她]们?|这个|那个|這個|那個|呢[?？]?$"
    r"|それ|これ|その|この|彼|彼女|では|그것|이것|그는|그녀|그들|그럼"
    r"|\b(?:هو|هي|هم|هذا|هذه|ذلك|تلك|هناك|وماذا|ولماذا)\b|वह|यह|वे|उस|इस|और",
    re.IGNORECASE,
)
_FEW_WORDS = 3
_TURNS_BACK = 3


def is_follow_up(question: str) -> bool:
    """Whether a question seems to need the one before it: it points back, or says hardly anything by itself."""
    return _POINTS_BACK.search(question.strip()) is not None or len(analyse(question).words) < _FEW_WORDS


def standalone(question: str, turns: Sequence[Turn]) -> str:
    """A follow-up question together with what it follows, as one text to search with; other questions as they are.

    The questions before it come first, back to one that is no follow-up itself, and at most three of them.
    """
    parts = [question]
    for turn in reversed(turns[-_TURNS_BACK:]):
        if not is_follow_up(parts[0]):
            break
        parts.insert(0, turn.question)
    return "\n".join(parts)

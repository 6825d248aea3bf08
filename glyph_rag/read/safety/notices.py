"""Text from documents is data: what in it people do not see, and what in it speaks to a model.

Nothing is removed or changed here. A page may quote an instruction, or tell of one. Whoever gets the answer learns that
it is there, and the reader's prompt says that pages hold no instructions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from glyph_rag.corpus.hidden import NO_INK, hidden_at
from glyph_rag.read.safety.instructions import WHY, find_instructions
from glyph_rag.read.safety.unmask import unmask

__all__ = ["Suspicion", "hidden_characters", "notices_about", "suspicions"]

_ROLE_TOKEN = "holds a token that parts the roles in a prompt"
_IMAGE = "holds an image whose address has room for data"
_TOKENS = (
    # The chat templates of ChatML, Llama 2 to 4, Mistral, Gemma, Phi, Qwen, DeepSeek and Alpaca, and tags that prompts
    # are built from.
    (
        r"<\|[a-z][a-z_▁ ]{1,30}\|>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>|</?system>|"
        r"</?(?:system|developer)[ _-](?:prompt|message|instructions?)>|"
        r"</?(?:tool_calls?|function_calls?|tool_use|tool_response)>|\[(?:/?available_tools|/?tool_calls|tool_results)\]|"
        r"\[/?system(?: (?:message|prompt|note|override|instruction))?\]|"
        r"#{2,4} ?(?:system|instruction|assistant|human|user|response) ?:|"
        r"(?<!\w)(?:begin|end|start) (?:of )?(?:system|hidden) (?:prompt|message|instructions?)(?!\w)|"
        r"(?<!\w)system (?:prompt|message|note|notice|override|instruction) ?: ?(?=\w)",
        _ROLE_TOKEN,
    ),
    (r"!\[[^\]\n]{0,80}\]\( ?https?://[^)\s]{0,200}?[=/](?:\{|<|\[|%7b|\$\()", _IMAGE),
)
_PATTERNS = tuple((re.compile(pattern), why) for pattern, why in _TOKENS)
_LINES = re.compile(r":(\d{1,9})-(\d{1,9})\Z")
_TAGS = range(0xE0020, 0xE007F)
_LONGEST_QUOTE = 80


@dataclass(frozen=True)
class Suspicion:
    """Words of a page that seem to be meant for a model.

    Attributes:
        start: First character, as an offset into the text.
        end: One past the last character.
        quote: The words on one line, without hidden characters; letters spelled in tag characters are spelled out.
        why: What about them is suspicious.
    """

    start: int
    end: int
    quote: str
    why: str


def suspicions(text: str) -> tuple[Suspicion, ...]:
    """Words that address a model rather than a reader, in order; those of one kind do not overlap. Takes linear time.

    They are looked for by the words of `instructions.txt`, in 15 languages, and by the tokens of chat templates, in the
    text as `unmask` has it. A text about such instructions is found too.

    Args:
        text: A page's text.
    """
    unmasked = unmask(text)
    found = [(hit.start, hit.end, WHY[hit.kind]) for hit in find_instructions(unmasked)]
    found += [(*hit.span(), why) for pattern, why in _PATTERNS for hit in pattern.finditer(unmasked.plain)]
    spans = [(why, unmasked.starts[start], unmasked.ends[end - 1]) for start, end, why in found]
    joined: list[tuple[str, int, int]] = []
    for why, start, end in sorted(spans):
        if joined and joined[-1][0] == why and start < joined[-1][2]:
            joined[-1] = (why, joined[-1][1], max(end, joined[-1][2]))
        else:
            joined.append((why, start, end))
    joined.sort(key=lambda span: span[1:])
    return tuple(Suspicion(start, end, _quote(text[start:end]), why) for why, start, end in joined)


def hidden_characters(text: str) -> int:
    """How many characters of a text have no ink and no purpose; `glyph_rag.corpus.hidden` says which those are."""
    return len(hidden_at(text))


def notices_about(labelled: Sequence[tuple[str, str, str]]) -> tuple[str, ...]:
    """What the user has to know about the text of the pages that were shown: one notice for each finding and page.

    Args:
        labelled: For each page its label, such as "P1", its place, such as "handbook/leave.md:3-9", and the text shown.

    Returns:
        Notices such as 'P1 (handbook/leave.md:7) holds words that read like instructions to a model: "ignore all
        previous instructions ...". They were treated as text.'
    """
    return tuple(notice for label, place, text in labelled for notice in _notices(label, place, text))


def _notices(label: str, place: str, text: str) -> list[str]:
    notices = []
    seen: set[str] = set()
    for suspicion in suspicions(text):
        if suspicion.why in seen:
            continue
        seen.add(suspicion.why)
        quote = suspicion.quote
        if len(quote) > _LONGEST_QUOTE or suspicion.end < len(text.rstrip()):
            quote = f"{quote[:_LONGEST_QUOTE].rstrip()} ..."
        where = _line(place, text, suspicion.start)
        like = "words that read like instructions to a model"
        notices.append(f'{label} ({where}) holds {like}: "{quote}". They were treated as text.')
    if hidden := hidden_at(text):
        names = sorted({ord(text[at]) for at in hidden})
        such = ", ".join(f"U+{code:04X}" for code in names[:3])
        characters = "1 character" if len(hidden) == 1 else f"{len(hidden):,} characters"
        where = _line(place, text, hidden[0])
        notices.append(
            f"{label} ({where}) holds {characters} that nobody sees ({such}). A page image does not show them."
        )
    return notices


def _line(place: str, text: str, offset: int) -> str:
    """The place of an offset: its line where the place is a range of lines, the place itself otherwise."""
    found = _LINES.search(place)
    if found is None:
        return place
    line = int(found.group(1)) + text.count("\n", 0, offset)
    return f"{place[: found.start()]}:{line}" if line <= int(found.group(2)) else place


def _quote(words: str) -> str:
    spelled = "".join(chr(ord(c) - 0xE0000) if ord(c) in _TAGS else c for c in words)
    return " ".join(NO_INK.sub("", spelled).split())

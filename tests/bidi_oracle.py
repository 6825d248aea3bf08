"""UAX #9 one character at a time, as the rules are written: what the tests hold `bidi.levels` against."""

from __future__ import annotations

from itertools import takewhile

from glyph_rag.typeset.unicode.bidi_nesting import CLASSES
from glyph_rag.typeset.unicode.tables import load

# One character of each class; brackets of two shapes, and two that fit only canonically.
SAMPLES = {
    "L": "a", "R": "א", "AL": "ع", "EN": "1", "AN": "٣", "ES": "+", "ET": "$", "CS": ",", "NSM": "\u0301",
    "BN": "\u200d", "ON": "!", "WS": " ", "S": "\t", "B": "\u2029", "LRE": "\u202a", "RLE": "\u202b",
    "LRO": "\u202d", "RLO": "\u202e", "PDF": "\u202c", "LRI": "\u2066", "RLI": "\u2067", "FSI": "\u2068",
    "PDI": "\u2069",
}  # fmt: skip
BRACKETS = "()[]\u2329\u3009"
EXPLICIT = "".join(SAMPLES[name] for name in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"))
PLAIN = "".join(set(SAMPLES.values()) - set(EXPLICIT)) + BRACKETS
ISOLATES = ("LRI", "RLI", "FSI")
UNSEEN = ("BN", "LRE", "RLE", "LRO", "RLO", "PDF")


def class_of(char: str) -> str:
    name = CLASSES[load("bidi")[ord(char)]]
    return "ON" if name in ("OPEN", "CLOSE") else name


def matching_isolates(kinds: list[str]) -> dict[int, int]:
    """BD9."""
    stack, pairs = [], {}
    for index, kind in enumerate(kinds):
        if kind in ISOLATES:
            stack.append(index)
        elif kind == "PDI" and stack:
            pairs[stack.pop()] = index
    return pairs


def first_strong(kinds: list[str], start: int, end: int, pairs: dict[int, int]) -> int:
    """P2 and P3."""
    index = start
    while index < end:
        if kinds[index] in ("L", "R", "AL"):
            return int(kinds[index] != "L")
        index = pairs.get(index, end) if kinds[index] in ISOLATES else index
        index += 1
    return 0


def found_level(text: str) -> int:
    kinds = [class_of(char) for char in text]
    return first_strong(kinds, 0, len(kinds), matching_isolates(kinds))


class Status:
    """The directional status stack and the counters of X1 to X8."""

    def __init__(self, base: int) -> None:
        self.stack: list[tuple[int, str, bool]] = [(base, "", False)]
        self.isolates = self.embeddings = self.valid = 0

    def fits(self, rtl: bool) -> int:
        """The next level of that direction, or 0 if it is too deep."""
        level = self.stack[-1][0] + 1
        level += level % 2 != rtl
        return level if level <= 125 and not self.isolates and not self.embeddings else 0

    def embed(self, kind: str) -> None:
        level = self.fits(kind in ("RLE", "RLO"))
        if level:
            self.stack.append((level, {"LRO": "L", "RLO": "R"}.get(kind, ""), False))
        elif not self.isolates:
            self.embeddings += 1

    def isolate(self, rtl: bool) -> None:
        level = self.fits(rtl)
        if level:
            self.valid += 1
            self.stack.append((level, "", True))
        else:
            self.isolates += 1

    def end_isolate(self) -> None:
        if self.isolates:
            self.isolates -= 1
        elif self.valid:
            self.embeddings = 0
            while not self.stack[-1][2]:
                self.stack.pop()
            self.stack.pop()
            self.valid -= 1

    def end_embedding(self) -> None:
        if self.isolates:
            return
        if self.embeddings:
            self.embeddings -= 1
        elif not self.stack[-1][2] and len(self.stack) > 1:
            self.stack.pop()


def explicit_levels(kinds: list[str], base: int, pairs: dict[int, int]) -> tuple[list[int], list[str]]:
    """X1 to X8."""
    status = Status(base)
    level_of, kind_of = [], []
    for index, kind in enumerate(kinds):
        if kind == "PDI":
            status.end_isolate()
        level, override, _ = status.stack[-1]
        level_of.append(base if kind == "B" else level)
        kind_of.append(kind if kind == "B" or kind in UNSEEN else override or kind)
        if kind == "PDF":
            status.end_embedding()
        elif kind in ISOLATES:
            inside = first_strong(kinds, index + 1, pairs.get(index, len(kinds)), pairs)
            status.isolate({"LRI": False, "RLI": True, "FSI": inside == 1}[kind])
        elif kind in UNSEEN and kind != "BN":
            status.embed(kind)
    return level_of, kind_of


def isolating_sequences(
    kept: list[int], level_of: list[int], kinds: list[str], pairs: dict[int, int]
) -> list[list[int]]:
    """BD13."""
    runs: list[list[int]] = []
    for index in kept:
        if runs and level_of[runs[-1][-1]] == level_of[index]:
            runs[-1].append(index)
        else:
            runs.append([index])
    closers = {closing: opening for opening, closing in pairs.items()}
    sequences: list[list[int]] = []
    for run in runs:
        for sequence in sequences:
            if kinds[run[0]] == "PDI" and closers.get(run[0]) == sequence[-1]:
                sequence.extend(run)
                break
        else:
            sequences.append(list(run))
    return sequences


def letters_and_marks(sequence: list[int], kind: dict[int, str], sos: str) -> None:
    """W1 to W3."""
    before = sos
    for index in sequence:
        if kind[index] == "NSM":
            kind[index] = "ON" if before in (*ISOLATES, "PDI") else before
        before = kind[index]
    strong = sos
    for index in sequence:
        strong = kind[index] if kind[index] in ("L", "R", "AL") else strong
        if kind[index] == "EN" and strong == "AL":
            kind[index] = "AN"
    for index in sequence:
        kind[index] = "R" if kind[index] == "AL" else kind[index]


def around_numbers(sequence: list[int], kind: dict[int, str]) -> None:
    """W4 to W6."""
    for left, index, right in zip(sequence, sequence[1:], sequence[2:], strict=False):
        if kind[left] == kind[right] and (kind[index], kind[left]) in {("ES", "EN"), ("CS", "EN"), ("CS", "AN")}:
            kind[index] = kind[left]
    for order in (sequence, sequence[::-1]):
        before = ""
        for index in order:
            if kind[index] == "ET" and before == "EN":
                kind[index] = "EN"
            before = kind[index]
    for index in sequence:
        kind[index] = "ON" if kind[index] in ("ES", "ET", "CS") else kind[index]


def latin_numbers(sequence: list[int], kind: dict[int, str], sos: str) -> None:
    """W7."""
    strong = sos
    for index in sequence:
        strong = kind[index] if kind[index] in ("L", "R") else strong
        if kind[index] == "EN" and strong == "L":
            kind[index] = "L"


def direction(kind: str) -> str:
    """L, R or nothing, as N0 to N2 see it."""
    return {"L": "L", "R": "R", "EN": "R", "AN": "R"}.get(kind, "")


def brackets(text: str, sequence: list[int], kind: dict[int, str], embedding: str, sos: str, marks: set[int]) -> None:
    """N0."""
    for opening, closing in bracket_pairs(text, sequence, kind):
        inside = {direction(kind[index]) for index in sequence[opening + 1 : closing]}
        context = next((way for index in sequence[:opening][::-1] if (way := direction(kind[index]))), sos)
        if not inside - {""}:
            continue
        way = embedding if embedding in inside else context
        for place in (opening, closing):
            kind[sequence[place]] = way
            for index in takewhile(marks.__contains__, sequence[place + 1 :]):
                kind[index] = way


def neutrals(sequence: list[int], kind: dict[int, str], embedding: str, sos: str, eos: str) -> None:
    """N1 and N2."""
    before = sos
    for place, index in enumerate(sequence):
        if direction(kind[index]):
            before = direction(kind[index])
            continue
        after = next((way for later in sequence[place:] if (way := direction(kind[later]))), eos)
        kind[index] = before if before == after else embedding


def resolve(text: str, sequence: list[int], kind: dict[int, str], embedding: str, sos: str, eos: str) -> None:
    """W1 to N2 for one isolating run sequence."""
    marks = {index for index in sequence if kind[index] == "NSM"}
    letters_and_marks(sequence, kind, sos)
    around_numbers(sequence, kind)
    latin_numbers(sequence, kind, sos)
    brackets(text, sequence, kind, embedding, sos, marks)
    neutrals(sequence, kind, embedding, sos, eos)


def bracket_pairs(text: str, sequence: list[int], kind: dict[int, str]) -> list[tuple[int, int]]:
    """BD16."""
    shapes = {"(": ")", "[": "]", "\u2329": ">", ")": ")", "]": "]", "\u3009": ">"}
    stack, pairs = [], []
    for place, index in enumerate(sequence):
        char = text[index]
        if char not in BRACKETS or kind[index] != "ON":
            continue
        if char in "([\u2329":
            if len(stack) == 63:
                break
            stack.append((shapes[char], place))
        else:
            for depth in range(len(stack) - 1, -1, -1):
                if stack[depth][0] == shapes[char]:
                    pairs.append((stack[depth][1], place))
                    del stack[depth:]
                    break
    return sorted(pairs)


def slow_levels(text: str, base: int | None) -> list[int]:
    """All rules, as `bidi.levels` promises them, for one paragraph."""
    kinds = [class_of(char) for char in text]
    kinds = ["WS" if kind == "B" and index < len(text) - 1 else kind for index, kind in enumerate(kinds)]
    pairs = matching_isolates(kinds)
    base = first_strong(kinds, 0, len(kinds), pairs) if base is None else base
    level_of, kind_of = explicit_levels(kinds, base, pairs)
    kept = [index for index, kind in enumerate(kinds) if kind not in UNSEEN]
    result: list[int | None] = [None] * len(text)
    for sequence in isolating_sequences(kept, level_of, kinds, pairs):
        level = level_of[sequence[0]]
        first, last = kept.index(sequence[0]), kept.index(sequence[-1])
        before = level_of[kept[first - 1]] if first else base
        open_ended = last + 1 == len(kept) or kinds[sequence[-1]] in ISOLATES
        after = base if open_ended else level_of[kept[last + 1]]
        kind = {index: kind_of[index] for index in sequence}
        resolve(text, sequence, kind, "LR"[level % 2], "LR"[max(level, before) % 2], "LR"[max(level, after) % 2])
        for index in sequence:  # I1, I2
            way = kind[index]
            result[index] = level + ((way != "R") if level % 2 else {"L": 0, "R": 1}.get(way, 2))
    back = False
    for index in range(len(text) - 1, -1, -1):  # L1
        back = kinds[index] in ("S", "B") or (back and kinds[index] in (*UNSEEN, *ISOLATES, "PDI", "WS"))
        result[index] = base if back else result[index]
    settled: list[int] = []
    for level in result:
        settled.append(level if level is not None else (settled[-1] if settled else base))
    return settled

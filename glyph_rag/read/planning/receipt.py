"""Receipts: what calibration measured of a reader, and what a plan may do because of it.

A receipt is a JSON file: which reader was asked how many questions on pages of which density, script and kind, and how
many it got right. `ReceiptBook.allows` makes a decision of it, by a rule that is written out there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias, get_args

from glyph_rag.typeset.profile import RenderProfile

Kind: TypeAlias = Literal["prose", "identifier", "number", "table", "code"]
"""What a question of a calibration is about."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
BASELINE: Final = "careful"
"""The density that all others are held against."""
TEXT: Final = "text"
"""What stands for a density where a page was given as text."""
KANA: Final = "KANA"
"""What receipts call Japanese: hiragana, katakana, and the Han characters beside them."""

CONFIDENCE_Z: Final = 1.2816
"""Quantile of the normal distribution for a one-sided interval of 90 %."""
MARGIN: Final = 0.10
"""How far below the accuracy of careful pages the lower end of a density's interval may lie."""
FLOOR: Final = 0.70
"""Where it has to lie at least."""
FEWEST: Final = math.ceil(CONFIDENCE_Z**2 * (1 - MARGIN) / MARGIN)
"""Questions below which not even a perfect score would pass beside a perfect careful one, so that it says nothing."""


class Receipts(Protocol):
    """What is known of readers."""

    def allows(self, reader: str, profile: RenderProfile, scripts: frozenset[str]) -> bool | None:
        """Whether a reader was measured to read such pages well enough.

        Args:
            reader: Its name.
            profile: How the pages are set.
            scripts: What they are written in.

        Returns:
            True or False as measured; None if it was not measured with this profile and all of these scripts.
        """
        ...


@dataclass(frozen=True)
class MeasuredDensity:
    """A density that was measured.

    Attributes:
        name: What it was called: the name of a preset, or "text" for pages that were given as text.
        fingerprint: Of the profile that was asked for; empty for text.
        shown: Of the same profile on the grid of the reader's patches; empty for text.
    """

    name: str
    fingerprint: str
    shown: str


@dataclass(frozen=True)
class Tally:
    """How a reader did on one kind of question in one language at one density.

    Attributes:
        density: The name of the density.
        language: The language's tag, such as "de".
        script: Its script, as in `typeset.scripts`, or `KANA`.
        kind: What was asked for.
        asked: Questions.
        right: Answers with the right value as the reader gave them.
        verified: Answers with the right value in what verification left and corrected.
        abstained: Questions that the reader said the page does not answer.
        silent: Answers that are wrong although verification finds every sentence of them on the page.
        image_tokens: What the images cost by the reader's rule, all together.
        text_tokens: What the pages would cost as text.
        prompt_tokens: What the prompts took: as the provider said, or else by the plan.
        output_tokens: What the replies took, where the provider said so.
        seconds: How long the reader took, all together.
    """

    density: str
    language: str
    script: str
    kind: Kind
    asked: int
    right: int
    verified: int
    abstained: int
    silent: int
    image_tokens: int
    text_tokens: int
    prompt_tokens: int
    output_tokens: int
    seconds: float

    @property
    def wrong(self) -> int:
        """Answers that are neither right nor none."""
        return self.asked - self.right - self.abstained


@dataclass(frozen=True)
class Receipt:
    """What one calibration found.

    Attributes:
        reader: The reader's name.
        model: What its maker calls the model; empty where there is nothing to pay.
        provider: Who was paid: the address of the endpoint, without any password in it; empty likewise.
        version: The version of glyph-rag that measured.
        made: When, as ISO 8601 in UTC.
        seed: Which questions.
        densities: What was measured, the most legible first.
        tallies: What came of it.
    """

    reader: str
    model: str
    provider: str
    version: str
    made: str
    seed: int
    densities: tuple[MeasuredDensity, ...]
    tallies: tuple[Tally, ...]

    def save(self, path: str | Path) -> None:
        """Writes it as a JSON file, which is there completely or not at all.

        Raises:
            InputError: If the file cannot be written.
        """
        from glyph_rag.read.planning.receipt_file import write

        write(Path(path), self)

    @classmethod
    def load(cls, path: str | Path) -> Receipt:
        """The receipt in a file.

        Raises:
            InputError: If there is none, or it is not as `save` wrote it, or of another format.
        """
        from glyph_rag.read.planning.receipt_file import read

        return read(Path(path))

    def density_of(self, profile: RenderProfile) -> MeasuredDensity | None:
        """The density at which such pages were measured, or None."""
        mark = profile.fingerprint
        return next((density for density in self.densities if mark in (density.fingerprint, density.shown)), None)


class ReceiptBook:
    """The receipts that count."""

    def __init__(self, receipts: Iterable[Receipt] = ()) -> None:
        """
        Args:
            receipts: The receipts, in any order.
        """
        self._receipts: list[Receipt] = []
        for receipt in receipts:
            self.add(receipt)

    def __len__(self) -> int:
        return len(self._receipts)

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """All receipts, the newest first."""
        return tuple(self._receipts)

    @classmethod
    def load(cls, path: str | Path) -> ReceiptBook:
        """The receipts in a folder, "*.json", or in one file. A folder that is not there holds none.

        Raises:
            InputError: If one of them is no receipt.
        """
        path = Path(path)
        files = [path] if path.is_file() else sorted(path.glob("*.json"))
        return cls(Receipt.load(file) for file in files)

    def add(self, receipt: Receipt) -> None:
        """Takes in a receipt."""
        self._receipts.insert(0, receipt)
        # Of equal dates, as where clocks are coarse, the one that came last stays first.
        self._receipts.sort(key=lambda entry: entry.made, reverse=True)

    def allows(self, reader: str, profile: RenderProfile, scripts: frozenset[str]) -> bool | None:
        """Whether a reader was measured to read such pages well enough.

        Every script counts by itself: for each, the newest receipt that measured it with this profile decides, by
        `verdict`. Han characters beside kana are Japanese; a page without letters counts as Latin.

        Args:
            reader: Its name.
            profile: How the pages are set.
            scripts: What they are written in, as in `typeset.scripts`.

        Returns:
            True if all scripts may be shown at this density, False if one may not. None, which permits nothing, if the
            reader, the profile or one of the scripts was never measured, or with too few questions.
        """
        found = [self._newest(reader, profile, script) for script in _as_measured(scripts)]
        return None if None in found else all(found)

    def _newest(self, reader: str, profile: RenderProfile, script: str) -> bool | None:
        for receipt in self._receipts:
            density = receipt.density_of(profile) if receipt.reader == reader else None
            decided = verdict(receipt, density.name, script) if density is not None else None
            if decided is not None:
                return decided
        return None


def verdict(receipt: Receipt, density: str, script: str) -> bool | None:
    """Whether a receipt permits a density for a script.

    All questions together, those about identifiers, and those about numbers each have to pass: exact strings are what a
    reader misreads first, and good prose must not outweigh them. Each passes if the lower end of the one-sided 90 %
    Wilson interval of its verified accuracy is at least `FLOOR`, and not more than `MARGIN` below the verified accuracy
    of the same questions on careful pages. So a density that is 10 points worse than careful passes once in ten times
    at most. Careful pages themselves have to pass the floor alone.

    Returns:
        None if one of the three, or careful's part of it, has fewer than `FEWEST` questions.
    """
    groups: tuple[Sequence[Kind], ...] = (KINDS, ("identifier",), ("number",))
    passed = [_passes(receipt, density, script, kinds) for kinds in groups]
    return None if None in passed else all(passed)


def _passes(receipt: Receipt, density: str, script: str, kinds: Sequence[Kind]) -> bool | None:
    asked, right = _verified(receipt, density, script, kinds)
    of_careful, right_of_careful = _verified(receipt, BASELINE, script, kinds)
    if asked < FEWEST or of_careful < FEWEST:
        return None
    least = wilson(right, asked)[0]
    return least >= FLOOR and (density == BASELINE or least >= right_of_careful / of_careful - MARGIN)


def _verified(receipt: Receipt, density: str, script: str, kinds: Sequence[Kind]) -> tuple[int, int]:
    cells = [
        tally
        for tally in receipt.tallies
        if tally.density == density and tally.script == script and tally.kind in kinds
    ]
    return sum(tally.asked for tally in cells), sum(tally.verified for tally in cells)


def wilson(right: int, asked: int, z: float = CONFIDENCE_Z) -> tuple[float, float]:
    """Where the true share lies: the ends of two one-sided intervals by the score of Wilson (1927).

    Args:
        right: How many were right.
        asked: Of how many; with none nothing is known, and the ends are 0 and 1.
        z: How sure each end is, as a quantile of the normal distribution: 90 % unless told otherwise.
    """
    if not asked:
        return 0.0, 1.0
    share, spread = right / asked, z * z / asked
    middle = share + spread / 2
    half = math.sqrt(spread * (share * (1 - share) + spread / 4))
    # Exact at the ends, where the formula rounds.
    low = (middle - half) / (1 + spread) if right else 0.0
    return low, (middle + half) / (1 + spread) if right < asked else 1.0


def _as_measured(scripts: frozenset[str]) -> frozenset[str]:
    """The scripts of a page as receipts name them."""
    if not scripts:
        return frozenset({"LATIN"})
    kana = scripts & {"HIRAGANA", "KATAKANA"}
    return scripts - kana - {"CJK"} | {KANA} if kana else scripts

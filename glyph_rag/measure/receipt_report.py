"""Receipts for people: a table for the terminal, the same in Markdown, and a plot of accuracy against tokens saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from xml.sax.saxutils import escape

from glyph_rag.read.planning.receipt import KINDS, TEXT, Kind, Receipt, Tally, verdict, wilson
from glyph_rag.read.prices import price_of

if TYPE_CHECKING:
    from rich.table import Table

By: TypeAlias = Literal["script", "language"]
_TITLES = ("as read", "verified", "at least", "no answer", "silent errors")
_COSTS = ("tokens saved", "tokens a right answer", "s")
_VERDICTS: Final = {True: "yes", False: "no", None: "-"}


@dataclass(frozen=True)
class Row:
    """One density in one script or language.

    Attributes:
        density: The density's name.
        name: The script or language.
        tallies: What was counted, one for each kind and language.
        allowed: What the receipt permits; None also where rows are by language, since it permits scripts.
    """

    density: str
    name: str
    tallies: tuple[Tally, ...]
    allowed: bool | None

    def total(self, count: Callable[[Tally], float]) -> float:
        """The sum of something over all tallies."""
        return sum(map(count, self.tallies))

    @property
    def asked(self) -> int:
        """Questions."""
        return sum(tally.asked for tally in self.tallies)

    @property
    def verified(self) -> int:
        """Right answers after verification."""
        return sum(tally.verified for tally in self.tallies)

    @property
    def saved(self) -> float:
        """Share of the tokens of the text that the images save; less than 0 where they cost more."""
        if self.density == TEXT:
            return 0.0
        return 1 - self.total(lambda tally: tally.image_tokens) / max(self.total(lambda tally: tally.text_tokens), 1)

    @property
    def tokens_a_right_answer(self) -> float | None:
        """Tokens of all prompts and replies for each answer that is right after verification."""
        tokens = self.total(lambda tally: tally.prompt_tokens + tally.output_tokens)
        return tokens / self.verified if self.verified else None

    def price_a_right_answer(self, receipt: Receipt) -> float | None:
        """The same in US dollars by the price list of `read.prices`, or None if the model is not on it."""
        asked = sum(tally.prompt_tokens for tally in self.tallies)
        replied = sum(tally.output_tokens for tally in self.tallies)
        paid = price_of(receipt.model, asked, replied, receipt.provider or None)
        return float(paid.usd) / self.verified if paid is not None and self.verified else None


def rows_of(receipt: Receipt, by: By = "script") -> list[Row]:
    """The rows of a receipt: each script or language in the order in which it was measured, at each density."""
    rows = []
    for name in dict.fromkeys(getattr(tally, by) for tally in receipt.tallies):
        for density in receipt.densities:
            tallies = tuple(t for t in receipt.tallies if getattr(t, by) == name and t.density == density.name)
            if tallies:
                allowed = verdict(receipt, density.name, name) if by == "script" and density.name != TEXT else None
                rows.append(Row(density.name, name, tallies, allowed))
    return rows


def markdown(receipt: Receipt, by: By = "script") -> str:
    """The receipt as a table in Markdown, with a row for each density of each script or language."""
    titles = _titles(receipt, by)
    lines = [titles, ["---"] * 2 + ["---:"] * (len(titles) - 2)]
    lines += [_cells(row, receipt, by) for row in rows_of(receipt, by)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def rich_tables(receipt: Receipt, by: By = "script") -> tuple[Table, Table]:
    """The same for a terminal of 80 columns: a table of what was right, and one of what it cost."""
    titles = _titles(receipt, by)
    rows = [dict(zip(titles, _cells(row, receipt, by), strict=True)) for row in rows_of(receipt, by)]
    right = [title for title in titles[2:] if title in (*KINDS, "verified", "allowed")]
    cost = [title for title in titles[2:] if title not in right]
    return _rich_table([by, "density", *right], rows), _rich_table([by, "density", *cost], rows)


def _rich_table(titles: Sequence[str], rows: Sequence[Mapping[str, str]]) -> Table:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for number, title in enumerate(titles):
        table.add_column(title, justify="left" if number < 2 else "right", no_wrap=number < 2)
    for row in rows:
        table.add_row(*(row[title] for title in titles))
    return table


def _titles(receipt: Receipt, by: By) -> list[str]:
    money, allowed = ["$ a right answer"] if receipt.model else [], ["allowed"] if by == "script" else []
    return [by, "density", "asked", *KINDS, *_TITLES, *_COSTS, *money, *allowed]


def _cells(row: Row, receipt: Receipt, by: By) -> list[str]:
    asked, tokens, paid = max(row.asked, 1), row.tokens_a_right_answer, row.price_a_right_answer(receipt)
    cells = [_spoken(row.name), row.density, f"{row.asked}"]
    cells += [_accuracy(row.tallies, kind) for kind in KINDS]
    cells += [
        f"{row.total(lambda tally: tally.right) / asked:.0%}",
        f"{row.verified / asked:.0%}",
        f"{wilson(row.verified, row.asked)[0]:.0%}",
        f"{row.total(lambda tally: tally.abstained) / asked:.0%}",
        f"{row.total(lambda tally: tally.silent) / asked:.0%}",
        f"{row.saved:.0%}",
        "-" if tokens is None else f"{tokens:,.0f}",
        f"{row.total(lambda tally: tally.seconds) / asked:.2f}",
    ]
    if receipt.model:
        cells.append("-" if paid is None else f"{paid:.5f}")
    return [*cells, _VERDICTS[row.allowed]] if by == "script" else cells


def _accuracy(tallies: Iterable[Tally], kind: Kind) -> str:
    counted = [(tally.verified, tally.asked) for tally in tallies if tally.kind == kind]
    asked = sum(count for _, count in counted)
    return f"{sum(right for right, _ in counted) / asked:.0%}" if asked else "-"


# ---------------------------------------------------------------- plot

_WIDTH, _HEIGHT = 760, 430
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 170, 46, 52
# Okabe and Ito: colours that colour-blind people tell apart.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#666666")
_STEP = 0.2


def svg(receipt: Receipt, by: By = "script") -> str:
    """A plot of verified accuracy against tokens saved, as SVG: a line for each script, a point for each density.

    Bars are the two-sided 80 % interval, whose lower end is what decides.
    """
    rows = rows_of(receipt, by)
    scale = _Scale.of(rows)
    names = list(dict.fromkeys(row.name for row in rows))
    parts = [_frame(receipt, scale)]
    for number, name in enumerate(names):
        colour = _COLOURS[number % len(_COLOURS)]
        parts += _line([row for row in rows if row.name == name], scale, colour)
        parts += _key(name, number, colour)
    densities = sorted({row.density for row in rows}, key=lambda name: max(r.saved for r in rows if r.density == name))
    notes = ("from the left:", *densities, "hollow: not allowed")
    parts += [_note(note, len(names) + 1 + number) for number, note in enumerate(notes)]
    return "\n".join((*parts, "</svg>\n"))


@dataclass(frozen=True)
class _Scale:
    """Where shares of tokens saved, and accuracies, stand in the picture."""

    least: float
    most: float

    @classmethod
    def of(cls, rows: Sequence[Row]) -> _Scale:
        saved = [row.saved for row in rows] or [0.0]
        return cls(min(0.0, _STEP * (min(saved) // _STEP)), max(1.0, _STEP * -(-max(saved) // _STEP)))

    def x(self, saved: float) -> float:
        return _LEFT + (saved - self.least) / (self.most - self.least) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, accuracy: float) -> float:
        return _TOP + (1 - accuracy) * (_HEIGHT - _TOP - _BOTTOM)


def _frame(receipt: Receipt, scale: _Scale) -> str:
    """The grid with its numbers and titles."""
    right, bottom = scale.x(scale.most), scale.y(0)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" font-family="sans-serif" font-size="12" fill="#333">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="24" font-size="15">{escape(receipt.reader)}: right answers by tokens saved</text>',
    ]
    for tick in range(6):
        y = scale.y(tick / 5)
        lines.append(f'<path d="M{_LEFT} {y:.1f}H{right:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick * 20} %</text>')
    for tick in range(round((scale.most - scale.least) / _STEP) + 1):
        saved = scale.least + tick * _STEP
        lines.append(f'<path d="M{scale.x(saved):.1f} {_TOP}V{bottom:.1f}" stroke="#ddd"/>')
        lines.append(f'<text x="{scale.x(saved):.1f}" y="{bottom + 18:.1f}" text-anchor="middle">{saved:.0%}</text>')
    middle = (_LEFT + right) / 2
    lines.append(
        f'<text x="{middle:.1f}" y="{_HEIGHT - 12}" text-anchor="middle">tokens saved against the page as text</text>'
    )
    return "\n".join(lines)


def _line(rows: Sequence[Row], scale: _Scale, colour: str) -> list[str]:
    """The points of one script, joined."""
    shares = [row.verified / max(row.asked, 1) for row in rows]
    at = [(scale.x(row.saved), scale.y(share)) for row, share in zip(rows, shares, strict=True)]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in sorted(at))
    parts = [f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>']
    for row, (x, y) in zip(rows, at, strict=True):
        low, high = (scale.y(end) for end in wilson(row.verified, row.asked))
        parts.append(f'<path d="M{x:.1f} {low:.1f}V{high:.1f}" stroke="{colour}" stroke-opacity="0.5"/>')
        said = f"{_spoken(row.name)}, {row.density}: {row.verified} of {row.asked}, {row.saved:.0%} of the tokens saved"
        fill = "#fff" if row.allowed is False else colour
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}" stroke="{colour}" stroke-width="1.5">'
            f"<title>{escape(said)}</title></circle>"
        )
    return parts


def _key(name: str, number: int, colour: str) -> list[str]:
    """What a colour stands for."""
    x, y = _WIDTH - _RIGHT + 24, _TOP + 14 + 20 * number
    return [
        f'<path d="M{x} {y}h22" stroke="{colour}" stroke-width="1.5"/>',
        f'<circle cx="{x + 11}" cy="{y}" r="4" fill="{colour}"/>',
        f'<text x="{x + 30}" y="{y + 4}">{escape(_spoken(name))}</text>',
    ]


def _note(words: str, number: int) -> str:
    return f'<text x="{_WIDTH - _RIGHT + 24}" y="{_TOP + 18 + 20 * number}">{escape(words)}</text>'


def _spoken(name: str) -> str:
    """A script as people call it; tags of languages stay as they are."""
    return "Han" if name == "CJK" else name.capitalize() if name.isupper() else name

"""Receipts: what is kept of a calibration, and what a plan may do because of it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glyph_rag.errors import InputError, LimitError
from glyph_rag.read.planning.receipt import (
    FEWEST,
    FLOOR,
    KINDS,
    MARGIN,
    Kind,
    MeasuredDensity,
    Receipt,
    ReceiptBook,
    Tally,
    verdict,
    wilson,
)
from glyph_rag.read.planning.receipt_file import MOST_BYTES
from glyph_rag.typeset.profile import PRESETS

CAREFUL, BALANCED, DENSE = PRESETS.values()
LATIN, HAN = frozenset({"LATIN"}), frozenset({"CJK"})


def tally(density: str, kind: Kind, verified: int, asked: int = 40, script: str = "LATIN") -> Tally:
    return Tally(density, script.lower(), script, kind, asked, verified, verified, 0, 0, 700, 1400, 900, 20, 1.5)


def densities() -> tuple[MeasuredDensity, ...]:
    return tuple(MeasuredDensity(name, p.fingerprint, p.fingerprint) for name, p in PRESETS.items())


def receipt(
    balanced: dict[Kind, int] | None = None,
    *,
    careful: int = 40,
    asked: int = 40,
    script: str = "LATIN",
    reader: str = "vlm",
    made: str = "2030-01-02T03:04:05+00:00",
) -> Receipt:
    """40 careful questions of each kind, as many right ones as said, and 40 balanced ones."""
    right = dict.fromkeys(KINDS, asked) | (balanced or {})
    tallies = [tally("careful", kind, careful, asked, script) for kind in KINDS]
    tallies += [tally("balanced", kind, right[kind], asked, script) for kind in KINDS]
    return Receipt(reader, "some-model", "https://models.example/v1", "0.1.0", made, 7, densities(), tuple(tallies))


# ---------------------------------------------------------------- the interval


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_published_figures(right: int, asked: int, low: float, high: float) -> None:
    # Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3, at 95 %.
    assert wilson(right, asked, 1.959964) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 500).flatmap(lambda asked: st.tuples(st.integers(0, asked), st.just(asked))))
def test_an_interval_holds_its_share_and_solves_its_equation(counts: tuple[int, int]) -> None:
    right, asked = counts
    low, high = wilson(right, asked)
    assert 0 <= low <= right / asked <= high <= 1
    # Wilson's interval is where the share lies 1.2816 standard errors away, by the standard error of the end itself.
    for end in (low, high):
        if 0 < end < 1:
            assert abs(right / asked - end) == pytest.approx(1.2816 * math.sqrt(end * (1 - end) / asked), abs=1e-9)
    mirrored = wilson(asked - right, asked)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high))


def test_nothing_asked_is_nothing_known() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_fewest_questions_are_those_that_could_pass() -> None:
    assert wilson(FEWEST, FEWEST)[0] >= 1 - MARGIN > wilson(FEWEST - 1, FEWEST - 1)[0]


# ---------------------------------------------------------------- what is allowed


def test_a_density_as_good_as_careful_is_allowed() -> None:
    book = ReceiptBook([receipt()])
    assert book.allows("vlm", BALANCED, LATIN) is True
    assert book.allows("vlm", CAREFUL, LATIN) is True


@pytest.mark.parametrize("kind", ["identifier", "number"])
def test_exact_strings_have_to_pass_by_themselves(kind: Kind) -> None:
    # 34 of 40 is 97 % of all 200 questions, but not enough of its own 40.
    assert verdict(receipt({kind: 34}), "balanced", "LATIN") is False
    assert verdict(receipt({"prose": 34}), "balanced", "LATIN") is True


def test_a_density_much_worse_than_careful_is_refused() -> None:
    assert verdict(receipt({"prose": 20, "table": 20, "code": 20}), "balanced", "LATIN") is False


def test_the_floor_holds_for_careful_pages_too() -> None:
    poor = receipt(dict.fromkeys(KINDS, 30), careful=30)
    assert wilson(30, 40)[0] < FLOOR
    assert verdict(poor, "careful", "LATIN") is False
    assert verdict(poor, "balanced", "LATIN") is False


@given(st.integers(FEWEST, 200), st.data())
def test_more_right_answers_never_forbid(asked: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, asked - 1))
    worse = receipt({"identifier": right}, careful=asked, asked=asked)
    better = receipt({"identifier": right + 1}, careful=asked, asked=asked)
    assert verdict(better, "balanced", "LATIN") >= verdict(worse, "balanced", "LATIN")  # type: ignore[operator]


def test_what_was_not_measured_is_not_known() -> None:
    book = ReceiptBook([receipt()])
    assert book.allows("another", BALANCED, LATIN) is None
    assert book.allows("vlm", replace(BALANCED, latin_px=9.25), LATIN) is None
    assert book.allows("vlm", DENSE, LATIN) is None
    assert book.allows("vlm", BALANCED, HAN) is None
    assert book.allows("vlm", BALANCED, LATIN | HAN) is None
    assert ReceiptBook().allows("vlm", CAREFUL, LATIN) is None


def test_too_few_questions_are_not_known() -> None:
    assert verdict(receipt(careful=FEWEST, asked=FEWEST), "balanced", "LATIN") is True
    few = FEWEST - 1
    assert verdict(receipt(careful=few, asked=few), "balanced", "LATIN") is None
    only_prose = replace(receipt(), tallies=tuple(t for t in receipt().tallies if t.kind == "prose"))
    assert verdict(only_prose, "balanced", "LATIN") is None


def test_without_careful_pages_there_is_nothing_to_hold_a_density_against() -> None:
    alone = replace(receipt(), tallies=tuple(t for t in receipt().tallies if t.density == "balanced"))
    assert verdict(alone, "balanced", "LATIN") is None


def test_a_profile_is_known_on_the_readers_grid_too() -> None:
    grid = replace(BALANCED, height=640, patch=32)
    shown = (densities()[0], MeasuredDensity("balanced", BALANCED.fingerprint, grid.fingerprint))
    book = ReceiptBook([replace(receipt(), densities=shown)])
    assert book.allows("vlm", grid, LATIN) is True
    assert book.allows("vlm", replace(BALANCED, height=672), LATIN) is None


def test_scripts_may_come_from_several_receipts_and_the_newest_counts() -> None:
    old = receipt({"number": 0}, made="2030-01-01T00:00:00+00:00")
    new = receipt(made="2030-01-03T00:00:00+00:00")
    for order in ([old, new], [new, old]):
        book = ReceiptBook([*order, receipt(script="CJK", made="2030-01-02T00:00:00+00:00")])
        assert book.allows("vlm", BALANCED, LATIN | HAN) is True
        assert [entry.made[:10] for entry in book.receipts] == ["2030-01-03", "2030-01-02", "2030-01-01"]
    later = ReceiptBook([new])
    later.add(replace(old, made=new.made))
    assert later.allows("vlm", BALANCED, LATIN) is False


def test_one_script_that_is_not_read_forbids_all() -> None:
    book = ReceiptBook([receipt(), receipt({"identifier": 0}, script="CJK")])
    assert book.allows("vlm", BALANCED, LATIN | HAN) is False


def test_han_beside_kana_is_japanese() -> None:
    book = ReceiptBook([receipt(script="KANA"), receipt({"number": 0}, script="CJK")])
    assert book.allows("vlm", BALANCED, frozenset({"CJK", "HIRAGANA"})) is True
    assert book.allows("vlm", BALANCED, frozenset({"CJK", "HIRAGANA", "KATAKANA", "LATIN"})) is None
    assert book.allows("vlm", BALANCED, HAN) is False


def test_a_page_without_letters_counts_as_latin() -> None:
    assert ReceiptBook([receipt()]).allows("vlm", BALANCED, frozenset()) is True


# ---------------------------------------------------------------- files


def test_a_receipt_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "receipts" / "vlm.json"
    odd = replace(receipt(), reader="模型 \udc80", seed=-3)
    odd.save(path)
    assert Receipt.load(path) == odd
    assert [file.name for file in path.parent.iterdir()] == ["vlm.json"]


def test_a_folder_of_receipts_is_a_book(tmp_path: Path) -> None:
    assert len(ReceiptBook.load(tmp_path / "none")) == 0
    receipt().save(tmp_path / "a.json")
    receipt(script="CJK").save(tmp_path / "b.json")
    (tmp_path / "b.json.partial").write_text("unfinished")
    assert ReceiptBook.load(tmp_path).allows("vlm", BALANCED, LATIN | HAN) is True
    assert len(ReceiptBook.load(tmp_path / "a.json")) == 1


def test_writing_over_a_receipt_leaves_the_old_one_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "vlm.json"
    receipt().save(path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        receipt(reader="another").save(path)
    assert Receipt.load(path).reader == "vlm"
    assert [file.name for file in tmp_path.iterdir()] == ["vlm.json"]


def written(**changes: object) -> str:
    return json.dumps({"format": "glyph-rag-receipt-1", **asdict(receipt()), **changes})


def with_tally(**changes: object) -> str:
    return written(tallies=[{**asdict(receipt().tallies[0]), **changes}])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("\udcff", "not JSON"),
        ("[]", "the whole is no object"),
        ("{}", "its format is None"),
        (written(format="glyph-rag-receipt-2"), "its format is 'glyph-rag-receipt-2'"),
        (written(extra=1), "differs in its fields: extra"),
        (written(reader=""), "reader is ''"),
        (written(reader="x" * 301), "reader is 'xxx"),
        (written(model=None), "model is None"),
        (written(seed=True), "seed is True"),
        (written(seed=1.5), "seed is 1.5"),
        (written(made="yesterday"), "made is 'yesterday'"),
        (written(made="2030-01-02T03:04:05"), "no time in UTC"),
        (written(made="2030-01-02T03:04:05+02:00"), "no time in UTC"),
        (written(densities={}), "densities is not a list"),
        (written(densities=[{"name": "careful", "fingerprint": "x", "shown": "x"}]), "no fingerprint"),
        (written(densities=[asdict(densities()[0])] * 2), "two densities of one name"),
        (written(tallies=[[]]), r"tallies\[0\] is no object"),
        (written(tallies=[asdict(receipt().tallies[0])] * 2), "counts one kind of question twice"),
        (with_tally(density="tiny"), "none of its densities"),
        (with_tally(kind="poem"), r"tallies\[0\].kind is 'poem'"),
        (with_tally(asked=-1), r"tallies\[0\].asked is -1"),
        (with_tally(asked=10**13), "asked is 10000000000000"),
        (with_tally(asked=39), "more answers than questions"),
        (with_tally(abstained=1), "more answers than questions"),
        (with_tally(silent=1), "more answers than questions"),
        (with_tally(right="40"), "right is '40'"),
        (with_tally(seconds=float("nan")), "seconds is nan"),
        (with_tally(seconds=float("inf")), "seconds is inf"),
        (with_tally(script=["LATIN"]), "script is"),
    ],
)
def test_a_file_that_is_no_receipt_is_refused_by_name(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=message) as caught:
        ReceiptBook.load(tmp_path)
    assert "bad.json" in caught.value.message
    assert "calibrate again" in caught.value.hint


def test_a_file_too_large_or_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "large.json").write_bytes(b" " * (MOST_BYTES + 1))
    with pytest.raises(LimitError, match=r"large\.json"):
        Receipt.load(tmp_path / "large.json")
    with pytest.raises(InputError, match=r"none\.json"):
        Receipt.load(tmp_path / "none.json")
    with pytest.raises(InputError, match="cannot write"):
        receipt().save(tmp_path / "large.json" / "below.json")

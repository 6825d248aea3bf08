"""Calibration: what is asked, how answers are judged, and that an interrupted one goes on."""

from __future__ import annotations

import io
import json
import random
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from glyph_rag.cli.app import app
from glyph_rag.errors import GlyphRAGError, InputError, ProfileError, ReaderError
from glyph_rag.measure.calibrate import calibrate, plan_probe
from glyph_rag.measure.judge import is_right, judge
from glyph_rag.measure.probe_words import languages, languages_of
from glyph_rag.measure.probes import Probe, make_probe
from glyph_rag.measure.receipt_report import markdown, rich_tables, rows_of, svg
from glyph_rag.read.ocr.reader import OcrReader
from glyph_rag.read.plan import ReadingPlan
from glyph_rag.read.planning.receipt import FEWEST, KINDS, Kind, Receipt, ReceiptBook
from glyph_rag.read.prices import Price
from glyph_rag.read.reader import Reading, Sight
from glyph_rag.testing import HashEmbedder
from glyph_rag.typeset.imagetokens import family
from glyph_rag.typeset.profile import PRESETS
from glyph_rag.typeset.scripts import scripts_of

SMALL = {name: replace(profile, width=280, height=168, columns=1) for name, profile in PRESETS.items()}
"""The presets on pages so small that a test may set many."""

TWO = {name: SMALL[name] for name in ("careful", "dense")}
LINE = {"careful": 12, "balanced": 10, "dense": 9}
CODES = tuple(languages())


class Oracle:
    """Knows the probes, and answers as a function of the right value and the height of the lines it sees."""

    def __init__(self, answer: Callable[[str, int], str], *codes: str, probes: int = FEWEST, seed: int = 0) -> None:
        self._answer = answer
        self._gold: dict[str, str] = {}
        for code in codes:
            for kind in KINDS:
                for number in range(probes):
                    probe = make_probe(languages()[code], kind, number, seed, SMALL["careful"])
                    self._gold[probe.question] = probe.gold
        self.plans: list[ReadingPlan] = []
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return "oracle"

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        with self._lock:
            self.plans.append(plan)
        boxes = [line for page in plan.pages for passage in page.passages for line in passage.lines]
        height = min((box.y1 - box.y0 for box in boxes), default=0)
        return Reading(self._answer(self._gold[question], height))


def counted(receipt: Receipt) -> Receipt:
    """A receipt without what a clock says."""
    return replace(receipt, made="", tallies=tuple(replace(tally, seconds=0.0) for tally in receipt.tallies))


# ---------------------------------------------------------------- probes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("code", CODES)
def test_a_probe_is_a_full_page_with_one_answer(code: str, kind: Kind) -> None:
    probe = make_probe(languages()[code], kind, 1, 5, SMALL["careful"])
    text = probe.page.text
    assert len(re.findall(rf"(?<![\w.-]){re.escape(probe.gold)}(?![\w.-]\w)", text, re.ASCII)) == 1
    assert probe.misses
    assert probe.gold not in probe.misses
    assert all(miss in text for miss in probe.misses)
    assert probe.gold not in probe.question
    layout = probe.page.layout
    assert layout.missing == 0
    assert layout.height > 0.7 * probe.page.profile.height
    assert "".join(chunk.text for chunk in probe.chunks).split() == "".join(text.split("\n\n")).split()
    expected = {"CJK": "CJK", "KANA": "KATAKANA"}.get(probe.language.script, probe.language.script)
    assert expected in scripts_of(text)


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(CODES), st.sampled_from(KINDS), st.integers(0, 500), st.integers(0, 2**40))
def test_a_probe_answers_itself_and_no_neighbour_does(code: str, kind: Kind, number: int, seed: int) -> None:
    probe = make_probe(languages()[code], kind, number, seed, SMALL["careful"])
    miss = sorted(probe.misses)[0]
    assert is_right(probe, [probe.gold])
    assert not is_right(probe, [miss])
    # In Korean a particle is glued to the identifier, and verification does not part them.
    if (code, kind) != ("ko", "identifier"):
        assert judge(probe, probe.gold) == (True, True, False, False)
        assert judge(probe, miss) == (False, False, False, True)
    assert not is_right(probe, [f"{probe.gold} / {miss}"])
    again = make_probe(languages()[code], kind, number, seed, SMALL["careful"])
    assert (again.page, again.question, again.gold) == (probe.page, probe.question, probe.gold)


def test_every_density_asks_the_same_and_a_denser_page_holds_more() -> None:
    for code, kind in (("en", "prose"), ("zh", "table"), ("ar", "identifier"), ("th", "code"), ("de", "number")):
        probes = [make_probe(languages()[code], kind, 2, 0, profile) for profile in PRESETS.values()]
        assert len({(probe.question, probe.gold) for probe in probes}) == 1
        assert probes[0].misses < probes[1].misses < probes[2].misses
        assert all(probe.page.layout.height > 0.9 * probe.page.profile.height for probe in probes)


def test_what_is_asked_stands_all_over_the_page() -> None:
    probes = [make_probe(languages()["en"], "number", number, 0, SMALL["dense"]) for number in range(10)]
    fifths = {5 * probe.page.text.index(probe.gold) // len(probe.page.text) for probe in probes}
    assert fifths == {0, 1, 2, 3, 4}
    assert len({probe.question for probe in probes}) == 10
    other = make_probe(languages()["en"], "number", 0, 1, SMALL["dense"])
    assert other.question not in {probe.question for probe in probes}


def test_a_page_larger_than_there_are_names_is_not_full() -> None:
    huge = replace(PRESETS["dense"], width=2240, height=2240)
    probe = make_probe(languages()["ja"], "prose", 0, 0, huge)
    assert len(probe.misses) > 300
    assert judge(probe, probe.gold).verified


def test_languages_are_named_by_tag_or_script() -> None:
    assert [language.code for language in languages_of("latin")] == ["en", "de", "fr", "vi"]
    assert [language.code for language in languages_of("Han")] == ["zh"]
    assert [language.code for language in languages_of("en+de+en")] == ["en", "de"]
    with pytest.raises(InputError, match="no probes for 'klingon'") as caught:
        languages_of("klingon")
    assert "hangul" in caught.value.hint


# ---------------------------------------------------------------- judging


def probe_of(kind: Kind, code: str = "en") -> Probe:
    return make_probe(languages()[code], kind, 0, 0, SMALL["careful"])


def test_no_answer_is_an_abstention() -> None:
    assert judge(probe_of("prose"), " \n") == (False, False, True, False)


def test_a_misread_identifier_is_wrong_until_verification_corrects_it() -> None:
    probe = probe_of("identifier")
    sentence = next(line for line in re.split(r"(?<=\.)\s", probe.page.text) if probe.gold in line)
    at = next(place for place, character in enumerate(probe.gold) if character in "0O1l5S8B26bg9ZcC3E7T")
    misread = probe.gold[:at] + {"0": "O", "1": "l", "5": "S", "8": "B"}.get(probe.gold[at], "?") + probe.gold[at + 1 :]
    assert judge(probe, sentence.replace(probe.gold, misread)) == (False, True, False, False)
    assert not judge(probe, misread.lower() if misread.lower() != probe.gold else misread).right


def test_identifiers_count_letter_by_letter() -> None:
    probe = replace(probe_of("identifier"), gold="ERR_AB_12", misses=frozenset())
    for right in ("ERR_AB_12", "It is ERR_AB_12.", "`ERR_AB_12`", "编号为ERR_AB_12。"):
        assert is_right(probe, [right])
    for wrong in ("err_ab_12", "ERR_AB_123", "XERR_AB_12", "ERR_AB_12-7", "ERR_AB_1 2", "ERR_AB_１２"):
        assert not is_right(probe, [wrong])


def test_other_values_count_by_what_they_say() -> None:
    number = replace(probe_of("number"), gold="48964", misses=frozenset({"7000"}))
    for right in ("48,964 metres", "４８９６４", "٤٨٩٦٤", "**48964**.", "It is 48964, I think."):
        assert is_right(number, [right])
    for wrong in ("148964", "48964.5", "3.48964", "489645", "4 8964", "48964 or 7000"):
        assert not is_right(number, [wrong])
    name = replace(probe_of("prose"), gold="Ines Talbrook", misses=frozenset())
    assert is_right(name, ["by INES\n TALBROOK"])
    assert not is_right(name, ["by Ines Talbrooks"])
    date = replace(probe_of("prose", "zh"), gold="1942年5月12日", misses=frozenset())
    assert is_right(date, ["于 1942 年 5 月 12 日关闭"])


def test_a_quoted_neighbour_is_no_mistake_but_a_list_of_them_is() -> None:
    others = [f"{letter} holds {number}000 litres." for number, letter in enumerate("BCDE", 1)]
    probe = replace(probe_of("number"), gold="48964", misses=frozenset({"1000", "2000", "3000", "4000"}))
    assert is_right(probe, ["A holds 48964 litres.", *others[:3]])
    assert not is_right(probe, ["A holds 48964 litres.", *others])


def test_an_invented_value_is_wrong_but_not_silent() -> None:
    probe = probe_of("number")
    assert judge(probe, "The tunnel of Nowhere is 31.7 metres long.") == (False, False, False, False)


# ---------------------------------------------------------------- measuring


def test_a_plan_shows_the_whole_page_as_one_image_or_as_text() -> None:
    probe, sight = probe_of("table"), Sight(count_text=len)
    plan = plan_probe(probe, sight)
    (page,) = plan.pages
    assert page.size == (probe.page.layout.width, probe.page.layout.height)
    assert sum(len(passage.lines) for passage in page.passages) == len(probe.page.layout.line_box)
    assert plan.image_tokens == sight.rule.tokens(*page.size)
    assert plan.text_tokens == len(probe.page.text)
    assert not plan.texts
    as_text = plan_probe(probe, sight, as_text=True)
    assert (as_text.mode, as_text.pages, as_text.texts[0].text) == ("text", (), probe.page.text)


def test_a_receipt_says_what_a_reader_reads() -> None:
    reader = Oracle(lambda gold, height: gold if height > LINE["dense"] else "", "en")
    receipt = calibrate(reader, ["en"], densities=TWO, probes=FEWEST)
    assert len(receipt.tallies) == 2 * len(KINDS)
    for tally in receipt.tallies:
        read, unread = (0, FEWEST) if tally.density == "dense" else (FEWEST, 0)
        assert (tally.asked, tally.right, tally.verified) == (FEWEST, read, read)
        assert (tally.abstained, tally.wrong, tally.silent) == (unread, 0, 0)
    book, latin = ReceiptBook([receipt]), frozenset({"LATIN"})
    assert book.allows("oracle", SMALL["careful"], latin) is True
    assert book.allows("oracle", SMALL["dense"], latin) is False
    assert book.allows("oracle", SMALL["balanced"], latin) is None
    assert book.allows("oracle", SMALL["careful"], frozenset({"THAI"})) is None


def test_tokens_are_those_of_the_plans_or_of_the_provider() -> None:
    class Billed(Oracle):
        def read(self, question: str, plan: ReadingPlan) -> Reading:
            return replace(super().read(question, plan), tokens=1000, output_tokens=3)

        def sight(self) -> Sight:
            provider = "https://me:secret@models.example:8000/v1?key=secret"
            return Sight(rule=family("qwen3-vl").rule, model="m", provider=provider)

    densities = {"careful": SMALL["careful"]}
    plain, billed = Oracle(lambda gold, _: gold, "en"), Billed(lambda gold, _: gold, "en")
    expected = calibrate(plain, ["en"], densities=densities, probes=2)
    for kind, tally in zip(KINDS, expected.tallies, strict=True):
        assert tally.kind == kind
        assert tally.prompt_tokens > tally.image_tokens > 0 == tally.output_tokens
    assert sum(t.image_tokens for t in expected.tallies) == sum(plan.image_tokens for plan in plain.plans)
    assert sum(t.prompt_tokens for t in expected.tallies) == sum(plan.tokens for plan in plain.plans)
    paid = calibrate(billed, ["en"], densities=densities, probes=2)
    assert {(t.prompt_tokens, t.output_tokens) for t in paid.tallies} == {(2000, 6)}
    assert (paid.model, paid.provider) == ("m", "https://models.example:8000/v1")
    assert paid.densities[0].fingerprint == SMALL["careful"].fingerprint
    # Qwen3-VL has patches of 32 pixels, so the pages it is shown are set anew.
    assert paid.densities[0].shown != SMALL["careful"].fingerprint
    assert all(side % 32 == 0 for plan in billed.plans for side in plan.pages[0].size)


def test_text_is_a_density_of_its_own_that_permits_nothing() -> None:
    reader = Oracle(lambda gold, height: "" if height else gold, "en", probes=1)
    receipt = calibrate(reader, ["en"], densities={"careful": SMALL["careful"]}, with_text=True, probes=1)
    assert [(t.density, t.verified) for t in receipt.tallies if t.kind == "prose"] == [("careful", 0), ("text", 1)]
    assert [density.fingerprint for density in receipt.densities] == [SMALL["careful"].fingerprint, ""]
    rows = {row.density: row for row in rows_of(receipt)}
    assert (rows["text"].saved, rows["text"].allowed) == (0, None)
    assert rows["careful"].saved == 1 - sum(t.image_tokens for t in rows["careful"].tallies) / sum(
        t.text_tokens for t in rows["careful"].tallies
    )


def test_workers_change_nothing_but_the_time() -> None:
    reader = Oracle(lambda gold, height: gold if height > 9 else "", "en", "ru", probes=2)
    one = calibrate(reader, ["en", "ru", "en+ru"], densities=TWO, probes=2)
    four = calibrate(reader, ["en", "ru", "en+ru"], densities=TWO, probes=2, workers=4)
    assert counted(one) == counted(four)
    # What two groups have in common is asked once.
    assert {tally.asked for tally in one.tallies} == {2}


class Tired(Oracle):
    """Stops after some answers, as a person at the keyboard or a server does."""

    left = 12
    error: BaseException = KeyboardInterrupt()

    def read(self, question: str, plan: ReadingPlan) -> Reading:
        self.left -= 1
        if self.left < 0:
            raise self.error
        return super().read(question, plan)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ReaderError("the server is gone")])
def test_an_interrupted_calibration_goes_on(tmp_path: Path, error: BaseException) -> None:
    partial = tmp_path / "new" / "oracle.partial"
    whole = calibrate(Oracle(lambda gold, _: gold, "en", probes=2), ["en"], densities=TWO, probes=2)
    tired = Tired(lambda gold, _: gold, "en", probes=2)
    tired.error = error
    with pytest.raises(type(error)):
        calibrate(tired, ["en"], densities=TWO, probes=2, partial=partial)
    first, *lines = partial.read_text("utf-8").splitlines()
    assert 0 < len(lines) <= 12
    # The last line was cut off, and the others were written in another order.
    random.Random(0).shuffle(lines)
    partial.write_text("\n".join([first, *lines]), "utf-8")
    reader, calls = Oracle(lambda gold, _: gold, "en", probes=2), []
    receipt = calibrate(
        reader, ["en"], densities=TWO, probes=2, partial=partial, progress=lambda *call: calls.append(call)
    )
    assert counted(receipt) == counted(whole)
    assert len(reader.plans) == 2 * 2 * len(KINDS) - (len(lines) - 1)
    assert calls[-1] == (20, 20)
    assert len(partial.read_text("utf-8").splitlines()) == 21
    # More probes go on from there as well; nothing is left to ask of the old ones.
    more = Oracle(lambda gold, _: gold, "en", probes=3)
    assert calibrate(more, ["en"], densities=TWO, probes=3, partial=partial).tallies[0].asked == 3
    assert len(more.plans) == 10


def test_a_log_of_another_calibration_is_not_mixed_in(tmp_path: Path) -> None:
    partial, reader = tmp_path / "p", Oracle(lambda gold, _: gold, "en", probes=1)
    calibrate(reader, ["en"], densities=SMALL, probes=1, partial=partial)
    with pytest.raises(InputError, match="another seed"):
        calibrate(reader, ["en"], densities=SMALL, probes=1, seed=1, partial=partial)
    header, line, *_ = partial.read_text("utf-8").splitlines()
    bad = [
        json.dumps({**json.loads(line), "number": -1}),
        json.dumps({**json.loads(line), "right": 1}),
        "{}",
        "x",
        "[]",
    ]
    for broken in (*(f"{header}\n{entry}\n" for entry in bad), "no header\n", "{}\n"):
        partial.write_text(broken, "utf-8")
        with pytest.raises(InputError, match="no log of a calibration"):
            calibrate(reader, ["en"], densities=SMALL, probes=1, partial=partial)
        assert partial.read_text("utf-8") == broken
    with pytest.raises(InputError, match="cannot use"):
        calibrate(reader, ["en"], densities=SMALL, probes=1, partial=tmp_path)


def test_what_cannot_be_measured_is_refused() -> None:
    reader = Oracle(lambda gold, _: gold)
    with pytest.raises(InputError, match="'careful' is not among"):
        calibrate(reader, ["en"], densities={"dense": SMALL["dense"]})
    with pytest.raises(InputError, match="called 'text'"):
        calibrate(reader, ["en"], densities={**SMALL, "text": SMALL["dense"]})
    with pytest.raises(InputError, match="0 probes"):
        calibrate(reader, ["en"], probes=0)
    with pytest.raises(InputError, match="no script"):
        calibrate(reader, [])
    with pytest.raises(ProfileError):
        calibrate(reader, ["en"], densities={"careful": replace(SMALL["careful"], ink="#ffffff")})


def test_the_embedded_reader_reads_latin_and_han_and_abstains_on_other_scripts() -> None:
    reader = OcrReader(HashEmbedder())
    receipt = calibrate(reader, ["en", "zh", "ru"], densities={"careful": SMALL["careful"]}, probes=1)
    rows = {row.name: row for row in rows_of(receipt)}
    # How many depends on how it chooses, which is not what is tested here.
    assert rows["LATIN"].verified + rows["CJK"].verified >= 3
    prose = [tally for tally in rows["CYRILLIC"].tallies if tally.kind != "code"]
    assert all(tally.abstained == tally.asked for tally in prose)


# ---------------------------------------------------------------- reports


@pytest.fixture(scope="module")
def measured() -> Receipt:
    reader = Oracle(lambda gold, height: gold if height > 9 else "", "en", "zh", probes=2)
    return calibrate(reader, ["en", "zh"], densities=SMALL, probes=2, with_text=True)


def test_the_table_has_a_row_for_each_script_and_density(measured: Receipt) -> None:
    lines = markdown(measured).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert {len(row) for row in cells} == {len(cells[0])}
    rows = {(row[0], row[1]): dict(zip(cells[0], row, strict=True)) for row in cells[2:]}
    assert len(rows) == 2 * 4
    assert rows["Latin", "careful"]["verified"] == "100%"
    assert rows["Latin", "dense"]["no answer"] == "100%"
    assert rows["Latin", "dense"]["tokens a right answer"] == "-"
    # Two questions of each kind permit nothing.
    assert {row["allowed"] for row in rows.values()} == {"-"}
    saved = [float(rows["Latin", name]["tokens saved"].rstrip("%")) for name in SMALL]
    assert saved == sorted(saved)
    assert markdown(measured, "language").splitlines()[2].startswith("| en | careful |")
    console = Console(width=80, file=io.StringIO(), legacy_windows=False)
    for table in rich_tables(measured):
        assert table.row_count == 8
        with console.capture() as printed:
            console.print(table)
        # Nothing is cut off on a terminal of 80 columns.
        assert "…" not in printed.get()


def test_money_is_shown_where_the_price_is_known(measured: Receipt, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def price(model: str, tokens: int, replied: int, provider: str | None) -> Price:
        asked.append((model, provider))
        return Price(Decimal(tokens + replied) / 1000, model, "a list")

    monkeypatch.setattr("glyph_rag.measure.receipt_report.price_of", price)
    paid = replace(measured, model="m", provider="https://models.example/v1")
    row = rows_of(paid)[0]
    assert row.price_a_right_answer(paid) == pytest.approx(row.tokens_a_right_answer / 1000)
    assert set(asked) == {("m", "https://models.example/v1")}
    titles, _, first, *_ = ([cell.strip() for cell in line.split("|")] for line in markdown(paid).splitlines())
    assert first[titles.index("$ a right answer")] == f"{row.price_a_right_answer(paid):.5f}"
    assert "$ a right answer" not in markdown(measured)


def test_the_plot_is_svg_with_a_point_for_each_row(measured: Receipt) -> None:
    odd = replace(measured, reader='a < "b" & c')
    root = ElementTree.fromstring(svg(odd))
    space = "{http://www.w3.org/2000/svg}"
    titles = {circle.findtext(f"{space}title"): circle for circle in root.iter(f"{space}circle")}
    points = {title: circle for title, circle in titles.items() if title}
    assert len(points) == len(rows_of(measured)) == 8
    at = {title.split(":")[0]: (float(c.attrib["cx"]), float(c.attrib["cy"])) for title, c in points.items()}
    assert at["Latin, text"][0] < at["Latin, careful"][0] < at["Latin, balanced"][0]
    assert at["Latin, dense"][1] > at["Latin, careful"][1]
    assert 'a < "b" & c: right answers' in "".join(root.itertext())


# ---------------------------------------------------------------- the command


def run(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "glyph_rag", "calibrate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", cwd=cwd, check=False)


def test_the_command_writes_a_receipt_and_shows_it(tmp_path: Path) -> None:
    (tmp_path / "kb").mkdir()
    # The embedded reader reads no Thai, so this takes no time.
    done = run("--script", "thai", "--probes", 1, "--density", "text", "--store", "kb", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "kb" / "receipts").iterdir()
    receipt = Receipt.load(path)
    assert [density.name for density in receipt.densities] == ["careful", "text"]
    assert receipt.densities[0].fingerprint == PRESETS["careful"].fingerprint
    assert "Thai" in done.stdout
    shown = run("--show", path, "--plot", "plot.svg", cwd=tmp_path)
    assert shown.stdout == done.stdout
    assert ElementTree.parse(tmp_path / "plot.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--script", "klingon", "--out", "x.json"], "no probes for 'klingon'"),
        (["--density", "dens", "--out", "x.json"], "no preset 'dens'"),
        (["--density", "none.yaml", "--out", "x.json"], "none.yaml"),
        (["--store", "none"], "there is no store"),
        (["--reader", "oracle", "--out", "x.json"], "no reader 'oracle'"),
        (["--show", "none.json"], "none.json"),
    ],
)
def test_the_command_names_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = CliRunner().invoke(app, ["calibrate", *arguments])
    assert isinstance(failed.exception, GlyphRAGError)
    assert message in failed.exception.message
    assert failed.exception.hint
    assert not list(tmp_path.iterdir())


def test_the_command_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tired = Tired(lambda gold, _: gold, "en", probes=1)
    tired.left = 2
    monkeypatch.setattr("glyph_rag.cli.calibrate._open_reader", lambda spec, embedder: tired)
    # The oracle knows the probes of small pages, and their questions are the same on large ones.
    stopped = CliRunner().invoke(app, ["calibrate", "--script", "en", "--probes", "1", "--out", "x.json"])
    assert stopped.exit_code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["x.json.partial"]
    tired.left = 100
    again = CliRunner().invoke(app, ["calibrate", "--script", "en", "--probes", "1", "--out", "x.json"])
    assert again.exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
    assert {tally.verified for tally in Receipt.load("x.json").tallies} == {1}

"""The audit counts what is misread, names where, and the presets stay legible."""

from __future__ import annotations

import shutil
import stat
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glyph_rag.corpus.document import Chunk, Document
from glyph_rag.errors import InputError, ReaderError, StoreError, StoreMismatchError
from glyph_rag.measure.compare import OTHER, compare, main_script, normalise, source_of
from glyph_rag.measure.legibility import Count, Legibility, audit_pages
from glyph_rag.measure.store_audit import audit_store
from glyph_rag.measure.tesseract import TesseractRecogniser
from glyph_rag.rag import GlyphRAG
from glyph_rag.read.ocr.recognise import PaddleRecogniser
from glyph_rag.testing import HashEmbedder
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.compose.setting import FLOW_MARK
from glyph_rag.typeset.glyphs.ink import Levels
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile

PROFILE = RenderProfile()
SMALL = RenderProfile(width=280, height=112)
HANDBOOK = files("glyph_rag") / "demo" / "handbook"
ENGLISH = (HANDBOOK / "people" / "leave.md").read_text("utf-8")
CHINESE = (HANDBOOK / "zh" / "考勤与休假.md").read_text("utf-8")


class Echo:
    """Says what stands on a line, without looking, as long as the pages come in the order given."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self.left = list(pages)
        self.asked = 0

    def read(self, levels: Levels, lines: Sequence[Box]) -> list[str]:
        page = self.left.pop(0)
        assert levels.shape == (page.layout.height, page.layout.width)
        assert levels.flags.c_contiguous
        self.asked += len(lines)
        text = {line.box: page.text[line.start - page.start : line.end - page.start] for line in page.layout.lines}
        return [self.say(text[box]) for box in lines]

    def say(self, text: str) -> str:
        return text


class Stutter(Echo):
    """Repeats the last character of each line."""

    def say(self, text: str) -> str:
        return text + text[-1]


class Mute:
    """Reads nothing, and keeps the pictures that it was shown."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def read(self, levels: Levels, lines: Sequence[Box]) -> list[str]:
        self.seen.append(levels.tobytes())
        return [""] * len(lines)


@dataclass(frozen=True)
class Damaged(Page):
    """A page with noise where one of its lines should be."""

    line: int = 0

    def levels(self, label: str = "") -> Levels:
        levels = np.array(super().levels(label))
        box = self.layout.lines[self.line].box
        noise = np.random.default_rng(1).integers(0, 16, (box.y1 - box.y0, box.x1 - box.x0))
        levels[box.y0 : box.y1, box.x0 : box.x1] = noise
        return levels


def pages_of(text: str, profile: RenderProfile = PROFILE) -> list[Page]:
    chunks = [Chunk("c", "d", 0, len(text), text)] if text.strip() else []
    return [page for page, _ in make_pages(Document("d", text), chunks, profile)]


def echoed(text: str, echo: type[Echo] = Echo, profile: RenderProfile = SMALL) -> Legibility:
    pages = pages_of(text, profile)
    return audit_pages(pages, echo(pages))


# ---------------------------------------------------------------- counting


@settings(max_examples=40, deadline=None)
@given(st.text(st.sampled_from("ab ÅÅß\t\n\u00ad\u200d你好，。 (（"), max_size=120))
def test_what_is_read_right_has_no_errors(text: str) -> None:
    found = echoed(text)
    assert (found.errors, found.total.folded_errors, found.cer, found.worst) == (0, 0, 0.0, ())
    assert found.lines == sum(len(page.layout.lines) for page in pages_of(text, SMALL))
    assert found.characters == sum(
        len(source_of(page, line)) for page in pages_of(text, SMALL) for line in page.layout.lines
    )


def test_every_error_is_counted_once() -> None:
    found = echoed(ENGLISH + CHINESE, Stutter)
    assert found.lines > 40
    assert found.errors == found.lines
    assert found.cer == found.lines / found.characters
    assert sum(count.errors for count in found.by_script.values()) == found.errors
    assert sum(count.characters for count in found.by_script.values()) == found.characters
    assert set(found.by_script) == {"CJK", "LATIN"}


def test_nothing_to_read_is_no_error() -> None:
    found = audit_pages([], Mute())
    assert found == Legibility(0, Count(), 0, {}, ())
    assert found.cer == 0


@pytest.mark.parametrize(
    ("source", "reading", "errors", "folded"),
    [
        ("a b", "a   b\n", 0, 0),
        ("ab", "a b", 1, 1),
        ("Å", "Å", 0, 0),
        ("在1943年", "在 1943 年", 0, 0),
        ("（a），", "(a),", 3, 0),
        ("ｶｷ", "カキ", 2, 0),
        ("½", "1/2", 3, 3),
        ("soft", "", 4, 4),
        ("", "read", 4, 4),
    ],
)
def test_what_counts_as_an_error(source: str, reading: str, errors: int, folded: int) -> None:
    assert compare(normalise(source), reading) == (len(normalise(source)), errors, folded)


def test_what_has_no_ink_need_not_be_read() -> None:
    assert normalise("so\u00adft \u200eab\u200d  c ") == "soft ab c"


def test_the_mark_for_a_newline_counts() -> None:
    text = "One line.\nAnother\nand more"
    (page,) = pages_of(text, replace(PROFILE, newline="flow", columns=1))
    (line,) = page.layout.lines
    assert source_of(page, line) == text.replace("\n", FLOW_MARK)
    (found,) = audit_pages([page], Echo([page])).worst
    assert found.reading == text


def test_the_main_script_of_a_line() -> None:
    assert main_script("Paris 是首都城市") == "CJK"
    assert main_script("12:30 – 14:00") == OTHER
    assert main_script("ab αβ") == "GREEK"


def test_a_script_the_recogniser_does_not_know_is_left_out() -> None:
    pages = pages_of("مرحبا بالعالم\n\nHello world\n\nनमस्ते")
    echo = Echo(pages)
    found = audit_pages(pages, echo)
    assert (found.lines, found.unread, echo.asked) == (1, 2, 1)
    pages = pages_of("مرحبا بالعالم\n\nHello world\n\nनमस्ते")
    assert audit_pages(pages, Echo(pages), scripts=frozenset({"ARABIC", "LATIN"})).unread == 1


# ---------------------------------------------------------------- pixels


def test_a_damaged_page_is_found() -> None:
    (page,) = pages_of(ENGLISH[:400])
    fields = {name: getattr(page, name) for name in page.__dataclass_fields__}
    damaged = Damaged(**{**fields, "id": "0" * 32}, line=3)
    found = audit_pages([page, damaged], PaddleRecogniser(), worst=1)
    (worst,) = found.worst
    assert worst.page_id == damaged.id
    assert worst.box == page.layout.lines[3].box
    assert worst.source == source_of(page, page.layout.lines[3])
    assert worst.reading != worst.source
    assert found.errors > len(worst.source) // 2
    assert audit_pages([page], PaddleRecogniser()).cer < 0.02


@pytest.mark.parametrize(
    ("preset", "text", "most"),
    [
        ("careful", ENGLISH, 0.01),
        ("careful", CHINESE, 0.01),
        ("balanced", ENGLISH, 0.02),
        ("balanced", CHINESE, 0.02),
    ],
)
def test_presets_can_be_read(preset: str, text: str, most: float) -> None:
    prose = " ".join(text.split())
    found = audit_pages(pages_of(prose, RenderProfile.preset(preset)), PaddleRecogniser(), worst=3)
    assert found.unread == 0
    assert found.characters > 200
    assert found.total.folded_cer <= most, found.worst


# ---------------------------------------------------------------- a store


def store_of(folder: Path, numbers: Sequence[int]) -> Path:
    with GlyphRAG.open(folder, embedder=HashEmbedder(), profile=SMALL) as rag:
        rag.add(Document(f"d{number}", f"Document number {number} is about topic {number}.") for number in numbers)
    return folder


def test_a_sample_follows_from_the_seed_and_the_pages(tmp_path: Path) -> None:
    first, second = store_of(tmp_path / "a", range(30)), store_of(tmp_path / "b", range(29, -1, -1))

    def sample(folder: Path, seed: int) -> list[bytes]:
        mute = Mute()
        found = audit_store(folder, 5, seed, recogniser=mute)
        assert (found.pages, found.cer) == (5, 1.0)
        return mute.seen

    assert sample(first, 7) == sample(first, 7) == sample(second, 7)
    assert len(set(sample(first, 7))) == 5
    assert sample(first, 7) != sample(first, 8)


def test_a_sample_larger_than_the_store_is_all_of_it(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    found = audit_store(
        store_of(tmp_path, range(3)),
        recogniser=Mute(),
        worst=2,
        progress=lambda done, total: told.append((done, total)),
    )
    assert (found.pages, len(found.worst)) == (3, 2)
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_store_is_audited_by_the_embedded_recogniser(tmp_path: Path) -> None:
    found = audit_store(store_of(tmp_path, [4]))
    assert (found.pages, found.errors) == (1, 0)
    assert found.characters > 30


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store"):
        audit_store(tmp_path)
    (tmp_path / "glyph.db").touch()
    with pytest.raises(StoreError):
        audit_store(tmp_path)
    with pytest.raises(InputError, match="sample"):
        audit_store(tmp_path, 0)


def test_pages_set_by_another_version_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store_of(tmp_path, [1])
    monkeypatch.setattr("glyph_rag.typeset.profile.TYPESET_VERSION", -1)
    with pytest.raises(StoreMismatchError, match="another version"):
        audit_store(tmp_path)


# ---------------------------------------------------------------- Tesseract

FAKE = """#!{python}
import sys
from pathlib import Path
if sys.argv[1] == "--list-langs":
    print("List of available languages (2):\\neng\\nchi_sim")
    raise SystemExit
assert sys.argv[2:] == "stdout -l eng+chi_sim --psm 7 --oem 1 --dpi 300".split(), sys.argv
names = Path(sys.argv[1]).read_text().splitlines()
assert all(Path(name).read_bytes().startswith(b"\\x89PNG") for name in names)
{behaviour}
"""


def fake_tesseract(folder: Path, behaviour: str) -> TesseractRecogniser:
    program = folder / "fake-tesseract"
    program.write_text(FAKE.format(python=sys.executable, behaviour=behaviour), "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return TesseractRecogniser(("eng", "chi_sim"), str(program))


needs_scripts = pytest.mark.skipif(sys.platform == "win32", reason="the fake program is a script with a #! line")
LINES = [Box(8, 18, 100, 30), Box(8, 30, 100, 42)]


@needs_scripts
@pytest.mark.parametrize("output", ["one\\n\\ftwo \\n", "one\\n\\ftwo\\n\\f"])
def test_tesseract_reads_lines(tmp_path: Path, output: str) -> None:
    recogniser = fake_tesseract(tmp_path, f"print('{output}', end='')")
    levels = np.zeros((56, 112), np.uint8)
    assert recogniser.read(levels, LINES) == ["one", "two"]
    assert recogniser.read(levels, []) == []


@needs_scripts
@pytest.mark.parametrize(
    ("behaviour", "message"),
    [("print('one')", "read 1 of 2 lines"), ("raise SystemExit('out of luck')", "out of luck")],
)
def test_tesseract_failing_is_an_error(tmp_path: Path, behaviour: str, message: str) -> None:
    with pytest.raises(ReaderError, match=message):
        fake_tesseract(tmp_path, behaviour).read(np.zeros((56, 112), np.uint8), LINES)


@needs_scripts
def test_a_missing_language_pack_is_named(tmp_path: Path) -> None:
    fake_tesseract(tmp_path, "")
    with pytest.raises(ReaderError, match="apt-get install tesseract-ocr-chi-tra"):
        TesseractRecogniser(("chi_tra",), str(tmp_path / "fake-tesseract")).read(np.zeros((56, 112), np.uint8), LINES)


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="there is no program"):
        TesseractRecogniser(("eng",), str(tmp_path / "none")).read(np.zeros((56, 112), np.uint8), LINES)


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="Tesseract is not installed")
def test_the_real_tesseract_reads_a_page() -> None:
    found = audit_pages(pages_of(ENGLISH[:300]), TesseractRecogniser(("eng",)))
    assert found.characters > 200
    assert found.cer < 0.1

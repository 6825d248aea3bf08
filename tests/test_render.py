"""Documents become page images and glyph maps: from Python, and from the command line."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from glyph_rag.cli import main
from glyph_rag.cli.pagefolder import PageFolder
from glyph_rag.cli.stats import cost_of
from glyph_rag.corpus.document import Document, Mark
from glyph_rag.corpus.split import split
from glyph_rag.errors import GlyphRAGError, InputError
from glyph_rag.measure import store_audit
from glyph_rag.measure.legibility import Count, Legibility, ReadLine
from glyph_rag.rag import GlyphRAG
from glyph_rag.testing import HashEmbedder
from glyph_rag.typeset import render as rendering
from glyph_rag.typeset.cache import PageCache
from glyph_rag.typeset.compose.layout import Box
from glyph_rag.typeset.config.load import load_render_config
from glyph_rag.typeset.glyphmap import glyph_map, to_json
from glyph_rag.typeset.imagetokens import family
from glyph_rag.typeset.page import Page, make_pages
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.typeset.render import cached_png, page_key, page_label, render_documents

SMALL = RenderProfile(width=280, height=112)
PIECES = (
    "word",
    "über",
    "你好世界。",
    "שלום",
    "(עולם)",
    "العربية",
    "123",
    "\n",
    "\n\n",
    "  ",
    "\t",
    "a" * 90,
    "हिन्दी",
    "\ud800",
)
texts = st.lists(st.sampled_from(PIECES), max_size=60).map(" ".join)


def pages_of(text: str, profile: RenderProfile = SMALL, **fields: object) -> list[Page]:
    document = Document("d", text, **fields)
    return [page for page, _ in make_pages(document, split(document), profile)]


def documents(count: int = 7) -> Iterator[Document]:
    for number in range(count):
        words = [f"word{number * place % 97}" for place in range(40 * number + 1)]
        yield Document(f"d{number}", "\n".join(" ".join(words[at : at + 9]) for at in range(0, len(words), 9)))


# The glyph map.


@given(texts, st.sampled_from(["keep", "paragraph", "flow"]))
@example("one two\n\nשלום (two) עולם", "flow")
@settings(max_examples=40)
def test_the_text_can_be_put_together_from_the_maps_alone(text: str, newline: str) -> None:
    profile = RenderProfile(width=280, height=112, newline=newline)
    shown, at = "", 0
    for page in pages_of(text, profile):
        value = json.loads(to_json(glyph_map(page)).encode("utf-8"))
        for line in value["lines"]:
            assert (line["start"], line["end"]) == (line["runs"][0]["start"], line["runs"][-1]["end"])
            for run in line["runs"]:
                between = text[at : run["start"]]
                assert not between.strip(), "only white space may be left between runs"
                shown += between + value["text"][run["start"] - value["start"] : run["end"] - value["start"]]
                at = run["end"]
    assert not text[at:].strip()
    assert shown + text[at:] == text


@given(texts)
@settings(max_examples=30)
def test_the_map_says_what_the_layout_says(text: str) -> None:
    document = Document("d", text)
    for page in pages_of(text):
        value = glyph_map(page)
        assert (value["width"], value["height"]) == (page.layout.width, page.layout.height)
        for line, told in zip(page.layout.lines, value["lines"], strict=True):
            assert Box(*told["box"]) == line.box
            assert told["source_line"] == document.line_of(line.start)
            edges = {
                run.start + at: (pen, run.rtl) for run in line.runs for at, pen in enumerate(run.pens[:-1].tolist())
            }
            for run in told["runs"]:
                assert run["box"][0] == min(run["x"]) // 64
                assert run["box"][2] == -(-max(run["x"]) // 64)
                assert run["box"][1::2] == told["box"][1::2]
                assert len(run["x"]) == run["end"] - run["start"] + 1
                for at, x in zip(range(run["start"], run["end"]), run["x"], strict=False):
                    assert edges.pop(at, None) == (x, run["direction"] == "rtl") or text[at].isspace()
                assert np.all(np.diff(run["x"]) * (-1 if run["direction"] == "rtl" else 1) >= 0)
            assert not edges, "every character is in the map"


def test_runs_end_where_the_direction_changes() -> None:
    (page,) = pages_of("你好 a  b שלום עולם 12 34 c", RenderProfile(columns=1))
    (line,) = glyph_map(page)["lines"]
    shown = [(page.text[run["start"] : run["end"]], run["direction"]) for run in line["runs"]]
    assert shown == [("你好 a  b", "ltr"), ("שלום עולם", "rtl"), ("12", "ltr"), ("34", "ltr"), ("c", "ltr")]
    x = line["runs"][0]["x"]
    first, second = page.text.index("  "), page.text.index("  ") + 1
    assert x[first] < x[second] == x[second + 1], "of two blanks, the first has all the width"


def test_the_map_of_an_empty_page() -> None:
    page = Page("i", "d", "s", "", 0, 1, (), SMALL)
    assert glyph_map(page)["lines"] == []


# Rendering.


def test_pages_are_numbered_labelled_and_drawn() -> None:
    given_ = list(documents(4))
    rendered = list(render_documents(iter(given_), SMALL))
    assert [(r.document, r.number, r.last) for r, _ in rendered] == [
        (number, at, at == len(pages))
        for number, document in enumerate(given_)
        for pages in [list(make_pages(document, split(document), SMALL))]
        for at, _ in enumerate(pages, 1)
    ]
    for page, png in rendered:
        assert png == page.page.png(page_label(page.page))
        assert Image.open(io.BytesIO(png)).size == (page.width, page.height)
        assert json.loads(page.glyph_map) == glyph_map(page.page)
    assert all(not r.glyph_map for r, _ in render_documents(given_, SMALL, glyph_maps=False))


def test_labels_name_lines_or_what_the_format_has_instead() -> None:
    (page,) = pages_of("one\ntwo\n\nthree", source="a/b.md")
    assert page_label(page) == "a/b.md:1-4"
    (page,) = pages_of("one\ntwo", source="a.pdf", marks=(Mark(0, "page 3"),))
    assert page_label(page) == "a.pdf:page 3"


def test_several_processes_render_the_same_pages_in_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "_BATCH_CHARS", 900)
    monkeypatch.setattr(rendering, "_BATCH_PAGES", 3)
    assert max(len(document.text) for document in documents()) > 900, "one is drawn elsewhere than it is set"
    assert list(render_documents(documents(), SMALL, workers=2)) == list(render_documents(documents(), SMALL))
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("workers", [0, -1, 62])
def test_a_number_of_workers_that_cannot_be(workers: int) -> None:
    with pytest.raises(InputError, match="workers is"):
        render_documents([], SMALL, workers=workers)


def test_documents_are_taken_as_they_are_needed() -> None:
    taken = 0

    def counted() -> Iterator[Document]:
        nonlocal taken
        for document in documents(1000):
            taken += 1
            yield document

    with closing(render_documents(counted(), SMALL)) as rendered:
        next(rendered)
        assert taken == 1


def test_a_worker_that_dies_is_an_error_and_the_rest_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "_BATCH_CHARS", 1000)
    taken = []

    def endless() -> Iterator[Document]:
        while True:
            taken.append(1)
            yield Document("d", "word " * 200)

    rendered = render_documents(endless(), SMALL, workers=2)
    next(rendered)
    assert len(taken) < 12
    for child in multiprocessing.active_children():
        os.kill(child.pid, signal.SIGTERM)
    with pytest.raises(GlyphRAGError, match="died") as raised:
        list(rendered)
    assert "fewer workers" in raised.value.hint
    assert not multiprocessing.active_children()


MEMORY = """
import resource
from glyph_rag.corpus.document import Document
from glyph_rag.typeset.profile import RenderProfile
from glyph_rag.typeset.render import render_documents

LINE = "The canteen opens at half past eleven and closes at two, on working days only. " * 20

def documents(count):
    for number in range(count):
        yield Document(str(number), (f"Document {number}. " + LINE * 70)[:100_000], format="code")

def peaks():
    return [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]

if __name__ == "__main__":
    profile = RenderProfile(width=1008, height=1008, latin_px=6, latin_line=7, newline="flow")
    sizes = []
    for count in (20, 200):
        pages = sum(1 for _ in render_documents(documents(count), profile, workers=2, glyph_maps=False))
        sizes.append((pages, *peaks()))
    print(sizes)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is counted in other units elsewhere")
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    """Twenty megabytes take hardly more than two, here and in the workers."""
    script = tmp_path / "render_much.py"
    script.write_text(MEMORY)
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    (few, here_before, there_before), (many, here, there) = json.loads(ran.stdout.replace("(", "[").replace(")", "]"))
    assert many == 10 * few
    assert here - here_before < 25
    assert there - there_before < 40


# The page cache.


def test_pages_that_are_drawn_alike_share_a_key() -> None:
    (page,) = pages_of("some words", source="a")
    (other,) = pages_of("some words", source="b")
    assert page_key(page, "x") == page_key(other, "x")
    assert page_key(page, "x") != page_key(page, "y")
    (first, *_, moved) = pages_of("some words\n\n" * 40)
    (again,) = pages_of(first.text)
    assert page_key(first) == page_key(again)
    assert moved.start > 0
    plain = RenderProfile(width=280, height=112, label_px=0)
    assert page_key(pages_of("w", plain)[0], "x") == page_key(pages_of("w", plain)[0], "y")
    assert page_key(pages_of("w", plain)[0]) != page_key(page)
    assert page_key(pages_of("a\nb", format="code")[0]) != page_key(pages_of("a\nb")[0])


def test_line_numbers_are_part_of_the_key() -> None:
    numbered = RenderProfile(width=280, height=112, line_numbers=True)
    (one,), (two,) = pages_of("word", numbered), pages_of("\nword", numbered)
    assert (one.text, two.text) == ("word", "word")
    assert page_key(one) != page_key(two)
    assert page_key(pages_of("word")[0]) == page_key(pages_of("\nword")[0])


def test_a_cached_page_is_drawn_once() -> None:
    cache = PageCache()
    (page,) = pages_of("some words")
    assert cached_png(page, "P1", cache) == page.png("P1") == cached_png(page, "P1", cache)
    assert (cache.stats().misses, cache.stats().hits) == (1, 1)


# The command line.


class Run:
    """Runs the program in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys
        self.out = self.err = ""

    def __call__(self, *arguments: object) -> int:
        self._monkeypatch.setattr(sys, "argv", ["glyph-rag", *map(str, arguments)])
        try:
            main()
        except SystemExit as left:
            return int(left.code or 0)
        finally:
            self.out, self.err = self._capsys.readouterr()
        return 0


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)
    return Run(monkeypatch, capsys)


def names(folder: str = "pages") -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        image.load()
        return image.size


def test_a_folder_becomes_images_and_maps(run: Run, handbook: Path) -> None:
    assert run("render", handbook, "--stats") == 0
    assert "people/leave.json" in names()
    assert len(names()) == 2 * 7
    assert "leave.md: 1 page" in run.err
    for path in Path("pages").rglob("*.json"):
        value = json.loads(path.read_text("utf-8"))
        assert (value["generator"], value["version"]) == ("glyph-rag", 1)
        for page in value["pages"]:
            assert size_of(path.with_name(page["image"])) == (page["width"], page["height"])
    assert "7 documents, 7 pages in pages" in run.out
    row = next(line.split() for line in run.out.splitlines() if line.startswith("glm-4v"))
    sizes = [size_of(path) for path in Path("pages").rglob("*.png")]
    assert row[1] == f"{sum(family('glm-4v').rule.tokens(*size) for size in sizes):,}"
    assert row[-1] == "0%"
    assert all(each.name in run.out for each in map(family, ("qwen2-vl", "claude", "gemini-3")))


def test_a_page_that_a_reader_refuses_has_no_cost() -> None:
    assert cost_of(family("qwen2-vl"), {(28, 28 * 300): 1}) is None


def test_images_hold_the_pages_and_say_who_made_them(run: Run, tmp_path: Path) -> None:
    Path("a.txt").write_text("Some words.\n" * 300)
    assert run("render", "a.txt", "--profile", "dense") == 0
    profile = RenderProfile.preset("dense")
    document = Document("x", Path("a.txt").read_text(), "a.txt")
    for number, (page, _) in enumerate(make_pages(document, split(document), profile), 1):
        with Image.open(f"pages/a-{number:05}.png") as image:
            assert image.info["Software"] == "glyph-rag"
            assert np.array_equal(np.asarray(image.convert("L")), np.asarray(page.image(page_label(page))))


def test_workers_make_no_difference(run: Run) -> None:
    for number in range(3):
        Path(f"{number}.txt").write_text(f"Some words {number}.\n" * 300)
    assert run("render", ".", "--out", "one") == 0
    Path("one").rename(".one")
    assert run("render", ".", "--out", "two", "--workers", 2) == 0
    assert names(".one") == names("two")
    assert all((Path(".one") / name).read_bytes() == (Path("two") / name).read_bytes() for name in names("two"))


def test_options_change_the_profile(run: Run) -> None:
    Path("a.txt").write_text("Some words.\n")
    assert run("render", "--print-config", "--no-label", "--line-numbers") == 0
    assert load_render_config(json.loads(json.dumps(_yaml(run.out)))) == RenderProfile(label_px=0, line_numbers=True)
    Path("c.yaml").write_text(run.out)
    assert run("render", "--print-config", "--config", "c.yaml", "--label") == 0
    assert _yaml(run.out)["label_px"] == RenderProfile().label_px
    assert run("render", "a.txt", "--config", "c.yaml", "--out", "b") == 0
    Path("glyph.json").write_text(json.dumps({"page-size": "595,842", "dpi": 72, "font-size": 9, "line-height": 10}))
    assert run("render", "--print-config", "--config", "glyph.json") == 0
    assert _yaml(run.out)["latin_px"] == 9


def _yaml(text: str) -> dict[str, object]:
    import yaml

    return yaml.safe_load(text)


def test_documents_of_one_name_get_names_of_their_own(run: Run) -> None:
    for path in ("one/a.txt", "one/a.md", "two/a.txt", "two/A.rst"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text("Some words.")
    Path("one/r.jsonl").write_text('{"id": "7/x", "text": "words"}\n{"id": "..", "text": "words"}\n')
    assert run("render", "one", "two", "one/a.txt") == 0
    maps = [name for name in names() if name.endswith(".json")]
    assert maps == ["A.rst.json", "a.json", "a.txt.2.json", "a.txt.3.json", "a.txt.json", "r.7_x.json", "r.json"]


def test_only_what_is_ours_is_overwritten(run: Run) -> None:
    Path("a.txt").write_text("Some words.\n\n" * 2000)
    assert run("render", "a.txt") == 0
    before = names()
    Path("pages/a-00001.png").rename("pages/kept.png")
    assert run("render", "a.txt", "--profile", "dense") == 0
    after = set(names())
    assert 3 < len(after) < len(before) + 1, "pages of the earlier run are gone"
    assert len(json.loads(Path("pages/a.json").read_text())["pages"]) == len(after) - 2

    for foreign in ("a-00007.png", "a.json"):
        Path("other").mkdir(exist_ok=True)
        (Path("other") / foreign).write_text('{"mine": 1}')
        assert run("render", "a.txt", "--out", "other") == 1
        assert "in the way" in run.err
        assert "hint:" in run.err
        assert names("other") == [foreign]
        (Path("other") / foreign).unlink()


def test_what_it_wrote_is_not_read_again(run: Run) -> None:
    Path("src/pages").mkdir(parents=True)
    Path("src/pages/a.txt").write_text("Some words.")
    for _ in range(2):
        assert run("render", ".") == 0
        assert "1 document, 1 page in pages" in run.out


def test_what_is_skipped_is_reported(run: Run) -> None:
    Path("in").mkdir()
    Path("in/a.md").write_text("Good words.")
    Path("in/b.pdf").write_bytes(b"no pdf")
    assert run("render", "in") == 3
    assert "b.pdf" in run.err
    assert names() == ["a-00001.png", "a.json"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("a.txt", "nowhere.txt"), 1, "nowhere.txt"),
        (("a.txt", "--profile", "bold"), 1, "there is no preset 'bold'"),
        (("a.txt", "--profile", "dense", "--config", "c.yaml"), 1, "both --profile and --config"),
        (("a.txt", "--config", "c.yaml"), 1, "c.yaml"),
        (("a.txt", "--out", "a.txt"), 1, "cannot write"),
        (("a.txt", "--workers", "0"), 2, "--workers"),
        ((), 2, "at least one file"),
    ],
)
def test_errors_say_what_to_do(run: Run, arguments: tuple[str, ...], code: int, message: str) -> None:
    Path("a.txt").write_text("Some words.")
    assert run("render", *arguments) == code
    assert message in run.err
    assert code == 2 or "hint:" in run.err
    assert not Path("pages").exists()


def test_an_interrupted_run_leaves_whole_files(tmp_path: Path) -> None:
    document = Document("a", "Some words.\n\n" * 500)
    folder = PageFolder(tmp_path)
    rendered = render_documents([document], SMALL)
    with pytest.raises(KeyboardInterrupt), folder.document("a") as files:
        for page, png in rendered:
            files.add(page, png)
            if page.number == 3:
                raise KeyboardInterrupt
    assert names(str(tmp_path)) == ["a-00001.png", "a-00002.png", "a-00003.png"]
    assert all(size_of(path) for path in tmp_path.iterdir())


# The audit.


def test_audit_reads_a_store_back(run: Run, handbook: Path) -> None:
    with GlyphRAG.open("kb", embedder=HashEmbedder()) as rag:
        rag.add([Document("d", "Up to eight days of leave can be carried over into the next year.")])
    assert run("audit", "--store", "kb", "--max-cer", "0.1") == 0
    assert "Latin" in run.out
    assert "1 pages read" not in run.out
    assert run("audit", "--store", "nowhere") == 1
    assert "there is no store" in run.err


def test_audit_fails_above_the_threshold(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    worst = ReadLine("0123456789abcdef", Box(8, 18, 90, 30), "the [source]", "thc [source]")
    found = Legibility(2, Count(10, 200, 5, 5), 3, {"LATIN": Count(10, 200, 5, 5)}, (worst,))
    asked = []
    monkeypatch.setattr(store_audit, "audit_store", lambda *arguments, **_: asked.append(arguments) or found)
    assert run("audit", "--store", "kb", "--max-cer", "0.024", "--sample", 7, "--seed", 3) == 1
    assert asked == [(Path("kb"), 7, 3)]
    assert "2.50%" in run.err
    assert "thc [source]" in run.out
    assert "3 lines not read" in run.out
    assert run("audit", "--store", "kb", "--max-cer", "0.025") == 0
    nothing = Legibility(2, Count(), 3, {}, ())
    monkeypatch.setattr(store_audit, "audit_store", lambda *_, **__: nothing)
    assert run("audit", "--store", "kb") == 0
    assert run("audit", "--store", "kb", "--max-cer", "1") == 1

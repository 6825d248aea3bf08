"""The notebooks run from top to bottom, and show what is on disk.

Those that need a distribution of integrations/ are left out where that is not installed, unless the environment says
NOTEBOOKS=all, as in continuous integration: there a missing one is a failure.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError
from PIL import Image

from scripts import notebooks

NEEDS = {
    "2_langchain": ("langchain_core", "langchain_glyph_rag"),
    "3_llama_index": ("llama_index", "llama_index_glyph_rag"),
}
SCRIPTS = [pytest.param(script, id=script.stem) for script in notebooks.scripts()]


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_notebook_on_disk_belongs_to_its_script(script: Path) -> None:
    assert notebooks.differs(script) == ""


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_notebook_shows_what_its_script_does(script: Path, tmp_path: Path) -> None:
    missing = [name for name in NEEDS.get(script.stem, ()) if find_spec(name) is None]
    if missing and os.environ.get("NOTEBOOKS") != "all":
        pytest.skip(f"{missing[0]} is not installed")
    with ThreadPoolExecutor() as pool:
        said = pool.submit(said_by, script, tmp_path)
        fresh = notebooks.run(notebooks.convert(script))
    on_disk = nbformat.read(script.with_suffix(".ipynb"), as_version=4)

    assert notebooks.printed(fresh) == said.result() == notebooks.printed(on_disk)
    sizes = [size_of(picture) for picture in notebooks.pictures(fresh)]
    assert sizes, "no pictures"
    assert sizes == [size_of(picture) for picture in notebooks.pictures(on_disk)]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in notebooks.FOLDER.glob("*.ipynb")])
def test_a_notebook_is_small_and_its_links_lead_somewhere(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    sources = "\n".join(cell.source for cell in notebook.cells)
    assert path.stat().st_size <= notebooks.MAX_NOTEBOOK
    assert not re.search(r"/(tmp|home|root|Users|var)/|[A-Z]:\\", sources + notebooks.printed(notebook))
    links = re.findall(r"\]\((?!https?:)([^)#]+)", sources)
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_running_a_notebook_twice_writes_the_same_file(folder: Path) -> None:
    script = percent(folder, "print('one')", "from IPython.display import SVG\nSVG('<svg xmlns=\"a\"/>')")
    assert notebooks.main([]) == 0
    first = script.with_suffix(".ipynb").read_bytes()
    assert notebooks.main(["1_some"]) == 0
    assert script.with_suffix(".ipynb").read_bytes() == first
    assert notebooks.main(["--check"]) == 0


def test_what_is_printed_between_pictures_stays_there_in_one_piece(folder: Path) -> None:
    script = percent(
        folder, "from IPython.display import SVG, display",
        "for text in 'ab':\n    for _ in range(3):\n        print(text, flush=True)\n    display(SVG('<svg/>'))",
    )  # fmt: skip
    outputs = notebooks.run(notebooks.convert(script)).cells[-1].outputs
    assert [output.get("text", "picture") for output in outputs] == ["a\na\na\n", "picture", "b\nb\nb\n", "picture"]


def test_the_check_finds_what_does_not_belong(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = percent(folder, "print(1)")
    notebook = script.with_suffix(".ipynb")

    def fault() -> str:
        assert notebooks.main(["--check"]) == 1
        return capsys.readouterr().err

    assert "is missing" in fault()
    nbformat.write(notebooks.convert(script), notebook)
    assert "was not run" in fault()
    percent(folder, "print(2)")
    assert "has other cells" in fault()
    with pytest.raises(SystemExit, match="no notebook '2_some'"):
        notebooks.main(["--check", "2_some"])


@pytest.mark.parametrize(
    ("cell", "error", "words"),
    [
        ("1 / 0", CellExecutionError, "ZeroDivisionError"),
        ("import os; print(os.getcwd())", ValueError, "path of this machine"),
        ("import warnings; warnings.warn('old')", ValueError, "old"),
        ("import os; from IPython.display import Image; Image(b'\\x89PNG' + os.urandom(60_000), format='png')",
         ValueError, "a picture has 60,004 bytes"),
    ],
)  # fmt: skip
def test_what_nobody_should_see_is_not_written(folder: Path, cell: str, error: type[Exception], words: str) -> None:
    script = percent(folder, cell)
    with pytest.raises(error, match=words):
        notebooks.write(script)
    assert not script.with_suffix(".ipynb").exists()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of notebooks that is not the real one."""
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    return tmp_path


def percent(folder: Path, *cells: str) -> Path:
    path = folder / "1_some.py"
    path.write_text("# %% [markdown]\n# # Some\n" + "".join(f"\n# %%\n{cell}\n" for cell in cells), "utf-8")
    return path


def said_by(script: Path, folder: Path) -> str:
    """What a script prints when Python runs it, without the lines that stand for pictures."""
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=folder,
        env={**notebooks.with_integrations(), "TMPDIR": str(folder), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return re.sub(r"<IPython\.core\.display\.\w+ object>\n", "", done.stdout)


def size_of(picture: bytes) -> tuple[int, int]:
    if picture.startswith(b"<svg"):
        width, height = re.findall(rb'^<svg[^>]* width="(\d+)"[^>]* height="(\d+)"', picture)[0]
        return int(width), int(height)
    with Image.open(io.BytesIO(picture)) as image:
        image.load()
        return image.size

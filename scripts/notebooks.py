"""Make the notebooks from the scripts beside them: ``python -m scripts.notebooks``.

`notebooks/NAME.py` is a script in percent format, which one edits and reads in reviews; `notebooks/NAME.ipynb` is the
same with what its cells printed and drew, which one looks at. With ``--check`` nothing is run: it is an error if the
cells of a notebook are not those of its script.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from traitlets.config import Config

FOLDER = Path(__file__).parents[1] / "notebooks"
MAX_PICTURE = 60_000
"""Bytes of a picture."""
MAX_NOTEBOOK = 400_000
"""Bytes of a notebook."""
_CELL_SECONDS = 300
# Nothing of the machine that ran it, so that running it again elsewhere changes nothing.
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}


def scripts(names: Iterable[str] = ()) -> list[Path]:
    """The scripts of the notebooks, in order: all of them, or those with these names, without suffix.

    Raises:
        SystemExit: If there is none of such a name.
    """
    found = {path.stem: path for path in sorted(FOLDER.glob("[0-9]*.py"))}
    if missing := [name for name in names if name not in found]:
        raise SystemExit(f"there is no notebook {missing[0]!r}; there are {', '.join(found)}")
    return [found[name] for name in names] or list(found.values())


def convert(script: Path) -> NotebookNode:
    """The notebook of a script, not run yet."""
    notebook: NotebookNode = jupytext.reads(script.read_text("utf-8"), fmt="py:percent")
    notebook.metadata = nbformat.from_dict(_METADATA)
    for number, cell in enumerate(notebook.cells, 1):
        cell.id, cell.metadata = f"cell-{number}", NotebookNode()
    return notebook


def run(notebook: NotebookNode) -> NotebookNode:
    """Runs a notebook from top to bottom, in a fresh folder and a fresh interpreter.

    Raises:
        CellExecutionError: If a cell fails.
        ValueError: If what it shows is too large, or names a path of this machine.
    """
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        # Nothing is shared with another run: not a port, nor IPython's folder at home.
        environment = {**with_integrations(), "IPYTHONDIR": folder, "TMPDIR": folder}
        sockets = {"transport": "tcp" if sys.platform == "win32" else "ipc"}
        sockets["connection_file"] = str(Path(folder, "kernel.json"))
        client = NotebookClient(
            notebook,
            config=Config(KernelManager=sockets),
            timeout=_CELL_SECONDS,
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        client.execute(env=environment)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = _joined(cell.outputs)
        _check_outputs(notebook, folder)
    notebook.metadata = nbformat.from_dict(_METADATA)
    return notebook


def with_integrations() -> dict[str, str]:
    """The environment of an interpreter that finds what is in `integrations/`, installed or not."""
    paths = [str(path.parent) for path in sorted(FOLDER.parent.glob("integrations/*/pyproject.toml"))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}


def printed(notebook: NotebookNode) -> str:
    """All that the cells of a notebook printed."""
    return "".join(output.text for output in _outputs(notebook) if output.output_type == "stream")


def pictures(notebook: NotebookNode) -> list[bytes]:
    """The files of all pictures that a notebook shows, PNG and SVG."""
    shown = [output.data for output in _outputs(notebook) if "data" in output]
    return [base64.b64decode(data["image/png"]) for data in shown if "image/png" in data] + [
        data["image/svg+xml"].encode() for data in shown if "image/svg+xml" in data
    ]


def write(script: Path) -> Path:
    """Runs a script as a notebook, and writes that beside it."""
    path = script.with_suffix(".ipynb")
    text = nbformat.writes(run(convert(script)), ensure_ascii=False)
    if len(text.encode()) > MAX_NOTEBOOK:
        raise ValueError(f"{path.name} has {len(text.encode()):,} bytes, more than {MAX_NOTEBOOK:,}")
    path.write_text(text + "\n", "utf-8", newline="\n")
    return path


def differs(script: Path) -> str:
    """Why the notebook on disk does not belong to its script; empty if it does."""
    path = script.with_suffix(".ipynb")
    if not path.is_file():
        return f"{path.name} is missing"
    notebook = nbformat.reads(path.read_text("utf-8"), as_version=4)
    if _bare(notebook) != _bare(convert(script)):
        return f"{path.name} has other cells than {script.name}"
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"]
    if counts != list(range(1, len(counts) + 1)):
        return f"{path.name} was not run from top to bottom"
    return ""


def main(arguments: list[str] | None = None) -> int:
    """Writes notebooks, or checks them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="such as 1_quick_start; all of them by default")
    parser.add_argument("--check", action="store_true", help="only say whether the notebooks belong to their scripts")
    options = parser.parse_args(arguments)
    if not options.check:
        for script in scripts(options.names):
            print(write(script))
        return 0
    faults = [fault for script in scripts(options.names) if (fault := differs(script))]
    for fault in faults:
        print(f"{fault}; run `python -m scripts.notebooks`", file=sys.stderr)
    return 1 if faults else 0


def _bare(notebook: NotebookNode) -> list[tuple[str, str, str]]:
    return [(cell.id, cell.cell_type, cell.source) for cell in notebook.cells]


def _outputs(notebook: NotebookNode) -> Iterator[NotebookNode]:
    return (output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs)


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs of a cell, with what was printed between two pictures in one: in how many pieces it comes is chance."""
    joined: list[NotebookNode] = []
    for output in outputs:
        if joined and "name" in output and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def _check_outputs(notebook: NotebookNode, folder: str) -> None:
    if errors := [output.text for output in _outputs(notebook) if output.get("name") == "stderr"]:
        raise ValueError(f"a cell warns: {errors[0]}")
    if large := [len(picture) for picture in pictures(notebook) if len(picture) > MAX_PICTURE]:
        raise ValueError(f"a picture has {large[0]:,} bytes, more than {MAX_PICTURE:,}")
    if folder in nbformat.writes(notebook) or str(Path.home()) in printed(notebook):
        raise ValueError("a cell shows a path of this machine")


if __name__ == "__main__":
    sys.exit(main())

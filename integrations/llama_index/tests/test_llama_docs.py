"""Every example of the documentation runs, one after the other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from llama_fakes import CHECKED, SeeingLLM, make_index, words_of
from llama_index.core.base.llms.types import ChatMessage

import llama_index_glyph_rag

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "llama_index.md"


class ObligingLLM(SeeingLLM):
    """Fills in a form where it is asked to."""

    def _look(self, messages: Sequence[ChatMessage]) -> str:
        reply = super()._look(messages)
        return '{"days": 5, "until": "the end of March"}' if "valid JSON object" in words_of(messages) else reply


@pytest.mark.skipif(not PAGE.exists(), reason="the documentation is not part of this distribution")
# Engines that open a folder keep it open for as long as they are there.
@pytest.mark.filterwarnings("ignore:unclosed database in <sqlite3.Connection:ResourceWarning")
@pytest.mark.usefixtures("conversation")
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"llm": ObligingLLM(), "index": make_index(), "__name__": "docs"}
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for number, example in enumerate(examples):
        exec(compile(example, f"example {number}", "exec"), names)
    assert len(examples) >= 12
    printed = capsys.readouterr().out
    assert printed.count(CHECKED) >= 4
    assert "kb/leave.md:1-1" in printed


def test_the_line_that_changes_is_the_same_everywhere() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    diff = re.findall(r"```diff\n(.*?)```", readme, re.DOTALL)[0]
    assert "+    response_synthesizer=GlyphSynthesizer(llm)," in diff
    if PAGE.exists():
        assert diff in PAGE.read_text("utf-8")


def test_the_readme_has_every_public_name() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    assert [name for name in llama_index_glyph_rag.__all__ if f"`{name}" not in readme] == []

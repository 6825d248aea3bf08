"""What the documentation shows, run."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, ToolMessage
from langchain_eyes import CHECKED, LEAVE, SAID, SeeingModel, images

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "langchain.md"


class Asked(SeeingModel):
    """Calls the tool that an agent gives it, and answers when that has."""

    tools: bool = False

    def bind_tools(self, tools, **kwargs):
        return self.model_copy(update={"tools": True})

    def _reply(self, messages):
        super()._reply(messages)
        if self.tools and not any(isinstance(message, ToolMessage) for message in messages):
            return AIMessage("", tool_calls=[{"name": "search", "args": {"query": "leave"}, "id": "1"}])
        return AIMessage(SAID)


@pytest.fixture
def namespace(monkeypatch, tmp_path):
    model = Asked(secrets=[])
    openai = types.ModuleType("langchain_openai")
    openai.ChatOpenAI = lambda **settings: model
    monkeypatch.setitem(sys.modules, "langchain_openai", openai)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handbook").mkdir()
    (tmp_path / "handbook" / "leave.md").write_text(LEAVE)
    return {"sent": model.seen}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def side(diff: str, sign: str) -> str:
    """A diff with the lines of one side."""
    return "\n".join(line[1:] for line in diff.splitlines() if line[:1] in (" ", sign, ""))


def test_every_example_runs(namespace):
    for block in blocks("python"):
        exec(block, namespace)
    assert namespace["answer"] == CHECKED
    assert namespace["checked"].answer.text == CHECKED
    assert namespace["found"]["supported"]
    assert namespace["result"]["answer"] == CHECKED
    assert namespace["best"][0].metadata["page_label"] == "3"
    assert len(namespace["fewer"]["context"]) == 1
    assert not images(namespace["as_text"].to_messages())
    assert len(namespace["sent"]) == 7
    namespace["with_eyes"].rag.close()
    namespace["store"].rag.close()


def test_both_sides_of_the_changes_on_top_run(namespace):
    setup = next(block for block in blocks("python") if "from_documents" in block)
    exec(setup, namespace)
    changes = blocks("diff")
    assert len(changes) == 2
    for sign in "-+":
        exec(side(changes[0], sign), namespace)
        assert namespace["chain"].invoke("Until when?") == SAID
        assert bool(images(namespace["sent"][-1])) is (sign == "+")
        exec(side(changes[1], sign), namespace)
        assert namespace["answer"] == (SAID if sign == "-" else CHECKED)
    namespace["store"].rag.close()


def test_every_page_names_the_same_change():
    change = "-    | prompt\n+    | GlyphPrompt(prompt)\n"
    assert change in PAGE.read_text("utf-8")
    assert change in (Path(__file__).parents[1] / "README.md").read_text("utf-8")

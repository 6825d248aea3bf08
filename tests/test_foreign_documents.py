"""Documents in a language that the embedder does not know: counted, and said once."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from glyph_rag import Document, GlyphRAG
from glyph_rag.cli import app
from glyph_rag.testing import HashEmbedder, ScriptedReader

ENGLISH = "The canteen is open from half past eleven to two, and there is coffee all day."
CHINESE = "食堂十一点半开门，下午两点关门，全天供应咖啡。"
NOTE = "glyph-rag[multilingual]"


def test_documents_in_unknown_languages_are_counted(tmp_path: Path) -> None:
    documents = [Document("en", ENGLISH), Document("zh", CHINESE), Document("ids", "ERR_42 0x80070005")]
    for languages, foreign in ((frozenset({"en"}), 1), (None, 0)):
        embedder = HashEmbedder(languages=languages)
        with GlyphRAG.open(tmp_path / str(foreign), embedder=embedder, reader=ScriptedReader()) as rag:
            assert rag.add(documents).foreign == foreign
            assert rag.add(documents).foreign == 0


def test_the_command_line_says_so_where_most_are(tmp_path: Path) -> None:
    for name, texts, said in (("zh", [CHINESE, CHINESE + "一", ENGLISH], True), ("en", [ENGLISH, CHINESE], False)):
        tree = tmp_path / name
        tree.mkdir()
        for number, text in enumerate(texts):
            (tree / f"{number}.md").write_text(text, encoding="utf-8")
        command = ["index", str(tree), "--store", str(tmp_path / f"kb-{name}")]
        first, again = (CliRunner().invoke(app, command) for _ in range(2))
        assert (first.exit_code, again.exit_code) == (0, 0)
        assert (NOTE in first.output) == said
        assert NOTE not in again.output

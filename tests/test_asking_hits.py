"""Answers from hits that were found before, as adapters and rerankers have them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from glyph_rag import Document, GlyphRAG
from glyph_rag.errors import InputError, ProfileError
from glyph_rag.passages import Given, hits_of, number_of, typeset_passages
from glyph_rag.testing import HashEmbedder, ScriptedReader

QUESTION = "How many days of leave?"


def test_hits_are_read_as_they_come_and_nothing_is_searched(tmp_path: Path) -> None:
    embedder, reader = HashEmbedder(), ScriptedReader("The relay listens on port 8443.")
    with GlyphRAG.open(tmp_path, embedder=embedder, reader=reader) as rag:
        rag.add([Document("leave", "28 days of leave."), Document("relay", "The relay listens on port 8443.")])
        hits = rag.search("relay port", 1)
        whole = rag.ask(QUESTION, hits=hits, k=5, where={"document_id": "leave"})
        later = asyncio.run(rag.aask(QUESTION, hits=hits))
        stream = rag.stream(QUESTION, hits=hits)
        assert "".join(stream) == "The relay listens on port 8443."

        async def read() -> str:
            words = await rag.astream(QUESTION, hits=hits)
            return "".join([word async for word in words])

        assert asyncio.run(read()) == "The relay listens on port 8443."
        assert not rag.ask(QUESTION, hits=[]).found
        with pytest.raises(InputError, match="empty"):
            rag.ask(" ", hits=hits)
    assert whole.citations == later.citations == stream.answer.citations
    assert [citation.document_id for citation in whole.citations] == ["relay"]
    assert [plan.pages[0].page_ids for plan in reader.plans] == [(hits[0].page.id,)] * 4


def test_passages_as_hits_are_what_is_typeset() -> None:
    passages = [Given("One.", "a.md", 3), Given(""), Given("Three.", "c.pdf", place="page 2")]
    hits = hits_of(passages, "dense")
    assert [number_of(hit.page.document_id) for hit in hits] == [0, 2]
    assert [hit.page.text for hit in hits] == ["One.", "Three."]
    assert [hit.page.id for hit in hits_of(passages)] == [e.home.id for e in typeset_passages(passages).job.excerpts]
    with pytest.raises(ProfileError):
        hits_of(passages, "densest")

"""What several tests need."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from glyph_rag.rag import GlyphRAG
from glyph_rag.testing import HashEmbedder

settings.register_profile("default", deadline=None, max_examples=60)
settings.load_profile("default")

HANDBOOK = Path(__file__).parent.parent / "glyph_rag" / "demo" / "handbook"


@pytest.fixture
def handbook() -> Path:
    return HANDBOOK


@pytest.fixture
def rag(tmp_path: Path):
    """An empty store whose embedder needs no model."""
    with GlyphRAG.open(tmp_path / "kb", embedder=HashEmbedder()) as opened:
        yield opened

"""Rebuilds the data files shipped under ``glyph_rag/assets`` from pinned public packages."""

"""The command line, `glyph-rag`; `app.py` lists its commands."""

from glyph_rag.cli.app import app, main

__all__ = ["app", "main"]

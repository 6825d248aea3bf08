"""The command line: `glyph-rag index | search | ask | render | audit | demo`."""

from glyph_rag.cli.app import app, main

__all__ = ["app", "main"]

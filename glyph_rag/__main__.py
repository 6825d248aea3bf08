"""`python -m glyph_rag`."""

from glyph_rag.cli import main

if __name__ == "__main__":
    main()

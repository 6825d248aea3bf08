"""Files that say how pages are set: `render_config`, in our own keys or in those of thu-coai/Glyph."""

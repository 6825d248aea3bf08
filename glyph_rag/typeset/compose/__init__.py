"""From text to places: paragraphs, words, lines and pages."""

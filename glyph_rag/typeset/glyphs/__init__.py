"""From fonts to words: shaped, measured and drawn once, and then only looked up."""

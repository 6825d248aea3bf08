"""The embedded reader: recognises lines, and chooses what of them answers."""

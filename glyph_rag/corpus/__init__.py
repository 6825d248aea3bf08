"""The first step: files become documents, and documents become chunks."""

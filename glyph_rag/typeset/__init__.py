"""Chunks to pages, and pages to pixels."""

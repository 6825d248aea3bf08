"""Hits to a verified answer."""

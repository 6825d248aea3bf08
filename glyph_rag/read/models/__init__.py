"""Readers that are vision-language models: behind an endpoint, or on this machine."""

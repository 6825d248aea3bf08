"""Text from documents is data: what of it is hidden, and what speaks to a model."""

"""What a reader is shown: from hits to a plan within a budget."""

"""What a question asks for: its words, its kind, and what it follows."""

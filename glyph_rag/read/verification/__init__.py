"""Whether the source says what an answer says: exactly, in other words, nearly, or not."""

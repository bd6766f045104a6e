"""The quote gate: texts folded with their places kept, spans found, misquotes told apart."""

"""Answers that were given before: to the very same request, or to one that asks for the same."""

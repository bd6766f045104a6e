"""What every tokenizer takes."""

from __future__ import annotations


def whole_characters(text: str) -> str:
    """The text with `?` for each lone surrogate, which is no Unicode text and is refused."""
    return text.encode("utf-8", "replace").decode("utf-8")

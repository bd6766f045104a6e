"""What is found in texts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Something in a text that makes it more than ordinary."""

    start: int
    """In code points."""
    end: int
    kind: str
    """`email`, `phone`, `iban`, `card`, `national-id`, `address`, `name`, …, of secrets `key`,
    `token`, `password`, `private-key`, `entropy`; or the name of a pattern of the project."""
    confidence: float
    """0..1: how often what looks so is what it looks like."""
    detail: str = ""
    """What kind of it: the country of a number, the provider of a key. Never the value."""

    def of(self, text: str) -> str:
        """The characters that it stands for."""
        return text[self.start : self.end]

"""Shapes: a pattern, what it stands for, and words without which it cannot stand in a text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from orchestrator.guard.values import Finding

Judge = Callable[[str], float]
"""How sure it is that a value is what it looks like, after a second look; 0: it is not."""


@dataclass(frozen=True)
class Shape:
    """Something that is known by how it looks."""

    kind: str
    detail: str
    source: str
    """The pattern. What its group `v` holds is the value, where it has one; else all of it."""
    hints: tuple[str, ...] = ()
    """One of these stands in every text that the pattern finds something in, in lower case."""
    confidence: float = 0.99
    judge: Judge | None = None

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Compiled when it is first needed."""
        return re.compile(self.source)

    @cached_property
    def _group(self) -> str | int:
        return "v" if "v" in self.pattern.groupindex else 0

    def may_stand_in(self, low: str) -> bool:
        """Whether one of the hints stands in a text, given in lower case."""
        for hint in self.hints:
            if hint in low:
                return True
        return not self.hints

    def find(self, text: str) -> Iterator[Finding]:
        """Each place where it stands."""
        for match in self.pattern.finditer(text):
            start, end = match.span(self._group)
            sure = self.confidence if self.judge is None else self.judge(text[start:end])
            if sure and end > start:
                yield Finding(start, end, self.kind, sure, self.detail)

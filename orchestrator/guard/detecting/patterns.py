"""What only this project knows: the patterns that its policy names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.guard.values import Finding

if TYPE_CHECKING:
    from orchestrator.project.guard_schema import Pattern

PATIENCE_S = 0.1
"""How long one pattern may look at one text."""


def compiled(source: str) -> Any:
    """A pattern made ready.

    Raises:
        ValueError: it is none; says where and why.
    """
    import regex  # can be told when to give up, which `re` cannot

    try:
        return regex.compile(source)
    except regex.error as error:
        raise ValueError(str(error)) from None


class ProjectPatterns:
    """Looks for the patterns of one policy.

    Args:
        declared: as policy.yaml has them, by name.
    """

    def __init__(self, declared: Mapping[str, Pattern]) -> None:
        self._declared = declared
        self._compiled: dict[str, Any] = {}

    def __bool__(self) -> bool:
        return bool(self._declared)

    def find(self, text: str) -> Iterator[Finding]:
        """What they find. Where one takes too long, all of the text counts as found: nobody knows
        what it holds."""
        for name, pattern in self._declared.items():
            known = self._compiled.get(name)
            if known is None:
                known = self._compiled[name] = compiled(pattern.pattern)
            try:
                for match in known.finditer(text, timeout=PATIENCE_S):
                    if match.end() > match.start():
                        yield Finding(match.start(), match.end(), name, pattern.confidence)
            except TimeoutError:
                yield Finding(0, len(text), name, pattern.confidence, "took too long")

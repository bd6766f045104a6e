"""Passages that are data and no prose: JSON taken apart into lines and yes-or-no values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.evidence.scoring.words import is_content, tokens

_LEAF = re.compile(
    r"""["'](?P<key>\w+)["']\s*:\s*"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"|true|false|null|True|False|None|-?\d[\d.]*)"""
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_STATES = {"true": True, "false": False, "null": None, "none": None}
_PROSE = 12  # words from which on a value is text to be read as sentences
_GENERAL = frozenset({"good", "best", "name", "type", "info", "has", "is"})


@dataclass(frozen=True, slots=True)
class Leaf:
    """One `key: value`; `start` and `end` are where it stands in the passage."""

    key: str
    """In words: `outdoor seating`."""
    value: str
    start: int
    end: int

    @property
    def is_prose(self) -> bool:
        """Whether the value is a text of its own."""
        return len(self.value.split()) > _PROSE

    @property
    def text(self) -> str:
        """The leaf as a line."""
        return f"{self.key} {self.value}"


@dataclass(frozen=True, slots=True)
class Flag:
    """What a record says yes, no or nothing (`None`) to."""

    words: tuple[str, ...]
    """The content words of its key that tell it from the other keys; in lower case."""
    state: bool | None


def leaves(text: str) -> list[Leaf]:
    """The keys with their values, in order; empty where the text is no record."""
    if text.lstrip()[:1] not in ("{", "["):
        return []
    found = []
    for match in _LEAF.finditer(text):
        value = match["value"]
        start = match.start()
        if value[0] == '"':
            value = value[1:-1].replace("\\n", "  ").replace('\\"', ' "')
            start = match.start("value") + 1 if len(value.split()) > _PROSE else start
        found.append(Leaf(_CAMEL.sub(" ", match["key"]).lower(), value, start, match.end()))
    return found


def flags(found: Sequence[Leaf]) -> list[Flag]:
    """The yes-or-no values among the leaves, each key told from the others."""
    keys = {leaf.key: tokens(leaf.key) for leaf in found}
    counts = Counter(word for words in keys.values() for word in words)
    result = []
    for leaf in found:
        state = leaf.value.lower()
        if state not in _STATES:
            continue
        words = [w for w in keys[leaf.key] if is_content(w) and w not in _GENERAL]
        telling = [w for w in words if counts[w] == 1] or words
        if telling:
            result.append(Flag(tuple(telling), _STATES[state]))
    return result

"""A block of a text: a paragraph, an item, a heading, a row of a table, a line of code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BlockKind = Literal["paragraph", "item", "heading", "row", "code"]
MINOR = 7
"""The level of a heading that no markup ranks: it stands below all that do."""


@dataclass(frozen=True, slots=True)
class Block:
    """`text[start:end]` is one block."""

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    """Of a heading: 1 to 6, or `MINOR`; else 0."""
    until: int = 0
    """Of a heading, where what it stands above ends; 0 where the next heading ends it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The searchable view of a text, and its blocks in order."""

    prose: str
    blocks: tuple[Block, ...]

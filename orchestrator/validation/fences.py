"""Markdown code fences: what an answer consists of when it wraps what was asked for in one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from orchestrator.validation.text import LONGEST

T = TypeVar("T")

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^`]*)")


def bare(text: str, parse: Callable[[str], T]) -> tuple[str, T]:
    """What was asked for, without the fence and words around it, and what `parse` makes of it.

    It is the whole text, or else the content of the only code fence in it. Without a fence
    nothing is guessed: words around it make the answer invalid. With two it is not clear which
    one is meant, and that is invalid as well. A text that as a whole is what was asked for may
    hold fences of its own, as a docstring may.

    Raises:
        ValueError: of `parse`, or because of the fences.
    """
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters; at most {LONGEST:,} are read")
    text = text.strip()
    blocks, is_open = _blocks(text)
    if not blocks and not is_open:
        return text, parse(text)
    if not _FENCE.match(text):
        try:
            return text, parse(text)
        except ValueError:
            pass  # the fences are not part of it, so it stands in one of them
    if is_open:
        raise ValueError("the code block is not closed: the end is missing")
    if len(blocks) > 1:
        raise ValueError(f"it holds {len(blocks)} code blocks; exactly one is expected")
    return blocks[0], parse(blocks[0])


def _blocks(text: str) -> tuple[list[str], bool]:
    """The content of each closed fence as CommonMark reads them, and whether one is open."""
    blocks: list[str] = []
    inside: list[str] = []
    opened = ""
    for line in text.split("\n"):
        fence = _FENCE.fullmatch(line.rstrip())
        if not opened:
            if fence:
                opened, inside = fence[1], []
        elif fence and not fence[2].strip() and fence[1].startswith(opened):
            blocks.append("\n".join(inside))
            opened = ""
        else:
            inside.append(line)
    return blocks, bool(opened)

"""What a task of classifying names in plain words: the classes, and the text to be classified."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.evidence.values import Passage

_LABELS = re.compile(r"\b(?:as|into|labels?|categories|classes|one of)\b:?\s+([^.?!\n]+)", re.I)
_QUOTED = re.compile(r"[\"“](.{3,}?)[\"”]", re.DOTALL)
_AFTER_COLON = re.compile(r":\s+(.+)$", re.DOTALL)
_APART = re.compile(r"\s*,\s*(?:or\s+|and\s+)?|\s+or\s+|\s+and\s+|\s*/\s*")
_ARTICLE = re.compile(r"^(?:either|an?|the)\s+", re.IGNORECASE)


def labels_in(task: str) -> tuple[str, ...]:
    """The classes of "Classify this as bug, question or praise: …"; empty for fewer than two."""
    found = _LABELS.search(task.split("\n")[0])
    if found is None:
        return ()
    names = (_ARTICLE.sub("", n.strip(" \"'“”")) for n in _APART.split(found[1].split(":")[0]))
    kept = tuple(dict.fromkeys(name for name in names if name))
    return kept if len(kept) > 1 else ()


def text_in(task: str, passages: Sequence[Passage]) -> str:
    """The text in quotation marks or after the colon, else the passages."""
    found = _QUOTED.search(task) or _AFTER_COLON.search(task)
    return found[1] if found else "\n".join(p.text for p in passages)

"""The handbook: clauses with ids, who may read them, and the numbers that stand in them.

A limit has one place, the clause that states it. Change "30 days" in `handbook/returns.md`, and the
desk decides by the new number; take the number away, and it says so instead of deciding.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator import UserError, function
from orchestrator.evidence.sources.documents import load_document
from orchestrator.evidence.values import Passage

PROJECT = Path(__file__).parent.parent
INTERNAL = "handbook/desk.md"
"""Its clauses bind the desk and are never quoted to a customer."""
_CLAUSE = re.compile(r"^\*\*(?P<id>[A-Z]\d+)\*\* (?P<text>.+)$", re.MULTILINE)


def clauses() -> dict[str, Passage]:
    """Every clause by its id, with its place in its file."""
    found: dict[str, Passage] = {}
    for path in sorted((PROJECT / "handbook").glob("*.md")):
        document = load_document(path)
        for clause in _CLAUSE.finditer(document.text):
            found[clause["id"]] = Passage(
                id=clause["id"],
                file=str(path.relative_to(PROJECT)),
                start=clause.start("text"),
                end=clause.end("text"),
                text=clause["text"],
                doc_hash=document.hash,
            )
    return found


def number(clause: str, words: str) -> int:
    """The number that a clause states: `number("R1", "within {} days")`.

    Raises:
        UserError: the clause does not say it any more.
    """
    before, after = (re.escape(part) for part in words.split("{}"))
    text = clauses()[clause].text if clause in clauses() else ""
    found = re.search(rf"{before}(\d+){after}", text)
    if found is None:
        raise UserError(
            f"handbook: clause {clause} does not say '{words}'; found: {text or 'none'}"
        )
    return int(found[1])


def banned() -> tuple[str, ...]:
    """The words that no answer says: what clause G7 quotes."""
    return tuple(re.findall(r'"([^"]+)"', clauses()["G7"].text))


@function("clauses_of")
def clauses_of(inputs: Mapping[str, Any]) -> tuple[Passage, ...]:
    """What of a decision's clauses a customer may read: to draft from, and to check against."""
    known = clauses()
    found = (known[id] for id in inputs["decision"].clauses)
    return tuple(clause for clause in found if clause.file != INTERNAL)

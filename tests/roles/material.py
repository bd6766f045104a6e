"""A small handbook, with passages that do not begin at the start of their file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from orchestrator.evidence.values import Draft, Passage, Sentence
from tests.roles.fake_work import passage, span

LEAVE = passage(
    1,
    "Employees are entitled to 25 days of paid leave per year. "
    "Unused days may be carried over until 31 March.",
    "leave.md",
    start=200,
)
REMOTE = passage(
    2,
    "Employees may work remotely on up to three days a week. "
    "Tuesday is the common office day for all teams.",
    "remote.md",
    start=50,
)
MEMO = passage(3, "Employees are entitled to 20 days of paid leave per year.", "memo.md")
PASSAGES = (LEAVE, REMOTE)

DAYS = "Employees are entitled to 25 days of paid leave per year."
CARRY = "Unused days may be carried over until 31 March."
WEEK = "Employees may work remotely on up to three days a week."
TUESDAY = "Tuesday is the common office day for all teams."


def said(text: str, of: Passage, quote: str = "", number: int = 1, **fields: Any) -> Sentence:
    """An evidence sentence that cites `quote`, or itself, in the passage."""
    return Sentence(id=f"s{number}", text=text, citations=(span(of, quote or text),), **fields)


def draft(*sentences: Sentence, **fields: Any) -> Draft:
    """A draft with the ids numbered."""
    numbered = [s.model_copy(update={"id": f"s{n}"}) for n, s in enumerate(sentences, start=1)]
    return Draft(sentences=tuple(numbered), **fields)


def written(*items: tuple[str, str, str], abstain: str = "", **fields: Any) -> str:
    """What a model writes: (text, passage, quote) as JSON."""
    sentences: Sequence[dict[str, Any]] = [
        {"text": text, "citations": [{"passage": p, "quote": quote}], **fields}
        for text, p, quote in items
    ]
    return json.dumps({"sentences": sentences, "abstain": abstain})

"""A question that leans on the one before it gets that one's subject. Code decides, by its words.

"When is it paid?" after "What is the monthly allowance for remote work?" is looked up as
"When is it paid (monthly allowance remote work)?". The answer still comes from the sources alone:
nothing that was answered before is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.evidence.language.words import words
from orchestrator.evidence.selecting.question import ask, is_verb

_LEAD = re.compile(r"^\W*(?:and|but|or|so|what about|how about|what if)\b", re.IGNORECASE)
_PRONOUN = re.compile(
    r"\b(?:it|its|they|them|their|he|she|him|her)\b"
    r"|\b(?:does|is|was|about|for|of|after|before) (?:this|that|these|those)\b",
    re.IGNORECASE,
)
_MOST_WORDS = 8


def follows_up(question: str) -> bool:
    """Whether a question leans on an earlier one.

    It begins with `and`, `what about` or the like; or it has a pronoun, and nothing before the
    pronoun for which that could stand.
    """
    if _LEAD.match(question):
        return True
    asked = ask(question)
    pronoun = _PRONOUN.search(asked.text)
    if pronoun is None:
        return False
    return not any(w.start < pronoun.start() and not is_verb(asked, w) for w in asked.subject)


def completed(question: str, earlier: Sequence[str]) -> str:
    """The question, with the subject of the one before it where it leans on that.

    Args:
        earlier: the questions before it, the oldest first; they may lean on each other.
    """
    subject = ""
    for text in (*earlier, question):
        if follows_up(text) and subject:
            own = {w.stem for w in words(text)}
            added = [w.text for w in words(subject) if w.is_content and w.stem not in own]
            text = _with(text, added[:_MOST_WORDS])
        subject = text
    return subject


def _with(question: str, added: Sequence[str]) -> str:
    if not added:
        return question
    text = question.rstrip()
    mark = text[-1] if text[-1:] in "?!." else ""
    return f"{text.removesuffix(mark)} ({' '.join(added)}){mark}"

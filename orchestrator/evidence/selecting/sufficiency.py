"""Can these sources answer at all? Judged before anybody is paid for a draft.

The judgement is made to let questions through: a wrong "no" costs an answer, a wrong "yes" costs a
draft that the checks will reject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.evidence.gates import missing_names
from orchestrator.evidence.language.reading import read
from orchestrator.evidence.passage_index import PassageIndex, index_of
from orchestrator.evidence.selecting.select import select
from orchestrator.evidence.values import Passage
from orchestrator.project.protocols import Embedder

HOPELESS = 0.15
"""How much of what is asked the best sentence must speak of. In trials with 80 questions that their
sources answer the least was 0.19; of 64 that theirs do not, 27 lay below."""


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """What the passages can do for a question, and what they lack, in words."""

    level: Literal["enough", "doubtful", "insufficient"]
    reason: str = ""
    """Empty where they are enough."""


def sufficiency(question: str, passages: Sequence[Passage], embedder: Embedder) -> Sufficiency:
    """Whether the passages may hold an answer.

    `insufficient`: hardly anything that the question is about stands there, or nothing answers it
    and somebody or something that it names is mentioned nowhere. `doubtful`: no sentence
    was found that answers, or such a name is missing alone; a writer may still see more.
    """
    index = index_of(passages, embedder)
    if not index.sentences:
        return Sufficiency("insufficient", "there are no sources that speak of it")
    found = select(question, passages, embedder, limit=1)
    unnamed = _unnamed(question, index)
    missing = f"the sources say nothing about {unnamed}" if unnamed else ""
    if found.spans:
        return Sufficiency("doubtful", missing) if missing else Sufficiency("enough")
    reason = missing or found.reason
    hopeless = found.answerable < HOPELESS or bool(missing)
    return Sufficiency("insufficient" if hopeless else "doubtful", reason)


def _unnamed(question: str, index: PassageIndex) -> str:
    """The first name of the question that stands in no passage and no heading; else empty."""
    asked = read(question)
    if not asked.names:
        return ""
    known = [s.reading for s in index.sentences]
    known += [read(f"{p.heading}. {p.about}") for p in index.passages if p.heading or p.about]
    return next(iter(missing_names(asked, known)), "")

"""Whether it is worth asking anybody to write: before the first paid word, on record."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.evidence.selecting.sufficiency import sufficiency
from orchestrator.evidence.values import Passage
from orchestrator.roles.work import Work


def lacks(work: Work, asked: str, passages: Sequence[Passage]) -> str:
    """What the passages lack to answer `asked`; empty where somebody may try.

    A doubt, and what is not to be tried, is a note on the hop. Without passages nothing is said:
    who has none does not write anyway.
    """
    judged = sufficiency(asked, passages, work.embedder) if passages else None
    if judged is None or judged.level == "enough":
        return ""
    if judged.level == "doubtful":
        work.note(f"the sources may not answer it: {judged.reason}")
        return ""
    work.note(f"nobody is asked to write, since the sources cannot answer it: {judged.reason}")
    return judged.reason

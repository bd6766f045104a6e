"""Sources that contradict each other: which spans, which is newer, and what stays undecided."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.evidence.recency import newer
from orchestrator.evidence.values import STANDING, Citation, ClaimCheck, Draft, Passage, Sentence
from orchestrator.roles.clauses import is_question

DISAGREE = "the sources disagree"


@dataclass(frozen=True, slots=True)
class Dispute:
    """Two spans, each proven letter by letter, that contradict each other."""

    sentence: Sentence
    own: Citation
    against: Citation
    remark: str = ""
    """Which of the two documents is newer, where they say so."""

    def __str__(self) -> str:
        said, other = flat(self.own.quote), flat(self.against.quote)
        text = f'{self.own.file} says "{said}", {self.against.file} says "{other}"'
        return f"{text} ({self.remark})" if self.remark else text


def disputes(
    sentence: Sentence, check: ClaimCheck, own: Sequence[Citation], passages: Sequence[Passage]
) -> list[Dispute]:
    """Where the sentence's own quote stands and carries it, and another span says otherwise.

    A sentence that its quote does not carry is its author's mistake, and no dispute of sources.
    """
    against = check.against
    if check.status != "contradicted" or against is None or _overlaps_any(own, against):
        return []
    standing = [
        c for c in own if c.status in STANDING and (c.supported or check.kind == "conflict")
    ]
    if not standing:
        return []
    remark = newer(standing[0].file, against.file, passages)
    return [Dispute(sentence, standing[0], against, remark)]


def quoted(found: Sequence[Dispute]) -> str:
    """The first three disputes in words; the same two spans are named once."""
    pairs = {
        frozenset({(c.file, c.start) for c in (d.own, d.against)}): str(d) for d in reversed(found)
    }
    return f"{DISAGREE}: " + "; ".join([*pairs.values()][::-1][:3])


def undecided(
    draft: Draft, kept: Sequence[Sentence], disputed: Sequence[Sentence], question: str
) -> frozenset[str]:
    """Subtasks that ask one question to which a disputed sentence is the answer.

    It is the answer where no kept sentence holds more of the question's words. A text of many
    sentences, such as a policy, only loses the disputed one.
    """
    titles = {s.subtask: s.text for s in draft.sentences if s.kind == "heading"}
    found = set()
    for part in {s.subtask for s in disputed}:
        asked = titles.get(part, question)
        own = [s for s in kept if s.subtask == part and s.kind != "heading"]
        if own and not (is_question(asked) and _on(asked, disputed, part) >= _on(asked, own, part)):
            continue
        found.add(part)
    return frozenset(found)


def flat(text: str) -> str:
    """White space collapsed."""
    return re.sub(r"\s+", " ", text).strip()


def stems(text: str) -> set[str]:
    """The stems of the words that say something."""
    from orchestrator.evidence.language.words import words

    return {w.stem for w in words(text.replace("-", " ")) if w.is_content}


def _overlaps_any(citations: Sequence[Citation], other: Citation) -> bool:
    return any(_overlap(c, other) for c in citations)


def _overlap(a: Citation, b: Citation) -> bool:
    return a.file == b.file and a.start < b.end and b.start < a.end


def _on(question: str, sentences: Sequence[Sentence], part: str) -> int:
    """How many of the question's words the best of a subtask's sentences holds."""
    words = stems(question)
    return max((len(words & stems(s.text)) for s in sentences if s.subtask == part), default=0)

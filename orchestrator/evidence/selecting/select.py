"""Which sentences answer a question, and whether any does. Code selects, no model is asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from orchestrator.evidence.language.words import words
from orchestrator.evidence.passage_index import Located, index_of, refers_back
from orchestrator.evidence.selecting.anchors import anchors
from orchestrator.evidence.selecting.disagreement import disagree
from orchestrator.evidence.selecting.followup import follows_up
from orchestrator.evidence.selecting.question import alternatives, ask, compares
from orchestrator.evidence.selecting.ranking import Ranking
from orchestrator.evidence.sources.chunks import sentences
from orchestrator.evidence.values import Citation, Passage
from orchestrator.project.protocols import Embedder

_NEAR_TOPIC = 0.4
_RELATED = 0.75  # below, a sentence is about something else even if it has a missing word
_GAIN = 0.1  # of the subject that a further sentence must add
_SAME = 0.8
_IN_BRACKETS = re.compile(r"(.*?)\s*\(([^()]*)\)\s*([?.!]?)\s*$", re.DOTALL)
_RIVALS = 12  # of the sentences that may answer, so many are compared with the best


@dataclass(frozen=True, slots=True)
class Selection:
    """The sentences that answer, in document order; none where there is no answer."""

    spans: tuple[Citation, ...]
    answerable: float
    """How much of what was asked the best sentence speaks of, 0..1."""
    reason: str
    """Not empty: why nothing was selected."""
    disputed: tuple[Citation, ...] = ()
    """Where the sources disagree: the two sentences that answer the question differently, which
    are then the spans."""


def select(
    question: str,
    passages: Sequence[Passage],
    embedder: Embedder,
    *,
    limit: int,
    exclude: frozenset[str] = frozenset(),
) -> Selection:
    """The sentences of the passages that answer a question or belong to a request's topic.

    A question is answered by a sentence that speaks of nearly all that it asks about and of
    nothing else in its place (another year, another device), and that holds what is asked for: a
    number of that kind for "how many", a date for "when", a name for "who". Headings, the first
    row of a table, the sentences before and what the whole document is about count for it. A
    question that names two alternatives is asked once for each. What its asker tells besides is
    looked for as well, and need not be there.

    Args:
        limit: the most sentences that come back.
        exclude: texts of sentences that must not come back.
    """
    whole = _select(question, passages, embedder, limit, exclude)
    if whole.spans and _on_both(question, whole):
        return whole
    parts = [_select(q, passages, embedder, 1, exclude) for q in alternatives(question)]
    if not parts or not all(part.spans for part in parts):
        core, told = _apart(question)
        if whole.spans or not told:
            return whole
        alone = _alone(core, told, passages, embedder, exclude)
        return alone if alone is not None and alone.spans else whole
    spans = {(c.file, c.start): c for part in parts for c in part.spans}
    disputed = next((part.disputed for part in parts if part.disputed), ())
    return Selection(tuple(spans.values()), min(p.answerable for p in parts), "", disputed)


def _apart(question: str) -> tuple[str, str]:
    """What is asked, and what is told besides: before it, or in brackets at its end."""
    if match := _IN_BRACKETS.match(question):
        return match[1] + match[3], match[2]
    parts = [question[s.start : s.end].strip() for s in sentences(question)]
    if len(parts) < 2 or [p.endswith("?") for p in parts] != [False] * (len(parts) - 1) + [True]:
        return question, ""
    return parts[-1], " ".join(parts[:-1])


def _alone(
    core: str, told: str, passages: Sequence[Passage], embedder: Embedder, exclude: frozenset[str]
) -> Selection | None:
    """The answer to what is asked alone.

    Where that leans on what is told, it is asked with each word of it, and the sentence that
    answers most of these is taken, if there is one such.
    """
    if not follows_up(core):
        return _select(core, passages, embedder, 1, exclude)
    stem = core.rstrip("?!. ")
    asked = [f"{stem} ({word.text})?" for word in words(told) if word.is_content]
    found = [_select(question, passages, embedder, 1, exclude) for question in asked]
    votes = Counter(selection.spans for selection in found if selection.spans)
    ranked = votes.most_common(2)
    if not ranked or (len(ranked) > 1 and ranked[0][1] == ranked[1][1]):
        return None
    return next(selection for selection in found if selection.spans == ranked[0][0])


def _on_both(question: str, whole: Selection) -> bool:
    """Whether what was found speaks itself of both things that a question compares."""
    named = [a for a in anchors(question) if a.kind != "moment"]
    said = {w.stem for c in whole.spans for w in words(c.quote)}
    return not compares(question) or all(a.words[-1].stem in said for a in named)


def _select(
    question: str,
    passages: Sequence[Passage],
    embedder: Embedder,
    limit: int,
    exclude: frozenset[str],
) -> Selection:
    index = index_of(passages, embedder)
    if not index.sentences:
        return Selection((), 0.0, "there are no sources")
    ranking = Ranking(ask(question), index)
    free = [i for i in ranking.order if not _is_excluded(index.sentences[i], exclude)]
    if not free:
        return Selection((), 0.0, "nothing is left that was not ruled out")
    value = ranking.answerable(free)
    if value < ranking.threshold:
        return Selection((), value, ranking.missing(free))
    if not ranking.asked.imperative:
        free = [i for i in free if ranking.qualifies(i)]
        if not free:
            return Selection((), value, ranking.missing(range(len(index.sentences))))
    chosen = _chosen(ranking, free, limit)
    rivals = _rivals(ranking, free[0])
    if rivals is not None:
        chosen = {*rivals}  # whatever else there is, this is what has to be told
    spans = tuple(index.sentences[i].citation() for i in sorted(chosen))
    return Selection(spans, value, "", spans if rivals is not None else ())


def _rivals(ranking: Ranking, best: int) -> tuple[int, int] | None:
    """The first two sentences that answer the question differently, the best one if it may be."""
    if ranking.asked.imperative:
        return None
    sentences, qualification = ranking.index.sentences, ranking.qualification
    alike = [
        other
        for other in ranking.order[:_RIVALS]
        if other != best
        and qualification.may_contradict(other)
        and qualification.speaks_alike(best, other)
    ]
    for one, other in combinations([best, *alike], 2):
        near = ranking.scores[one] >= _RELATED * ranking.scores[best]
        if near and disagree(ranking.asked, sentences[one].reading, sentences[other].reading):
            return one, other
    return None


def _is_excluded(sentence: Located, exclude: frozenset[str]) -> bool:
    text = " ".join(sentence.reading.text.split())
    return any(text == " ".join(e.split()) or (e and e in text) for e in exclude)


def _chosen(ranking: Ranking, free: Sequence[int], limit: int) -> set[int]:
    """The best sentences that are not said twice; one that refers back brings the one before.

    A question gets the best one; a further one only where it asks for no single value and where
    that one adds to it.
    """
    asked, sentences = ranking.asked, ranking.index.sentences
    top = ranking.scores[free[0]]
    chosen: set[int] = set()
    for i in free:
        if len(chosen) >= limit or ranking.scores[i] < top * (
            _NEAR_TOPIC if asked.imperative else _RELATED
        ):
            break
        further = not asked.imperative and bool(chosen)
        if further and (asked.kind or ranking.gain(i, chosen) < _GAIN):
            continue
        if (asked.subject and ranking.cover[i] <= 0) or any(
            _says_the_same(sentences[i], sentences[j]) for j in chosen
        ):
            continue
        chosen.add(i)
        before = i - 1
        if (
            len(chosen) < limit
            and before >= 0
            and refers_back(sentences[i].reading.text)
            and sentences[before].passage == sentences[i].passage
            and (not asked.imperative or before in free)
        ):
            chosen.add(before)
    return chosen


def _says_the_same(left: Located, right: Located) -> bool:
    """Nearly the same words and the same amounts; two sources that differ are both of interest."""
    a, b = set(left.reading.stems), set(right.reading.stems)
    amounts = [{(q.value, q.unit) for q in s.reading.quantities} for s in (left, right)]
    return amounts[0] == amounts[1] and len(a & b) >= _SAME * max(1, len(a | b))

"""What earlier rounds have verified, put where this round has lost something."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrator.evidence.values import Draft, Sentence
from orchestrator.graph.disputes import flat, stems
from orchestrator.graph.judging import Judgement, without_empty_headings

_SAME_MATTER = 0.5
"""The share of its words that a verified sentence has in common with the one that it replaces."""


def mended(
    found: Judgement, draft: Draft, verified: Sequence[Sentence]
) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
    """What stays, with verified sentences in place of lost ones; and those that came in.

    A lost sentence is replaced by one that earlier rounds have verified on the same matter, a
    subtask of which nothing is left by all that they have verified for it. Nothing comes in where
    the sources disagree.

    Args:
        verified: what earlier rounds have kept, headings included.
    """
    pool = [s for s in verified if s.kind != "heading" and s.subtask not in found.undecided]
    there = {flat(s.text) for s in found.kept}
    there |= {flat(c.text) for c in found.rejected}
    came: dict[str, Sentence] = {}
    places: dict[str, list[Sentence]] = {}
    for number, place, sentence in _wanted(found, pool):
        if flat(sentence.text) not in there:
            there.add(flat(sentence.text))
            came[f"r{number}"] = sentence.model_copy(update={"id": f"r{number}"})
            places.setdefault(place, []).append(came[f"r{number}"])
    if not came:
        return found.kept, ()
    return _placed(found, draft, places), tuple(came.values())


def _wanted(found: Judgement, pool: Sequence[Sentence]) -> Iterator[tuple[int, str, Sentence]]:
    """A number, the id of the lost sentence, and what replaces it."""
    empty = set(found.gaps)
    first = {s.subtask: s.id for s in reversed(found.lost)}
    for number, sentence in enumerate(pool, start=1):
        if sentence.subtask in empty:
            yield number, first.get(sentence.subtask, ""), sentence
            continue
        like = [s.id for s in found.lost if _on_the_same(s, sentence)]
        if like:
            yield number, like[0], sentence


def _on_the_same(lost: Sentence, sentence: Sentence) -> bool:
    a, b = stems(lost.text), stems(sentence.text)
    return lost.subtask == sentence.subtask and len(a & b) >= _SAME_MATTER * max(1, len(b))


def _placed(
    found: Judgement, draft: Draft, places: dict[str, list[Sentence]]
) -> tuple[Sentence, ...]:
    """In the order of the draft; a part has the id of its sentence and a number."""
    kept: dict[str, list[Sentence]] = {}
    for sentence in found.kept:
        kept.setdefault(sentence.id.partition(".")[0], []).append(sentence)
    ordered = list(places.pop("", []))
    for sentence in draft.sentences:
        own = kept.get(sentence.id, [])
        heads = [sentence] if sentence.kind == "heading" else own
        ordered += [*heads, *places.get(sentence.id, [])]
    return without_empty_headings(ordered)

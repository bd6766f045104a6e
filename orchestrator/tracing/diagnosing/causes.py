"""Who is to blame: signs of all detectors, a cause before its consequences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import inf

from orchestrator.tracing.diagnosing.citing import Citations
from orchestrator.tracing.diagnosing.conditions import condition_signs
from orchestrator.tracing.diagnosing.contradicting import Statements, contradiction_signs
from orchestrator.tracing.diagnosing.fallbacks import fallback_signs
from orchestrator.tracing.diagnosing.garbage import garbage_signs
from orchestrator.tracing.diagnosing.peers import Peers
from orchestrator.tracing.diagnosing.reading import MOST_COMPARED, Seen, sentences
from orchestrator.tracing.diagnosing.routing import routing_signs
from orchestrator.tracing.diagnosing.signs import Sign, together
from orchestrator.tracing.diagnosing.wording import fold, shown

_EXPLAINED = 0.35
"""What is left of a sign that an earlier fault explains."""
_INPUTS = {"garbage_output": 0.7, "bad_citation": 0.7, "contradiction": 0.7}
"""What is left of a sign in a text whose writer may have been given something wrong."""
_FAULT = 0.5
"""The score from which an earlier hop explains what later ones show."""
_REJECTED = {"contradicted": 0.4, "unsupported": 0.3}


@dataclass(frozen=True, slots=True)
class Found:
    """A hop and what speaks against it, the strongest first."""

    seen: Seen
    signs: tuple[Sign, ...]
    score: float


def ranked(seen: Sequence[Seen]) -> list[Found]:
    """The hops against which something speaks, most likely culprit first.

    A sign that an earlier fault would explain counts little where there is such a fault. Among
    equals the earlier hop goes first.

    Args:
        seen: all hops, in the order in which they began.
    """
    found: list[Found] = []
    poisoned = inf
    for one, signs in zip(seen, _all_signs(seen), strict=True):
        if not signs:
            continue
        if one.hop.started_at >= poisoned:
            signs = [_lessened(sign) for sign in signs]
        signs.sort(key=lambda sign: -sign.weight)
        score = together(signs)
        found.append(Found(one, tuple(signs), score))
        if score >= _FAULT:
            poisoned = min(poisoned, one.hop.started_at + one.hop.ms / 1000)
    return sorted(found, key=lambda f: (-f.score, f.seen.at))


def _lessened(sign: Sign) -> Sign:
    """The sign in a hop that began after a faulty one had ended, and may have read from it."""
    share = _EXPLAINED if sign.caused else _INPUTS.get(sign.kind, 1.0)
    return replace(sign, weight=sign.weight * share)


def _all_signs(seen: Sequence[Seen]) -> Iterator[list[Sign]]:
    """The signs of each hop, in order."""
    peers, citations = Peers(seen), Citations([one for one in seen if one.compared])
    rejected = _rejected(seen)
    heard: list[str] = []
    for one in seen:
        signs = [*routing_signs(one, peers), *fallback_signs(one, peers)]
        signs += [*condition_signs(one, peers), *garbage_signs(one, peers)]
        signs += rejected.get(one.at, ())
        if one.compared and one.output:
            signs += citations.signs(one)
            signs += contradiction_signs(one, _inputs(one, heard))
            heard += one.prose
        yield signs


def _inputs(one: Seen, heard: Sequence[str]) -> Statements:
    """What it was given; where that was not kept, all that was said before."""
    if one.prompt:
        return _statements(one.given or sentences(one.prompt))
    return Statements(heard[-MOST_COMPARED:])


@lru_cache(maxsize=64)
def _statements(texts: tuple[str, ...]) -> Statements:
    return Statements(texts)


def _rejected(seen: Sequence[Seen]) -> dict[int, list[Sign]]:
    """Claims that a later hop rejected, by the hop that made them first."""
    authors: dict[str, int] = {}
    signs: dict[int, list[Sign]] = {}
    for one in seen:
        for judged in one.judged:
            weight, author = _REJECTED.get(judged.status), authors.get(fold(judged.text))
            if weight is None or author is None or author in signs:
                continue
            words = f'its claim "{shown(judged.text)}" was found {judged.status}'
            words += f" ({judged.reason})" if judged.reason else ""
            signs[author] = [Sign("contradiction", weight, words, caused=True)]
        if not one.judged:
            for sentence in one.prose:
                authors.setdefault(fold(sentence), one.at)
    return signs

"""Claims and citations in what a role has put out, each with the span that it rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.viewer.sources import Sources, Span

if TYPE_CHECKING:
    from orchestrator.evidence.values import Citation, ClaimCheck

MOST = 200
"""Claims of a hop that are shown, the first ones."""
_LONGEST = 2_000_000
_SENTENCES = ("sentences", "draft")
_CHECKS = ("checks", "claims", "rejected")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence or a claim, what was found of it, and where it stands."""

    text: str
    status: str = ""
    """A claim's status, or of a sentence whether all its citations stand; empty: not checked."""
    reason: str = ""
    check: ClaimCheck | None = None
    spans: tuple[Span, ...] = ()
    working: str = ""
    """Of a calculation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All of a hop."""

    claims: tuple[Claim, ...] = ()
    more: int = 0

    @property
    def found(self) -> Mapping[str, int]:
        """How many there are of each status."""
        counted: dict[str, int] = {}
        for claim in self.claims:
            if claim.status:
                counted[claim.status] = counted.get(claim.status, 0) + 1
        return counted


def evidence(output: str | None, sources: Sources) -> Evidence:
    """What the output says of claims and sources; nothing where it is of another kind."""
    if not output or len(output) > _LONGEST or output.lstrip()[:1] != "{":
        return Evidence()
    try:
        content = json.loads(output)
    except (ValueError, RecursionError):
        return Evidence()
    claims = list(_claims(content, sources)) if isinstance(content, dict) else []
    return Evidence(claims=tuple(claims[:MOST]), more=max(len(claims) - MOST, 0))


def _claims(content: Mapping[str, Any], sources: Sources) -> Iterator[Claim]:
    for name in _SENTENCES:
        for item in _dicts(content.get(name)):
            claim = _sentence(item, sources)
            if claim is not None:
                yield claim
    for name in _CHECKS:
        for item in _dicts(content.get(name)):
            claim = _check(item, sources)
            if claim is not None:
                yield claim


def _dicts(value: Any) -> Sequence[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _sentence(item: Mapping[str, Any], sources: Sources) -> Claim | None:
    from pydantic import ValidationError

    from orchestrator.evidence.values import Sentence

    try:
        sentence = Sentence.model_validate(item)
    except ValidationError:  # another kind of output
        return None
    if sentence.kind == "heading" or not (sentence.citations or sentence.calculation):
        return None
    return Claim(
        text=sentence.text,
        status=_standing(sentence.citations),
        spans=tuple(sources.span(c) for c in sentence.citations),
        working=sentence.calculation.working if sentence.calculation else "",
    )


def _standing(citations: Sequence[Citation]) -> str:
    from orchestrator.evidence.values import STANDING

    judged = [c for c in citations if c.status is not None or c.supported is not None]
    if not judged:
        return ""
    if any(c.status is not None and c.status not in STANDING for c in judged):
        return "unsupported"
    if any(c.supported is False for c in judged):
        return "unsupported"
    return "supported" if any(c.supported for c in judged) else "unverified"


def _check(item: Mapping[str, Any], sources: Sources) -> Claim | None:
    from pydantic import ValidationError

    from orchestrator.evidence.values import ClaimCheck

    try:
        check = ClaimCheck.model_validate(item)
    except ValidationError:
        return None
    spans = (sources.span(check.against),) if check.against is not None else ()
    return Claim(
        text=check.text, status=check.status, reason=check.reason, check=check, spans=spans
    )

"""The form in which a checker answers, and how strictly its answer is read.

Four short questions come before the verdict, one for each way in which a claim goes wrong while
it still sounds right. Whoever calls a claim supported and its numbers different has not checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.roles.output import json_object
from orchestrator.roles.work import InvalidOutputError
from orchestrator.types import ClaimStatus

STATUSES: tuple[ClaimStatus, ...] = ("supported", "contradicted", "unsupported")
ASPECTS = ("who", "numbers", "polarity", "scope")
"""Who did what to whom; numbers, units and dates; affirmed or denied, must or may; how far it
holds: for whom, when, under which condition."""
FINDINGS = ("same", "different", "missing", "none")
"""The passages say the same; they say otherwise; they do not say; the claim has none of it."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a checker said of one claim; `problem` is not empty where it cannot count."""

    status: ClaimStatus
    reason: str = ""
    aspects: Mapping[str, str] = field(default_factory=dict)
    """Empty where it gave none, as encoders and code do."""
    problem: str = ""


def verdict_schema(ids: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of one verdict a claim."""
    aspect = {"type": "string", "enum": list(FINDINGS)}
    item = {
        "type": "object",
        "properties": {
            "claim": {"type": "string", "enum": list(ids)},
            **dict.fromkeys(ASPECTS, aspect),
            "status": {"type": "string", "enum": list(STATUSES)},
            "reason": {"type": "string"},
        },
        "required": ["claim", *ASPECTS, "status", "reason"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"checks": {"type": "array", "items": item}},
        "required": ["checks"],
        "additionalProperties": False,
    }


def read_verdicts(text: str, ids: Sequence[str]) -> dict[str, Said]:
    """What was said of each claim, by id; a claim of which nothing was said is not in it.

    Raises:
        InvalidOutputError: not such a list, or no usable verdict in it.
    """
    listed = json_object(text).get("checks")
    if not isinstance(listed, list):
        raise InvalidOutputError("no list of checks")
    found: dict[str, Said] = {}
    for item in listed:
        if not isinstance(item, Mapping) or item.get("claim") not in ids:
            continue
        claim, said = str(item["claim"]), _said(item)
        if claim in found and found[claim] != said:
            said = Said("unsupported", problem="it gave two verdicts on the claim")
        found[claim] = said
    if all(said.problem for said in found.values()):
        wrong = next((s.problem for s in found.values()), "")
        raise InvalidOutputError(f"no verdict on any of the claims{': ' if wrong else ''}{wrong}")
    return found


def _said(item: Mapping[str, Any]) -> Said:
    status = next((s for s in STATUSES if s == item.get("status")), None)
    if status is None:
        shown = f"{item.get('status')!r:.40}"
        return Said("unsupported", problem=f"{shown} is no status")
    aspects = {name: str(item[name]) for name in ASPECTS if item.get(name) is not None}
    return Said(status, str(item.get("reason") or ""), aspects, _problem(status, aspects))


def _problem(status: ClaimStatus, aspects: Mapping[str, str]) -> str:
    """Why a verdict does not agree with itself; empty where it does."""
    if not aspects:
        return ""
    unknown = [f"{name}: {said!r:.40}" for name, said in aspects.items() if said not in FINDINGS]
    if unknown or len(aspects) < len(ASPECTS):
        lost = [name for name in ASPECTS if name not in aspects]
        return f"it does not say {', '.join(lost)}" if lost else f"{unknown[0]} is no finding"
    against = [f"{n} are {s}" for n, s in aspects.items() if s in ("different", "missing")]
    if status == "supported" and against:
        return f"it says supported, and that {against[0]}"
    if status == "contradicted" and "different" not in aspects.values():
        return "it says contradicted, and nothing that is different"
    if status == "unsupported" and not against:
        return "it says unsupported, and nothing that is missing"
    return ""

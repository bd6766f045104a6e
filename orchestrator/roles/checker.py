"""The checker: says for each claim whether the passages support it, without seeing who wrote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orchestrator.call_types import Reply
from orchestrator.evidence.claims import split_claims
from orchestrator.evidence.support import check_claim, support
from orchestrator.evidence.values import Calculation, Claim, ClaimCheck, Draft, Passage, Sentence
from orchestrator.project.registry import role
from orchestrator.roles.calc.solve import again
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence, fenced_passages
from orchestrator.roles.values import Checks
from orchestrator.roles.work import InvalidOutputError, Work
from orchestrator.types import ClaimStatus, as_json

STATUSES: tuple[ClaimStatus, ...] = ("supported", "contradicted", "unsupported")
CALCULATOR = "calculator"
GATES = "gates"


@role("checker", reads=(Draft, Passage | None), variables=("claims", "passages"))
async def check(work: Work) -> Checks:
    """One finding a claim: the gates first, then the model, which cannot overrule them."""
    draft, passages = work.one(Draft), work.all(Passage)
    if draft.abstain:
        return Checks(independence="deterministic", by=GATES)
    computed = [recomputed(s, s.calculation) for s in draft.sentences if s.calculation]
    claims = [c for c in split_claims(draft) if c.checkworthy]
    if not claims:
        return Checks(checks=tuple(computed), independence="deterministic", by=CALCULATOR)
    gated = {c.id: check_claim(c, passages, work.embedder) for c in claims}
    reply = await work.call(
        variables={"claims": _listed(claims), "passages": fenced_passages(passages)},
        inputs={"claims": [_blind(c) for c in claims], "passages": as_json(passages)},
        check=lambda text: read_verdicts(text, claims),
        schema=verdict_schema(claims),
    )
    found = [_merged(c, gated[c.id], reply, lambda c: _invented(c, passages, work)) for c in claims]
    return Checks(
        checks=(*found, *computed),
        independence=independence(reply, work.family_excluded),
        by=reply.deployment,
    )


def independence(reply: Reply, excluded: str | None) -> str:
    """`deterministic`, `other-family`, or `none` where the author's family is not known or same."""
    if reply.family is None:
        return "deterministic"
    return "other-family" if excluded is not None and reply.family != excluded else "none"


def recomputed(sentence: Sentence, calculation: Calculation) -> ClaimCheck:
    """A calculation, calculated once more from its expression."""
    status, reason = _agrees(calculation, sentence.text)
    return ClaimCheck(
        claim=sentence.id, text=sentence.text, status=status, reason=reason, by=CALCULATOR
    )


def _agrees(calculation: Calculation, text: str) -> tuple[ClaimStatus, str]:
    try:
        result = again(calculation)
    except ValueError as error:
        return "unsupported", f"cannot be calculated again: {error}"
    if result != calculation.result:
        return "contradicted", f"{calculation.expression} is {result}, not {calculation.result}"
    if calculation.shown and calculation.shown not in text:
        return "contradicted", f"the sentence does not say {calculation.shown}"
    return "supported", f"{calculation.expression} = {result}"


def _blind(claim: Claim) -> dict[str, Any]:
    """A claim without the citations that its author chose."""
    return {"id": claim.id, "text": claim.text, "sentence": claim.sentence}


def _listed(claims: Sequence[Claim]) -> str:
    return "\n".join(fence("claim", c.text, id=c.id) for c in claims)


def verdict_schema(claims: Sequence[Claim]) -> dict[str, Any]:
    """The JSON Schema of one verdict a claim."""
    item = {
        "type": "object",
        "properties": {
            "claim": {"type": "string", "enum": [c.id for c in claims]},
            "status": {"type": "string", "enum": list(STATUSES)},
            "reason": {"type": "string"},
        },
        "required": ["claim", "status", "reason"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"checks": {"type": "array", "items": item}},
        "required": ["checks"],
        "additionalProperties": False,
    }


def read_verdicts(text: str, claims: Sequence[Claim]) -> dict[str, tuple[ClaimStatus, str]]:
    """Claim id → status and reason. What is said twice counts as the worse of the two.

    Raises:
        InvalidOutputError: not such a list, or no usable verdict in it.
    """
    listed = json_object(text).get("checks")
    if not isinstance(listed, list):
        raise InvalidOutputError("no list of checks")
    known = {c.id for c in claims}
    found: dict[str, tuple[ClaimStatus, str]] = {}
    for item in listed:
        if not isinstance(item, Mapping) or item.get("claim") not in known:
            continue
        status = next((s for s in STATUSES if s == item.get("status")), None)
        if status is None:
            continue
        claim = str(item["claim"])
        if claim not in found or STATUSES.index(status) > 0:
            found[claim] = (status, str(item.get("reason") or ""))
    if not found:
        raise InvalidOutputError("no verdict on any of the claims")
    return found


def _merged(
    claim: Claim, gate: ClaimCheck, reply: Reply, invented: Callable[[Claim], bool]
) -> ClaimCheck:
    """The gate's contradiction stands; else the model's verdict; without one, unsupported.

    A model may find support that the gate did not see, but not for a number or a name that
    stands in no passage.
    """
    verdicts: dict[str, tuple[ClaimStatus, str]] = reply.value
    if gate.status == "contradicted":
        return gate.model_copy(update={"by": gate.by or GATES})
    if claim.id not in verdicts:
        return _with(gate, "unsupported", "no verdict", reply.deployment)
    status, reason = verdicts[claim.id]
    if status == "supported" and gate.status == "unsupported" and invented(claim):
        return gate.model_copy(update={"by": gate.by or GATES})
    return _with(gate, status, reason or gate.reason, reply.deployment)


def _invented(claim: Claim, passages: Sequence[Passage], work: Work) -> bool:
    """Whether the claim has a number or a name that no passage has, or there is no passage."""
    if not passages:
        return True
    features = support(claim.text, passages, work.embedder).features
    return features.numbers > 0 or features.names > 0


def _with(gate: ClaimCheck, status: ClaimStatus, reason: str, by: str) -> ClaimCheck:
    return gate.model_copy(update={"status": status, "reason": reason, "by": by})

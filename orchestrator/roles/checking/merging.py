"""One finding of many: what the gates, the scorer and the checkers found of a claim."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.evidence.support import BY
from orchestrator.evidence.values import ClaimCheck, ReasonKind, Vote
from orchestrator.types import Effort

NOWHERE: frozenset[ReasonKind | None] = frozenset({"missing_number", "missing_name"})
"""Reasons of the gates that no model answers: what the claim says stands in no passage."""
DOUBT = 0.225
"""Below this probability a checker's word alone leaves a claim more likely wrong than right.

By Bayes: the best published judges have a balanced accuracy of 0.775 (LLM-AggreFact, means of 77
to 78 %), so that their `supported` multiplies the odds by 0.775 / 0.225, and p / (1 - p) times that
is 1 at p = 0.225.
"""


def merged(gate: ClaimCheck, votes: Sequence[Vote], effort: Effort) -> ClaimCheck:
    """The finding on a claim. Pure; the first rule that fits decides.

    | gates and scorer | checkers | finding |
    | --- | --- | --- |
    | effort `none` or `quotes` | – | unverified: nobody looked at the claim |
    | contradicted | whatever they say | contradicted |
    | unsupported, since a number or name stands nowhere | whatever they say | unsupported |
    | any other | none was asked | what the gates say |
    | any other | one of them gave no verdict | unverified, with its reason |
    | any other | they differ | unverified |
    | supported | all: supported | supported |
    | supported | all: unsupported, or contradicted | unverified: they differ from the gates |
    | unsupported | all: unsupported, or contradicted | what they say |
    | unsupported, probability below `DOUBT` | all: supported | unverified: so does the scorer |
    | unsupported: code does not see it | all: supported | supported |
    | unverified | all say the same | what they say |

    Nothing is decided by a majority: checkers err together, so that two of three are hardly more
    than one. A person is asked elsewhere.

    Args:
        gate: what the gates and the scorer found.
        votes: of all; those of gates and scorer are on record and do not count twice.
        effort: how much checking there was.
    """
    found = gate.model_copy(update={"votes": tuple(votes)})
    if effort in ("none", "quotes"):
        return _unverified(found, "no_verdict", "nobody was asked to check it")
    if gate.status == "contradicted" or (gate.status == "unsupported" and gate.kind in NOWHERE):
        return found
    checkers = [vote for vote in votes if vote.by != BY and vote.checker != "scorer"]
    if not checkers:
        return found
    lost = next((vote for vote in checkers if vote.status == "unverified"), None)
    if lost is not None:
        return _unverified(found, lost.kind or "no_verdict", f"{lost.by}: {lost.reason}", lost.by)
    first, *others = checkers
    other = next((vote for vote in others if vote.status != first.status), None)
    if other is not None:
        return _differ(found, first, other)
    if gate.status == "supported" and first.status != "supported":
        return _differ(found, first, None)
    if first.status != "supported":
        return _as(found, first)
    doubted = gate.probability is not None and gate.probability < DOUBT
    if gate.status == "unsupported" and doubted:
        return _differ(found, first, None)
    return _as(found, first)


def _as(found: ClaimCheck, vote: Vote) -> ClaimCheck:
    update = {
        "status": vote.status,
        "reason": vote.reason or found.reason,
        "kind": None if vote.status == "supported" else vote.kind or "model",
        "by": vote.by,
    }
    return found.model_copy(update=update)


def _differ(found: ClaimCheck, vote: Vote, other: Vote | None) -> ClaimCheck:
    by, status = (other.by, other.status) if other else (found.by or "the gates", found.status)
    said = vote.reason if vote.status != "supported" else (other.reason if other else found.reason)
    reason = f"{vote.by} says {vote.status}, {by} says {status}" + (f": {said}" if said else "")
    return _unverified(found, "conflict", reason, vote.by)


def _unverified(found: ClaimCheck, kind: ReasonKind, reason: str, by: str = "") -> ClaimCheck:
    update = {"status": "unverified", "kind": kind, "reason": reason, "by": by or found.by}
    return found.model_copy(update=update)

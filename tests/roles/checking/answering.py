"""Checkers for tests: they read the sheet that they are given and say what they are told to."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Draft
from orchestrator.roles.checking.checker import check
from orchestrator.roles.checking.reading import ASPECTS
from orchestrator.roles.values import Checks
from orchestrator.types import ClaimStatus, Effort
from tests.roles.fake_work import Answers, FakeWork, Model, agents
from tests.roles.material import PASSAGES

Opinion = Callable[[str], ClaimStatus | None]
"""What a checker says of a claim's text; `None`: nothing."""
_SHOWS: dict[ClaimStatus, str] = {
    "supported": "same",
    "contradicted": "different",
    "unsupported": "missing",
}


def item(
    claim: str, status: ClaimStatus, reason: str = "because", **aspects: str
) -> dict[str, str]:
    """One verdict whose findings fit its status."""
    found = dict.fromkeys(ASPECTS, _SHOWS[status])
    return {"claim": claim, **found, **aspects, "status": status, "reason": reason}


def claims_of(request: CallRequest) -> list[tuple[str, str]]:
    """Id and text of each claim on the sheet."""
    return [(c["id"], c["text"]) for c in request.inputs["claims"]]


def saying(opinion: Opinion) -> Callable[[CallRequest], str]:
    """A checker's answer: its opinion of every claim on the sheet."""

    def answer(request: CallRequest) -> str:
        said = [(id, opinion(text)) for id, text in claims_of(request)]
        return json.dumps({"checks": [item(id, status) for id, status in said if status]})

    return answer


def true_only(*texts: str) -> Opinion:
    """Supports these claims; all else is contradicted."""
    return lambda text: "supported" if text in texts else "contradicted"


def reader(request_text: str) -> Opinion:
    """Supports what stands there letter by letter."""
    return lambda text: "supported" if text in request_text else "contradicted"


def model(opinion: Opinion, name: str = "acme-large", family: str = "acme", **more: Any) -> Answers:
    """A model checker with that opinion."""
    return Answers(saying(opinion), family=family, deployment=f"{name}/api", **more)


async def checked(
    written: Draft,
    *chains: Sequence[Model],
    passages: Any = PASSAGES,
    excluded: str | None = "author",
    effort: Effort = "model",
) -> tuple[Checks, FakeWork]:
    """What the role finds; each chain answers one call."""
    work = FakeWork(
        agents()["checker"],
        {"phrase": written, "evidence": passages},
        chains,
        family_excluded=excluded,
        effort=effort,
    )
    return await check(work), work

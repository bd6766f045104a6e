"""Checks of what a policy says about the texts of requests."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.errors import Problem
from orchestrator.project._documents import Document, KeyPath
from orchestrator.project._names import listed
from orchestrator.project.guard_schema import KINDS, RedactDeclaration
from orchestrator.project.policy_schema import Policy


def check_redaction(policy: Policy, document: Document) -> Iterator[Problem]:
    """Placeholders need something that is looked for, by names that are known."""
    for index, route in enumerate(policy.routes):
        redact = route.redact
        before = redact.before if isinstance(redact, RedactDeclaration) else redact
        if before in (None, "none"):
            continue
        at: KeyPath = ("routes", index, "redact")
        if policy.detect is False:
            yield document.problem(
                at,
                "nothing is looked for, so nothing would get a placeholder",
                found=f"redact: {before}, detect: false",
                allowed="a policy that looks for something, or a route without redact",
                code="redact-without-detect",
            )
        elif isinstance(redact, RedactDeclaration):
            known = (*KINDS, *policy.detect.patterns)
            yield from listed(document, "kind", redact.kinds, known, (*at, "kinds"))

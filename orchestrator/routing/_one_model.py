"""Vectors of two models cannot be compared, so one request for vectors goes to one model alone."""

from __future__ import annotations

from orchestrator.routing._rules import Facts, Rule, rule
from orchestrator.types import Stage

EMBED = "embed"
"""The task that is answered with vectors."""


def one_model(
    reach: list[Facts], below: list[Facts]
) -> tuple[list[Facts], list[Facts], list[tuple[Facts, Rule]]]:
    """The deployments of the first one's model, in their order, and all others with the rule.

    Whoever fails over from one model's deployment to another one's gets the same vectors. From
    another model come numbers that look alike and mean something else, which nobody would notice.
    """
    model = (reach or below)[0].deployment.model
    only = rule(
        Stage.RANK,
        "embed.one_model",
        model,
        lambda f: f.deployment.model == model,
        lambda f: f.deployment.model,
    )
    others = [(f, only) for f in (*reach, *below) if not only.holds(f)]
    return [f for f in reach if only.holds(f)], [f for f in below if only.holds(f)], others

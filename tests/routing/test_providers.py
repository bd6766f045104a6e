"""`require: {providers: 2}`: nobody depends on one provider alone."""

from __future__ import annotations

import pytest

from orchestrator.errors import NoCandidateError
from orchestrator.project.policy_schema import Match, Objective, Policy, Require, Route
from orchestrator.routing.decide import decide
from orchestrator.types import Context, Deployment, FleetSnapshot, Health, Stage, TaskProfile
from tests.routing.fleets import builtin, deployment

DRAFT = TaskProfile(task="draft", input_tokens=10, output_tokens=10)
ONE = deployment("alpha/one", provider="a")
OTHER = deployment("beta/one", provider="b")
SIBLING = deployment("alpha/two", provider="a")


def policy(*needed: int, floor: float = 0.0) -> Policy:
    """A route for each number of providers."""
    return Policy(
        objective=Objective(minimize="cost", quality_floor=floor),
        routes=tuple(
            Route(name=f"r{n}", match=Match(task="draft"), require=Require(providers=n))
            for n in needed
        ),
    )


def fleet(*deployments: Deployment, **down: str) -> FleetSnapshot:
    health = {id.replace("_", "/"): Health(available=False, reason=r) for id, r in down.items()}
    return FleetSnapshot(deployments=deployments, health=health, hash="test")


def test_two_providers_are_enough_for_two() -> None:
    decision = decide(DRAFT, fleet(ONE, OTHER), policy(2), Context())
    assert set(decision.chain) == {"alpha/one", "beta/one"}


def test_two_deployments_of_one_provider_are_not() -> None:
    with pytest.raises(NoCandidateError) as refused:
        decide(DRAFT, fleet(ONE, SIBLING), policy(2), Context())
    assert refused.value.relax == ("route:r2.require.providers",)
    assert "1 of 2 providers (a)" in str(refused.value)
    assert {c.stage for c in refused.value.candidates} == {Stage.AVAILABILITY}  # type: ignore[attr-defined]
    assert decide(DRAFT, fleet(ONE, SIBLING), policy(1), Context()).chosen == "alpha/one"


def test_the_largest_number_counts() -> None:
    with pytest.raises(NoCandidateError) as refused:
        decide(DRAFT, fleet(ONE, OTHER), policy(1, 3, 2), Context())
    assert refused.value.relax == ("route:r3.require.providers",)


def test_a_provider_that_is_down_does_not_count() -> None:
    with pytest.raises(NoCandidateError, match="1 of 2 providers"):
        decide(DRAFT, fleet(ONE, OTHER, beta_one="no key"), policy(2), Context())


def test_a_last_resort_below_the_floor_does_not_count() -> None:
    plain = builtin("rules/here", tasks={"draft": 0.3})
    assert decide(DRAFT, fleet(ONE, plain), policy(2), Context()).chosen
    with pytest.raises(NoCandidateError, match="1 of 2 providers"):
        decide(DRAFT, fleet(ONE, plain), policy(2, floor=0.6), Context())


def test_servers_of_ones_own_count_by_their_address() -> None:
    servers = [
        deployment(f"m{n}/own", provider="openai", hosting="self", endpoint=f"http://{host}/v1")
        for n, host in enumerate(("one:1", "one:1", "two:1"))
    ]
    assert decide(DRAFT, fleet(*servers), policy(2), Context()).chosen
    with pytest.raises(NoCandidateError, match=r"1 of 2 providers \(one:1\)"):
        decide(DRAFT, fleet(*servers[:2]), policy(2), Context())

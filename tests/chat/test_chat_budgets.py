"""What a caller has spent decides who answers next."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.records import Hop
from orchestrator.types import Caller
from tests.chat.brain import Brain

POLICY = "objective: {{maximize: quality}}\nbudgets: [{{per: user, window: day, {amount}}}]\n"


def answered(rig: Any, user: str, tier: str = "") -> Hop:
    """The hop of one call on the user's behalf."""
    model = rig.mesh.chat_model(caller=Caller(user=user, tier=tier), max_tokens=100)
    told = model.invoke("Hello").response_metadata["mesh"]
    rig.mesh.store.flush()
    (hop,) = rig.mesh.store.hops(told["trace_id"])
    assert isinstance(hop, Hop)
    return hop


def model_of(hop: Hop) -> str:
    return hop.attempts[-1].model


def test_a_soft_budget_that_is_used_up_shifts_to_the_cheapest(rigs: Any) -> None:
    rig = rigs(Brain(), policy=POLICY.format(amount="usd: 0.000001, soft: true"))
    assert model_of(answered(rig, "ana")) == "first"
    assert model_of(answered(rig, "ana")) == "small"
    assert model_of(answered(rig, "bob")) == "first"


def test_a_hard_one_leaves_those_who_cost_nothing(rigs: Any) -> None:
    rig = rigs(Brain(), policy=POLICY.format(amount="usd: 0.00085"))
    assert model_of(answered(rig, "ana")) == "first"
    hop = answered(rig, "ana")
    assert hop.decision is not None
    rules = {c.deployment: c.rule for c in hop.decision.candidates}
    assert model_of(hop) == "small"
    assert rules["first/a"] == rules["second/b"] == "budget:user.day"
    assert model_of(answered(rig, "bob")) == "first"


@pytest.mark.parametrize(("tier", "model"), [("free", "small"), ("", "small"), ("paid", "first")])
def test_a_budget_of_a_tier_binds_those_of_it_and_those_who_do_not_say(
    rigs: Any, tier: str, model: str
) -> None:
    amount = "usd: 0, match: {user_tier: free}"
    rig = rigs(Brain(), policy=POLICY.format(amount=amount))
    assert model_of(answered(rig, "ana", tier)) == model

"""Vectors come from one model, and `"*"` stands for no task that is answered without words."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.errors import NoCandidateError
from orchestrator.money import Price
from orchestrator.project.policy_schema import Match, Objective, Policy, Route
from orchestrator.routing.decide import decide
from orchestrator.routing.predict import serves
from orchestrator.types import Context, Decision, Stage, TaskProfile
from tests.routing.fleets import OPEN, deployment, fleet

EMBED = TaskProfile(task="embed", input_tokens=900_000, output_tokens=1)
VECTORS: dict[str, Any] = {"context": None, "tokens_per_second": None, "can": ()}


def embedding(id: str, quality: float = 0.6, usd: int = 1) -> Any:
    price = Price(input=usd * 1_000_000, output=0)
    return deployment(id, tasks={"embed": quality}, price=price, **VECTORS)


FLEET = fleet(
    embedding("a/one", usd=2),
    embedding("a/two"),
    embedding("b/one", usd=3),
    embedding("c/one", 0.4),
)


def made(policy: Policy = OPEN, **changes: Any) -> Decision:
    return decide(EMBED, changes.get("fleet", FLEET), policy, Context())


def test_the_fallbacks_are_of_the_model_that_was_chosen() -> None:
    decision = made()
    assert decision.chain == ("a/two", "a/one")
    left = {c.deployment: (c.stage, c.rule, c.found, c.required) for c in decision.candidates[2:]}
    assert left == {
        "b/one": (Stage.RANK, "embed.one_model", "b", "a"),
        "c/one": (Stage.RANK, "embed.one_model", "c", "a"),
    }


def test_a_model_below_the_floor_is_no_last_resort_of_another() -> None:
    policy = Policy(objective=Objective(minimize="cost", quality_floor=0.5))
    assert made(policy).chain == ("a/two", "a/one")
    weak = made(policy, fleet=fleet(embedding("c/one", 0.4), embedding("d/one", 0.3)))
    assert (weak.chain, weak.degraded is not None) == (("c/one",), True)


@pytest.mark.parametrize("strategy", ["cascade", "race", "panel"])
def test_no_strategy_asks_a_second_model(strategy: Any) -> None:
    route = Route(name="r", match=Match(task="embed"), strategy=strategy)
    decision = made(OPEN.model_copy(update={"routes": (route,)}))
    assert {id.partition("/")[0] for id in decision.chain} == {"a"}
    assert decision.tactics.models <= 2


def test_other_tasks_may_go_to_other_models() -> None:
    drafts = fleet(deployment("a/one"), deployment("b/one"))
    decision = decide(TaskProfile(task="draft"), drafts, OPEN, Context())
    assert decision.chain == ("a/one", "b/one")


@pytest.mark.parametrize("task", ["embed", "image"])
def test_who_takes_every_task_takes_those_in_words(task: str) -> None:
    talker = deployment("a/one", tasks={"*": 0.9})
    assert serves(talker, "sing")
    assert not serves(talker, task)
    with pytest.raises(NoCandidateError, match=r"fleet\.capability\.tasks"):
        decide(TaskProfile(task=task), fleet(talker), OPEN, Context())


def test_images_cost_what_each_costs_before_anybody_is_asked() -> None:
    price = Price(input=0, output=0, per_image=40_000_000_000)
    painter = deployment("p/one", tasks={"image": 0.9}, price=price, **VECTORS)
    asked = TaskProfile(task="image", output_tokens=9000, images=3)
    decision = decide(asked, fleet(painter), OPEN, Context())
    assert decision.least_usd == 0.12

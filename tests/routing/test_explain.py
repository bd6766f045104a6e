"""The words about a decision say what its funnel says."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.errors import NoCandidateError
from orchestrator.project.schema import Match, Objective, Policy, Require, Route
from orchestrator.routing.decide import decide
from orchestrator.routing.explain import why
from orchestrator.types import Context, Feature, Health, TaskProfile

from .fleets import (
    OPEN,
    builtin,
    contexts,
    deployment,
    fleet,
    fleets,
    policies,
    profiles,
)


def test_the_whole_story() -> None:
    policy = Policy(
        objective=Objective(minimize="cost", quality_floor=0.6),
        routes=(
            Route(
                name="personal",
                match=Match(data_class="pii"),
                require=Require(hosting="self"),
                store_prompts="redacted",
                cross_validate=True,
            ),
        ),
    )
    profile = TaskProfile(
        task="draft",
        data_class="pii",
        features={"domain": Feature(value="hr", confidence=0.3, origin="embedding")},
    )
    snapshot = fleet(
        deployment("cloud/eu"),
        deployment("cloud/us"),
        deployment("local/here", hosting="self"),
        builtin("rules/here"),
        builtin("sums/here", tasks={"math": 0.9}),
        deployment("home/here", hosting="self"),
        health={"home/here": Health(available=False, reason="HOME_URL is not set")},
    )
    text = "\n".join(why(decide(profile, snapshot, policy, Context()), profile))
    for part in (
        "a draft task of normal risk with pii data",
        "unsure of domain",
        "Matching routes: personal.",
        "Chosen: local/here (expected quality 0.80",
        "rules/here (expected quality 0.40, free, about 0.0 s) was eligible and ranked lower: "
        "below the quality floor (objective.quality_floor: 0.40 against 0.60)",
        "2 may not see the data, by route:personal.require.hosting: cloud/eu, cloud/us "
        "(found hosted, required self).",
        "1 could not do it, by fleet.capability.tasks: sums/here (",
        "1 could not be reached, by health.available: home/here (HOME_URL is not set).",
        "Should it fail: rules/here.",
        "temperature 0.2 (default:task draft)",
        "keeps prompts redacted, outputs full",
        "must be cross-validated",
    ):
        assert part in text, text


def test_why_others_lost() -> None:
    policy = Policy(routes=(Route(name="r", primary="mine"),))
    snapshot = fleet(deployment("mine/a"), deployment("mine/b"), deployment("other/a"))
    profile = TaskProfile(task="draft")
    text = "\n".join(why(decide(profile, snapshot, policy, Context()), profile))
    assert "a route's first choice" in text
    assert "another way to the same model" in text
    assert "a route prefers the chosen model" in text
    dear = fleet(deployment("a/a"), deployment("b/a", price=None, tasks={"draft": 0.7}))
    text = "\n".join(why(decide(profile, dear, OPEN, Context()), profile))
    assert "its price is unknown and it is expected to do worse" in text


def test_a_degradation_is_said() -> None:
    policy = Policy(objective=Objective(minimize="cost", quality_floor=0.9))
    profile = TaskProfile(task="draft")
    text = why(decide(profile, fleet(builtin()), policy, Context()), profile)
    assert any(s.startswith("Degraded: nobody reaches the quality floor of 0.90") for s in text)
    assert "There is no fallback." in text


@given(st.tuples(profiles, fleets(), policies, contexts))
@settings(max_examples=60, deadline=None)
def test_every_deployment_is_spoken_of(case: tuple) -> None:  # type: ignore[type-arg]
    try:
        decision = decide(*case)
    except NoCandidateError:
        return
    text = "\n".join(why(decision, case[0]))
    assert all(d.id in text for d in case[1].deployments)

"""`decide` by example: the order of the stages, the tightest rule, the ranking, how to call."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from orchestrator.errors import NoCandidateError
from orchestrator.money import FREE, Price
from orchestrator.project.policy_schema import (
    Budget,
    CallDeclaration,
    Match,
    Objective,
    Policy,
    Require,
    Route,
)
from orchestrator.routing.decide import decide
from orchestrator.types import (
    Candidate,
    Constraints,
    Context,
    Decision,
    Deployment,
    Effort,
    Estimate,
    Health,
    Setting,
    Stage,
    TaskProfile,
)

from .fleets import OPEN, builtin, deployment, fleet

DRAFT = TaskProfile(task="draft", input_tokens=100, output_tokens=100)
CHEAP = Price(input=1, output=1)


def run(
    *deployments: Deployment,
    policy: Policy = OPEN,
    profile: TaskProfile = DRAFT,
    context: Context | None = None,
    health: dict[str, Health] | None = None,
) -> Decision:
    return decide(profile, fleet(*deployments, health=health), policy, context or Context())


def found(decision: Decision, id: str) -> Candidate:
    return next(c for c in decision.candidates if c.deployment == id)


# ── Stages ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changes", "stage", "rule", "value", "required"),
    [
        ({"tasks": {"math": 0.9}}, "capability", "fleet.capability.tasks", ["math"], "draft"),
        ({"can": ("stream",)}, "capability", "request.needs", ["stream"], ["json"]),
        ({"context": 199}, "capability", "fleet.capability.context", 199, 200),
        ({"context": None}, "capability", "fleet.capability.context", None, 200),
        ({"hosting": "hosted"}, "data_policy", "request.hosting", "hosted", "self"),
        ({"region": "us"}, "data_policy", "request.regions", "us", ["eu"]),
        ({"retention_days": 31}, "data_policy", "request.retention_days", 31, 30),
        ({"trains_on_data": True}, "data_policy", "request.trains_on_data", True, False),
        ({"family": "grey"}, "data_policy", "request.not_families", "grey", "none of grey"),
        ({"price": None}, "budget", "request.max_cost_usd", None, 0.001),
        ({"tokens_per_second": 1.0}, "latency", "request.latency_ms", 100_500, 9000),
    ],
)
def test_each_fact_has_its_stage_and_rule(
    changes: dict[str, Any], stage: str, rule: str, value: Any, required: Any
) -> None:
    good = {"hosting": "self", "price": FREE}
    profile = dataclasses.replace(
        DRAFT,
        needs=("json",),
        constraints=Constraints(
            hosting="self",
            regions=("eu",),
            retention_days=30,
            trains_on_data=False,
            not_families=("grey",),
            latency_ms=9000,
            max_cost_usd=0.001,
        ),
    )
    decision = run(
        deployment("good/one", **good),
        deployment("bad/one", **{**good, **changes}),
        profile=profile,
    )
    bad = found(decision, "bad/one")
    assert decision.chain == ("good/one",)
    assert (bad.stage, bad.rule) == (Stage(stage), rule)
    assert (bad.found, bad.required) == (value, required)


def test_the_first_broken_stage_is_the_one_recorded() -> None:
    bad = deployment("bad/one", context=1, hosting="hosted", price=None)
    policy = Policy(routes=(Route(name="r", require=Require(hosting="self"), max_cost_usd=0),))
    health = {"bad/one": Health(available=False, reason="KEY is not set")}
    decision = run(bad, builtin(), policy=policy, health=health)
    assert found(decision, "bad/one").rule == "fleet.capability.context"
    roomy = dataclasses.replace(bad, context=10**6)
    assert found(run(roomy, builtin(), policy=policy, health=health), "bad/one").rule == (
        "route:r.require.hosting"
    )


def test_health_removes_with_its_reason() -> None:
    decision = run(
        deployment("a/one"),
        deployment("b/one"),
        deployment("c/one"),
        builtin(),
        health={
            "a/one": Health(available=False, reason="KEY is not set"),
            "b/one": Health(breaker="open"),
        },
        context=Context(rate_limited=("c/one",)),
    )
    assert decision.chain == ("rules/here",)
    assert found(decision, "a/one").reason == "health.available: KEY is not set"
    assert found(decision, "b/one").rule == "health.breaker"
    assert found(decision, "c/one").rule == "request.rate_limited"


def test_a_deterministic_model_has_no_context_limit_and_no_family() -> None:
    profile = dataclasses.replace(
        DRAFT, input_tokens=10**9, constraints=Constraints(not_families=("red",))
    )
    assert run(builtin(), deployment("a/one"), profile=profile).chain == ("rules/here",)


def test_a_model_may_be_named_by_model_or_by_deployment() -> None:
    ways = (deployment("a/one"), deployment("a/two"), deployment("b/one"))
    only = dataclasses.replace(DRAFT, constraints=Constraints(models=("a/two", "b")))
    assert set(run(*ways, profile=only).chain) == {"a/two", "b/one"}
    never = dataclasses.replace(DRAFT, constraints=Constraints(not_models=("a/two", "b")))
    assert run(*ways, profile=never).chain == ("a/one",)


def test_reading_counts_where_its_speed_is_stated() -> None:
    slow = deployment("a/one", prompt_tokens_per_second=100.0)
    profile = dataclasses.replace(DRAFT, input_tokens=1000, output_tokens=100)
    assert found(run(slow, profile=profile), "a/one").scores["latency_ms"] == 500 + 10_000 + 1000


def test_measured_speed_beats_declared_speed() -> None:
    health = {"a/one": Health(first_token_ms=50, tokens_per_second=1000.0)}
    decision = run(deployment("a/one"), health=health)
    assert found(decision, "a/one").scores["latency_ms"] == 150


def test_an_unknown_time_may_pass_a_deadline_but_a_known_one_must_fit() -> None:
    unknown, slow = deployment("a/one", first_token_ms=None), deployment("b/one")
    decision = run(unknown, slow, context=Context(deadline_ms=600))
    assert decision.chain == ("a/one",)
    assert found(decision, "b/one").rule == "request.deadline_ms"


# ── Routes compose ───────────────────────────────────────────────────────────────────────


def test_the_tightest_of_all_matching_routes_wins_and_is_named() -> None:
    policy = Policy(
        routes=(
            Route(name="loose", require=Require(retention_days=90, regions=("eu", "us"))),
            Route(name="tight", require=Require(retention_days=7)),
            Route(name="other", match=Match(task="math"), require=Require(retention_days=0)),
        )
    )
    decision = run(
        deployment("a/one", retention_days=100),
        deployment("b/one", retention_days=30),
        deployment("c/one", retention_days=7),
        policy=policy,
    )
    assert decision.chain == ("c/one",)
    assert decision.routes == ("loose", "tight")
    for id in ("a/one", "b/one"):
        assert found(decision, id).rule == "route:tight.require.retention_days"
        assert found(decision, id).required == 7


def test_two_sets_of_regions_mean_their_intersection() -> None:
    policy = Policy(
        routes=(
            Route(name="a", require=Require(regions=("eu", "us"))),
            Route(name="b", require=Require(regions=("us", "ca"))),
        )
    )
    ways = (deployment(f"m/{region}", region=region) for region in ("eu", "us", "ca"))
    assert run(*ways, policy=policy).chain == ("m/us",)


@pytest.mark.parametrize(
    ("match", "profile", "matches"),
    [
        (Match(), {}, True),
        (Match(task="draft"), {}, True),
        (Match(task=("check", "math")), {}, False),
        (Match(data_class=("pii", "regulated")), {"data_class": "regulated"}, True),
        (Match(data_class="pii"), {"data_class": "public"}, False),
        (Match(risk="high"), {"risk": "high"}, True),
        (Match(domain="legal"), {"domain": "general"}, False),
        (Match(tags=("a", "b")), {"tags": ("b", "c")}, True),
        (Match(tags="a"), {"tags": ()}, False),
        (Match(interactive=False), {"interactive": True}, False),
        (Match(task="draft", risk="high"), {"risk": "low"}, False),
    ],
)
def test_a_route_matches_where_every_key_holds(
    match: Match, profile: dict[str, Any], matches: bool
) -> None:
    policy = Policy(routes=(Route(name="r", match=match),))
    decision = run(deployment(), policy=policy, profile=dataclasses.replace(DRAFT, **profile))
    assert decision.routes == (("r",) if matches else ())


def test_an_undeclared_data_class_is_treated_as_the_strictest() -> None:
    policy = Policy(
        routes=(Route(name="r", match=Match(data_class="pii"), require=Require(hosting="self")),)
    )
    typo = dataclasses.replace(DRAFT, data_class="pi")
    assert run(deployment(), builtin(), policy=policy, profile=typo).chain == ("rules/here",)


def test_a_budget_of_the_policy_bounds_one_call_and_forbids_unknown_prices() -> None:
    policy = Policy(budgets=(Budget(per="workspace", usd=0.0002, window="day"),))
    decision = run(deployment("a/one"), deployment("b/one", price=None), builtin(), policy=policy)
    assert decision.chain == ("rules/here",)
    assert found(decision, "a/one").rule == "budget:workspace.day"
    assert found(decision, "a/one").found == pytest.approx(0.0003)


def test_the_least_of_all_money_limits_is_named() -> None:
    policy = Policy(routes=(Route(name="r", max_cost_usd=0.0002),))
    profile = dataclasses.replace(DRAFT, constraints=Constraints(max_cost_usd=0.00029))
    decision = run(deployment("a/one"), builtin(), policy=policy, profile=profile)
    assert found(decision, "a/one").rule == "route:r.max_cost_usd"
    poor = Context(budget_micro_usd=100)
    decision = run(deployment("a/one"), builtin(), policy=policy, profile=profile, context=poor)
    assert found(decision, "a/one").rule == "request.budget_usd"


def test_a_limit_holds_to_the_micro_dollar() -> None:
    for limit, stays in ((0.0003, True), (0.000299, False)):
        profile = dataclasses.replace(DRAFT, constraints=Constraints(max_cost_usd=limit))
        decision = run(deployment("a/one"), builtin(), profile=profile)
        assert ("a/one" in decision.chain) is stays


def test_logging_and_cross_validation_take_the_strictest() -> None:
    policy = Policy(
        routes=(
            Route(name="a", store_prompts="hashed", checking="two"),
            Route(name="b", store_prompts="redacted", store_outputs="none", checking="scorer"),
        )
    )
    decision = run(deployment(), policy=policy)
    assert (decision.log.prompts, decision.log.outputs) == ("hashed", "none")
    assert decision.log.tool_args == "full"
    assert (decision.checking, decision.checking_origin) == ("two", "route:a")


def test_the_objective_says_how_much_is_checked_at_least() -> None:
    """Routes add to it; without a word of the policy one model checks."""

    def checked(least: Effort | None, *asked: Effort) -> tuple[Effort, str]:
        routes = tuple(Route(name=f"r{n}", checking=e) for n, e in enumerate(asked))
        policy = Policy(objective=Objective(minimize="cost", checking=least), routes=routes)
        decision = run(deployment(), policy=policy)
        return decision.checking, decision.checking_origin

    assert checked(None) == ("model", "default")
    assert checked(None, "quotes") == ("model", "default")
    assert checked("quotes") == ("quotes", "objective")
    assert checked("quotes", "none") == ("quotes", "objective")
    assert checked("none", "scorer", "human", "two") == ("human", "route:r1")


# ── Ranking ──────────────────────────────────────────────────────────────────────────────


def _three() -> tuple[Deployment, ...]:
    return (
        deployment("a/one", tasks={"draft": 0.7}, price=CHEAP, first_token_ms=900),
        deployment("b/one", tasks={"draft": 0.9}, first_token_ms=500),
        deployment("c/one", tasks={"draft": 0.8}, price=None, first_token_ms=100),
    )


@pytest.mark.parametrize(
    ("objective", "order"),
    [
        (Objective(minimize="cost"), ("a/one", "b/one", "c/one")),
        (Objective(maximize="quality"), ("b/one", "c/one", "a/one")),
        (Objective(minimize="latency"), ("c/one", "b/one", "a/one")),
    ],
)
def test_objectives(objective: Objective, order: tuple[str, ...]) -> None:
    assert run(*_three(), policy=Policy(objective=objective)).chain == order


def test_equal_ones_go_by_name() -> None:
    ways = [deployment(f"{name}/one") for name in "cab"]
    assert run(*ways).chain == ("a/one", "b/one", "c/one")


def test_preferences_come_from_the_first_route_that_has_any() -> None:
    policy = Policy(
        routes=(
            Route(name="silent"),
            Route(name="first", primary="c", fallbacks=("b",)),
            Route(name="second", primary="a"),
        )
    )
    decision = run(*_three(), policy=policy)
    assert decision.chain == ("c/one", "b/one", "a/one")
    assert found(decision, "c/one").scores["preference"] == 0
    assert "preference" not in found(decision, "a/one").scores


def test_a_preference_never_beats_the_floor() -> None:
    policy = Policy(
        objective=Objective(minimize="cost", quality_floor=0.75),
        routes=(Route(name="r", primary="a"),),
    )
    assert run(*_three(), policy=policy).chain == ("b/one", "c/one", "a/one")


def test_a_sibling_of_the_same_model_takes_over_first() -> None:
    ways = (
        deployment("a/one", price=CHEAP),
        deployment("b/one"),
        deployment("a/two", price=None),
    )
    assert run(*ways).chain == ("a/one", "a/two", "b/one")


def test_estimates_replace_priors() -> None:
    context = Context(estimates={"a/one": Estimate(mean=0.95, sd=0.01)}, predictor="learned-3")
    policy = Policy(objective=Objective(maximize="quality"))
    decision = run(*_three(), policy=policy, context=context)
    assert decision.chosen == "a/one"
    assert decision.predictor == "learned-3"
    assert decision.confidence == pytest.approx(0.95)


# ── Below the floor ──────────────────────────────────────────────────────────────────────

FLOOR = Objective(minimize="cost", quality_floor=0.85)


def test_those_below_the_floor_are_last_resorts_the_best_first() -> None:
    decision = run(*_three(), builtin(tasks={"draft": 0.84}), policy=Policy(objective=FLOOR))
    assert decision.chain == ("b/one", "rules/here", "c/one", "a/one")
    assert decision.degraded is None
    last = found(decision, "c/one")
    assert (last.stage, last.rule) == (None, "objective.quality_floor")
    assert (last.found, last.required) == (0.8, 0.85)
    assert "last resort" in last.reason


def test_where_nobody_reaches_it_the_best_is_taken_and_said() -> None:
    policy = Policy(objective=FLOOR)
    decision = run(
        deployment("a/one", tasks={"draft": 0.3}),
        builtin("best/here", tasks={"draft": 0.5}),
        builtin("base/here", tasks={"*": 0.1}),
        policy=policy,
    )
    assert decision.chain == ("best/here", "a/one", "base/here")
    assert decision.degraded is not None
    assert "0.85 (objective.quality_floor)" in decision.degraded
    assert "best/here with 0.50" in decision.degraded


@pytest.mark.parametrize("where", ["objective", "route"])
def test_refuse_wins_over_best(where: str) -> None:
    objective, below = FLOOR, "refuse"
    if where == "objective":
        objective, below = FLOOR.model_copy(update={"below_floor": "refuse"}), "best"
    policy = Policy(
        objective=objective,
        routes=(Route(name="r", below_floor=below), Route(name="s", below_floor="best")),  # type: ignore[arg-type]
    )
    assert run(*_three(), policy=policy).chain == ("b/one",)
    with pytest.raises(NoCandidateError) as error:
        run(_three()[0], policy=policy)
    assert error.value.relax == ("objective.quality_floor",)


def test_an_empty_funnel_names_all_that_the_nearest_breaks() -> None:
    policy = Policy(
        routes=(
            Route(name="home", require=Require(hosting="self", trains_on_data=False)),
            Route(name="cheap", max_cost_usd=0),
        )
    )
    with pytest.raises(NoCandidateError) as error:
        run(
            deployment("a/one"),
            deployment("b/one", trains_on_data=None),
            policy=policy,
        )
    assert error.value.relax == ("route:cheap.max_cost_usd", "route:home.require.hosting")
    message = str(error.value)
    assert "all 2 were removed" in message
    assert "a/one" in message
    assert len(error.value.candidates) == 2


# ── How to call ──────────────────────────────────────────────────────────────────────────


def test_defaults_by_task_and_length() -> None:
    settings = run(deployment()).settings
    assert settings["temperature"] == Setting(value=0.2, origin="default:task draft")
    assert settings["max_tokens"] == Setting(value=150, origin="default:length")
    assert settings["reasoning_effort"] == Setting(value=None, origin="default")
    assert settings["guardrails"] == Setting(value=[], origin="default")
    check = dataclasses.replace(DRAFT, task="check")
    assert run(deployment(), profile=check).settings["temperature"].value == 0.0


def test_the_agent_comes_first_then_the_first_route() -> None:
    policy = Policy(
        routes=(
            Route(name="a", call=CallDeclaration(temperature=0.5, max_tokens=900)),
            Route(
                name="b",
                call=CallDeclaration(temperature=0.7, max_tokens=400, reasoning_effort="low"),
            ),
        )
    )
    context = Context(settings={"temperature": Setting(value=0.0, origin="agent:checker")})
    settings = run(deployment(), policy=policy, context=context).settings
    assert settings["temperature"] == Setting(value=0.0, origin="agent:checker")
    assert settings["max_tokens"] == Setting(value=400, origin="route:b")
    assert settings["reasoning_effort"] == Setting(value="low", origin="route:b")
    assert run(deployment(), policy=policy).settings["temperature"].origin == "route:a"


def test_max_tokens_stays_within_the_model() -> None:
    long = dataclasses.replace(DRAFT, output_tokens=1000)
    small = deployment("a/one", max_output=1200)
    assert run(small, profile=long).settings["max_tokens"] == Setting(
        value=1200, origin="fleet:a.max_output"
    )
    tight = deployment("a/one", context=1250)
    assert run(tight, profile=long).settings["max_tokens"] == Setting(
        value=1150, origin="fleet:a.context"
    )


def test_guardrails_add_up() -> None:
    policy = Policy(
        routes=(
            Route(name="a", call=CallDeclaration(guardrails=("pii", "toxicity"))),
            Route(name="b", call=CallDeclaration(guardrails=("secrets", "pii"))),
        )
    )
    setting = run(deployment(), policy=policy).settings["guardrails"]
    assert setting == Setting(value=["pii", "toxicity", "secrets"], origin="route:a, route:b")


def test_who_reads_values_answers_no_prompt_alone() -> None:
    snapshot = fleet(
        deployment("verifier/here", reads="values", tasks={"chat": 0.95}),
        deployment("writer/one", tasks={"chat": 0.6}),
    )
    chosen = decide(TaskProfile(task="chat"), snapshot, OPEN, Context())
    assert chosen.chosen == "verifier/here"
    alone = decide(TaskProfile(task="chat", values=False), snapshot, OPEN, Context())
    assert alone.chain == ("writer/one",)
    lost = {c.deployment: c.reason for c in alone.candidates if c.stage is not None}
    assert lost == {"verifier/here": "fleet.capability.reads: found values, required prompt"}

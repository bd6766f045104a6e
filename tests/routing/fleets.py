"""Small fleets and arbitrary ones, for the tests of routing."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from orchestrator.money import FREE, Price
from orchestrator.project.policy_schema import Match, Objective, Policy, Require, Route
from orchestrator.types import (
    Constraints,
    Context,
    Deployment,
    FleetSnapshot,
    Health,
    TaskProfile,
    digest,
)

OPEN = Policy(objective=Objective(minimize="cost"))
"""A policy that forbids nothing."""

TASKS = ("draft", "check", "math")
MODELS = ("alpha", "beta", "gamma")
FAMILIES = ("red", "blue", None)
REGIONS = ("eu", "us")
CERTIFICATIONS = ("soc2", "iso27001")


def deployment(id: str = "alpha/one", **changes: Any) -> Deployment:
    """A hosted deployment that states everything, except what `changes` says."""
    values: dict[str, Any] = {
        "id": id,
        "model": id.partition("/")[0],
        "family": "red",
        "tier": "mid",
        "via": "litellm",
        "target": "x/y",
        "provider": "x",
        "hosting": "hosted",
        "region": "eu",
        "retention_days": 30,
        "trains_on_data": False,
        "certifications": ("soc2",),
        "context": 100_000,
        "can": ("json", "stream"),
        "tasks": {"draft": 0.8, "*": 0.7},
        "price": Price(input=1_000_000, output=2_000_000),
        "first_token_ms": 500,
        "tokens_per_second": 100.0,
    }
    return Deployment(**{**values, **changes})


def builtin(id: str = "rules/here", **changes: Any) -> Deployment:
    """A deterministic model."""
    values: dict[str, Any] = {
        "family": None,
        "tier": "nano",
        "via": "builtin",
        "hosting": "self",
        "price": FREE,
        "context": None,
        "first_token_ms": None,
        "tokens_per_second": None,
        "tasks": {"draft": 0.4},
    }
    return deployment(id, **{**values, **changes})


def fleet(*deployments: Deployment, health: dict[str, Health] | None = None) -> FleetSnapshot:
    """A snapshot in which everybody is well, except as `health` says."""
    ordered = tuple(sorted(deployments, key=lambda d: d.id))
    found = {d.id: (health or {}).get(d.id, Health()) for d in ordered}
    return FleetSnapshot(deployments=ordered, health=found, hash=digest([ordered, found]))


# ── Anything at all ──────────────────────────────────────────────────────────────────────

_quality = st.floats(0, 1).map(lambda q: round(q, 2))


@st.composite
def deployments(draw: st.DrawFn, id: str) -> Deployment:
    family = draw(st.sampled_from(FAMILIES))
    return deployment(
        id,
        family=family,
        hosting=draw(st.sampled_from(("self", "hosted"))),
        region=draw(st.sampled_from((None, *REGIONS))),
        retention_days=draw(st.sampled_from((None, 0, 30))),
        trains_on_data=draw(st.sampled_from((None, False, True))),
        certifications=tuple(draw(st.sets(st.sampled_from(CERTIFICATIONS)))),
        context=draw(st.sampled_from((None, 100, 10_000))),
        max_output=draw(st.sampled_from((None, 50, 5_000))),
        can=tuple(draw(st.sets(st.sampled_from(("json", "cite"))))),
        tasks=draw(st.dictionaries(st.sampled_from((*TASKS, "*")), _quality, min_size=1)),
        price=draw(st.sampled_from((None, FREE, Price(input=10**6, output=10**6), Price(input=5)))),
        first_token_ms=draw(st.sampled_from((None, 100, 2_000))),
        tokens_per_second=draw(st.sampled_from((None, 20.0, 200.0))),
    )


@st.composite
def fleets(draw: st.DrawFn) -> FleetSnapshot:
    ids = draw(
        st.sets(
            st.sampled_from([f"{m}/{way}" for m in MODELS for way in ("one", "two", "three")]),
            min_size=1,
            max_size=6,
        )
    )
    health = {
        id: draw(
            st.sampled_from(
                (
                    Health(),
                    Health(),
                    Health(available=False, reason="KEY is not set"),
                    Health(breaker="open"),
                    Health(breaker="half_open", first_token_ms=50),
                )
            )
        )
        for id in ids
    }
    return fleet(*(draw(deployments(id)) for id in sorted(ids)), health=health)


_limits: dict[str, st.SearchStrategy[Any]] = {
    "hosting": st.sampled_from((None, "self", "hosted")),
    "regions": st.sampled_from((None, ("eu",), ("eu", "us"))),
    "retention_days": st.sampled_from((None, 0, 30)),
    "trains_on_data": st.sampled_from((None, False)),
    "certifications": st.sampled_from(((), ("soc2",), CERTIFICATIONS)),
    "models": st.sampled_from((None, ("alpha",), ("alpha", "beta"))),
    "not_models": st.sampled_from(((), ("alpha",))),
    "not_families": st.sampled_from(((), ("red",))),
}
_numbers: dict[str, st.SearchStrategy[Any]] = {
    "latency_ms": st.sampled_from((None, 500, 20_000)),
    "max_cost_usd": st.sampled_from((None, 0.0, 0.0005)),
    "quality_floor": st.one_of(st.none(), _quality),
}

constraints = st.builds(Constraints, **_limits, **_numbers)
requires = st.builds(Require, **_limits)

profiles = st.builds(
    TaskProfile,
    task=st.sampled_from((*TASKS, "sql")),
    input_tokens=st.sampled_from((0, 80, 5_000)),
    output_tokens=st.sampled_from((1, 256)),
    data_class=st.sampled_from(("public", "pii", "no-such-class")),
    risk=st.sampled_from(("low", "normal", "high")),
    interactive=st.booleans(),
    needs=st.sampled_from(((), ("json",), ("json", "cite"))),
    tags=st.sampled_from(((), ("legal",))),
    constraints=constraints,
)

contexts = st.builds(
    Context,
    budget_micro_usd=st.sampled_from((None, 0, 300)),
    deadline_ms=st.sampled_from((None, 400, 60_000)),
    rate_limited=st.sampled_from(((), ("alpha/one",))),
)

_matches = st.builds(
    Match,
    task=st.sampled_from((None, "draft", ("check", "math"))),
    data_class=st.sampled_from((None, "pii", ("pii", "regulated"))),
    risk=st.sampled_from((None, "high")),
    tags=st.sampled_from((None, ("legal", "medical"))),
    interactive=st.sampled_from((None, True)),
)


def routes(name: str) -> st.SearchStrategy[Route]:
    """Any route of that name."""
    return st.builds(
        Route,
        name=st.just(name),
        match=_matches,
        require=requires,
        below_floor=st.sampled_from((None, "best", "refuse")),
        primary=st.sampled_from((None, "beta")),
        fallbacks=st.sampled_from(((), ("gamma", "alpha"))),
        store_prompts=st.sampled_from((None, "redacted", "none")),
        checking=st.sampled_from((None, "quotes", "two")),
        **_numbers,
    )


policies = st.builds(
    Policy,
    objective=st.sampled_from(
        (
            Objective(minimize="cost"),
            Objective(minimize="cost", quality_floor=0.6),
            Objective(maximize="quality", quality_floor=0.5, below_floor="refuse"),
            Objective(minimize="latency", checking="scorer"),
        )
    ),
    routes=st.tuples(routes("first"), routes("second")),
)

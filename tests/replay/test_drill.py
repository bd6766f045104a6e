"""What is still served without a provider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.errors import UnknownNameError
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.drill import Drill, barred, drill, providers
from orchestrator.replay.traffic import Traffic
from orchestrator.replay.whatif_world import World as Learned
from orchestrator.types import Capacity, Deployment
from tests.replay.priced import REQUESTS, priced
from tests.replay.truth import MODELS


def places() -> list[Deployment]:
    """As the fleet would be with a provider for each two models."""
    of = {m: f"https://provider-{n // 2}.example/v1" for n, m in enumerate(MODELS)}
    return [replace(d, endpoint=of[d.model]) for d in priced().fleet.deployments]


def killed(*names: str, policy: dict[str, Any] | None = None, **known: Any) -> Drill:
    chosen = Policy.model_validate(policy or priced().world.base_policy())
    said: dict[str, Any] = {"last": {}, "breakers": {}, **known}
    return drill(priced().learned, chosen, names, places(), **said)


def test_a_name_is_a_provider_a_deployment_a_model_or_a_region() -> None:
    fleet = places()
    found, reasons = barred(["provider-0.example", "trout/here", "whale", "us"], fleet)
    assert [(k.name, k.kind) for k in found] == [
        ("provider-0.example", "provider"),
        ("trout/here", "deployment"),
        ("whale", "model"),
        ("us", "region"),
    ]
    assert reasons["minnow/here"] == "drill: us is gone"
    assert set(reasons) == {"minnow/here", "perch/here", "trout/here", "whale/here", "tuna/here"}
    with pytest.raises(UnknownNameError, match="did you mean 'whale'"):
        barred(["wahle"], fleet)


def test_others_take_over_and_what_that_costs_is_told() -> None:
    found = killed("perch", last={"trout/here": 86_400.0}, breakers={"trout/here": "open"})
    assert found.share == 1.0
    assert found.lost == 0
    assert not found.dark
    assert 0 < found.served == sum(s.hops for s in found.standbys)
    first = found.standbys[0]
    assert (first.deployment, first.last_answer, first.breaker) == ("trout/here", 86_400.0, "open")
    assert all(s.deployment != "perch/here" for s in found.standbys)
    assert found.comparison.moved == found.served
    change = found.comparison.served.cost
    assert change is not None
    assert change.by.low < change.by.high


def test_who_serves_nothing_is_not_missed() -> None:
    policy = {"routes": [{"name": "one", "require": {"models": ["perch"]}}]}
    found = killed("whale", policy=policy)
    assert found.served == 0
    assert found.share == 1.0
    change = found.comparison.served.cost
    assert change is not None
    assert change.by.low == change.by.high == 0


def test_what_goes_dark_is_told_by_what_it_has_in_common() -> None:
    math = {"name": "math", "match": {"task": "math"}, "require": {"models": ["minnow", "perch"]}}
    found = killed("provider-0.example", policy={"routes": [math]})
    lost = sum(one.profile.task == "math" for one in priced().traffic.hops)
    assert found.lost == lost == REQUESTS - found.still
    whole = {(d.by, d.name): d for d in found.dark if d.hops == d.of}
    assert whole["task", "math"].hops == whole["route", "math"].hops == lost
    assert len(whole["task", "math"].traces) == 3
    assert found.dark[0].hops == found.dark[0].of
    graph = next(d for d in found.dark if d.by == "graph")
    assert graph.hops < graph.of


def test_room_is_held_against_what_is_declared() -> None:
    tight = [
        replace(d, limits=Capacity(requests_per_minute=1)) if d.model == "trout" else d
        for d in places()
    ]
    one = priced().traffic.hops
    learned = Learned(
        Traffic(since=0, until=1, hops=one),
        [replace(priced().fleet, deployments=tuple(tight), hash="tight")],
        draws=20,
    )
    policy = Policy.model_validate(priced().world.base_policy())
    found = drill(learned, policy, ["perch"], tight, last={}, breakers={})
    by_name = {s.deployment: s for s in found.standbys}
    crowded = by_name["trout/here"].crowded
    assert crowded is not None
    assert 0.5 < crowded < 1
    assert all(s.crowded is None for name, s in by_name.items() if name != "trout/here")


def test_all_that_can_be_gone() -> None:
    assert providers(places()) == (
        "provider-0.example",
        "provider-1.example",
        "provider-2.example",
    )

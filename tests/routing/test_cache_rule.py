"""Of all that matching routes say of the cache the tightest counts."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.project.policy_schema import CacheDeclaration, Policy, Route
from orchestrator.routing._policy import cache_rule, compile_policy
from orchestrator.types import CacheRule, TaskProfile


def rule(*routes: Route) -> CacheRule | None:
    compiled = compile_policy(Policy(routes=routes))
    return cache_rule(compiled.matching(TaskProfile(task="chat")))


def test_it_is_off_where_nobody_says_otherwise() -> None:
    assert rule() is None
    assert rule(Route(name="a")) is None
    assert rule(Route(name="a", cache="off")) is None


def test_a_word_is_enough() -> None:
    assert rule(Route(name="a", cache="exact")) == CacheRule(mode="exact", origin="route:a")


def test_the_tightest_of_all_wins() -> None:
    wide = CacheDeclaration(mode="semantic", error_rate=0.05, ttl_s=1_000)
    tight = CacheDeclaration(mode="exact", error_rate=0.02, ttl_s=5_000, per="user")
    found = rule(Route(name="a", cache=wide), Route(name="b", cache=tight))
    assert found == CacheRule(
        mode="exact", error_rate=0.02, ttl_s=1_000, per="user", origin="route:b"
    )
    assert rule(Route(name="a", cache=wide), Route(name="b", cache="off")) is None


@pytest.mark.parametrize(
    ("stored", "mode"),
    [
        ({"store_outputs": "redacted"}, None),
        ({"store_outputs": "none"}, None),
        ({"store_prompts": "hashed"}, "exact"),
        ({"store_tool_args": "none"}, "semantic"),
    ],
)
def test_nothing_is_kept_that_a_trace_may_not_keep(stored: Any, mode: str | None) -> None:
    found = rule(Route(name="a", cache="semantic"), Route(name="b", **stored))
    assert (found and found.mode) == mode

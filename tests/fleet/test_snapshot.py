"""The snapshot: who is there, why the others are not, and a hash that means it."""

from __future__ import annotations

import dataclasses
from typing import Any

from orchestrator.fleet.snapshot import snapshot
from orchestrator.types import Deployment, Health

from .test_health import made

HERE = "http://127.0.0.1:9/v1"


def found(**changes: Any) -> Deployment:
    return made(**{"discover": True, "endpoint": HERE, "target": "", **changes})


def no_probe(endpoint: str) -> tuple[str, ...] | None:
    raise AssertionError(f"{endpoint} was asked")


def health(deployment: Deployment, models: tuple[str, ...] | None) -> Health:
    return snapshot([deployment], {}, probe=lambda _: models).health[deployment.id]


def test_nobody_is_asked_who_need_not_be() -> None:
    taken = snapshot(
        [
            made(id="a/one", endpoint="https://example.com/v1"),
            found(id="b/one", key="B_KEY"),
            found(id="c/one", endpoint="${C_URL}"),
            found(id="d/one", endpoint="https://example.com/v1"),
            found(id="e/one", endpoint=None),
        ],
        {},
        probe=no_probe,
    )
    reasons = {id: h.reason for id, h in taken.health.items()}
    assert reasons["a/one"] == ""
    assert reasons["b/one"] == "B_KEY is not set"
    assert reasons["c/one"] == "C_URL is not set"
    assert "on this machine only" in reasons["d/one"]
    assert "not stated" in reasons["e/one"]
    assert [h.available for h in taken.health.values()] == [True, False, False, False, False]


def test_a_discovered_server_lends_its_first_chat_model() -> None:
    taken = snapshot([found()], {}, probe=lambda _: ("nomic-embed-text", "qwen3:4b"))
    assert taken.deployments[0].target == "qwen3:4b"
    assert taken.health["m/one"].available


def test_a_discovered_server_without_what_is_needed() -> None:
    assert health(found(), None).reason == f"no server answers at {HERE}"
    assert "has no chat model" in health(found(), ("nomic-embed-text",)).reason
    assert "has no model 'qwen3'" in health(found(target="qwen3"), ("llama",)).reason
    assert health(found(target="qwen3"), ("llama", "qwen3:latest")).available


def test_one_endpoint_is_asked_once() -> None:
    asked: list[str] = []

    def probe(endpoint: str) -> tuple[str, ...]:
        asked.append(endpoint)
        return ("m",)

    snapshot([found(id="a/one"), found(id="b/one")], {}, probe=probe)
    assert asked == [HERE]


def test_what_was_measured_counts_only_where_it_can_be_called() -> None:
    live = {"a/one": Health(breaker="open"), "b/one": Health(breaker="open")}
    taken = snapshot([made(id="a/one"), made(id="b/one", key="K")], {}, live=live)
    assert taken.health["a/one"].breaker == "open"
    assert taken.health["b/one"] == Health(available=False, reason="K is not set")


def test_the_hash_changes_with_content_alone() -> None:
    a, b = made(id="a/one", key="K"), made(id="b/one")
    env = {"K": "secret-one"}
    first = snapshot([a, b], env)
    assert first.deployments == (a, b)
    assert snapshot([b, a], {"K": "another"}).hash == first.hash
    assert snapshot([a, b], {}).hash != first.hash
    assert snapshot([a, dataclasses.replace(b, region="eu")], env).hash != first.hash
    jitter = {"b/one": Health(first_token_ms=500)}, {"b/one": Health(first_token_ms=510)}
    near, nearer = (snapshot([a, b], env, live=live).hash for live in jitter)
    assert near == nearer != first.hash

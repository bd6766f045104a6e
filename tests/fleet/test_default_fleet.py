"""The fleet and the policy that the project ships, through `decide`."""

from __future__ import annotations

from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator.fleet.build import build_fleet
from orchestrator.fleet.snapshot import snapshot
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.policy_schema import Policy
from orchestrator.routing.decide import decide
from orchestrator.types import Constraints, Context, Decision, FleetSnapshot, TaskProfile

ROOT = Path(__file__).parents[2]
KEYS = (
    "ANTHROPIC_API_KEY",
    "AWS_BEARER_TOKEN_BEDROCK",
    "OPENAI_API_KEY",
    "GEMINI_API_KEY",
    "MISTRAL_API_KEY",
    "DEEPSEEK_API_KEY",
)
CLASSIFIER = (
    "minilm-classifier/here" if find_spec("sentence_transformers") else "keyword-classifier/here"
)
ALL_KEYS = dict.fromkeys(KEYS, "k")
TASKS = (
    "draft",
    "extract",
    "classify",
    "summarize",
    "code",
    "sql",
    "math",
    "plan",
    "check",
    "cite",
    "aggregate",
    "phrase",
    "route",
    "chat",
)


def loaded(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


FLEET = Fleet.model_validate(loaded("fleet.yaml"))
POLICY = Policy.model_validate(loaded("policy.yaml"))


def taken(env: dict[str, str]) -> FleetSnapshot:
    return snapshot(build_fleet(FLEET, env), env, probe=lambda _: None)


def chosen(task: str, env: dict[str, str], **profile: Any) -> Decision:
    return decide(TaskProfile(task=task, **profile), taken(env), POLICY, Context())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("data_class", ["internal", "regulated"])
def test_offline_every_task_has_somebody(task: str, data_class: str) -> None:
    decision = chosen(task, {}, data_class=data_class)
    assert decision.chosen
    self_hosted = {d.id for d in taken({}).deployments if d.hosting == "self"}
    assert set(decision.chain) <= self_hosted


@pytest.mark.parametrize(
    ("task", "needs", "expected"),
    [
        ("plan", ("json",), "rule-decomposer/here"),
        ("draft", ("cite",), "extractive-writer/here"),
        ("summarize", (), "extractive-summarizer/here"),
        ("extract", ("json",), "extractive-extractor/here"),
        ("classify", ("json",), CLASSIFIER),
        ("math", (), "calculator/here"),
        ("check", ("json",), "claim-gates/here"),
        ("cite", ("json",), "quote-verifier/here"),
        ("aggregate", (), "merger/here"),
        ("phrase", (), "smollm2-135m/local"),
        ("code", (), "template-coder/here"),
        ("chat", (), "extractive-chat/here"),
    ],
)
def test_offline_the_specialist_is_chosen(task: str, needs: tuple[str, ...], expected: str) -> None:
    assert chosen(task, {}, needs=needs).chosen == expected


@pytest.mark.parametrize("key", [k for k in KEYS if k != "AWS_BEARER_TOKEN_BEDROCK"])
def test_with_any_key_language_is_hosted_and_exact_work_is_not(key: str) -> None:
    hosted = {d.id for d in taken({}).deployments if d.hosting == "hosted"}
    for task in ("draft", "plan", "summarize", "extract", "classify", "code", "chat"):
        decision = chosen(task, {key: "k"})
        assert decision.chosen in hosted, task
        assert decision.degraded is None
    assert chosen("math", {key: "k"}).chosen == "calculator/here"
    assert chosen("cite", {key: "k"}).chosen == "quote-verifier/here"


def test_every_chain_holds_a_deterministic_model() -> None:
    deterministic = {d.id for d in taken({}).deployments if d.deterministic}
    for env in ({}, ALL_KEYS):
        for task in TASKS:
            assert deterministic & set(chosen(task, env).chain), task


def test_personal_data_stays_at_home_whatever_keys_there_are() -> None:
    decision = chosen("draft", ALL_KEYS, data_class="pii")
    assert set(decision.chain) <= {d.id for d in taken({}).deployments if d.hosting == "self"}
    assert decision.log.prompts == "hashed"


def test_high_risk_takes_the_strongest_and_a_second_opinion() -> None:
    decision = chosen("plan", ALL_KEYS, risk="high")
    best = next(c for c in decision.candidates if c.deployment == decision.chosen)
    assert (best.scores["quality"] or 0) >= 0.85
    assert (decision.checking, decision.checking_origin) == ("two", "route:high-risk")


def test_the_risk_says_how_much_an_answer_is_checked() -> None:
    low, normal = (chosen("plan", {}, risk=r) for r in ("low", "normal"))
    assert (low.checking, low.checking_origin) == ("scorer", "objective")
    assert (normal.checking, normal.checking_origin) == ("model", "route:normal-risk")


def test_a_checker_of_another_family_is_there() -> None:
    families = {d.id: d.family for d in taken({}).deployments}
    constraints = Constraints(not_families=("anthropic",))
    decision = chosen("check", ALL_KEYS, constraints=constraints)
    assert families[decision.chosen] not in ("anthropic", None)


def test_a_region_leaves_those_who_state_it() -> None:
    decision = chosen("draft", ALL_KEYS, constraints=Constraints(regions=("eu",)))
    regions = {d.id: d.region for d in taken({}).deployments}
    assert {regions[id] for id in decision.chain} == {"eu"}
    assert "claude-sonnet/eu" in decision.chain


def test_openai_is_reached_through_both_transports_at_the_base_url() -> None:
    env = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    ways = {d.via: d for d in taken(env).deployments if d.model == "gpt-5-mini"}
    assert set(ways) == {"litellm", "openai"}
    for way in ways.values():
        assert way.endpoint == "http://127.0.0.1:9/v1"
        only = Constraints(models=(way.id,))
        assert chosen("extract", env, constraints=only).chosen == way.id
    assert {d.endpoint for d in taken({}).deployments if d.model == "gpt-5-mini"} == {
        "https://api.openai.com/v1"
    }


def test_every_hosted_price_and_context_is_known_and_nobody_retires_soon() -> None:
    providers = set()
    for d in taken({}).deployments:
        if d.hosting == "hosted":
            providers.add(d.provider)
            assert d.price is not None, d.id
            assert d.price.input, d.id
            assert d.price.output is not None, d.id
            if not d.any_length:
                assert d.price.output, d.id
                assert d.context, d.id
            # Held against the date on which the default fleet was chosen, not today's.
            assert d.retires is None or date.fromisoformat(d.retires) > date(2027, 6, 1), d.id
    assert len(providers) >= 5


def test_discovered_servers_take_part() -> None:
    env: dict[str, str] = {"OLLAMA_HOST": "127.0.0.1:9"}
    seen = snapshot(build_fleet(FLEET, env), env, probe=lambda _: ("qwen3:4b",))
    ollama = next(d for d in seen.deployments if d.model == "ollama")
    assert (ollama.endpoint, ollama.target) == ("http://127.0.0.1:9/v1", "qwen3:4b")
    decision = decide(TaskProfile(task="draft"), seen, POLICY, Context())
    assert decision.chosen in ("ollama/local", "local-server/local")

"""Routing knows which models can use which tools."""

from __future__ import annotations

import dataclasses

import pytest

from orchestrator.embedding.load import load_embedder
from orchestrator.errors import NoCandidateError
from orchestrator.project.schema import Agent
from orchestrator.routing.decide import decide
from orchestrator.routing.profile import Profiler
from orchestrator.types import Context, Decision, Stage, TaskProfile

from .fleets import OPEN, deployment, fleet

WITH_TOOLS = TaskProfile(
    task="draft", input_tokens=100, output_tokens=100, tools=("calculate", "search")
)


def run(profile: TaskProfile = WITH_TOOLS, **tools: tuple[str, ...] | None) -> Decision:
    deployments = [
        dataclasses.replace(deployment(f"{name}/here"), tools=known)
        for name, known in tools.items()
    ]
    return decide(profile, fleet(*deployments), OPEN, Context())


def test_a_model_without_one_of_the_tools_is_left_out_at_the_first_stage() -> None:
    decision = run(all=None, both=("search", "calculate", "more"), one=("search",), none=())
    assert sorted(decision.chain) == ["all/here", "both/here"]
    lost = {c.deployment: c for c in decision.candidates if c.stage is not None}
    assert {c.stage for c in lost.values()} == {Stage.CAPABILITY}
    assert lost["one/here"].reason == (
        "fleet.capability.tools: found search, required calculate, search"
    )
    assert lost["none/here"].found == []


def test_a_request_without_tools_goes_to_all() -> None:
    plain = dataclasses.replace(WITH_TOOLS, tools=())
    assert len(run(plain, all=None, one=("search",), none=()).chain) == 3


def test_an_agent_s_tools_are_what_its_requests_ask_for() -> None:
    agent = Agent(name="a", description="A.", task="draft", tools=("calculate",))
    profile = Profiler(load_embedder("static", {})).profile("Why?", agent=agent)
    assert profile.tools == ("calculate",)


def test_where_nobody_knows_them_the_rule_is_named() -> None:
    with pytest.raises(NoCandidateError) as failed:
        run(one=("search",))
    assert failed.value.relax == ("fleet.capability.tools",)

"""The routing agent: profile, decide, assign; a model completes and never overrules."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.errors import NoCandidateError, UserError
from orchestrator.project.schema import Agent
from orchestrator.roles.router import read_features, route, specialist_for
from orchestrator.roles.values import Plan, Subtask
from orchestrator.roles.work import InvalidOutputError
from orchestrator.types import Decision, Feature, TaskProfile
from tests.roles.fake_work import FakeWork, Says, agents, embedder

PLAN = Plan(
    subtasks=(
        Subtask(id="a", description="Draft a policy", task="draft"),
        Subtask(id="b", description="Calculate 3 * 4", task="math"),
    )
)


def _unsure(text: str, task: str | None) -> TaskProfile:
    return TaskProfile(
        task=task or "chat",
        domain="general",
        data_class="pii",
        risk="high",
        features={
            "task": Feature(value=task or "chat", confidence=1.0 if task else 0.3, origin="rule"),
            "complexity": Feature(value=0.5, confidence=0.2, origin="default"),
        },
    )


def _decision(**fields: Any) -> Decision:
    return Decision(**{"chosen": "m/d", "policy_hash": "p", "fleet_hash": "f", **fields})


async def test_each_subtask_gets_the_specialist_of_its_task_and_a_decision() -> None:
    found = await route(FakeWork(agents()["router"], {"plan": PLAN}))
    assert [(a.subtask, a.specialist, a.deployment) for a in found.assignments] == [
        ("a", "drafter", "draft-model/api"),
        ("b", "calculator", "math-model/api"),
    ]
    assert [s.specialist for s in found.subtasks] == ["drafter", "calculator"]
    assert found.specialist == "calculator"
    assert found.assignments[1].profile["task"] == "math"


async def test_a_plain_question_is_one_subtask_of_the_guessed_task() -> None:
    work = FakeWork(
        agents()["router"],
        question="Sum it up",
        profiles=lambda text, task: TaskProfile(task=task or "summarize"),
    )
    found = await route(work)
    assert [(s.id, s.description, s.task) for s in found.subtasks] == [
        ("request", "Sum it up", "summarize")
    ]
    assert found.specialist == "summariser"


async def test_a_task_without_a_specialist_goes_to_the_assistant() -> None:
    work = FakeWork(
        agents()["router"], profiles=lambda text, task: TaskProfile(task=task or "astrology")
    )
    assert (await route(work)).specialist == "assistant"


async def test_an_unsure_profile_is_completed_by_a_model_but_policy_is_not_touched() -> None:
    said = {"task": "math", "complexity": 0.9, "domain": "finance", "data_class": "public"}
    work = FakeWork(
        agents()["router"],
        chains=[[Says(json.dumps(said), deployment="acme-small/api")]],
        question="Hm",
        profiles=_unsure,
    )
    found = await route(work)
    profile = found.assignments[0].profile
    assert (found.specialist, profile["complexity"]) == ("calculator", 0.9)
    assert profile["features"]["complexity"]["origin"] == "model:acme-small/api"
    assert (profile["data_class"], profile["risk"], profile["domain"]) == ("pii", "high", "general")
    assert found.assignments[0].note == "task, complexity completed by acme-small/api"


async def test_a_declared_task_is_not_completed() -> None:
    said = {"task": "chat", "complexity": 0.9, "domain": "law"}
    work = FakeWork(
        agents()["router"], {"plan": PLAN}, [[Says(json.dumps(said))]] * 2, profiles=_unsure
    )
    found = await route(work)
    assert [s.task for s in found.subtasks] == ["draft", "math"]


@pytest.mark.parametrize("why", ["nobody reaches the floor", ""])
async def test_with_nobody_good_enough_the_rules_stand_alone(why: str) -> None:
    def decide(profile: TaskProfile) -> Decision:
        if profile.task == "route":
            if not why:
                raise NoCandidateError("nobody serves it")
            return _decision(degraded=why)
        return _decision()

    work = FakeWork(agents()["router"], question="Hm", profiles=_unsure, decisions=decide)
    found = await route(work)
    assert work.requests == []
    assert found.specialist == "assistant"
    assert work.notes == [f"profile completed by rules alone: {why or 'nobody serves it'}"]


async def test_garbage_from_the_model_leaves_the_rules_profile() -> None:
    work = FakeWork(
        agents()["router"], chains=[[Says("I think it is maths")]], question="Hm", profiles=_unsure
    )
    found = await route(work)
    assert found.assignments[0].profile["complexity"] == 0.5
    assert "rules alone: not JSON" in work.notes[0]


async def test_a_subtask_that_nobody_may_serve_says_so() -> None:
    def refuse(profile: TaskProfile) -> Decision:
        raise NoCandidateError("region: found us, required eu")

    found = await route(FakeWork(agents()["router"], {"plan": PLAN}, decisions=refuse))
    assert found.assignments[0].deployment == ""
    assert "required eu" in found.assignments[0].note


def test_of_several_specialists_the_nearest_description_wins() -> None:
    several = {
        name: Agent(name=name, task="draft", description=said)
        for name, said in [
            ("contracts", "Drafts legal contracts and clauses"),
            ("recipes", "Writes cooking recipes and menus"),
        ]
    }
    for text, wanted in [
        ("Draft a recipe for pea soup", "recipes"),
        ("Draft a clause on liability for the contract", "contracts"),
    ]:
        assert specialist_for(several, "draft", text, embedder()).name == wanted


def test_a_project_without_specialists_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="role 'specialist'"):
        specialist_for({"router": agents()["router"]}, "draft", "x", embedder())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"task": "poetry", "complexity": 0.5, "domain": "law"}, "unknown task"),
        ({"task": "chat", "complexity": 2, "domain": "law"}, "0..1"),
        ({"task": "chat", "complexity": True, "domain": "law"}, "number"),
        ({"task": "chat", "complexity": 0.5, "domain": ""}, "domain"),
        ({"task": "chat", "complexity": 0.5}, "domain"),
    ],
)
def test_features_out_of_range_are_refused(value: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidOutputError, match=reason):
        read_features(json.dumps(value), ("chat", "math"))

"""The routing agent: profiles each subtask, asks `decide`, and assigns the specialist."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from orchestrator.errors import CallError, NoCandidateError, UserError
from orchestrator.project.protocols import Embedder
from orchestrator.project.registry import role
from orchestrator.project.schema import Agent
from orchestrator.roles.decomposer import specialist_tasks
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence
from orchestrator.roles.values import Assignment, Plan, Routing, Subtask
from orchestrator.roles.work import InvalidOutputError, Work
from orchestrator.types import Feature, TaskProfile, as_json

UNSURE = 0.5
"""Below this confidence a feature is completed by a model, where one may be asked."""
TOLD = 0.75
"""The confidence of a feature that a model completed."""
COMPLETED = ("task", "complexity", "domain")
"""What a model may complete. Data class, risk and constraints are policy and never among them."""
REQUEST = "request"


@role("router", reads=(Plan | None,), variables=("request", "tasks"), goes_on=True)
async def route(work: Work) -> Routing:
    """An assignment for each subtask of the plan, or for the plain request."""
    plan = work.maybe(Plan)
    assignments, subtasks = [], []
    for subtask in plan.subtasks if plan else (None,):
        assignment, assigned = await _assign(work, subtask)
        assignments.append(assignment)
        subtasks.append(assigned)
    return Routing(
        assignments=tuple(assignments),
        specialist=subtasks[-1].specialist,
        subtasks=tuple(subtasks),
    )


async def _assign(work: Work, subtask: Subtask | None) -> tuple[Assignment, Subtask]:
    text = subtask.description if subtask else work.question
    profile = work.profile(text, task=subtask.task if subtask else None)
    note = ""
    if profile.confidence < UNSURE:
        profile, note = await _completed(work, profile, text)
    agent = specialist_for(work.agents, profile.task, text, work.embedder)
    profile = _for_agent(work.profile(text, task=agent.task, agent=agent), profile)
    try:
        deployment = work.decide(profile, step=subtask.id if subtask else REQUEST).chosen
    except NoCandidateError as error:
        deployment, note = "", f"{note}; {error}" if note else str(error)
        work.note(f"no deployment may serve '{agent.name}': {error}")
    assigned = (
        subtask.model_copy(update={"specialist": agent.name})
        if subtask
        else Subtask(id=REQUEST, description=text, task=agent.task, specialist=agent.name)
    )
    return (
        Assignment(
            subtask=assigned.id,
            specialist=agent.name,
            deployment=deployment,
            profile=as_json(profile),
            note=note,
        ),
        assigned,
    )


def _for_agent(fresh: TaskProfile, known: TaskProfile) -> TaskProfile:
    """The agent's profile of the text with what is already known of the task."""
    features = {**fresh.features, **{k: f for k, f in known.features.items() if k in COMPLETED}}
    return dataclasses.replace(
        fresh, complexity=known.complexity, domain=known.domain, features=features
    )


def specialist_for(agents: Mapping[str, Agent], task: str, text: str, embedder: Embedder) -> Agent:
    """The specialist of a task: of several the one whose description is nearest to the text.

    Where no specialist has the task it is the assistant, then the drafter, then the first.

    Raises:
        UserError: the project has no specialist at all.
    """
    specialists = [a for _, a in sorted(agents.items()) if a.role == "specialist"]
    if not specialists:
        raise UserError("the project has no agent with the role 'specialist'")
    fitting = [a for a in specialists if a.task == task]
    if len(fitting) > 1:
        vectors = embedder.embed([text, *(a.description for a in fitting)])
        scores = [float(v @ vectors[0]) for v in vectors[1:]]
        return fitting[scores.index(max(scores))]
    by_name = {a.name: a for a in specialists}
    general = by_name.get("assistant") or by_name.get("drafter") or specialists[0]
    return fitting[0] if fitting else general


async def _completed(work: Work, profile: TaskProfile, text: str) -> tuple[TaskProfile, str]:
    """The profile with its unsure features from a small model, if one may be asked."""
    unsure = [n for n in COMPLETED if n in profile.features and _is_unsure(profile.features[n])]
    refused = _nobody_to_ask(work, text) if unsure else "what is unsure is for policy to say"
    if refused:
        return profile, _by_rules(work, refused)
    tasks = tuple(specialist_tasks(work.agents))
    try:
        reply = await work.call(
            variables={"request": fence("request", text), "tasks": ", ".join(tasks)},
            inputs={"question": text, "tasks": list(tasks)},
            check=lambda output: read_features(output, tasks),
            schema=features_schema(tasks),
        )
    except (CallError, NoCandidateError) as error:
        return profile, _by_rules(work, str(error))
    told: dict[str, Any] = {n: reply.value[n] for n in unsure}
    origin = f"model:{reply.deployment}"
    features = {n: Feature(value=v, confidence=TOLD, origin=origin) for n, v in told.items()}
    return (
        dataclasses.replace(profile, **told, features={**profile.features, **features}),
        f"{', '.join(unsure)} completed by {reply.deployment}",
    )


def _is_unsure(feature: Feature) -> bool:
    return feature.confidence < UNSURE


def _by_rules(work: Work, why: str) -> str:
    note = f"profile completed by rules alone: {why}"
    work.note(note)
    return note


def _nobody_to_ask(work: Work, text: str) -> str:
    """Why no model can complete a profile; empty where one can."""
    try:
        decision = work.decide(work.profile(text, task=work.agent.task, agent=work.agent))
    except NoCandidateError as error:
        return str(error)
    return decision.degraded or ""


def features_schema(tasks: tuple[str, ...]) -> dict[str, Any]:
    """The JSON Schema of what the model completes."""
    return {
        "type": "object",
        "properties": {
            "task": {"type": "string", "enum": list(tasks)},
            "complexity": {"type": "number", "minimum": 0, "maximum": 1},
            "domain": {"type": "string", "minLength": 1, "maxLength": 40},
        },
        "required": list(COMPLETED),
        "additionalProperties": False,
    }


def read_features(text: str, tasks: tuple[str, ...]) -> dict[str, Any]:
    """Task, complexity and domain; whatever else the model says is not read.

    Raises:
        InvalidOutputError: one of the three is missing or out of its range.
    """
    value = json_object(text)
    task, complexity, domain = (value.get(name) for name in COMPLETED)
    if task not in tasks:
        raise InvalidOutputError(f"unknown task {task!r}; known: {', '.join(tasks)}")
    if isinstance(complexity, bool) or not isinstance(complexity, (int, float)):
        raise InvalidOutputError(f"complexity must be a number, not {complexity!r}")
    if not 0 <= complexity <= 1:
        raise InvalidOutputError(f"complexity must lie in 0..1, not {complexity!r}")
    if not isinstance(domain, str) or not domain.strip() or len(domain) > 40:
        raise InvalidOutputError(f"domain must be a word or two, not {domain!r:.60}")
    return {"task": task, "complexity": float(complexity), "domain": domain.strip().lower()}

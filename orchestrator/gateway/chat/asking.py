"""From what a request wants to a call: which models may answer, within what its key allows."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.call_types import CallRequest, text_of
from orchestrator.gateway.chat.wanted import ANY_FORM, Call, Wanted
from orchestrator.gateway.errors import ApiError, bad_request
from orchestrator.gateway.keys.scope import models_of, on_behalf, permit_contents, permit_task
from orchestrator.gateway.keys.values import Key
from orchestrator.gateway.needs import NONE, Needs, refuse_graph_needs, unknown
from orchestrator.project.policy_schema import CallDeclaration
from orchestrator.project.schema import Agent, Project
from orchestrator.project.vocabulary import tasks
from orchestrator.roles.services import Services
from orchestrator.roles.single import Ask
from orchestrator.types import WORDLESS, Caller, Constraints, risk_of

AUTO = "auto"
TASK = "task:"
MAX_TOKENS = 4096
"""How long an answer may be where nobody says less; reasoning counts as output."""
GRAPH = "gateway"
"""What stands for the graph on the trace of such a call."""
_FREE = Constraints()


@dataclass(frozen=True, slots=True)
class Target:
    """What a `model` of the API stands for."""

    task: str = ""
    """Empty: guessed from the text."""
    models: tuple[str, ...] | None = None


class Targets:
    """The names that may stand in `model`, for one project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.tasks = tasks(project)
        self._known = {
            AUTO: Target(),
            **{name: Target(models=(name,)) for name in project.fleet.models},
            **{f"{TASK}{task}": Target(task) for task in self.tasks},
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._known)

    def find(self, name: str) -> Target:
        """What the name stands for.

        Raises:
            ApiError: 404 with the near name.
        """
        found = self._known.get(name)
        if found is None:
            raise not_found(name, self.names)
        return found


def not_found(name: str, known: Sequence[str]) -> ApiError:
    """404 for a model that nothing answers to."""
    model, _, deployment = name.partition("/")
    if deployment and model in known:
        said = f"deployments cannot be asked for, routing chooses among them; ask for '{model}'"
        return ApiError(404, said, code="model_not_found", param="model")
    error = unknown("model", name, list(known), "model", 404)
    error.code = "model_not_found"
    return error


def ask_of(call: Call, target: Target, services: Services) -> Ask:
    """The call for what is wanted, narrowed to what its key allows.

    Raises:
        ApiError: a task or data class that the project does not know.
        KeyRefusedError: the key is not for this.
    """
    wanted, key, needs = call.wanted, call.key, call.wanted.needs
    project = services.project
    if needs is not NONE:
        refuse_graph_needs(needs)
    task = _task(call, target, services)
    if needs.data_class is not None and needs.data_class not in project.policy.data_classes:
        known = list(project.policy.data_classes)
        raise unknown("data class", needs.data_class, known, "mesh.data_class")
    if key.data_classes is not None:
        stated = needs.data_class or project.policy.default_data_class
        texts = (text_of(m) for m in wanted.messages)
        permit_contents(key, stated, texts, services.detectors)
    deadline = needs.deadline_ms or project.settings.deadline_ms
    forced = wanted.tool_choice not in (None, "auto", "none")
    tags = (*(needs.tags or ()), *wanted.tags) if needs.tags or wanted.tags else ()
    return Ask(
        request=_request(wanted),
        agent=_agent(task, wanted.temperature, wanted.max_tokens, wanted.reasoning_effort),
        data_class=needs.data_class,
        risk=risk_of(needs.risk),
        tags=tags,
        constraints=_constraints(
            models_of(key, target.models),
            needs.max_latency_ms,
            needs.max_cost_usd,
            needs.quality_floor,
        ),
        caller=caller_of(key, needs, wanted.user),
        priority=needs.priority or 0,
        needs=wanted.can,
        deadline_s=deadline / 1000,
        check=wanted.form.check,
        held=wanted.form.check is not None or forced,
        graph=GRAPH,
        trace_id=call.trace_id,
        parent=call.parent,
    )


def caller_of(key: Key, needs: Needs, user: str | None = None) -> Caller:
    """On whose behalf: what the key says, and of the rest what the request says."""
    if needs is NONE and user is None:
        return key.caller
    said = Caller(
        workspace=needs.workspace or "",
        user=needs.user or user or "",
        tier=needs.user_tier or "",
        feature=needs.feature or "",
    )
    return on_behalf(key, said)


def _task(call: Call, target: Target, services: Services) -> str:
    """The task that the request states; empty where it is to be guessed."""
    said = call.wanted.needs.task
    if said is not None and said not in (known := tasks(services.project)):
        raise unknown("task", said, list(known), "mesh.task")
    task = target.task or said or ""
    if task in WORDLESS:
        raise bad_request(
            f"the answer to task '{task}' is no text; ask at /v1/embeddings or "
            "/v1/images/generations",
            "model" if target.task else "mesh.task",
        )
    if call.key.tasks is None:
        return task
    if not task:  # what it is has to be known before it is asked
        text = "\n".join(text_of(m) for m in call.wanted.messages)
        task = services.profiler.profile(text).task
    permit_task(call.key, task)
    return task


def _request(wanted: Wanted) -> CallRequest:
    if wanted.form is ANY_FORM and not wanted.tools:
        return CallRequest(
            messages=wanted.messages, stop=wanted.stop, seed=wanted.seed, extra=wanted.extra
        )
    given: dict[str, Any] = {"messages": wanted.messages}
    if wanted.form.schema is not None:
        given |= {"schema": wanted.form.schema, "strict": wanted.form.strict}
    if wanted.tools:
        given |= {"tools": wanted.tools, "tool_choice": wanted.tool_choice}
        given["parallel_tool_calls"] = wanted.parallel_tool_calls
    return CallRequest(stop=wanted.stop, seed=wanted.seed, extra=wanted.extra, **given)


@functools.lru_cache(maxsize=1024)
def _agent(task: str, temperature: float | None, max_tokens: int | None, effort: Any) -> Agent:
    """Nobody's agent, with the settings of one call: what the policy says goes with them."""
    call = CallDeclaration(
        temperature=temperature, max_tokens=max_tokens or MAX_TOKENS, reasoning_effort=effort
    )
    agent = Agent(name=GRAPH, description="Asked over HTTP.", task=task or AUTO, call=call)
    # Without a task it is read off the text; a declared agent always has one.
    return agent if task else agent.model_copy(update={"task": ""})


@functools.lru_cache(maxsize=1024)
def _constraints(
    models: tuple[str, ...] | None,
    latency_ms: int | None,
    max_cost_usd: float | None,
    quality_floor: float | None,
) -> Constraints:
    if {models, latency_ms, max_cost_usd, quality_floor} == {None}:
        return _FREE
    return Constraints(
        models=models,
        latency_ms=latency_ms,
        max_cost_usd=max_cost_usd,
        quality_floor=quality_floor,
    )

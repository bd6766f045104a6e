"""What the endpoints for vectors and images have in common: from a request's body to an answer.

Both are asked for as chat is: a key is admitted, needs are read, routing chooses, and the call is
carried out, recorded and paid for in the same way.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.call_types import CallRequest
from orchestrator.gateway.bodies import ClientLeftError, headers_of, invalid, malformed, read_body
from orchestrator.gateway.chat.asking import AUTO, TASK, Targets, caller_of
from orchestrator.gateway.chat.endpoint import draining
from orchestrator.gateway.chat.openai.parameters import refuse_reaching
from orchestrator.gateway.errors import ApiError, bad_request, encoded, response
from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.keys.scope import (
    admit,
    models_of,
    permit_contents,
    permit_data_class,
    permit_task,
)
from orchestrator.gateway.keys.values import Key
from orchestrator.gateway.needs import Needs, needs_of, refuse_graph_needs, unknown
from orchestrator.gateway.openapi import answers, component, ref
from orchestrator.gateway.presence import Presence
from orchestrator.money import usd
from orchestrator.project.names import listing, nearest
from orchestrator.project.schema import Agent, Project
from orchestrator.roles.boundary import texts_of
from orchestrator.roles.single import Answered, Ask
from orchestrator.tracing.ids import new_trace_id
from orchestrator.types import Constraints, risk_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from orchestrator.gateway.state import Serving, State

GRAPH = "gateway"
"""What stands for the graph on the trace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A request for what is no text."""

    task: str
    """`embed` or `image`."""
    model: str
    """`auto`, `task:NAME`, or a model of the fleet."""
    request: CallRequest
    said: Any
    """The body, as it was read."""
    needs: Needs
    can: tuple[str, ...] = ()
    """What a model must be able to do for it."""
    output_tokens: int = 1
    user: str | None = None


_LONGEST_PARENT = 256
_ERRORS = (400, 401, 402, 403, 404, 408, 413, 415, 422, 429, 500, 502, 503, 504)
_LEFT = ApiError(499, "the client left before the answer", code="client_closed_request")
"""For the server's log; nobody reads it."""
Reader = Callable[[bytes, bool], Wanted]
"""From a body; the second argument: parameters that the API does not name are refused."""
Writer = Callable[[Answered, Wanted], dict[str, Any]]
"""The answer's body, without its `mesh` object."""


class Endpoint:
    """Answers one kind of request."""

    def __init__(self, state: State, read: Reader, write: Writer) -> None:
        self._state, self._read, self._write = state, read, write
        self._targets: Targets | None = None

    async def answer(self, request: Request) -> Response:
        """The handler for Starlette."""
        serving = self._state.serving
        serving.requests += 1
        try:
            return await self._answered(serving, request)
        except ClientLeftError:
            return response(_LEFT)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            return response(as_api_error(error))
        finally:
            serving.requests -= 1

    async def _answered(self, serving: Serving, request: Request) -> Response:
        from starlette.responses import Response

        if self._state.draining:
            raise draining()
        headers = headers_of(request.scope)
        presented = headers.get(b"authorization")
        key = admit(self._state.keys, None if presented is None else presented.decode("latin-1"))
        project = serving.mesh.project
        gateway = project.settings.gateway
        body = await read_body(request.receive, headers, most_mb=gateway.body_mb)
        wanted = self._read(body, gateway.unknown_parameters == "refuse")
        needs = needs_of(wanted.needs, headers)
        parent = headers.get(b"traceparent", b"").decode("latin-1")[:_LONGEST_PARENT]
        ask = ask_of(wanted, needs, key, self._known(project), parent)
        stated = ask.data_class or project.policy.default_data_class
        permit_contents(key, stated, texts_of(ask.request), serving.calls.services.detectors)
        with Presence(request.receive) as presence:
            try:
                answered = await serving.calls.answer(ask)
            except asyncio.CancelledError:
                if presence.left:
                    raise ClientLeftError from None
                raise
        said = {**self._write(answered, wanted), "mesh": _about(answered)}
        return Response(encoded(said), 200, _headers(answered), "application/json")

    def _known(self, project: Project) -> Targets:
        if self._targets is None or self._targets.project is not project:
            self._targets = Targets(project)
        return self._targets


def ask_of(wanted: Wanted, needs: Needs, key: Key, known: Targets, parent: str = "") -> Ask:
    """The call for what is wanted, within what its key allows.

    Raises:
        ApiError: an unknown model or data class, or a task of another endpoint.
        KeyRefusedError: the key is not for this.
    """
    refuse_graph_needs(needs)
    project, target = known.project, known.find(wanted.model)
    for said, where in ((target.task, "model"), (needs.task or "", "mesh.task")):
        if said and said != wanted.task:
            raise bad_request(
                f"{where}: this endpoint serves the task '{wanted.task}'; "
                f"send '{AUTO}', '{TASK}{wanted.task}' or a model's name",
                where,
            )
    _refuse_unable(wanted, target.models or (), project)
    permit_task(key, wanted.task)
    classes = project.policy.data_classes
    if needs.data_class is not None and needs.data_class not in classes:
        raise unknown("data class", needs.data_class, list(classes), "mesh.data_class")
    permit_data_class(key, needs.data_class or project.policy.default_data_class)
    return Ask(
        request=wanted.request,
        agent=_agent(wanted.task, wanted.output_tokens),
        declared=True,  # what it needs is known, and never guessed from the text
        node=wanted.task,
        data_class=needs.data_class,
        risk=risk_of(needs.risk),
        tags=tuple(needs.tags or ()),
        constraints=Constraints(
            models=models_of(key, target.models),
            latency_ms=needs.max_latency_ms,
            max_cost_usd=needs.max_cost_usd,
            quality_floor=needs.quality_floor,
        ),
        caller=caller_of(key, needs, wanted.user),
        priority=needs.priority or 0,
        needs=wanted.can,
        deadline_s=(needs.deadline_ms or project.settings.deadline_ms) / 1000,
        graph=GRAPH,
        trace_id=new_trace_id(),
        parent=parent,
    )


def _refuse_unable(wanted: Wanted, named: Sequence[str], project: Project) -> None:
    """Say of a model that was named what routing could say of all together only."""
    models = project.fleet.models
    able = [name for name, model in models.items() if wanted.task in model.tasks]
    for name in named:
        if name not in able:
            said = f"model: '{name}' does not serve '{wanted.task}'; those that do: {listing(able)}"
            raise bad_request(said, "model", code="unsupported_model")
        for missing in sorted({*wanted.can} - {*models[name].can}):
            others = [n for n in able if missing in models[n].can]
            raise bad_request(
                f"{missing}: '{name}' does not take it; those that do: {listing(others) or 'none'}",
                missing,
                code="unsupported_parameter",
            )


@functools.lru_cache(maxsize=256)
def _agent(task: str, output_tokens: int) -> Agent:
    """Nobody's agent: a name for the call's task."""
    return Agent(name=GRAPH, description="Asked over HTTP.", task=task, output_tokens=output_tokens)


def parsed(body: bytes, kind: type[Any], *, refuse_unknown: bool) -> tuple[Any, dict[str, Any]]:
    """The body as `kind`, and the parameters that the API does not name.

    Raises:
        ApiError: 400 with where, what was found, what is allowed.
    """
    names = frozenset(kind.__struct_fields__)
    try:
        whole = msgspec.json.decode(body)
        others: dict[str, Any] = {}
        if isinstance(whole, dict):
            others = {name: whole.pop(name) for name in list(whole) if name not in names}
        said = msgspec.convert(whole, kind)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(body, error) from None
    except RecursionError:
        raise bad_request("the body is nested too deeply to be read", code="invalid_json") from None
    refuse_reaching(others)
    if others and refuse_unknown:
        name = next(iter(others))
        near = nearest(name, sorted(names))
        hint = f"; did you mean '{near}'?" if near else ""
        raise bad_request(
            f"unknown parameter '{name:.80}', and this gateway passes none on{hint}",
            name,
            code="unknown_parameter",
        )
    return said, others


def _about(answered: Answered) -> dict[str, Any]:
    """The `mesh` object: who answered, how, and for what."""
    reply, hop = answered.reply, answered.hop
    return {
        "trace_id": hop.trace_id,
        "model": reply.model,
        "deployment": reply.deployment,
        "cost_usd": usd(hop.cost_micro_usd),
        "attempts": len(reply.attempts),
        "usage_estimated": reply.usage.estimated,
    }


def _headers(answered: Answered) -> Mapping[str, str]:
    reply, hop = answered.reply, answered.hop
    cost = usd(hop.cost_micro_usd)
    return {
        "x-mesh-trace-id": hop.trace_id,
        "x-mesh-model": reply.model,
        "x-mesh-deployment": reply.deployment,
        "x-mesh-cost-usd": "unknown" if cost is None else f"{cost:.6f}",
        "x-mesh-attempts": str(len(reply.attempts)),
    }


def described(path: str, summary: str, kind: type[Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The endpoint's part of the OpenAPI document; see `gateway.openapi`.

    Args:
        kind: what its body is read as.
        answer: the properties of what it answers, besides `mesh`.
    """
    name = kind.__name__
    _, schemas = msgspec.json.schema_components((kind,), ref_template="#/components/schemas/{name}")
    found = {"type": "object", "required": [*answer, "mesh"], "properties": answer}
    answered = {**found, "properties": {**answer, "mesh": ref("AboutProduct")}}
    good = answers(ref(f"{name}Answer"), *_ERRORS)
    operation = {
        "summary": summary,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ref(name)}},
        },
        "responses": good,
    }
    shared = {"AboutProduct": _ABOUT, f"{name}Answer": answered}
    return {"paths": {path: {"post": operation}}, **component(**schemas, **shared)}


_ABOUT = {
    "type": "object",
    "description": "Who answered, how, and for what.",
    "required": ["trace_id", "model", "deployment", "cost_usd", "attempts"],
    "properties": {
        "trace_id": {"type": "string"},
        "model": {"type": "string"},
        "deployment": {"type": "string"},
        "cost_usd": {"type": ["number", "null"], "description": "null: unknown."},
        "attempts": {"type": "integer"},
        "usage_estimated": {"type": "boolean"},
    },
}

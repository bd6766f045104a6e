"""`GET /v1/models`: what may stand in `model`, as far as the caller's key allows it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.errors import MeshError
from orchestrator.gateway.chat.asking import AUTO, TASK, not_found
from orchestrator.gateway.errors import encoded, response
from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.keys.scope import admit
from orchestrator.gateway.keys.values import Key
from orchestrator.gateway.openapi import answers, component, ref
from orchestrator.gateway.state import State
from orchestrator.project.schema import Project
from orchestrator.project.vocabulary import tasks
from orchestrator.types import Deployment, FleetSnapshot

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

GRAPH = "graph:"
_OWNER = "mesh"


def routes(state: State) -> list[Route]:
    """The list, and one of them."""
    from starlette.responses import Response
    from starlette.routing import Route

    since = int(time.time())

    def answered(make: Callable[[dict[str, Any], Request], Any]) -> Any:
        async def endpoint(request: Request) -> Response:
            try:
                key = admit(state.keys, request.headers.get("authorization"))
                mesh = state.serving.mesh
                known = {m["id"]: m for m in listed(mesh.project, mesh.fleet(), key, since)}
                return Response(encoded(make(known, request)), media_type="application/json")
            except MeshError as error:
                return response(as_api_error(error))

        return endpoint

    def one(known: dict[str, Any], request: Request) -> Any:
        name = request.path_params["model"]
        if name not in known:
            raise not_found(name, tuple(known))
        return known[name]

    return [
        Route(
            "/v1/models",
            answered(lambda known, _: {"object": "list", "data": list(known.values())}),
            methods=["GET"],
        ),
        Route("/v1/models/{model:path}", answered(one), methods=["GET"]),
    ]


def listed(
    project: Project, fleet: FleetSnapshot, key: Key, since: int
) -> Iterator[dict[str, Any]]:
    """Everything that this key may ask for: `auto`, tasks, graphs, models."""
    deployments: dict[str, list[Deployment]] = {}
    for deployment in fleet.deployments:
        deployments.setdefault(deployment.model, []).append(deployment)

    def entry(id: str, mesh: Mapping[str, Any], owner: str = _OWNER) -> dict[str, Any]:
        return {"id": id, "object": "model", "created": since, "owned_by": owner, "mesh": mesh}

    yield entry(AUTO, {"kind": "auto", "description": "Routed by what the request needs."})
    for task in tasks(project):
        if key.tasks is None or task in key.tasks:
            yield entry(f"{TASK}{task}", {"kind": "task", "task": task})
    about: dict[str, Any]
    for name, graph in project.graphs.items():
        if _may_run(key, f"{GRAPH}{name}"):
            inputs = dict(graph.input)
            about = {"kind": "graph", "description": graph.description, "inputs": inputs}
            yield entry(f"{GRAPH}{name}", about)
    for name, model in project.fleet.models.items():
        if key.models is not None and name not in key.models:
            continue
        reached = deployments.get(name, [])
        about = {
            "kind": "model",
            "family": model.family,
            "tier": model.tier,
            "context": model.context,
            "max_output": model.max_output,
            "can": list(model.can),
            "tasks": dict(model.tasks),
            "deployments": [d.id for d in reached],
            "available": any(fleet.health[d.id].available for d in reached),
        }
        yield entry(name, about, model.family or _OWNER)


def _may_run(key: Key, name: str) -> bool:
    """A key for single tasks may run the graphs that its models name."""
    if key.models is not None:
        return name in key.models
    return key.tasks is None


def openapi(_: State) -> dict[str, Any]:
    """See `gateway.openapi`."""
    model = {
        "type": "object",
        "required": ["id", "object", "created", "owned_by", "mesh"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "model"},
            "created": {"type": "integer"},
            "owned_by": {"type": "string"},
            "mesh": {
                "type": "object",
                "required": ["kind"],
                "properties": {"kind": {"enum": ["auto", "task", "graph", "model"]}},
            },
        },
    }
    models = {
        "type": "object",
        "required": ["object", "data"],
        "properties": {
            "object": {"const": "list"},
            "data": {"type": "array", "items": ref("Model")},
        },
    }
    name = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        "paths": {
            "/v1/models": {
                "get": {
                    "summary": "What may stand in `model`",
                    "responses": answers(ref("Models"), 401, 403, 503),
                }
            },
            "/v1/models/{model}": {
                "get": {
                    "summary": "One of them",
                    "parameters": [name],
                    "responses": answers(ref("Model"), 401, 403, 404, 503),
                }
            },
        },
        **component(Model=model, Models=models),
    }

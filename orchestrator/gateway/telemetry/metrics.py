"""`GET /metrics`: the numbers of all processes of this gateway, as Prometheus reads them."""

from __future__ import annotations

import asyncio
import platform
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, get_args

from orchestrator import __version__
from orchestrator.calling.health.conditions import Stand
from orchestrator.errors import StorageError
from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.keys.scope import admit
from orchestrator.gateway.openapi import answers
from orchestrator.gateway.telemetry.exposition import CONTENT_TYPE, exposition
from orchestrator.gateway.telemetry.tally import Tally, total

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.gateway.state import State
    from orchestrator.mesh import Mesh

_STATES = get_args(Stand)


def routes(state: State) -> list[Route]:
    """The endpoint. It takes a key that may read, unless `gateway.metrics` says `open`."""
    from starlette.responses import Response
    from starlette.routing import Route

    async def metrics(request: Request) -> Response:
        try:
            if state.serving.mesh.project.settings.gateway.metrics != "open":
                admit(state.keys, request.headers.get("authorization"), "read")
            text = await asyncio.to_thread(text_of, state)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            from orchestrator.gateway.errors import response

            return response(as_api_error(error))
        return Response(text, headers={"content-type": CONTENT_TYPE})

    return [Route("/metrics", metrics)]


def openapi(_: State) -> dict[str, Any]:
    """The part of the OpenAPI document that tells of it."""
    text = {"200": {"description": "OK", "content": {CONTENT_TYPE: {"schema": {"type": "string"}}}}}
    return {
        "paths": {
            "/metrics": {
                "get": {
                    "operationId": "metrics",
                    "summary": "The numbers of this gateway in Prometheus' text format; needs "
                    "`read` access, unless gateway.metrics in mesh.yaml is `open`.",
                    "responses": {**answers(None, 401, 403), **text},
                }
            }
        }
    }


def text_of(state: State) -> bytes:
    """All numbers now."""
    tally = Tally()
    if state.telemetry is not None:
        state.telemetry.flush()
        tally = total(state.telemetry.board.contents())
        tally.set("mesh_requests_in_flight", (), state.telemetry.board.number)
    _look(state.serving.mesh, tally)
    return exposition(tally)


def _look(mesh: Mesh, tally: Tally) -> None:
    """What is not counted, and can be looked at."""
    known = mesh.conditions()
    for deployment in mesh.fleet().deployments:
        condition = known.get(deployment.id)
        now = condition.state if condition is not None else "closed"
        for state in _STATES:
            tally.set("mesh_breaker_state", (deployment.id, state), float(state == now))
    with suppress(StorageError):  # what is not there to be counted is left out
        results = Counter(done.result for done in mesh.operations.all(10_000, "reload"))
        tally.counts["mesh_reloads"] = {(name,): float(n) for name, n in results.items()}
    tally.counts.setdefault("mesh_cache_hits", {(): 0.0})
    tally.set("mesh_build_info", (__version__, platform.python_version()), 1.0)

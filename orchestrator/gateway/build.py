"""Puts the gateway together: what the endpoints share, chat completions, and all other routes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from orchestrator.gateway.app import CHAT, Gateway
from orchestrator.gateway.bodies import BODY_S
from orchestrator.gateway.chat.endpoint import Chat
from orchestrator.gateway.chat.stream import KEEP_ALIVE_S
from orchestrator.gateway.chat.wanted import Runner
from orchestrator.gateway.errors import ApiError, response
from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.graphs.running import PREFIX, run_graph
from orchestrator.gateway.state import Serving, State
from orchestrator.project.names import nearest

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from orchestrator.gateway.keys.values import KeyRing
    from orchestrator.gateway.telemetry.telemetry import Telemetry
    from orchestrator.mesh import Mesh

PARTS = (
    "orchestrator.gateway.admin.described",
    "orchestrator.gateway.admin.routes",
    "orchestrator.gateway.approvals",
    "orchestrator.gateway.chat.openai.described",
    "orchestrator.gateway.embeddings",
    "orchestrator.gateway.feedback",
    "orchestrator.gateway.health",
    "orchestrator.gateway.images",
    "orchestrator.gateway.models",
    "orchestrator.gateway.openapi",
    "orchestrator.gateway.operate",
    "orchestrator.gateway.pages",
    "orchestrator.gateway.telemetry.metrics",
)
"""Modules that add endpoints, by `routes(state) -> list[Route]`, or describe them for the OpenAPI
document, by `openapi(state)`, or both."""


def build(
    mesh: Mesh,
    *,
    keys: KeyRing | None,
    runners: Mapping[str, Runner] | None = None,
    telemetry: Telemetry | None = None,
    body_s: float = BODY_S,
    quiet_s: float = KEEP_ALIVE_S,
) -> Gateway:
    """The gateway of one process. Makes no thread and opens nothing.

    Args:
        mesh: the project that is served until a reload.
        keys: finds virtual keys; `None`: open to all, which is for loopback alone.
        runners: who answers the models of a prefix; by default `graph`.
        telemetry: counts and logs what is asked; `None`: nobody does.
        body_s: seconds within which a request's body must have come.
        quiet_s: after so many seconds without an event a stream gives a sign of life.
    """
    from starlette.routing import Route

    state = State(Serving(mesh, mesh.single_calls()), keys)
    given = {PREFIX: run_graph} if runners is None else runners
    chat = Chat(state, given, body_s=body_s, quiet_s=quiet_s)
    rest = _rest(state, chat)
    if telemetry is not None:
        state.telemetry = telemetry
        routes = [route for route in rest.routes if isinstance(route, Route)]
        telemetry.serves({CHAT: CHAT} | {route.endpoint: route.path for route in routes})
    return Gateway(state, chat, rest)


def _rest(state: State, chat: Chat) -> Starlette:
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    # Reached with other methods than POST alone, which are refused.
    routes = [Route(CHAT, chat, methods=["POST"])]
    for part in parts():
        if hasattr(part, "routes"):
            routes += part.routes(state)
    app = Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _failed})
    app.router.redirect_slashes = False
    return app


def parts() -> list[ModuleType]:
    """The modules of `PARTS`."""
    return [importlib.import_module(name) for name in PARTS]


def _refused(request: Request, error: Any) -> Response:
    """What Starlette refuses by itself: unknown paths, wrong methods."""
    path, headers = request.url.path, dict(error.headers or {})
    if error.status_code == 404:
        near = nearest(path, [route.path for route in request.app.routes])
        hint = f"; did you mean '{near}'?" if near else "; see /openapi.json"
        said, code = f"there is nothing at {path!r:.120}{hint}", "not_found"
    elif error.status_code == 405:
        allowed = headers.get("Allow", "")
        said, code = f"{path} does not take {request.method}; allowed: {allowed}", "wrong_method"
    else:
        said, code = str(error.detail), "refused"
    return response(ApiError(error.status_code, said, code=code, headers=headers))


def _failed(_: Request, error: Exception) -> Response:
    return response(as_api_error(error))

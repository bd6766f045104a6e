"""`GET /openapi.json`: every endpoint with all its answers (OpenAPI 3.1).

A module of endpoints has `openapi(state)`, which gives its `paths` and `components`. An endpoint
that no module describes is listed with what all of them answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from orchestrator.gateway.errors import encoded
from orchestrator.gateway.state import State

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string", "description": "What is wrong, and what to do."},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"], "description": "Where it stands."},
                "code": {"type": ["string", "null"], "description": "For programs."},
            },
        }
    },
}
_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A virtual key of this gateway, `mesh-…`.",
}


def routes(state: State) -> list[Route]:
    """The document."""
    from starlette.responses import Response
    from starlette.routing import Route

    async def endpoint(request: Request) -> Response:
        return Response(encoded(document(state, request.app.routes)), media_type="application/json")

    return [Route("/openapi.json", endpoint, methods=["GET"])]


def document(state: State, known: Iterable[Any]) -> dict[str, Any]:
    """The whole document.

    Args:
        known: the routes of the application.
    """
    from orchestrator import __version__
    from orchestrator.gateway.build import parts

    paths: dict[str, Any] = {}
    schemas: dict[str, Any] = {"Error": _ERROR}
    for part in parts():
        described = part.openapi(state) if hasattr(part, "openapi") else {}
        paths |= described.get("paths", {})
        schemas |= described.get("components", {}).get("schemas", {})
    for route in known:
        if not hasattr(route, "methods"):  # pages for people, mounted whole
            continue
        path = re.sub(r":\w+}", "}", route.path)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            paths.setdefault(path, {}).setdefault(method.lower(), _undescribed(path))
    return {
        "openapi": "3.1.0",
        "info": {"title": "Model Mesh Orchestrator", "version": __version__},
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": schemas, "securitySchemes": {"key": _KEY}},
        "security": [] if state.keys is None else [{"key": []}],
    }


def _undescribed(path: str) -> dict[str, Any]:
    names = re.findall(r"{(\w+)}", path)
    return {
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ],
        "responses": {"default": {"description": "The answer."}},
    }


# ── for the modules' own parts ───────────────────────────────────────────────────────────


def ref(name: str) -> dict[str, str]:
    """A reference to a schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def component(**schemas: Any) -> dict[str, Any]:
    """The part of the document that holds these schemas."""
    return {"components": {"schemas": schemas}}


def answers(good: Any, *statuses: int) -> dict[str, Any]:
    """The answers of an endpoint: 200 with the schema `good`, and errors of these statuses."""
    found: dict[str, Any] = {
        "200": {"description": "OK", "content": {"application/json": {"schema": good}}}
    }
    for status in statuses:
        found[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/json": {"schema": ref("Error")}},
        }
    return found

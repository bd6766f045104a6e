"""The viewer as one Starlette application, to be served alone or mounted below a path."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

from orchestrator.viewer.assets import assets
from orchestrator.viewer.door import Door, Visitor
from orchestrator.viewer.pages import HEADERS, ViewerState, failed

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from orchestrator.mesh import Mesh

PARTS = (
    "orchestrator.viewer.listing",
    "orchestrator.viewer.trace_page",
    "orchestrator.viewer.graph_page",
    "orchestrator.viewer.conversation",
    "orchestrator.viewer.hop_page",
    "orchestrator.viewer.diff",
    "orchestrator.viewer.boards.page",
    "orchestrator.viewer.page_approvals",
    "orchestrator.viewer.signing",
)
"""Modules with pages: `routes(state) -> list[Route]`, and `NAV: NavEntry` for the menu."""


def viewer(mesh: Callable[[], Mesh], door: Door | None = None) -> Starlette:
    """The pages over a project's traces. Makes no thread and opens nothing.

    Args:
        mesh: the project as it is served now; asked anew for every request.
        door: who may look; open to all where absent, which is for loopback alone.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException

    parts = [importlib.import_module(name) for name in PARTS]
    nav = tuple(part.NAV for part in parts if hasattr(part, "NAV"))
    state = ViewerState(mesh=mesh, door=door or Door(), nav=nav)
    app = Starlette(routes=[*_pages(parts, state), _static()])
    app.add_exception_handler(HTTPException, _refused(state))
    app.add_exception_handler(Exception, _broken(state))
    app.router.redirect_slashes = False
    return app


def _pages(parts: list[ModuleType], state: ViewerState) -> list[BaseRoute]:
    return [route for part in parts for route in part.routes(state)]


def _static() -> BaseRoute:
    """The style, the script and the sign, which nobody has to be signed in for."""
    from starlette.responses import Response
    from starlette.routing import Route

    async def static(request: Request) -> Response:
        from starlette.exceptions import HTTPException

        asset = assets().get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        # The version stands in the link, so that it may be kept.
        headers = {**HEADERS, "cache-control": "public, max-age=86400"}
        return Response(asset.content, headers=headers, media_type=asset.media_type)

    return Route("/static/{name}", static)


def _refused(state: ViewerState) -> Any:
    def answer(request: Request, error: Any) -> Response:
        base = request.scope.get("root_path", "").rstrip("/")
        words = f"there is nothing at {request.url.path[:120]}"
        if error.status_code != 404:
            words = f"{request.method} does not work here"
        return failed(state, base, Visitor(), error.status_code, words)

    return answer


def _broken(state: ViewerState) -> Any:
    """A bug of ours: the page says so, and the server's log where."""

    def answer(request: Request, error: Exception) -> Response:
        base = request.scope.get("root_path", "").rstrip("/")
        words = f"this is a bug ({type(error).__name__}); the log of the server says where"
        return failed(state, base, Visitor(), 500, words)

    return answer

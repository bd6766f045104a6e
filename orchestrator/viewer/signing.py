"""Signing in: a page that takes a key once and leaves the browser a session that holds none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.errors import KeyRefusedError
from orchestrator.viewer.door import COOKIE, Visitor
from orchestrator.viewer.forms import read_form
from orchestrator.viewer.pages import HEADERS, ViewerState, rendered

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

_LONGEST = 8192
"""Bytes of the form."""


def routes(state: ViewerState) -> list[Route]:
    """`/sign-in` and `/sign-out`, where the door asks."""
    from starlette.routing import Route

    if not state.door.asks:
        return []

    async def form(request: Request) -> Response:
        return _page(state, request, "")

    async def enter(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        base = request.scope.get("root_path", "").rstrip("/")
        wanted = ""
        try:
            said = await read_form(request, longest=_LONGEST, fields=4)
            wanted = _within(said.get("next", ""))
            secret = said.get("key", "").strip()
            session = await run_in_threadpool(state.door.enter, secret)
        except KeyRefusedError as error:
            return _page(state, request, str(error), error.status, wanted)
        answer = RedirectResponse(f"{base}{wanted or '/'}", 303, dict(HEADERS))
        answer.set_cookie(
            COOKIE,
            session.token,
            max_age=session.seconds,
            path=f"{base}/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    async def leave(request: Request) -> Response:
        from starlette.responses import RedirectResponse

        base = request.scope.get("root_path", "").rstrip("/")
        answer = RedirectResponse(f"{base}/sign-in", 303, dict(HEADERS))
        answer.delete_cookie(COOKIE, path=f"{base}/", httponly=True, samesite="strict")
        return answer

    return [
        Route("/sign-in", form, methods=["GET"]),
        Route("/sign-in", enter, methods=["POST"]),
        Route("/sign-out", leave, methods=["POST"]),
    ]


def _within(path: str) -> str:
    """`path` where it leads to a page of the viewer, else nothing: it must lead nowhere else."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside and not path.startswith("/sign-") else ""


def _page(
    state: ViewerState, request: Request, problem: str, status: int = 200, wanted: str = ""
) -> Response:
    base = request.scope.get("root_path", "").rstrip("/")
    wanted = wanted or _within(request.query_params.get("next", ""))
    values = {"title": "Sign in", "problem": problem, "wanted": wanted}
    return rendered(state, base, Visitor(), "sign_in.html", status, values)

"""What every page shares: the templates and their words, the answer's headers, who asks.

A module with pages has `routes(state) -> list[Route]` and may have `NAV`, its entry in the menu.
An endpoint is a function of `Asked` that may block; `page` runs it in a thread:

    def routes(state: ViewerState) -> list[Route]:
        return [Route("/boards", page(state, boards))]

    def boards(asked: Asked) -> Response:
        return asked.render("boards.html", title="Boards", here="boards", costs=...)
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from orchestrator.errors import (
    KeyRefusedError,
    MeshError,
    UnknownNameError,
    UserError,
)
from orchestrator.viewer.door import Door, SignInError, Visitor

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.datastructures import QueryParams
    from starlette.requests import Request
    from starlette.responses import Response

    from orchestrator.mesh import Mesh
    from orchestrator.records import Trace
    from orchestrator.tracing.store import TraceStore

HEADERS: Mapping[str, str] = {
    # Nothing from elsewhere, no script and no style but the two files, nobody around it.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NavEntry:
    """A place in the menu."""

    key: str
    """What a page names as `here` to be marked."""
    label: str
    path: str


class Recent:
    """The last few things that were worked out, by what they were made from. Safe in threads."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._kept: dict[str, object] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> object | None:
        """What stands there; it counts as used now."""
        with self._lock:
            found = self._kept.pop(key, None)
            if found is not None:
                self._kept[key] = found
            return found

    def put(self, key: str, value: object) -> None:
        """Keep it, and let go of what was used least lately."""
        with self._lock:
            self._kept[key] = value
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]


@functools.cache
def templates() -> Environment:
    """The templates; everything that is put into one is text there, whatever it holds."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from orchestrator.viewer import words

    made = Environment(
        loader=PackageLoader("orchestrator.viewer"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= words.FILTERS
    made.globals |= words.GLOBALS
    return made


@dataclass(slots=True, kw_only=True)
class ViewerState:
    """What the pages share."""

    mesh: Callable[[], Mesh]
    """The project as it is served now."""
    door: Door
    nav: tuple[NavEntry, ...] = ()
    environment: Environment = field(default_factory=templates)
    recent: Recent = field(default_factory=Recent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request for a page, from somebody who may look."""

    state: ViewerState
    mesh: Mesh
    visitor: Visitor
    base: str
    """Where the viewer is mounted, without a slash at the end: the beginning of every link."""
    path: Mapping[str, Any]
    query: QueryParams
    headers: Mapping[str, str]

    @property
    def store(self) -> TraceStore:
        return self.mesh.store

    def trace(self, id_or_prefix: str) -> Trace:
        """The trace of that id, where the visitor may see it.

        Raises:
            UnknownNameError: there is none, or it is of another workspace; which, nobody learns.
            UserError: several begin so.
        """
        if self.visitor.workspace is None:
            return self.store.trace(id_or_prefix)
        try:
            found = self.store.trace(id_or_prefix)
        except UserError:
            found = None
        if found is None or not self.visitor.sees(found):
            raise UnknownNameError("trace", id_or_prefix, ())
        return found

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A page. `title` and `here` (a `NavEntry.key`) are for the frame around it."""
        return rendered(self.state, self.base, self.visitor, template, status, values)


Make = Callable[[Asked], "Response"]


def page(state: ViewerState, make: Make) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that admits, makes the page in a thread, and says in words what went wrong."""

    async def endpoint(request: Request) -> Response:
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import RedirectResponse

        base = request.scope.get("root_path", "").rstrip("/")
        visitor = Visitor()
        try:
            visitor = state.door.visitor(request)
            asked = Asked(
                state=state,
                mesh=state.mesh(),
                visitor=visitor,
                base=base,
                path=request.path_params,
                query=request.query_params,
                headers=request.headers,
            )
            return await run_in_threadpool(make, asked)
        except SignInError:
            if "text/html" in request.headers.get("accept", ""):
                wanted = request.url.path.removeprefix(base)
                to = f"{base}/sign-in?{urlencode({'next': wanted + _asked(request)})}"
                return RedirectResponse(to, 303, dict(HEADERS))
            return failed(state, base, visitor, 401, "sign in to look at this")
        except KeyRefusedError as error:
            return failed(state, base, visitor, error.status, str(error))
        except UnknownNameError as error:
            return failed(state, base, visitor, 404, str(error))
        except UserError as error:
            return failed(state, base, visitor, 400, str(error))
        except MeshError as error:
            return failed(state, base, visitor, 503, str(error))

    return endpoint


def _asked(request: Request) -> str:
    return f"?{request.url.query}" if request.url.query else ""


def failed(state: ViewerState, base: str, visitor: Visitor, status: int, words: str) -> Response:
    """The page that says why there is none."""
    titles = {401: "Sign in", 403: "Not allowed", 404: "Not found", 400: "That does not work"}
    values = {"title": titles.get(status, "Something is wrong"), "words": words}
    return rendered(state, base, visitor, "error.html", status, values)


def rendered(
    state: ViewerState,
    base: str,
    visitor: Visitor,
    template: str,
    status: int,
    values: Mapping[str, Any],
) -> Response:
    """A template with the frame around it."""
    from starlette.responses import HTMLResponse

    frame = {"base": base, "nav": state.nav, "visitor": visitor, "asks": state.door.asks}
    text = state.environment.get_template(template).render({**frame, **values})
    return HTMLResponse(text.encode("utf-8", "replace"), status, dict(HEADERS))

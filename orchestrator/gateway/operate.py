"""`/admin/reload`, `/admin/drain`, `/admin/undrain`, `/admin/operations`: for keys with `admin`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.gateway.bodies import MISTAKES, ClientLeftError, headers_of, mistake, read_body
from orchestrator.gateway.drain import Drained, NobodyLeftError, drain, undrain
from orchestrator.gateway.errors import ApiError, bad_request, response
from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.keys.scope import admit
from orchestrator.gateway.openapi import answers, component, ref
from orchestrator.storage.operations import Operation
from orchestrator.types import as_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.gateway.keys.values import Key
    from orchestrator.gateway.state import State

T = TypeVar("T")


_Text = Annotated[str, msgspec.Meta(max_length=1000)]


class DrainBody(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /admin/drain` takes."""

    name: _Text
    """`MODEL` or `MODEL/DEPLOYMENT`."""
    reason: _Text = ""
    for_s: Annotated[float, msgspec.Meta(gt=0, le=31_536_000)] | None = None
    """Seconds after which it comes back by itself."""
    force: bool = False


class UndrainBody(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /admin/undrain` takes."""

    name: _Text
    reason: _Text = ""


class ReloadBody(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /admin/reload` takes."""

    reason: _Text = ""


Act = Callable[["Request", "Key"], Awaitable[Any]]


def routes(state: State) -> list[Route]:
    """The endpoints."""
    from starlette.routing import Route

    def guarded(act: Act) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                key = admit(state.keys, request.headers.get("authorization"), "admin")
                return _json(await act(request, key))
            except ClientLeftError:
                return _json({})  # nobody reads it
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
                return response(_told(error))

        return endpoint

    async def reload(request: Request, key: Key) -> Any:
        body = await _read(request, ReloadBody)
        if state.control is None:
            raise ApiError(409, "this gateway cannot reload its project", code="not_reloadable")
        done = await state.control.reload(_who(key), body.reason)
        if done.result != "done":
            problems = "\n".join(done.details.get("problems", ()))
            raise ApiError(
                422 if done.result == "refused" else 500,
                f"the project stays as it was: {problems}",
                code=f"reload_{done.result}",
            )
        return as_json(done)

    async def drained(request: Request, key: Key) -> Any:
        body, mesh = await _read(request, DrainBody), state.serving.mesh

        def work() -> Any:
            return drain(
                mesh,
                body.name,
                _who(key),
                why=body.reason,
                for_s=body.for_s,
                force=body.force,
            )

        return as_json(await asyncio.to_thread(work))

    async def undrained(request: Request, key: Key) -> Any:
        body, mesh = await _read(request, UndrainBody), state.serving.mesh

        def work() -> tuple[str, ...]:
            return undrain(mesh, body.name, _who(key), why=body.reason)

        return {"deployments": await asyncio.to_thread(work)}

    async def operations(request: Request, _: Key) -> Any:
        asked = request.query_params.get("limit", "100")
        if not (asked.isascii() and asked.isdigit() and 1 <= int(asked) <= 1000):
            raise bad_request("limit is a number from 1 to 1000", "limit")
        found = await asyncio.to_thread(state.serving.mesh.operations.all, int(asked))
        return {"operations": as_json(found)}

    return [
        Route("/admin/reload", guarded(reload), methods=["POST"]),
        Route("/admin/drain", guarded(drained), methods=["POST"]),
        Route("/admin/undrain", guarded(undrained), methods=["POST"]),
        Route("/admin/operations", guarded(operations), methods=["GET"]),
    ]


async def _read(request: Request, kind: type[T]) -> T:
    """The body as one of `kind`; an empty one as one with nothing said."""
    text = await read_body(request.receive, headers_of(request.scope), most_mb=1)
    try:
        return msgspec.json.decode(text or b"{}", type=kind)
    except MISTAKES as error:
        raise mistake(text, error) from None


def _who(key: Key) -> str:
    return key.id or key.name


def _told(error: Exception) -> ApiError:
    if isinstance(error, UnknownNameError):
        return ApiError(404, str(error), code="not_found", param="name")
    if isinstance(error, NobodyLeftError):
        return ApiError(409, str(error), code="nobody_left")
    if isinstance(error, UserError):
        return ApiError(409, str(error), code="conflict")
    return as_api_error(error)


def _json(body: Any) -> Response:
    from starlette.responses import Response

    return Response(msgspec.json.encode(body), media_type="application/json")


def openapi(_state: State) -> dict[str, Any]:
    """The part of the OpenAPI document that tells of them."""
    kinds = (ReloadBody, DrainBody, UndrainBody, Operation, Drained)
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    back = {"type": "object", "properties": {"deployments": _NAMES}, "required": ["deployments"]}
    many = {"type": "array", "items": ref("Operation")}
    all_ = {"type": "object", "properties": {"operations": many}, "required": ["operations"]}
    limit = {"name": "limit", "in": "query", "schema": _LIMIT}
    return {
        "paths": {
            "/admin/reload": {"post": _post("reload", ReloadBody, ref("Operation"), 409, 422)},
            "/admin/drain": {"post": _post("drain", DrainBody, ref("Drained"), 404, 409)},
            "/admin/undrain": {"post": _post("undrain", UndrainBody, back, 404, 409)},
            "/admin/operations": {
                "get": {
                    "operationId": "listOperations",
                    "summary": "Who drained, reloaded or rolled back what, the newest first.",
                    "parameters": [limit],
                    "responses": answers(all_, 400, 401, 403, 503),
                }
            },
        },
        **component(**schemas),
    }


_NAMES = {"type": "array", "items": {"type": "string"}}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": 1000}
_SAYS = {
    "reload": "Read the project anew; a bad one is refused, and the old one stays.",
    "drain": "Take a model, or one deployment, out of use.",
    "undrain": "Bring a model, or one deployment, back into use.",
}


def _post(name: str, takes: type, gives: Any, *statuses: int) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": _SAYS[name],
        "requestBody": {"content": {"application/json": {"schema": ref(takes.__name__)}}},
        "responses": answers(gives, 400, 401, 403, 408, 413, 415, *statuses, 500, 503),
    }

"""The endpoints of `/admin`.

Reading needs a key with `read`, changing one with `admin`. Where no key is asked for, a body's
content type still has to be JSON: no page of another site can have a browser send that by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.errors import UserError
from orchestrator.gateway.admin import acts
from orchestrator.gateway.admin.operations import OPERATIONS, Operation
from orchestrator.gateway.bodies import invalid, malformed, read_body
from orchestrator.gateway.errors import ApiError, bad_request, encoded, response
from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.keys.scope import admit
from orchestrator.project.names import nearest

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.gateway.keys.store import KeyStore
    from orchestrator.gateway.state import State

_BODY_MB = 1


def routes(state: State) -> list[Route]:
    """The routes of all operations."""
    from starlette.routing import Route

    store = _store_of(state)
    by_path: dict[str, dict[str, Operation]] = {}
    for one in OPERATIONS:
        by_path.setdefault(one.path, {})[one.method] = one
    return [
        Route(
            path.replace("{name}", "{name:path}"),
            _endpoint(state, store, operations),
            methods=list(operations),
        )
        for path, operations in by_path.items()
    ]


def _store_of(state: State) -> KeyStore:
    """The one that the service's keys come from, so that a change holds here before its answer."""
    from orchestrator.calling.clock import SystemClock
    from orchestrator.gateway.keys.opening import open_store
    from orchestrator.gateway.keys.ring import StoredRing

    if isinstance(state.keys, StoredRing):
        return state.keys.store
    mesh = state.serving.mesh
    return open_store(mesh.project.settings, mesh.storage, SystemClock())


def _endpoint(state: State, store: KeyStore, operations: Mapping[str, Operation]) -> Any:
    async def answer(request: Request) -> Response:
        from starlette.responses import Response

        operation = operations["GET" if request.method == "HEAD" else request.method]
        try:
            given = await _answered(state, store, operation, request)
        except UserError as error:
            return response(_stated(error, operation))
        except Exception as error:  # noqa: BLE001 - each has its answer; bugs are logged there
            return response(as_api_error(error))
        # A secret is in some of these.
        headers = {"Cache-Control": "no-store"}
        return Response(encoded(given), operation.status, headers, "application/json")

    return answer


async def _answered(
    state: State, store: KeyStore, operation: Operation, request: Request
) -> msgspec.Struct:
    from starlette.concurrency import run_in_threadpool

    key = admit(state.keys, request.headers.get("authorization"), operation.access)
    known = [name for name, _ in operation.query]
    for name in request.query_params:
        if name not in known:
            raise _unknown("parameter", name, known)
    body = await _read(request, operation.takes) if operation.takes is not None else None
    act = acts.Act(
        store=store,
        mesh=state.serving.mesh,
        by=key.id or "open",
        path=request.path_params,
        query=request.query_params,
        body=body,
    )
    return await run_in_threadpool(operation.does, act)


async def _read(request: Request, kind: type[msgspec.Struct]) -> msgspec.Struct:
    text = await read_body(request.receive, dict(request.scope["headers"]), most_mb=_BODY_MB)
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        said = str(error)
        if said.startswith("Object contains unknown field") and " - at " not in said:
            raise _unknown("field", said.split("`")[1], kind.__struct_fields__) from None
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(text, ValueError(error)) from None


def _unknown(what: str, name: str, known: Any) -> ApiError:
    near = nearest(name, known)
    hint = f"; did you mean '{near}'?" if near else ""
    names = ", ".join(known) or "none"
    return bad_request(
        f"unknown {what} '{name:.80}'; known: {names}{hint}", name, code=f"unknown_{what}"
    )


def _stated(error: UserError, operation: Operation) -> ApiError:
    """A mistake in what was sent, and the field that it stands in."""
    message = str(error)
    where = message.partition(":")[0]
    fields = operation.takes.__struct_fields__ if operation.takes is not None else ()
    stands = where in (*fields, *(name for name, _ in operation.query), "name")
    return bad_request(message, where if stands else None)

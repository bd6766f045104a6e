"""`/health/live`, `/health/ready`, `/health/targets`: whether the service is well, and why not."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.keys.scope import admit
from orchestrator.gateway.openapi import answers, component, ref
from orchestrator.types import Health

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.calling.health.conditions import Condition
    from orchestrator.gateway.state import State
    from orchestrator.mesh import Mesh

_WRITABLE_S = 5.0
"""For so long it is taken for granted that the storage folder, found writable, still is."""
_TEXT = {"type": "string"}
_OR_NULL = {"type": ["number", "null"]}
_TIME = {**_OR_NULL, "description": "Seconds since the epoch."}


def routes(state: State) -> list[Route]:
    """The endpoints. The first two need no key: they say nothing that is worth one."""
    from starlette.routing import Route

    storage = _Storage()

    async def live(_: Request) -> Response:
        return _json({"status": "ok"})

    async def ready(_: Request) -> Response:
        reasons = await asyncio.to_thread(why_not_ready, state, storage)
        body = {"status": "unavailable" if reasons else "ok", "reasons": reasons}
        return _json(body, 503 if reasons else 200)

    async def targets(request: Request) -> Response:
        try:
            admit(state.keys, request.headers.get("authorization"), "read")
            return _json(await asyncio.to_thread(targets_of, state.serving.mesh, time.time()))
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            from orchestrator.gateway.errors import response

            return response(as_api_error(error))

    return [
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/health/targets", targets),
    ]


class _Storage:
    """Whether the storage folder takes what is recorded; looked at every few seconds."""

    def __init__(self) -> None:
        self._at, self._problem = float("-inf"), ""

    def problem(self, folder: Path) -> str:
        """What is wrong with it; empty where nothing is."""
        now = time.monotonic()
        if self._problem or now - self._at > _WRITABLE_S:
            self._at, self._problem = now, _unwritable(folder)
        return self._problem


def _unwritable(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Written and not only made: a full disk has room for the name of a file.
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".ready-") as file:
            file.write(b"?" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"the storage folder cannot be written: {error.strerror}"
    return ""


def why_not_ready(state: State, storage: _Storage) -> list[str]:
    """Each reason not to send requests here; none where it is ready."""
    reasons = ["it is draining: it was told to end"] if state.draining else []
    mesh = state.serving.mesh
    if problem := storage.problem(mesh.storage):
        reasons.append(problem)
    health = mesh.fleet().health.values()
    if not any(one.available and one.breaker != "open" for one in health):
        reasons.append("no deployment is available; /health/targets says why, each")
    return reasons


def targets_of(mesh: Mesh, now: float) -> dict[str, Any]:
    """Every deployment as it stands. Times are seconds since the epoch, `null` is unknown."""
    snapshot, conditions, drains = mesh.fleet(), mesh.conditions(), mesh.drains()
    rows = []
    for deployment in snapshot.deployments:
        id = deployment.id
        health = snapshot.health.get(id, Health())
        drain = drains.get(id)
        rows.append(
            {
                "deployment": id,
                "model": deployment.model,
                "available": health.available and health.breaker != "open",
                "reason": health.reason,
                **_condition(conditions.get(id), health),
                "drained_by": drain.who if drain else None,
                "drained_since": drain.since if drain else None,
                "drained_until": drain.until if drain else None,
                "drain_reason": drain.why if drain else None,
                "room": health.room,
            }
        )
    return {"at": now, "fleet_hash": snapshot.hash, "targets": rows}


def _condition(condition: Condition | None, health: Health) -> dict[str, Any]:
    numbers = condition.numbers if condition else None
    return {
        "breaker": condition.state if condition else health.breaker,
        "since": condition.since if condition else None,
        "next_try": condition.until if condition else None,
        "calls": numbers.calls if numbers else 0,
        "error_rate": numbers.error_rate if numbers else None,
        "p50_ms": numbers.p50_ms if numbers else None,
        "p95_ms": numbers.p95_ms if numbers else None,
        "first_token_ms": numbers.first_token_ms if numbers else None,
        "last_error": numbers.last_error if numbers else "",
        "last_error_at": numbers.last_error_at if numbers else None,
    }


def _json(body: Mapping[str, Any], status: int = 200) -> Response:
    from starlette.responses import Response

    return Response(
        msgspec.json.encode(body), status, {"cache-control": "no-store"}, "application/json"
    )


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_READY = _object(status=_TEXT, reasons={"type": "array", "items": _TEXT})
_TARGET = _object(
    deployment=_TEXT,
    model=_TEXT,
    available={"type": "boolean"},
    reason=_TEXT,
    breaker={
        "enum": ["closed", "open", "half_open", "ramping", "throttled", "key_refused"],
        "type": "string",
    },
    since=_TIME,
    next_try={**_TIME, "description": "When it is tried again, or serves fully again."},
    calls={"type": "integer"},
    error_rate={**_OR_NULL, "description": "Of the last minutes, in 0..1."},
    p50_ms=_OR_NULL,
    p95_ms=_OR_NULL,
    first_token_ms=_OR_NULL,
    last_error=_TEXT,
    last_error_at=_TIME,
    drained_by={"type": ["string", "null"]},
    drained_since=_TIME,
    drained_until=_TIME,
    drain_reason={"type": ["string", "null"]},
    room={"type": "number", "description": "What is left of its limits and places, in 0..1."},
)


def openapi(_: State) -> dict[str, Any]:
    """The part of the OpenAPI document that tells of them."""
    targets = _object(at=_TIME, fleet_hash=_TEXT, targets={"type": "array", "items": ref("Target")})
    ready = answers(_READY)
    ready["503"] = {**ready["200"], "description": "They should not; `reasons` says why."}
    return {
        "paths": {
            "/health/live": {
                "get": _get("live", "Whether the process answers.", answers(_object(status=_TEXT)))
            },
            "/health/ready": {"get": _get("ready", "Whether requests should be sent here.", ready)},
            "/health/targets": {
                "get": {
                    "operationId": "targets",
                    "summary": "How each deployment stands; needs `read` access.",
                    "responses": answers(targets, 401, 403, 503),
                }
            },
        },
        **component(Target=_TARGET),
    }


def _get(name: str, says: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """One that needs no key."""
    return {"operationId": name, "summary": says, "security": [], "responses": found}

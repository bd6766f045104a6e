"""`POST /v1/feedback`: an application says how good an answer was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from orchestrator.errors import UnknownNameError
from orchestrator.gateway.bodies import headers_of, invalid, malformed, read_body
from orchestrator.gateway.errors import ApiError, bad_request, encoded, response
from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.keys.scope import admit
from orchestrator.gateway.openapi import answers, component, ref
from orchestrator.learning.feedback import LONGEST, WEIGHTS, Said
from orchestrator.project.names import listing, nearest
from orchestrator.types import as_json

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.gateway.state import State

PATH = "/v1/feedback"
_BODY_MB = 1


class Body(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is said of the answer with that trace, which `mesh.trace_id` of the answer names."""

    trace_id: Annotated[str, Meta(min_length=4, max_length=64)]
    score: Annotated[float, Meta(ge=0, le=1, description="0 is bad, 1 is good.")]
    hop: Annotated[str, Meta(max_length=128)] | None = None
    comment: Annotated[str, Meta(max_length=LONGEST)] = ""
    source: Annotated[str, Meta(description=f"One of {', '.join(WEIGHTS)}.")] = "person"


def routes(state: State) -> list[Route]:
    """The endpoint. A key of a workspace speaks of that workspace's answers alone."""
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response
    from starlette.routing import Route

    async def endpoint(request: Request) -> Response:
        try:
            key = admit(state.keys, request.headers.get("authorization"))
            text = await read_body(request.receive, headers_of(request.scope), most_mb=_BODY_MB)
            body = parsed(text)
            said = Said(
                trace=body.trace_id,
                score=body.score,
                hop=body.hop,
                comment=body.comment,
                source=body.source,
            )
            kept = await run_in_threadpool(
                state.serving.mesh.feedback,
                said,
                by=key.id or "open",
                workspace=key.caller.workspace,
            )
        except UnknownNameError as error:
            return response(_unknown(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            return response(as_api_error(error))
        return Response(encoded(as_json(kept)), 201, media_type="application/json")

    return [Route(PATH, endpoint, methods=["POST"])]


def parsed(text: bytes) -> Body:
    """The body.

    Raises:
        ApiError: it is none.
    """
    try:
        return msgspec.json.decode(text, type=Body)
    except msgspec.ValidationError as error:
        said = str(error)
        if said.startswith("Object contains unknown field"):
            raise _unknown_field(said.split("`")[1]) from None
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise malformed(text, ValueError(error)) from None


def openapi(_: State) -> dict[str, Any]:
    """See `gateway.openapi`."""
    kept = {
        "type": "object",
        "required": ["trace_id", "hop_id", "score", "weight", "source", "by", "at", "comment"],
        "properties": {
            "trace_id": {"type": "string"},
            "hop_id": {"type": "string", "description": "Empty: of the whole trace."},
            "score": {"type": "number"},
            "weight": {"type": "number"},
            "source": {"type": "string"},
            "by": {"type": "string"},
            "at": {"type": "number", "description": "Seconds since the epoch."},
            "comment": {"type": "string"},
        },
    }
    found = answers(ref("Feedback"), 400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503)
    found["201"] = {**found.pop("200"), "description": "Kept."}
    said = {"application/json": {"schema": ref("FeedbackGiven")}}
    operation = {
        "summary": "Say how good an answer was",
        "requestBody": {"required": True, "content": said},
        "responses": found,
    }
    _refs, schemas = msgspec.json.schema_components([Body])
    made = component(Feedback=kept, FeedbackGiven=schemas[Body.__name__])
    return {"paths": {PATH: {"post": operation}}, **made}


def _unknown(error: UnknownNameError) -> ApiError:
    if error.kind == "source":
        return bad_request(str(error), "source", code="unknown_source")
    where = "hop" if error.kind == "hop" else "trace_id"
    said = str(error) if error.kind == "hop" else f"there is no trace '{error.name:.64}'"
    return ApiError(404, said, param=where, code=f"unknown_{error.kind}")


def _unknown_field(name: str) -> ApiError:
    known = Body.__struct_fields__
    near = nearest(name, known)
    hint = f"; did you mean '{near}'?" if near else ""
    said = f"unknown field '{name:.80}'; known: {listing(known)}{hint}"
    return bad_request(said, name, code="unknown_field")

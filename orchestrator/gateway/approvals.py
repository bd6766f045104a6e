"""`POST /v1/approvals/{id}`: a call of a tool is approved or refused by who may say so.

That is a key with `admin`, or whoever signs with the secret of `approvals` in mesh.yaml, as the
webhook is signed; see `graph.telling`. The path is not signed, so the body names the approval too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from orchestrator.errors import KeyRefusedError, UnknownNameError, UserError
from orchestrator.gateway.bodies import MISTAKES, headers_of, mistake, read_body
from orchestrator.gateway.errors import ApiError, bad_request, encoded, response
from orchestrator.gateway.failures import as_api_error
from orchestrator.gateway.keys.scope import admit
from orchestrator.gateway.openapi import answers, component, ref
from orchestrator.graph.approving import Approval, Decision
from orchestrator.graph.telling import FRESH_S, HEADER

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from orchestrator.gateway.state import State
    from orchestrator.mesh import Mesh

PATH = "/v1/approvals/{id}"
_BODY_MB = 1


class ApprovalBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is said of a call that waits."""

    approval: Annotated[
        str, Meta(min_length=8, max_length=64, description="Its id, as in the path.")
    ]
    answer: Literal["approve", "reject"]
    by: Annotated[str, Meta(max_length=128, description="Who says so; of a key its id.")] = ""
    because: Annotated[str, Meta(max_length=2000)] = ""
    arguments: dict[str, Any] | None = None
    """Approved in the place of the model's, all of them."""


def routes(state: State) -> list[Route]:
    """The endpoint."""
    from starlette.responses import Response
    from starlette.routing import Route

    async def endpoint(request: Request) -> Response:
        try:
            text = await read_body(request.receive, headers_of(request.scope), most_mb=_BODY_MB)
            mesh = state.serving.mesh
            who = _who(state, mesh, request, text)
            body = _parsed(text)
            if body.approval != request.path_params["id"]:
                raise bad_request("the body names another approval than the path", "approval")
            decided = await asyncio.to_thread(_decide, mesh, body, who)
        except UnknownNameError as error:
            return response(ApiError(404, str(error), param="approval", code="unknown_approval"))
        except KeyRefusedError as error:
            return response(as_api_error(error))
        except UserError as error:
            return response(ApiError(409, str(error), param="answer", code="conflict"))
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets an answer
            return response(as_api_error(error))
        return Response(encoded(_shown(decided)), media_type="application/json")

    return [Route(PATH, endpoint, methods=["POST"])]


def _who(state: State, mesh: Mesh, request: Request, text: bytes) -> str:
    """Who speaks: a key, or empty for one who has signed.

    Raises:
        KeyRefusedError: neither is good.
    """
    header = request.headers.get(HEADER)
    if header is None:
        key = admit(state.keys, request.headers.get("authorization"), "admin")
        return key.id or "open"
    if mesh.approvals.is_signed(text, header):
        return ""
    raise KeyRefusedError(
        f"the signature is not one of this body, or older than {FRESH_S} seconds",
        status=401,
        code="invalid_signature",
    )


def _decide(mesh: Mesh, body: ApprovalBody, key: str) -> Approval:
    return mesh.approvals.decide(
        body.approval,
        Decision(
            approve=body.answer == "approve",
            by=f"key:{key}" if key else f"webhook:{body.by or 'unnamed'}",
            because=body.because,
            arguments=body.arguments,
            through="gateway" if key else "webhook",
        ),
    )


def _parsed(text: bytes) -> ApprovalBody:
    try:
        return msgspec.json.decode(text, type=ApprovalBody)
    except MISTAKES as error:
        raise mistake(text, error) from None


def _shown(one: Approval) -> dict[str, Any]:
    act = one.wanted.act
    return {"approval": one.id, "state": one.state, "run": act.run, "tool": act.tool}


def openapi(_: State) -> dict[str, Any]:
    """See `gateway.openapi`."""
    text = {"type": "string"}
    names = ("approval", "state", "run", "tool")
    kept = {"type": "object", "required": list(names), "properties": dict.fromkeys(names, text)}
    _refs, schemas = msgspec.json.schema_components([ApprovalBody])
    operation = {
        "operationId": "answerApproval",
        "summary": "Approve or refuse a call of a tool",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": text},
            {
                "name": HEADER,
                "in": "header",
                "schema": text,
                "description": "t=SECONDS,v1=HMAC-SHA-256 of SECONDS.BODY; in a key's place.",
            },
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ref("ApprovalBody")}},
        },
        "responses": answers(
            ref("ApprovalState"), 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503
        ),
    }
    made = component(ApprovalBody=schemas[ApprovalBody.__name__], ApprovalState=kept)
    return {"paths": {PATH: {"post": operation}}, **made}

"""Chat completions in the OpenAPI document; the body's schema is that of its parser."""

from __future__ import annotations

from typing import Any

import msgspec

from orchestrator.gateway.app import CHAT
from orchestrator.gateway.chat.openai.completions import Completions
from orchestrator.gateway.needs import OF_GRAPHS
from orchestrator.gateway.openapi import answers, component, ref
from orchestrator.gateway.state import State

_ERRORS = (400, 401, 402, 403, 404, 408, 413, 415, 422, 429, 500, 502, 503, 504)
_ABOUT = {
    "type": "object",
    "description": "Who answered, how, and for what.",
    "required": ["trace_id", "model", "cost_usd", "attempts", "ending"],
    "properties": {
        "trace_id": {"type": "string"},
        "model": {"type": "string"},
        "deployment": {"type": "string"},
        "cost_usd": {"type": ["number", "null"], "description": "null: unknown."},
        "attempts": {"type": "integer"},
        "ending": {"enum": ["complete", "continued", "restarted", "incomplete"]},
        "usage_estimated": {"type": "boolean"},
    },
}
_COMPLETION = {
    "type": "object",
    "required": ["id", "object", "created", "model", "choices", "usage", "mesh"],
    "properties": {
        "id": {"type": "string"},
        "object": {"const": "chat.completion"},
        "created": {"type": "integer"},
        "model": {"type": "string", "description": "The model that answered."},
        "choices": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["index", "message", "finish_reason"],
                "properties": {
                    "index": {"type": "integer"},
                    "message": {
                        "type": "object",
                        "required": ["role", "content"],
                        "properties": {
                            "role": {"const": "assistant"},
                            "content": {"type": ["string", "null"]},
                            "tool_calls": {"type": "array", "items": {"type": "object"}},
                        },
                    },
                    "finish_reason": {"enum": ["stop", "length", "tool_calls", "content_filter"]},
                },
            },
        },
        "usage": {"type": "object"},
        "system_fingerprint": {"type": ["string", "null"]},
        "mesh": ref("About"),
    },
}


def openapi(state: State) -> dict[str, Any]:
    """See `gateway.openapi`."""
    (_,), schemas = msgspec.json.schema_components(
        (Completions,), ref_template="#/components/schemas/{name}"
    )
    passes = state.serving.mesh.project.settings.gateway.unknown_parameters == "pass"
    schemas["Completions"]["additionalProperties"] = passes
    found = answers(ref("Completion"), *_ERRORS)
    found["200"]["description"] = "The answer; as server-sent events where `stream` is true."
    found["200"]["content"]["text/event-stream"] = {"schema": {"type": "string"}}
    found["200"]["headers"] = {
        f"x-mesh-{name}": {"schema": {"type": "string"}}
        for name in ("trace-id", "model", "deployment", "cost-usd", "attempts", "ending")
    }
    headers = [
        {
            "name": f"x-mesh-{field.replace('_', '-')}",
            "in": "header",
            "description": f"As `mesh.{field}` of the body, which goes before it.",
            "schema": _in_header(schema),
        }
        for field, schema in schemas["Needs"]["properties"].items()
        if field not in OF_GRAPHS
    ]
    operation = {
        "summary": "An answer to a conversation",
        "parameters": headers,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": ref("Completions")}},
        },
        "responses": found,
    }
    return {
        "paths": {CHAT: {"post": operation}},
        **component(**schemas, Completion=_COMPLETION, About=_ABOUT),
    }


def _in_header(schema: dict[str, Any]) -> dict[str, Any]:
    """A need as a header's text: without `null`; of an array the words between commas."""
    said: dict[str, Any] = next(s for s in schema["anyOf"] if s != {"type": "null"})
    return {"type": "string", "minLength": 1} if said.get("type") == "array" else said

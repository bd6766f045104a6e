"""What the stand-in for a provider thinks: small, honest, and strict about what it is sent.

It refuses a request that a real provider would refuse (a tool's answer without its call, an image
that is none), calls a tool when its name or purpose is spoken of, fills in the tool's own schema,
answers in the form that is asked for, stops at stop words, and counts tokens as words.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.calling.server import Call, Fail, Say, Step, Tokens

_NUMBER = re.compile(r"-?\d+")
_QUOTED = re.compile(r"'([^']+)'")
_NAMED = re.compile(r"\b(?:in|a|the) ([A-Z][\w ]*(?:, [A-Z]+)?)")
_WORD = re.compile(r"[a-z]{4,}")
REASONING_TOKENS = 3


class RefusedError(Exception):
    """A provider would answer with HTTP 400."""


@dataclass
class Brain:
    """A script for `StandIn`. Remembers prompts, as a provider with a prompt cache does."""

    prompts: set[str] = field(default_factory=set)
    calls: int = 0

    def __call__(self, body: dict[str, Any]) -> Step:
        messages = body["messages"]
        try:
            _look_at(messages)
            text, calls = self._think(body, messages)
        except RefusedError as refused:
            return Fail(400, str(refused), "invalid_request_error")
        finish = "stop"
        for stop in body.get("stop") or ():
            text = text.split(stop)[0]
        words = text.split(" ")
        most = body.get("max_tokens") or body.get("max_completion_tokens")
        if most is not None and len(words) > most:
            text, finish = " ".join(words[:most]), "length"
        usage = self._usage(body, text + "".join(c.arguments for c in calls))
        return Say(text, calls=calls, usage=usage, finish=finish, model=f"{body['model']}-2026")

    def _think(
        self, body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]]
    ) -> tuple[str, tuple[Call, ...]]:
        said = _text(next(m for m in reversed(messages) if m["role"] == "user"))
        chosen = _chosen(body, said, answered=messages[-1]["role"] == "tool")
        if chosen:
            calls = []
            for tool in chosen:
                self.calls += 1
                arguments = json.dumps(_fill(tool["parameters"], said), ensure_ascii=False)
                calls.append(Call(tool["name"], arguments, id=f"call_{self.calls}"))
            return "", tuple(calls)
        form = body.get("response_format")
        if form is not None:
            return json.dumps(_formed(form, said)), ()
        if messages[-1]["role"] == "tool":
            return f"The tool says: {_text(messages[-1])}", ()
        seen = _kinds(messages)
        return (f"I see {seen}." if seen else f"Hello to you! You said: {said}"), ()

    def _usage(self, body: Mapping[str, Any], written: str) -> Tokens:
        texts = [_text(m) for m in body["messages"]]
        prompt = "\n".join(texts)
        size = max(len(prompt.split()), 1)
        cached = size if prompt in self.prompts else 0
        self.prompts.add(prompt)
        reasoning = REASONING_TOKENS if body.get("reasoning_effort") else 0
        output = max(len(written.split()), 1) + reasoning
        return Tokens(input=size, output=output, cached=cached, reasoning=reasoning)


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content if part["type"] == "text")


# ── what is sent ─────────────────────────────────────────────────────────────────────────


def _look_at(messages: Sequence[Mapping[str, Any]]) -> None:
    """Raises where the conversation is none."""
    open_calls: list[str] = []
    for message in messages:
        role = message["role"]
        if role == "tool":
            if message.get("tool_call_id") not in open_calls:
                raise RefusedError("a tool message must answer a call of the message before")
            open_calls.remove(message["tool_call_id"])
        elif open_calls:
            raise RefusedError(f"the calls {open_calls} were not answered")
        if role not in ("system", "user", "assistant", "tool"):
            raise RefusedError(f"unknown role {role}")
        for call in message.get("tool_calls", ()):
            json.loads(call["function"]["arguments"])
            open_calls.append(call["id"])
        if not isinstance(message.get("content") or "", str):
            for part in message["content"]:
                _look_at_part(part)


def _look_at_part(part: Mapping[str, Any]) -> None:
    match part:
        case {"type": "text", "text": str()}:
            pass
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            if not url.startswith("https://"):
                _decoded(url, "image/", b"\x89PNG")
        case {"type": "file", "file": {"file_data": str(url)}}:
            _decoded(url, "application/pdf", b"%PDF")
        case {"type": "input_audio", "input_audio": {"data": str(data), "format": "wav"}}:
            _decoded(f"data:audio/wav;base64,{data}", "audio/wav", b"RIFF")
        case _:
            raise RefusedError(f"an unknown part: {part.get('type')}")


def _decoded(url: str, kind: str, begins: bytes) -> None:
    head, _, data = url.partition(",")
    if not head.startswith(f"data:{kind}") or not base64.b64decode(data).startswith(begins):
        raise RefusedError(f"this is no {kind}: {url[:40]}")


def _kinds(messages: Sequence[Mapping[str, Any]]) -> str:
    parts = [p for m in messages if isinstance(m.get("content"), list) for p in m["content"]]
    return " and ".join(sorted({p["type"] for p in parts if p["type"] != "text"}))


# ── what is answered ─────────────────────────────────────────────────────────────────────


def _chosen(body: Mapping[str, Any], said: str, *, answered: bool) -> list[Mapping[str, Any]]:
    """The tools that are called."""
    tools = [tool["function"] for tool in body.get("tools") or ()]
    choice = body.get("tool_choice") or ("auto" if tools else "none")
    if isinstance(choice, Mapping):
        return [t for t in tools if t["name"] == choice["function"]["name"]]
    if choice == "none" or (choice == "auto" and answered):
        return []
    wanted = [t for t in tools if _about(t, said)]
    if choice == "required":
        return wanted[:1] or tools[:1]
    return wanted if body.get("parallel_tool_calls") is not False else wanted[:1]


def _about(tool: Mapping[str, Any], said: str) -> bool:
    """The request speaks of it: by its name, or by a word of its name or of its purpose."""
    if tool["name"] in said:
        return True
    purpose = f"{tool['name'].replace('_', ' ')} {tool.get('description', '')}".lower()
    return bool(set(_WORD.findall(purpose)) & set(_WORD.findall(said.lower())))


def _fill(schema: Mapping[str, Any], said: str) -> Any:
    """A value of the schema, with what the request says where it says something."""
    numbers = iter(_NUMBER.findall(said))
    quoted = iter([*_QUOTED.findall(said), *_NAMED.findall(said)])

    def value(part: Mapping[str, Any], name: str) -> Any:
        if "anyOf" in part:
            return value(part["anyOf"][0], name)
        if "enum" in part:
            return part["enum"][0]
        match part.get("type", "string"):
            case "object":
                return {key: value(p, key) for key, p in (part.get("properties") or {}).items()}
            case "array":
                return [value(part.get("items", {}), name)]
            case "integer" | "number":
                return int(next(numbers, "1"))
            case "boolean":
                return True
        return next(quoted, f"a {name} about it")

    return value(schema, "answer")


def _formed(form: Mapping[str, Any], said: str) -> Any:
    if form["type"] == "json_schema":
        return _fill(form["json_schema"]["schema"], said)
    return {key: f"a {key}" for key in _QUOTED.findall(said)}

"""Logs of OpenAI-shaped services, read as requests: one JSON object a line.

Read are the shapes that are about:

- flat: `{"model", "messages" | "prompt", "response" | "choices" | "completion", "usage", …}`
- pairs: `{"request": {…}, "response": {…}}`, also under `input`/`output` or `body`
- OpenAI's batch: a line of the input file (`{"custom_id", "body": {…}}`) or of the output file
  (`{"custom_id", "response": {"body": {…}}}`), which is told as a line without a request
- litellm's: `{"model", "messages", "response": {…} or a text, "prompt_tokens", "response_cost"}`,
  also inside of `kwargs`, `standard_logging_object` or `payload`
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.call_types import tokens
from orchestrator.errors import UserError
from orchestrator.money import MICRO_USD, Usage

_WRAPPED = ("standard_logging_object", "kwargs", "payload", "data", "record")
_REQUESTS = ("request", "request_body", "input", "body", "params")
_RESPONSES = ("response", "response_body", "output", "completion", "result")
_COSTS = ("response_cost", "cost_usd", "cost", "spend")
_TOLD = 5
"""So many lines that cannot be read are told one by one."""
_LONGEST = 20_000_000
"""Characters of a line that is still read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """One request of a log."""

    model: str
    text: str
    """What was asked, all messages together."""
    question: str
    """The last that a user has said."""
    usage: Usage
    micro_usd: int | None
    """As the log says it; `None` where it does not."""
    needs: tuple[str, ...] = ()
    most_output_tokens: int | None = None


@dataclass(slots=True)
class Log:
    """What was read of a log, and which lines were not requests."""

    requests: list[Logged] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    """Line → why it is none."""

    def problems(self, name: str) -> Iterator[str]:
        """For a person: the first lines that were not read, and how many more there are."""
        for number, why in list(self.refused.items())[:_TOLD]:
            yield f"{name}:{number}: {why}"
        if len(self.refused) > _TOLD:
            yield f"{name}: {len(self.refused) - _TOLD:,} more lines could not be read"


def read_log(path: Path, progress: Callable[[int], None] = lambda _lines: None) -> Log:
    """Read a log.

    Args:
        progress: told how many lines were read.

    Raises:
        UserError: there is no such file, or it cannot be read.
    """
    log = Log()
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, start=1):
                if number % 1000 == 0:
                    progress(number)
                if not line.strip():
                    continue
                try:
                    log.requests.append(read_line(line))
                except _NoRequestError as error:
                    log.refused[number] = str(error)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    return log


class _NoRequestError(ValueError):
    """A line is no request; says why."""


def read_line(line: str) -> Logged:
    """One line.

    Raises:
        ValueError: it is no request; says why.
    """
    if len(line) > _LONGEST:
        raise _NoRequestError(f"longer than {_LONGEST:,} characters")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise _NoRequestError("no JSON") from None
    if not isinstance(value, dict):
        raise _NoRequestError(f"a JSON {type(value).__name__}, and no object")
    value = _unwrapped(value)
    request, response = _request(value), _response(value)
    said = _messages(request)
    if said is None:
        raise _NoRequestError("no messages, prompt or input")
    model = _text(response.get("model")) or _text(request.get("model")) or _text(value.get("model"))
    text = "\n".join(content for _, content in said)
    answer = _answer(value, response)
    most = request.get("max_completion_tokens") or request.get("max_tokens")
    return Logged(
        model=model or "unknown",
        text=text,
        question=next((c for role, c in reversed(said) if role == "user"), text),
        usage=_usage(value, response, text, answer),
        micro_usd=_cost(value, response),
        needs=tuple(_needs(request)),
        most_output_tokens=most if isinstance(most, int) and most > 0 else None,
    )


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    for name in _WRAPPED:
        inner = value.get(name)
        if isinstance(inner, dict) and (_messages(inner) is not None or "request" in inner):
            return {**value, **inner}
    return value


def _request(value: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in _REQUESTS:
        inner = _object(value.get(name))
        inner = _object(inner.get("body")) or inner
        if inner and _messages(inner) is not None:
            return {**value, **inner}
    return value


def _response(value: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in _RESPONSES:
        inner = _object(value.get(name))
        if inner:
            return _object(inner.get("body")) or inner
    return value if "choices" in value else {}


def _object(value: Any) -> dict[str, Any]:
    """An object, also where it stands in a text."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def _messages(request: Mapping[str, Any]) -> list[tuple[str, str]] | None:
    """Role and text of each message; `None` where there are none."""
    said = request.get("messages")
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except (ValueError, RecursionError):
            said = None
    if said is None and isinstance(request.get("input"), list):
        said = request["input"]
    if isinstance(said, list) and said and all(isinstance(m, dict) for m in said):
        return [(str(m.get("role") or "user"), _content(m.get("content"))) for m in said]
    for name in ("prompt", "input"):
        text = request.get(name)
        if isinstance(text, str) and text.strip():
            return [("user", text)]
    return None


def _content(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = [p if isinstance(p, str) else _object(p).get("text") for p in value]
        return "\n".join(p for p in parts if isinstance(p, str))
    return ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _answer(value: Mapping[str, Any], response: Mapping[str, Any]) -> str:
    choices = response.get("choices")
    if isinstance(choices, list):
        parts = []
        for choice in map(_object, choices):
            message = _object(choice.get("message"))
            parts.append(_content(message.get("content")) or _text(choice.get("text")))
            parts += [json.dumps(call) for call in message.get("tool_calls") or ()]
        return "\n".join(parts)
    for name in _RESPONSES:
        if isinstance(value.get(name), str):
            return _text(value[name])
    return _content(response.get("content")) or _text(response.get("output_text"))


def _usage(value: Mapping[str, Any], response: Mapping[str, Any], text: str, answer: str) -> Usage:
    """As it is reported, under any of the names; else counted here."""
    told = _object(response.get("usage")) or _object(value.get("usage")) or value
    sent = _number(told, "prompt_tokens", "input_tokens")
    written = _number(told, "completion_tokens", "output_tokens")
    details = _object(told.get("prompt_tokens_details")) or _object(
        told.get("input_tokens_details")
    )
    cached = _number(details, "cached_tokens") or 0
    estimated = sent is None or written is None
    sent = tokens(text) if sent is None else sent
    return Usage(
        input=sent,
        output=tokens(answer) if written is None else written,
        cached_input=min(cached, sent),
        estimated=estimated,
    )


def _number(value: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        found = value.get(name)
        if isinstance(found, (int, float)) and not isinstance(found, bool) and 0 <= found < 1e12:
            return int(found)
    return None


def _cost(value: Mapping[str, Any], response: Mapping[str, Any]) -> int | None:
    for place in (value, response, _object(response.get("_hidden_params"))):
        for name in _COSTS:
            found = place.get(name)
            if isinstance(found, (int, float)) and not isinstance(found, bool) and found >= 0:
                return round(found * MICRO_USD) if found < 1e6 else None
    return None


def _needs(request: Mapping[str, Any]) -> Iterator[str]:
    """What a model must be able to do for it."""
    if request.get("tools") or request.get("functions"):
        yield "tools"
    kind = _object(request.get("response_format")).get("type")
    if kind in ("json_object", "json_schema"):
        yield "json"
    said: Sequence[Any] = request["messages"] if isinstance(request.get("messages"), list) else ()
    parts = (p for m in map(_object, said) if isinstance(m.get("content"), list)
             for p in m["content"])  # fmt: skip
    if any(_object(p).get("type") in ("image_url", "input_image") for p in parts):
        yield "vision"

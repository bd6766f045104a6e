"""A single call as its trace keeps it: what was sent besides the words, which its hop holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

from orchestrator.call_types import CallRequest, Message

BETWEEN = "\n\n"
"""What stands between two messages of a hop's prompt."""
_PLAIN = frozenset({"role", "content"})
_NAMES = tuple(f.name for f in fields(CallRequest) if f.name != "messages")
_values = attrgetter(*_NAMES)
_UNSAID = _values(CallRequest(messages=()))


def kept_call(call: CallRequest) -> dict[str, Any]:
    """All that the call says, without the words of plain messages: of those the lengths. Images and
    their like are never kept, so that a call with one has no messages here."""
    kept: dict[str, Any] = {}
    for name, value, unsaid in zip(_NAMES, _values(call), _UNSAID, strict=True):
        if value is not unsaid and value != unsaid:
            kept[name] = value
    plain = all(isinstance(m["content"], str) and m.keys() <= _PLAIN for m in call.messages)
    if plain:
        kept["said"] = [[m["role"], len(m["content"])] for m in call.messages]
    elif not any(part.get("type") != "text" for m in call.messages for part in _parts(m)):
        kept["messages"] = call.messages
    return kept


def _parts(message: Message) -> Sequence[Mapping[str, Any]]:
    content = message["content"]
    return () if isinstance(content, str) or content is None else content


def call_of(kept: Mapping[str, Any], prompt: str | None) -> CallRequest | None:
    """The inverse of `kept_call`.

    Args:
        prompt: of the hop that the call was.

    Returns:
        `None` where the prompt is not on record as it was sent.
    """
    said = {**kept}
    messages = said.pop("messages", None)
    if messages is None:
        messages = _cut(said.pop("said"), prompt or "") if "said" in said else None
    if messages is None:
        return None
    for name in ("stop", "tools"):
        if name in said:
            said[name] = tuple(said[name])
    return CallRequest(messages=tuple(messages), **said)


def _cut(lengths: list[tuple[str, int]], prompt: str) -> list[dict[str, Any]] | None:
    """The prompt as the messages that it was put together from."""
    parts, at = [], 0
    for role, length in lengths:
        if length and at:
            if not prompt.startswith(BETWEEN, at):
                return None
            at += len(BETWEEN)
        parts.append({"role": role, "content": prompt[at : at + length]})
        at += length
    return parts if at == len(prompt) else None

"""What a hop keeps of its messages: the texts, and of tool calls what may be shown."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.call_types import Message, Reply, text_of


def shown_prompt(messages: Iterable[Message], *, arguments: bool) -> str:
    """The messages as one text. `arguments`: tool calls are shown with what they were given."""
    return "\n\n".join(filter(None, (_message(m, arguments) for m in messages)))


def shown_reply(reply: Reply, *, arguments: bool) -> str:
    """The reply's text, and a line for each tool call."""
    calls = [_call(c.name, c.arguments, arguments) for c in reply.tool_calls]
    return "\n".join([reply.text, *calls] if reply.text else calls)


def _message(message: Message, arguments: bool) -> str:
    content = message["content"]
    parts = () if isinstance(content, str) else content
    beside = [f"[{part.get('type')}]" for part in parts if part.get("type") != "text"]
    named = [call["function"] for call in message.get("tool_calls", ())]
    calls = [_call(call["name"], call["arguments"], arguments) for call in named]
    return "\n".join(filter(None, [text_of(message), *beside, *calls]))


def _call(name: str, written: str, arguments: bool) -> str:
    return f"→ {name}({written if arguments else '…'})"

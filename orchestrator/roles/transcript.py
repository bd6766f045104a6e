"""What a hop keeps of its messages, and what it says of answers that could not be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from orchestrator.call_types import Message, Product, Reply, text_of
from orchestrator.errors import IncompleteError
from orchestrator.records import Attempt
from orchestrator.tracing.asked import BETWEEN
from orchestrator.types import Outcome, as_json


def shown_prompt(messages: Iterable[Message], *, arguments: bool) -> str:
    """The messages as one text. `arguments`: tool calls are shown with what they were given."""
    return BETWEEN.join([text for m in messages if (text := _message(m, arguments))])


def shown_reply(reply: Reply, *, arguments: bool) -> str:
    """The reply's text, and a line for each tool call; of what is no text how much it is."""
    if isinstance(reply.value, Product):
        return str(reply.value)
    if not reply.tool_calls:
        return reply.text
    calls = [_call(c.name, c.arguments, arguments) for c in reply.tool_calls]
    return "\n".join([reply.text, *calls] if reply.text else calls)


def kept(reply: Reply) -> dict[str, Any]:
    """What the journal keeps of a reply besides its text, its value and its attempts."""
    return {
        "deployment": reply.deployment,
        "model": reply.model,
        "family": reply.family,
        "ending": reply.ending,
        "finish_reason": reply.finish_reason,
        "agreement": reply.agreement,
        **({"tool_calls": as_json(reply.tool_calls)} if reply.tool_calls else {}),
    }


def beside(reply: Reply) -> dict[str, Any] | None:
    """What a replay needs of a reply that its hop does not show; `None` for most."""
    if not reply.tool_calls and reply.agreement is None:
        return None
    return {"text": reply.text, "answered": kept(reply)}


def raised(error: Exception) -> dict[str, Any]:
    """The kind of an error, for a replay to raise it again."""
    if isinstance(error, IncompleteError):
        return {"raised": type(error).__name__, "text": error.text, "reason": error.reason}
    return {"raised": type(error).__name__}


def verdict(attempts: Sequence[Attempt], *, passed: bool) -> dict[str, Any]:
    """`validated` and `validation` of a hop. `passed`: an answer came, and something checked it."""
    remark = _remark(attempts)
    return {"validated": passed if passed or remark else None, "validation": remark}


def _remark(attempts: Sequence[Attempt]) -> str:
    """`answer 1 of a/b: at /n: 'two' is not of type 'integer'; repaired`; empty: all was valid."""
    if all(attempt.outcome is not Outcome.INVALID_OUTPUT for attempt in attempts):
        return ""
    refused: Counter[str] = Counter()
    said: list[str] = []
    for attempt in attempts:
        if attempt.outcome is Outcome.INVALID_OUTPUT:
            refused[attempt.deployment] += 1
            number = refused[attempt.deployment]
            said.append(f"answer {number} of {attempt.deployment}: {attempt.error}")
    good = next((a for a in reversed(attempts) if a.outcome is Outcome.OK), None)
    if said and good is not None:
        mended = good.kind == "repair"
        said.append("repaired" if mended else f"{good.deployment} answered instead")
    return "; ".join(said)


def _message(message: Message, arguments: bool) -> str:
    content = message["content"]
    if isinstance(content, str) and "tool_calls" not in message:
        return content
    parts = () if isinstance(content, str) else content
    beside = [f"[{part.get('type')}]" for part in parts if part.get("type") != "text"]
    named = [call["function"] for call in message.get("tool_calls", ())]
    calls = [_call(call["name"], call["arguments"], arguments) for call in named]
    return "\n".join(filter(None, [text_of(message), *beside, *calls]))


def _call(name: str, written: str, arguments: bool) -> str:
    return f"→ {name}({written if arguments else '…'})"

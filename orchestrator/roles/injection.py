"""What is done about orders in the messages of a call that may not give any.

The system message is the operator's. Of the others each is looked at by who wrote it: what the
asker says, what tools brought, and, inside of our own fences, what sources hold and models wrote.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.call_types import CallRequest, Message
from orchestrator.errors import InjectionError
from orchestrator.guard.injection.fencing import with_quoted
from orchestrator.guard.injection.find import Order, Where, orders_in
from orchestrator.types import OnInjection

_FENCED = re.compile(
    r"^<(passage|document|tool|result|claim|sentence|citation|rejected)\b[^\n]*>\n(.*?)\n</\1\b[^\n]*>",
    re.DOTALL | re.MULTILINE,
)
_INSIDE: Mapping[str, Where] = {"passage": "source", "document": "source", "tool": "tool"}
_IN_WORDS: Mapping[Where, str] = {
    "prompt": "the prompt",
    "source": "a source",
    "tool": "the result of a tool",
    "answer": "what a model wrote",
}
MOST_TOLD = 8
"""Orders of one request that are told of one by one."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """An order in one of the messages."""

    message: int
    where: Where
    order: Order

    def __str__(self) -> str:
        return f"injection in {_IN_WORDS[self.where]}, message {self.message}, {self.order}"


@dataclass(frozen=True, slots=True)
class Screened:
    """A request as it may be sent, and what was found in it."""

    request: CallRequest
    found: tuple[Attempted, ...] = ()

    def notes(self, done: str) -> Iterator[str]:
        """A line for each of what was found. `done`: `fenced`, `refused`."""
        for one in self.found[:MOST_TOLD]:
            yield f"{one}: {done}"
        if len(self.found) > MOST_TOLD:
            yield f"injection: {len(self.found) - MOST_TOLD} more were {done}"

    @property
    def facts(self) -> dict[str, Any]:
        """For the audit log: places, kinds and scores, and nothing of the text."""
        return {
            "where": sorted({one.where for one in self.found}),
            "kinds": sorted({one.order.kind for one in self.found}),
            "score": max((one.order.score for one in self.found), default=0),
            "count": len(self.found),
        }


def screened(request: CallRequest, own: str, rule: OnInjection) -> Screened:
    """The request with what gives orders in quotes, where the rule does not switch that off.

    Args:
        own: the agent's prompt; what stands in it is ours.
    """
    if rule == "off" or request.asks != "text":
        return Screened(request)
    found: list[Attempted] = []
    messages: list[Message] = []
    for number, message in enumerate(request.messages, start=1):
        seen = [] if message["role"] == "system" else list(_orders(message, number, own))
        messages.append(_quoted(message, seen) if seen else message)
        found += [one for one, _ in seen]
    if not found:
        return Screened(request)
    return Screened(dataclasses.replace(request, messages=tuple(messages)), tuple(found))


def refusal(screened: Screened) -> InjectionError:
    """Why a request is not sent; nothing of its text."""
    told = "; ".join(dict.fromkeys(str(one) for one in screened.found[:MOST_TOLD]))
    return InjectionError(f"the policy refuses texts that give orders (injection: refuse): {told}")


def _orders(message: Message, number: int, own: str) -> Iterator[tuple[Attempted, int]]:
    """Each with the part of the content that it stands in."""
    content = message["content"]
    parts: Sequence[Any] = [content] if isinstance(content, str) else content
    for place, part in enumerate(parts):
        text = part if isinstance(part, str) else part.get("text")
        if not isinstance(text, str) or not text:
            continue
        by: Where = "tool" if message["role"] == "tool" else "prompt"
        for where, order in _by_writer(text, by):
            said = " ".join(text[order.start : order.end].split())
            if said not in own:
                yield Attempted(number, where, order), place


def _by_writer(text: str, by: Where) -> Iterator[tuple[Where, Order]]:
    fenced = list(_FENCED.finditer(text)) if "\n</" in text else []
    if not fenced:
        yield from ((by, order) for order in orders_in(text, by))
        return
    at = 0
    for match in fenced:
        yield from _shifted(text[at : match.start()], at, by)
        yield from _shifted(match[2], match.start(2), _INSIDE.get(match[1], "answer"))
        at = match.end()
    yield from _shifted(text[at:], at, by)


def _shifted(text: str, by: int, where: Where) -> Iterator[tuple[Where, Order]]:
    for order in orders_in(text, where):
        moved = dataclasses.replace(order, start=order.start + by, end=order.end + by)
        yield where, moved


def _quoted(message: Message, seen: Sequence[tuple[Attempted, int]]) -> Message:
    content = message["content"]
    if isinstance(content, str):
        return {**message, "content": with_quoted(content, [one.order for one, _ in seen])}
    parts: list[Mapping[str, Any]] = []
    for place, part in enumerate(content):
        orders = [one.order for one, where in seen if where == place]
        parts.append({**part, "text": with_quoted(part["text"], orders)} if orders else part)
    return {**message, "content": parts}

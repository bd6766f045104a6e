"""Prefill: a request that ends with the beginning of the answer, which the model goes on with.

Providers want to be told so in different ways, and some repeat the beginning in their answer.
What comes out here is only what follows it, so that beginning + answer is the whole text.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from orchestrator.call_types import (
    CallEvent,
    CallRequest,
    Finish,
    Progress,
    TextDelta,
    ToolCallDelta,
)
from orchestrator.types import Deployment

CAN = "prefill"
REPEATED = 12
"""From how many characters on a repetition is taken for one. A model may well go on with the few
characters that it ended with; Mistral repeats however short the beginning is."""
_REPEATS = ("mistral",)
_MARKED = ("mistral", "deepseek")
"""Providers that want `prefix: true` on the message, by the name of their host or litellm's."""


@dataclass(frozen=True, slots=True)
class Prefill:
    """The beginning of the answer, and how the deployment is told to go on with it."""

    text: str
    provider: str

    @property
    def sent(self) -> str:
        """Without the white space at its end, which Anthropic refuses and which leads the other
        models astray: their tokens begin with a space."""
        return self.text.rstrip()

    def messages(self, messages: tuple[Any, ...]) -> list[dict[str, Any]]:
        """The request's messages with the last one as this provider takes it."""
        before = [dict(m) for m in messages[:-1]]
        if not self.sent:
            return before
        last = {**messages[-1], "content": self.sent}
        if self.provider in _MARKED:
            last["prefix"] = True
        return [*before, last]

    def seam(self) -> Seam:
        return Seam(self, 1 if self.provider in _REPEATS else REPEATED)


def prefill_of(deployment: Deployment, request: CallRequest) -> Prefill | None:
    """The prefill of the request; `None` where it has none, or the deployment takes none."""
    last: Mapping[str, Any] = request.messages[-1] if request.messages else {}
    text = last.get("content")
    if CAN not in deployment.can or last.get("role") != "assistant" or last.get("tool_calls"):
        return None
    return Prefill(text, _provider(deployment)) if isinstance(text, str) and text else None


def _provider(deployment: Deployment) -> str:
    """The first name that is known; on a machine of one's own the engine has its own way."""
    host = urlsplit(deployment.endpoint or "").hostname or ""
    named = (*deployment.provider.split("_"), *host.split("."))
    return next((p for p in _MARKED if p in named), "")


class Seam:
    """Takes what an answer repeats of its prefill out of it."""

    def __init__(self, prefill: Prefill, shortest: int) -> None:
        self._held = ""
        """Text that may be the beginning of a repetition."""
        self._repeated = prefill.sent if len(prefill.sent) >= shortest else ""
        self._space = prefill.text[len(prefill.sent) :]
        """The white space that was not sent: the caller has it, and the model may write it."""

    def take(self, text: str) -> str:
        """What of `text`, and of what was held back before it, follows the prefill."""
        self._held += text
        if self._repeated:
            if len(self._held) < len(self._repeated) and self._repeated.startswith(self._held):
                return ""
            self._held = self._held.removeprefix(self._repeated)
            self._repeated = ""
        rest, self._held = self._held, ""
        while rest and self._space:
            same = rest[0] == self._space[0]
            rest, self._space = (rest[1:], self._space[1:]) if same else (rest, "")
        return rest

    def end(self) -> str:
        """What was held back, where the answer ends in the middle of what looked like one."""
        self._repeated = ""
        return self.take("")


async def joined(
    stream: AsyncGenerator[CallEvent, None], prefill: Prefill | None
) -> AsyncGenerator[CallEvent, None]:
    """The events of an answer, with what it repeats of the prefill taken out."""
    seam = prefill.seam() if prefill else None
    async with aclosing(stream) as events:
        async for event in events:
            if seam is not None and isinstance(event, TextDelta):
                rest = seam.take(event.text)
                # What is held back is no silence.
                yield TextDelta(rest) if rest else Progress("thinking")
                continue
            if seam is not None and isinstance(event, (Finish, ToolCallDelta)):
                rest = seam.end()
                if rest:
                    yield TextDelta(rest)
            yield event

"""One answer in three kinds of words: as the model wrote it, whole, and as its caller may see it.

Where nothing is redacted all three are the same, and nothing is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrator.call_types import CallRequest, ToolCall
from orchestrator.calling.attempt import Heard
from orchestrator.calling.delivery import Voice
from orchestrator.calling.repair import repaired
from orchestrator.types import Deployment

if TYPE_CHECKING:
    from orchestrator.calling.attempting import Made
    from orchestrator.guard.redacting.redaction import Redaction
    from orchestrator.guard.redacting.restoring import Through


@dataclass(frozen=True, slots=True)
class Restored:
    """A voice that is handed values in the place of placeholders."""

    voice: Voice
    through: Through

    def say(self, text: str) -> None:
        """As `Voice.say`; what may be the beginning of a placeholder waits."""
        if told := self.through.take(text):
            self.voice.say(told)

    def end(self) -> None:
        """As `Voice.end`, once what waited was told."""
        if told := self.through.end():
            self.voice.say(told)
        self.voice.end()


def spoken(voice: Voice, redaction: Redaction | None, deployment: Deployment) -> Voice | Restored:
    """How an attempt of that deployment says something to the caller."""
    if redaction is None:
        return voice
    return Restored(voice, redaction.stages(deployment))


def whole(
    heard: Heard, redaction: Redaction | None, deployment: Deployment
) -> tuple[str, tuple[ToolCall, ...]]:
    """Text and tool calls with every value, for validators and votes."""
    text, calls = heard.text, heard.calls.whole()
    if redaction is None:
        return text, calls
    return redaction.whole(text, deployment), redaction.whole_calls(calls, deployment)


def seen(made: Made, redaction: Redaction | None) -> tuple[str, Any, tuple[ToolCall, ...]]:
    """Text, value and tool calls as the caller gets them."""
    text, calls = made.heard.text, made.heard.calls.whole()
    if redaction is None:
        return text, made.value, calls
    return redaction.seen(made.order.deployment, text, made.value, calls)


def mended(
    request: CallRequest, made: Made, redaction: Redaction | None, deployment: Deployment
) -> CallRequest:
    """The request that asks a deployment to mend an invalid answer, in its own words."""
    text, calls = whole(made.heard, redaction, made.order.deployment)
    problem = made.problem
    if redaction is not None:
        text, problem = redaction.told(text, deployment), redaction.told(problem, deployment)
        calls = redaction.told_calls(calls, deployment)
    return repaired(request, text, problem, calls)

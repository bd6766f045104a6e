"""Keeps broken events out of a stream, and says so where text was lost with one.

One event that is no JSON need not cost the answer: proxies add lines of their own, and an event
that was flushed too early often comes again, whole. But it may also have carried a piece of the
text, and an answer with a hole must never pass for a whole one. What can be known:

- text that stands in the broken event is lost, unless the next text of the stream begins with
  it, which means that the event was sent again;
- a broken event without any text, in a text, is dropped: nothing shows a gap;
- a broken event among tool calls ends the answer: a hole in their arguments can still be JSON;
- more than a few broken events are no accident.

In the other cases the answer is `malformed`, and somebody else is asked.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from orchestrator.errors import AttemptError
from orchestrator.types import Outcome

DONE = b"[DONE]"
MAX_BROKEN = 3
_decoded = msgspec.json.Decoder().decode
_TEXT = re.compile(r'"(?:content|text)"\s*:\s*"((?:[^"\\]|\\.)*)')
_CALL = re.compile(r'"tool_calls"\s*:\s*\[\s*\{|"(?:arguments|partial_json|functionCall)"\s*:')
"""Where text and tool calls stand in a chunk: OpenAI's, Anthropic's and Google's."""
_END = re.compile(r'"(?:finish_reason|stop_reason|finishReason)"\s*:\s*"')


@dataclass(slots=True)
class Screen:
    """Looks at the events of one answer, in their order. One object an answer."""

    broken: int = 0
    lost: str = ""
    """Text that stood in a broken event and has not come again."""
    calling: bool = False
    """A tool call has begun."""

    def parse(self, value: bytes) -> dict[str, Any] | None:
        """The event's JSON object; `None` for what is to be dropped.

        Raises:
            AttemptError: `malformed`, where dropping an event leaves a hole.
        """
        try:
            parsed = parsed_json(value)
        except (ValueError, RecursionError):
            self._drop(value.decode("utf-8", "replace"))
            return None
        if not isinstance(parsed, dict):
            return None
        if not self.calling and may_call(value):
            self.calling = bool(_CALL.search(value.decode("utf-8", "replace")))
        if self.lost:
            self._look_for_lost(value.decode("utf-8", "replace"))
        return parsed

    def _drop(self, value: str) -> None:
        if not value.lstrip().startswith(("{", "[")):
            return  # somebody's line between the events, and none of them
        self.broken += 1
        if self.calling or _CALL.search(value):
            raise AttemptError(Outcome.MALFORMED, "an event of a tool call is no JSON")
        if self.broken > MAX_BROKEN:
            raise AttemptError(Outcome.MALFORMED, f"{self.broken} events of the stream are no JSON")
        if self.lost:
            raise _hole(self.lost)
        self.lost = _text(value)

    def _look_for_lost(self, value: str) -> None:
        text = _text(value)
        shared = min(len(text), len(self.lost))
        if text[:shared] != self.lost[:shared]:
            raise _hole(self.lost)
        self.lost = self.lost[shared:]
        if self.lost and _END.search(value):
            raise _hole(self.lost)


def parsed_json(value: bytes) -> Any:
    """What the JSON text says, as tolerantly as Python reads it.

    So bytes that are no UTF-8, halves of surrogate pairs, `NaN` and numbers beyond all bounds
    are taken, which servers send.

    Raises:
        ValueError, RecursionError: it is no JSON.
    """
    try:
        return _decoded(value)
    except (ValueError, RecursionError):
        return json.loads(value.decode("utf-8", "replace"))


def may_call(value: bytes) -> bool:
    """Whether a tool call can stand there: what `_CALL` finds holds one of these."""
    return (
        b"tool_calls" in value
        or b"arguments" in value
        or b"partial_json" in value
        or b"functionCall" in value
    )


def _text(value: str) -> str:
    return "".join(_unescaped(found) for found in _TEXT.findall(value))


def _unescaped(found: str) -> str:
    """The text of a JSON string that may break off in the middle of an escape."""
    whole = re.sub(r"\\(?:u[0-9a-fA-F]{0,3})?$", "", found)
    try:
        return str(json.loads(f'"{whole}"', strict=False))
    except ValueError:
        return found


def _hole(lost: str) -> AttemptError:
    return AttemptError(
        Outcome.MALFORMED, f"an event that is no JSON held text, which is lost: {lost[:40]!r}"
    )

"""The values of one call: what is sent to a model, what comes back while it answers, the reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

from orchestrator.money import Usage
from orchestrator.records import Attempt
from orchestrator.types import Ending, Outcome

Asks = Literal["text", "vectors", "images"]


class Message(TypedDict):
    """One chat message, in the shape that every OpenAI-compatible endpoint takes."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | Sequence[Mapping[str, Any]]
    """A text, or parts: `{"type": "text", …}`, `image_url`, `input_audio`, `file`."""
    name: NotRequired[str]
    tool_calls: NotRequired[Sequence[Mapping[str, Any]]]
    """What an assistant's message calls: `{"id", "type", "function": {"name", "arguments"}}`."""
    tool_call_id: NotRequired[str]
    """Which call a tool's message answers."""


def text_of(message: Message) -> str:
    """The text of a message; parts that are no text are left out."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in content if part.get("type") == "text")


MESSAGE_TOKENS = 4
"""What each message takes besides its text: its role, and the marks around it."""


def tokens(text: str) -> int:
    """About how many tokens a text has, rounded up.

    Four ASCII characters a token, and seven tokens for ten others: English is a little less,
    Chinese and Cyrillic about so many with the vocabularies of today.
    """
    if text.isascii():
        return -(-len(text) // 4)
    plain = len(text.encode("ascii", "ignore"))
    return -(-plain // 4) + -(-7 * (len(text) - plain) // 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """What is sent to a model, whichever it is."""

    messages: tuple[Message, ...]
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """The agent's variables as values; deterministic models read these and not the prompt."""
    schema: Mapping[str, Any] | None = None
    """JSON Schema that the output must satisfy."""
    strict: bool | None = None
    """Whether the provider itself must hold the schema, where it knows how (OpenAI's `strict`)."""
    temperature: float | None = None
    max_tokens: int | None = None
    reasoning_effort: str | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    tools: tuple[Mapping[str, Any], ...] = ()
    """What the model may call: `{"type": "function", "function": {"name", "parameters", …}}`."""
    tool_choice: str | None = None
    """`auto`, `none`, `required` (some tool), or the name of the tool that must be called."""
    parallel_tool_calls: bool | None = None
    """Whether one answer may hold several calls; `None` leaves it to the provider."""
    logprobs: bool = False
    """Ask how sure the model was of its tokens, where the deployment can say (`logprobs`)."""
    asks: Asks = "text"
    """What the answer is to be. Vectors: one for the text of each message."""
    images: int = 0
    """How many images are asked for."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further parameters in the provider's own words, which are passed on as they are; nothing
    that is named above, and never an address or a key."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallDelta:
    """More of one tool call. Deltas of one call share the `index`; the first names the tool."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    """A piece of the arguments' JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A whole tool call, as the model wrote it."""

    id: str
    name: str
    arguments: str
    """A JSON object as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """What the provider said it used, and which model it said answered."""

    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """Which model the provider says is answering; again where it says something else."""

    model: str | None = None
    fingerprint: str | None = None


@dataclass(frozen=True, slots=True)
class Confidence:
    """How sure the model was of the tokens that it chose, at the end of the answer.

    `value` is the geometric mean of their probabilities, in 0..1: exp(mean log-probability).
    """

    value: float


@dataclass(frozen=True, slots=True)
class Finish:
    """The provider ended the answer, for its own `reason` (`stop`, `length`, …)."""

    reason: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A sign of life without text, so that the clocks know what they wait for.

    `waiting`: for something of our own (an import, weights, a free slot), which only the
    request's deadline limits; `ready`: that is over, the clocks of the attempt run from here;
    `opened`: the provider has taken the request; `thinking`: it reasons, out of sight.
    """

    kind: Literal["waiting", "ready", "opened", "thinking"]


@dataclass(frozen=True, slots=True)
class Vectors:
    """The whole answer to a request that asks for vectors: one for each text, in their order."""

    rows: tuple[Sequence[float], ...]

    def __str__(self) -> str:
        vectors = "1 vector" if len(self.rows) == 1 else f"{len(self.rows)} vectors"
        return f"{vectors} of {len(self.rows[0]) if self.rows else 0} numbers"


@dataclass(frozen=True, slots=True)
class Image:
    """One image, as its provider hands it out: its bytes in base64, or where they lie."""

    b64_json: str | None = None
    url: str | None = None
    revised_prompt: str | None = None
    """What the provider has made of the prompt."""


@dataclass(frozen=True, slots=True)
class Images:
    """The whole answer to a request that asks for images."""

    images: tuple[Image, ...]
    about: Mapping[str, Any] = field(default_factory=dict)
    """What the provider says of all of them: their format, size and quality."""

    def __str__(self) -> str:
        return "1 image" if len(self.images) == 1 else f"{len(self.images)} images"


Product = Vectors | Images
"""An answer that is no text."""
CallEvent = (
    TextDelta | ToolCallDelta | UsageReport | Answering | Confidence | Finish | Progress | Product
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a carried-out decision brought back."""

    text: str
    value: Any
    """The text as the validator returned it: a parsed value, or the text itself; a `Product` where
    one was asked for."""
    deployment: str
    model: str
    family: str | None
    """Of the model that really answered, by the name that its provider gave."""
    attempts: tuple[Attempt, ...]
    """In the order in which they ended; but the one that answered comes last."""
    ending: Ending = "complete"
    finish_reason: str = "stop"
    tool_calls: tuple[ToolCall, ...] = ()
    agreement: float | None = None
    """Of a panel: the share of its answers that say the same as this one, in 0..1."""

    @property
    def usage(self) -> Usage:
        """Tokens of the answer. One that was continued has those of all who wrote a part of it."""
        *earlier, last = self.attempts
        if self.ending != "continued":
            return last.usage
        parts = [a.usage for a in earlier if a.usage.output and a.outcome is not Outcome.CANCELLED]
        return sum(parts, last.usage)

"""The body of `POST /v1/chat/completions`: parsed once, with a sentence for each mistake."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

import msgspec
from msgspec import Meta

from orchestrator.call_types import Message
from orchestrator.gateway.bodies import MISTAKES, mistake
from orchestrator.gateway.chat.openai.forms import form_of
from orchestrator.gateway.chat.openai.messages import read_messages
from orchestrator.gateway.chat.openai.parameters import refuse_reaching, sorted_out
from orchestrator.gateway.chat.openai.tools import read_tools
from orchestrator.gateway.chat.wanted import ANY_FORM, Wanted
from orchestrator.gateway.errors import bad_request
from orchestrator.gateway.needs import NONE, Needs
from orchestrator.project.names import nearest

MOST_CHOICES = 16
MOST_MESSAGES = 10_000
Role = Literal["system", "developer", "user", "assistant", "tool"]
Short = Annotated[str, Meta(max_length=512)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
Stop = Annotated[str, Meta(min_length=1, max_length=1024)]


class WireMessage(TypedDict):
    """A message as it comes. What is not named here is not sent on."""

    role: Role
    content: NotRequired[str | list[dict[str, Any]] | None]
    name: NotRequired[str | None]
    tool_calls: NotRequired[list[dict[str, Any]] | None]
    tool_call_id: NotRequired[str | None]


class StreamOptions(msgspec.Struct, frozen=True):
    """How to stream."""

    include_usage: bool | None = None


class Completions(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The body, with the names that OpenAI's API has; `mesh` is ours."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    messages: Annotated[list[WireMessage], Meta(min_length=1, max_length=MOST_MESSAGES)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, Meta(gt=0, le=2**31 - 1)] | None = None
    max_completion_tokens: Annotated[int, Meta(gt=0, le=2**31 - 1)] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    stop: Stop | Annotated[list[Stop], Meta(max_length=16)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_CHOICES)] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    response_format: dict[str, Any] | None = None
    user: Short | None = None
    metadata: Annotated[dict[Short, Short], Meta(max_length=16)] | None = None
    mesh: Needs | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    store: bool | None = None
    modalities: list[str] | None = None
    audio: dict[str, Any] | None = None
    functions: list[Any] | None = None
    function_call: Any = None
    # Passed on as they are.
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    service_tier: str | None = None
    verbosity: str | None = None
    prediction: dict[str, Any] | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: str | None = None
    safety_identifier: str | None = None
    web_search_options: dict[str, Any] | None = None


NAMES = frozenset(Completions.__struct_fields__)
_decode = msgspec.json.Decoder(Completions).decode
_decode_any = msgspec.json.Decoder().decode


def read(body: bytes, *, refuse_unknown: bool) -> Wanted:
    """What the body asks for, without the needs of its headers.

    Args:
        refuse_unknown: parameters that the API does not name are refused, not passed on.

    Raises:
        ApiError: 400 with where, what was found, what is allowed.
    """
    extra: dict[str, Any] = {}
    try:
        try:
            said = _decode(body)
        except msgspec.ValidationError as error:
            if not str(error).startswith("Object contains unknown field"):
                raise
            said, extra = _with_others(body, refuse_unknown=refuse_unknown)
    except MISTAKES as error:
        raise mistake(body, error) from None
    return _wanted(said, extra)


def _with_others(body: bytes, *, refuse_unknown: bool) -> tuple[Completions, dict[str, Any]]:
    """A body with parameters that the API does not name, and these."""
    whole = _decode_any(body)
    others = {name: whole.pop(name) for name in list(whole) if name not in NAMES}
    refuse_reaching(others)
    if others and refuse_unknown:
        name = next(iter(others))
        near = nearest(name, sorted(NAMES))
        hint = f"; did you mean '{near}'?" if near else ""
        raise bad_request(
            f"unknown parameter '{name:.80}', and this gateway passes none on{hint}",
            name,
            code="unknown_parameter",
        )
    return msgspec.convert(whole, Completions), others


def _wanted(said: Completions, extra: dict[str, Any]) -> Wanted:
    messages, can = read_messages(cast(list[dict[str, Any]], said.messages))
    form = ANY_FORM if said.response_format is None else form_of(said.response_format)
    if form.schema is not None:
        can.add("json")
    offered, choice = read_tools(said.tools, said.tool_choice)
    if offered and choice != "none":
        can.add("tools")
    stop = said.stop
    return Wanted(
        model=said.model,
        messages=cast(tuple[Message, ...], messages),
        can=tuple(sorted(can)) if can else (),
        needs=said.mesh or NONE,
        temperature=said.temperature,
        max_tokens=said.max_completion_tokens or said.max_tokens,
        reasoning_effort=said.reasoning_effort,
        stop=() if stop is None else (stop,) if isinstance(stop, str) else tuple(stop),
        seed=said.seed,
        tools=offered,
        tool_choice=choice,
        parallel_tool_calls=said.parallel_tool_calls,
        form=form,
        n=said.n or 1,
        stream=said.stream or False,
        include_usage=bool(said.stream_options and said.stream_options.include_usage),
        user=said.user or None,
        tags=() if said.metadata is None else tuple(f"{k}:{v}" for k, v in said.metadata.items()),
        extra=sorted_out(said, extra),
    )

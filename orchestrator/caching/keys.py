"""Which requests may share an answer.

Two requests share a *partition* where everything but the words of the last message is equal: the
tenant, the policy and the models that would answer, the data class, all earlier messages, the form
of the answer, the parameters, and whether the answer is streamed. Only within a partition is there
an equal request (the key), or one that asks for the same in other words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.call_types import CallRequest
from orchestrator.types import (
    CacheRule,
    Caller,
    Decision,
    Deployment,
    TaskProfile,
    as_json,
    digest,
)

MOST_WORDS = 80
"""A longer text is not compared by meaning: one word in a page changes what is asked."""
_PARTS = 2
_FENCED = re.compile(
    r"(?P<before>[^<]*)<(?P<tag>\w+)[^<>\n]*>\n(?P<text>.*?)\n</(?P=tag)>(?P<after>[^<]*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Where an answer is kept, and what it may be dropped by."""

    tenant: str
    """A digest; the names themselves are not kept."""
    partition: str
    exact: str
    text: str
    """The last message, where another wording of it may be compared; else empty."""
    policy_hash: str
    sources: tuple[str, ...]
    """Hashes of the documents that the request quotes."""
    tags: tuple[str, ...]


def key_of(
    request: CallRequest,
    profile: TaskProfile,
    decision: Decision,
    deployments: Mapping[str, Deployment],
    caller: Caller,
    *,
    rule: CacheRule,
    stream: bool,
) -> Key:
    """Where the answer to this request is kept.

    Args:
        deployments: those of the fleet, by id.
        stream: the caller is told of the text while it comes.
    """
    tenant = tenant_of(caller, rule)
    inputs = as_json(request.inputs)
    sources = tuple(sorted(set(_sources(inputs))))
    *before, last = request.messages
    frame, text = _comparable(request)
    around = _Around(
        tenant=tenant,
        policy=decision.policy_hash,
        answering=[_answering(deployments[id]) for id in answering(decision)],
        strategy=[decision.strategy, as_json(decision.tactics)],
        settings={k: as_json(s.value) for k, s in decision.settings.items()},
        profile=[profile.data_class, profile.task, profile.output, sorted(profile.needs)],
        sources=sources,
        before=[as_json(m) for m in before],
        last={**{k: v for k, v in last.items() if k != "content"}, "around": frame},
        parameters=_parameters(request),
        stream=stream,
    )
    partition = _long_digest(around)
    return Key(
        tenant=tenant,
        partition=partition,
        exact=_long_digest([partition, as_json(last["content"]), inputs]),
        text=text,
        policy_hash=decision.policy_hash,
        sources=sources,
        tags=profile.tags,
    )


def tenant_of(caller: Caller, rule: CacheRule) -> str:
    """A digest of who shares answers with whom.

    Callers of one workspace do, unless the rule says that each user is apart. One who names no
    workspace shares with no other key and no other user.
    """
    if caller.workspace and rule.per == "workspace":
        return _long_digest(["workspace", caller.workspace])
    return _long_digest(["user", caller.workspace, caller.key, caller.user])


def answering(decision: Decision) -> tuple[str, ...]:
    """The deployments whose answer is what the policy wants; who comes after is a fallback."""
    return decision.chain[: max(1, decision.tactics.models)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Around:
    """All that the words of the last message are not."""

    tenant: str
    policy: str
    answering: list[Any]
    strategy: list[Any]
    settings: Mapping[str, Any]
    profile: list[Any]
    sources: tuple[str, ...]
    before: list[Any]
    last: Mapping[str, Any]
    parameters: Mapping[str, Any]
    stream: bool


def _parameters(request: CallRequest) -> dict[str, Any]:
    """Every field but the messages and the inputs, so that a new one is never forgotten."""
    known = ("messages", "inputs")
    names = (name for name in CallRequest.__dataclass_fields__ if name not in known)
    return {name: as_json(getattr(request, name)) for name in names}


def _answering(deployment: Deployment) -> list[Any]:
    return [deployment.id, deployment.via, deployment.target, deployment.endpoint]


def _comparable(request: CallRequest) -> tuple[str, str]:
    """What stands around the words of the last message, and these words.

    A prompt that fences what a user wrote (`<task> … </task>`) is a frame around it; one with
    several fences is compared letter by letter alone.
    """
    last = request.messages[-1]
    content = last["content"]
    if last["role"] != "user" or not isinstance(content, str):
        return "", ""
    frame, text = "", content.strip()
    if fenced := _FENCED.fullmatch(text):
        frame, text = (
            f"{fenced['before']}<{fenced['tag']}>{fenced['after']}",
            fenced["text"].strip(),
        )
    if "</" in frame + text or not 0 < len(text.split()) <= MOST_WORDS:
        return "", ""
    return frame, text


def _sources(value: Any) -> Iterator[str]:
    """The hashes of all documents that stand somewhere in the inputs."""
    if isinstance(value, dict):
        if isinstance(value.get("doc_hash"), str):
            yield value["doc_hash"]
        for item in value.values():
            yield from _sources(item)
    elif isinstance(value, list):
        for item in value:
            yield from _sources(item)


def _long_digest(value: Any) -> str:
    """128 bits: a tenant must not meet another's answer by chance, nor make one meet it."""
    return "".join(digest([part, value]) for part in range(_PARTS))

"""A cache in a folder, a clock that stands still, and requests to ask it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from orchestrator.caching.cache import AnswerCache, Given
from orchestrator.caching.keys import Key, key_of
from orchestrator.caching.store import AnswerStore
from orchestrator.caching.values import About
from orchestrator.call_types import CallRequest
from orchestrator.calling.agreement import vote
from orchestrator.embedding.static_embedder import StaticEmbedder
from orchestrator.types import CacheRule, Caller, Decision, Deployment, TaskProfile

RULE = CacheRule(mode="semantic", ttl_s=100)
EMBEDDER = StaticEmbedder()
ABOUT = About(deployment="one/here", model="one", family="f")
DEPLOYMENTS = {
    id: Deployment(
        id=id, model=id[:3], family="f", tier="mid", via="openai", target="t", provider="p",
        hosting="self",
    )
    for id in ("one/here", "two/here")
}  # fmt: skip


def key(text: str = "How do I open the gate?", **changed: Any) -> Key:
    """The key of a request; `changed`: fields of the request, of its profile or of what is beside
    them, in the place of the usual ones."""
    request = CallRequest(
        messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": text})
    )
    profile = TaskProfile(task="chat")
    decision = Decision(chosen="one/here", policy_hash="p1", fleet_hash="f1")
    beside: dict[str, Any] = {"caller": Caller(workspace="w"), "rule": RULE, "stream": False}
    for name, value in changed.items():
        if name in beside:
            beside[name] = value
        elif name in CallRequest.__dataclass_fields__:
            request = dataclasses.replace(request, **{name: value})
        elif name in TaskProfile.__dataclass_fields__:
            profile = dataclasses.replace(profile, **{name: value})
        else:
            decision = dataclasses.replace(decision, **{name: value})
    caller, rule, stream = beside["caller"], beside["rule"], beside["stream"]
    return key_of(request, profile, decision, DEPLOYMENTS, caller, rule=rule, stream=stream)


class Cache(AnswerCache):
    """With a clock that a test sets."""

    def __init__(self, folder: Path) -> None:
        self.time = 1_000.0
        store = AnswerStore(folder / "cache.sqlite")
        super().__init__(store, lambda: EMBEDDER, lambda: self.time, vote)


def given(text: str = "Turn the key.", trace: str = "first") -> Given:
    return Given(trace_id=trace, text=text, about=ABOUT, cost_micro_usd=2_000, ms=900.0)


def answer(
    cache: AnswerCache, wanted: Key, rule: CacheRule = RULE, trace: str = "t0"
) -> str | None:
    """The text that the cache gives, if any."""
    hit = cache.look_up(wanted, rule, trace).hit
    return None if hit is None else hit.entry.answer

"""A cache of its own in a folder, asked as a hop asks, but without a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import time

from orchestrator.caching.cache import AnswerCache, Found, Given
from orchestrator.caching.keys import Key, key_of
from orchestrator.caching.store import AnswerStore
from orchestrator.caching.values import About
from orchestrator.call_types import CallRequest
from orchestrator.calling.agreement import vote
from orchestrator.project.protocols import Embedder
from orchestrator.types import CacheRule, Caller, Decision, Deployment, TaskProfile

RULE = CacheRule(mode="semantic", origin="measured")
MODEL = Deployment(
    id="measured/here",
    model="measured",
    family="measured",
    tier="mid",
    via="openai",
    target="measured",
    provider="measured",
    hosting="self",
)
_ABOUT = About(deployment=MODEL.id, model=MODEL.model, family=MODEL.family)
_DECISION = Decision(chosen=MODEL.id, policy_hash="measured", fleet_hash="measured", cache=RULE)
_PROFILE = TaskProfile(task="chat")


class Bench:
    """A semantic cache in `folder`, with 1 % of wrong answers allowed."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        self.cache = AnswerCache(AnswerStore(folder / "cache.sqlite"), lambda: embedder, time, vote)

    def key(self, text: str, tenant: str) -> Key:
        """Where the answer to a request of that workspace is kept."""
        request = CallRequest(messages=({"role": "user", "content": text},))
        caller = Caller(workspace=tenant)
        deployments = {MODEL.id: MODEL}
        return key_of(request, _PROFILE, _DECISION, deployments, caller, rule=RULE, stream=False)

    def keep(self, asked: Sequence[tuple[str, str, str]]) -> None:
        """Keep (text, tenant, answer)s."""
        kept = [
            (self.key(text, tenant), _given(number, answer))
            for number, (text, tenant, answer) in enumerate(asked)
        ]
        self.cache.keep_all(kept, RULE)

    def ask(self, text: str, tenant: str, trace_id: str) -> Found:
        """Look an answer up."""
        return self.cache.look_up(self.key(text, tenant), RULE, trace_id)


def _given(number: int, answer: str) -> Given:
    trace = f"t{number}"
    return Given(trace_id=trace, text=answer, about=_ABOUT, cost_micro_usd=1_000, ms=800.0)

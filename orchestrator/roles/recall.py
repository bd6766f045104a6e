"""A hop and the cache of answers: looked up once it is decided who would answer, kept after."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from orchestrator.call_types import CallRequest, Reply, text_of
from orchestrator.errors import StorageError
from orchestrator.records import Attempt
from orchestrator.tracing.redact import Mask, holds_secret, kept_tags
from orchestrator.types import CacheRule, Caller, Decision, Deployment, Outcome, TaskProfile

if TYPE_CHECKING:
    from orchestrator.caching.cache import AnswerCache, Hit
    from orchestrator.caching.keys import Key


@dataclass(slots=True)
class Recall:
    """One request that may be answered with what was answered before."""

    cache: AnswerCache
    key: Key
    rule: CacheRule
    decision: Decision
    deployments: Mapping[str, Deployment]
    trace_id: str
    untrusted: Hit | None = None
    """An answer that is to be compared with what the model says."""

    async def find(
        self, started_at: float, check: Callable[[str], Any] | None
    ) -> tuple[Reply, str] | None:
        """The reply, and in words where it comes from and what it saved; `None`: ask the model.

        What is kept passes the check of this request, or is not used. A cache that cannot be read
        is no reason not to answer.
        """
        try:
            found, ms = await asyncio.to_thread(self._look_up)
        except StorageError:
            return None
        self.untrusted, hit = found.untrusted, found.hit
        deployment = hit and self.deployments.get(hit.entry.about.deployment)
        if hit is None or deployment is None:
            return None
        value: Any = hit.entry.answer
        if check is not None:
            try:
                value = check(hit.entry.answer)
            except ValueError:
                return None
        line = await asyncio.to_thread(self.cache.used, hit, self.key, self.trace_id, ms)
        about = hit.entry.about
        attempt = Attempt(
            deployment=about.deployment,
            model=about.model,
            family=about.family,
            outcome=Outcome.OK,
            started_at=started_at,
            ms=ms,
            kind="cached",
            finish=about.finish_reason,
        )
        reply = Reply(
            text=hit.entry.answer,
            value=value,
            deployment=about.deployment,
            model=about.model,
            family=about.family,
            attempts=(attempt,),
            finish_reason=about.finish_reason,
        )
        return reply, in_words(hit, line.saved_micro_usd, line.saved_ms)

    def _look_up(self) -> tuple[Any, float]:
        from time import perf_counter

        start = perf_counter()
        found = self.cache.look_up(self.key, self.rule, self.trace_id)
        return found, (perf_counter() - start) * 1000

    async def keep(self, reply: Reply, ms: float) -> None:
        """Keep what was answered, if it is whole and who answered is who the policy wants."""
        if not self._may_keep(reply):
            return
        try:
            await asyncio.to_thread(self._keep, reply, ms)
        except StorageError:  # it was answered, and the next one is asked anew
            return

    def _may_keep(self, reply: Reply) -> bool:
        from orchestrator.caching.keys import answering

        return (
            reply.ending == "complete"
            and reply.finish_reason == "stop"
            and not reply.tool_calls
            and bool(reply.text.strip())
            and reply.deployment in answering(self.decision)
            and answers_prompts(self.deployments[reply.deployment])
            and not holds_secret(f"{self.key.text}\n{reply.text}")
        )

    def _keep(self, reply: Reply, ms: float) -> None:
        from orchestrator.caching.cache import Given
        from orchestrator.caching.values import About
        from orchestrator.money import total_cost

        if self.untrusted is not None:
            self.cache.learn(self.untrusted, reply.text)
        about = About(
            deployment=reply.deployment,
            model=reply.model,
            family=reply.family,
            finish_reason=reply.finish_reason,
            input_tokens=reply.usage.input,
            output_tokens=reply.usage.output,
        )
        cost = total_cost([a.cost_micro_usd for a in reply.attempts])
        given = Given(
            trace_id=self.trace_id, text=reply.text, about=about, cost_micro_usd=cost, ms=ms
        )
        self.cache.keep(self.key, self.rule, given)


def recall(
    cache: Callable[[], AnswerCache] | None,
    request: CallRequest,
    profile: TaskProfile,
    decision: Decision,
    deployments: Mapping[str, Deployment],
    caller: Caller,
    *,
    trace_id: str,
    stream: bool,
) -> Recall | None:
    """What may be recalled for this request; `None` where the policy or the request forbids it."""
    rule = decision.cache
    if cache is None or rule is None or request.asks != "text" or request.logprobs:
        return None
    if not request.messages or not answers_prompts(deployments[decision.chosen]):
        return None
    from orchestrator.caching.keys import key_of

    key = key_of(request, profile, decision, deployments, caller, rule=rule, stream=stream)
    if key.tags:
        texts = () if decision.log.keeps_all else [text_of(m) for m in request.messages]
        key = replace(key, tags=kept_tags(key.tags, decision.log, Mask(), texts))
    return Recall(cache(), key, rule, decision, deployments, trace_id)


def answers_prompts(deployment: Deployment) -> bool:
    """Whether it is a model that writes: code answers at once, and reads more than the prompt."""
    return (
        not deployment.deterministic and deployment.encoder is None and deployment.reads == "prompt"
    )


def in_words(hit: Hit, saved_micro_usd: int | None, saved_ms: float) -> str:
    """`from the cache (exact): first given in trace t-1; saved $0.0021 and 0.8 s`."""
    from orchestrator.money import usd
    from orchestrator.tracing.explain import dollars, duration

    how = hit.kind if hit.kind == "exact" else f"{hit.kind}, similarity {hit.similarity:.2f}"
    saved = f"{dollars(usd(saved_micro_usd))} and {duration(saved_ms)}"
    return f"from the cache ({how}): first given in trace {hit.entry.trace_id}; saved {saved}"

"""Silent fallbacks: another model than the one that was asked has answered."""

from __future__ import annotations

import dataclasses

from orchestrator.records import Attempt, Hop
from orchestrator.types import Candidate, Outcome
from tests.tracing.planted.forms import Story, UnfitError, form


def _hosted(hop: Hop) -> bool:
    return bool(hop.attempts) and hop.attempts[-1].family in ("openai", "anthropic")


def _put(story: Story, hop: Hop, **changes: object) -> None:
    used = dataclasses.replace(hop.attempts[-1], **changes)  # type: ignore[arg-type]
    story.put(hop, attempts=(*hop.attempts[:-1], used))


def _weaker(hop: Hop) -> Candidate:
    """One that stayed behind the chosen one, and is weaker."""
    assert hop.decision is not None
    stayed = [c for c in hop.decision.candidates if c.stage is None]
    first = stayed[0].scores.get("quality") or 0.0
    for other in reversed(stayed[1:]):
        if (other.scores.get("quality") or 0.0) <= first - 0.2:
            return other
    raise UnfitError


@form("silent_fallback", developed=True)
def another_deployment_and_no_word_of_it(story: Story) -> None:
    for hop in story.called():
        assert hop.decision is not None
        if hop.decision.fallbacks:
            name = hop.decision.fallbacks[-1]
            model = name.partition("/")[0]
            _put(story, hop, deployment=name, model=model, reported_model=model)
            return
    raise UnfitError


@form("silent_fallback", developed=True)
def another_makers_model_answered(story: Story) -> None:
    hop = story.pick(where=_hosted)
    _put(story, hop, reported_model=story.random.choice(["llama-3.1-8b-instruct", "qwen2.5-7b"]))


@form("silent_fallback", developed=True)
def a_far_weaker_model_after_a_failure(story: Story) -> None:
    for hop in story.called():
        try:
            weaker = _weaker(hop)
        except UnfitError:
            continue
        failed = dataclasses.replace(
            hop.attempts[-1], outcome=Outcome.OVERLOADED, error="529 overloaded", ms=900.0
        )
        used = dataclasses.replace(
            hop.attempts[-1], deployment=weaker.deployment, model=weaker.model,
            reported_model=weaker.model, kind="fallback",
        )  # fmt: skip
        story.put(hop, attempts=(failed, used))
        return
    raise UnfitError


@form("silent_fallback", developed=True)
def the_makers_smaller_model(story: Story) -> None:
    hop = story.pick(where=lambda h: _hosted(h) and not _small(h.attempts[-1]))
    names = {"anthropic": "claude-haiku-4-5", "openai": "gpt-5-nano"}
    _put(story, hop, reported_model=names[hop.attempts[-1].family or ""])


def _small(attempt: Attempt) -> bool:
    return "haiku" in attempt.model or "nano" in attempt.model


@form("silent_fallback", developed=True)
def from_a_cache_that_nobody_allowed(story: Story) -> None:
    hop = story.pick(where=lambda h: bool(h.decision and h.decision.cache is None))
    _put(story, hop, kind="cached", ms=1.0, cost_micro_usd=0)


@form("silent_fallback", developed=True)
def continued_by_another_model(story: Story) -> None:
    hop = story.pick()
    cut = dataclasses.replace(hop.attempts[-1], outcome=Outcome.CUT, error="the stream broke off")
    used = dataclasses.replace(
        hop.attempts[-1], deployment="smollm2-135m/local", model="smollm2-135m", family="smollm",
        reported_model="smollm2-135m", kind="fallback", continued=True,
    )  # fmt: skip
    story.put(hop, attempts=(cut, used), ending="continued")


@form("silent_fallback", developed=True)
def whom_the_decision_does_not_name(story: Story) -> None:
    hop = story.pick()
    _put(story, hop, deployment="shadow-model/eu", model="shadow-model", reported_model="shadow")


@form("silent_fallback", developed=True)
def an_older_version(story: Story) -> None:
    hop = story.pick(where=_hosted)
    names = {"anthropic": "claude-2.1", "openai": "gpt-3.5-turbo-0125"}
    _put(story, hop, reported_model=names[hop.attempts[-1].family or ""])


@form("silent_fallback", developed=True)
def a_hedge_without_a_first(story: Story) -> None:
    hop = story.pick()
    _put(story, hop, kind="hedge")


@form("silent_fallback", developed=True)
def fewer_parameters(story: Story) -> None:
    hop = story.pick(where=_hosted)
    _put(story, hop, model="llama-3.3-70b", deployment="llama-3.3-70b/eu",
         reported_model="llama-3.1-8b", family="meta")  # fmt: skip
    made = story.wrong
    assert made is not None
    assert made.decision is not None
    first = dataclasses.replace(
        made.decision.candidates[0], deployment="llama-3.3-70b/eu", model="llama-3.3-70b"
    )
    rest = made.decision.candidates[1:]
    story.put(made, decision=dataclasses.replace(
        made.decision, chosen="llama-3.3-70b/eu", candidates=(first, *rest)
    ))  # fmt: skip


@form("silent_fallback", developed=True)
def the_model_is_not_the_deployments(story: Story) -> None:
    hop = story.pick()
    _put(story, hop, model="tiny-chat", reported_model="tiny-chat")


@form("silent_fallback", developed=True)
def a_quantised_copy(story: Story) -> None:
    hop = story.pick()
    _put(story, hop, reported_model=f"{hop.attempts[-1].model}-int4-gguf")


@form("silent_fallback", developed=True)
def a_model_of_nobody_known(story: Story) -> None:
    hop = story.pick()
    _put(story, hop, reported_model="local-debug-model")


@form("silent_fallback", developed=True)
def a_racer_without_a_race(story: Story) -> None:
    hop = story.pick(where=lambda h: bool(h.decision and h.decision.strategy == "single"))
    _put(story, hop, kind="racer")


@form("silent_fallback", developed=True)
def broke_off_and_was_used(story: Story) -> None:
    hop = story.pick()
    story.put(hop, ending="incomplete")


@form("silent_fallback", developed=True)
def the_last_resort_after_two_failures(story: Story) -> None:
    for hop in story.called():
        assert hop.decision is not None
        chain = hop.decision.chain
        try:
            weaker = _weaker(hop)
        except UnfitError:
            continue
        tried = [
            dataclasses.replace(hop.attempts[-1], deployment=name, model=name.partition("/")[0],
                                outcome=Outcome.TIMEOUT_SILENT, error="no byte for 8 s", ms=8000.0)
            for name in chain[:2] if name != weaker.deployment
        ]  # fmt: skip
        used = dataclasses.replace(
            hop.attempts[-1], deployment=weaker.deployment, model=weaker.model,
            reported_model=weaker.model, kind="fallback",
        )  # fmt: skip
        story.put(hop, attempts=(*tried, used), ms=hop.ms + 16_000)
        return
    raise UnfitError

"""Bad routing: the wrong model was asked, and it shows in the record."""

from __future__ import annotations

import dataclasses

from orchestrator.records import Hop
from orchestrator.types import Candidate, Decision, Feature, Setting, Stage
from tests.tracing.planted.forms import Story, UnfitError, form


def _weak(decision: Decision, quality: float = 0.25) -> Candidate:
    """A model that is far too weak, as the decision would list it."""
    chosen = decision.candidates[0]
    scores = {**chosen.scores, "quality": quality, "cost_usd": 0.0}
    return Candidate(
        deployment="smollm2-135m/local", model="smollm2-135m", stage=None, scores=scores
    )


def _go_to(story: Story, hop: Hop, decision: Decision, to: Candidate, **changes: object) -> None:
    """The hop with that decision, answered by `to`."""
    used = dataclasses.replace(
        hop.attempts[-1], deployment=to.deployment, model=to.model, reported_model=to.model
    )
    attempts = (*hop.attempts[:-1], used)
    made = dataclasses.replace(decision, chosen=to.deployment)
    story.put(hop, decision=made, attempts=attempts, **changes)


def _stayed(hop: Hop) -> list[Candidate]:
    assert hop.decision is not None
    return [c for c in hop.decision.candidates if c.stage is None]


@form("bad_routing", developed=True)
def last_of_the_ranking(story: Story) -> None:
    hop = story.pick(where=lambda h: len(_stayed(h)) > 2)
    assert hop.decision is not None
    last = _stayed(hop)[-1]
    rest = tuple(n for n in hop.decision.chain if n != last.deployment)
    _go_to(story, hop, dataclasses.replace(hop.decision, fallbacks=rest), last)


@form("bad_routing", developed=True)
def taken_for_another_task(story: Story) -> None:
    hop = story.pick("generator", "checker", "citation-validator", "aggregator", "decomposer")
    assert hop.profile is not None
    task = story.random.choice(["classify", "chat", "summarize"])
    features = {**hop.profile.features}
    features["task"] = Feature(value=task, confidence=0.41, origin="embedding")
    profile = dataclasses.replace(hop.profile, task=task, features=features)
    story.put(hop, profile=profile)


@form("bad_routing", developed=True)
def below_the_floor_though_others_reach_it(story: Story) -> None:
    hop = story.pick()
    assert hop.decision is not None
    weak = dataclasses.replace(
        _weak(hop.decision), rule="objective.quality_floor", found=0.25, required=0.6
    )
    strong = tuple(
        dataclasses.replace(c, stage=Stage.QUALITY, rule="objective.quality_floor",
                            found=c.scores.get("quality") or 0.8, required=0.6)
        if c.stage is None and not c.rule else c for c in hop.decision.candidates
    )  # fmt: skip
    if all(c.stage is None for c in strong) or not any(c.stage is Stage.QUALITY for c in strong):
        raise UnfitError
    decision = dataclasses.replace(hop.decision, candidates=(weak, *strong), fallbacks=())
    _go_to(story, hop, decision, weak)


@form("bad_routing", developed=True)
def personal_data_taken_for_public(story: Story) -> None:
    hop = story.pick("generator", "checker", "specialist")
    assert hop.profile is not None
    text = "\n\nFrom: maria.keller@example.org, IBAN DE89 3704 0044 0532 0130 00"
    profile = dataclasses.replace(hop.profile, data_class="public")
    story.put(hop, profile=profile, prompt=(hop.prompt or "") + text)


@form("bad_routing", developed=True)
def went_to_one_that_was_removed(story: Story) -> None:
    hop = story.pick()
    assert hop.decision is not None
    removed = [c for c in hop.decision.candidates if c.stage is Stage.CAPABILITY]
    if not removed:
        raise UnfitError
    _go_to(story, hop, hop.decision, story.random.choice(removed))


@form("bad_routing", developed=True)
def a_route_for_something_else(story: Story) -> None:
    hop = story.pick("generator", "checker", "specialist", "aggregator")
    assert hop.decision is not None
    name = story.random.choice(["exact-math", "personal-data", "confidential", "high-risk"])
    settings = {**hop.decision.settings, "temperature": Setting(value=0.9, origin=f"route:{name}")}
    routes = (*hop.decision.routes, name)
    story.put(hop, decision=dataclasses.replace(hop.decision, routes=routes, settings=settings))


@form("bad_routing", developed=True)
def taken_for_a_short_one(story: Story) -> None:
    hop = story.pick(where=lambda h: len(h.prompt or "") > 4000)
    assert hop.profile is not None
    story.put(hop, profile=dataclasses.replace(hop.profile, input_tokens=12, complexity=0.05))


@form("bad_routing", developed=True)
def not_as_it_was_found_out(story: Story) -> None:
    hop = story.pick("generator", "checker", "aggregator", "citation-validator")
    assert hop.profile is not None
    story.put(hop, profile=dataclasses.replace(hop.profile, task="chat"))


@form("bad_routing", developed=True)
def everybody_else_out_of_order_here_alone(story: Story) -> None:
    """The models that serve the other hops are called unavailable for this one."""
    hop = story.pick()
    assert hop.decision is not None
    weak = dataclasses.replace(
        _weak(hop.decision, 0.2), rule="objective.quality_floor", found=0.2, required=0.6
    )
    gone = tuple(
        dataclasses.replace(c, stage=Stage.AVAILABILITY, rule="health.breaker", found="open",
                            required="closed") if c.stage is None else c
        for c in hop.decision.candidates
    )  # fmt: skip
    words = "nobody reaches the quality floor of 0.60 (objective.quality_floor); the best below "
    words += "it was taken: smollm2-135m/local with 0.20"
    decision = dataclasses.replace(
        hop.decision, candidates=(weak, *gone), fallbacks=(), degraded=words
    )
    _go_to(story, hop, decision, weak)


@form("bad_routing", developed=True)
def the_authors_own_family_checks(story: Story) -> None:
    hop = story.pick(where=lambda h: bool(h.profile and h.profile.constraints.not_families))
    assert hop.profile is not None
    family = hop.profile.constraints.not_families[0]
    used = dataclasses.replace(hop.attempts[-1], family=family)
    story.put(hop, attempts=(*hop.attempts[:-1], used))


@form("bad_routing", developed=True)
def another_task_than_the_plan_says(story: Story) -> None:
    hop = story.pick("specialist", where=lambda h: "/" in h.node)
    assert hop.profile is not None
    feature = Feature(value="classify", confidence=0.9, origin="declared")
    features = {**hop.profile.features, "task": feature}
    profile = dataclasses.replace(hop.profile, task="classify", features=features)
    story.put(hop, profile=profile)


@form("bad_routing", developed=True)
def risk_played_down(story: Story) -> None:
    hop = story.pick("generator", "checker", "aggregator")
    assert hop.profile is not None
    feature = Feature(value="high", confidence=0.9, origin="rule")
    features = {**hop.profile.features, "risk": feature}
    story.put(hop, profile=dataclasses.replace(hop.profile, risk="low", features=features))


@form("bad_routing", developed=True)
def needs_forgotten(story: Story) -> None:
    hop = story.pick(where=lambda h: bool(h.profile and h.profile.needs))
    assert hop.profile is not None
    story.put(hop, profile=dataclasses.replace(hop.profile, needs=()))


@form("bad_routing", developed=True)
def a_better_one_called_too_dear(story: Story) -> None:
    hop = story.pick(where=lambda h: len(_stayed(h)) > 1)
    assert hop.decision is not None
    best = max(_stayed(hop), key=lambda c: c.scores.get("quality") or 0.0)
    out = dataclasses.replace(
        best, stage=Stage.BUDGET, rule="request.budget_usd", found=0.0021, required=0.5
    )
    rest = tuple(c for c in hop.decision.candidates if c.deployment != best.deployment)
    decision = dataclasses.replace(
        hop.decision,
        candidates=(*rest, out),
        fallbacks=tuple(n for n in hop.decision.chain[1:] if n != best.deployment),
    )
    to = next(c for c in rest if c.stage is None)
    decision = dataclasses.replace(
        decision, fallbacks=tuple(c.deployment for c in rest if c.stage is None and c is not to)
    )
    _go_to(story, hop, decision, to)


@form("bad_routing", developed=True)
def a_dearer_and_worse_one_first(story: Story) -> None:
    hop = story.pick(where=lambda h: len(_stayed(h)) > 1 and h.decision.strategy == "single")  # type: ignore[union-attr]
    assert hop.decision is not None
    first = _stayed(hop)[0]
    scores = {"quality": max((first.scores.get("quality") or 0.6) - 0.25, 0.1),
              "cost_usd": (first.scores.get("cost_usd") or 0.0) * 10 + 0.01,
              "latency_ms": (first.scores.get("latency_ms") or 0.0) + 4000}  # fmt: skip
    worse = dataclasses.replace(first, deployment="old-model/eu", model="old-model", scores=scores)
    decision = dataclasses.replace(
        hop.decision, candidates=(worse, *hop.decision.candidates), fallbacks=hop.decision.chain
    )
    _go_to(story, hop, decision, worse)

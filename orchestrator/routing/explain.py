"""A decision in plain English, from what the decision itself records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from math import inf

from orchestrator.types import Candidate, Decision, Stage, TaskProfile

_UNSURE = 0.6

_STAGE_WORDS = {
    Stage.CAPABILITY: "could not do it",
    Stage.DATA_POLICY: "may not see the data",
    Stage.AVAILABILITY: "could not be reached",
    Stage.BUDGET: "would cost too much",
    Stage.LATENCY: "would take too long",
    Stage.QUALITY: "would not be good enough",
}


def why(decision: Decision, profile: TaskProfile | None) -> list[str]:
    """Sentences that say what was chosen, why each alternative lost, and what follows.

    Order: the request, the choice, those that stayed, those that were removed (grouped by the
    rule that removed them), fallbacks, settings, what the trace keeps.
    """
    return [
        *_request(decision, profile),
        *_choice(decision),
        *_outranked(decision),
        *_removed(decision),
        *_fallbacks(decision),
        *_consequences(decision),
    ]


def _request(decision: Decision, profile: TaskProfile | None) -> Iterator[str]:
    if profile is not None:
        yield (
            f"The request is a {profile.task} task of {profile.risk} risk with "
            f"{profile.data_class} data, about {profile.input_tokens} tokens in and "
            f"{profile.output_tokens} out."
        )
        unsure = sorted(n for n, f in profile.features.items() if f.confidence < _UNSURE)
        if unsure:
            yield f"The profile is unsure of {_and(unsure)}."
    if decision.routes:
        yield f"Matching routes: {', '.join(decision.routes)}."
    else:
        yield "No route matches; the policy's objective alone applies."


def _choice(decision: Decision) -> Iterator[str]:
    chosen = _by_id(decision)[decision.chosen]
    stayed = [c for c in decision.candidates if c.stage is None]
    place = "the only one left" if len(stayed) == 1 else _merits(chosen, stayed)
    yield f"Chosen: {chosen.deployment} ({_scores(chosen)}), {place}."
    if decision.degraded:
        yield f"Degraded: {decision.degraded}."


def _merits(chosen: Candidate, stayed: Sequence[Candidate]) -> str:
    """What the scores say about the first among those that stayed; nothing that they do not."""
    equals = [c for c in stayed if not c.rule] or stayed
    words = ["a route's first choice"] if chosen.scores.get("preference") == 0 else []
    costs = [cost for c in equals if (cost := c.scores.get("cost_usd")) is not None]
    own = chosen.scores.get("cost_usd")
    if own is not None and own == min(costs):
        words.append("the cheapest")
    if (chosen.scores.get("quality") or 0) == max(c.scores.get("quality") or 0 for c in equals):
        words.append("the best")
    kind = "that are left" if chosen.rule else "that are good enough"
    return f"{_and(words) if words else 'ranked first'} of {len(equals)} {kind}"


def _outranked(decision: Decision) -> Iterator[str]:
    chosen = _by_id(decision)[decision.chosen]
    for c in decision.candidates:
        if c.stage is None and c.deployment != chosen.deployment:
            lost = _lost(c, chosen)
            yield f"{c.deployment} ({_scores(c)}) was eligible and ranked lower: {lost}."


def _lost(c: Candidate, chosen: Candidate) -> str:
    if c.rule and not chosen.rule:
        return f"below the quality floor ({c.rule}: {c.found:.2f} against {c.required:.2f})"
    if _place(c) > _place(chosen):
        return "a route prefers the chosen model"
    words = []
    quality, best = c.scores.get("quality") or 0.0, chosen.scores.get("quality") or 0.0
    cost, least = c.scores.get("cost_usd"), chosen.scores.get("cost_usd")
    ms, fastest = c.scores.get("latency_ms"), chosen.scores.get("latency_ms")
    if cost is None and least is not None:
        words.append("its price is unknown")
    elif cost is not None and least is not None and cost > least:
        words.append("it costs more")
    if quality < best:
        words.append("it is expected to do worse")
    if ms is not None and fastest is not None and ms > fastest:
        words.append("it is slower")
    if c.model == chosen.model:
        words.append("it is another way to the same model")
    return " and ".join(words) or "the policy's order or, among equals, the name decided"


def _place(c: Candidate) -> float:
    """Its place among a route's preferred models; those that are not among them come last."""
    place = c.scores.get("preference")
    return inf if place is None else place


def _removed(decision: Decision) -> Iterator[str]:
    groups: dict[tuple[Stage, str], list[Candidate]] = defaultdict(list)
    for c in decision.candidates:
        if c.stage is not None:
            groups[c.stage, c.rule].append(c)
    for (stage, rule), members in groups.items():
        found = {c.reason.removeprefix(f"{rule}: ") for c in members}
        if len(found) == 1:
            listed = f"{', '.join(c.deployment for c in members)} ({found.pop()})"
        elif rule == "fleet.capability.tasks":
            listed = f"{', '.join(c.deployment for c in members)} (required {members[0].required})"
        else:
            reasons = (f"{c.deployment} ({c.reason.removeprefix(f'{rule}: ')})" for c in members)
            listed = "; ".join(reasons)
        yield f"{len(members)} {_STAGE_WORDS[stage]}, by {rule}: {listed}."


def _fallbacks(decision: Decision) -> Iterator[str]:
    if decision.fallbacks:
        yield f"Should it fail: {', then '.join(decision.fallbacks)}."
    else:
        yield "There is no fallback."


def _consequences(decision: Decision) -> Iterator[str]:
    told = [
        f"{name.replace('_', ' ')} {_value(setting.value)} ({setting.origin})"
        for name, setting in decision.settings.items()
        if setting.value not in (None, [], ())
    ]
    if told:
        yield f"Called with {', '.join(told)}."
    log = decision.log
    if not log.keeps_all:
        yield (
            f"The trace keeps prompts {log.prompts}, outputs {log.outputs} and "
            f"tool arguments {log.tool_args}."
        )
    if decision.cross_validate:
        yield "The answer must be cross-validated."


def _by_id(decision: Decision) -> dict[str, Candidate]:
    return {c.deployment: c for c in decision.candidates}


def _scores(c: Candidate) -> str:
    cost, ms = c.scores.get("cost_usd"), c.scores.get("latency_ms")
    price = "price unknown" if cost is None else "free" if cost == 0 else f"about ${cost:.6f}"
    time = "time unknown" if ms is None else f"about {ms / 1000:.1f} s"
    return f"expected quality {c.scores.get('quality') or 0:.2f}, {price}, {time}"


def _value(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"

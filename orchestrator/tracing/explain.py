"""Why a hop went where it went, in plain English.

Each function returns lines that are not wrapped; whoever prints them knows the width. Lines
that begin with two spaces belong to the line above.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from orchestrator.money import total_cost, usd
from orchestrator.records import Attempt, Hop, Trace
from orchestrator.tracing.strategy import standing_remarks, strategy_sentence
from orchestrator.types import Candidate, Decision, GuardRule, Outcome, Stage, TaskProfile

NAMED = 4
"""How many deployments of a group are named before `and n more`."""

_STAGE_WORDS = {
    Stage.CAPABILITY: "cannot do it",
    Stage.DATA_POLICY: "may not see the data",
    Stage.AVAILABILITY: "not available",
    Stage.BUDGET: "too expensive",
    Stage.LATENCY: "too slow",
    Stage.QUALITY: "not good enough",
    Stage.RANK: "ranked lower",
}


_FAILED = "Tried and failed"
_ENDED = {
    Outcome.SKIPPED_OPEN: "Not tried",
    Outcome.BUSY: "Not tried",
    Outcome.UNSURE: "Tried, and not sure enough",
    Outcome.CANCELLED: "Tried and stopped",
    Outcome.UNKNOWN: "Tried, and how it ended is unknown",
}
"""What an attempt that gave no answer is called, where it did not fail."""


def dollars(value: float | None) -> str:
    """US dollars for a person: `$0`, `$0.00042`, `$1.25`; `unknown` for `None`."""
    if value is None:
        return "unknown"
    if value == 0:
        return "$0"
    if value >= 0.01:
        return f"${value:,.2f}" if value >= 1 else f"${value:.4f}".rstrip("0")
    return f"${value:.6f}".rstrip("0") if value >= 0.000001 else "<$0.000001"


def duration(ms: float | None) -> str:
    """Milliseconds for a person: `12 ms`, `3.4 s`, `2 min 5 s`; `unknown` for `None`."""
    if ms is None:
        return "unknown"
    if round(ms) < 1000:
        return f"{ms:.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds} s"


def counted(number: int, noun: str) -> str:
    """`1 hop`, `1,200 hops`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def in_words(outcome: Outcome) -> str:
    """`timed out`, not `timed_out`."""
    return str(outcome).replace("_", " ")


def kind_of(attempt: Attempt, form: str) -> str:
    """Why the attempt was made, where it is not the first; `form` has a place for it."""
    return "" if attempt.kind == "first" else form.format(attempt.kind.replace("_", " "))


def lost_because(candidate: Candidate) -> str:
    """Why a deployment was removed or stands behind, as a short phrase."""
    kind = candidate.rule.rpartition(".")[2]
    route = candidate.rule.partition(":")[2].partition(".")[0]
    where = f" (route {route})" if candidate.rule.startswith("route:") else ""
    return _phrase(kind, candidate) + where


def _phrase(kind: str, c: Candidate) -> str:
    found, required = c.found, c.required
    match kind, found:
        case "available", str():
            return found
        case "breaker", "open":
            return "its breaker is open"
        case "breaker", str():
            return found
        case "rate_limited", _:
            return "rate limited"
        case "tasks", _:
            return f"does not serve the task '{required}'"
        case (("needs" | "certifications"), list() | tuple()) if isinstance(
            required, (list, tuple)
        ):
            return f"lacks {', '.join(str(r) for r in required if r not in found)}"
        case "tools", list() | tuple() if isinstance(required, (list, tuple)):
            return f"does not know the tools {', '.join(r for r in required if r not in found)}"
        case "context", int():
            return f"its context of {found:,} tokens is too short for {required:,}"
        case "hosting", _:
            return f"its hosting is '{found}', '{required}' is required"
        case "regions", _:
            return f"its region is {_stated(found)}, required is {_stated(required)}"
        case "retention_days", int():
            return f"keeps data for {found} days, at most {required} are allowed"
        case "trains_on_data", True:
            return "its provider trains on the data"
        case "not_models", _:
            return f"the model '{found}' is ruled out"
        case "not_families", _:
            return f"the family '{found}' is ruled out"
        case "models", _:
            return f"only {_stated(required)} is allowed"
    return _measured(c)


def _measured(c: Candidate) -> str:
    if c.found is None and c.stage is not None:
        kind = c.rule.rpartition(".")[2].replace("_", " ")
        if c.stage is Stage.BUDGET:
            return "its price is unknown and a cost limit applies"
        if c.stage is Stage.LATENCY:
            return "its speed is unknown and a time limit applies"
        return f"does not state its {kind}"
    if not isinstance(c.found, (int, float)) or not isinstance(c.required, (int, float)):
        return c.reason
    if c.stage is Stage.BUDGET:
        return f"would cost {dollars(c.found)}, at most {dollars(c.required)} is allowed"
    if c.stage is Stage.LATENCY:
        return f"would take {duration(c.found)}, at most {duration(c.required)} is allowed"
    if c.stage in (Stage.QUALITY, None):
        return f"expected quality {c.found:.2f} is below the floor of {c.required:.2f}"
    return c.reason


def _stated(value: Any) -> str:
    if value is None:
        return "not stated"
    return " or ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def lost_groups(
    candidates: Iterable[Candidate],
) -> list[tuple[Stage, str, tuple[str, ...]]]:
    """The removed candidates as (stage, reason, deployments), in the order of the funnel."""
    groups: dict[tuple[Stage, str], list[str]] = {}
    for candidate in candidates:
        if candidate.stage is not None:
            key = (candidate.stage, lost_because(candidate))
            groups.setdefault(key, []).append(candidate.deployment)
    order = list(Stage)
    found = [(stage, reason, tuple(names)) for (stage, reason), names in groups.items()]
    return sorted(found, key=lambda group: (order.index(group[0]), -len(group[2]), group[1]))


def decision_sentences(decision: Decision, profile: TaskProfile | None) -> list[str]:
    """What was chosen and why, what comes next, and why each of the others lost."""
    stayed = [c for c in decision.candidates if c.stage is None]
    lines = [_chosen(decision, stayed), *_how(decision)]
    if profile is not None:
        lines.append(_profile(profile))
    if decision.routes:
        lines.append(f"Routes of the policy that matched: {', '.join(decision.routes)}.")
    if decision.checking_origin != "default":
        asked_by = decision.checking_origin.replace(":", " ")
        lines.append(f"Where a graph checks the answer: {decision.checking} ({asked_by}).")
    if decision.guard.redact != "none":
        lines.append(_redaction(decision.guard))
    stated = {k: s for k, s in decision.settings.items() if s.value not in (None, [], ())}
    if stated:
        parts = [f"{name} {setting.value} ({setting.origin})" for name, setting in stated.items()]
        lines.append(f"How to call it: {', '.join(parts)}.")
    behind = [c for c in stayed if c.deployment != decision.chosen]
    if behind:
        lines.append("Next in line, should it fail:")
        lines += [f"  {_standing(c)}" for c in behind]
    elif decision.candidates:
        lines.append("Nothing else is left to fall back to.")
    groups = lost_groups(decision.candidates)
    if groups:
        lines.append("Not eligible:")
        lines += [
            f"  {len(names)} {_STAGE_WORDS[stage]}: {reason} ({_some(names)})"
            for stage, reason, names in groups
        ]
    return lines


_GIVEN_BACK = {
    "own": "the caller gets back what he sent himself",
    "all": "the caller gets back everything",
    "none": "the caller gets nothing back",
}


def _redaction(rule: GuardRule) -> str:
    kinds = f"Values ({', '.join(rule.kinds)})" if rule.kinds else "Values that are found"
    whom = "hosted models" if rule.redact == "hosted" else "every model"
    asked_by = ", ".join(rule.origin).replace(":", " ")
    return f"{kinds} are replaced before {whom}; {_GIVEN_BACK[rule.give_back]} ({asked_by})."


def _told(a: Attempt) -> str:
    return f"{a.deployment} ({in_words(a.outcome)}{_because(a.error)})"


def _how(decision: Decision) -> list[str]:
    """The strategy, where there is one, and what is not as the policy would have it."""
    lines = []
    if decision.strategy != "single":
        lines.append(f"Strategy {strategy_sentence(decision)}. Expected cost: {cost(decision)}.")
    if decision.degraded:
        lines.append(f"Degraded: {decision.degraded}.")
    return lines + [f"Note: {note}." for note in decision.notes]


def cost(decision: Decision) -> str:
    """What an answer is expected to cost, as a range where the strategy makes it one."""
    least, most = decision.least_usd, decision.most_usd
    if decision.strategy == "single" or least == most:
        return dollars(most)
    return f"{dollars(least)} to {dollars(most)}"


def why_chosen(decision: Decision) -> str:
    """What was chosen and why, in one line."""
    return _chosen(decision, [c for c in decision.candidates if c.stage is None])


def _chosen(decision: Decision, stayed: Sequence[Candidate]) -> str:
    name, total = decision.chosen, len(decision.candidates)
    chosen = next((c for c in stayed if c.deployment == name), None)
    if chosen is None:
        return f"{name} was chosen."
    rivals = [c for c in stayed if not c.rule]
    if len(stayed) == 1:
        why = f"the only one of {total} deployments that may serve this request"
    else:
        why = f"ranked first of the {len(stayed)} (of {total}) that may serve this request"
    best = _superlatives(chosen, rivals)
    place = chosen.scores.get("preference")
    if place is not None and len(stayed) > 1:
        why += f"; its model is {'the first' if place == 0 else 'one'} that the policy prefers"
    elif best:
        why += f"; among them it is {best}"
    return f"{name} was chosen: {why}. {_scores(chosen)}."


def _superlatives(chosen: Candidate, rivals: Sequence[Candidate]) -> str:
    """What the numbers say for it; nothing where they do not decide (a preference does)."""
    if chosen.rule or len(rivals) < 2:
        return ""
    words = []
    for key, sign, word in (
        ("cost_usd", 1, "the cheapest"),
        ("quality", -1, "the best"),
        ("latency_ms", 1, "the fastest"),
    ):
        mine = chosen.scores.get(key)
        others = [c.scores.get(key) for c in rivals if c is not chosen]
        known = [sign * o for o in others if o is not None]
        if mine is not None and all(sign * mine <= o for o in known):
            words.append(f"{word} (a tie)" if sign * mine in known else word)
    return ", ".join(words[:-1]) + " and " * (len(words) > 1) + "".join(words[-1:])


def _scores(c: Candidate) -> str:
    quality = c.scores.get("quality")
    shown = "unknown" if quality is None else f"{quality:.2f}"
    return (
        f"Expected: quality {shown}, cost {dollars(c.scores.get('cost_usd'))}, "
        f"time {duration(c.scores.get('latency_ms'))}"
    )


def _standing(c: Candidate) -> str:
    text = f"{c.deployment}: {_scores(c)[len('Expected: ') :]}"
    remarks = [f"a last resort, {lost_because(c)}"] if c.rule else []
    return "; ".join((text, *remarks, *standing_remarks(c)))


def _profile(profile: TaskProfile) -> str:
    text = (
        f"The request was seen as: task {profile.task}, complexity {profile.complexity:.2f}, "
        f"data class {profile.data_class}, risk {profile.risk}, "
        f"about {profile.input_tokens:,} tokens in and {profile.output_tokens:,} out"
    )
    if profile.needs:
        text += f", needs {', '.join(profile.needs)}"
    if profile.features and profile.confidence < 1:
        name, least = min(profile.features.items(), key=lambda item: item[1].confidence)
        text += f"; least sure of its {name} ({least.confidence:.2f}, from {least.origin})"
    return text + "."


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    # `and 1 more` would be longer than the name.
    if more <= 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {more} more"


def why_hop(hop: Hop) -> str:
    """One hop: the choice, the alternatives, what happened, whether it was validated, cost."""
    lines = [_headline(hop) + "."]
    if hop.decision is not None:
        lines += decision_sentences(hop.decision, hop.profile)
    elif hop.profile is not None and hop.status == "failed":
        lines += ["No model was chosen.", _profile(hop.profile)]
    lines += _attempts(hop)
    if hop.validated is not None:
        verdict = "passed" if hop.validated else "did not pass"
        lines.append(f"Validated: the output {verdict}{_because(hop.validation)}.")
    elif hop.attempts:
        lines.append("Validated: no, nothing checks the form of this output.")
    lines += [f"Note: {note}" for note in hop.notes]
    if hop.error:
        lines.append(f"Error: {hop.error}")
    if hop.resumed:
        lines.append("This is a recorded result: nothing ran again and nothing was paid again.")
    if hop.attempts:
        lines.append(f"Cost: {dollars(usd(hop.cost_micro_usd))}. Time: {duration(hop.ms)}.")
    return "\n".join(lines)


def answered(hop: Hop) -> Attempt | None:
    """The attempt whose output was used; `None` where there was none."""
    return hop.attempts[-1] if hop.attempts and hop.status == "ok" else None


def below_floor(hop: Hop) -> str | None:
    """In words, where what answered (or is to answer) lies below the quality floor."""
    if hop.decision is None:
        return None
    used = answered(hop)
    name = used.deployment if used else hop.decision.chosen
    candidate = next((c for c in hop.decision.candidates if c.deployment == name), None)
    if hop.decision.degraded or candidate is None or not candidate.rule:
        return hop.decision.degraded
    return f"{name} answered as a {candidate.reason}"


def _headline(hop: Hop) -> str:
    kind = "person" if hop.role == "person" else "agent"
    who = f"{kind} {hop.agent}" if hop.agent else hop.role
    name = f"{hop.node} ({who}{f', round {hop.round + 1}' if hop.round else ''})"
    used = answered(hop)
    if hop.status == "skipped":
        return f"{name} was skipped"
    if hop.role == "person":
        return f"{name} was answered by a person"
    if hop.status == "cancelled":
        return f"{name} was stopped"
    if used is not None:
        return f"{name} was answered by {used.deployment}"
    if hop.status != "ok":
        return f"{name} {'failed' if hop.status == 'failed' else 'has an unknown outcome'}"
    if hop.decision is not None:
        return f"{name} was assigned to {hop.decision.chosen}"
    return f"{name} ran without a model"


def _attempts(hop: Hop) -> list[str]:
    if not hop.attempts:
        return []
    lines = ["What happened:"]
    for number, a in enumerate(hop.attempts, 1):
        text = f"  {number}. {a.deployment}{kind_of(a, ' ({})')}: {in_words(a.outcome)}"
        text += f" after {duration(a.ms)}"
        if a.usage.input or a.usage.output:
            text += f", {a.usage.input:,} tokens in, {a.usage.output:,} out"
            text += " (counted here)" if a.usage.estimated else ""
        text += f", {dollars(usd(a.cost_micro_usd))}"
        lines.append(text + _because(a.error))
    used = answered(hop)
    chosen = hop.decision.chosen if hop.decision else hop.attempts[0].deployment
    if used is not None and used.deployment != chosen:
        lines.append(f"It fell back from {chosen} to {used.deployment}.")
    return lines


def _because(text: str | None) -> str:
    return f": {text}" if text else ""


def why_trace(trace: Trace, hops: Sequence[Hop]) -> str:
    """The whole run: how it ended, then each hop in a line or two with what it turned on."""
    cost = total_cost([h.cost_micro_usd for h in hops]) if hops else trace.cost_micro_usd
    ending = {
        "ok": "ended well",
        "running": "is still running",
        "waiting": "waits for a person's answer",
        "unknown": "was cut off, and how it ended nobody knows",
    }.get(trace.status, trace.status)
    lines = [
        f"Run {trace.id} of graph '{trace.graph}' {ending}"
        + (f" and was {trace.verdict}" if trace.verdict else "")
        + f": {counted(len(hops), 'hop')}{_failures(hops)}, {duration(trace.ms)}, "
        + f"{dollars(usd(cost))}."
    ]
    if trace.question:
        lines.append(f"Question: {' '.join(trace.question.split())}")
    if trace.error:
        lines.append(f"Error: {trace.error}")
    for number, hop in enumerate(hops, 1):
        lines.append(f"{number}. {_headline(hop)}.")
        lines += [f"  {line}" for line in _in_brief(hop)]
    return "\n".join(lines)


def _failures(hops: Sequence[Hop]) -> str:
    """A run can end well although a step failed: a later one makes do without it."""
    failed = sum(h.status == "failed" for h in hops)
    return f" ({failed} failed)" if failed else ""


def _in_brief(hop: Hop) -> list[str]:
    lines = []
    if hop.decision is not None:
        stayed = [c for c in hop.decision.candidates if c.stage is None]
        lines += [_chosen(hop.decision, stayed), *_how(hop.decision)]
        lost = [f"{reason} ({len(n)})" for _, reason, n in lost_groups(hop.decision.candidates)]
        if lost:
            lines.append(f"Lost: {'; '.join(lost)}.")
    failed = [a for a in hop.attempts if a.outcome is not Outcome.OK]
    lines += [f"{_ENDED.get(a.outcome, _FAILED)}: {_told(a)}." for a in failed]
    if hop.validated is not None:
        lines.append(f"Validated: {'yes' if hop.validated else 'no'}{_because(hop.validation)}.")
    lines += [f"Note: {note}" for note in hop.notes]
    if hop.error:
        lines.append(f"Error: {hop.error}")
    if hop.attempts:
        lines.append(f"Cost {dollars(usd(hop.cost_micro_usd))} in {duration(hop.ms)}.")
    return lines

"""Two decisions compared: what was chosen otherwise, and because of what."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.tracing.explain import dollars, duration, lost_because
from orchestrator.types import Candidate, Decision, as_json

_TOLD = 6
"""So many candidates that fared otherwise are named, then they are counted."""


def decision_differences(
    old: Decision | None, new: Decision | None
) -> Iterator[tuple[str, str, str]]:
    """Each difference of what was decided as before, after, and a sentence.

    What was measured at that moment (scores, confidence, hashes) is none by itself; it is named
    where the choice differs because of it.
    """
    if old is None or new is None:
        if old is not new:
            chosen = [d.chosen if d else "no decision" for d in (old, new)]
            yield chosen[0], chosen[1], ""
        return
    if old.chosen != new.chosen:
        yield old.chosen, new.chosen, _why(old, new)
    for name in ("strategy", "tactics", "routes", "settings", "cache", "checking", "degraded"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            shown = _plain(before), _plain(after)
            yield shown[0], shown[1], f"{name} was {shown[0]} and became {shown[1]}."


def alternative_differences(
    old: Decision | None, new: Decision | None
) -> Iterator[tuple[str, str, str]]:
    """Likewise of what stood behind the choice: the fallbacks, and who had left the funnel.

    They move with live health and speed, and come to bear only where an attempt failed, which the
    attempts tell.
    """
    if old is None or new is None:
        return
    if old.fallbacks != new.fallbacks:
        chains = [", ".join(d.fallbacks) or "none" for d in (old, new)]
        yield chains[0], chains[1], f"the fallbacks were {chains[0]} and became {chains[1]}."
    if fates := _fates(old, new):
        yield "", "", fates


def _why(old: Decision, new: Decision) -> str:
    """Why the one that was chosen before is not chosen now, and where its successor was then."""
    said = f"{old.chosen} was chosen, then {new.chosen}"
    reasons = [
        _fate(new, old.chosen, "now"),
        _fate(old, new.chosen, "before"),
    ]
    told = [reason for reason in reasons if reason]
    return f"{said}: {'; '.join(told)}." if told else f"{said}."


def _fate(decision: Decision, deployment: str, when: str) -> str:
    found = next((c for c in decision.candidates if c.deployment == deployment), None)
    if found is None:
        return f"{deployment} was not in the fleet {when}" if decision.candidates else ""
    if found.stage is not None or found.rule:
        return f"{deployment} {when}: {lost_because(found)}"
    return f"{deployment} ranked behind {when}{_scores(found)}"


def _scores(found: Candidate) -> str:
    quality, cost, ms = (found.scores.get(n) for n in ("quality", "cost_usd", "latency_ms"))
    told = [
        *([f"quality {quality:.2f}"] if quality is not None else []),
        *([f"cost {dollars(cost)}"] if cost is not None else []),
        *([f"time {duration(ms)}"] if ms is not None else []),
    ]
    return f" ({', '.join(told)})" if told else ""


def _fates(old: Decision, new: Decision) -> str:
    """Who left the funnel in one of the two alone, or at another rule."""
    before = {c.deployment: _end(c) for c in old.candidates}
    after = {c.deployment: _end(c) for c in new.candidates}
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    if not changed:
        return ""
    absent = "not in the fleet"
    told = [
        f"{name}: {before.get(name, absent)}, then {after.get(name, absent)}"
        for name in changed[:_TOLD]
    ]
    more = len(changed) - _TOLD
    return "; ".join([*told, *([f"and {more} more"] if more > 0 else [])]) + "."


def _end(candidate: Candidate) -> str:
    if candidate.stage is None and not candidate.rule:
        return "stayed"
    return lost_because(candidate)


def _plain(value: object) -> str:
    plain = as_json(value)
    if isinstance(plain, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in plain.items()) or "none"
    if isinstance(plain, list):
        return ", ".join(map(str, plain)) or "none"
    return "none" if plain is None else str(plain)

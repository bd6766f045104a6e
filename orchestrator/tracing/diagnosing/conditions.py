"""How a hop ended, and whether it took far more time or money than was to be expected."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.money import usd
from orchestrator.records import Hop
from orchestrator.tracing.diagnosing.peers import Peers, candidate_of
from orchestrator.tracing.diagnosing.reading import Seen
from orchestrator.tracing.diagnosing.signs import Sign
from orchestrator.tracing.diagnosing.wording import shown
from orchestrator.tracing.explain import answered, dollars, duration, in_words
from orchestrator.types import Outcome

_LEAST_MS = 2000.0
_SLOW = 5.0
_COSTLY = 5.0
_LEAST_USD = 0.001
_LONG = 160


def condition_signs(seen: Seen, peers: Peers) -> Iterator[Sign]:
    """Failures, hops without an end, answers that did not pass, outliers of time and cost."""
    hop = seen.hop
    match hop.status:
        case "failed":
            why = hop.error or _last_error(hop)
            words = "failed" + (f": {shown(why, _LONG)}" if why else "")
            yield Sign("failure", 0.75, words, caused=True)
        case "unknown":
            yield Sign("unfinished", 0.6, "began, and how it ended is not on record", caused=True)
        case "cancelled":
            yield Sign("unfinished", 0.3, "was stopped while it ran", caused=True)
    if hop.status == "ok" and hop.validated is False:
        why = f": {shown(hop.validation, _LONG)}" if hop.validation else ""
        yield Sign("garbage_output", 0.65, f"did not pass its check and was used{why}")
    elif hop.status == "ok" and hop.validation:
        yield Sign("garbage_output", 0.2, f"needed another try: {shown(hop.validation, _LONG)}")
    yield from _slow(hop, peers)
    yield from _costly(hop)


def _slow(hop: Hop, peers: Peers) -> Iterator[Sign]:
    if hop.ms < _LEAST_MS or hop.resumed or not hop.attempts:
        return
    used = answered(hop)
    chosen = None
    if hop.decision is not None and used is not None:
        chosen = candidate_of(hop.decision, used.deployment)
    expected = chosen.scores.get("latency_ms") if chosen else None
    share = hop.ms / peers.all_ms if peers.all_ms else 0.0
    if expected and hop.ms > _SLOW * expected:
        words = f"took {duration(hop.ms)} where {duration(expected)} were expected"
        yield Sign("slow", 0.45 if share > 0.5 else 0.3, words)
    elif len(peers.times) > 2 and hop.ms > 2 * _SLOW * peers.usual_ms:
        words = f"took {duration(hop.ms)}, {share:.0%} of the time of all calls"
        yield Sign("slow", 0.3 if share > 0.5 else 0.2, words)


def _costly(hop: Hop) -> Iterator[Sign]:
    cost = usd(hop.cost_micro_usd)
    expected = hop.decision.most_usd if hop.decision is not None else None
    if cost is None or cost < _LEAST_USD or not expected:
        return
    if cost > _COSTLY * expected:
        words = f"cost {dollars(cost)} where at most {dollars(expected)} was expected"
        yield Sign("costly", 0.45, words)


def _last_error(hop: Hop) -> str:
    failed = [a for a in hop.attempts if a.outcome is not Outcome.OK]
    return (
        f"{failed[-1].deployment} {failed[-1].error or in_words(failed[-1].outcome)}"
        if failed
        else ""
    )

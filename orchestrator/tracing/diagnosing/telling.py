"""The one sentence: what came of a request, by whom, for how much, and where it went wrong."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.money import total_cost, usd
from orchestrator.records import Trace
from orchestrator.tracing.diagnosing.reading import Seen, kept
from orchestrator.tracing.diagnosing.wording import shown
from orchestrator.tracing.explain import answered, counted, dollars, duration

_LONG = 160
_WRITERS = ("generator", "specialist")
"""Roles that write; the others plan, route, judge and put in order."""


def tell(trace: Trace, seen: Sequence[Seen], began: str) -> str:
    """What a person reads first.

    Args:
        began: the likely culprit and what speaks against it; empty where nobody is suspected.
    """
    at = f"it began at {began}" if began else ""
    match trace.status:
        case "running":
            last = seen[-1].hop.node if seen else "nothing"
            return _closed(f"Still running: {counted(len(seen), 'hop')} so far, last {last}", at)
        case "waiting":
            return _closed(f"Waits for a person's answer after {counted(len(seen), 'hop')}", at)
        case "cancelled":
            return _closed(f"Stopped before it was answered, after {duration(trace.ms)}", at)
        case "unknown":
            return _closed("Cut off: the process that served it ended in the middle", at)
        case "failed":
            return _closed(f"Failed{_because(trace.error or _first_error(seen))}", at)
    if trace.verdict == "abstained":
        return _closed(f"Withheld{_because(_reason(trace, seen))}", at)
    found = f"look at {began}" if began else ""
    return _closed(_answered(trace, seen), found)


def _answered(trace: Trace, seen: Sequence[Seen]) -> str:
    cost = total_cost([s.hop.cost_micro_usd for s in seen]) if seen else trace.cost_micro_usd
    author = _author(trace, seen)
    by = f"Answered by {author}" if author else "Answered"
    text = f"{by} for {dollars(usd(cost))} in {duration(trace.ms)}"
    if trace.verdict:
        text += f"; {trace.verdict}"
        claims = _claims(seen)
        text += f": {claims}" if claims else ""
    fallen = sum(_fell_back(s) for s in seen)
    if fallen:
        text += f"; {counted(fallen, 'hop')} by a fallback"
    return text


def _author(trace: Trace, seen: Sequence[Seen]) -> str:
    """Who wrote the answer: the last writer whose words stand in it, else the last that wrote."""
    called = [s for s in seen if answered(s.hop) is not None]
    writers = [s for s in called if s.hop.role in _WRITERS] or called
    answer = kept(trace.answer) or ""
    inside = [s for s in writers if any(said in answer for said in s.prose)]
    used = answered((inside or writers)[-1].hop) if writers else None
    return used.deployment if used else ""


def _claims(seen: Sequence[Seen]) -> str:
    """`14 of 14 claims supported`, after the last that judged any; empty where nobody did."""
    for one in reversed(seen):
        if one.judged and one.hop.role == "checker":
            good = sum(judged.status == "supported" for judged in one.judged)
            total = len(one.judged)
            return f"{good:,} of {counted(total, 'claim')} supported"
    return ""


def _fell_back(seen: Seen) -> bool:
    used = answered(seen.hop)
    return used is not None and used.kind == "fallback"


def _reason(trace: Trace, seen: Sequence[Seen]) -> str:
    """Why there is no answer, as the one who withheld it says."""
    for one in reversed(seen):
        said = one.data if isinstance(one.data, dict) else {}
        if said.get("verdict") == "abstained" and said.get("reason"):
            return str(said["reason"])
    answer = (kept(trace.answer) or "").strip().split("\n")[0]
    return answer.removeprefix("No answer: ") if answer.startswith("No answer") else ""


def _first_error(seen: Sequence[Seen]) -> str:
    return next((s.hop.error for s in seen if s.hop.error), "")


def _because(reason: str) -> str:
    line = " ".join(reason.split()).rstrip(".")
    return f" because {shown(line, _LONG)}" if line else ""


def _closed(sentence: str, more: str) -> str:
    return f"{sentence}; {more}." if more else f"{sentence}."

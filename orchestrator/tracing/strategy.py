"""How a decision's models are asked, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.types import Candidate, Decision

NAMED = 3
"""How many fallbacks are named before `and n more`."""


def strategy_sentence(decision: Decision) -> str:
    """For a person: who is asked at once or in turn, and when the next one is.

    `race: a/x and b/x at once, the first valid answer counts; should all fail, c/x (route fast)`
    """
    tactics = decision.tactics
    part, rest = decision.chain[: tactics.models], decision.chain[tactics.models :]
    first, then = part[0], listed(part[1:])
    spare = "should all fail"
    match decision.strategy:
        case "cascade":
            doubt = "an answer that does not pass its checks"
            if tactics.confidence:
                doubt += f", or of which its model is less than {tactics.confidence:.0%} sure,"
            text = f"{first} first; {doubt} goes to {listed(part[1:], ' and then ')}"
        case "race" if tactics.start == "after_p95":
            text = f"{first}, and {then} too where it takes longer than 95 of 100 of its calls did"
        case "race":
            text = f"{listed(part)} at once, the first valid answer counts"
        case "panel" if tactics.moves:
            then = listed(part[1:], " and then ")
            text = f"{first} first, then {then} as long as another answer is worth its price"
        case "panel":
            text = f"{listed(part)} at once, {tactics.agree} equal answers settle it"
            spare = "where too few agree or some fail"
        case _:
            part, rest = decision.chain[:1], decision.chain[1:]
            text, spare = first, "should it fail"
    if rest:
        more = len(rest) - NAMED
        named = ", ".join(rest if more <= 1 else rest[:NAMED])
        text += f"; {spare}, {named}" + (f" and {more} more" if more > 1 else "")
    origin = tactics.origin.removeprefix("route:")
    return f"{decision.strategy}: {text}" + (f" (route {origin})" if origin else "")


def standing_remarks(candidate: Candidate) -> list[str]:
    """What weighs for or against one that stayed, besides quality, cost and time."""
    scores, found = candidate.scores, []
    if failing := scores.get("error_rate"):
        found.append(f"{failing:.0%} of its calls fail")
    if (room := scores.get("room")) is not None:
        found.append(f"{room:.0%} of its limits left" if room else "no room at the moment")
    if cached := scores.get("cached_tokens"):
        found.append(f"{cached:,.0f} tokens in its cache")
    return found


def listed(names: Sequence[str], last: str = " and ") -> str:
    """`a, b and c`."""
    return last.join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)

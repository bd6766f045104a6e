"""An answer on the screen: the text, the verdict, what proves it, and how it came about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from orchestrator.cli._json import alternatives, why_not
from orchestrator.cli._show import Screen, Tone
from orchestrator.money import usd
from orchestrator.records import Hop
from orchestrator.roles.rendering import checked_in_words
from orchestrator.tracing.explain import (
    answered,
    below_floor,
    dollars,
    duration,
    in_words,
    lost_because,
)
from orchestrator.types import Candidate, Outcome, Stage

if TYPE_CHECKING:
    from rich.text import Text

    from orchestrator.evidence.values import Citation, ClaimCheck
    from orchestrator.graph.answer import Answer

ROOMY = 100
"""Columns from which names and quotes get more room."""
REASONS = 12
"""Reasons listed below the hop table before `and n more`."""
_INDEPENDENCE = {
    "other-family": "checked by another model family",
    "deterministic": "checked by deterministic verifiers",
    "none": "no independent checker",
}


def show_answer(screen: Screen, answer: Answer) -> None:
    """Everything about an answer, the text first."""
    screen.print("")
    screen.prose(answer.text or "(no answer)", indent=2)
    _verdict(screen, answer)
    if answer.citations:
        _citations(screen, answer.citations)
    if answer.claims:
        _claims(screen, answer.claims)
    if answer.hops:
        show_hops(screen, answer.hops)
    screen.print("")
    screen.prose(f"Every hop in plain words: mesh trace why {answer.trace_id}", 2, "quiet")


def _verdict(screen: Screen, answer: Answer) -> None:
    if answer.verdict is not None:
        tones: dict[str, Tone] = {"accepted": "good", "revised": "good", "abstained": "warn"}
        sign = screen.sign("none" if answer.verdict == "abstained" else "yes")
        badge = (f"  {sign} {answer.verdict.upper()}", tones[answer.verdict])
        reason = answer.reason[:1].upper() + answer.reason[1:]
        screen.print("", screen.join(badge))
        if answer.cause:
            screen.prose(f"Cause: {answer.cause.replace('_', ' ')}.", 4)
        if reason:
            screen.prose(reason, indent=4)
        if answer.checking is not None:
            screen.prose(f"{checked_in_words(answer.checking)}.", 4, "quiet")
    else:
        screen.print("")
    supported = sum(c.status == "supported" for c in answer.claims)
    ms = answer.ms or _wall(answer.hops)
    checked = _INDEPENDENCE.get(answer.independence, answer.independence)
    facts = (
        checked if answer.verdict else answer.reason,
        f"{supported} of {len(answer.claims)} claims supported" if answer.claims else "",
        f"cost {dollars(answer.cost_usd)}",
        duration(ms) if ms else "",
    )
    screen.prose(screen.facts(facts), 4 if answer.verdict else 2, "quiet")


def _wall(hops: Sequence[Hop]) -> float:
    """Milliseconds from the first hop's start to the last one's end; replayed ones cost none."""
    ran = [h for h in hops if h.started_at and not h.resumed]
    if not ran:
        return 0.0
    first = min(h.started_at for h in ran)
    return max((h.started_at - first) * 1000 + h.ms for h in ran)


def _mark(screen: Screen, good: bool | None) -> Text:
    if good is None:
        return screen.text(screen.sign("none"), "quiet")
    return screen.text(screen.sign("yes" if good else "no"), "good" if good else "bad")


def _citations(screen: Screen, citations: Sequence[Citation]) -> None:
    screen.heading("Citations")
    table = screen.table(
        ("#", {"justify": "right"}),
        "",
        screen.names("file", (c.file for c in citations), 0.4),
        ("characters", {"no_wrap": True, "justify": "right"}),
        "quote",
    )
    room = max(screen.width - 40, 30) * (2 if screen.width < ROOMY else 1)
    for number, c in enumerate(citations, 1):
        span = f"{c.start}{screen.sign('dash')}{c.end}"
        quote = screen.text(f'"{screen.short(c.quote, room)}"')
        if c.supported is False and c.reason:
            quote.append_text(screen.text(f"\n{c.reason}", "bad"))
        table.add_row(
            screen.text(str(number), "quiet"),
            _mark(screen, c.supported),
            screen.text(c.file),
            screen.text(span, "quiet"),
            quote,
        )
    screen.show(table)


def _claims(screen: Screen, claims: Sequence[ClaimCheck]) -> None:
    screen.heading("Claims")
    table = screen.table("", "claim", "found")
    for claim in claims:
        good = claim.status == "supported"
        found = screen.text(claim.status, "good" if good else "bad")
        if claim.reason:
            found.append_text(screen.text(f": {screen.short(claim.reason, 160)}", "quiet"))
        table.add_row(_mark(screen, good), screen.text(claim.text), found)
    screen.show(table)


def show_hops(screen: Screen, hops: Sequence[Hop]) -> None:
    """What each hop chose, what it did not choose and why, what fell back, and what it cost."""
    screen.heading("How it was done")
    steps, models = (0.17, 0.27) if screen.width < ROOMY else (0.19, 0.3)
    room = int(screen.width * models)
    table = screen.table(
        screen.names("step", _lines(_step(screen, h) for h in hops), steps),
        screen.names("model chosen", _lines(_model(screen, h, room) for h in hops), models),
        "alternatives lost",
        ("ok", {"no_wrap": True}),
        ("cost", {"justify": "right", "no_wrap": True}),
        ("time", {"justify": "right", "no_wrap": True}),
    )
    for hop in hops:
        table.add_row(
            _step(screen, hop),
            _model(screen, hop, room),
            _lost(screen, hop),
            _validated(screen, hop),
            dollars(usd(hop.cost_micro_usd)) if hop.attempts else "",
            screen.text(duration(hop.ms), "quiet"),
        )
    screen.show(table)
    if any(below_floor(h) for h in hops):
        note = "* Below the policy's quality floor: nobody who reaches it answered."
        screen.prose(note, 2, "quiet")
    _reasons(screen, hops)


def _lines(cells: Iterable[Text]) -> Iterator[str]:
    return (line for cell in cells for line in cell.plain.split("\n"))


def _step(screen: Screen, hop: Hop) -> Text:
    text = screen.text(hop.node)
    if hop.round:
        text.append_text(screen.text(f" #{hop.round + 1}", "quiet"))
    who = hop.agent or hop.role
    if who not in hop.node:
        text.append_text(screen.text(f"\n{who}", "quiet"))
    return text


def _model(screen: Screen, hop: Hop, room: int) -> Text:
    used = answered(hop)
    if used is None and hop.decision is None:
        done = "a person" if hop.role == "person" else "no model"
        return screen.text(done if hop.status == "ok" else hop.status, "quiet")
    name = used.deployment if used else hop.decision.chosen if hop.decision else ""
    # One space is for the mark of a degraded choice.
    text = screen.text(name if len(name) < room else name.replace("/", "/\n", 1))
    if below_floor(hop):
        text.append_text(screen.text("*", "warn"))
    if used is None and hop.status == "ok":
        text.append_text(screen.text("\nassigned", "quiet"))
    strategy = hop.decision.strategy if hop.decision else "single"
    # Where one alone was asked there was no race: the second starts only if the first is slow.
    if strategy != "single" and not (strategy == "race" and len(hop.attempts) == 1):
        text.append_text(screen.text(f"\nby a {strategy}", "quiet"))
    for a in hop.attempts:
        if a.outcome is not Outcome.OK:
            text.append_text(screen.text(f"\nafter {a.deployment}: {in_words(a.outcome)}", "warn"))
    if used is not None and used.kind == "cached":
        text.append_text(screen.text("\nfrom the cache", "quiet"))
    if hop.resumed:
        text.append_text(screen.text("\nfrom the journal", "quiet"))
    return text


def _lost(screen: Screen, hop: Hop) -> Text:
    # One that was tried and failed stands in the column of the model already.
    tried = {a.deployment for a in hop.attempts}
    others = [c for c in alternatives(hop) if c.deployment not in tried]
    if not others:
        return screen.text("")
    shown = _telling(others)
    lines = [f"{_called(c, hop)}: {why_not(c, hop)}" for c in shown]
    more = len(others) - len(shown)
    return screen.text("\n".join(lines) + (f" (+{more})" if more else ""), "quiet")


def _called(candidate: Candidate, hop: Hop) -> str:
    """Its model; the deployment, where the model has several of them."""
    candidates = hop.decision.candidates if hop.decision else ()
    several = sum(c.model == candidate.model for c in candidates) > 1
    return candidate.deployment if several else candidate.model


def _telling(others: Sequence[Candidate]) -> list[Candidate]:
    """The two that tell most: the best of those that were removed, and the next in line."""

    def quality(c: Candidate) -> tuple[float, str]:
        return (-(c.scores.get("quality") or 0.0), c.deployment)

    removed = sorted((c for c in others if c.stage is not None), key=quality)
    behind = [c for c in others if c.stage is None]
    return [*removed[:1], *behind[:1]] if removed else behind[:2]


def _validated(screen: Screen, hop: Hop) -> Text:
    if hop.status == "failed":
        return _mark(screen, False)
    return _mark(screen, hop.validated)


def _reasons(screen: Screen, hops: Sequence[Hop]) -> None:
    """Every reason for which an alternative lost in any hop, with those it removed."""
    removed: dict[str, dict[str, None]] = {}
    times: dict[str, int] = {}
    for hop in hops:
        for c in alternatives(hop):
            if c.stage is None:
                continue
            # What a model is not made for differs from hop to hop, and is no news each time.
            unfit = c.stage is Stage.CAPABILITY
            reason = "not made for the step" if unfit else lost_because(c)
            removed.setdefault(reason, {})[c.model] = None
            times[reason] = times.get(reason, 0) + 1
    if not removed:
        return
    screen.heading("Why the others lost")
    table = screen.table("reason", "models")
    table.show_header = False
    ranked = sorted(removed, key=lambda reason: (-times[reason], reason))
    for reason in ranked[:REASONS]:
        names = list(removed[reason])
        some = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        table.add_row(screen.text(reason, "quiet"), screen.text(some, "quiet"))
    screen.show(table)
    if len(ranked) > REASONS:
        screen.prose(f"and {len(ranked) - REASONS} more", 2, "quiet")

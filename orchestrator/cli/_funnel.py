"""A decision on the screen: who is left, in order, and at which stage each of the others went."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.cli._show import Screen
from orchestrator.tracing.explain import cost, dollars, duration, lost_because, lost_groups
from orchestrator.tracing.strategy import standing_remarks, strategy_sentence
from orchestrator.types import Candidate, Decision, Stage

STAGE_TITLES = {
    Stage.CAPABILITY: "capability",
    Stage.DATA_POLICY: "data policy",
    Stage.AVAILABILITY: "availability",
    Stage.BUDGET: "budget",
    Stage.LATENCY: "latency",
    Stage.QUALITY: "quality floor",
    Stage.RANK: "rank",
}


def show_decision(
    screen: Screen, decision: Decision, guessed: str | None = None, placeholders: str = ""
) -> None:
    """The choice, those that would come next, and the funnel.

    Args:
        guessed: the task, where it was guessed from the prompt.
        placeholders: what would be replaced before whom, in words.
    """
    stayed = [c for c in decision.candidates if c.stage is None]
    sign = screen.sign("to")
    screen.print("", screen.join((f"  {sign} {decision.chosen}", "good")))
    facts = (
        f"task {guessed}, guessed from the prompt" if guessed else "",
        f"{len(stayed)} of {len(decision.candidates)} deployments may serve it",
        f"strategy {decision.strategy}",
        f"expected cost {cost(decision)}",
        f"confidence {decision.confidence:.2f}",
        f"routes {', '.join(decision.routes)}" if decision.routes else "",
        f"checking {decision.checking}, by {decision.checking_origin.replace(':', ' ')}",
    )
    screen.prose(screen.facts(facts), 4, "quiet")
    if decision.strategy != "single":
        screen.prose(strategy_sentence(decision), 4)
    if decision.degraded:
        screen.prose(f"Degraded: {decision.degraded}", 4, "warn")
    for note in decision.notes:
        screen.prose(f"Note: {note}", 4, "warn")
    if placeholders:
        screen.prose(f"Placeholders: {placeholders}", 4)
    if stayed:
        screen.heading("In this order")
        _order(screen, stayed)
    show_removed(screen, decision.candidates)
    stated = {k: s for k, s in decision.settings.items() if s.value not in (None, [], ())}
    if stated:
        screen.heading("How to call it")
        table = screen.table("setting", "value", "set by")
        for name, setting in stated.items():
            origin = screen.text(setting.origin, "quiet")
            table.add_row(name, screen.text(str(setting.value)), origin)
        screen.show(table)
    screen.print("")
    hashes = (f"policy {decision.policy_hash}", f"fleet {decision.fleet_hash}")
    screen.prose(screen.facts(hashes), 2, "quiet")


def _order(screen: Screen, stayed: Sequence[Candidate]) -> None:
    right = {"justify": "right", "no_wrap": True}
    notes = any(_note(c) for c in stayed)
    table = screen.table(
        ("#", right),
        screen.names("deployment", (c.deployment for c in stayed), 0.45),
        ("quality", right),
        ("cost", right),
        ("time", right),
        *([""] if notes else []),
    )
    for number, c in enumerate(stayed, 1):
        quality = c.scores.get("quality")
        table.add_row(
            screen.text(str(number), "quiet"),
            screen.text(c.deployment, "good" if number == 1 else ""),
            "unknown" if quality is None else f"{quality:.2f}",
            dollars(c.scores.get("cost_usd")),
            duration(c.scores.get("latency_ms")),
            *([screen.text(_note(c), "quiet")] if notes else []),
        )
    screen.show(table)


def _note(candidate: Candidate) -> str:
    """What speaks for or against one that stayed; its quality stands in the table already."""
    below = []
    if candidate.rule and isinstance(candidate.required, float):
        below.append(f"below the floor of {candidate.required:.2f}")
    elif candidate.rule:
        below.append(lost_because(candidate))
    return ", ".join((*below, *standing_remarks(candidate)))


def show_removed(screen: Screen, candidates: Sequence[Candidate]) -> None:
    """The removed candidates by stage, in the order of the funnel."""
    groups = lost_groups(candidates)
    if not groups:
        return
    screen.heading("Removed")
    table = screen.table(
        ("stage", {"no_wrap": True}),
        ("", {"justify": "right", "no_wrap": True}),
        "because",
        "deployments",
    )
    before = None
    for stage, reason, names in groups:
        title = STAGE_TITLES[stage] if stage is not before else ""
        before = stage
        table.add_row(
            screen.text(title),
            screen.text(str(len(names)), "quiet"),
            screen.text(reason),
            screen.text(", ".join(names), "quiet"),
        )
    screen.show(table)

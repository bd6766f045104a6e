"""What a replay found, on the screen and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.cli._show import Screen, Tone
from orchestrator.cli._trace import SHORT_ID
from orchestrator.money import total_cost, usd
from orchestrator.tracing.explain import answered, counted, dollars, duration

if TYPE_CHECKING:
    from orchestrator.records import Hop
    from orchestrator.replay.rerun import Rerun
    from orchestrator.replay.values import HopStatus, Redecided, Replayed

_TONES: Mapping[HopStatus, Tone] = {
    "same": "good",
    "different": "bad",
    "missing": "bad",
    "new": "bad",
    "not reached": "quiet",
}
_MOST_TOLD = 8


def show_one(screen: Screen, found: Replayed) -> None:
    """The verdict, what differs, a row for each hop, the decisions."""
    screen.prose(verdict(found), 0, "good" if found.same else "bad")
    for said in found.differences[:_MOST_TOLD]:
        screen.prose(said, 2, "bad")
    more = len(found.differences) - _MOST_TOLD
    if more > 0:
        screen.prose(f"and {more} more differences", 2, "bad")
    for said in found.edits:
        screen.prose(f"edited since: {said}", 2, "warn")
    screen.print("")
    rows = found.statuses
    table = screen.table(
        ("", {"no_wrap": True}),
        screen.names("step", (_label(hop) for hop, _, _ in rows), 0.3),
        ("answered by", {"ratio": 1}),
        ("differs in", {"ratio": 1}),
    )
    for hop, status, pair in rows:
        told = [str(d.aspect) for d in pair.differences if d.counts] if pair else []
        table.add_row(
            screen.text(status, _TONES[status]),
            screen.text(_label(hop)),
            screen.text(_model(hop), "quiet"),
            screen.text("" if status != "different" else ", ".join(dict.fromkeys(told)), "bad"),
        )
    screen.show(table)
    screen.print("")
    screen.prose(decided(found.decisions), 2, "bad" if found.decisions.different else "quiet")
    screen.prose(_thrift(found), 2, "quiet")
    _show_first(screen, found)


def _show_first(screen: Screen, found: Replayed) -> None:
    """What was recorded and what came now, of the first text that differs."""
    from orchestrator.cli.trace_diff import show_words

    first = found.diff.first
    if first is None or not first.difference.is_text:
        return
    where = "the request" if first.pair is None else _label(first.pair.hop)
    screen.heading(f"{where}, {first.difference.aspect}")
    show_words(screen, first.difference, texts=True)


def verdict(found: Replayed) -> str:
    """In one sentence."""
    id, steps = found.trace.id, counted(len(found.diff.pairs), "step")
    if not found.same:
        return f"Different: trace {id} does not come out as it was recorded."
    if found.cut_off:
        return f"Same, as far as it goes: trace {id} was cut off after {steps}."
    if found.trace.status == "waiting":
        return f"Same: trace {id} comes to the same question, after {steps}."
    if found.trace.status == "failed":
        return f"Same: trace {id} fails with the same error, after {steps}."
    return f"Same: trace {id} gives the same output, byte for byte, in {steps}."


def decided(found: Redecided) -> str:
    """`decisions: 14 of 14 the same`, and why others could not be made again."""
    said = [f"decisions: {found.same} of {found.total} the same"]
    said += [f"{number} cannot be made again: {why}" for why, number in found.cannot.items()]
    if found.under is not None and not found.elsewhere:
        said.append("under the policy as it is now nobody else would be asked")
    return "; ".join(said)


def _thrift(found: Replayed) -> str:
    cost = dollars(usd(found.cost_micro_usd))
    then = f"recorded: {cost} in {duration(found.trace.ms)}"
    return f"{then}; replayed: {counted(found.calls, 'call')}, $0, in {duration(found.ms)}"


def show_many(screen: Screen, found: Sequence[Replayed], cannot: Mapping[str, str]) -> None:
    """A row for each that differs, and a line for all."""
    different = [one for one in found if not one.same]
    if different:
        table = screen.table(
            ("id", {"no_wrap": True}),
            ("graph", {"no_wrap": True}),
            ("first difference", {"ratio": 1}),
        )
        for one in different:
            table.add_row(
                one.trace.id[:SHORT_ID],
                screen.text(one.trace.graph, "quiet"),
                screen.text(screen.short(one.differences[0], 300), "bad"),
            )
        screen.show(table, indent=0)
        screen.print("")
    for why, number in Counter(_cause(why) for why in cannot.values()).items():
        screen.prose(f"{counted(number, 'request')} cannot be replayed: {why}", 0, "warn")
    same = len(found) - len(different)
    cost = dollars(usd(total_cost([one.cost_micro_usd for one in found])))
    made = sum(one.decisions.made for one in found)
    right = sum(one.decisions.same for one in found)
    ms, calls = sum(one.ms for one in found), sum(one.calls for one in found)
    screen.prose(
        f"{same} of {len(found)} the same; {right} of {made} decisions the same; "
        f"{counted(calls, 'call')}, $0 (recorded: {cost}), in {duration(ms)}",
        0,
        "good" if not different else "bad",
    )


def _cause(why: str) -> str:
    """Without the id."""
    return why.partition("cannot be replayed: ")[2] or why


def show_rerun(screen: Screen, found: Rerun) -> None:
    """The new trace beside the one that it came from."""
    from orchestrator.cli.trace_diff import show_diff

    new = found.diff.after
    cost = dollars(usd(new.cost_micro_usd))
    screen.prose(
        f"Trace {new.id} repeats {found.diff.before.id} from '{_label(found.step)}' on: "
        f"{counted(found.made, 'call')} made, {found.taken} taken from the record, {cost}.",
    )
    if found.error:
        screen.prose(f"It failed: {found.error}", 0, "bad")
    screen.print("")
    show_diff(screen, found.diff, texts=False)
    if new.answer and new.answer != found.diff.before.answer:
        screen.heading("The answer now")
        screen.prose(new.answer, 2)


def replayed_json(found: Replayed) -> dict[str, Any]:
    """For programs."""
    from orchestrator.tracing.diff import diff_json

    decisions = found.decisions
    return {
        "trace_id": found.trace.id,
        "graph": found.trace.graph,
        "same": found.same,
        "verdict": verdict(found),
        "differences": list(found.differences),
        "edits": list(found.edits),
        "sources": [{"file": s.file, "why": s.why} for s in found.sources],
        "output": found.again.answer,
        "error": found.again.error,
        "calls": found.calls,
        "ms": found.ms,
        "recorded_cost_usd": usd(found.cost_micro_usd),
        "hops": [
            {"id": hop.id, "node": hop.node, "round": hop.round, "status": status}
            for hop, status, _ in found.statuses
        ],
        "decisions": {
            "same": decisions.same,
            "made": decisions.made,
            "total": decisions.total,
            "cannot": dict(decisions.cannot),
            "different": [o.hop.id for o in decisions.different],
            "elsewhere": [o.hop.id for o in decisions.elsewhere],
        },
        "diff": diff_json(found.diff),
    }


def rerun_json(found: Rerun) -> dict[str, Any]:
    """For programs."""
    from orchestrator.tracing.diff import diff_json

    return {
        "trace_id": found.diff.after.id,
        "repeats": found.diff.before.id,
        "from": found.step.id,
        "made": found.made,
        "taken": found.taken,
        "cost_usd": usd(found.diff.after.cost_micro_usd),
        "answer": found.diff.after.answer,
        "error": found.error,
        "diff": diff_json(found.diff),
    }


def _label(hop: Hop) -> str:
    from orchestrator.tracing.diff import label

    return label(hop)


def _model(hop: Hop) -> str:
    used = answered(hop)
    return used.deployment if used else hop.status if hop.status != "ok" else hop.role

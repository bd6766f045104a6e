"""What an auditor asks for, as tables that are made of the log alone."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.guard.auditing.entry import Entry
from orchestrator.guard.auditing.frameworks import REQUIREMENTS, UNCOVERED

MOST_ROWS = 100
"""Of single events in one table; `mesh audit export` has all."""
_EVENTS: tuple[tuple[str, str, str, frozenset[str]], ...] = (
    ("approvals", "Approvals", "Who allowed or refused which act.", frozenset({"approval"})),
    (
        "changes",
        "Changes of the rules",
        "Another policy, fleet or learned state in use.",
        frozenset({"policy", "configuration"}),
    ),
    ("risk", "Risk that rose", "Requests that became riskier while they ran.", frozenset({"risk"})),
    (
        "removed",
        "What was removed",
        "Erasures for a person or a request, and retention.",
        frozenset({"deletion", "retention"}),
    ),
    (
        "gaps",
        "Gaps in the record",
        "What is known to be missing: entries that a crash cut off, requests whose process died.",
        frozenset({"gap"}),
    ),
)
_COUNTED: tuple[tuple[str, str, str, frozenset[str]], ...] = (
    ("refusals", "Refusals", "Requests that nobody was asked.", frozenset({"refusal"})),
    (
        "protection",
        "Redactions, unsafe content, injections",
        "What was taken out before a model saw it and put back, and what was found and fenced.",
        frozenset({"redaction", "restoration", "unsafe", "injection"}),
    ),
    ("tools", "Tools", "Calls of tools, by what became of them.", frozenset({"tool"})),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One table of the report."""

    id: str
    title: str
    words: str
    """What it shows."""
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: int = 0
    """Rows that are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The whole report on a span of time."""

    since: float | None
    """Seconds since the epoch; `None`: from the first entry on."""
    until: float
    entries: int
    requests: int
    sections: tuple[Section, ...]


@dataclass(slots=True)
class _Policy:
    first: float
    last: float
    decisions: int = 0
    by: str = ""
    changed: str = ""


@dataclass(slots=True)
class _Found:
    """What goes by while the log is read once."""

    policies: dict[str, _Policy] = field(default_factory=dict)
    calls: Counter[tuple[str, str, str, str, str, str]] = field(default_factory=Counter)
    failed: Counter[tuple[str, str, str, str, str, str]] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    counted: dict[str, Counter[str]] = field(default_factory=dict)
    last: dict[tuple[str, str], float] = field(default_factory=dict)
    events: dict[str, list[Entry]] = field(default_factory=dict)
    traces: set[str] = field(default_factory=set)
    hops: set[str] = field(default_factory=set)
    """That were told; after a crash one may stand there twice."""


def report(entries: Iterable[Entry], *, since: float | None, until: float) -> Report:
    """Go through the entries once."""
    found, count = _Found(), 0
    for entry in entries:
        if entry.at > until or (since is not None and entry.at < since):
            continue
        count += 1
        if entry.trace_id:
            found.traces.add(entry.trace_id)
        _meet(found, entry)
    counted = [_counts(found, *one) for one in _COUNTED]
    listed = {one[0]: _listed(found, *one) for one in _EVENTS}
    sections = (
        _rules(found),
        _reached(found),
        _exceptions(found),
        counted[0],
        listed["approvals"],
        listed["risk"],
        *counted[1:],
        _verdicts(found),
        listed["changes"],
        listed["removed"],
        listed["gaps"],
        _mapping(),
        _uncovered(),
    )
    return Report(
        since=since, until=until, entries=count, requests=len(found.traces), sections=sections
    )


def _meet(found: _Found, entry: Entry) -> None:
    if entry.kind == "decision":
        hop = str(entry.facts.get("hop", entry.number))
        if hop not in found.hops:
            found.hops.add(hop)
            _decision(found, entry)
        return
    if entry.kind == "verdict":
        _verdict(found, entry)
    elif entry.kind == "policy" and entry.facts.get("after"):
        kept = found.policies.setdefault(str(entry.facts["after"]), _Policy(entry.at, entry.at))
        kept.by, kept.changed = entry.by, _changed(entry.facts)
    for id, _, _, kinds in _EVENTS:
        if entry.kind in kinds:
            found.events.setdefault(id, []).append(entry)
    for id, _, _, kinds in _COUNTED:
        if entry.kind in kinds:
            what = f"{entry.kind}: {entry.what}" if len(kinds) > 1 else entry.what
            found.counted.setdefault(id, Counter())[what] += 1
            found.last[id, what] = entry.at


def _decision(found: _Found, entry: Entry) -> None:
    facts = entry.facts
    policy = found.policies.setdefault(str(facts.get("policy")), _Policy(entry.at, entry.at))
    policy.first, policy.last = min(policy.first, entry.at), max(policy.last, entry.at)
    policy.decisions += 1
    if facts.get("degraded"):
        _except(found, "answered below the quality floor, since nobody reached it", entry)
    for call in facts.get("calls", ()):
        outcome = call.get("outcome", "")
        if outcome == "unknown":
            _except(found, "a call whose outcome nobody knows", entry)
        elif outcome == "over_budget":
            _except(found, "a call that a budget did not allow", entry)
        if not call.get("sent"):
            continue
        days = call.get("retention_days")
        place = (
            str(facts.get("data_class", "not stated")),
            str(call.get("to")),
            str(call.get("hosting", "not stated")),
            str(call.get("region", "not stated")),
            "not stated" if days is None else str(days),
            {True: "yes", False: "no"}.get(call.get("trains_on_data"), "not stated"),
        )
        found.calls[place] += 1
        if outcome != "ok":
            found.failed[place] += 1


def _verdict(found: _Found, entry: Entry) -> None:
    status, verdict = entry.facts.get("status"), entry.facts.get("verdict")
    found.ended[str(verdict or status)] += 1
    if status == "unknown":
        _except(found, "a request whose end nobody knows", entry)
    if entry.facts.get("independence") == "none" and verdict not in (None, "abstained"):
        _except(found, "an answer that nobody independent has checked", entry)


def _except(found: _Found, what: str, entry: Entry) -> None:
    found.exceptions[what] += 1
    found.examples.setdefault(what, entry.trace_id)


# ── sections ─────────────────────────────────────────────────────────────────────────────


def _rules(found: _Found) -> Section:
    kept = sorted(found.policies.items(), key=lambda one: one[1].first)
    return Section(
        id="rules",
        title="Rules in force",
        words="Under which policy how many decisions were made; `mesh policy show HASH` prints it.",
        columns=("policy", "first decision", "last decision", "decisions", "put in by", "changed"),
        rows=tuple(
            (hash, moment(p.first), moment(p.last), p.decisions, p.by, p.changed)
            for hash, p in kept
        ),
    )


def _reached(found: _Found) -> Section:
    return Section(
        id="reached",
        title="Which model saw which data",
        words="Requests that were sent, by class of data, and what is declared of the place.",
        columns=(
            "data class",
            "deployment",
            "hosting",
            "region",
            "retention days",
            "trains on it",
            "calls",
            "failed",
        ),
        rows=tuple((*place, n, found.failed[place]) for place, n in sorted(found.calls.items())),
    )


def _exceptions(found: _Found) -> Section:
    return Section(
        id="exceptions",
        title="Exceptions",
        words="Where it was not as the policy would have it, with the first such request.",
        columns=("what", "times", "first request"),
        rows=tuple((what, n, found.examples[what]) for what, n in found.exceptions.most_common()),
    )


def _verdicts(found: _Found) -> Section:
    return Section(
        id="verdicts",
        title="How requests ended",
        words="Verdicts of checked answers, and requests that failed.",
        columns=("verdict", "requests"),
        rows=tuple(found.ended.most_common()),
    )


def _counts(found: _Found, id: str, title: str, words: str, _kinds: frozenset[str]) -> Section:
    counted = found.counted.get(id, Counter()).most_common()
    return Section(
        id=id,
        title=title,
        words=words,
        columns=("what", "times", "last"),
        rows=tuple((what, n, moment(found.last[id, what])) for what, n in counted[:MOST_ROWS]),
        more=max(0, len(counted) - MOST_ROWS),
    )


def _listed(found: _Found, id: str, title: str, words: str, _kinds: frozenset[str]) -> Section:
    events = found.events.get(id, [])
    return Section(
        id=id,
        title=title,
        words=words,
        columns=("when", "what", "by", "request", "facts"),
        rows=tuple(
            (moment(e.at), e.what, e.by, e.trace_id, told(e.facts)) for e in events[-MOST_ROWS:]
        ),
        more=max(0, len(events) - MOST_ROWS),
    )


def _mapping() -> Section:
    return Section(
        id="frameworks",
        title="What this answers",
        words="What rules and standards ask for, in our words, and the part of this report, or of "
        "the product, that answers it. It is no legal advice, and no certificate.",
        columns=("source", "place", "asks for", "answered by"),
        rows=tuple((r.source, r.place, r.asks, r.answered) for r in REQUIREMENTS),
    )


def _uncovered() -> Section:
    return Section(
        id="uncovered",
        title="What it does not cover",
        words="To be answered by other means.",
        columns=("source", "what"),
        rows=tuple(UNCOVERED),
    )


def moment(at: float) -> str:
    """A time for a person, UTC."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at))


def told(facts: Mapping[str, Any]) -> str:
    """Facts on one line."""
    return ", ".join(f"{key} {_plain(value)}" for key, value in facts.items() if value != "")


def _changed(facts: Mapping[str, Any]) -> str:
    parts = [
        f"{word} {', '.join(facts[f'routes_{word}'])}"
        for word in ("added", "removed", "changed")
        if facts.get(f"routes_{word}")
    ]
    keys = [key for key in facts.get("keys", ()) if key != "routes"]
    return "; ".join([*parts, *([f"keys {', '.join(keys)}"] if keys else [])])


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"({told(value)})"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return " ".join(map(_plain, value))
    return str(value)

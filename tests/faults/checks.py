"""What can be asked of a cell: the caller's view, and the provider's.

Each function makes a check; `always` are those that hold whatever the fault.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.errors import CallError, IncompleteError
from orchestrator.records import Attempt
from orchestrator.types import Outcome
from tests.faults.bench import DEADLINE_S, NEVER_SENT, NOT_TOLD, PROMPT_S, Bench, Called
from tests.faults.scenario import Broken, Check, need
from tests.faults.server import Arrival

# ── the caller's view ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole answer: its exact text, who gave it, and how it came together."""

    text: str
    by: str
    ending: str = "complete"


def answered(*any_of: Whole) -> Check:
    """Every call was answered by one of these, letter by letter."""

    def check(bench: Bench) -> None:
        for called in bench.calls:
            _not_failed(called)
            said = called.said
            need(said is not None, "the call ended with neither an answer nor an error")
            assert said is not None
            found = Whole(called.text, said.model, said.ending or "not said")
            need(found in any_of, f"the answer is {_short(found)}; right: {_shorts(any_of)}")

    return check


def broke_off(at: str, *, never_says: str = "") -> Check:
    """The caller was told that the answer is incomplete, after exactly this text."""

    def check(bench: Bench) -> None:
        for called in bench.calls:
            need(called.said is None, f"a cut answer was given as a success: {called.text!r:.80}")
            error = called.error
            need(error is not None, "the call ended with neither an answer nor an error")
            need(called.text == at, f"handed on was {_cut(called.text)}; right: {_cut(at)}")
            need(
                isinstance(error, IncompleteError),
                f"not an explicit `incomplete` but {type(error).__name__}: {error}",
            )
            need(
                not never_says or never_says not in str(error).lower(),
                f"the caller reads of '{never_says}': {error}",
            )

    return check


def failed(*words: str) -> Check:
    """Every call failed with an error that says these words; nothing was handed on."""

    def check(bench: Bench) -> None:
        for called in bench.calls:
            fails(called, *words)

    return check


def told_as(status: int, code: str) -> Check:
    """Over HTTP, the last call failed with this status and this code."""

    def check(bench: Bench) -> None:
        last = bench.calls[-1]
        if last.status is not None:
            found = (last.status, last.code)
            need(found == (status, code), f"the API says {found}; right: {(status, code)}")

    return check


def fails(called: Called, *words: str) -> None:
    """`called` failed with an error that says these words."""
    need(called.error is not None, f"it should have failed; the answer is {called.text!r:.80}")
    need(called.text == "", f"text was handed on before the error: {called.text!r:.80}")
    for word in words:
        need(word in str(called.error), f"the error does not say '{word}': {called.error}")


def _not_failed(called: Called) -> None:
    if called.error is not None:
        raise Broken(
            f"the call '{called.question}' failed with {type(called.error).__name__}: "
            f"{called.error}"
        ) from called.error


def either(*any_of: Check) -> Check:
    """One of these holds."""

    def check(bench: Bench) -> None:
        broken = []
        for one in any_of:
            try:
                return one(bench)
            except Broken as error:
                broken.append(str(error))
        raise Broken(" | and: ".join(broken))

    return check


def by_way(*, streaming: Check, otherwise: Check) -> Check:
    """What may be said depends on whether text was handed on before the fault."""

    def check(bench: Bench) -> None:
        (streaming if bench.streams else otherwise)(bench)

    return check


def by_via(*, openai: Check, litellm: Check) -> Check:
    """What can be seen depends on the transport."""

    def check(bench: Bench) -> None:
        (openai if bench.via == "openai" else litellm)(bench)

    return check


def within(seconds: float) -> Check:
    """Every call took at most so long."""

    def check(bench: Bench) -> None:
        most = bench.at_most(seconds)
        for called in bench.calls:
            need(called.seconds <= most, f"it took {called.seconds:.2f} s; right: ≤ {most}")

    return check


def outcomes(*expected: str) -> Check:
    """The attempts of each call on the trace came to this."""

    def check(bench: Bench) -> None:
        for called in bench.calls:
            found = called.outcomes
            need(found == expected, f"the attempts are {found}; right: {expected}")

    return check


def costs(micro_usd: int) -> Check:
    """Caller, trace and ledger agree on this amount for each call."""

    def check(bench: Bench) -> None:
        for called in bench.calls:
            said = called.said.cost_micro_usd if called.said else None
            traced = called.trace.cost_micro_usd if called.trace else None
            found = {"caller": said, "trace": traced, "ledger": called.spent}
            need(set(found.values()) == {micro_usd}, f"the cost is {found}; right: {micro_usd} µ$")

    return check


# ── the provider's view ──────────────────────────────────────────────────────────────────


def reached(primary: int | range | None = None, fallback: int | range | None = None) -> Check:
    """So many requests reached each."""

    def check(bench: Bench) -> None:
        for name, expected in (("primary", primary), ("fallback", fallback)):
            count = len(bench.server.to(name))
            right = expected is None or (
                count in expected if isinstance(expected, range) else count == expected
            )
            need(right, f"{count} requests reached the {name}; right: {expected}")

    return check


def apart(at_least: float) -> Check:
    """Between two requests to the primary lie so many seconds."""

    def check(bench: Bench) -> None:
        for earlier, later in itertools.pairwise(bench.primary):
            gap = later.at - earlier.at
            need(gap >= at_least, f"{gap:.2f} s between two requests; right: ≥ {at_least}")

    return check


def not_more_than(count: int, *, in_s: float) -> Check:
    """In no span of so many seconds more requests reached the primary."""

    def check(bench: Bench) -> None:
        times = [a.at for a in bench.primary]
        for first, last in zip(times, times[count:], strict=False):
            need(last - first >= in_s, f"{count + 1} requests in {last - first:.2f} s")

    return check


def left(deployment: str) -> Check:
    """Whoever asked there went away, so that nothing runs on."""

    def check(bench: Bench) -> None:
        for arrival in bench.server.to(deployment):
            need(arrival.gone, f"the call to the {deployment} was not stopped")

    return check


def asked_to_continue(deployment: str, text: str) -> Check:
    """The last request there asks to go on with exactly this text."""

    def check(bench: Bench) -> None:
        arrivals = bench.server.to(deployment)
        need(arrivals, f"nothing reached the {deployment}")
        need(
            arrivals[-1].prefill == text,
            f"it was asked to go on with {_cut(arrivals[-1].prefill)}; right: {_cut(text)}",
        )

    return check


def never_continued(bench: Bench) -> None:
    """Nobody was asked to go on with a text."""
    for arrival in bench.server.log:
        need(not arrival.prefill, f"the {arrival.deployment} was asked to go on with a text")


# ── what holds whatever the fault ────────────────────────────────────────────────────────


def always(bench: Bench) -> None:
    """Nobody is lied to and nothing is lost: trace, ledger, caller and provider agree."""
    for called in bench.calls:
        _ended_in_time(called, 1.0 if bench.quick else PROMPT_S)
        _recorded(called)
        _told_the_truth(called)
        _paid(called)
    _seen_by_the_provider(bench)
    for arrival in bench.server.log:
        need(arrival.ended_at is not None, f"a call to the {arrival.deployment} still runs")


def _ended_in_time(called: Called, more_s: float) -> None:
    """At the deadline, and what was under way is handed over."""
    need(called.ended is not None, "the call did not end")
    most = DEADLINE_S + more_s
    need(called.seconds <= most, f"it took {called.seconds:.1f} s; the deadline is {DEADLINE_S} s")


def _recorded(called: Called) -> None:
    trace = called.trace
    need(trace is not None, "the call is not on the trace")
    assert trace is not None
    right = "cancelled" if called.stopped else "failed" if called.error else "ok"
    need(trace.status == right, f"the trace says {trace.status}; right: {right}")
    need(trace.question == called.question, f"its trace is of '{trace.question:.80}'")
    need(trace.ms >= 0, f"the trace took {trace.ms} ms")
    for attempt in called.attempts:
        need(attempt.ms >= 0, f"an attempt took {attempt.ms} ms")
    if isinstance(called.error, CallError):
        told = [(a.deployment, a.outcome) for a in called.error.attempts]
        kept = [(a.deployment, a.outcome) for a in called.attempts]
        need(told == kept, f"the error carries {told}, the trace {kept}")


def _told_the_truth(called: Called) -> None:
    said, attempts = called.said, called.attempts
    if said is None:
        return
    need(attempts, "an answer without an attempt")
    last, hop = attempts[-1], called.hops[-1]
    need(last.outcome is Outcome.OK, f"answered, though the last attempt is {last.outcome}")
    reported = last.reported_model
    need(
        (said.model, said.deployment) == (last.model, last.deployment)
        and said.reported_model in (reported, NOT_TOLD),
        f"the caller hears of {said}, the trace of {last}",
    )
    named = _named(last)
    if not last.usage.estimated:
        need(
            reported == f"{named}-1",
            f"the provider calls itself {named}-1, the caller hears {reported}",
        )
    if not said.tools:
        need(hop.output == called.text, "the trace keeps another text than the caller got")
    need(hop.ending == said.ending, f"the trace says {hop.ending}, the caller {said.ending}")
    kept = tuple((a.deployment, str(a.outcome)) for a in attempts)
    right = len(kept) if isinstance(said.attempts, int) else kept
    need(said.attempts == right, f"the caller hears of {said.attempts}, the trace of {kept}")


def _paid(called: Called) -> None:
    """Every attempt is a line of the ledger, and nothing is reserved any more."""
    trace = called.trace
    assert trace is not None
    need(not any(line.is_open for line in called.lines), f"still reserved: {called.lines}")
    paid = sorted((line.deployment, line.outcome) for line in called.lines)
    made = sorted(
        (a.deployment, str(a.outcome)) for a in called.attempts if a.outcome not in NEVER_SENT
    )
    need(paid == made, f"the ledger has lines for {paid}, the trace attempts {made}")
    known = [a.cost_micro_usd for a in called.attempts]
    if any(cost is None for cost in known):
        return
    total = sum(cost or 0 for cost in known)
    said = called.said.cost_micro_usd if called.said else total
    found = {"attempts": total, "trace": trace.cost_micro_usd, "ledger": called.spent}
    found["caller"] = said
    need(len(set(found.values())) == 1, f"the cost differs: {found}")


def _seen_by_the_provider(bench: Bench) -> None:
    """Each attempt that was sent is one that arrived, and the reverse."""
    sent = [
        attempt
        for called in bench.calls
        for attempt in called.attempts
        if attempt.outcome not in NEVER_SENT and _named(attempt) not in bench.elsewhere
    ]
    asked, arrived = [_named(a) for a in sent], [a.deployment for a in bench.server.log]
    need(
        sorted(asked) == sorted(arrived),
        f"the trace holds {len(asked)} attempts ({_counted(asked)}), "
        f"the provider saw {len(arrived)} ({_counted(arrived)})",
    )
    if len(bench.calls) == 1:
        for attempt, arrival in zip(sent, bench.server.log, strict=True):
            _same_usage(attempt, arrival)


def _same_usage(attempt: Attempt, arrival: Arrival) -> None:
    if attempt.outcome is not Outcome.OK or not arrival.reported:
        return
    found = (attempt.usage.input, attempt.usage.output)
    served = (arrival.used.input, arrival.used.output)
    need(found == served, f"the trace has {found} tokens, served were {served}")


def _named(attempt: Attempt) -> str:
    """The deployment's name at the fault server."""
    return attempt.deployment.split("/")[1]


def _counted(names: Sequence[str]) -> str:
    return ", ".join(f"{name} {names.count(name)}" for name in dict.fromkeys(names)) or "none"


def _cut(text: str) -> str:
    return (
        repr(text) if len(text) <= 60 else f"{text[:25]!r}…{text[-25:]!r} ({len(text)} characters)"
    )


def _short(whole: Whole) -> str:
    return f"{_cut(whole.text)} by {whole.by}, {whole.ending}"


def _shorts(any_of: Sequence[Whole]) -> str:
    return "; or ".join(_short(whole) for whole in any_of)

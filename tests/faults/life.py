"""Faults 15, 22, 25 and 27: over many calls, and when somebody goes away."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools

from orchestrator.errors import CallError, NoCandidateError
from orchestrator.types import Outcome
from tests.faults.bench import NEVER_SENT, Bench, Called
from tests.faults.checks import Whole, answered, left, within
from tests.faults.project import Fleet
from tests.faults.scenario import FINE, HEALTHY, SPARE, SPARED, Scenario, need
from tests.faults.steps import FAULTS, Asked, Step

OWN, OTHER = Whole(HEALTHY, "primary"), Whole(SPARE, "fallback")

# ── 15: an outage of a minute ────────────────────────────────────────────────────────────

OUTAGE_S, REQUESTS, EVERY_S, RECOVERS_S = 60.0, 20, 4.0, 30.0


def outage(asked: Asked) -> Step:
    """503 for a minute from the first request on, then all is well."""
    return FAULTS["error_503"](FINE) if asked.since < OUTAGE_S else FINE


async def _every_four_seconds(bench: Bench) -> None:
    """Twenty requests, and more until the primary serves or should have served."""
    start = bench.clock.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(int((OUTAGE_S + RECOVERS_S) / EVERY_S) + 1):
            await bench.clock.sleep(start + number * EVERY_S - bench.clock.monotonic())
            if number >= REQUESTS and _served_again(bench):
                break
            group.create_task(bench.ask(f"Request {number}"))


def _served_again(bench: Bench) -> list[float]:
    """When the primary answered, in seconds after it had recovered."""
    recovered = bench.primary[0].at + OUTAGE_S
    return [
        called.ended - recovered
        for called in bench.calls
        if called.said and called.said.model == "primary" and called.ended is not None
    ]


def _probes(bench: Bench) -> None:
    """Once it is known to be down, one probe each interval and no retry of it."""
    times = [a.at for a in bench.primary]
    known = bench.mesh.project.settings.calls.breaker
    down = [t for t in times if t - times[0] < OUTAGE_S][known.failures :]
    gaps = [b - a for a, b in itertools.pairwise(down)]
    right = known.open_ms / 1000
    need(all(gap >= right - 0.01 for gap in gaps), f"probes {gaps} s apart; right: ≥ {right}")
    most = known.failures + OUTAGE_S / right
    need(len(down) <= most, f"{len(down)} requests to a primary that is down; right: ≤ {most}")


def _serves_again(bench: Bench) -> None:
    served = _served_again(bench)
    need(len(bench.calls) >= REQUESTS, f"{len(bench.calls)} requests")
    need(served, f"the primary never serves again, in {len(bench.calls)} requests")
    need(
        min(served) <= RECOVERS_S,
        f"the primary serves {min(served):.1f} s after recovering; right: ≤ {RECOVERS_S}",
    )


# ── 22: one dead and one healthy deployment of the same model ────────────────────────────


async def _sixty(bench: Bench) -> None:
    for start in range(0, 60, 10):
        calls = (bench.ask(f"Request {number}") for number in range(start, start + 10))
        await asyncio.gather(*calls)


def _never_back(bench: Bench) -> None:
    """Whoever failed there is sent to the healthy sibling, and not back."""
    for called in bench.calls:
        sent = [a.deployment for a in called.attempts if a.outcome not in NEVER_SENT]
        need(sent.count("primary/primary") <= 1, f"a call went back to the dead one: {sent}")
        need(sent[-1] == "primary/twin", f"the healthy sibling did not answer: {sent}")
    need(len(bench.calls) == 60, f"{len(bench.calls)} calls")


# ── 25: the caller goes away ─────────────────────────────────────────────────────────────


async def _leave(bench: Bench) -> None:
    await bench.ask(leaves_after=5)


def _settled(bench: Bench) -> None:
    """What was used until then is paid, no more is reserved, and nothing goes on."""
    (called,) = bench.calls
    need(called.stopped and called.said is None, "the call was not stopped")
    (attempt,) = called.attempts or (None,)
    need(attempt is not None, "the attempt is not on the trace")
    assert attempt is not None
    need(attempt.outcome is Outcome.CANCELLED, f"the attempt came to {attempt.outcome}")
    need((attempt.cost_micro_usd or 0) > 0, f"what was used costs {attempt.cost_micro_usd}")
    need(called.spent == attempt.cost_micro_usd, f"the ledger holds {called.lines}")
    sent = len(bench.primary[0].sent)
    need(sent <= 10, f"the provider went on to {sent} words")


# ── 27: all deployments are open ─────────────────────────────────────────────────────────

SHORT_S, LONG_S = 2.0, 6.0
"""Less than a breaker stays open as it comes, and where it stays open for `OPEN_MS`."""
OPEN_MS = 15_000


async def _open_all(bench: Bench) -> None:
    """Call until nobody may be asked any more."""
    for number in range(12):
        called = await bench.ask(f"Request {number}", deadline_s=SHORT_S)
        if _nobody_asked(called):
            break


def _nobody_asked(called: Called) -> bool:
    if isinstance(called.error, NoCandidateError):
        return True
    tried = called.error.attempts if isinstance(called.error, CallError) else ()
    return bool(tried) and all(a.outcome in NEVER_SENT for a in tried)


async def _wait_for_one(bench: Bench) -> None:
    await _open_all(bench)
    bench.server.does("primary", FINE)
    bench.server.does("fallback", SPARED)
    await bench.ask("Is anybody there?")


async def _nobody_in_time(bench: Bench) -> None:
    await _open_all(bench)
    await bench.ask("Is anybody there?", deadline_s=LONG_S)


def _answered_late(bench: Bench) -> None:
    """The last call waited for the first breaker that let it through, and no longer."""
    last = bench.calls[-1]
    need(last.said is not None, f"nobody answered, though both are well again: {last.error}")
    assert last.said is not None
    right = {"primary": HEALTHY, "fallback": SPARE}[last.said.model]
    need(last.text == right, f"the answer is {last.text!r:.80}")
    need(0.5 <= last.seconds <= 16, f"it waited {last.seconds:.1f} s")


def _failed_at_once(bench: Bench) -> None:
    """The last call failed without waiting, and says what was tried."""
    last = bench.calls[-1]
    need(last.error is not None, f"somebody answered: {last.text!r:.80}")
    # On real clocks a busy machine; whoever waited would have waited for the deadline.
    most = 0.3 if bench.quick else LONG_S / 2
    need(last.seconds <= most, f"it waited {last.seconds:.2f} s for nothing; right: ≤ {most}")
    need(_nobody_asked(last), f"somebody was asked: {last.outcomes}")
    for deployment in ("primary/primary", "fallback/fallback"):
        need(deployment in str(last.error), f"it does not speak of {deployment}: {last.error}")


DOWN = FAULTS["error_503"](FINE)
SCENARIOS = (
    Scenario(
        number=15,
        fault="503 for a minute, then well",
        primary=outage,
        act=_every_four_seconds,
        caller=(answered(OWN, OTHER), within(6), _serves_again),
        provider=(_probes,),
        seconds=84,
    ),
    Scenario(
        number=22,
        fault="one dead, one healthy deployment",
        fleet=Fleet(siblings=("twin",)),
        primary=FAULTS["reset"](FINE),
        siblings={"twin": FINE},
        act=_sixty,
        caller=(answered(OWN), within(10), _never_back),
        seconds=8,
        heavy=True,  # it does not wait: sixty calls are work
    ),
    Scenario(
        number=25,
        fault="the caller goes away",
        primary=dataclasses.replace(FINE, gap_s=0.2),
        act=_leave,
        caller=(_settled,),
        provider=(left("primary"),),
        seconds=2,
    ),
    Scenario(
        number=27,
        fault="all deployments are open",
        variant="one opens in time",
        primary=DOWN,
        fallback=DOWN,
        act=_wait_for_one,
        caller=(_answered_late,),
        seconds=20,
    ),
    Scenario(
        number=27,
        fault="all deployments are open",
        variant="none opens in time",
        fleet=Fleet(open_ms=OPEN_MS),
        primary=DOWN,
        fallback=DOWN,
        act=_nobody_in_time,
        caller=(_failed_at_once,),
        seconds=10,
    ),
)

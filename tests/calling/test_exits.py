"""Whatever happens to a call, nothing leaks: no lease stays open, no pass is kept, and what was
spent is what its attempts cost; an answer is a whole text that somebody wrote, or there is none."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.call_types import Reply
from orchestrator.errors import AttemptError, CallError, IncompleteError
from orchestrator.types import Outcome, Strategy, Tactics
from tests.calling.fake_clock import FakeClock
from tests.calling.server import Fail, Hang, Raw, Reset, Say, Step
from tests.calling.test_strategies import Fleet

NAMES = ("a/one", "a/two", "b/one", "c/one")
TEXTS = {name: " ".join(f"{name[0]}{name[2]}{n}" for n in range(12)) for name in NAMES}
MENDED = "mended"


def _says(text: str) -> st.SearchStrategy[Step]:
    whole = st.builds(
        Say,
        st.just(text),
        delay_s=st.sampled_from([0.0, 0.5, 30.0]),
        gap_s=st.sampled_from([0.0, 0.2]),
        done=st.booleans(),
        usage_with_finish=st.booleans(),
        junk_after=st.sampled_from([None, 3]),
    )
    broken = st.builds(
        Say,
        st.just(text),
        gap_s=st.sampled_from([0.0, 0.2]),
        break_after=st.integers(0, 11),
        broken=st.sampled_from(["reset", "close", "hang", "error"]),
    )
    return st.one_of(
        whole,
        whole,
        broken,
        st.sampled_from([Fail(429, headers={"Retry-After": "2"}), Fail(503), Fail(401), Fail(400)]),
        st.sampled_from([Hang(), Reset(), Raw("<html>", "text/html"), Say(""), Say("not valid")]),
    )


@dataclass(frozen=True)
class Case:
    """One call, and what the world does to it."""

    steps: dict[str, list[Step]]
    strategy: Strategy
    tactics: Tactics
    p95_s: float | None
    live: bool
    checked: bool
    prefill: bool
    refused: dict[str, Outcome]
    """Deployments that traffic does not let in the first time."""
    cancelled_after: float | None
    budget_left: bool


@st.composite
def _cases(draw: st.DrawFn) -> Case:
    strategies: list[Strategy] = ["single", "single", "race", "panel", "cascade"]
    starts: list[Literal["together", "after_p95"]] = ["together", "after_p95"]
    strategy, start = draw(st.sampled_from(strategies)), draw(st.sampled_from(starts))
    models = draw(st.integers(2, 3))
    refusals = st.sampled_from([Outcome.BUSY, Outcome.SKIPPED_OPEN])
    return Case(
        steps={n: draw(st.lists(_says(TEXTS[n]), min_size=1, max_size=3)) for n in NAMES},
        strategy=strategy,
        tactics=Tactics(models=models, start=start, agree=draw(st.integers(1, models))),
        p95_s=draw(st.sampled_from([None, 0.1, 1.0])),
        live=draw(st.booleans()),
        checked=draw(st.booleans()),
        prefill=draw(st.booleans()),
        refused=draw(st.dictionaries(st.sampled_from(NAMES), refusals, max_size=2)),
        cancelled_after=draw(st.sampled_from([None, None, 0.05, 0.7, 3.0, 20.0])),
        budget_left=draw(st.sampled_from([True, True, True, False])),
    )


def _check(text: str) -> str:
    if text == "not valid":
        raise ValueError("it must not say so")
    return text


def _continued(step: Step, text: str) -> Any:
    """As `step`, but asked to go on it sends the rest of whichever text was begun."""

    def act(body: dict[str, Any]) -> Step:
        last = body["messages"][-1]
        if last["role"] != "assistant" or not isinstance(step, Say):
            return step
        begun = next((t for t in TEXTS.values() if t.startswith(last["content"])), "")
        return Say(begun[len(last["content"]) :] or "…")

    return act


async def _run(case: Case) -> tuple[Fleet, Reply | CallError | None]:
    async with AsyncExitStack() as stack:
        clock = await stack.enter_async_context(FakeClock())
        fleet = Fleet(clock, stack)
        stack.push_async_callback(fleet.transports.close)
        fleet.traffic.p95_s = case.p95_s
        for name in NAMES:
            facts = {"can": ("prefill",)} if case.prefill and name == "c/one" else {}
            steps = [_continued(s, TEXTS[name]) if facts else s for s in case.steps[name]]
            await fleet.serve(name, *steps, **facts)
        for name, outcome in case.refused.items():
            fleet.traffic.closed[name] = [AttemptError(outcome, "no", retry_after_s=3.0)]
        if not case.budget_left:
            fleet.allow(usd=0.00003)
        call = asyncio.ensure_future(
            fleet.call(
                live=case.live,
                strategy=case.strategy,
                tactics=case.tactics,
                **({"check": _check} if case.checked else {}),
            )
        )
        stopper = None
        if case.cancelled_after is not None:
            stopper = asyncio.ensure_future(clock.sleep(case.cancelled_after))
            stopper.add_done_callback(lambda _: call.cancel())
        try:
            return fleet, await call
        except CallError as error:
            return fleet, error
        except asyncio.CancelledError:
            return fleet, None
        finally:
            if stopper is not None:
                stopper.cancel()


@given(_cases())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_exit_gives_back_what_it_took(case: Case) -> None:
    fleet, ended = asyncio.run(_run(case))  # `Fleet.call` looks for leaks at every end
    (attempts,) = fleet.traffic.calls
    assert all(a.outcome is not Outcome.UNKNOWN for a in attempts)
    if isinstance(ended, Reply):
        assert ended.text in {*TEXTS.values(), "not valid"}
        assert not (case.checked and ended.text == "not valid")
        assert not case.live or fleet.text == ended.text
    elif isinstance(ended, IncompleteError):
        assert fleet.text == ended.text
        assert any(text.startswith(fleet.text) for text in TEXTS.values()) or "not" in fleet.text
    elif isinstance(ended, CallError):
        assert not fleet.heard

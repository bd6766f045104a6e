"""What every `Traffic` must do."""

from __future__ import annotations

import asyncio
import threading

from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Asking, Pass, Traffic
from orchestrator.records import Attempt
from orchestrator.testing._loop import in_a_loop
from orchestrator.types import Caller, Capacity, Deployment, Health, Outcome

REFUSALS = (Outcome.BUSY, Outcome.SKIPPED_OPEN)


def _deployment(id: str, limits: Capacity) -> Deployment:
    return Deployment(
        id=id,
        model=id.split("/")[0],
        family="family",
        tier="mid",
        via="openai",
        target="model",
        provider="stand-in",
        hosting="hosted",
        limits=limits,
    )


class TrafficConformance:
    """Say how the traffic is made. Nothing that this suite does may open a breaker."""

    FREE = _deployment("free/api", Capacity())
    NARROW = _deployment("narrow/api", Capacity(concurrent=1))
    AT_ONCE = Asking(tokens=10, caller=Caller(), deadline=1e12)
    PATIENT = Asking(tokens=10, caller=Caller(), deadline=1e12, waits=True)

    def make(self) -> Traffic:
        """New traffic, which has seen nothing."""
        raise NotImplementedError

    def attempt(self, entered: Pass, outcome: Outcome = Outcome.OK) -> Attempt:
        """How the permitted attempt ended."""
        return Attempt(
            deployment=entered.deployment,
            model=entered.deployment.split("/")[0],
            family="family",
            outcome=outcome,
            started_at=1.79e9,
            ms=10.0,
        )

    @in_a_loop
    async def test_a_pass_names_its_deployment(self) -> None:
        """Who enters gets a pass for the deployment that was asked for."""
        traffic = self.make()
        entered = await traffic.enter(self.FREE, self.AT_ONCE)
        assert entered.deployment == self.FREE.id
        traffic.leave(entered, self.attempt(entered))

    @in_a_loop
    async def test_a_refusal_is_typed_and_says_when_to_come_back(self) -> None:
        """What is refused is busy or skipped; a time to come back lies ahead."""
        traffic, refusals = self.make(), []
        for _ in range(3):
            try:
                await traffic.enter(self.NARROW, self.AT_ONCE)
            except AttemptError as refused:
                refusals.append(refused)
        assert all(refused.outcome in REFUSALS for refused in refusals)
        waits = [refused.retry_after_s for refused in refusals]
        assert all(wait_s is None or wait_s > 0 for wait_s in waits)

    @in_a_loop
    async def test_who_left_makes_room_whatever_became_of_the_attempt(self) -> None:
        """After any end of an attempt another one may begin."""
        traffic = self.make()
        for outcome in (Outcome.OK, Outcome.CANCELLED, Outcome.OVER_BUDGET, Outcome.INVALID_OUTPUT):
            entered = await traffic.enter(self.NARROW, self.AT_ONCE)
            traffic.leave(entered, self.attempt(entered, outcome))

    @in_a_loop
    async def test_a_pass_given_back_twice_counts_once(self) -> None:
        """The second time does nothing: there is no more room than before."""
        traffic = self.make()
        first = await traffic.enter(self.NARROW, self.AT_ONCE)
        for _ in range(2):
            traffic.leave(first, self.attempt(first))
        room = await self._fit(traffic)
        assert room == await self._fit(self.make())

    @in_a_loop
    async def test_who_waits_comes_in_when_another_leaves(self) -> None:
        """A caller that waits is let in at the latest when all others have left."""
        traffic = self.make()
        inside = await traffic.enter(self.NARROW, self.AT_ONCE)
        waiting = asyncio.ensure_future(traffic.enter(self.NARROW, self.PATIENT))
        await asyncio.sleep(0)
        traffic.leave(inside, self.attempt(inside))
        entered = await waiting
        traffic.leave(entered, self.attempt(entered))

    @in_a_loop
    async def test_who_stops_waiting_takes_no_room(self) -> None:
        """A cancelled caller leaves nothing behind."""
        traffic = self.make()
        inside = await traffic.enter(self.NARROW, self.AT_ONCE)
        waiting = asyncio.ensure_future(traffic.enter(self.NARROW, self.PATIENT))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        if not waiting.cancelled():
            traffic.leave(waiting.result(), self.attempt(waiting.result()))
        traffic.leave(inside, self.attempt(inside))
        entered = await traffic.enter(self.NARROW, self.AT_ONCE)
        traffic.leave(entered, self.attempt(entered))

    @in_a_loop
    async def test_what_was_never_called_has_no_p95(self) -> None:
        """Nothing is said of a deployment that nobody has called."""
        assert self.make().hedge_after_s("nobody/api") is None

    @in_a_loop
    async def test_health_is_told_by_deployment(self) -> None:
        """What was called may be told; each value is a `Health`, with shares in 0..1."""
        traffic = self.make()
        entered = await traffic.enter(self.FREE, self.AT_ONCE)
        traffic.leave(entered, self.attempt(entered))
        traffic.answered([self.attempt(entered)])
        traffic.answered([])
        for health in traffic.health().values():
            assert isinstance(health, Health)
            assert 0 <= health.room <= 1
            assert 0 <= health.error_rate <= 1

    @in_a_loop
    async def test_a_hedge_is_granted_or_not(self) -> None:
        """`take_hedge` says true or false and waits for nothing."""
        assert self.make().take_hedge() in (True, False)

    def test_it_serves_several_threads_and_loops(self) -> None:
        """Callers of different loops wait for each other, and all of them come in."""
        traffic, served = self.make(), []

        async def callers() -> None:
            await asyncio.gather(*(caller() for _ in range(20)))

        async def caller() -> None:
            entered = await traffic.enter(self.NARROW, self.PATIENT)
            await asyncio.sleep(0)
            traffic.leave(entered, self.attempt(entered))
            served.append(entered)

        threads = [threading.Thread(target=asyncio.run, args=(callers(),)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(served) == 60

    async def _fit(self, traffic: Traffic, most: int = 5) -> int:
        """How many may be inside at once, up to `most`."""
        for count in range(most):
            try:
                await traffic.enter(self.NARROW, self.AT_ONCE)
            except AttemptError:
                return count
        return most

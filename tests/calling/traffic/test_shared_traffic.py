"""Traffic of several copies: one limit, one set of places, one breaker, one probe."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.health.breaker import Breakers
from orchestrator.calling.health.incidents import Incidents
from orchestrator.calling.health.live import Live
from orchestrator.calling.health.probes import Probes
from orchestrator.calling.health.shared import SharedHealth
from orchestrator.calling.health.store import HealthMemory, HealthStore
from orchestrator.calling.traffic.control import TrafficControl
from orchestrator.calling.traffic.places import Places
from orchestrator.errors import AttemptError
from orchestrator.project.calls_schema import Breaker
from orchestrator.project.protocols import Asking, Pass
from orchestrator.records import Attempt
from orchestrator.types import Caller, Capacity, Deployment, Outcome
from tests.calling.health.seen import attempt
from tests.calling.samples import deployment
from tests.sharing.copies import Copy, until
from tests.sharing.valkey import Valkey, valkey

__all__ = ["valkey"]

BREAKER = Breaker(failures=2, open_ms=300, open_at_most_ms=300, ramp_ms=100)
ONE = deployment("m/d", limits=Capacity(concurrent=1))


class Machine(Copy):
    """A copy with all that stands before a call."""

    def __init__(self, where: str | Path, folder: Path, **more: Any) -> None:
        super().__init__(where, **more)
        clock = SystemClock()
        folder.mkdir(exist_ok=True)
        self.file = HealthStore(folder / "health.sqlite", pause_s=0.05)
        memory: HealthMemory = self.file
        self.health = None if self.shared is None else SharedHealth(self.file, self.shared)
        if self.health is not None:
            memory = self.health
        self.traffic = TrafficControl(
            breakers=Breakers(BREAKER, clock, memory),
            live=Live(clock, memory),
            incidents=Incidents(clock, {}),
            places=Places(clock, self.deployments, longest=100, pools=self.pools),
            hedge_share=0.05,
            probes=Probes(self.pools, clock),
        )

    async def close(self) -> None:
        await self.pools.close()
        if self.health is not None:
            await self.health.close()
        self.file.close()
        if self.shared is not None:
            await self.shared.close()

    async def enter(self, to: Deployment, *, waits: bool = False, wait_s: float = 60) -> Pass:
        now = SystemClock().monotonic()
        asking = Asking(tokens=10, caller=Caller(), deadline=now + wait_s, waits=waits)
        return await self.traffic.enter(to, asking)

    async def enters(self, to: Deployment) -> Pass | None:
        try:
            return await self.enter(to)
        except AttemptError:
            return None

    def leave(self, entered: Pass, outcome: Outcome = Outcome.OK) -> None:
        self.traffic.leave(entered, attempt(entered.deployment, outcome))

    async def breaks(self, to: Deployment) -> None:
        for _ in range(2):
            self.leave(await self.enter(to), Outcome.OVERLOADED)

    def is_open(self, to: Deployment) -> bool:
        found = self.traffic.health().get(to.id)
        return found is not None and found.breaker == "open"


@pytest.fixture(params=["file", "valkey"])
async def machines(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Two workers of one machine, or copies on two machines with a server."""
    if request.param == "file":
        folders = [tmp_path / "one"] * 2
        where: str | Path = tmp_path / "limits.sqlite"
    else:
        folders = [tmp_path / "one", tmp_path / "two"]
        where = request.getfixturevalue("valkey").url
    made = [Machine(where, folder) for folder in folders]
    yield made
    for machine in made:
        await machine.close()


Two = list[Machine]


async def test_a_limit_of_a_deployment_is_one_for_all(machines: Two) -> None:
    to = deployment("m/d", limits=Capacity(requests_per_minute=50))
    found = await asyncio.gather(*(machine.enters(to) for _ in range(100) for machine in machines))
    assert sum(entered is not None for entered in found) == 50
    with pytest.raises(AttemptError) as refused:
        await machines[0].enter(to)
    assert refused.value.outcome is Outcome.BUSY
    assert refused.value.retry_after_s is not None
    assert refused.value.retry_after_s > 50


async def test_tokens_are_reserved_and_corrected_for_all(machines: Two) -> None:
    to = deployment("m/d", limits=Capacity(tokens_per_minute=100))
    inside = [await machines[0].enter(to) for _ in range(10)]
    assert await machines[1].enters(to) is None
    for entered in inside:
        machines[0].leave(entered, Outcome.OVER_BUDGET)  # never sent
        break
    async with asyncio.timeout(10):
        while await machines[1].enters(to) is None:
            await asyncio.sleep(0.05)


async def test_places_are_one_for_all_and_who_waits_gets_the_next(machines: Two) -> None:
    one, two = machines
    inside = await one.enter(ONE)
    assert await two.enters(ONE) is None
    waiting = asyncio.ensure_future(two.enter(ONE, waits=True))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    one.leave(inside)
    async with asyncio.timeout(5):
        entered = await waiting
    assert await one.enters(ONE) is None
    two.leave(entered)
    async with asyncio.timeout(5):
        one.leave(await one.enter(ONE, waits=True))


async def test_calls_of_both_never_run_side_by_side_beyond_the_places(machines: Two) -> None:
    to = deployment("m/d", limits=Capacity(concurrent=3))
    inside = most = 0

    async def call(machine: Machine) -> None:
        nonlocal inside, most
        entered = await machine.enter(to, waits=True)
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.005)
        inside -= 1
        machine.leave(entered)

    async with asyncio.timeout(30):
        await asyncio.gather(*(call(machines[i % 2]) for i in range(60)))
    assert most == 3


async def test_who_is_cancelled_leaves_nothing_taken(machines: Two) -> None:
    async def call(machine: Machine) -> None:
        entered = await machine.enter(ONE, waits=True)
        try:
            await asyncio.sleep(0.02)
        finally:
            machine.leave(entered)

    tasks = [asyncio.ensure_future(call(machine)) for machine in machines * 10]
    for place, task in enumerate(tasks):
        if place % 4:
            await asyncio.sleep(0.005 * (place % 3))
            task.cancel()
    async with asyncio.timeout(20):
        await asyncio.gather(*tasks, return_exceptions=True)
        for machine in machines * 2:
            await call(machine)


async def test_what_one_finds_out_of_order_the_other_does_not_call(machines: Two) -> None:
    to = deployment("m/d")
    one, two = machines
    two.leave(await two.enter(to))
    await one.breaks(to)
    assert one.is_open(to)
    await until(lambda: two.is_open(to))


async def test_one_probe_goes_at_a_time_over_all(machines: Two) -> None:
    to = deployment("m/d")
    one, two = machines
    two.leave(await two.enter(to))
    await one.breaks(to)
    await until(lambda: two.is_open(to))
    await until(lambda: not one.is_open(to) and not two.is_open(to))  # half open, both
    found = await asyncio.gather(*(machine.enters(to) for _ in range(10) for machine in machines))
    probes = [entered for entered in found if entered is not None]
    assert len(probes) == 1
    prober = machines[found.index(probes[0]) % 2]
    prober.leave(probes[0])
    for machine in machines:
        async with asyncio.timeout(10):
            while await machine.enters(to) is None:
                await asyncio.sleep(0.05)


async def test_a_probe_that_was_never_sent_is_free_for_others(machines: Two) -> None:
    to = deployment("m/d")
    one, two = machines
    two.leave(await two.enter(to))
    await one.breaks(to)
    await until(lambda: two.is_open(to))
    await until(lambda: not one.is_open(to) and not two.is_open(to))
    one.leave(await one.enter(to), Outcome.OVER_BUDGET)
    async with asyncio.timeout(10):
        while (entered := await two.enters(to)) is None:
            await asyncio.sleep(0.05)
    two.leave(entered)


async def test_without_the_server_each_goes_by_its_own_knowledge_and_tells_it_later(
    valkey: Valkey, tmp_path: Path
) -> None:
    one, two = (Machine(valkey.url, tmp_path / name) for name in ("one", "two"))
    to, other = deployment("m/d"), deployment("m/e")
    for machine in (one, two):
        machine.leave(await machine.enter(to))
    valkey.kill()
    await one.breaks(to)
    assert one.is_open(to)
    async with asyncio.timeout(5):  # a probe needs nobody's leave
        await until(lambda: not one.is_open(to))
        entered = await one.enter(to)
    one.leave(entered, Outcome.OVERLOADED)
    await one.breaks(other)
    valkey.start()
    await until(lambda: two.traffic.health().get("m/e") is not None)
    for machine in (one, two):
        await machine.close()


async def test_refuse_means_that_a_limited_deployment_is_busy(
    valkey: Valkey, tmp_path: Path
) -> None:
    machine = Machine(valkey.url, tmp_path / "one", when_gone="refuse")
    machine.leave(await machine.enter(ONE))
    valkey.kill()
    await until(lambda: machine.pools.problem)
    with pytest.raises(AttemptError, match="cannot be counted") as refused:
        await machine.enter(ONE)
    assert refused.value.retry_after_s
    machine.leave(await machine.enter(deployment("m/free")))
    await machine.close()


async def test_live_numbers_of_one_are_those_of_the_other(machines: Two) -> None:
    to = deployment("m/d")
    one, two = machines
    for _ in range(30):
        entered = await one.enter(to)
        one.traffic.leave(entered, _slow(entered.deployment))
    one.traffic._live.keep()
    await until(lambda: two.traffic.hedge_after_s(to.id) == 4.0)


def _slow(id: str) -> Attempt:
    return attempt(id, ms=4000.0)

"""Places and the queue before them: order, deadlines, threads, and nothing that leaks."""

from __future__ import annotations

import asyncio
import random
import threading
from typing import Any

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.traffic.meters import WINDOW_S
from orchestrator.calling.traffic.places import Place, Places, Turn
from orchestrator.calling.traffic.rates import Rates
from orchestrator.errors import AttemptError
from orchestrator.project.protocols import Asking, Clock
from orchestrator.types import Caller, Capacity, Deployment, Outcome
from tests.calling.fake_clock import FakeClock
from tests.calling.samples import deployment

FAR = 10_000.0
PATIENCE_S = 20.0
"""Real seconds after which somebody was forgotten in line; no test waits for them."""


def limited(**limits: int) -> Deployment:
    return deployment("m/d", limits=Capacity(**limits))


ONE = limited(concurrent=1)


def places(clock: Clock, longest: int = 100) -> Places:
    return Places(clock, Rates(clock), longest=longest)


def asking(**changes: Any) -> Asking:
    base: dict[str, Any] = {"tokens": 10, "caller": Caller(), "deadline": FAR, "waits": True}
    return Asking(**{**base, **changes})


async def entered(into: Places, to: Deployment, **changes: Any) -> Place:
    found = into.enter(to, asking(**changes))
    assert found is not None
    async with asyncio.timeout(PATIENCE_S):
        return await found.come() if isinstance(found, Turn) else found


async def free_places(into: Places, to: Deployment, most: int) -> int:
    """How many may enter now; they stay."""
    count = 0
    while count <= most:
        try:
            into.enter(to, asking(waits=False))
        except AttemptError:
            break
        count += 1
    return count


async def settled() -> None:
    """Everything that can go on has gone on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_nothing_limits_needs_no_place() -> None:
    into = places(FakeClock())
    assert into.enter(deployment("m/d"), asking(waits=False)) is None
    assert not into.room()


async def test_who_does_not_wait_is_told_when_a_place_will_be_free() -> None:
    clock = FakeClock()
    into, to = places(clock), limited(concurrent=2)
    for place in [await entered(into, to) for _ in range(2)]:
        clock.advance(4)
        into.leave(place, 0)
    took_s = 4 + 0.2 * (8 - 4)  # the moving average over 4 s and 8 s
    for _ in range(2):
        await entered(into, to)
    with pytest.raises(AttemptError, match="there is no room now") as refused:
        into.enter(to, asking(waits=False))
    assert refused.value.outcome is Outcome.BUSY
    assert refused.value.retry_after_s == pytest.approx(took_s / 2)


async def test_the_highest_priority_goes_first_then_who_came_first() -> None:
    into = places(FakeClock())
    inside = await entered(into, ONE)
    order: list[str] = []

    async def one(name: str, priority: int) -> None:
        place = await entered(into, ONE, priority=priority)
        order.append(name)
        into.leave(place, 0)

    async with asyncio.TaskGroup() as group:
        for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5), ("e", -1)):
            group.create_task(one(name, priority))
        await settled()
        assert not order
        into.leave(inside, 0)
    assert order == ["b", "d", "a", "c", "e"]


async def test_nobody_overtakes_those_who_wait_but_by_priority() -> None:
    clock = FakeClock()
    async with clock:
        into, to = places(clock), limited(tokens_per_minute=100)
        await entered(into, to, tokens=90)
        waiting = asyncio.ensure_future(entered(into, to, tokens=100))
        await asyncio.sleep(0)
        with pytest.raises(AttemptError):
            into.enter(to, asking(tokens=5, waits=False))
        assert isinstance(into.enter(to, asking(tokens=5, waits=False, priority=1)), Place)
        await waiting


async def test_who_waits_leaves_when_the_deadline_comes() -> None:
    async with FakeClock() as clock:
        into = places(clock)
        inside = await entered(into, ONE)
        with pytest.raises(AttemptError, match="did not come in time") as refused:
            await entered(into, ONE, deadline=30.0)
        assert refused.value.outcome is Outcome.BUSY
        assert clock.monotonic() == 30.0
        into.leave(inside, 0)
        assert await free_places(into, ONE, 1) == 1


async def test_who_would_wait_past_the_deadline_is_sent_away_at_once() -> None:
    clock = FakeClock()
    into = places(clock)
    place = await entered(into, ONE)
    clock.advance(20)
    into.leave(place, 0)
    await entered(into, ONE)
    with pytest.raises(AttemptError, match="too late") as refused:
        into.enter(ONE, asking(deadline=clock.monotonic() + 15))
    assert refused.value.retry_after_s == pytest.approx(20)
    assert isinstance(into.enter(ONE, asking(deadline=clock.monotonic() + 25)), Turn)


async def test_a_full_queue_keeps_those_of_the_highest_priority() -> None:
    into = places(FakeClock(), longest=2)
    inside = await entered(into, ONE)
    early, late = (asyncio.ensure_future(entered(into, ONE)) for _ in range(2))
    await settled()
    with pytest.raises(AttemptError, match="2 calls wait already"):
        into.enter(ONE, asking())
    urgent = asyncio.ensure_future(entered(into, ONE, priority=1))
    with pytest.raises(AttemptError, match="2 calls wait already") as pushed:
        await late
    assert pushed.value.outcome is Outcome.BUSY
    assert pushed.value.retry_after_s
    into.leave(inside, 0)
    into.leave(await urgent, 0)
    into.leave(await early, 0)
    assert await free_places(into, ONE, 1) == 1


async def test_a_queue_of_no_length_lets_nobody_wait() -> None:
    into = places(FakeClock(), longest=0)
    await entered(into, ONE)
    with pytest.raises(AttemptError, match="0 calls wait already"):
        into.enter(ONE, asking())


async def test_a_place_is_no_use_without_room_in_the_rate_limits() -> None:
    """The head goes in when the minute is over, by itself, and the next when it has left."""
    async with FakeClock() as clock:
        into, to = places(clock), limited(concurrent=1, requests_per_minute=2)
        into.leave(await entered(into, to), 10)
        first = await entered(into, to)
        waiting = [asyncio.ensure_future(entered(into, to)) for _ in range(2)]
        await asyncio.sleep(0)
        clock.advance(5)
        into.leave(first, 10)
        place = await waiting[0]
        assert clock.monotonic() == pytest.approx(60.1, abs=0.1)
        into.leave(place, 10)
        await waiting[1]
        assert clock.monotonic() == pytest.approx(60.1, abs=0.1)


async def test_nothing_is_reserved_for_a_call_that_waits() -> None:
    into, to = places(FakeClock()), limited(concurrent=1, tokens_per_minute=100)
    inside = await entered(into, to, tokens=10)
    waiting = asyncio.ensure_future(entered(into, to, tokens=90))
    await settled()
    assert into._rates.left(to) == pytest.approx(0.9)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    into.leave(inside, 10)


async def test_a_place_that_is_given_in_the_moment_of_a_cancellation_goes_on() -> None:
    into = places(FakeClock())
    inside = await entered(into, ONE)
    first, second = (asyncio.ensure_future(entered(into, ONE)) for _ in range(2))
    await settled()
    into.leave(inside, 0)  # it is the first one's now, which does not know it yet
    first.cancel()
    place = await second
    assert first.cancelled()
    into.leave(place, 0)
    assert await free_places(into, ONE, 1) == 1


async def test_the_local_server_lets_everybody_wait() -> None:
    """Its slots are its own: another model is not asked only because this one is at work."""
    into, local = places(FakeClock()), deployment("m/local", via="llamacpp", hosting="self")
    inside = await entered(into, local, waits=False)
    waiting = asyncio.ensure_future(entered(into, local, waits=False))
    await settled()
    assert not waiting.done()
    assert into.room() == {"m/local": 1.0}, "no limit was declared"
    into.leave(inside, 0)
    into.leave(await waiting, 0)


async def test_room_is_the_scarcest_of_what_is_left() -> None:
    into, to = places(FakeClock()), limited(concurrent=4, tokens_per_minute=100)
    await entered(into, to, tokens=10)
    assert into.room() == {"m/d": pytest.approx(0.75)}
    place = await entered(into, to, tokens=60)
    assert into.room() == {"m/d": pytest.approx(0.3)}
    into.give_back(place)
    assert into.room() == {"m/d": pytest.approx(0.75)}
    for _ in range(3):
        await entered(into, to, tokens=0)
    assert into.room() == {"m/d": 0.0}


async def test_room_is_none_where_somebody_waits() -> None:
    into, to = places(FakeClock()), limited(tokens_per_minute=100)
    await entered(into, to, tokens=20)
    waiting = into.enter(to, asking(tokens=90))
    assert isinstance(waiting, Turn)
    assert into.room() == {"m/d": 0.0}


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_to_callers_no_place_is_lost(seed: int) -> None:
    """Many callers that give up at any moment: never too many inside, and nobody forgotten."""
    chance, most = random.Random(seed), 3
    async with FakeClock() as clock:
        into = places(clock, longest=10)
        to = limited(concurrent=most, requests_per_minute=200, tokens_per_minute=3000)
        inside = peak = 0
        refusals: list[Outcome] = []

        async def caller() -> None:
            nonlocal inside, peak
            priority, patience = chance.randrange(3), chance.uniform(0, 40)
            waits, deadline = chance.random() < 0.9, clock.monotonic() + patience
            try:
                place = await entered(
                    into, to, priority=priority, waits=waits, deadline=deadline, tokens=50
                )
            except AttemptError as refused:
                refusals.append(refused.outcome)
                return
            inside, peak = inside + 1, max(peak, inside + 1)
            try:
                await clock.sleep(chance.uniform(0, 5))
            finally:
                inside -= 1
                if chance.random() < 0.2:
                    into.give_back(place)
                else:
                    into.leave(place, chance.choice((None, 0, 50, 80)))

        tasks = []
        for _ in range(120):
            tasks.append(asyncio.ensure_future(caller()))
            if chance.random() < 0.5:
                await clock.sleep(chance.uniform(0, 2))
            if chance.random() < 0.4:
                chance.choice(tasks).cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert all(t.cancelled() or t.exception() is None for t in tasks)
        assert set(refusals) == {Outcome.BUSY}
        assert 0 < peak <= most
        assert inside == 0
        await clock.sleep(61)
        assert await free_places(into, to, most) == most


def test_callers_of_many_threads_and_loops_share_the_places() -> None:
    into, to, most = places(SystemClock(), longest=10_000), limited(concurrent=3), 3
    lock, inside, peak, served = threading.Lock(), 0, 0, 0

    async def caller() -> None:
        nonlocal inside, peak, served
        place = await entered(into, to, deadline=float("inf"))
        with lock:
            inside += 1
            peak = max(peak, inside)
            served += 1
        try:
            for _ in range(3):
                await asyncio.sleep(0)
        finally:
            with lock:
                inside -= 1
            into.leave(place, 0)

    async def many(seed: int) -> None:
        chance = random.Random(seed)
        tasks = [asyncio.ensure_future(caller()) for _ in range(100)]
        await asyncio.sleep(0)
        for task in chance.sample(tasks, 30):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    threads = [threading.Thread(target=asyncio.run, args=(many(n),), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads), "somebody was never woken"
    assert peak == most
    assert served >= 4 * 70
    assert asyncio.run(free_places(into, to, most)) == most


def test_a_place_does_not_go_to_a_loop_that_has_ended() -> None:
    into = places(FakeClock())

    async def left_behind() -> Place:
        inside = await entered(into, ONE)
        lost = into.enter(ONE, asking())
        assert isinstance(lost, Turn)
        lost._line.look(lost)  # it goes to sleep, and its loop ends without a cancellation
        return inside

    async def another(inside: Place) -> None:
        waiting = asyncio.ensure_future(entered(into, ONE))
        await settled()
        into.leave(inside, 0)
        into.leave(await waiting, 0)

    asyncio.run(another(asyncio.run(left_behind())))


def test_nobody_waits_behind_one_whose_loop_has_ended() -> None:
    """The rates are full, so the head of the line is to watch them; it cannot."""
    clock = FakeClock()
    into, to = places(clock), limited(requests_per_minute=1)

    async def left_behind() -> None:
        into.leave(await entered(into, to), 0)
        lost = into.enter(to, asking(deadline=1000.0))
        assert isinstance(lost, Turn)
        lost._line.look(lost)

    async def another() -> float:
        async with clock:
            into.leave(await entered(into, to), 0)
            return clock.monotonic()

    asyncio.run(left_behind())
    assert asyncio.run(another()) <= 2 * WINDOW_S

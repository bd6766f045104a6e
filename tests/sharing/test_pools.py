"""Limits that copies share: exact in sum, quick in the hot path, and what happens without."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.calling.traffic.rates import CallerCall
from orchestrator.errors import RateLimitedError, StorageError
from orchestrator.project.policy_schema import CallerLimit
from orchestrator.sharing.counters import SharedServerCounters
from orchestrator.sharing.rules import LEASE_S
from orchestrator.types import Caller
from tests.sharing.copies import ANA, Copy, close, until
from tests.sharing.valkey import Valkey, valkey

__all__ = ["valkey"]

ROOT = Path(__file__).parent.parent.parent
FIVE_HUNDRED = [CallerLimit(per="project", requests_per_minute=500)]
Where = Callable[[], str | Path]


@pytest.fixture(params=["file", "valkey"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """What the copies share."""
    if request.param == "file":
        return tmp_path / "limits.sqlite"
    server: Valkey = request.getfixturevalue("valkey")
    return server.url


# ── together ─────────────────────────────────────────────────────────────────────────────


async def test_of_two_thousand_calls_at_once_exactly_the_limit_passes(where: str | Path) -> None:
    copies = [Copy(where, FIVE_HUNDRED) for _ in range(2)]
    passed = await asyncio.gather(*(copy.ask_often(1000) for copy in copies))
    assert sum(passed) == 500
    assert await copies[0].ask_often(50) == await copies[1].ask_often(50) == 0
    await close(*copies)


@pytest.mark.parametrize("round", range(2))
def test_and_so_it_is_with_two_processes(where: str | Path, round: int) -> None:
    command = [sys.executable, "-m", "tests.sharing.asker", str(where), "500", "1000"]
    copies = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        for _ in range(2)
    ]
    for copy in copies:
        assert copy.stdout is not None
        assert copy.stdout.readline() == "ready\n"
    for copy in copies:
        assert copy.stdin is not None
        copy.stdin.write("go\n")
        copy.stdin.flush()
    passed = [int(copy.communicate()[0]) for copy in copies]
    assert sum(passed) == 500


async def test_calls_that_come_one_after_the_other_share_it_as_exactly(where: str | Path) -> None:
    copies = [Copy(where, FIVE_HUNDRED) for _ in range(2)]

    async def ask(copy: Copy, times: int, at_once: int) -> int:
        passed = 0
        for _ in range(times // at_once):
            passed += await copy.ask_often(at_once)
            await asyncio.sleep(0.001)
        return passed

    passed = await asyncio.gather(ask(copies[0], 100, 2), ask(copies[1], 1900, 10))
    assert passed[0] + passed[1] == 500
    await close(*copies)


async def test_nobody_is_refused_while_there_is_room(where: str | Path) -> None:
    copies = [Copy(where, FIVE_HUNDRED) for _ in range(2)]

    async def ask(copy: Copy) -> None:
        for _ in range(7):
            assert await copy.ask(), "others who came later were quicker"
            await asyncio.sleep(0)

    await asyncio.gather(*(ask(copies[i % 2]) for i in range(70)))
    assert sum([await copy.ask_often(20) for copy in copies]) == 10
    await close(*copies)


async def test_who_is_cancelled_while_asking_keeps_nothing_from_others(where: str | Path) -> None:
    copy = Copy(where, FIVE_HUNDRED)
    asking = [asyncio.ensure_future(copy.ask()) for _ in range(400)]
    await asyncio.sleep(0)
    for task in asking:
        task.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    await asyncio.sleep(0.3)
    assert await copy.ask_often(1000) == 500
    await close(copy)


async def test_a_pace_is_served_without_asking_for_each_call(valkey: Valkey) -> None:
    copy = Copy(valkey.url, [CallerLimit(per="project", requests_per_minute=10**6)])
    other = Copy(valkey.url)
    await other.pools._counters.exchange("somebody else", [])
    exchanges = 0
    exchange = SharedServerCounters.exchange

    async def counted(*arguments: object) -> object:
        nonlocal exchanges
        exchanges += 1
        return await exchange(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedServerCounters, "exchange", counted)
        for _ in range(2000):
            assert await copy.ask()
            await asyncio.sleep(0)
    assert exchanges < 100
    await close(copy, other)


async def test_what_lies_idle_goes_back(where: str | Path) -> None:
    limits = [CallerLimit(per="project", requests_per_minute=100)]
    first, second = Copy(where, limits), Copy(where, limits)
    assert await first.ask_often(10) == 10
    for _ in range(20):  # at a pace that asks for more than it needs
        assert await first.ask()
    await until(lambda: not first.pools.window(_name(first), 100, 60.0).at_hand)
    await asyncio.sleep(0.3)
    assert await second.ask_often(100) == 70
    await close(first, second)


async def test_what_was_not_used_of_the_tokens_is_there_for_others(where: str | Path) -> None:
    limits = [CallerLimit(per="user", tokens_per_minute=1000)]
    first, second = Copy(where, limits), Copy(where, limits)
    call = await first.rates.take(ANA, (), 900)
    assert not await second.ask(tokens=200)
    assert await second.ask(Caller(user="ben"), tokens=1000)
    first.rates.give_back(call)
    async with asyncio.timeout(10):
        while not await second.ask(tokens=900):
            await asyncio.sleep(0.05)
    await close(first, second)


async def test_one_that_is_larger_than_the_limit_passes_alone(where: str | Path) -> None:
    limits = [CallerLimit(per="project", tokens_per_minute=100)]
    first, second = Copy(where, limits), Copy(where, limits)
    assert await first.ask(tokens=5000)
    await asyncio.sleep(1.2)
    with pytest.raises(RateLimitedError) as refused:
        await second.rates.take(ANA, (), 1)
    assert 55 < refused.value.retry_after_s < 62
    await close(first, second)


async def test_a_limit_that_has_no_room_leaves_the_others_untouched(where: str | Path) -> None:
    limits = [
        CallerLimit(per="user", requests_per_minute=1),
        CallerLimit(per="project", requests_per_minute=2),
    ]
    first, second = Copy(where, limits), Copy(where, limits)
    assert await first.ask()
    for copy in (first, second):
        for _ in range(3):
            with pytest.raises(RateLimitedError, match="user 'ana'"):
                await copy.rates.take(ANA, (), 1)
    await asyncio.sleep(0.3)
    assert await second.ask(Caller(user="ben"))
    assert not await first.ask(Caller(user="eve"))
    await close(first, second)


async def test_threads_and_loops_together_keep_a_limit(where: str | Path) -> None:
    copy = Copy(where, FIVE_HUNDRED)
    passed: list[int] = [await copy.ask_often(10)]
    running = [True] * 3

    def elsewhere(place: int) -> None:
        async def ask() -> None:
            passed.append(sum([await copy.ask() for _ in range(300)]))

        asyncio.run(ask())
        running[place] = False

    threads = [threading.Thread(target=elsewhere, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    await until(lambda: not any(running), 30)
    for thread in threads:
        thread.join()
    assert sum(passed) == 500
    await close(copy)


# ── without ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
async def test_without_the_server_each_goes_on_with_its_share_and_returns(valkey: Valkey) -> None:
    copies = [Copy(valkey.url, FIVE_HUNDRED) for _ in range(2)]
    assert [await copy.ask_often(100) for copy in copies] == [100, 100]
    # A sign of life of each, by which it hears of the other and of what is left.
    await asyncio.sleep(1.2)
    load = [asyncio.create_task(_load(copy)) for copy in copies]
    valkey.kill()
    await until(lambda: all(copy.pools.problem for copy in copies))
    during = await asyncio.gather(*load)
    assert sum(during) <= 300
    assert sum(during) + sum([await copy.ask_often(1000) for copy in copies]) == 300
    valkey.start()  # empty
    await until(lambda: not any(copy.pools.problem for copy in copies))
    for _ in range(10):  # while all tell it what they have used, and after that
        assert [await copy.ask_often(20) for copy in copies] == [0, 0]
        await asyncio.sleep(0.3)
    newcomer = Copy(valkey.url, FIVE_HUNDRED)
    with pytest.raises(RateLimitedError) as refused:
        await newcomer.rates.take(ANA, (), 1)
    assert refused.value.retry_after_s > 50
    await close(*copies, newcomer)


async def _load(copy: Copy) -> int:
    passed = 0
    for _ in range(300):
        passed += await copy.ask()
        await asyncio.sleep(0.002)
    return passed


@pytest.mark.slow
async def test_a_server_that_forgot_learns_it_again_and_grants_the_rest(valkey: Valkey) -> None:
    copies = [Copy(valkey.url, FIVE_HUNDRED) for _ in range(2)]
    assert [await copy.ask_often(20) for copy in copies] == [20, 20]
    await asyncio.sleep(1.2)
    valkey.kill()
    valkey.start()
    await asyncio.sleep(4.0)
    assert all(copy.pools.problem is None for copy in copies)
    assert await copies[0].ask_often(1000) == 460
    await close(*copies)


async def test_refuse_means_that_nothing_passes_uncounted(valkey: Valkey) -> None:
    copy = Copy(valkey.url, FIVE_HUNDRED, when_gone="refuse")
    assert await copy.ask()
    valkey.kill()
    await asyncio.sleep(1.2)
    with pytest.raises(StorageError, match="cannot be counted") as refused:
        await copy.rates.take(ANA, (), 1)
    assert refused.value.retry_after_s
    valkey.start()
    await until(lambda: copy.pools.problem is None)
    assert isinstance(await copy.rates.take(ANA, (), 1), CallerCall)
    await close(copy)


async def test_workers_that_never_reached_it_take_their_share_of_what_is_known(
    valkey: Valkey,
) -> None:
    valkey.kill()
    copy = Copy(valkey.url, FIVE_HUNDRED, copies=4)
    assert await copy.ask_often(500) == 125
    await close(copy)


# ── what is held ─────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
async def test_places_of_a_copy_that_died_come_back(where: str | Path) -> None:
    command = [sys.executable, "-m", "tests.sharing.asker", str(where), "4"]
    dead = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    assert dead.stdout is not None
    assert await asyncio.to_thread(dead.stdout.readline) == b"held\n"
    alive = Copy(where)
    place = alive.pools.held("places", 4)
    await alive.pools.answer([(place, 1)])
    assert place.at_hand == 0
    dead.kill()
    async with asyncio.timeout(LEASE_S + 10):
        while place.at_hand < 4:
            await asyncio.sleep(0.3)
            await alive.pools.answer([(place, 4)])
    dead.communicate()
    await close(alive)


def _name(copy: Copy) -> str:
    (name,) = copy.pools._pools
    return name

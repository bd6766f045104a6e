"""Time that jumps over several event loops, and never while anybody works."""

from __future__ import annotations

import asyncio
import threading
import time

import anyio.to_thread
import pytest

from tests.faults.clock import SharedClock


class Elsewhere:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


async def test_sleepers_wake_in_order_and_at_their_time() -> None:
    woken: list[float] = []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(clock.monotonic())

    async with SharedClock() as clock:
        await asyncio.gather(*(sleeper(s) for s in (30.0, 10.0, 20.0)))
    assert woken == [10.0, 20.0, 30.0]


async def test_two_loops_share_the_time() -> None:
    async with SharedClock() as clock:
        other = Elsewhere()

        async def there() -> float:
            await clock.sleep(100)
            return clock.monotonic()

        try:
            far = asyncio.run_coroutine_threadsafe(there(), other.loop)
            await clock.sleep(10)
            assert clock.monotonic() == 10.0
            assert await asyncio.wrap_future(far) == 100.0
        finally:
            other.stop()


@pytest.mark.parametrize("to_thread", [asyncio.to_thread, anyio.to_thread.run_sync])
async def test_time_stands_still_while_a_thread_works(to_thread: object) -> None:
    async with SharedClock() as clock:
        alarm = asyncio.ensure_future(clock.sleep(10))
        await to_thread(time.sleep, 0.05)  # type: ignore[operator]
        assert clock.monotonic() == 0.0
        assert not alarm.done()
        await alarm
    assert clock.monotonic() == 10.0


async def test_time_stands_still_while_another_loop_works() -> None:
    async with SharedClock() as clock:
        other = Elsewhere()

        async def work() -> float:
            time.sleep(0.05)  # noqa: ASYNC251 - it is to keep its loop busy
            return clock.monotonic()

        try:
            alarm = asyncio.ensure_future(clock.sleep(10))
            assert (
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), other.loop)) == 0
            )
            assert not alarm.done()
            await alarm
        finally:
            other.stop()


async def test_what_was_written_to_a_socket_is_read_before_time_moves() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(10):
            writer.write(data)
        writer.close()
        await writer.wait_closed()

    async with SharedClock() as clock:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        alarm = asyncio.ensure_future(clock.sleep(10))
        for _ in range(50):
            writer.write(b"ping")
            assert await reader.readexactly(4) == b"ping"
        assert clock.monotonic() == 0.0
        writer.close()
        await writer.wait_closed()
        server.close()
        await alarm


async def test_only_the_wall_clock_can_be_stepped() -> None:
    clock = SharedClock(start=1000.0)
    clock.step(-600)
    assert (clock.now(), clock.monotonic()) == (400.0, 0.0)


async def test_afterwards_all_is_as_it_was() -> None:
    make, loop = asyncio.new_event_loop, asyncio.get_running_loop()
    run = loop.run_in_executor
    async with SharedClock():
        assert asyncio.new_event_loop is not make
    assert asyncio.new_event_loop is make
    assert loop.run_in_executor == run

"""The client against a real server: scripts, hints, silence, death and return."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
import warnings
from pathlib import Path

import pytest

from orchestrator.errors import StorageError
from orchestrator.sharing.client import Script, Shared
from tests.sharing.copies import until
from tests.sharing.valkey import Valkey, valkey

__all__ = ["valkey"]

COUNT = Script("return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}")


async def test_a_script_is_run_with_keys_of_the_project_alone(valkey: Valkey) -> None:
    first, other = Shared(valkey.url, project="a"), Shared(valkey.url, project="b")
    assert await first.run(COUNT, ["n"], ["x"]) == ["mesh:{a}:n", "x", 1]
    assert await first.run(COUNT, ["n"], [2.5]) == ["mesh:{a}:n", "2.5", 2]
    assert await other.run(COUNT, ["n"], ["x"]) == ["mesh:{b}:n", "x", 1]
    await first.close()
    await other.close()


async def test_several_scripts_go_in_one_round_trip(valkey: Valkey) -> None:
    shared = Shared(valkey.url, project="p")
    found = await shared.run_all([(COUNT, [key], [1]) for key in ("n", "n", "m")])
    assert [count for _, _, count in found] == [1, 2, 1]
    await shared.close()


async def test_what_is_published_reaches_other_processes_of_the_project(valkey: Valkey) -> None:
    one, two = Shared(valkey.url, project="p"), Shared(valkey.url, project="p")
    stranger = Shared(valkey.url, project="q")
    heard: list[str] = []
    strange: list[str] = []
    two.subscribe("keys", heard.append)
    stranger.subscribe("keys", strange.append)
    await two.open()
    await stranger.open()
    await until(lambda: heard and strange)
    assert heard == [""], "at first others may have been lost"
    await one.publish("keys", "revoked")
    await until(lambda: heard[1:])
    assert heard == ["", "revoked"]
    two.subscribe("later", heard.append)
    await until(lambda: len(heard) > 3)
    await one.publish("later", "on")
    await until(lambda: "on" in heard)
    assert strange == [""]
    for shared in (one, two, stranger):
        await shared.close()


async def test_a_script_that_is_wrong_does_not_end_the_connection(valkey: Valkey) -> None:
    shared = Shared(valkey.url, project="p")
    with pytest.raises(StorageError, match="cannot be used"):
        await shared.run(Script("return redis.call('NONSENSE')"), [])
    assert shared.available
    assert await shared.run(COUNT, ["n"], [1])
    await shared.close()


async def test_it_is_gone_and_back_and_says_each_once(
    valkey: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "orchestrator.sharing")
    shared = Shared(valkey.url, project="p")
    heard: list[str] = []
    changes: list[bool] = []
    shared.subscribe("keys", heard.append)
    shared.on_change(changes.append)
    await shared.run(COUNT, ["n"], [1])
    await until(lambda: heard)
    valkey.kill()
    await until(lambda: not shared.available)  # who listens notices by itself
    for _ in range(50):
        with pytest.raises(StorageError, match="cannot be used"):
            await shared.run(COUNT, ["n"], [1])
    assert shared.problem
    valkey.start()
    await until(lambda: shared.available)
    assert shared.problem is None
    assert changes == [False, True]
    assert await shared.run(COUNT, ["n"], [1]), "the script is unknown to the new server"
    await until(lambda: heard == ["", ""])
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "is back" in caplog.records[1].message
    await shared.close()


async def test_a_server_that_does_not_answer_is_given_up_soon(tmp_path: Path) -> None:
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        shared = Shared(f"unix://{path}", project="p")
        async with asyncio.timeout(5):
            with pytest.raises(StorageError, match="cannot be used"):
                await shared.run(COUNT, ["n"], [1])
        assert not shared.available
        await shared.close()


@pytest.mark.parametrize(
    "url",
    [
        "redis://ana:s3cret%21@127.0.0.1:1/0",
        "valkeys://:s3cret%21@127.0.0.1:1",
        "redis://127.0.0.1:1?password=s3cret%21",
    ],
)
async def test_no_message_holds_the_password(url: str, caplog: pytest.LogCaptureFixture) -> None:
    shared = Shared(url, project="p")
    with pytest.raises(StorageError) as caught:
        await shared.run(COUNT, ["n"], [1])
    said = f"{caught.value} {caplog.text} {shared.problem} {shared.address}"
    assert "127.0.0.1:1" in said
    assert "s3cret" not in said
    await shared.close()


async def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    server = Valkey(Path(os.path.realpath(tmp_path)), "--requirepass", "right")
    server.start()
    try:
        shared = Shared(f"{server.url}?password=wr0ng", project="p")
        with pytest.raises(StorageError, match="password") as caught:
            await shared.run(COUNT, ["n"], [1])
        assert "wr0ng" not in str(caught.value)
        await shared.close()
        good = Shared(f"{server.url}?password=right", project="p")
        assert await good.run(COUNT, ["n"], [1])
        await good.close()
    finally:
        server.kill()


async def test_other_loops_and_threads_are_served_by_the_first(valkey: Valkey) -> None:
    shared = Shared(valkey.url, project="p")
    await shared.run(COUNT, ["n"], [1])
    found: list[object] = []

    def elsewhere() -> None:
        async def ask() -> None:
            found.append(await shared.run(COUNT, ["n"], [1]))

        asyncio.run(ask())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await until(lambda: found)
    await asyncio.to_thread(thread.join)
    assert found == [["mesh:{p}:n", "1", 2]]
    await shared.close()


def test_it_is_made_before_a_fork_and_used_after_it(valkey: Valkey) -> None:
    shared = Shared(valkey.url, project="p")

    async def once() -> None:
        assert await shared.run(COUNT, ["n"], [1])
        await shared.close()

    children = []
    for _ in range(2):
        with warnings.catch_warnings(action="ignore"):  # of threads, from Python 3.12 on
            child = os.fork()
        if not child:
            try:
                asyncio.run(once())
                os._exit(0)
            finally:  # a child must not go on as pytest
                os._exit(1)
        children.append(child)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]

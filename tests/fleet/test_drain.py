"""Drained deployments, as processes that run see them, and the record of what people did."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest

from orchestrator.errors import StorageError, UserError
from orchestrator.fleet.drain import Drains, SharedDrains
from orchestrator.sharing.client import Shared
from orchestrator.storage.operations import Drain, Operations, operation
from tests.calling.fake_clock import FakeClock
from tests.sharing.valkey import Valkey, valkey

__all__ = ["valkey"]


def drained(operations: Operations, until: float | None = None, why: str = "") -> None:
    one = Drain(deployment="a/one", since=0.0, until=until, who="ana", why=why, changed=0.0)
    operations.drain([one], operation("drain", "a", "ana"))


def test_another_process_sees_it_at_its_next_look(tmp_path: Path) -> None:
    drains = Drains(Operations(tmp_path), FakeClock(time.time() + 5))
    assert drains.now() == {}
    other = Operations(tmp_path)
    drained(other)
    assert set(drains.now()) == {"a/one"}
    other.undrain(["a/one"], operation("undrain", "a", "ana"))
    assert drains.now() == {}


def test_it_comes_back_by_itself_when_its_time_is_over(tmp_path: Path) -> None:
    clock = FakeClock()
    operations = Operations(tmp_path)
    drained(operations, until=clock.now() + 10)
    drains = Drains(operations, clock)
    assert set(drains.now()) == {"a/one"}
    clock.advance(11)
    assert drains.now() == {}


def test_a_broken_file_costs_the_news_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    operations = Operations(tmp_path)
    drained(operations)
    drains = Drains(operations, FakeClock())
    assert set(drains.now()) == {"a/one"}
    operations.path.write_bytes(b"no database " * 1000)
    for _ in range(2):
        assert set(drains.now()) == {"a/one"}
    assert len([r for r in caplog.records if "is not heard of" in r.message]) == 1
    with pytest.raises(StorageError, match=r"operations\.sqlite cannot be read"):
        operations.drains()


@pytest.mark.parametrize(
    ("until", "why", "words"),
    [
        (None, "", "drained by ana since 1970-01-01 00:00 UTC"),
        (
            3600.0,
            "too dear",
            "drained by ana since 1970-01-01 00:00 UTC, until 1970-01-01 01:00 UTC: too dear",
        ),
    ],
)
def test_the_reason_says_who_since_when_and_why(until: float | None, why: str, words: str) -> None:
    drain = Drain(deployment="a/one", since=0.0, until=until, who="ana", why=why, changed=0)
    assert drain.in_words == words


def test_the_record_keeps_what_was_asked_and_what_came_of_it(tmp_path: Path) -> None:
    operations = Operations(tmp_path)
    assert operations.all() == ()
    asked = operation("reload", "gateway here:1", "ana", why="new prices", result="asked")
    operations.add(asked)
    assert operations.asked("reload", "gateway here:1") == (asked,)
    assert operations.asked("reload", "gateway here:2") == ()
    operations.finish(asked.id, "done", {"workers": {"1": "done"}}, "old", "new")
    assert operations.asked("reload", "gateway here:1") == ()
    done = operations.get(asked.id)
    assert done is not None
    assert (done.result, done.before, done.after) == ("done", "old", "new")
    assert done.details == {"workers": {"1": "done"}}
    assert operations.all(action="drain") == ()


def test_a_policy_is_kept_once_and_found_by_the_beginning_of_its_hash(tmp_path: Path) -> None:
    operations = Operations(tmp_path)
    operations.keep_policy("ab12", "first", 1.0)
    operations.keep_policy("ab12", "the same rules in other words", 2.0)
    operations.keep_policy("ab34", "second", 3.0)
    assert [kept.text for kept in operations.policies()] == ["second", "first"]
    assert operations.policy("ab1").text == "first"
    for wrong, said in (
        ("ab", "more than one policy"),
        ("zz", "no policy 'zz'"),
        ("", "no policy"),
    ):
        with pytest.raises(UserError, match=said):
            operations.policy(wrong)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        drained(Operations(tmp_path / "file"))


async def test_machines_exchange_what_their_files_say(tmp_path: Path, valkey: Valkey) -> None:
    files = [Operations(tmp_path / name) for name in ("one", "two")]
    servers = [Shared(valkey.url, project="p") for _ in files]
    both = [SharedDrains(*pair) for pair in zip(files, servers, strict=True)]
    tasks = [asyncio.create_task(one.run()) for one in both]

    async def until(drained: bool) -> None:
        for _ in range(100):
            known = files[1].drains().get("a/one")
            if (known is not None and known.holds(time.time())) == drained:
                return
            await asyncio.sleep(0.05)
        pytest.fail(f"{known}")

    now = time.time()
    one = Drain(deployment="a/one", since=now, who="ana", why="slow", changed=now)
    files[0].drain([one], operation("drain", "a", "ana"))
    await until(drained=True)
    assert files[1].drains()["a/one"] == one
    files[0].undrain(["a/one"], operation("undrain", "a", "ana"))
    await until(drained=False)
    assert len(files[1].all()) == 0  # on record is it where it was done
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for server in servers:
        await server.close()


def test_nothing_stays_open(tmp_path: Path) -> None:
    operations = Operations(tmp_path)
    drained(operations)
    with sqlite3.connect(operations.path, timeout=0) as database:
        database.execute("BEGIN EXCLUSIVE")
    database.close()

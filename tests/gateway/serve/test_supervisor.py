"""A real service under load: told to end, killed in part, and given another project."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from orchestrator.gateway.serve.running import running
from tests.calling.server import Say, StandIn

from .service import POLICY, Service, body, mesh, serving, streamed, write_service

TEXT = "one two three four five six seven eight nine ten"
pytestmark = pytest.mark.slow


@pytest.fixture
async def slow(tmp_path: Path) -> AsyncIterator[Path]:
    """A project whose model takes half a second for ten words."""
    async with StandIn(Say(TEXT, gap_s=0.05)) as endpoint:
        yield write_service(tmp_path / "project", endpoint)


@pytest.fixture
async def quick(tmp_path: Path) -> AsyncIterator[Path]:
    async with StandIn(lambda request: Say(str(request["model"]))) as endpoint:
        yield write_service(tmp_path / "project", endpoint)


async def keep_asking(service: Service, client: aiohttp.ClientSession, got: list[str]) -> None:
    """One request after the other until one is not taken."""
    while not got or got[-1] not in ("refused", "dropped"):
        got.append(await streamed(client, service.url))


async def test_every_accepted_stream_is_answered_whole_after_sigterm(slow: Path) -> None:
    async with serving(slow, "--workers", "2") as service, aiohttp.ClientSession() as client:
        got: list[list[str]] = [[] for _ in range(24)]
        tasks = [asyncio.create_task(keep_asking(service, client, one)) for one in got]
        await asyncio.sleep(0.8)
        service.signal(signal.SIGTERM)
        await asyncio.wait_for(asyncio.gather(*tasks), 20)
        assert await service.ended() == 0
    answers = [answer for one in got for answer in one]
    assert answers.count("refused") == 24
    assert set(answers) == {TEXT, "refused"}
    assert all(TEXT in one for one in got)
    assert not running(slow / ".mesh")
    assert "cut off" not in service.logged()


async def test_a_drain_ends_what_takes_longer_than_allowed(tmp_path: Path) -> None:
    async with StandIn(Say(TEXT, gap_s=0.4)) as endpoint:
        folder = write_service(tmp_path, endpoint)
        async with serving(folder, "--drain-s", "1") as service, aiohttp.ClientSession() as client:
            task = asyncio.create_task(streamed(client, service.url))
            await asyncio.sleep(0.5)
            service.signal(signal.SIGTERM)
            assert await service.ended() == 0
            assert await task == "cut"


async def test_a_worker_that_is_killed_is_started_again(quick: Path) -> None:
    async with serving(quick, "--workers", "1") as service, aiohttp.ClientSession() as client:
        children = Path(f"/proc/{service.started['pid']}/task/{service.started['pid']}/children")
        worker = int(children.read_text().split()[0])
        os.kill(worker, signal.SIGKILL)
        for _ in range(100):
            # A connection that waits in the shared socket is answered by the next worker.
            try:
                async with client.get(f"{service.url}/health/ready") as response:
                    assert response.status == 200
                    break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.1)
        else:
            pytest.fail(service.logged())
        assert str(worker) not in children.read_text().split()
        assert f"worker 1 ({worker}) was ended by SIGKILL; started again" in service.logged()


async def test_a_reload_under_load_drops_nothing_and_takes_effect(quick: Path) -> None:
    async with serving(quick, "--workers", "2") as service, aiohttp.ClientSession() as client:
        said: list[str] = []
        asking = True

        async def ask() -> None:
            while asking:
                async with client.post(f"{service.url}/v1/chat/completions", json=body()) as got:
                    assert got.status == 200, await got.text()
                    said.append((await got.json())["choices"][0]["message"]["content"])

        tasks = [asyncio.create_task(ask()) for _ in range(8)]
        await asyncio.sleep(0.3)
        rule = "routes: [{name: other, match: {task: chat}, require: {not_models: [words]}}]\n"
        (quick / "policy.yaml").write_text(POLICY + rule)
        code, done = await mesh(quick, "reload", "--reason", "a test")
        said.append("reloaded")
        await asyncio.sleep(0.3)
        asking = False
        await asyncio.gather(*tasks)
        assert code == 0, done
        one = done["reloads"][0]
        assert one["result"] == "done"
        assert one["why"] == "a test"
        assert one["before"] != one["after"]
        assert one["details"]["workers"] == {"1": "done", "2": "done"}
        at = said.index("reloaded")
        assert "first" in said[:at]
        # What was under way when the reload ended may still be of the old project.
        assert set(said[at + 9 :]) == {"second"}


async def test_a_bad_project_is_refused_with_all_its_problems_and_the_old_one_stays(
    quick: Path,
) -> None:
    async with serving(quick) as service, aiohttp.ClientSession() as client:
        (quick / "policy.yaml").write_text("objective: {minimise: cost}\n")
        (quick / "mesh.yaml").write_text("embeder: static\n")
        async with client.post(f"{service.url}/admin/reload", json={"reason": "oops"}) as got:
            assert got.status == 422
            error = (await got.json())["error"]
        assert error["code"] == "reload_refused"
        assert "policy.yaml:1:13: objective.minimise" in error["message"]
        assert "mesh.yaml:1:1: embeder" in error["message"]
        async with client.post(f"{service.url}/v1/chat/completions", json=body()) as got:
            assert got.status == 200
        async with client.get(f"{service.url}/admin/operations") as got:
            (one,) = (await got.json())["operations"]
        assert (one["who"], one["action"], one["result"]) == ("open", "reload", "refused")
        assert len(one["details"]["problems"]) == 2
        assert "policy.yaml:1:13" in service.logged()


async def test_sighup_and_an_edited_file_reload_too(quick: Path) -> None:
    async with serving(quick, "--watch") as service:
        service.signal(signal.SIGHUP)
        (first,) = await reloads(quick, 1)
        assert (first["why"], first["result"]) == ("SIGHUP", "done")
        await asyncio.sleep(1.2)
        (quick / "policy.yaml").write_text(POLICY + "default_data_class: internal\n# edited\n")
        second, _ = await reloads(quick, 2)
        assert (second["why"], second["result"]) == ("a declared file changed", "done")


async def reloads(folder: Path, number: int) -> list[dict[str, str]]:
    """As soon as so many are on record and done."""
    from orchestrator.storage.operations import Operations
    from orchestrator.types import as_json

    for _ in range(100):
        found = Operations(folder / ".mesh").all()
        if len(found) == number and all(one.result != "asked" for one in found):
            listed: list[dict[str, str]] = as_json(found)
            return listed
        await asyncio.sleep(0.1)
    pytest.fail(json.dumps(as_json(found)))


async def test_a_drain_reaches_every_worker_and_the_library_within_a_second(quick: Path) -> None:
    from orchestrator import Mesh

    async with (
        serving(quick, "--workers", "2") as service,
        aiohttp.ClientSession() as client,
        Mesh.load(quick, env={}) as library,
    ):
        assert library.decide("hello", task="chat").chosen == "words/one"
        code, done = await mesh(quick, "fleet", "drain", "words", "--reason", "too dear")
        assert code == 0, done
        assert {one["after"] for one in done["takeovers"]} == {"spare/one"}
        await asyncio.sleep(1.1)
        for _ in range(6):
            async with client.post(f"{service.url}/v1/chat/completions", json=body()) as got:
                assert (await got.json())["choices"][0]["message"]["content"] == "second"
        assert library.decide("hello", task="chat").chosen == "spare/one"
        async with client.get(f"{service.url}/health/targets") as got:
            targets = {one["deployment"]: one for one in (await got.json())["targets"]}
        assert targets["words/one"]["available"] is False
        assert targets["words/one"]["drain_reason"] == "too dear"
        assert targets["words/one"]["reason"].startswith("drained by ")
        code, refused = await mesh(quick, "fleet", "drain", "spare")
        assert code == 2
        assert "nobody would serve: " in refused["error"]
        async with client.post(f"{service.url}/admin/undrain", json={"name": "words/one"}) as got:
            assert await got.json() == {"deployments": ["words/one"]}
        await asyncio.sleep(1.1)
        assert library.decide("hello", task="chat").chosen == "words/one"


def processes(service: Service) -> list[int]:
    """Those that it has forked."""
    pid = service.started["pid"]
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in children.read_text().split()]


async def test_who_has_lost_the_supervisor_drains_and_ends(slow: Path) -> None:
    async with serving(slow) as service, aiohttp.ClientSession() as client:
        left = processes(service)
        answer = asyncio.create_task(streamed(client, service.url))
        await asyncio.sleep(0.2)
        service.signal(signal.SIGKILL)
        assert await answer == TEXT
        for _ in range(100):
            if not any(Path(f"/proc/{pid}").exists() for pid in left):
                break
            await asyncio.sleep(0.1)
        else:
            pytest.fail(f"{left} live on: {service.logged()}")
        assert not running(slow / ".mesh")


async def test_what_was_answered_is_on_record_after_the_end(quick: Path) -> None:
    from orchestrator.tracing.store import TraceStore

    async with serving(quick, "--workers", "2") as service, aiohttp.ClientSession() as client:
        threads = Path(f"/proc/{service.started['pid']}/status").read_text()
        assert "Threads:\t1\n" in threads  # what is forked must not have had others
        for _ in range(5):
            assert await streamed(client, service.url) == "first"
        service.signal(signal.SIGTERM)
        assert await service.ended() == 0
    store = TraceStore(quick / ".mesh" / "traces.sqlite")
    assert [trace.status for trace in store.traces()] == ["ok"] * 5
    store.close()


def test_a_worker_that_dies_at_once_three_times_ends_the_service(tmp_path: Path) -> None:
    script = tmp_path / "dying.py"
    script.write_text(
        """
import os, socket
from pathlib import Path
from orchestrator.gateway.serve.options import ServeOptions
from orchestrator.gateway.serve.reloading import Reloading
from orchestrator.gateway.serve.supervisor import Supervisor
from orchestrator.project.load import load_project
from orchestrator.storage.operations import Operations

root = Path(__file__).parent / "project"
root.mkdir()
options = ServeOptions(root=root, host="127.0.0.1", port=0, workers=2, drain_s=1)
reloading = Reloading(
    loaded=load_project(root, env={}), env={}, options=options,
    operations=Operations(root), name="test",
)
print(Supervisor(
    worker=lambda number, channel: os._exit(9) if number == 2 else channel._end.recv(1),
    workers=2, recorder=None, reloading=reloading,
    listener=socket.create_server(("127.0.0.1", 0)), drain_s=1, on_ready=print,
).run())
"""
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=30, check=True
    )
    assert "worker 2 died 3 times in a row as soon as it was started" in done.stdout
    assert "ended with code 9" in done.stdout

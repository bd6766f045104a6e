"""What a policy does not let be stored stands nowhere below the project's storage, in no form."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from orchestrator import Mesh
from orchestrator.errors import MeshError, WaitingError
from orchestrator.gateway.telemetry.logs import install
from orchestrator.graph.answer import RunOptions
from orchestrator.types import Caller
from tests.calling.server import Hang, StandIn
from tests.cli.prompt import prompt_in
from tests.gateway.serving import Served
from tests.gateway.telemetry.watched import watched

from .leaky import parrot, write_leaky
from .planted import OF_PROJECT, PERSONAL, PROMPT, SECRETS, UNSHAPED, leaks

HIDDEN = {
    "full": (*SECRETS.values(),),
    "redacted": (*SECRETS.values(), *PERSONAL.values(), OF_PROJECT),
    "hashed": (*SECRETS.values(), *PERSONAL.values(), OF_PROJECT, *UNSHAPED.values()),
    "none": (*SECRETS.values(), *PERSONAL.values(), OF_PROJECT, *UNSHAPED.values()),
}
"""What may stand nowhere, by the level at which texts are stored."""
OPTIONS = RunOptions(
    tags=(PROMPT, "plain"), caller=Caller(feature=f"{PERSONAL['email']} {SECRETS['github']}")
)


@pytest.mark.parametrize("level", HIDDEN)
async def test_a_run_that_waited_for_a_person_and_was_taken_up(tmp_path: Path, level: str) -> None:
    folder = write_leaky(tmp_path / "project", level)
    source = tmp_path / "source.md"
    source.write_text(f"# Notes\n\nThe harbour is old. {PROMPT} It opens at nine.\n")
    async with StandIn(parrot) as url:
        async with Mesh.load(folder, env={"PRIMARY_URL": url}) as mesh:
            with pytest.raises(WaitingError) as waits:
                await mesh.run(question=PROMPT, sources=[str(source)], options=OPTIONS)
        async with Mesh.load(folder, env={"PRIMARY_URL": url}) as mesh:
            await mesh.run(resume=waits.value.run, answer=f"yes, says {PROMPT}")
    # Where everything is kept the journal gives the answer again: sealed, with secrets.
    assert leaks(folder / ".mesh", HIDDEN[level], decrypt=level != "full") == {}


@pytest.mark.parametrize("level", HIDDEN)
async def test_runs_that_failed(tmp_path: Path, level: str) -> None:
    folder = write_leaky(tmp_path / "project", level, 2500)
    async with StandIn(parrot) as url, Mesh.load(folder, env={"PRIMARY_URL": url}) as mesh:
        with pytest.raises(MeshError):
            await mesh.run("broken", question=PROMPT, options=OPTIONS)
        for mark in ("[fail]", "[reject]", "[busy]"):
            with pytest.raises(MeshError):
                await mesh.run("plain", question=f"{mark} {PROMPT}", options=OPTIONS)
    # They can be taken up, so the journal has what they did: sealed.
    assert leaks(folder / ".mesh", HIDDEN[level], decrypt=False) == {}


@pytest.mark.parametrize("level", HIDDEN)
async def test_a_run_that_is_cancelled(tmp_path: Path, level: str) -> None:
    folder = write_leaky(tmp_path / "project", level)
    async with StandIn(Hang()) as url, Mesh.load(folder, env={"PRIMARY_URL": url}) as mesh:
        begun = asyncio.Event()
        run = asyncio.create_task(
            mesh.run("plain", question=PROMPT, options=OPTIONS, on_event=lambda _: begun.set())
        )
        await begun.wait()
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    assert leaks(folder / ".mesh", HIDDEN[level], decrypt=False) == {}


@pytest.mark.parametrize("level", ["redacted", "none"])
async def test_a_checkpoint_of_somebodys_own_graph(tmp_path: Path, level: str) -> None:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    folder = write_leaky(tmp_path / "project", level)
    kept = tmp_path / "kept"
    kept.mkdir()
    config: Any = {"configurable": {"thread_id": "t"}}
    async with (
        StandIn(parrot) as url,
        Mesh.load(folder, env={"PRIMARY_URL": url}) as mesh,
        AsyncSqliteSaver.from_conn_string(str(kept / "checkpoints.sqlite")) as saver,
    ):
        graph = mesh.graph("plain", saver)
        await graph.ainvoke({"question": PROMPT}, config)
    assert leaks(folder / ".mesh", HIDDEN[level]) == {}
    assert leaks(kept, HIDDEN[level]) == {}


async def streamed(gateway: Served, body: dict[str, Any]) -> None:
    """Read the whole of a stream, however it ends."""
    url = f"{gateway.url}/v1/chat/completions"
    async with gateway.http.post(url, json={**body, "stream": True}) as response:
        await response.read()


@pytest.mark.parametrize("level", ["full", "redacted", "none"])
async def test_a_gateway(
    tmp_path: Path, level: str, capfd: pytest.CaptureFixture[str], caplog: Any
) -> None:
    folder = write_leaky(tmp_path / "project", level, 2500, cache="semantic")
    said = {
        "model": "auto",
        "messages": [{"role": "user", "content": PROMPT}],
        "metadata": {"who": PERSONAL["email"], "key": SECRETS["github"]},
        "mesh": {"tags": [PERSONAL["iban"], SECRETS["aws"]], "feature": PERSONAL["phone"]},
    }
    install("json")
    shown = tmp_path / "shown"
    shown.mkdir()
    async with StandIn(parrot) as url, watched(folder, url, style="json") as gateway:
        for mark in ("", "", "[reject] ", "[fail] "):
            asked = {**said, "messages": [{"role": "user", "content": mark + PROMPT}]}
            _, headers, _ = await gateway.post(asked)
            await streamed(gateway, asked)
        trace_id = headers["x-mesh-trace-id"]
        for graph in ("plain", "broken"):
            await gateway.post({**said, "model": f"graph:{graph}"})
        await gateway.post({"model": PROMPT, "messages": PROMPT})
        await gateway.post({"trace_id": trace_id, "score": 0.5, "comment": PROMPT}, "/v1/feedback")
        gateway.telemetry.flush()
        for path in ("/metrics", "/openapi.json", "/ui", f"/ui/traces/{trace_id}", "/ui/boards"):
            async with gateway.http.get(gateway.url + path) as response:
                name = path.strip("/").replace("/", "-")
                (shown / name).write_bytes(await response.read())
    printed = capfd.readouterr()
    (shown / "stdout").write_text(printed.out)
    (shown / "stderr").write_text(printed.err)
    (shown / "log").write_text(caplog.text)
    # A run that failed can be taken up, so the journal has what it did: sealed.
    assert leaks(folder / ".mesh", HIDDEN[level], decrypt=False) == {}
    assert leaks(shown, HIDDEN[level]) == {}


async def _chat(folder: Path) -> str:
    """Calls of the chat model; returns the endpoint that they had."""
    async with StandIn(parrot) as url, Mesh.load(folder, env={"PRIMARY_URL": url}) as mesh:
        model = mesh.chat_model(tags=(PROMPT,))
        await model.ainvoke(PROMPT)
        await model.ainvoke(PROMPT)
        async for _ in model.astream(PROMPT):
            pass
    return url


@pytest.mark.parametrize("level", ["full", "redacted", "none"])
def test_what_is_shown_of_a_call_afterwards(
    tmp_path: Path,
    level: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = write_leaky(tmp_path / "project", level, cache="exact")
    shown = tmp_path / "shown"
    shown.mkdir()
    monkeypatch.setenv("PRIMARY_URL", asyncio.run(_chat(folder)))
    run = prompt_in(folder, monkeypatch, capsys)
    commands = (
        ("feedback", "--score", "1", "--comment", PROMPT),
        ("trace", "export", "-o", str(shown / "trace.html")),
        ("trace", "export", "-o", str(shown / "trace.json")),
        ("trace", "export", "-o", str(shown / "trace.otlp.json")),
        ("trace", "--json"),
        ("trace", "list"),
        ("replay",),
        ("whatif",),
        ("costs", "--by", "tag"),
        ("cache", "stats"),
        ("runs", "list"),
        ("incidents",),
    )
    for number, command in enumerate(commands):
        done = run(*command)
        # What a command repeats of its own arguments is no leak; none of these does.
        (shown / f"{number}.txt").write_text(done.out + done.err)
    assert len(list(shown.iterdir())) > len(commands)
    assert leaks(folder / ".mesh", HIDDEN[level], decrypt=level != "full") == {}
    assert leaks(shown, HIDDEN[level]) == {}

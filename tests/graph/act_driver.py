"""Kills runs with `kill -9` around an approval, takes them up again, and prints what it saw.

    python -m tests.graph.act_driver FOLDER

One line of JSON for each point at which a run is killed. The project is loaded once; each run is a
forked process of its own. This process itself starts no thread and opens no database, hence it can
be forked. The model is a stand-in of whoever started this.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from orchestrator import Mesh
from orchestrator.embedding.load import load_embedder
from orchestrator.errors import WaitingError
from orchestrator.graph.approving import Approvals, Decision
from orchestrator.graph.journal import RunJournal
from orchestrator.parts import Injected
from orchestrator.project.load import load_project
from tests.graph.acting import done, plan, spending
from tests.graph.kill_driver import WARM

POINTS = tuple(
    f"{what} {when}"
    for what in ("ask", "take", "begun", "tool", "result")
    for when in ("before", "after")
)
"""What is about to happen, or has just happened, when the process is killed: the act is put before
a person, the approval is spent, the call counts as begun, the tool acts, its result is kept."""


def main(folder: Path) -> None:
    """Try every point."""
    for name in WARM:
        importlib.import_module(name)
    loaded = load_project(folder, env={})
    injected = Injected(embedder=load_embedder("static", {}))

    def mesh() -> Mesh:
        return Mesh(loaded, env={}, injected=injected)

    for name in _forked(_needed(mesh)):
        with contextlib.suppress(ImportError):  # what is made while it runs is no module of its own
            importlib.import_module(name)
    for number, point in enumerate(POINTS):
        print(json.dumps(_tried(folder, mesh, number, point)), flush=True)


def _needed(mesh: Callable[[], Mesh]) -> Callable[[], Awaitable[Any]]:
    """The modules that a run needs: with them imported, a fork costs milliseconds."""

    async def run() -> Any:
        async with mesh() as made:
            with contextlib.suppress(WaitingError):
                await made.run(question=plan([["spend", {"amount": -1}]], "end"))
        return list(sys.modules)

    return run


def _tried(folder: Path, mesh: Callable[[], Mesh], number: int, point: str) -> dict[str, Any]:
    question = plan(spending(number), "end")

    def times() -> int:
        return done(folder).count(f"spend {number}")

    def go(said: tuple[str, bool] | None = None, **inputs: Any) -> Callable[[], Awaitable[Any]]:
        async def run() -> Any:
            async with mesh() as made:
                if said is not None:
                    made.approvals.decide(said[0], Decision(approve=said[1], by="ann"))
                try:
                    return {"answer": (await made.run(**inputs)).text}
                except WaitingError as waiting:
                    return {"run": waiting.run, "asked": waiting.approval}

        return run

    seen: dict[str, Any] = {"point": point}
    if point.startswith("ask"):
        seen["killed"] = _forked(go(question=question), point) is None
        (run,) = _forked(_cut_off(mesh, question))
        found = _forked(go(resume=run))
    else:
        found = _forked(go(question=question))
        run = found["run"]
    seen["without"] = times()
    said = (found["asked"], True)
    if point.startswith("ask"):
        again = _forked(go(said, resume=run))
    else:
        seen["killed"] = _forked(go(said, resume=run), point) is None
        seen["left"] = times()
        again = _forked(go(resume=run))
    seen["asked again"] = "asked" in again
    if seen["asked again"]:
        seen["still"] = times()
        seen["another"] = again["asked"] != found["asked"]
        # The person has a look at what was done.
        again = _forked(go((again["asked"], not seen["still"]), resume=run))
    return {**seen, "answer": again.get("answer"), "done": times()}


def _cut_off(mesh: Callable[[], Mesh], question: str) -> Callable[[], Awaitable[Any]]:
    async def found() -> Any:
        async with mesh() as made:
            return [
                record.id
                for record in made.journals.runs(100)
                if record.request["inputs"]["question"] == question
            ]

    return found


def _forked(work: Callable[[], Awaitable[Any]], point: str = "") -> Any:
    """What `work` gives in a process of its own; `None` where it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            if point:
                _deadly(*point.split())
            os.write(writing, json.dumps(asyncio.run(_given(work))).encode())
            code = 0
        except BaseException:  # noqa: BLE001 - a child must never come back into the parent's code
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as said:
        text = said.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    assert os.WEXITSTATUS(status) == 0, "the child failed; see above"
    return json.loads(text)


async def _given(work: Callable[[], Awaitable[Any]]) -> Any:
    return await work()


def _deadly(what: str, when: str) -> None:
    """From now on this process is killed there."""
    if what == "tool":
        os.environ["DIE"] = when
        return
    owner: Any = RunJournal if what in ("begun", "result") else Approvals
    name = {"ask": "ask", "take": "take"}.get(what, "put")
    usual = getattr(owner, name)
    if what == "ask":
        name, usual = "_ask", Approvals._ask

        def ask(self: Any, wanted: Any) -> Any:
            _die(when == "before")
            usual(self, wanted)
            _die(True)

        Approvals._ask = ask  # type: ignore[method-assign]
        return

    async def deadly(self: Any, *given: Any, **named: Any) -> Any:
        here = what == "take" or _is(what, *given)
        _die(here and when == "before")
        result = await usual(self, *given, **named)
        _die(here)
        return result

    setattr(owner, name, deadly)


def _is(what: str, key: str, value: Any) -> bool:
    if what == "begun":
        return key.endswith(".begun")
    return any(hop["role"] == "tool" for hop in value.get("hops", ()))


def _die(now: bool) -> None:
    if now:
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

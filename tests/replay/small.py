"""A small project to replay: two models, a tool that counts, a loop, subtasks, a person."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from orchestrator import Mesh
from orchestrator.graph.answer import RunOptions
from orchestrator.replay.values import Replayed

PYTHON = """
import json
import os
from pathlib import Path

from orchestrator import builtin, function, role, tool
from orchestrator.errors import CallError
from orchestrator.roles.values import Result, Subtask

LOG = Path(__file__).parent / "calls.log"


def said(request):
    with LOG.open("a") as log:
        log.write("model\\n")
    text = request.inputs["text"]
    if "stumble" in text:
        raise RuntimeError("it stumbled")
    return text


@builtin("soft")
def soft(request):
    return f"<{said(request)}>"


@builtin("loud")
def loud(request):
    return f"<{said(request)}>".upper()


@role("echo")
async def run_echo(work):
    held = {k: v for k, v in work.inputs.items() if k != "subtask" and k != "needs"}
    text = "+".join(str(v) for _, v in sorted(held.items()) if isinstance(v, str))
    subtask = work.inputs.get("subtask")
    if subtask:
        text = f"{subtask.id}({','.join(r.text for r in work.inputs['needs'])})"
        if "bad" in subtask.id:
            text += " stumble"
    try:
        reply = await work.call(variables={"text": text}, inputs={"text": text})
    except CallError as error:
        if not subtask:
            raise
        return Result(subtask=subtask.id, specialist="echo", task="chat", failed=str(error))
    if subtask:
        return Result(subtask=subtask.id, specialist="echo", task="chat", text=reply.text)
    return reply.text


@role("planner")
async def plan(work):
    return tuple(Subtask.model_validate(item) for item in json.loads(work.question))


@tool("find")
def find(toolbox, *, query):
    with LOG.open("a") as log:
        log.write("tool\\n")
    if "unreadable" in query:
        raise KeyError("shelf")
    toolbox.note("looked on the shelf")
    return f"fact {len(LOG.read_text().splitlines())}"


@function("collect")
def collect(inputs):
    return " ".join(r.text or f"[{r.failed}]" for r in inputs["work"])


@function("judge")
def judge(inputs):
    again = inputs["round"] < inputs["at_most"]
    return ("again" if again else "ok", f"{inputs['round']}:{inputs['draft']}")
"""
FLEET = """
models:
  soft:
    tier: nano
    tasks: {"*": 0.9}
    deployments: [{id: here, via: builtin, function: soft, hosting: self}]
  loud:
    tier: nano
    tasks: {"*": 0.7}
    deployments: [{id: here, via: builtin, function: loud, hosting: self}]
"""
POLICY = """
data_classes: [internal, pii]
default_data_class: internal
objective: {maximize: quality}
routes:
  - name: personal
    match: {data_class: pii}
    store_prompts: hashed
    store_outputs: hashed
"""
AGENTS = {
    "echo": "---\ndescription: Repeats.\nrole: echo\ntask: chat\n---\nRepeat: {{ text }}\n",
    "last": "---\ndescription: Ends.\nrole: echo\ntask: chat\n---\nEnd with: {{ text }}\n",
    "planner": "---\ndescription: Plans.\nrole: planner\ntask: plan\n---\nPlan.\n",
}
GRAPHS = {
    "looped": """
input: {question: text}
nodes:
  facts: {tool: find, with: {query: question}}
  draft: {agent: echo, from: [question, facts]}
  check: {agent: last, of: draft}
  verdict: {function: judge, from: [draft, check], to: {again: draft, ok: answer}, at_most: 1}
  answer: {agent: last, from: [verdict, check]}
output: answer
""",
    "planned": """
input: {question: text}
nodes:
  plan: {agent: planner, of: question}
  work: {each: plan, agent: echo}
  done: {function: collect, of: work}
output: done
""",
    "asking": """
input: {question: text}
nodes:
  draft: {agent: echo, of: question}
  approval: {ask: "May it go out?", of: draft, to: {approve: sent, again: draft}, at_most: 2}
  sent: {agent: last, of: approval}
output: sent
""",
    "talk": """
input: {question: text, earlier: turns?}
nodes:
  reply: {agent: echo, from: [question, earlier]}
output: reply
""",
}


def write_project(folder: Path) -> Path:
    """The project, in `folder`."""
    for sub in ("agents", "graphs"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "mesh.yaml").write_text("python: [functions.py]\ndefault_graph: looped\n")
    (folder / "functions.py").write_text(PYTHON)
    (folder / "fleet.yaml").write_text(FLEET)
    (folder / "policy.yaml").write_text(POLICY)
    for name, text in AGENTS.items():
        (folder / "agents" / f"{name}.md").write_text(text)
    for name, text in GRAPHS.items():
        (folder / "graphs" / f"{name}.yaml").write_text(text)
    return folder


def in_mesh(folder: Path, work: Callable[[Mesh], Coroutine[Any, Any, Any]]) -> Any:
    """What `work` gives with the project as it is now."""

    async def whole() -> Any:
        async with Mesh.load(folder, env={}) as mesh:
            return await work(mesh)

    return asyncio.run(whole())


def run(folder: Path, graph: str, question: str, **options: Any) -> str:
    """Run a graph; returns the id of its trace, also where it failed."""

    async def work(mesh: Mesh) -> str:
        try:
            answer = await mesh.run(graph, question=question, options=RunOptions(**options))
        except Exception:  # noqa: BLE001 - whatever it was, it is on the trace
            return mesh.store.traces(1)[0].id
        return answer.trace_id

    found: str = in_mesh(folder, work)
    return found


def replay(folder: Path, trace: str) -> Replayed:
    """Replay it with the project as it is now."""
    found: Replayed = in_mesh(folder, lambda mesh: mesh.replay(trace))
    return found


def forget_journal(folder: Path) -> None:
    """Only the trace is left."""
    for file in (folder / ".mesh").glob("journal.*"):
        file.unlink()


def calls(folder: Path) -> int:
    """How often a model or a tool really ran."""
    log = folder / "calls.log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def stored(folder: Path) -> dict[str, str]:
    """The digest of every stored file's content, write-ahead logs folded in."""
    import sqlite3

    found = {}
    for file in sorted((folder / ".mesh").rglob("*")):
        if file.suffix == ".sqlite":
            with sqlite3.connect(file) as database:
                content = "\n".join(database.iterdump()).encode()
            database.close()
        elif file.is_dir() or file.name.endswith(("-wal", "-shm")):
            continue
        else:
            content = file.read_bytes()
        found[file.name] = hashlib.sha256(content).hexdigest()
    return found

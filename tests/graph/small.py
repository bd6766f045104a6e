"""A whole small project, written to a folder: one role, one deterministic model, one graph."""

from __future__ import annotations

import textwrap
from pathlib import Path

PYTHON = """
import asyncio
import json
import os
from pathlib import Path

from orchestrator import builtin, condition, function, role, tool
from orchestrator.roles.values import Result, Subtask

LOG = Path(__file__).parent / "calls.log"


@builtin("echo")
async def echo(request):
    with LOG.open("a") as log:
        log.write(json.dumps(dict(request.inputs), sort_keys=True) + "\\n")
    await asyncio.sleep(float(os.environ.get("ECHO_SECONDS", "0")))
    return f"<{request.inputs['text']}>"


@role("echo")
async def run_echo(work):
    texts = [str(v) for k, v in sorted(work.inputs.items()) if not isinstance(v, (Subtask, tuple))]
    subtask = work.inputs.get("subtask")
    if subtask:
        needed = ",".join(r.text for r in work.inputs["needs"])
        texts = [f"{subtask.id}({needed})"]
    reply = await work.call(variables={}, inputs={"text": "+".join(texts)})
    if subtask:
        return Result(subtask=subtask.id, specialist="echo", task="chat", text=reply.text)
    return reply.text


@role("planner")
async def plan(work):
    return tuple(Subtask.model_validate(item) for item in json.loads(work.question))


@tool("shout")
async def shout(toolbox, *, text, times):
    return text.upper() * times


@function("collect")
def collect(inputs):
    return " ".join(r.text for r in inputs["work"])


@function("judge")
def judge(inputs):
    again = inputs["round"] < inputs["at_most"] and "stop" not in inputs["question"]
    return ("again" if again else "ok", f"{inputs['round']}:{inputs['reply']}")


@function("stubborn")
def stubborn(inputs):
    return ("again", "no")


@function("typo")
def typo(inputs):
    return ("agian", "no")


@function("broken")
def broken(inputs):
    return {}["missing"]


@condition("never")
def never(inputs):
    return False
"""

FLEET = """
models:
  echo:
    tier: nano
    tasks: {"*": 1.0}
    deployments: [{id: here, via: builtin, function: echo, hosting: self}]
"""

AGENTS = {
    "echo": "---\ndescription: Repeats.\nrole: echo\ntask: chat\n---\nRepeat.\n",
    "planner": "---\ndescription: Plans.\nrole: planner\ntask: plan\n---\nPlan.\n",
}


def write_project(folder: Path, graph: str, *, policy: str = "", name: str = "small") -> Path:
    """A project in `folder` whose graph `name` is the YAML text `graph`."""
    for sub in ("agents", "graphs"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "mesh.yaml").write_text("python: [functions.py]\ndefault_graph: small\n")
    (folder / "functions.py").write_text(PYTHON)
    (folder / "fleet.yaml").write_text(FLEET)
    (folder / "policy.yaml").write_text(policy or "objective: {minimize: cost}\n")
    for agent, text in AGENTS.items():
        (folder / "agents" / f"{agent}.md").write_text(text)
    (folder / "graphs" / f"{name}.yaml").write_text(textwrap.dedent(graph))
    return folder


def calls(folder: Path) -> list[str]:
    """One line for each time that the model really ran."""
    log = folder / "calls.log"
    return log.read_text().splitlines() if log.exists() else []

"""A whole small project in which a model calls tools, and a stand-in that calls those it is told.

The question is what the model is to do, turn by turn, as JSON: `[[["spend", {"amount": 3}]],
"done"]` calls one tool and then answers. So the script lies in the request itself, and a process
that was killed and begun anew is served alike.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator import Mesh
from orchestrator.errors import WaitingError
from tests.calling.server import Call, Say, Step

PYTHON = """
import os
import signal
from pathlib import Path

from orchestrator import tool

HERE = Path(__file__).parent


def log(line):
    with (HERE / "done.log").open("a") as file:
        file.write(line + "\\n")
        file.flush()
        os.fsync(file.fileno())


def maybe_die(where):
    if os.environ.get("DIE") == where:
        os.kill(os.getpid(), signal.SIGKILL)


@tool("look", level="read", hosted=False)
async def look(box, *, at: str) -> str:
    '''Look at something.'''
    log(f"look {at}")
    return f"{at} is fine"


@tool("write-down", level="write", hosted=False)
async def write_down(box, *, text: str) -> str:
    '''Write something down.'''
    maybe_die("before")
    log(f"write {text}")
    maybe_die("after")
    return "written"


@tool("spend", level="destructive", hosted=False)
async def spend(box, *, amount: int) -> str:
    '''Spend money, for good.

    Args:
        amount: In euros.
    '''
    maybe_die("before")
    log(f"spend {amount}")
    maybe_die("after")
    return f"{amount} spent"
"""
FLEET = """
models:
  caller:
    family: one
    tier: mid
    context: 100000
    tasks: {{"*": 0.9}}
    can: [json, tools, stream]
    deployments:
      - {{id: a, via: openai, model: caller, endpoint: "{url}", hosting: self,
         price: {{input: 1, output: 1}}}}
  looker:
    family: two
    tier: mid
    context: 100000
    tasks: {{check: 0.9}}
    can: [json, stream]
    deployments:
      - {{id: b, via: openai, model: looker, endpoint: "{url}", hosting: self,
         price: {{input: 1, output: 1}}}}
"""
AGENT = """---
description: Uses tools.
task: chat
tools: [look, write-down, spend]
steps: {steps}
---
Do it.

## Input
{{{{ task }}}}
"""
GRAPH = """
input: {question: text}
nodes:
  act: {agent: doer, of: question}
output: act
"""
NAMED = """
input: {question: text, amount: number}
nodes:
  pay: {tool: spend, with: {amount: amount}}
output: pay
"""
_TASK = re.compile(r"<task>\n(.*?)\n</task>", re.DOTALL)


@dataclass
class Told:
    """A script for `StandIn`."""

    verdict: str = '{"verdict": "go", "reason": "it is what was asked for"}'
    """What the second model says."""
    checks: list[dict[str, Any]] = field(default_factory=list)
    calls: int = 0

    def __call__(self, body: dict[str, Any]) -> Step:
        if "verdict" in json.dumps(body.get("response_format", {})):
            self.checks.append(body)
            return Say(self.verdict)
        self.calls += 1
        said = "\n".join(m["content"] or "" for m in body["messages"] if m["role"] == "user")
        found = _TASK.search(said)
        assert found, said
        turns = json.loads(found[1])
        turn = turns[min(sum(m["role"] == "assistant" for m in body["messages"]), len(turns) - 1)]
        if isinstance(turn, str):
            return Say(turn)
        if body.get("tool_choice") == "none":
            return Say("that is all I know")
        return Say(
            "", calls=tuple(Call(n, json.dumps(a), f"c{i}") for i, (n, a) in enumerate(turn))
        )


def write_project(
    folder: Path,
    url: str,
    *,
    policy: str = "",
    settings: str = "",
    graph: str = GRAPH,
    steps: int = 8,
) -> Path:
    """The project in `folder`, whose models answer at `url`."""
    for sub in ("agents", "graphs"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "mesh.yaml").write_text(f"python: [tools.py]\ndefault_graph: small\n{settings}")
    (folder / "tools.py").write_text(PYTHON)
    (folder / "fleet.yaml").write_text(FLEET.format(url=url))
    (folder / "policy.yaml").write_text(policy or "objective: {maximize: quality}\n")
    (folder / "agents" / "doer.md").write_text(AGENT.format(steps=steps))
    (folder / "graphs" / "small.yaml").write_text(graph)
    return folder


def done(folder: Path) -> list[str]:
    """What the tools have done, a line for each time."""
    log = folder / "done.log"
    return log.read_text().splitlines() if log.exists() else []


def plan(*turns: Any) -> str:
    """What the model is to do."""
    return json.dumps(turns)


def spending(amount: int) -> list[Any]:
    """A turn that asks for the destructive tool."""
    return [["spend", {"amount": amount}]]


async def waiting(folder: Path, **inputs: Any) -> WaitingError:
    """Run until a person is asked."""
    async with Mesh.load(folder, env={}) as mesh:
        try:
            answer = await mesh.run(**inputs)
        except WaitingError as error:
            return error
    raise AssertionError(f"nobody was asked: {answer.text}")


async def resumed(folder: Path, run: str) -> Any:
    """Go on, in what could be another process."""
    async with Mesh.load(folder, env={}) as mesh:
        return await mesh.run(resume=run)

"""A project that is asked for everything with planted texts in every place that takes one."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

from tests.calling.server import Fail, Say, Step

from .planted import PATTERN, PROMPT

PYTHON = """
import json
from pathlib import Path

from orchestrator import function, role, tool
from orchestrator.roles.values import Result

PLANTED = (Path(__file__).parent.parent / "planted.txt").read_text()


@role("writer")
async def write(work):
    said = "\\n".join(str(v) for v in work.inputs.values())
    work.note(f"about to send {said}")
    reply = await work.call(variables={"text": said}, inputs={"text": said})
    return reply.text


@tool("lookup")
async def lookup(toolbox, *, query):
    toolbox.note(f"looked up {query}")
    return f"The file says: {PLANTED}"


@tool("breaks")
async def breaks(toolbox, *, query):
    raise ValueError(f"cannot read {PLANTED}")


@function("joined")
def joined(inputs):
    return " / ".join(str(v) for v in inputs.values())
"""

FLEET = """
models:
  words:
    family: first
    tier: mid
    context: 32000
    tasks: {"*": 0.9}
    can: [tools, json, stream]
    deployments:
      - {id: here, via: openai, model: words-1, endpoint: "${PRIMARY_URL}", hosting: self,
         price: {input: 1.0, output: 2.0}}
  spare:
    family: second
    tier: small
    context: 32000
    tasks: {"*": 0.5}
    can: [tools, json, stream]
    deployments:
      - {id: here, via: openai, model: spare-1, endpoint: "${PRIMARY_URL}", hosting: self,
         price: {input: 0.5, output: 1.0}}
"""

GRAPHS = {
    "letter": """
        input: {question: text, sources: "paths?"}
        nodes:
          passages: {tool: retrieve, with: {query: question, sources: sources}}
          found: {tool: lookup, with: {query: question}, from: [passages]}
          draft: {agent: writer, from: [question, found, passages]}
          approval: {ask: "May it go out?", of: draft}
          sent: {agent: writer, from: [draft, approval]}
          end: {function: joined, from: [sent]}
        output: end
        """,
    "broken": """
        input: {question: text}
        nodes:
          draft: {agent: writer, of: question}
          found: {tool: breaks, with: {query: draft}}
        output: found
        """,
    "plain": """
        input: {question: text}
        nodes:
          draft: {agent: writer, of: question}
        output: draft
        """,
}
AGENT = "---\ndescription: Writes.\nrole: writer\ntask: chat\n---\nWrite.\n\n## Input\n{{ text }}\n"


def write_leaky(folder: Path, level: str, deadline_ms: int = 20_000, **more: str) -> Path:
    """A project whose only route stores at `level`; `more` are lines of that route."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"    {key}: {value}\n" for key, value in more.items())
    (folder / "policy.yaml").write_text(
        "objective: {maximize: quality}\n"
        f"detect: {{patterns: {{customer: {{pattern: '{PATTERN}'}}}}}}\n"
        "routes:\n"
        "  - name: guarded\n"
        f"    store_prompts: {level}\n    store_outputs: {level}\n    store_tool_args: {level}\n"
        + lines
    )
    (folder.parent / "planted.txt").write_text(PROMPT)
    (folder / "mesh.yaml").write_text(
        f"python: [functions.py]\ndefault_graph: letter\ndeadline_ms: {deadline_ms}\n"
    )
    (folder / "functions.py").write_text(PYTHON)
    (folder / "fleet.yaml").write_text(FLEET)
    for sub in ("agents", "graphs"):
        (folder / sub).mkdir(exist_ok=True)
    (folder / "agents" / "writer.md").write_text(AGENT)
    for name, text in GRAPHS.items():
        (folder / "graphs" / f"{name}.yaml").write_text(textwrap.dedent(text))
    return folder


def parrot(body: dict[str, Any]) -> Step:
    """A provider that repeats what it was sent, also where it refuses or fails."""
    said = " ".join(str(m["content"]) for m in body["messages"])
    for mark, status in (("[fail]", 500), ("[reject]", 400), ("[busy]", 429)):
        if mark in said:
            return Fail(status, f"cannot handle: {said}")
    return Say(f"As you wrote: {said} | {PROMPT}")

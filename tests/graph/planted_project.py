"""A small whole project without a mistake, to plant mistakes in."""

from __future__ import annotations

from pathlib import Path

from orchestrator.errors import Problem, ProjectError
from orchestrator.mesh import Mesh

FILES: dict[str, str] = {
    "mesh.yaml": """\
python: [names.py]
default_graph: main
deadline_ms: 60000
""",
    "fleet.yaml": """\
models:
  sonnet:
    family: anthropic
    tier: mid
    context: 200000
    max_output: 8000
    tasks: {draft: 0.9, check: 0.85, plan: 0.8, extract: 0.8}
    can: [json, cite]
    deployments:
      - id: direct
        via: litellm
        model: anthropic/of-the-test
        key: ANTHROPIC_API_KEY
        hosting: hosted
        region: eu-west
        retention_days: 30
        trains_on_data: false
        certifications: [soc2]
        price: {input: 3, output: 15}
  gpt:
    family: openai
    tier: mid
    context: 100000
    max_output: 4000
    tasks: {draft: 0.8, check: 0.8, plan: 0.7, extract: 0.7}
    can: [json, cite]
    deployments:
      - id: direct
        via: openai
        model: of-the-test
        endpoint: https://gpt.example/v1
        key: OPENAI_API_KEY
        hosting: hosted
        region: us-east
        retention_days: 30
        trains_on_data: false
        certifications: [soc2]
        price: {input: 2, output: 10}
  gates:
    tier: nano
    tasks: {check: 0.6}
    can: [json]
    deployments: [{id: here, via: builtin, function: claim-gates, hosting: self}]
""",
    "policy.yaml": """\
data_classes: [public, internal, pii]
objective: {minimize: cost}
routes:
  - name: personal
    match: {data_class: pii}
    require: {retention_days: 30}
  - name: drafts
    match: {task: draft}
    require: {certifications: [soc2]}
    primary: sonnet
    fallbacks: [gpt]
budgets:
  - {per: run, usd: 1}
""",
    "agents/planner.md": """\
---
description: Splits a request.
role: decomposer
task: plan
needs: [json]
output: plan
output_tokens: 500
---
Split it for these tasks: {{ tasks }}

{{ question }}
""",
    "agents/dispatcher.md": """\
---
description: Assigns each part.
role: router
task: plan
---
Tasks: {{ tasks }}
{{ request }}
""",
    "agents/finder.md": """\
---
description: Finds what a part asks for.
task: extract
needs: [json, cite]
output_tokens: 400
---
{{ task }} {{ results }} {{ passages }}
""",
    "agents/writer.md": """\
---
description: Writes the draft.
role: generator
task: draft
needs: [json, cite]
output_tokens: 1000
---
Write about {{ question }}:
{{ subtasks }} {{ results }} {{ passages }} {{ rejected }}
""",
    "agents/reviewer.md": """\
---
description: Checks each claim.
role: checker
task: check
needs: [json]
output: verdicts
output_tokens: 500
---
{{ claims }}
{{ passages }}
""",
    "graphs/main.yaml": """\
input:
  question: text
  sources: paths?
nodes:
  plan: {agent: planner, of: question}
  found: {tool: retrieve, with: {query: question, sources: sources, plan: plan}}
  route: {agent: dispatcher, of: plan}
  work: {each: route.subtasks, agent: subtask.specialist, from: [found]}
  draft: {agent: writer, from: [plan, work, found]}
  check: {agent: reviewer, from: [draft, found], family: other-than draft}
  judge:
    function: judge
    from: [draft, check]
    to: {revise: draft, done: answer}
    at_most: 2
  answer: {function: finish, of: judge}
output: answer
""",
    "names.py": """\
from collections.abc import Mapping
from typing import Any, Literal

from orchestrator import condition, function, tool
from orchestrator.roles.values import Checks, FinalAnswer, Verdict


@function("judge", reads=(Checks,))
def judge(inputs: Mapping[str, Any]) -> tuple[Literal["revise", "done"], Verdict]:
    return "done", Verdict(verdict="accepted")


@function("finish", reads=(Verdict,))
def finish(inputs: Mapping[str, Any]) -> FinalAnswer:
    return FinalAnswer(text="", verdict="accepted")


@function("tidy")
def tidy(inputs: Mapping[str, Any]) -> FinalAnswer:
    return FinalAnswer(text="", verdict=None)


@function("pick", labels=("left", "right"))
def pick(inputs):
    return "left", 1


@tool("count")
async def count(toolbox, *, text: str, most: int = 10) -> int:
    return min(len(text.split()), most)


@condition("is_long")
def is_long(inputs: Mapping[str, Any]) -> bool:
    return True
""",
}


def write_files(folder: Path, files: dict[str, str]) -> Path:
    """Write the files by their place in the project."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def found_in(folder: Path, env: dict[str, str] | None = None) -> list[Problem]:
    """All that `mesh check` finds, by file and line, files as places in the project."""
    try:
        problems = Mesh.load(folder, env=env or {}).check()
    except ProjectError as error:
        problems = (*error.problems, *error.warnings)
    return list(problems)

"""What is unusual and right: no alarm. The counterpart of the planted mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.graph.planted_project import FILES, found_in, write_files
from tests.graph.planted_rows import FLEET, GRAPH, MESH, POLICY, PYTHON, Edit
from tests.graph.test_check_planted import edited

MODEL = """\
  own:
    tier: small
    family: own
    context: 8000
    tasks: {dance: 0.9, "*": 0.2}
    can: [json, cite, sing]
    deployments: [{id: here, via: openai, model: m, endpoint: "localhost:8080", hosting: self}]
"""
ADDED = "models:\n" + MODEL
ROUTE = "budgets:\n"
CASES: list[tuple[str, tuple[Edit, ...]]] = [
    ("a task, a capability and a family of one's own", ((FLEET, "models:\n", ADDED),)),
    (
        "a task of one's own that is a letter from another",
        (
            (FLEET, "models:\n", ADDED.replace("dance", "drafts")),
            ("agents/drafts.md", None, "---\ndescription: x\ntask: drafts\n---\n{{ task }}\n"),
        ),
    ),
    (
        "regions that differ in two letters",
        (
            (
                POLICY,
                ROUTE,
                "  - {name: r, require: {regions: [us-east, us-west, eu-west]}}\n" + ROUTE,
            ),
        ),
    ),
    (
        "a route that bars everybody, on purpose",
        ((POLICY, ROUTE, "  - {name: r, match: {tags: x}, require: {models: []}}\n" + ROUTE),),
    ),
    (
        "an endpoint from a variable that is not set",
        ((FLEET, "https://gpt.example/v1", "${GPT_URL}"),),
    ),
    (
        "a budget of nothing where the last model is free",
        (
            (POLICY, "usd: 1}", "usd: 0}"),
            (FLEET, "tasks: {check: 0.6}", 'tasks: {"*": 0.6}'),
            (FLEET, "    can: [json]\n", "    can: [json, cite]\n"),
            (FLEET, "hosting: self}", "hosting: self, retention_days: 0, certifications: [soc2]}"),
        ),
    ),
    (
        "an input that only a function looks up",
        (
            (GRAPH, "  sources: paths?\n", "  sources: paths?\n  colour: text?\n"),
            (
                PYTHON,
                '    return FinalAnswer(text="", verdict="accepted")',
                '    return FinalAnswer(text=str(inputs["colour"]), verdict="accepted")',
            ),
        ),
    ),
    (
        "a literal text for a tool",
        (
            (
                GRAPH,
                "  answer:",
                "  size: {tool: count, with: {text: some words, most: 3}}\n  answer:",
            ),
            (GRAPH, "of: judge}", "from: [judge, size]}"),
        ),
    ),
    (
        "a strategy that two models of two providers can follow",
        (
            (POLICY, "    fallbacks: [gpt]\n", "    strategy: {kind: race, start: after_p95}\n"),
            (
                POLICY,
                ROUTE,
                "  - {name: p, match: {task: draft}, strategy: {kind: panel, models: 2}}\n"
                "  - {name: c, match: {task: draft}, strategy: cascade}\n"
                "  - {name: s, strategy: single, prefer_regions: [eu-west]}\n" + ROUTE,
            ),
        ),
    ),
    (
        "a plural of a name as a literal text",
        (
            (GRAPH, "  answer:", "  size: {tool: count, with: {text: drafts}}\n  answer:"),
            (GRAPH, "of: judge}", "from: [judge, size]}"),
        ),
    ),
    (
        "a function without annotations",
        (
            (GRAPH, "    function: judge\n", "    function: silent\n"),
            (
                PYTHON,
                "@condition",
                "@function('silent')\ndef silent(inputs):\n    return 1\n\n\n@condition",
            ),
        ),
    ),
    (
        "a tool that takes whatever comes",
        (
            (
                GRAPH,
                "{tool: retrieve, with: {query: question,",
                "{tool: any, with: {whatever: question,",
            ),
            (
                PYTHON,
                "@condition",
                "@tool('any')\nasync def any_(box, **more):\n    return 1\n\n\n@condition",
            ),
        ),
    ),
    (
        "branches that come together",
        (
            (GRAPH, "    function: judge\n", "    function: pick\n"),
            (GRAPH, "{revise: draft, done: answer}\n    at_most: 2", "{left: one, right: two}"),
            (
                GRAPH,
                "  answer: {function: finish, of: judge}\n",
                "  one: {function: tidy, of: judge}\n  two: {function: tidy, of: judge}\n"
                "  answer: {function: tidy, from: [one, two]}\n",
            ),
        ),
    ),
    (
        "a person who decides",
        (
            (
                GRAPH,
                "  answer: {function: finish, of: judge}\n",
                "  may: {ask: May it go out?, of: judge, to: {go: answer, stop: refused}}\n"
                "  refused: {function: tidy, of: may}\n"
                "  last: {function: tidy, from: [answer, refused]}\n"
                "  answer: {function: finish, of: judge}\n",
            ),
            (GRAPH, "done: answer", "done: may"),
            (GRAPH, "output: answer", "output: last"),
        ),
    ),
    ("a Python package beside the project", (("graph/__init__.py", None, "nodes = 1\n"),)),
    (
        "another program's YAML beside the project",
        (("police.yaml", None, "- officers\n"), ("meshes.yaml", None, "vertices: 3\n")),
    ),
    (
        "prices far apart",
        ((FLEET, "price: {input: 3, output: 15}", "price: {input: 0, output: 900}"),),
    ),
    ("defaults that are spelt out", ((MESH, "deadline_ms: 60000", "embedder: static"),)),
    (
        "a family that nobody has yet",
        (
            (FLEET, "family: openai", "family: null"),
            (FLEET, "family: anthropic", "family: null"),
        ),
    ),
]


@pytest.mark.parametrize("edits", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_no_alarm(tmp_path: Path, edits: tuple[Edit, ...]) -> None:
    problems = found_in(write_files(tmp_path, edited(edits)))
    assert [str(problem) for problem in problems] == []


def test_a_misnamed_file_is_no_matter_where_the_right_one_stands(tmp_path: Path) -> None:
    files = FILES | {"polices.yaml": FILES[POLICY], "graph/main.yaml": FILES[GRAPH]}
    assert found_in(write_files(tmp_path, files)) == []

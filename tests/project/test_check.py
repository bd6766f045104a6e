"""Names across files, and what must go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.project.samples import (
    KEY,
    Files,
    Path_,
    changed,
    load,
    names,
    problems_of,
    shown,
    spoiled,
    valid,
    without,
    write,
)

R0: Path_ = ("routes", 0)
D0: Path_ = ("models", "sonnet", "deployments", 0)

UNKNOWN: list[tuple[str, Path_, str, str, str]] = [
    ("mesh.yaml", ("default_graph",), "mian", "unknown graph", "main"),
    ("fleet.yaml", (*D0, "via"), "litelm", "unknown transport", "litellm"),
    (
        "fleet.yaml",
        ("models", "echo", "deployments", 0, "function"),
        "ecco",
        "unknown builtin",
        "echo",
    ),
    ("policy.yaml", ("default_data_class",), "intrenal", "unknown default data class", "internal"),
    ("policy.yaml", (*R0, "match", "data_class"), "secert", "unknown data class", "secret"),
    ("policy.yaml", (*R0, "primary"), "sonet", "unknown model", "sonnet"),
    ("policy.yaml", (*R0, "fallbacks", 1), "eco", "unknown model", "echo"),
    ("policy.yaml", (*R0, "require", "models", 0), "sonet", "unknown model", "sonnet"),
    ("policy.yaml", (*R0, "require", "not_models", 0), "eco", "unknown model", "echo"),
    ("policy.yaml", (*R0, "require", "not_families", 0), "smolm", "unknown family", "smollm"),
    ("agents/writer.md", ("role",), "genrator", "unknown role", "generator"),
    ("agents/writer.md", ("output",), "leter", "unknown output model", "letter"),
    ("graphs/main.yaml", ("output",), "anwser", "unknown node", "answer"),
    ("graphs/main.yaml", ("nodes", "draft", "agent"), "writr", "unknown agent", "writer"),
    ("graphs/main.yaml", ("nodes", "found", "tool"), "serch", "unknown tool", "search"),
    ("graphs/main.yaml", ("nodes", "verdict", "function"), "juge", "unknown function", "judge"),
    ("graphs/main.yaml", ("nodes", "draft", "when"), "is_lon", "unknown condition", "is_long"),
    ("graphs/main.yaml", ("nodes", "plan", "of"), "qestion", "unknown node or input", "question"),
    ("graphs/main.yaml", ("nodes", "draft", "from", 1), "fond", "unknown node or input", "found"),
    ("graphs/main.yaml", ("nodes", "work", "each"), "plam.subtasks", "unknown node", "plan"),
    ("graphs/main.yaml", ("nodes", "check", "family"), "other-than darft", "unknown node", "draft"),
    ("graphs/main.yaml", ("nodes", "verdict", "to", "done"), "anser", "unknown node", "answer"),
    ("graphs/main.yaml", ("nodes", "check", "agent"), "plam.specialist", "unknown node", "plan"),
    ("evals/smoke.yaml", ("graph",), "mian", "unknown graph", "main"),
    ("evals/smoke.yaml", ("options", "data_class"), "pubilc", "unknown data class", "public"),
    ("evals/smoke.yaml", ("cases", 0, "expect", "checks", 0), "polit", "unknown check", "polite"),
]


@pytest.mark.parametrize(
    ("file", "path", "value", "message", "near"),
    UNKNOWN,
    ids=[f"{case[0]}:{shown(case[1])}" for case in UNKNOWN],
)
def test_an_unknown_name(
    tmp_path: Path, file: str, path: Path_, value: str, message: str, near: str
) -> None:
    places = write(tmp_path, changed(file, path, value))
    problems = problems_of(tmp_path)
    assert [(p.key, p.message, p.near) for p in problems] == [(shown(path), message, near)]
    assert (problems[0].line, problems[0].column) == places[file][path]
    assert near in problems[0].allowed
    head = value.removeprefix("other-than ").split(".")[0]
    assert problems[0].found == head


def _node(name: str, **keys: Any) -> Files:
    return changed("graphs/main.yaml", ("nodes", name), keys)


def _extra(name: str, key: str, value: Any) -> Files:
    return changed("graphs/main.yaml", ("nodes", name, key), value)


SHAPES: list[tuple[str, Files, Path_, str]] = [
    ("no kind", _node("plan", of="question"), ("nodes", "plan"), "this node does nothing"),
    ("two kinds", _extra("plan", "tool", "search"), ("nodes", "plan", "tool"), "a node does one"),
    ("each", _extra("found", "each", "plan.subtasks"), ("nodes", "found", "each"), "'each' goes"),
    ("family", _extra("answer", "family", "other-than draft"), ("nodes", "answer", "family"), "'f"),
    ("to", _extra("plan", "to", {"done": "answer"}), ("nodes", "plan", "to"), "'to' goes only"),
    ("with", _extra("plan", "with", {"a": 1}), ("nodes", "plan", "with"), "'with' goes only"),
    ("at_most", _extra("answer", "at_most", 2), ("nodes", "answer", "at_most"), "'at_most' goes"),
    (
        "a node like an input",
        changed("graphs/main.yaml", ("input", "draft"), "text?"),
        ("nodes", "draft"),
        "an input has the same name",
    ),
    (
        "a dot in a name",
        _node("a.b", tool="search"),
        ("nodes", "a.b"),
        "a node's name has no dot",
    ),
    ("a taken name", _node("subtask", tool="search"), ("nodes", "subtask"), "this name is taken"),
    (
        "a loop without a bound",
        without("graphs/main.yaml", ("nodes", "verdict", "at_most")),
        ("nodes", "verdict", "to", "revise"),
        "'revise' sends the run back to 'draft' without a bound",
    ),
    (
        "a loop onto itself without a bound",
        _node("verdict", function="judge", of="check", to={"again": "verdict", "done": "answer"}),
        ("nodes", "verdict", "to", "again"),
        "'again' sends the run back to 'verdict' without a bound",
    ),
    (
        "a cycle",
        _extra("plan", "of", "check"),
        ("nodes", "plan"),
        "these nodes wait for each other and none can start",
    ),
    (
        "a cycle of one",
        _extra("plan", "from", ["plan"]),
        ("nodes", "plan"),
        "this node waits for itself",
    ),
    (
        "a cycle through `with`",
        _extra("found", "with", {"query": "work"}),
        ("nodes", "found"),
        "these nodes wait for each other",
    ),
    (
        "a cycle through a chosen agent",
        _extra("plan", "agent", "draft.specialist"),
        ("nodes", "plan"),
        "these nodes wait for each other",
    ),
    (
        "a dead end",
        _node("idle", agent="planner", of="question"),
        ("nodes", "idle"),
        "nothing of this node reaches the output 'answer'",
    ),
]


@pytest.mark.parametrize(
    ("files", "path", "message"), [case[1:] for case in SHAPES], ids=[case[0] for case in SHAPES]
)
def test_a_graph_that_cannot_work(tmp_path: Path, files: Files, path: Path_, message: str) -> None:
    places = write(tmp_path, files)
    problems = problems_of(tmp_path)
    assert [(p.key, p.message[: len(message)]) for p in problems] == [(shown(path), message)]
    assert (problems[0].line, problems[0].column) == places["graphs/main.yaml"][(*path, KEY)]


VALUES: list[tuple[str, Files, Path_, str]] = [
    (
        "subtask without each",
        _extra("draft", "agent", "subtask.specialist"),
        ("nodes", "draft", "agent"),
        "'subtask.' means the subtask at hand",
    ),
    (
        "nothing after the dot",
        _extra("draft", "agent", "plan."),
        ("nodes", "draft", "agent"),
        "a name is missing after the dot",
    ),
    (
        "family of a function",
        _extra("check", "family", "other-than found"),
        ("nodes", "check", "family"),
        "the node 'found' is no agent",
    ),
]


@pytest.mark.parametrize(
    ("files", "path", "message"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES]
)
def test_a_reference_that_cannot_work(
    tmp_path: Path, files: Files, path: Path_, message: str
) -> None:
    places = write(tmp_path, files)
    problems = problems_of(tmp_path)
    assert [(p.key, p.message[: len(message)]) for p in problems] == [(shown(path), message)]
    assert (problems[0].line, problems[0].column) == places["graphs/main.yaml"][path]


def test_two_dead_ends_in_a_row_and_two_cycles_are_all_told(tmp_path: Path) -> None:
    files = _node("a", agent="planner", of="b")
    nodes = files["graphs/main.yaml"]["nodes"]
    nodes["b"] = {"agent": "planner", "of": "a"}
    nodes["c"] = {"agent": "planner", "of": "c"}
    assert [p.key for p in spoiled(tmp_path, files)] == ["nodes.a", "nodes.c"]
    nodes["a"]["of"] = nodes["c"]["of"] = "question"
    assert [p.key for p in spoiled(tmp_path, files)] == ["nodes.a", "nodes.b", "nodes.c"]


def test_a_reference_to_an_agent_that_a_node_chose(tmp_path: Path) -> None:
    assert spoiled(tmp_path, _extra("draft", "agent", "plan.specialist")) == ()


DEPLOYMENTS: list[tuple[dict[str, Any], str, str]] = [
    ({"via": "litellm"}, "model", "a deployment via litellm needs the key 'model'"),
    ({"via": "openai", "model": "m"}, "endpoint", "a deployment via openai needs the key 'end"),
    ({"via": "openai", "endpoint": "http://x"}, "model", "a deployment via openai needs the key"),
    ({"via": "llamacpp"}, "weights", "a deployment via llamacpp needs the key 'weights'"),
    ({"via": "builtin"}, "function", "a deployment via builtin needs the key 'function'"),
    ({"via": "builtin", "function": "echo", "weights": "w"}, "weights", "a deployment via builtin"),
    ({"via": "litellm", "model": "m", "function": "echo"}, "function", "a deployment via litellm"),
]


@pytest.mark.parametrize(("keys", "key", "message"), DEPLOYMENTS)
def test_what_a_transport_needs(
    tmp_path: Path, keys: dict[str, Any], key: str, message: str
) -> None:
    path = ("models", "tiny", "deployments", 0)
    files = changed("fleet.yaml", path, {"id": "local", "hosting": "self"} | keys)
    problems = spoiled(tmp_path, files)
    assert [(p.key, p.message[: len(message)]) for p in problems] == [
        (f"models.tiny.deployments[0].{key}", message)
    ]


def test_a_transport_of_the_project_has_needs_of_its_own(tmp_path: Path) -> None:
    registry = names()
    registry.add("transport", "pigeon", object())
    path = ("models", "tiny", "deployments", 0)
    files = changed("fleet.yaml", path, {"id": "loft", "via": "pigeon", "hosting": "self"})
    assert spoiled(tmp_path, files, registry=registry) == ()


def test_names_that_stand_twice(tmp_path: Path) -> None:
    files = valid()
    deployments = files["fleet.yaml"]["models"]["sonnet"]["deployments"]
    deployments[1]["id"] = "direct"
    files["policy.yaml"]["routes"].append({"name": "first"})
    files["policy.yaml"]["data_classes"].append("public")
    places = write(tmp_path, files)
    problems = problems_of(tmp_path)
    assert [(p.key, p.found) for p in problems] == [
        ("models.sonnet.deployments[1].id", "direct"),
        ("data_classes[3]", "public"),
        (f"routes[{len(files['policy.yaml']['routes']) - 1}].name", "first"),
    ]
    path: Path_ = ("models", "sonnet", "deployments", 0, "id")
    assert problems[0].message.endswith(f"first in line {places['fleet.yaml'][path][0]}")


def test_the_same_deployment_id_in_two_models_is_fine(tmp_path: Path) -> None:
    path = ("models", "tiny", "deployments", 0, "id")
    assert spoiled(tmp_path, changed("fleet.yaml", path, "direct")) == ()


def test_an_objective_is_one(tmp_path: Path) -> None:
    problems = spoiled(tmp_path, changed("policy.yaml", ("objective", "maximize"), "quality"))
    assert [(p.key, p.message) for p in problems] == [
        ("objective", "choose one: minimize or maximize")
    ]


def test_the_default_data_class_must_be_among_those_declared(tmp_path: Path) -> None:
    files = without("policy.yaml", ("default_data_class",))
    files["policy.yaml"]["data_classes"] = ["public", "secret"]
    assert [(p.key, p.found) for p in spoiled(tmp_path, files)] == [("data_classes", "internal")]


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({}, "question", "the input 'question' of the graph main is missing"),
    ({"question": "a", "sorces": []}, "sorces", "unknown input of the graph main"),
    ({"question": 5}, "question", "the value does not fit the input of the graph main"),
    ({"question": "a", "sources": [1]}, "sources", "the value does not fit"),
    ({"question": "a", "count": "3"}, "count", "the value does not fit"),
    ({"question": "a", "count": True}, "count", "the value does not fit"),
    ({"question": " "}, "question", "the value does not fit"),
    ({"question": "a", "sources": ["dogs"]}, "sources[0]", "this path does not exist"),
]


@pytest.mark.parametrize(("given", "key", "message"), CASES)
def test_a_case_gives_what_its_graph_takes(
    tmp_path: Path, given: dict[str, Any], key: str, message: str
) -> None:
    problems = spoiled(tmp_path, changed("evals/smoke.yaml", ("cases", 0, "input"), given))
    assert [(p.key, p.message[: len(message)]) for p in problems] == [
        (f"cases[0].input.{key}", message)
    ]


C0 = ("cases", 0)
SUITE_MISTAKES: list[tuple[Path_, Any, dict[str, str]]] = [
    (
        (*C0, "expect", "cites", 0),
        "docs/raesons.txt",
        {"message": "this path does not exist", "near": "docs/reasons.txt"},
    ),
    (
        (*C0, "expect", "matches"),
        "(a",
        {
            "message": "this is not a regular expression: missing ), unterminated subpattern at "
            "position 0"
        },
    ),
    (
        (*C0, "expect", "not_contains", 0),
        "cause",
        {"message": "no answer can contain this and not contain it"},
    ),
    (
        ("defaults", "input", "count"),
        "two",
        {"message": "the value does not fit the input of the graph main"},
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "expected"), SUITE_MISTAKES, ids=[shown(m[0]) for m in SUITE_MISTAKES]
)
def test_a_mistake_in_a_suite(
    tmp_path: Path, path: Path_, value: Any, expected: dict[str, str]
) -> None:
    places = write(tmp_path, changed("evals/smoke.yaml", path, value))
    (problem,) = problems_of(tmp_path)
    assert problem.key == shown(path)
    assert (problem.line, problem.column) == places["evals/smoke.yaml"][path]
    assert {key: getattr(problem, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("cases", "key", "message"),
    [
        (
            [{"name": "a", "input": {"question": "1"}}, {"name": "a", "input": {"question": "2"}}],
            "cases[1].name",
            "the case 'a' stands twice; first in line",
        ),
        (
            [{"input": {"question": "1"}}, {"input": {"question": "1"}}],
            "cases[1]",
            "a case with these inputs stands in line",
        ),
    ],
)
def test_two_cases_of_one_name(tmp_path: Path, cases: list[Any], key: str, message: str) -> None:
    (problem,) = spoiled(tmp_path, changed("evals/smoke.yaml", ("cases",), cases))
    assert (problem.key, problem.message[: len(message)]) == (key, message)


def test_a_misspelt_key_says_nothing_about_what_the_cases_now_lack(tmp_path: Path) -> None:
    files = valid()
    suite = files["evals/smoke.yaml"]
    suite["defalts"] = {"input": {"question": "Why?"}}
    del suite["cases"][1]["input"]["question"]
    problems = spoiled(tmp_path, files)
    assert [(p.key, p.near) for p in problems] == [("defalts", "defaults")]


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    files = valid()
    files["mesh.yaml"]["embeder"] = "static"
    files["fleet.yaml"]["models"]["tiny"]["tier"] = "tiny"
    files["fleet.yaml"]["models"]["echo"]["deployments"][0]["regoin"] = "eu"
    files["policy.yaml"]["routes"][0]["primary"] = "sonet"
    files["policy.yaml"]["routes"][0]["latency_ms"] = "2500"
    files["agents/writer.md"]["role"] = "genrator"
    files["agents/writer.md"]["need"] = []
    files["graphs/main.yaml"]["nodes"]["draft"]["agent"] = "writr"
    files["graphs/main.yaml"]["nodes"]["plan"]["form"] = []
    files["graphs/other.yaml"] = "nodes: ["
    del files["evals/smoke.yaml"]["graph"]
    problems = spoiled(tmp_path, files)
    assert [(p.file.removeprefix(f"{tmp_path}/"), p.key) for p in problems] == [
        ("agents/writer.md", "role"),
        ("agents/writer.md", "need"),
        ("evals/smoke.yaml", "graph"),
        ("fleet.yaml", "models.tiny.tier"),
        ("fleet.yaml", "models.echo.deployments[0].regoin"),
        ("graphs/main.yaml", "nodes.plan.form"),
        ("graphs/main.yaml", "nodes.draft.agent"),
        ("graphs/other.yaml", ""),
        ("mesh.yaml", "embeder"),
        ("policy.yaml", "routes[0].latency_ms"),
        ("policy.yaml", "routes[0].primary"),
    ]


def test_a_misspelt_key_says_nothing_about_what_the_node_now_lacks(tmp_path: Path) -> None:
    files = _node("draft", agnet="writer", form=["work"])
    problems = spoiled(tmp_path, files)
    assert sorted((p.key, p.near) for p in problems) == [
        ("nodes.draft.agnet", "agent"),
        ("nodes.draft.form", "from"),
    ]


@pytest.mark.parametrize("file", ["fleet.yaml", "policy.yaml", "graphs/main.yaml", "mesh.yaml"])
def test_a_file_that_cannot_be_parsed_is_one_problem(tmp_path: Path, file: str) -> None:
    problems = spoiled(tmp_path, valid() | {file: "a: ["})
    assert [p.file for p in problems] == [str(tmp_path / file)]


def test_a_broken_agent_is_still_an_agent(tmp_path: Path) -> None:
    problems = spoiled(tmp_path, valid() | {"agents/writer.md": "no front matter"})
    assert [p.file for p in problems] == [str(tmp_path / "agents/writer.md")]


def test_names_of_broken_parts_are_known(tmp_path: Path) -> None:
    files = changed("fleet.yaml", ("models", "tiny"), {"tier": "nano"})
    assert [p.key for p in spoiled(tmp_path, files)] == ["models.tiny.deployments"]


def test_the_sample_loads_with_its_names(tmp_path: Path) -> None:
    write(tmp_path, valid())
    loaded = load(tmp_path)
    assert loaded.registry.get("function", "merge")({}) == 1
    assert loaded.project.graphs["main"].name == "main"
    assert loaded.project.agents["writer"].name == "writer"
    assert loaded.project.agents["writer"].prompt == "Write about {{ question }}."

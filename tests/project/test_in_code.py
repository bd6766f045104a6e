"""A project from Python objects: the same content, checks and hashes as from files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrator import Agent, Graph, Mesh, Node, ProjectError, Route, UserError, function
from orchestrator.errors import Problem
from orchestrator.project.declared import Declared
from orchestrator.project.fleet_schema import Fleet
from orchestrator.project.load import LoadedProject, default_root, load_project
from orchestrator.project.policy_schema import Match, Policy, Require
from orchestrator.project.registry import BUILTINS, Registry
from orchestrator.project.schema import Settings, Storage
from orchestrator.project.suite_schema import Case, Suite
from tests.project.samples import BODY, CLASSES, changed, names, valid, write

HERE = Path(__file__)


def line_of(text: str) -> tuple[int, int]:
    """Line and column of the first place in this file where `text` stands."""
    before, found, _ = HERE.read_text("utf-8").partition(text)
    assert found
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def problems_of(make: Callable[[], Any]) -> tuple[Problem, ...]:
    with pytest.raises(ProjectError) as caught:
        make()
    return caught.value.problems


def build(*declared: Declared, **options: Any) -> LoadedProject:
    return load_project(None, declared, env={}, **options)


CRITIC = Agent(name="critic", description="Criticises.", task="chat", prompt="Criticise.")


def review(**node: Any) -> Graph:
    """A graph of one node, `review`."""
    return Graph(
        name="review", input={"text": "text"}, nodes={"review": Node(**node)}, output="review"
    )


# ── the same content ─────────────────────────────────────────────────────────────────────


def test_the_shipped_project_built_from_its_own_objects_has_its_hash() -> None:
    loaded = load_project(default_root(), env={}).project
    fleet = yaml.safe_load((default_root() / "fleet.yaml").read_text("utf-8"))
    rebuilt = build(
        *loaded.agents.values(),
        *loaded.graphs.values(),
        *loaded.suites.values(),
        loaded.policy,
        loaded.settings,
        Fleet(**fleet),  # as it is written: what is loaded holds this machine's variables
    ).project
    assert rebuilt.hash == loaded.hash
    assert rebuilt.policy_hash == loaded.policy_hash
    assert rebuilt.model_copy(update={"root": loaded.root}) == loaded


def test_every_key_of_every_file_can_be_said_in_python(tmp_path: Path) -> None:
    """The sample uses every key; written to files and made in Python it is the same project."""
    files = valid()
    write(tmp_path / "files", files)
    declared_in = ("mesh.yaml", "fleet.yaml", "policy.yaml", "agents/", "graphs/", "evals/")
    write(tmp_path / "objects", {k: v for k, v in files.items() if not k.startswith(declared_in)})
    options: dict[str, Any] = {
        "env": {},
        "builtins": (),
        "registry": names(),
        "defaults": tmp_path / "none",
    }
    declared: list[Declared] = [
        CLASSES["mesh.yaml"](**files["mesh.yaml"]),
        CLASSES["fleet.yaml"](**files["fleet.yaml"]),
        CLASSES["policy.yaml"](**files["policy.yaml"]),
        Agent(name="writer", prompt=BODY, **files["agents/writer.md"]),
        Agent(name="planner", prompt=BODY, **files["agents/planner.md"]),
        Graph(name="main", **files["graphs/main.yaml"]),
        Suite(name="smoke", **files["evals/smoke.yaml"]),
    ]
    from_files = load_project(tmp_path / "files", **options).project
    from_objects = load_project(tmp_path / "objects", declared, **options).project
    assert from_objects.model_copy(update={"root": from_files.root}) == from_files
    assert from_objects.hash == from_files.hash


def test_a_graph_can_be_written_to_a_file_and_read_again(tmp_path: Path) -> None:
    (tmp_path / "graphs").mkdir()
    graphs = load_project(default_root(), env={}).project.graphs
    for name, graph in graphs.items():
        data = graph.model_dump(mode="json", by_alias=True, exclude_unset=True)
        (tmp_path / "graphs" / f"{name}.yaml").write_text(yaml.safe_dump(data))
    assert load_project(tmp_path, env={}).project.graphs == graphs


def test_an_object_stands_for_its_file_and_the_rest_comes_from_the_folder(tmp_path: Path) -> None:
    write(tmp_path, {"agents/critic.md": {"description": "Old.", "task": "chat"}})
    writer = "---\ndescription: Writes.\ntask: draft\n---\n{{ task }}\n"
    write(tmp_path, {"agents/writer.md": writer})
    (tmp_path / "fleet.yaml").write_text("this is: [broken")
    fleet = load_project(None, env={}).project.fleet
    agents = load_project(tmp_path, [CRITIC, fleet], env={}).project.agents
    assert agents["critic"].description == "Criticises."
    assert agents["writer"].description == "Writes."
    assert "aggregator" in agents


def test_variables_are_filled_in_and_not_in_the_hash() -> None:
    def built(place: str) -> LoadedProject:
        settings = Settings(storage=Storage(path="${PLACE:-.mesh}"))
        return load_project(None, [settings], env={"PLACE": place})

    assert built("/a").project.settings.storage.path == "/a"
    assert built("/a").project.hash == built("/b").project.hash


def test_a_mesh_is_built_and_runs(tmp_path: Path) -> None:
    with Registry(BUILTINS).active():

        @function("shout")
        def shout(inputs: dict[str, Any]) -> str:
            return str(inputs["text"]).upper()

        mesh = Mesh.build(
            review(function="shout", of="text"),
            Settings(storage=Storage(path=str(tmp_path / "kept"))),
            env={},
        )
    assert mesh.run_sync("review", text="so be it").text == "SO BE IT"
    assert (tmp_path / "kept" / "traces.sqlite").is_file()


# ── what is wrong, and where ─────────────────────────────────────────────────────────────


def test_a_mistake_has_the_place_of_the_value_in_the_code() -> None:
    def make() -> LoadedProject:
        return build(
            CRITIC,
            review(agent="crtic", of="text"),
            AnyGraph(
                name="second",
                input={"text": "text"},
                nodes={
                    "first": Node(agent="critik"),
                    "next": {"agent": "critic", "from": ["frist"]},
                },
                output="next",
            ),
        )

    found = {p.key: p for p in problems_of(make)}
    assert {p.file for p in found.values()} == {str(HERE.relative_to(Path.cwd()))}
    misspelt = found["Graph('second').nodes.first.agent"]
    assert (misspelt.line, misspelt.column) == line_of('"critik"')
    assert (misspelt.message, misspelt.found, misspelt.near) == (
        "unknown agent",
        "critik",
        "critic",
    )
    assert misspelt.snippet.strip() == '"first": Node(agent="critik"),'
    reference = found["Graph('second').nodes.next.from[0]"]
    assert (reference.line, reference.column) == line_of('"frist"')
    # `review` passes its arguments on, so there is no literal: the place is that of the call.
    given = found["Graph('review').nodes.review.agent"]
    assert (given.line, given.column) == line_of("Node(**node)")


# Without their types, for what a type checker would refuse before it runs.
AnyAgent: Any = Agent
AnyGraph: Any = Graph
AnyNode: Any = Node
AnyRoute: Any = Route
AnyMatch: Any = Match

WRONG: list[tuple[Callable[[], Any], str, str, str]] = [
    (
        lambda: AnyAgent(promt="x", task="a", description="b"),
        "Agent.promt",
        "unknown key",
        "prompt",
    ),
    (
        lambda: AnyAgent(name="a", task=3, description="b"),
        "Agent('a').task",
        "the value has the wrong type; put it in quotes",
        "",
    ),
    (lambda: AnyAgent(task="a"), "Agent.description", "the key 'description' is missing", ""),
    (lambda: AnyNode(form=["a"]), "Node.form", "unknown key", "from_"),
    (
        lambda: AnyRoute(name="r", match={"rsik": "high"}),
        "Route('r').match.rsik",
        "unknown key",
        "risk",
    ),
    (
        lambda: AnyGraph(name="g", input={"a": "txt"}, nodes={"n": Node(agent="x")}, output="n"),
        "Graph('g').input.a",
        "this is not one of the allowed values",
        "text",
    ),
    (lambda: AnyMatch(task=Path("a")), "Match.task", "the value has the wrong type", ""),
]


@pytest.mark.parametrize(("make", "key", "message", "near"), WRONG)
def test_a_wrong_argument_is_a_problem_of_the_project(
    make: Callable[[], Any], key: str, message: str, near: str
) -> None:
    (problem,) = problems_of(make)
    assert (problem.key, problem.message, problem.near) == (key, message, near)
    assert problem.file == str(HERE.relative_to(Path.cwd()))
    assert problem.line == make.__code__.co_firstlineno


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ([Agent(description="a", task="chat", prompt="p")], "the name is missing"),
        ([CRITIC.model_copy(update={"name": "The Critic"})], "this is not a valid name"),
        ([CRITIC.model_copy(update={"prompt": "  "})], "the prompt is missing"),
        ([CRITIC, CRITIC], "this is given twice; first in "),
        ([Policy(), Policy()], "this is given twice; first in "),
        ([Settings(python=("ghost.py",))], "there is no such file"),
        (
            [CRITIC.model_copy(update={"prompt": "Use sk-" + "a1B2" * 8})],
            "secrets only by variable name: put the value in the environment",
        ),
        (
            [Suite(name="s", graph="answer", cases=(Case(input={"question": {1, 2}}),))],
            "only texts, numbers, true, false, nothing, lists and mappings can be declared",
        ),
        ([Settings(storage=Storage(path="${NOWHERE}"))], "the variable NOWHERE is not set"),
    ],
)
def test_what_no_file_could_say_is_refused(declared: list[Declared], expected: str) -> None:
    assert any(p.message.startswith(expected) for p in problems_of(lambda: build(*declared)))


@pytest.mark.parametrize("value", [Node(agent="critic"), [CRITIC], "critic"])
def test_what_no_file_declares_is_a_users_mistake(value: Any) -> None:
    with pytest.raises(UserError, match="a project is built from Settings, Fleet, "):
        build(value)


def test_code_without_a_source_has_at_least_its_line() -> None:
    script = (
        "from orchestrator import Agent, ProjectError\n"
        "try:\n"
        "    Agent(promt='x', task='a', description='b')\n"
        "except ProjectError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("<string>:3:1: Agent.promt: unknown key"), done.stderr


# ── routes ───────────────────────────────────────────────────────────────────────────────


def test_routes_are_put_before_those_of_the_policy() -> None:
    own = Route(name="at-home", match=Match(tags="private"), require=Require(hosting="self"))
    before = load_project(None, env={}).project.policy.routes
    loaded = build(own)
    assert loaded.project.policy.routes == (own, *before)
    whole = Policy(
        **load_project(None, env={}).project.policy.model_dump() | {"routes": [own, *before]}
    )
    assert build(whole).project.policy_hash == loaded.project.policy_hash  # fmt: skip


def test_variables_keep_their_place_when_routes_come_before(tmp_path: Path) -> None:
    policy = {
        "default_data_class": "${CLASS:-internal}",
        "routes": [{"name": "old", "match": {"tags": "${TAG:-b}"}}],
    }
    write(tmp_path, {"policy.yaml": policy})
    new = Route(name="new", match=Match(tags="${TAG:-a}"))

    def built(env: dict[str, str]) -> LoadedProject:
        return load_project(tmp_path, [new], env=env)

    routes = built({}).project.policy.routes
    assert [(r.name, r.match.tags) for r in routes] == [("new", "a"), ("old", "b")]
    assert built({}).project.hash == built({"TAG": "c", "CLASS": "public"}).project.hash


def test_a_mistake_in_a_route_stands_where_the_route_was_made() -> None:
    def make() -> LoadedProject:
        return build(
            Route(name="fine"),
            Route(name="wrong", match=Match(data_class="ppi"), primary="claude-sonet"),
            Route(name="personal-data"),
        )

    found = {p.key: p for p in problems_of(make)}
    assert found["Route('wrong').match.data_class"].near == "pii"
    model = found["Route('wrong').primary"]
    assert (model.line, model.column) == line_of('"claude-sonet"')
    assert model.snippet.strip().startswith('Route(name="wrong"')
    # The default policy has a route of that name; the second of the two is the policy's.
    twice = found["routes[0].name"]
    assert twice.file == str(default_root() / "policy.yaml")
    assert "stands twice" in twice.message
    assert len(found) == 3


def test_a_problem_of_the_policys_own_routes_keeps_its_place(tmp_path: Path) -> None:
    files = changed("policy.yaml", ("routes", 0, "latency_ms"), "fast")
    files["policy.yaml"]["routes"][0]["primary"] = "sonett"
    places = write(tmp_path, files)["policy.yaml"]
    found = problems_of(
        lambda: load_project(
            tmp_path,
            [Route(name="a"), Route(name="b")],
            env={},
            builtins=(),
            registry=names(),
            defaults=tmp_path / "none",
        )
    )
    at = {p.key: (p.line, p.column) for p in found}
    for key in ("latency_ms", "primary"):
        assert at[f"routes[0].{key}"] == places["routes", 0, key]


def test_a_route_of_ones_own_must_fit_a_fleet_of_ones_own() -> None:
    """The default policy may prefer models that this fleet lacks; the program's routes may not."""
    shipped = load_project(None, env={}).project.fleet.models
    fleet = Fleet(models={"merger": shipped["merger"]})

    def messages(*routes: Route) -> set[tuple[str, str]]:
        try:
            build(fleet, *routes)
        except ProjectError as error:
            unknown = [p for p in error.problems if p.message == "unknown model"]
            return {(p.key, p.found) for p in unknown}
        return set()

    assert messages() == set()
    assert messages(Route(name="r", primary="merger")) == set()
    assert messages(Route(name="r", primary="gpt-5")) == {("Route('r').primary", "gpt-5")}

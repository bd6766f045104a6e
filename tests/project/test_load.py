"""Where files come from, what Python adds, what the hashes say."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import ProjectError, UserError
from orchestrator.project.load import default_root, load_builtins, load_project
from orchestrator.project.registry import BUILTINS
from orchestrator.types import digest
from tests.project.samples import (
    BODY,
    Files,
    changed,
    load,
    names,
    problems_of,
    spoiled,
    valid,
    write,
)

# ── file by file ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def defaults(tmp_path: Path) -> Path:
    folder = tmp_path / "defaults"
    write(folder, valid())
    return folder


def test_a_folder_without_files_is_the_default_project(tmp_path: Path, defaults: Path) -> None:
    (tmp_path / "empty").mkdir()
    loaded = load(tmp_path / "empty", defaults=defaults)
    assert loaded.project.root == str(tmp_path / "empty")
    assert set(loaded.project.agents) == {"writer", "planner"}
    everything = load(defaults, defaults=defaults).project
    for part in ("settings", "fleet", "policy", "agents", "graphs", "policy_hash"):
        assert getattr(loaded.project, part) == getattr(everything, part)
    assert loaded.sources["agents/writer.md"] == defaults / "agents/writer.md"
    others = {"names.py", "docs/reasons.txt", "evals/smoke.yaml", "fleet.refreshed.yaml"}
    others.add("support.json")
    assert set(loaded.sources) == set(valid()) - others


def test_a_projects_files_replace_and_add(tmp_path: Path, defaults: Path) -> None:
    own = tmp_path / "own"
    planner = {"description": "Plans otherwise.", "task": "plan"}
    editor = {"description": "Edits.", "task": "edit"}
    write(
        own,
        {
            "fleet.yaml": {"models": {"sonnet": valid()["fleet.yaml"]["models"]["sonnet"]}},
            "agents/planner.md": planner,
            "agents/editor.md": editor,
        },
    )
    loaded = load(own, defaults=defaults)
    assert set(loaded.project.fleet.models) == {"sonnet"}
    assert set(loaded.project.agents) == {"writer", "planner", "editor"}
    assert loaded.project.agents["planner"].description == "Plans otherwise."
    assert loaded.sources["fleet.yaml"] == own / "fleet.yaml"
    assert loaded.sources["policy.yaml"] == defaults / "policy.yaml"
    assert loaded.sources["agents/editor.md"] == own / "agents/editor.md"


def test_a_default_policy_may_prefer_what_the_projects_fleet_lacks(
    tmp_path: Path, defaults: Path
) -> None:
    own = tmp_path / "own"
    fleet = {"models": {"other": valid()["fleet.yaml"]["models"]["echo"]}}
    assert spoiled(own, {"fleet.yaml": fleet}, defaults=defaults) == ()
    # The project's own policy may not.
    policy = {"routes": [{"name": "a", "primary": "sonnet"}]}
    problems = spoiled(own, {"fleet.yaml": fleet, "policy.yaml": policy}, defaults=defaults)
    assert [p.message for p in problems] == ["unknown model"]


def test_a_suite_is_not_inherited(tmp_path: Path, defaults: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    assert load(defaults).project.suites
    assert load(own, defaults=defaults).project.suites == {}


def test_a_problem_names_the_file_as_the_caller_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = valid() | {"fleet.yaml": "a: ["}
    write(tmp_path / "shop", files)
    monkeypatch.chdir(tmp_path)
    assert [p.file for p in problems_of(Path("shop"))] == ["shop/fleet.yaml"]
    monkeypatch.chdir(tmp_path / "shop")
    assert [p.file for p in problems_of(Path())] == ["fleet.yaml"]


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("")])
def test_a_root_that_is_no_folder(tmp_path: Path, make: Any) -> None:
    make(tmp_path / "x")
    with pytest.raises(UserError, match="the project folder"):
        load(tmp_path / "x")


def test_a_single_file_that_stands_nowhere(tmp_path: Path) -> None:
    files = valid()
    del files["policy.yaml"]
    problems = spoiled(tmp_path, files)
    assert [(p.file, p.message) for p in problems] == [
        (str(tmp_path / "policy.yaml"), "the file is missing, here and by default")
    ]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("fleet.yml", "fleet.yaml"),
        ("agents/editor.markdown", "editor.md"),
        ("agents/editor.yaml", "editor.md"),
        ("agents/My Editor.md", "my-editor"),
        ("graphs/main.yml", "main.yaml"),
        ("graphs/Main.yaml", "main"),
        ("evals/smoke.yml", "smoke.yaml"),
    ],
)
def test_no_file_is_passed_over_in_silence(tmp_path: Path, name: str, near: str) -> None:
    problems = spoiled(tmp_path, valid() | {name: "x"})
    assert [(p.file, p.near) for p in problems] == [(str(tmp_path / name), near)]


def test_files_that_do_not_matter(tmp_path: Path) -> None:
    others = {"agents/.hidden": "", "evals/data.jsonl": "{}", "README.md": "", "docs/x.yaml": "["}
    assert spoiled(tmp_path, valid() | others) == ()


def test_a_file_in_place_of_a_folder(tmp_path: Path) -> None:
    files = {name: text for name, text in valid().items() if not name.startswith("evals")}
    problems = spoiled(tmp_path, files | {"evals": ""})
    assert [p.message for p in problems] == ["a folder is expected here"]


def test_the_default_project_of_the_library_is_found() -> None:
    root = default_root()
    assert (root / "mesh.yaml").is_file()
    assert (root / "graphs" / "cross-validated.yaml").is_file()


# ── the project's Python ─────────────────────────────────────────────────────────────────


def _python(text: str) -> Files:
    return valid() | {"names.py": text}


def _project_modules() -> set[str]:
    return {name for name in sys.modules if name.startswith("mesh_project_")}


MERGE = valid()["names.py"]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("x = 1\ndef f(:\n", 2, "Python syntax error: "),
        ("import os\n\n1 / 0\n", 3, "the file cannot be run: ZeroDivisionError: division by zero"),
        ("def f():\n    raise KeyError('k')\nf()\n", 2, "the file cannot be run: KeyError: 'k'"),
        ("import a_module_that_is_missing\n", 1, "the file cannot be run: ModuleNotFoundError"),
        ("raise SystemExit(3)\n", 1, "the file cannot be run: SystemExit: 3"),
        ("x = 1\0\n", 1, ""),
        (MERGE + MERGE.partition("\n\n\n")[2], 7, "the file cannot be run: the function 'merge'"),
    ],
)
def test_python_that_fails_is_a_problem_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    before = _project_modules()
    problems = spoiled(tmp_path, _python(text))
    assert [(p.file, p.line) for p in problems] == [(str(tmp_path / "names.py"), line)]
    assert problems[0].message.startswith(message)
    assert _project_modules() == before


def test_python_that_is_not_text(tmp_path: Path) -> None:
    write(tmp_path, valid())
    (tmp_path / "names.py").write_bytes(b"x = '\xff'\n")
    (problem,) = problems_of(tmp_path)
    assert problem.message.startswith("the file is not UTF-8 text")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nams.py", "there is no such file"),
        ("../names.py", "a project's Python stands inside its folder"),
        ("/names.py", "a project's Python stands inside its folder"),
        ("names.txt", "this is not a Python file; its name must end in .py"),
        ("names.py", "this file is loaded already"),
    ],
)
def test_a_wrong_entry_of_python(tmp_path: Path, name: str, message: str) -> None:
    files = changed("mesh.yaml", ("python",), ["names.py", name])
    problems = spoiled(tmp_path, files)
    assert [(p.key, p.found, p.message) for p in problems] == [("python[1]", name, message)]


def test_every_kind_of_name_can_be_registered(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\n"
        "from pydantic import BaseModel\n"
        "from orchestrator.project import registry as r\n"
        "@r.function('merge')\ndef merge(inputs): return 2\n"
        "@r.tool('look')\nasync def look(toolbox, query, limit): return query\n"
        "@r.condition('never')\ndef never(inputs): return False\n"
        "@r.role('poet')\nasync def poet(work): return None\n"
        "@r.builtin('shout')\ndef shout(request): return 'A'\n"
        "@r.transport('pigeon')\nclass Pigeon: pass\n"
        "class Part(BaseModel):\n    text: str\n"
        "@r.output_model('poem')\nclass Poem(BaseModel):\n    parts: list[Part]\n"
    )
    files = _python(text)
    nodes = files["graphs/main.yaml"]["nodes"]
    nodes["found"]["tool"], nodes["draft"]["when"] = "look", "never"
    files["agents/writer.md"] |= {"role": "poet", "output": "poem"}
    deployments = files["fleet.yaml"]["models"]["echo"]["deployments"]
    deployments[0]["function"] = "shout"
    deployments.append({"id": "loft", "via": "pigeon", "hosting": "self"})
    write(tmp_path, files)
    registry = load(tmp_path).registry
    assert registry.get("function", "merge")({}) == 2
    poem = registry.get("output model", "poem")
    assert poem.model_validate({"parts": [{"text": "a"}]}).parts[0].text == "a"


def test_python_beside_an_agent_is_found(tmp_path: Path) -> None:
    files = valid() | {
        "agents/writer.py": (
            "from orchestrator.project.registry import output_model\n"
            "output_model('sonnet')(object)\n"
        )
    }
    files["agents/writer.md"]["output"] = "sonnet"
    assert spoiled(tmp_path, files) == ()


SHARED = "SUM = 3\n\ndef total(inputs):\n    return SUM\n"
SHARING = (
    "from orchestrator.project.registry import function\n"
    "from .sums.plain import total\n"
    "function('merge')(total)\n"
)


def test_python_of_a_project_may_import_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path / "one", _python(SHARING) | {"sums/plain.py": SHARED})
    write(tmp_path / "two", _python(SHARING) | {"sums/plain.py": SHARED.replace("3", "4")})
    one, two = load(tmp_path / "one"), load(tmp_path / "two")
    assert [p.registry.get("function", "merge")({}) for p in (one, two)] == [3, 4]
    assert {"names.py", "sums/plain.py"} <= set(one.project.python)
    assert one.project.hash != two.project.hash
    assert not list(tmp_path.rglob("__pycache__"))
    (tmp_path / "one" / "sums" / "plain.py").write_text(SHARED.replace("3", "55"), "utf-8")
    assert load(tmp_path / "one").registry.get("function", "merge")({}) == 55


def test_python_is_imported_from_a_project_that_a_relative_path_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, _python(SHARING) | {"sums/plain.py": SHARED})
    monkeypatch.chdir(tmp_path)
    assert "sums/plain.py" in load(Path()).project.python


def test_python_that_is_listed_and_imported_runs_once(tmp_path: Path) -> None:
    files = _python("from .shared import KIND\n") | {"shared.py": MERGE + "KIND = 1\n"}
    files["mesh.yaml"]["python"] = ["names.py", "shared.py"]
    assert spoiled(tmp_path, files) == ()


@pytest.mark.parametrize(
    ("shared", "message"),
    [
        ("1 / 0\n", "the file cannot be run: ZeroDivisionError: division by zero (shared.py:1)"),
        ("def f(:\n", "the file cannot be run: SyntaxError: invalid syntax (shared.py, line 1)"),
    ],
)
def test_python_that_imports_what_fails_names_the_place(
    tmp_path: Path, shared: str, message: str
) -> None:
    before = _project_modules()
    files = _python("\nfrom .shared import KIND\n") | {"shared.py": shared}
    (problem,) = spoiled(tmp_path, files)
    assert (problem.file, problem.line) == (str(tmp_path / "names.py"), 2)
    assert problem.message == message
    assert _project_modules() == before


def test_python_without_its_agent(tmp_path: Path) -> None:
    problems = spoiled(tmp_path, valid() | {"agents/ghost.py": "x = 1\n"})
    assert [p.message for p in problems] == [
        "there is no agent of that name: agents/ghost.md is missing"
    ]


def test_two_projects_in_one_process_do_not_share_names(tmp_path: Path) -> None:
    write(tmp_path / "one", valid())
    write(tmp_path / "two", _python(MERGE.replace("return 1", "return 2")))
    one, two = load(tmp_path / "one"), load(tmp_path / "two")
    again = load(tmp_path / "one")
    merged = [loaded.registry.get("function", "merge")({}) for loaded in (one, two, again)]
    assert merged == [1, 2, 1]
    assert one.registry.get("function", "merge").__module__ != (
        two.registry.get("function", "merge").__module__
    )
    assert "merge" not in BUILTINS.names("function")


def test_a_project_may_replace_a_name_of_the_library(tmp_path: Path) -> None:
    registry = names()
    registry.add("function", "merge", lambda inputs: "library")
    write(tmp_path, valid())
    assert load(tmp_path, registry=registry).registry.get("function", "merge")({}) == 1
    assert registry.get("function", "merge")({}) == "library"


def test_loading_writes_nothing_and_leaves_the_path_alone(tmp_path: Path) -> None:
    write(tmp_path, valid())
    before = sorted(tmp_path.rglob("*")), list(sys.path), os.getcwd()  # noqa: PTH109
    load(tmp_path)
    assert (sorted(tmp_path.rglob("*")), list(sys.path), os.getcwd()) == before  # noqa: PTH109


def test_builtins_register_in_the_librarys_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "from orchestrator.project.registry import tool\ntool('of-a-module')(object)\n"
    (tmp_path / "some_builtins.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(BUILTINS._items, "tool", {})
    with names().active():
        load_builtins(["some_builtins"])
    assert "of-a-module" in BUILTINS.names("tool")
    monkeypatch.delitem(sys.modules, "some_builtins")


# ── hashes ───────────────────────────────────────────────────────────────────────────────


def _hashes(root: Path, files: Files, **options: Any) -> tuple[str, str]:
    write(root, files)
    project = load(root, **options).project
    return project.hash, project.policy_hash


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _reversed(item) for key, item in reversed(value.items())}
    return [_reversed(item) for item in value] if isinstance(value, list) else value


def test_the_hash_is_that_of_the_content(tmp_path: Path) -> None:
    files = valid()
    turned = {name: _reversed(content) for name, content in files.items()}
    turned["policy.yaml"] = "# a comment\n" + json.dumps(turned["policy.yaml"], indent=1)
    turned["policy.yaml"] = turned["policy.yaml"].replace('"usd": 50', '"usd": 50.0')
    turned["agents/planner.md"] = (
        "---\r\ntask: 'plan' # why\r\ndescription: Plans.\r\nneeds: []\r\n"
        "valid: {check: brief, json_schema: {properties: {steps: {}}}}\r\n"
        f"---\r\n\r\n{BODY}\r\n"
    )
    assert _hashes(tmp_path / "a", files) == _hashes(tmp_path / "b", turned)


@pytest.mark.parametrize(
    ("files", "policy_too"),
    [
        (changed("mesh.yaml", ("deadline_ms",), 60001), False),
        (changed("fleet.yaml", ("models", "tiny", "tier"), "small"), False),
        (changed("policy.yaml", ("routes", 0, "latency_ms"), 2501), True),
        (changed("agents/writer.md", ("task",), "write"), False),
        (valid() | {"agents/planner.md": "---\ntask: plan\ndescription: Plans.\n---\nx"}, False),
        (changed("graphs/main.yaml", ("nodes", "verdict", "at_most"), 3), False),
        (changed("evals/smoke.yaml", ("cases", 0, "input", "count"), 4), False),
        (_python(MERGE.replace("return 1", "return 2")), False),
        (valid() | {"agents/more.md": {"description": "a", "task": "b"}}, False),
    ],
)
def test_one_changed_value_changes_the_hash(tmp_path: Path, files: Files, policy_too: bool) -> None:
    before = _hashes(tmp_path / "a", valid())
    after = _hashes(tmp_path / "b", files)
    assert before[0] != after[0]
    assert (before[1] != after[1]) is policy_too


def test_the_order_of_routes_counts(tmp_path: Path) -> None:
    files = valid()
    files["policy.yaml"]["routes"].append({"name": "last"})
    before = _hashes(tmp_path / "a", files)
    files["policy.yaml"]["routes"].reverse()
    assert before != _hashes(tmp_path / "b", files)


def test_the_environment_is_not_in_the_hash(tmp_path: Path) -> None:
    files = changed("mesh.yaml", ("storage", "path"), "${PLACE:-a}")
    files["fleet.yaml"]["models"]["sonnet"]["deployments"][1]["endpoint"] = "${URL}"
    hashes = {
        _hashes(tmp_path, files, env=env)
        for env in ({}, {"PLACE": "b"}, {"PLACE": "b", "URL": "http://secret@x"})
    }
    assert len(hashes) == 1
    files["mesh.yaml"]["storage"]["path"] = "${PLACE:-b}"
    assert _hashes(tmp_path, files) not in hashes


def test_a_project_can_be_copied_printed_and_hashed(tmp_path: Path) -> None:
    write(tmp_path, valid())
    project = load(tmp_path).project
    assert pickle.loads(pickle.dumps(project)) == project
    assert digest(project) == digest(load(tmp_path).project)
    assert json.loads(project.model_dump_json())["hash"] == project.hash


def test_the_shipped_project_loads() -> None:
    root = default_root()
    try:
        loaded = load_project(root, env={})
    except ProjectError as error:
        pytest.fail(str(error))
    assert loaded.project.settings.default_graph in loaded.project.graphs
    assert "remote-work" in loaded.project.suites

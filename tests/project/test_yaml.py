"""Files that are not what they should be: broken YAML, broken front matter, no text at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import Problem
from tests.project.samples import BODY, CLASSES, load, problems_of, spoiled, valid, write

BROKEN: list[tuple[str, str, tuple[int, int], str]] = [
    ("a tab", "a:\n\tb: 1\n", (2, 1), "a tab is used for indentation; use spaces"),
    ("an open list", "a: [1, 2\nb: 3\n", (1, 4), "the bracket [ is not closed"),
    ("an open mapping", "a: 1\nb: {c: 1\nd: 2\n", (2, 4), "the bracket { is not closed"),
    (
        "a colon in brackets",
        "a: {b: Loan: how?}\n",
        (1, 12),
        "put quotes around a text that contains",
    ),
    ("a closed list", "a: [1]]\n", (1, 7), "this does not continue what stands above"),
    ("an open quote", "a: 'x\nb: 1\n", (1, 4), "the quotes that open here are never closed"),
    ("two documents", "a: 1\n---\nb: 2\n", (2, 1), "a second YAML document starts here"),
    ("a list", "- a\n- b\n", (1, 1), "the top level is not a mapping"),
    ("a text", "hello\n", (1, 1), "the top level is not a mapping"),
    ("nothing", "", (1, 1), "the file is empty"),
    ("comments", "# nothing\n", (1, 1), "the file is empty"),
    ("a null", "~\n", (1, 1), "the file is empty"),
    ("two colons", "a: b: c\n", (1, 5), "a colon is not expected here"),
    ("a deeper key", "a: 1\n  b: 2\n", (2, 4), "a colon is not expected here"),
    ("a shallower key", "a:\n    b: 1\n  c: 2\n", (3, 3), "this does not continue"),
    ("no colon", "a: 1\nb\n", (2, 1), "this line has no colon"),
    ("an at sign", "a: @x\n", (1, 4), "a text cannot start with @; put it in quotes"),
    ("a star", "a: *x\n", (1, 4), "nothing above is called '&x'; put quotes around"),
    ("a bare star", "*: 1\n", (1, 1), "put quotes around a text that starts with *"),
    ("a tag", "a: !!python/object:os.system x\n", (1, 4), "tags are not used here"),
    ("an own tag", "a: !Ref x\n", (1, 4), "tags are not used here; remove '!Ref'"),
    ("a tag on a list", "a: !x [1]\n", (1, 4), "tags are not used here"),
    (
        "a number as key",
        "1: a\n",
        (1, 1),
        "a key must be a text, not the number 1; put it in quotes",
    ),
    ("a list as key", "? [a]\n: b\n", (1, 3), "a key must be a text, not a list of 1"),
    ("a control character", "a: 1\nb: \x01\n", (2, 4), "the character U+0001 is not allowed"),
    ("an escape", 'a: "\\q"\n', (1, 5), "unknown escape in double quotes"),
    ("a merge conflict", "<<<<<<< ours\na: 1\n", (2, 2), "a colon is not expected here"),
    ("itself", "a: &a [*a]\n", (1, 8), "nothing above is called '&a'"),
    ("depth", "a: " + "[" * 100_000 + "\n", (1, 43), "values are nested deeper than 40 levels"),
    ("a bad merge", "a: 1\n<<: [1]\n", (2, 5), "`<<` takes a mapping or a list of mappings"),
    (
        "a billion laughs",
        "a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 10)}]\n" for i in range(8)),
        (5, 55),
        "more than 100000 values, aliases counted",
    ),
]


def test_a_key_that_stands_twice_does_not_hide_what_else_is_wrong(tmp_path: Path) -> None:
    text = "storage: {path: a, path: b}\ndefault_graph: mian\nstorage: {}\n"
    problems = spoiled(tmp_path, valid() | {"mesh.yaml": text})
    assert [(p.line, p.column, p.message) for p in problems if p.file.endswith("mesh.yaml")] == [
        (1, 20, "the key 'path' stands twice; first in line 1"),
        (2, 16, "unknown graph"),
        (3, 1, "the key 'storage' stands twice; first in line 1"),
    ]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [case[1:] for case in BROKEN],
    ids=[case[0] for case in BROKEN],
)
def test_broken_yaml_is_one_problem_at_its_place(
    tmp_path: Path, text: str, place: tuple[int, int], message: str
) -> None:
    problems = spoiled(tmp_path, valid() | {"graphs/main.yaml": text})
    assert [(p.file, p.message[: len(message)]) for p in problems] == [
        (str(tmp_path / "graphs/main.yaml"), message)
    ]
    assert (problems[0].line, problems[0].column) == place


@pytest.mark.parametrize("file", CLASSES)
def test_broken_yaml_is_refused_in_every_kind_of_file(tmp_path: Path, file: str) -> None:
    text = "description: [a\n"
    front = file.endswith(".md")
    problems = spoiled(tmp_path, valid() | {file: f"---\n{text}---\n{BODY}" if front else text})
    assert [(p.file, p.line, p.column) for p in problems] == [
        (str(tmp_path / file), 2 if front else 1, 14)
    ]
    assert problems[0].snippet == "description: [a"


def _one(problems: tuple[Problem, ...]) -> Problem:
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("Write.\n", (1, 1), "the front matter is missing"),
        ("", (1, 1), "the front matter is missing"),
        ("\n---\ntask: x\n---\n", (1, 1), "the front matter is missing"),
        ("---\ntask: x\n", (1, 1), "the front matter is not closed"),
        ("---\n---\nWrite.\n", (1, 1), "the front matter is empty"),
        ("---\n- a\n---\nWrite.\n", (2, 1), "the top level is not a mapping"),
        ("---\ntask: [\n---\nWrite.\n", (2, 7), "the bracket [ is not closed"),
        ("---\ntask: x\ndescription: y\n---\n  \n", (6, 1), "the prompt is missing"),
    ],
)
def test_broken_front_matter(
    tmp_path: Path, text: str, place: tuple[int, int], message: str
) -> None:
    problem = _one(spoiled(tmp_path, valid() | {"agents/planner.md": text}))
    assert problem.message.startswith(message)
    assert (problem.line, problem.column) == place


def test_three_dashes_in_a_prompt_belong_to_it(tmp_path: Path) -> None:
    text = (
        "---\r\ntask: plan\r\ndescription: Plans.\r\n---\r\n\r\nFirst.\r\n---\r\nLast: {{ x }}\r\n"
    )
    write(tmp_path, valid() | {"agents/planner.md": text})
    assert load(tmp_path).project.agents["planner"].prompt == "First.\n---\nLast: {{ x }}"


@pytest.mark.parametrize("file", CLASSES)
def test_what_is_not_utf_8(tmp_path: Path, file: str) -> None:
    write(tmp_path, valid())
    (tmp_path / file).write_bytes("---\nä: ".encode() + b"\xff\n---\n")
    problem = _one(problems_of(tmp_path))
    assert problem.message.startswith("the file is not UTF-8 text")
    assert (problem.line, problem.column, problem.found) == (2, 4, "the byte 0xff")


@pytest.mark.parametrize("file", CLASSES)
def test_a_folder_in_place_of_a_file(tmp_path: Path, file: str) -> None:
    write(tmp_path, valid())
    (tmp_path / file).unlink()
    (tmp_path / file).mkdir()
    assert _one(problems_of(tmp_path)).message == "this is a folder; a file is expected here"


@pytest.mark.parametrize("file", CLASSES)
def test_a_link_that_leads_nowhere(tmp_path: Path, file: str) -> None:
    write(tmp_path, valid())
    (tmp_path / file).unlink()
    (tmp_path / file).symlink_to(tmp_path / "gone")
    assert "No such file" in _one(problems_of(tmp_path)).message


def test_scalars_are_those_of_yaml_1_2(tmp_path: Path) -> None:
    text = (
        "\ufeffgraph: main\ncases:\n  - input:\n      question: no\n      extra:\n"
        "        [yes, 'on', 2026-11-01, 12:30, 1_000, .inf, 1e999, \"5\", !!str 6, ok]\n"
        "      count: 0x10\n"
        "  - input: {question: NO, extra: [], count: -1.5e3}\n"
    )
    files = valid()
    files["graphs/main.yaml"]["input"]["extra"] = "json?"
    write(tmp_path, files | {"evals/smoke.yaml": text})
    first, second = load(tmp_path).project.suites["smoke"].cases
    assert first.input == {
        "question": "no",
        "extra": (
            "yes", "on", "2026-11-01", "12:30", "1_000", ".inf", "1e999", "5", "6", "ok",
        ),
        "count": 16,
    }  # fmt: skip
    assert second.input == {"question": "NO", "extra": (), "count": -1500.0}


def test_anchors_and_merges(tmp_path: Path) -> None:
    text = (
        "models:\n"
        "  one: &base\n"
        "    tier: nano\n"
        "    can: &can [json]\n"
        "    deployments: [{id: here, via: builtin, function: echo, hosting: self}]\n"
        "  two: {<<: *base, tier: small}\n"
        "  three: {<<: [{can: *can}, *base], teir: mid}\n"
    )
    files = valid() | {"fleet.yaml": text}
    files["policy.yaml"] = {"objective": {"minimize": "cost"}}
    problem = _one(spoiled(tmp_path, files))
    assert (problem.line, problem.column, problem.key) == (7, 37, "models.three.teir")
    write(tmp_path, files | {"fleet.yaml": text.replace("teir", "tier")})
    models = load(tmp_path).project.fleet.models
    assert [m.tier for m in models.values()] == ["nano", "small", "mid"]
    assert [m.can for m in models.values()] == [("json",)] * 3


def test_a_wrong_value_under_an_alias_is_shown_where_it_stands(tmp_path: Path) -> None:
    text = (
        "models:\n"
        "  one: {tier: nano, deployments: &d [{id: here, via: builtin, hosting: slef}]}\n"
        "  two: {tier: nano, deployments: *d}\n"
    )
    files = valid() | {"fleet.yaml": text}
    files["policy.yaml"] = {"objective": {"minimize": "cost"}}
    problems = spoiled(tmp_path, files)
    assert [(p.line, p.column, p.near) for p in problems] == [(2, 72, "self")] * 2


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C", "Z"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return value


@given(value=JSON)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_json_is_read_as_json(tmp_path: Path, value: Any) -> None:
    files = valid()
    files["graphs/main.yaml"]["input"]["extra"] = "json?"
    case = {"input": {"question": "a", "extra": value}}
    text = json.dumps({"graph": "main", "cases": [case]}, ensure_ascii=False)
    write(tmp_path, files | {"evals/smoke.yaml": text.replace("${", "$${")})
    assert load(tmp_path).project.suites["smoke"].cases[0].input["extra"] == _frozen(value)


@given(data=st.data())
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_file_never_ends_in_a_traceback(tmp_path: Path, data: st.DataObject) -> None:
    write(tmp_path, valid())
    path = tmp_path / data.draw(st.sampled_from(sorted(CLASSES)))
    text = path.read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    noise = data.draw(st.text("\t\n -:{}[]&*!|>'\"%@#$\x00ab1~?,<ü\U0001f600", max_size=6))
    path.write_text(text[:start] + noise + text[end:], encoding="utf-8")
    lines = path.read_text(encoding="utf-8").count("\n") + 1
    for problem in problems_of(tmp_path):
        assert problem.message
        if problem.file == str(path):
            assert 1 <= problem.line <= lines
            assert problem.column >= 1

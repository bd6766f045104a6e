"""What the pages and docstrings show is run: commands, Python, files, and what they print."""

from __future__ import annotations

import doctest
import importlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.errors import ProjectError
from orchestrator.project.load import default_root, load_project
from tests.fences import (
    ROOT,
    Fence,
    Shell,
    commands,
    docstrings,
    fences_of,
    fences_of_pages,
    is_shown,
    mesh,
    pages,
    run_python,
)

PROJECT = ("mesh.yaml", "fleet.yaml", "policy.yaml", "agents", "graphs", "evals", "examples")
FILE_KINDS = ("mesh.yaml", "fleet.yaml", "policy.yaml", "agents/", "graphs/", "evals/")
DIAGRAMS = ("flowchart ", "graph ", "sequenceDiagram", "stateDiagram")

IN_PAGES = fences_of_pages()
IN_DOCSTRINGS = [f for file, line, text in docstrings() for f in fences_of(text, file, line)]
ALL = [*IN_PAGES, *IN_DOCSTRINGS]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project, so that what is run records its traces elsewhere."""
    copy = tmp_path_factory.mktemp("docs")
    for name in PROJECT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(".mesh"))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


# ── one check for each language ──────────────────────────────────────────────────────────


def python_runs(fence: Fence, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    if fence.not_run is not None:
        compile(fence.body, str(fence), "exec")
        return
    run_python(fence)


def commands_run(fence: Fence, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = commands(fence)
    assert found, "a block of commands without a command"
    with Shell(project) as shell:
        for command in found if fence.not_run is None else ():
            shell.run(command)


def file_is_what_it_shows(fence: Fence, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line names a file: one that is there is quoted, any other must load."""
    first, _, quoted = fence.body.partition("\n")
    name = first.removeprefix("#").strip()
    if (ROOT / name).is_file():
        assert quoted in (ROOT / name).read_text("utf-8"), f"{name} does not say this"
        return
    assert name.startswith(FILE_KINDS), "the first line of a file's text names it: # fleet.yaml"
    folder = project / f"shown-{fence.line}"
    shown = folder / name
    shown.parent.mkdir(parents=True)
    shown.write_text(quoted, "utf-8")
    try:
        load_project(folder, env={})
    except ProjectError as error:
        pytest.fail(str(error))


def json_is_json(fence: Fence, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    json.loads(fence.body)


def diagram_has_a_kind(fence: Fence, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fence.body.startswith(DIAGRAMS)


def what_is_added_is_there(fence: Fence, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line that a diff adds stands in a program beside the page."""
    code = "\n".join(p.read_text("utf-8") for p in (ROOT / fence.page).parent.glob("*.py"))
    added = [line[1:].strip() for line in fence.body.splitlines() if line.startswith("+")]
    assert added, "a diff that adds nothing"
    assert [line for line in added if line not in code] == []


def is_only_shown(fence: Fence, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody sees, not what somebody types."""


LANGUAGES: dict[str, Callable[[Fence, Path, pytest.MonkeyPatch], None]] = {
    "python": python_runs,
    "sh": commands_run,
    "console": commands_run,
    "yaml": file_is_what_it_shows,
    "markdown": file_is_what_it_shows,
    "json": json_is_json,
    "diff": what_is_added_is_there,
    "mermaid": diagram_has_a_kind,
    "text": is_only_shown,
}


@pytest.mark.parametrize("fence", ALL, ids=str)
def test_what_a_block_shows_is_so(
    fence: Fence, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fence.language in LANGUAGES, "a block in a language that nothing looks at"
    assert fence.not_run != "", "say why it does not run: no-run: REASON"
    LANGUAGES[fence.language](fence, project, monkeypatch)


@pytest.mark.parametrize("page", pages())
def test_every_block_of_a_page_is_closed_and_seen(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    marks = re.findall(r"(?m)^\s*(?:```|~~~)", text)
    assert len(marks) == 2 * len([f for f in IN_PAGES if f.page == page])


@pytest.mark.parametrize(
    ("file", "line", "text"),
    [found for found in docstrings() if ">>>" in found[2]],
)
def test_the_examples_in_a_docstring_print_what_they_show(file: str, line: int, text: str) -> None:
    names = vars(importlib.import_module(file.removesuffix(".py").replace("/", ".")))
    example = doctest.DocTestParser().get_doctest(text, dict(names), file, file, line - 1)
    printed: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=printed.append)
    assert not printed, "".join(printed)
    assert example.examples


# ── the command table, targets and files ─────────────────────────────────────────────────


def listed_commands() -> list[str]:
    """The commands of the table, without their arguments: `trace show`."""
    rows = re.findall(r"(?m)^\| `mesh ([^`]+)` \|", (ROOT / "README.md").read_text("utf-8"))
    return [" ".join(w for w in row.split() if w.isalpha() and w.islower()) for row in rows]


@pytest.mark.parametrize("command", listed_commands())
def test_the_listed_commands_exist(command: str, project: Path) -> None:
    code, _, err = mesh([*command.split(), "--help"], project)
    assert code == 0, err


@pytest.mark.parametrize("page", pages())
def test_the_make_targets_that_a_page_names_exist(page: str) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8")))
    assert set(re.findall(r"`make ([a-z-]+)`", (ROOT / page).read_text("utf-8"))) <= targets


@pytest.mark.parametrize("page", pages())
def test_the_files_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = set(re.findall(r"\]\(([^)#:]+)\)", text))
    paths = set(re.findall(r"`((?:examples|tests|scripts|sources|conflict)/[\w./-]+)`", text))
    base = (ROOT / page).parent
    missing = {p for p in links | paths if not (base / p).exists() and not (ROOT / p).exists()}
    assert not missing


# ── the mechanism itself ─────────────────────────────────────────────────────────────────


def block(info: str, body: str) -> Fence:
    return next(fences_of(f"```{info}\n{body}```\n", "page"))


@pytest.mark.parametrize(
    ("info", "body"),
    [
        ("python", "raise SystemError\n"),
        ("python no-run: needs a key", "this is no Python\n"),
        ("python no-run", "pass\n"),
        ("sh", "mesh chekc\n"),
        ("sh", "rm -rf everything\n"),
        ("sh", "make coffee\n"),
        ("sh", "# nothing\n"),
        ("console", "$ mesh --version\nmesh 99\n"),
        ("console", "$ mesh serve --opne &\nyes serving\n"),
        ("yaml", "# policy.yaml\nrotues: []\n"),
        ("yaml", "# graphs/cross-validated.yaml\nthis stands nowhere\n"),
        ("yaml", "nodes: {}\n"),
        ("json", "{\n"),
        ("mermaid", "drawing\n"),
        ("rust", "fn main() {}\n"),
        ("", "no language\n"),
    ],
)
def test_a_block_that_is_wrong_fails(
    info: str, body: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(default_root() / "mesh.yaml", tmp_path)
    wrong = (AssertionError, SystemError, SyntaxError, ValueError, pytest.fail.Exception)
    with pytest.raises(wrong):
        test_what_a_block_shows_is_so(block(info, body), tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("a\nb\n", "a \nb\n\n", True),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("took … ms\n", "took 3 ms\n", True),
        ("a\n", "a\nb\n", False),
        ("a.c\n", "abc\n", False),
    ],
)
def test_an_ellipsis_stands_for_anything(shown: str, printed: str, same: bool) -> None:
    assert is_shown(shown, printed) is same

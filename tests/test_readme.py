"""What the README shows is run: its commands, its Python, the files that it quotes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "examples/remote-work/README.md")
PROJECT = ("mesh.yaml", "fleet.yaml", "policy.yaml", "agents", "graphs", "evals", "examples")
MESH = Path(sys.executable).parent / "mesh"


@dataclass(frozen=True)
class Fence:
    """A fenced block of a page, with the line on which it starts."""

    page: str
    line: int
    language: str
    body: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def fences(page: str, *languages: str) -> list[Fence]:
    text = (ROOT / page).read_text("utf-8")
    return [
        Fence(page, text[: found.start()].count("\n") + 1, found[1], found[2])
        for found in re.finditer(r"(?ms)^```(\w+)\n(.*?)^```$", text)
        if found[1] in languages
    ]


def commands(fence: Fence, program: str) -> list[str]:
    """The lines of a shell block that call `program`, without prompt and comment."""
    lines = (line.removeprefix("$ ").split("  # ")[0] for line in fence.body.splitlines())
    return [line.strip() for line in lines if line.split(" ", 1)[0] == program]


def shells(page: str) -> list[Fence]:
    return fences(page, "sh", "console")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this project, so that what is run records its traces elsewhere."""
    copy = tmp_path_factory.mktemp("readme")
    for name in PROJECT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name)
        elif source.exists():
            shutil.copy(source, copy / name)
    return copy


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.parametrize("fence", [f for f in shells("README.md") if commands(f, "mesh")], ids=str)
def test_the_commands_of_the_readme_run(fence: Fence, project: Path) -> None:
    for command in commands(fence, "mesh"):
        done = run([str(MESH), *shlex.split(command)[1:]], project)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert done.stdout.strip(), command
        assert "Traceback" not in done.stderr, command


@pytest.mark.parametrize("fence", fences("README.md", "python"), ids=str)
def test_the_python_of_the_readme_runs(fence: Fence, project: Path) -> None:
    done = run([sys.executable, "-c", fence.body], project)
    assert done.returncode == 0, done.stderr


def listed_commands() -> list[str]:
    """The commands of the table, without their arguments: `trace show`."""
    rows = re.findall(r"(?m)^\| `mesh ([^`]+)` \|", (ROOT / "README.md").read_text("utf-8"))
    return [" ".join(w for w in row.split() if w.isalpha() and w.islower()) for row in rows]


@pytest.mark.parametrize("command", listed_commands())
def test_the_listed_commands_exist(command: str, project: Path) -> None:
    done = run([str(MESH), *command.split(), "--help"], project)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_the_make_targets_that_a_page_names_exist(page: str) -> None:
    targets = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8")))
    text = (ROOT / page).read_text("utf-8")
    named = {line.split()[1] for fence in shells(page) for line in commands(fence, "make")}
    named |= set(re.findall(r"`make ([a-z-]+)`", text))
    assert named <= targets


@pytest.mark.parametrize(
    "fence", [f for page in PAGES for f in fences(page, "yaml", "markdown")], ids=str
)
def test_a_quoted_file_says_what_is_quoted(fence: Fence) -> None:
    first, _, quoted = fence.body.partition("\n")
    source = ROOT / first.removeprefix("# ").strip()
    assert source.is_file(), "the first line of a quoted file names it"
    assert quoted in source.read_text("utf-8")


@pytest.mark.parametrize("page", PAGES)
def test_the_files_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = set(re.findall(r"\]\(([^)#:]+)\)", text))
    paths = set(re.findall(r"`((?:examples|tests|scripts|sources|conflict)/[\w./-]+)`", text))
    base = (ROOT / page).parent
    missing = {p for p in links | paths if not (base / p).exists() and not (ROOT / p).exists()}
    assert not missing

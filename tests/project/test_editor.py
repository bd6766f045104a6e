"""The line that names a file's schema, and the schemas on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import UserError
from orchestrator.project.editor import bring_up_to_date, schema_line, stale
from orchestrator.project.json_schema import schema_files

from .samples import problems_of, valid, write

ROOT = Path(__file__).parent.parent.parent
TEMPLATE = ROOT / "orchestrator" / "scaffold" / "template"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write(tmp_path, valid())
    return tmp_path


def test_the_repository_is_up_to_date() -> None:
    """After a change of a declared class: `mesh schema --write`."""
    assert [str(problem) for problem in stale(ROOT)] == []


def test_every_file_of_the_template_has_its_line() -> None:
    assert {p.message for p in stale(TEMPLATE)} == {"the schema is missing"}  # made by `mesh init`


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("mesh.yaml", "# yaml-language-server: $schema=schemas/mesh.schema.json"),
        ("agents/a.md", "# yaml-language-server: $schema=../schemas/agent.schema.json"),
        ("evals/e.yaml", "# yaml-language-server: $schema=../schemas/suite.schema.json"),
    ],
)
def test_the_line_leads_from_the_file_to_its_schema(key: str, line: str) -> None:
    assert schema_line(key) == line
    assert (Path(key).parent / line.partition("=")[2]).as_posix().count("..") == key.count("/")


def test_everything_that_is_missing_is_named_and_then_written(project: Path) -> None:
    found = stale(project)
    assert sum(p.message == "the schema is missing" for p in found) == len(schema_files())
    lacking = {str(Path(p.file).relative_to(project)) for p in found if "line" in p.message}
    declared = {name for name in valid() if name.endswith((".yaml", ".md"))}
    assert lacking == declared
    written = bring_up_to_date(project)
    assert set(written.schemas) == set(schema_files())
    assert set(written.lines) == declared
    assert stale(project) == []
    assert bring_up_to_date(project).schemas == ()
    assert not problems_of(project)  # the loader takes the line, in front matter too


def test_a_stale_schema_is_found(project: Path) -> None:
    bring_up_to_date(project)
    path = project / "schemas" / "fleet.schema.json"
    path.write_text(path.read_text("utf-8").replace("family", "clan"), "utf-8")
    (problem,) = stale(project)
    assert (problem.message, Path(problem.file).name) == ("the schema is stale", path.name)
    assert bring_up_to_date(project).schemas == ("schemas/fleet.schema.json",)


def test_a_line_that_leads_elsewhere_is_mended_where_it_stands(project: Path) -> None:
    bring_up_to_date(project)
    path = project / "mesh.yaml"
    body = path.read_text("utf-8").split("\n", 1)[1]
    path.write_text(f"# Ours.\n# yaml-language-server: $schema=../old.json\n{body}", "utf-8")
    (problem,) = stale(project)
    assert (problem.line, problem.found) == (2, "../old.json")
    bring_up_to_date(project)
    assert path.read_text("utf-8") == f"# Ours.\n{schema_line('mesh.yaml')}\n{body}"


def test_an_address_in_the_line_is_left_alone(project: Path) -> None:
    bring_up_to_date(project)
    path = project / "mesh.yaml"
    text = path.read_text("utf-8").replace("=schemas/", "=https://example.org/")
    path.write_text(text, "utf-8")
    assert stale(project) == []
    bring_up_to_date(project)
    assert path.read_text("utf-8") == text


def test_only_a_comment_above_the_first_value_counts(project: Path) -> None:
    bring_up_to_date(project)
    path = project / "mesh.yaml"
    first, rest = path.read_text("utf-8").split("\n", 1)
    path.write_text(f"{rest}{first}\n", "utf-8")
    (problem,) = stale(project)
    assert "missing" in problem.message


def test_line_ends_and_byte_order_mark_stay(project: Path) -> None:
    graph = project / "graphs" / "main.yaml"
    agent = project / "agents" / "writer.md"
    before = {}
    for path in (graph, agent):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        before[path] = path.read_bytes()
    bring_up_to_date(project)
    line = schema_line("graphs/main.yaml").encode() + b"\r\n"
    assert graph.read_bytes() == before[graph][:3] + line + before[graph][3:]
    lines = agent.read_bytes().split(b"\r\n")
    assert lines[1] == schema_line("agents/writer.md").encode()
    assert b"\r\n".join([lines[0], *lines[2:]]) == before[agent]
    assert not problems_of(project)


def test_a_folder_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        stale(tmp_path / "nowhere")

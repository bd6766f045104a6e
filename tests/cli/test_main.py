"""The command as a whole: exit codes, streams, options; the mesh behind it is a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import orchestrator.mesh
from orchestrator.cli import main
from orchestrator.cli._carry import parse_inputs
from orchestrator.errors import CallError, InternalError, NoCandidateError, UserError
from orchestrator.fleet.warn import FleetWarning
from orchestrator.guard.redacting.plan import Planned
from orchestrator.project.schema import Graph
from orchestrator.records import Trace
from orchestrator.tracing.store import TraceStore
from orchestrator.types import Caller, as_json

from .samples import ANSWER, CLOUD, DRAFT, HOPS, ID
from .test_tables import FLEET

Mesh = Callable[..., int]
WARNING = FleetWarning(
    code="retires_soon",
    deployment="claude/direct",
    message="claude retires in 12 days, on 2026-12-03",
    suggestion="name its successor",
)


class Stage:
    """The commands with a stand-in for the mesh; `asked` holds what they asked of it."""

    def __init__(self, store: TraceStore) -> None:
        self.store = store
        self.asked: dict[str, Any] = {}
        self.raises: BaseException | None = None
        graph = Graph.model_validate(
            {
                "input": {"question": "text", "sources": "paths?", "n": "number?"},
                "nodes": {"a": {"agent": "x"}},
                "output": "a",
            }
        )
        self.project = SimpleNamespace(graphs={"answer": graph})

    @property
    def problem(self) -> str | None:
        return self.store.problem

    def fleet(self) -> Any:
        return FLEET

    def profile(self, prompt: str, **asked: Any) -> Any:
        return SimpleNamespace(task="chat")

    def decide(self, prompt: str, **asked: Any) -> Any:
        self.asked = {"prompt": prompt, **asked}
        if self.raises:
            raise self.raises
        return DRAFT.decision

    def placeholders(self, _prompt: str, _decision: Any) -> Planned:
        return Planned(kinds={"email": 2}, before=("claude-sonnet/eu",), as_it_is=())

    @property
    def storage(self) -> Path:
        return self.store.path.parent

    def fleet_warnings(self) -> Any:
        return (WARNING,)

    def draw(self, graph: str, format: str = "mermaid", *, plain: bool = False) -> str:
        return f"flowchart TD\n  {graph}\n"

    async def run(self, graph: str | None, *, on_event: Any, **asked: Any) -> Any:
        self.asked = {"graph": graph, **asked}
        on_event(DRAFT)
        if self.raises:
            raise self.raises
        return ANSWER

    async def close(self) -> None:
        self.store.close()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    made = Stage(TraceStore(tmp_path / "traces.sqlite"))
    monkeypatch.setattr(orchestrator.mesh.Mesh, "load", lambda _: made)
    return made


@pytest.fixture
def mesh(monkeypatch: pytest.MonkeyPatch) -> Mesh:
    monkeypatch.delenv("MESH_DEBUG", raising=False)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["mesh", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code

    return run


def test_ask_hands_over_what_was_said(mesh: Mesh, stage: Stage) -> None:
    code = mesh(
        "ask", "How long?", "--sources", "a", "b", "c", "--graph", "g", "--data-class", "pii",
        "--risk", "high", "--tag", "x", "--max-cost", "0.5", "--budget", "2", "--user", "ana",
        "--user-tier", "free", "--feature", "search", "--workspace", "acme",
    )  # fmt: skip
    assert code == 0
    options = stage.asked["options"]
    assert stage.asked["sources"] == ["a", "b", "c"]
    assert (stage.asked["graph"], stage.asked["question"]) == ("g", "How long?")
    assert (options.data_class, options.risk, options.tags) == ("pii", "high", ("x",))
    assert (options.constraints.max_cost_usd, options.budget_usd) == (0.5, 2.0)
    said = Caller(user="ana", tier="free", feature="search", workspace="acme")
    assert options.caller == said


def test_ask_prints_the_answer_or_one_object(
    mesh: Mesh, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mesh("ask", "How long?") == 0
    assert "REVISED" in capsys.readouterr().out
    assert mesh("ask", "How long?", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["trace_id"] == ID
    assert err == ""


def test_a_run_can_be_taken_up(mesh: Mesh, stage: Stage) -> None:
    assert mesh("ask", "--resume", ID[:8]) == 0
    assert stage.asked["resume"] == ID[:8]
    assert "question" not in stage.asked


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["ask"], "nothing was asked"),
        (["ask", "How", "long"], "'long' is one argument too many"),
        (["run", "answer", "question"], "'question' is not an input"),
        (["run", "answer", "n=x"], "the input 'n' must be number; found 'x'"),
        (["trace", "show"], "nothing has been recorded yet"),
        (["trace", "why", "nope"], "unknown trace 'nope'"),
        (["decide"], "Missing argument"),
        (["ask", "x", "--risk", "huge"], "huge"),
        (["asks"], "No such command 'asks'"),
    ],
)
def test_a_users_mistake_is_one_line_and_code_2(
    mesh: Mesh,
    stage: Stage,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    says: str,
) -> None:
    assert mesh(*arguments) == 2
    out, err = capsys.readouterr()
    assert says in err
    assert "Traceback" not in err
    assert out == ""


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (UserError("write it so"), 2, "mesh: write it so"),
        (
            CallError("all failed"),
            3,
            f"mesh: all failed\nWhat was done until then: mesh trace why {ID}",
        ),
        (
            KeyboardInterrupt(),
            130,
            f"mesh: stopped ($0.0042 spent); to go on: mesh runs resume {ID}",
        ),
        (InternalError("broken"), 70, "mesh: internal error: InternalError: broken\nThis is a bug"),
        (ZeroDivisionError("x"), 70, "mesh: internal error: ZeroDivisionError: x\nThis is a bug"),
    ],
)
def test_each_end_has_its_code(
    mesh: Mesh,
    stage: Stage,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    says: str,
) -> None:
    stage.raises = error
    assert mesh("ask", "How long?") == code
    out, err = capsys.readouterr()
    assert err.startswith(says)
    assert out == ""


def test_debug_lets_the_exception_through(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.raises = ZeroDivisionError("x")
    monkeypatch.setenv("MESH_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["mesh", "ask", "q"])
    with pytest.raises(ZeroDivisionError):
        main()


def test_a_trace_that_could_not_be_written_is_told_once(
    mesh: Mesh, stage: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    stage.store = TraceStore(tmp_path / "file" / "t.sqlite")
    stage.store.hop(DRAFT)
    assert mesh("ask", "How long?") == 0
    err = capsys.readouterr().err
    assert err.count("mesh: the run is well, but the traces cannot be kept") == 1


def test_run_reads_inputs_by_their_declared_types(mesh: Mesh, stage: Stage) -> None:
    assert mesh("run", "answer", "question=a=b", "sources=x,y", "sources=z", "n=2") == 0
    asked = {key: stage.asked[key] for key in ("question", "sources", "n")}
    assert asked == {"question": "a=b", "sources": ["x", "y", "z"], "n": 2}
    with pytest.raises(UserError, match="twice"):
        parse_inputs(["question=a", "question=b"], {"question": "text"})


def test_decide_shows_the_funnel_or_the_record(
    mesh: Mesh, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("decide", "Write it", "--task", "draft", "--needs", "json", "--latency-ms", "900")
    assert mesh(*asked) == 0
    out = capsys.readouterr().out
    assert "-> claude-sonnet/eu" in out
    assert "guessed" not in out
    assert "2 values (email 2) would be replaced before claude-sonnet/eu" in out
    assert (stage.asked["prompt"], stage.asked["needs"]) == ("Write it", ["json"])
    assert stage.asked["constraints"].latency_ms == 900
    assert mesh(*asked, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["task"], shown["chosen"]) == ("draft", "claude-sonnet/eu")
    assert shown["placeholders"]["kinds"] == {"email": 2}
    assert mesh("decide", "Write it") == 0
    assert "task chat, guessed from the prompt" in capsys.readouterr().out


def test_an_empty_funnel_is_still_shown(
    mesh: Mesh, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.raises = NoCandidateError("nobody is left", ["request.hosting"], CLOUD)
    assert mesh("decide", "Write it") == 3
    out, err = capsys.readouterr()
    assert "OPENAI_API_KEY is not set" in out
    assert err == "mesh: nobody is left\n"
    assert mesh("decide", "Write it", "--json") == 3
    shown = json.loads(capsys.readouterr().out)
    assert (shown["chosen"], shown["relax"]) == (None, ["request.hosting"])
    assert len(shown["candidates"]) == len(CLOUD)


def test_fleet_and_graph(mesh: Mesh, stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert mesh("fleet") == 0
    printed = capsys.readouterr().out
    assert "ANTHROPIC_API_KEY" in printed
    assert "Warnings" in printed
    assert "retires in 12 days" in printed
    assert mesh("fleet", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert len(shown["deployments"]) == 3
    assert shown["warnings"] == [as_json(WARNING)]
    assert mesh("graph", "show", "answer") == 0
    assert capsys.readouterr().out.startswith("flowchart TD")
    assert mesh("graph", "list") == 0
    assert "question: text" in capsys.readouterr().out
    assert mesh("graph", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["graphs"][0]["name"]


def test_a_drawing_is_of_the_kind_that_its_file_says(
    mesh: Mesh, stage: Stage, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for file in ("a.mmd", "a.md", "a.svg"):
        assert mesh("graph", "show", "answer", "-o", str(tmp_path / file)) == 0
        assert (tmp_path / file).exists()
    assert mesh("graph", "show", "answer", "-o", str(tmp_path / "a.png")) == 2
    assert "a graph is not drawn as '.png'; end it in .mmd" in capsys.readouterr().err
    assert not (tmp_path / "a.png").exists()


def test_traces_are_listed_shown_and_explained(
    mesh: Mesh, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = Trace(id=ID, graph="answer", status="ok", started_at=1.0, question="How long?")
    stage.store.start(trace)
    for hop in HOPS:
        stage.store.hop(hop)
    stage.store.finish(replace(trace, verdict="accepted"))
    for arguments, says in (
        (["list"], "How long?"),
        (["list", "--json"], f'"{ID}"'),
        (["show"], "|- evidence"),
        (["show", ID[:5], "--json"], '"node": "draft"'),
        (["why"], "4. draft (agent generator) was answered by smollm2/local."),
        (["why", ID, "draft"], "It fell back from claude-sonnet/eu to smollm2/local."),
        (["why", ID, "4"], "It fell back"),
        (["why", ID, "route"], "route/cost (agent router) was assigned to calculator/here."),
        (["why", ID, "check", "--json"], '"why": "check (agent checker, round 2)'),
    ):
        assert mesh("trace", *arguments) == 0
        assert says in capsys.readouterr().out
    assert mesh("trace", "why", ID, "drafd") == 2
    assert "did you mean 'draft'?" in capsys.readouterr().err
    stage.store.close()


def mesh_process(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    code = "from orchestrator.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_check_reports_every_problem_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text("storag: {path: .mesh}\ndefault_graph: 3\n")
    done = mesh_process("check", "--project", str(tmp_path))
    assert done.returncode == 2
    assert "mesh.yaml:1:1: error[unknown-key] storag" in done.stderr
    assert "did you mean 'storage'?" in done.stderr
    assert "mesh.yaml:2:" in done.stderr
    assert "Traceback" not in done.stderr
    shown = mesh_process("check", "--project", str(tmp_path), "--json")
    assert shown.returncode == 2
    assert json.loads(shown.stdout)["ok"] is False
    assert "storag" in {p["key"] for p in json.loads(shown.stdout)["problems"]}


def test_a_command_in_a_subfolder_names_the_project_above(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text("deadline_ms: 1000\n")
    inside = tmp_path / "docs" / "old"
    inside.mkdir(parents=True)
    done = mesh_process("check", cwd=inside)
    above = str(Path("..", ".."))
    assert done.returncode == 0
    assert done.stderr == (
        "mesh: old/ is no project, so the default one is taken; "
        f"for the one above say --project {above}\n"
    )
    assert "Nothing is declared in this folder: this is the default project." in done.stdout
    done = mesh_process("check", "--project", above, cwd=inside)
    assert (done.returncode, done.stderr) == (0, "")
    assert "default project" not in done.stdout


def test_help_names_every_command_and_colours_nothing() -> None:
    done = mesh_process("--help")
    assert done.returncode == 0
    assert done.stdout.startswith("Usage: mesh ")
    for name in ("ask", "run", "decide", "fleet", "check", "graph", "trace"):
        assert f"\n  {name} " in done.stdout
    assert "\x1b" not in done.stdout


def test_a_reader_that_leaves_early_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code = "from orchestrator.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)
    assert done.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
@pytest.mark.parametrize("arguments", [["--help"], ["check", "--json"]])
def test_a_full_disk_is_said_once_and_is_no_bug(arguments: list[str], tmp_path: Path) -> None:
    code = "from orchestrator.cli import main; main()"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr == "mesh: the output cannot be written: the disk is full\n"


@pytest.mark.skipif(os.name != "posix", reason="closes a file descriptor in a shell")
@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_closed_stream_is_no_error(stream: str, tmp_path: Path) -> None:
    code = "from orchestrator.cli import main; main()"
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" check {stream}>&-', sys.executable, code],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")

"""`mesh incidents` and `mesh fleet --health`: what another process has found out, at the prompt."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrator.calling.clock import SystemClock
from orchestrator.calling.health.breaker import Breakers
from orchestrator.calling.health.conditions import Condition, Stand
from orchestrator.calling.health.incident_store import Incident, Reroute
from orchestrator.calling.health.incidents import Incidents
from orchestrator.calling.health.live import Live, Numbers
from orchestrator.calling.health.store import HealthStore
from orchestrator.cli import main
from orchestrator.cli._health import show_health
from orchestrator.cli.incidents import show_incident, show_list
from orchestrator.project.calls_schema import Breaker
from orchestrator.types import FleetSnapshot, Health, Outcome
from tests.calling.health.seen import attempt, deployment
from tests.graph.small import write_project

from .samples import WIDTHS, printed, squeezed

GRAPH = """
    input: {question: text}
    nodes:
      reply: {agent: echo, of: question}
    output: reply
"""
FLEET = """
models:
  echo:
    tier: nano
    tasks: {"*": 1.0}
    deployments:
      - {id: here, via: builtin, function: echo, hosting: self}
      - {id: there, via: openai, model: x, endpoint: "http://127.0.0.1:9/v1", hosting: self}
"""
NOW = 1_700_000_000.0


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Mesh = Callable[..., Done]


@pytest.fixture
def mesh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Mesh:
    write_project(tmp_path, GRAPH)
    (tmp_path / "fleet.yaml").write_text(FLEET)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["mesh", *arguments, "--project", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return Done(int(ended.value.code or 0), printed.out, printed.err)

    return run


@pytest.fixture
def outage(mesh: Mesh, tmp_path: Path) -> None:
    """What another process has seen: one deployment died, and another answered for it."""
    clock, store = SystemClock(), HealthStore(tmp_path / ".mesh" / "health.sqlite")
    reports, live = Incidents(clock, {}, store), Live(clock, store)
    breakers = Breakers(Breaker(), clock, store, tell=reports.changed)
    for _ in range(2):
        failed = attempt("echo/there", Outcome.UNREACHABLE, error="nobody listens")
        breakers.ended(breakers.permit("echo/there"), failed)
        live.saw(failed)
    reports.answered([attempt("echo/here", cost_micro_usd=2)], passed_over=["echo/there"])
    live.keep()
    store.close()


@pytest.mark.usefixtures("outage")
def test_another_process_sees_what_is_out_of_use(mesh: Mesh) -> None:
    shown = mesh("fleet", "--health")
    assert shown.code == 0
    row = next(line for line in shown.out.splitlines() if "echo/there" in line)
    assert "open, tried in" in row
    assert "unreachable: nobody listens" in squeezed(shown.out)
    rows = {r["deployment"]: r for r in mesh("fleet", "--health", "--json").json["deployments"]}
    assert (rows["echo/there"]["state"], rows["echo/there"]["numbers"]["calls"]) == ("open", 2)
    assert rows["echo/there"]["reason"].startswith("out of order (unreachable), until ")
    assert rows["echo/here"]["state"] == "closed"


@pytest.mark.usefixtures("outage")
def test_decide_leaves_it_out_and_says_why(mesh: Mesh) -> None:
    decided = mesh("decide", "Say hello", "--task", "chat", "--json").json
    assert decided["chosen"] == "echo/here"
    left_out = next(c for c in decided["candidates"] if c["deployment"] == "echo/there")
    assert left_out["stage"] == "availability"
    assert left_out["found"].startswith("out of order (unreachable), until ")


@pytest.mark.usefixtures("outage")
def test_it_is_listed_and_told(mesh: Mesh) -> None:
    (listed,) = mesh("incidents", "--json").json["incidents"]
    assert (listed["deployment"], listed["kind"], listed["ended"]) == ("echo/there", "outage", None)
    assert (listed["rerouted"], listed["reroutes"][0]["paid_micro_usd"]) == (1, 2)
    assert mesh("incidents", "--open", "--json").json["incidents"] == [listed]
    assert "out of order (unreachable)" in mesh("incidents").out
    told = mesh("incidents", "show", listed["id"][:4])
    assert "nobody listens" in told.out
    assert "others answered 1 and nobody 0" in squeezed(told.out)
    assert mesh("incidents", "show", listed["id"], "--json").json == listed


def test_where_nothing_happened_it_says_so_and_makes_no_file(mesh: Mesh, tmp_path: Path) -> None:
    assert mesh("incidents").out == "There is no incident (--since 7d).\n"
    assert mesh("incidents", "--open").out == "There is no open incident.\n"
    assert "not called yet" in mesh("fleet", "--health").out
    assert not (tmp_path / ".mesh" / "health.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nothing"), "unknown incident 'nothing'"),
        (("--since", "soon"), "--since: 'soon' is no moment"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(
    mesh: Mesh, arguments: tuple[str, ...], said: str
) -> None:
    done = mesh("incidents", *arguments)
    assert done.code == 2
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_broken_file_is_told_and_stops_nothing_else(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / ".mesh").mkdir()
    (tmp_path / ".mesh" / "health.sqlite").write_bytes(b"no database" * 500)
    done = mesh("incidents")
    assert (done.code, "cannot be read" in done.err) == (3, True)
    assert mesh("fleet", "--health").code == 0
    assert mesh("decide", "Say hello", "--task", "chat").code == 0


def test_a_webhook_that_is_no_web_address_is_refused_at_load(mesh: Mesh, tmp_path: Path) -> None:
    path = tmp_path / "mesh.yaml"
    path.write_text(path.read_text() + 'calls: {incidents: {webhook: "ftp://a/b"}}\n')
    done = mesh("incidents")
    assert done.code == 2
    assert "calls.incidents.webhook" in done.err
    assert "begins with http:// or https://" in done.err


# ── how it looks ─────────────────────────────────────────────────────────────────────────


def incident(**changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": "0a1b2c3d",
        "deployment": "claude-sonnet/direct",
        "kind": "outage",
        "started": NOW,
        "ended": NOW + 4000,
        "what": "out of order (overloaded)",
        "errors": ("HTTP 503: " + "over capacity " * 40, "HTTP 500: sorry"),
        "times": 3,
        "failed": 12,
        "skipped": 1234,
        "unanswered": 2,
        "reroutes": (
            Reroute(deployment="gpt/direct", calls=1200, paid_micro_usd=5_000_000),
            Reroute(deployment="small/local", calls=9, paid_unknown=9, usual_unknown=9),
        ),
    }
    return Incident(**{**values, **changes})


@pytest.mark.parametrize("width", WIDTHS)
def test_the_report_fits_the_screen(width: int) -> None:
    text = squeezed(printed(lambda screen: show_incident(screen, incident(), now=NOW), width))
    assert "67 min" in text
    assert "went out of use 3 times" in text
    assert "gpt/direct 1,200 $5.00" in text
    assert "small/local 9 unknown unknown" in text
    assert "others answered 1,209 and nobody 2" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_fits_the_screen(width: int) -> None:
    rows = (
        incident(),
        incident(ended=None),
        incident(
            kind="changed",
            ended=NOW,
            what="reports the model 'gpt-5.1-2026-10-01' where it reported 'gpt-5.1-2026-04-01'",
        ),
    )
    text = printed(lambda screen: show_list(screen, rows), width)
    assert "open" in text
    assert "67 min" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_every_state_has_its_words(width: int) -> None:
    stands: dict[Stand, str] = {
        "open": "open, tried in 9 s",
        "half_open": "half-open",
        "ramping": "ramping, 9 s left",
        "throttled": "throttled, tried in 9 s",
        "key_refused": "key refused, tried in 9 s",
        "closed": "closed",
    }
    numbers = Numbers(
        calls=1234,
        error_rate=0.254,
        p50_ms=800.0,
        p95_ms=2500.0,
        first_token_ms=90.0,
        tokens_per_second=61.2,
        last_error="overloaded: HTTP 503: over capacity, please try again in a moment",
        last_error_at=NOW,
    )
    fleet = [deployment(f"claude-sonnet/{name}") for name in stands]
    found = {
        d.id: Condition(
            deployment=d.id, state=name, since=NOW, until=NOW + 9, why="", numbers=numbers
        )
        for d, name in zip(fleet, stands, strict=True)
    }
    snapshot = FleetSnapshot(
        deployments=tuple(fleet), health={d.id: Health() for d in fleet}, hash="x"
    )
    text = squeezed(printed(lambda s: show_health(s, snapshot, found, now=NOW), width))
    for words in stands.values():
        assert words.split(",")[0] in text
    assert "25%" in text
    assert ("61" in text) == (width >= 120)

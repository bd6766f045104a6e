"""Which requests need a frontier model: standings, savings, patterns; traffic and foreign logs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.cli._show import Screen
from orchestrator.cli.audit import show
from orchestrator.project.policy_schema import Policy
from orchestrator.replay.audit import Audit, audit, recorded_requests
from orchestrator.types import Estimate
from tests.cli.prompt import prompt_in
from tests.cli.samples import printed
from tests.replay.asked import call, code, fleet, model, predict

POLICY = Policy.model_validate(
    {
        "objective": {"minimize": "cost", "quality_floor": 0.5},
        "routes": [{"name": "hard", "match": {"task": "code"}, "quality_floor": 0.85}],
    }
)
FLEET = fleet(
    model("little", 0.7, (0.1, 0.4), tier="small"),
    model("large", 0.9, (3.0, 15.0), tier="frontier"),
    code("words", 0.9, "extract"),
)
CALLS = [
    *[call("chat", "large", usd=0.006) for _ in range(90)],
    *[call("code", "large", usd=0.006) for _ in range(10)],
]


def found(floor: float | None = None) -> Audit:
    return audit(recorded_requests(CALLS), FLEET, POLICY, predict, floor=floor)


def test_what_a_smaller_model_does_and_what_needs_a_frontier_model() -> None:
    result = found()
    assert result.standings == {"small": 90, "frontier": 10}
    assert [k.name for k in result.tasks] == ["chat", "code"]
    chat, hard = result.tasks
    assert (chat.proposed, chat.learned) == ("little/api", False)
    assert chat.quality == pytest.approx(0.7)
    assert hard.proposed == ""
    assert hard.saving.high == 0
    assert result.usd == pytest.approx(0.6)
    assert result.smaller == ("little",)


def test_the_saving_is_no_surer_than_the_quality() -> None:
    """Declared 0.7 with a standard deviation of 0.15: over a floor of 0.5 in 91 of 100 cases."""
    saving, whole = found().saving, 90 * (0.006 - 0.00018)
    assert saving.likely == pytest.approx(0.909 * whole, rel=0.01)
    assert saving.low < saving.likely < saving.high
    assert saving.high == pytest.approx(whole)
    nearer = found(floor=0.65).saving
    assert nearer.likely < saving.likely
    assert found(floor=0.65).standings["unsure"] == 90


def test_what_was_seen_counts_and_is_said() -> None:
    seen = {
        "little/api": Estimate(mean=0.8, sd=0.01),
        "large/api": Estimate(mean=0.9, sd=0.01),
        "words/api": Estimate(mean=0.1, sd=0.01),
    }
    result = audit(recorded_requests(CALLS), FLEET, POLICY, lambda _p, _d: seen)
    chat = result.tasks[0]
    assert chat.learned
    assert chat.saving.low == pytest.approx(chat.saving.high)


def test_nothing_is_saved_where_it_goes_already() -> None:
    result = audit(recorded_requests([call("chat", "little", usd=0.5)]), FLEET, POLICY, predict)
    assert result.saving.high == 0


def test_patterns_tell_task_domain_length_and_form() -> None:
    calls = [
        call("chat", "large", into=100, usd=0.001),
        call("chat", "large", into=9000, usd=0.09, domain="law", needs=("vision",)),
    ]
    result = audit(recorded_requests(calls), FLEET, POLICY, predict)
    assert [k.name for k in result.patterns] == [
        "chat, law, chapter in, text out, needs vision",
        "chat, short in, text out",
    ]
    assert result.patterns[0].examples == ("Do some chat.",)
    assert result.patterns[0].standings == {"nobody": 1}  # none of them can look at images


def test_the_table(tmp_path: Path) -> None:
    def shown(screen: Screen) -> None:
        show(screen, found())

    rows = [" ".join(line.split()) for line in printed(shown, 100).splitlines()]
    assert rows[0] == "100 calls, $0.6."
    assert rows[1:3] == ["90% a smaller model does", "10% need a frontier model"]
    assert rows[3].startswith("Smaller models would save about $0.476 (")
    assert any(r.startswith("chat 90 90% 1.0k 200 $0.54 0% $0.476 little/api ~0.70") for r in rows)
    assert "1 Do some chat." in rows


def test_a_foreign_log_by_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    lines = [
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": f"Classify this mail, number {n}: spam?"}],
            "usage": {"prompt_tokens": 1000, "completion_tokens": 100},
        }
        for n in range(3)
    ]
    odd = {"model": "nobody-knows-it", "prompt": "Summarize: a, b, c."}
    text = "\n".join(json.dumps(line) for line in (*lines, odd))
    log.write_text(f"{text}\nnot JSON\n")
    run = prompt_in(tmp_path / "project", monkeypatch, capsys)
    (tmp_path / "project").mkdir()
    done = run("audit", "traffic", "--from", str(log), "--json")
    assert done.code == 0, done.err
    assert done.json["calls"] == 4
    assert done.json["usd"] == pytest.approx(3 * (1000 * 2.5e-6 + 100 * 1e-5))
    assert done.json["unknown"] == 1
    assert {k["name"] for k in done.json["tasks"]} == {"classify", "summarize"}
    assert done.json["problems"] == ["log.jsonl:5: no JSON"]
    assert not (tmp_path / "project" / ".mesh").exists()
    assert run("audit", "traffic", "--from", str(log)).code == 0
    (tmp_path / "none.jsonl").write_text("{}\n")
    nothing = run("audit", "traffic", "--from", str(tmp_path / "none.jsonl"))
    assert nothing.code == 2
    assert "holds no request" in nothing.err


def test_without_traffic_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (("audit", "traffic"), ("portfolio",)):
        done = prompt_in(tmp_path, monkeypatch, capsys)(*command)
        assert done.code == 2
        assert "no call is on record" in done.err

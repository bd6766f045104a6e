"""The tables of decisions, fleets and traces, and the lines of a run in progress."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orchestrator.cli._answer import show_hops
from orchestrator.cli._funnel import show_decision
from orchestrator.cli._progress import Progress, Shown
from orchestrator.cli._show import Screen
from orchestrator.cli._trace import show_list, show_trace
from orchestrator.cli.fleet import fleet_json, show_fleet
from orchestrator.money import FREE, Price, Usage
from orchestrator.records import Trace
from orchestrator.types import Deployment, FleetSnapshot, Health, Tactics

from .samples import CHECK, DRAFT, HOPS, ID, WIDTHS, printed, squeezed

TRACE = Trace(
    id=ID,
    graph="cross-validated",
    status="ok",
    verdict="accepted",
    started_at=1_790_000_000.0,
    ms=9500.0,
    cost_micro_usd=4200,
    question="May I work from another country, and for how long, and who has to agree to it?",
)
FLEET = FleetSnapshot(
    hash="c3",
    deployments=(
        Deployment(
            id="claude-sonnet/direct",
            model="claude-sonnet",
            family="anthropic",
            tier="frontier",
            via="litellm",
            target="anthropic/claude",
            provider="anthropic",
            hosting="hosted",
            region="us",
            context=200_000,
            price=Price(input=3_000_000, output=15_000_000),
        ),
        Deployment(
            id="extractive/here",
            model="extractive",
            family=None,
            tier="nano",
            via="builtin",
            target="extract",
            provider="builtin",
            hosting="self",
            price=FREE,
        ),
        Deployment(
            id="local/any",
            model="local",
            family="some",
            tier="small",
            via="openai",
            target="m",
            provider="local",
            hosting="self",
            context=2048,
        ),
    ),
    health={
        "claude-sonnet/direct": Health(available=False, reason="ANTHROPIC_API_KEY is not set"),
        "local/any": Health(available=False, reason="nothing listens on 127.0.0.1:8000"),
    },
)


@pytest.mark.parametrize("width", WIDTHS)
def test_a_decision_is_shown_by_stage(width: int) -> None:
    assert DRAFT.decision
    shown = DRAFT.decision
    text = printed(lambda screen: show_decision(screen, shown), width)
    assert "-> claude-sonnet/eu" in text
    assert "3 of 8 deployments may serve it" in squeezed(text)
    assert text.index("In this order") < text.index("capability") < text.index("availability")
    assert "extractive/here" in text
    assert "temperature  0.2    agent:generator" in text
    assert "policy b2 | fleet c3" in text
    assert text.isascii()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_strategy_is_told_in_one_sentence_with_what_it_may_cost(width: int) -> None:
    assert DRAFT.decision
    first, *others = DRAFT.decision.candidates
    live = replace(first, scores={**first.scores, "error_rate": 0.2})
    raced = replace(
        DRAFT.decision,
        strategy="race",
        tactics=Tactics(models=2, origin="route:fast"),
        candidates=(live, *others),
        notes=("route:fast asks for a race of 3, but only 2 deployments may serve it",),
        least_usd=0.0,
        most_usd=0.0123,
    )
    text = squeezed(printed(lambda screen: show_decision(screen, raced), width))
    assert "strategy race | expected cost $0 to $0.0123" in text
    assert (
        "race: claude-sonnet/eu and smollm2/local at once, the first valid answer counts; should "
        "all fail, extractive/here (route fast)"
    ) in text
    assert "Note: route:fast asks for a race of 3" in text
    assert "20% of its calls fail" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_fleet_says_prices_and_what_is_missing(width: int) -> None:
    text = printed(lambda screen: show_fleet(screen, FLEET), width)
    lines = text.split("\n")
    first = next(i for i, line in enumerate(lines) if "claude-sonnet/direct" in line)
    for word in ("3.00", "15.00", "ANTHROPIC_API_KEY", *(["200k"] if width == 140 else [])):
        assert word in lines[first]
    assert "free" in next(line for line in lines if "extractive/here" in line)
    assert "unknown" in next(line for line in lines if "local/any" in line)
    assert "3 models | 3 deployments | 1 available here" in text
    if width == 140:
        assert "anthropic" in lines[first]
        assert "frontier" in lines[first]


def test_the_fleet_as_json_has_the_health_beside_the_facts() -> None:
    shown = fleet_json(FLEET)
    assert shown["hash"] == "c3"
    assert [d["health"]["available"] for d in shown["deployments"]] == [False, True, False]


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_traces(width: int) -> None:
    running = replace(TRACE, id="z" * 26, status="running", verdict=None, question=None)
    now = TRACE.started_at + 7300
    text = printed(lambda screen: show_list(screen, [running, TRACE], now=now), width)
    lines = text.split("\n")
    assert "running" in lines[1]
    assert "$" not in lines[1]
    for word in (ID[:12], "2 h ago", "accepted", "$0.0042", "9.5 s", "May I work"):
        assert word in text
    empty = printed(lambda screen: show_list(screen, [], now=0.0), width)
    assert "Nothing has been recorded yet" in empty


@pytest.mark.parametrize("width", WIDTHS)
def test_a_trace_is_a_tree(width: int) -> None:
    text = printed(lambda screen: show_trace(screen, TRACE, HOPS), width)
    assert f"{ID}  cross-validated  accepted" in text
    assert "|- evidence" in text
    assert "`- draft" in text
    assert "   `- check #2" in text
    assert "attempt 1" in text
    assert "812 -> 60" in text
    assert "timeout" in text
    assert "5 hops | 3,248 tokens in, 240 out | cost $0.0042 | 9.5 s" in squeezed(text)
    fancy = printed(lambda screen: show_trace(screen, TRACE, HOPS), width, rich=True)
    assert "└ " in fancy


def test_an_attempt_stays_on_one_line_below_a_short_name() -> None:
    lines = printed(lambda screen: show_trace(screen, TRACE, [replace(DRAFT, node="n")]), 80)
    assert any("attempt 2  smollm2/local" in line for line in lines.splitlines())


def test_tokens_that_were_counted_here_are_marked() -> None:
    used = replace(DRAFT.attempts[-1], usage=Usage(input=10, output=15, estimated=True))
    hop = replace(DRAFT, attempts=(used,))
    assert "~10 -> 15" in printed(lambda screen: show_trace(screen, TRACE, [hop]), 80)


@pytest.mark.parametrize("width", WIDTHS)
def test_long_names_take_no_room_from_the_numbers(width: int) -> None:
    node, model = "work/the-" + "long-" * 6 + "name", "a-model-with-a-long-name/a-deployment"
    assert DRAFT.decision
    hop = replace(
        DRAFT,
        node=node,
        decision=replace(DRAFT.decision, chosen=model),
        attempts=tuple(replace(a, deployment=model) for a in DRAFT.attempts),
    )
    named = replace(FLEET.deployments[0], id=model, region="eu-central-1", context=1_000_000)
    fleet = replace(FLEET, deployments=(named, *FLEET.deployments[1:]))
    assert "9.2 s" in printed(lambda screen: show_trace(screen, TRACE, [hop]), width)
    assert "9.2 s" in printed(lambda screen: show_hops(screen, [hop]), width)
    assert "127.0.0.1" in printed(lambda screen: show_fleet(screen, fleet), width)


def test_a_failed_trace_says_why() -> None:
    failed = replace(TRACE, status="failed", verdict=None, error="nobody is left")
    text = printed(lambda screen: show_trace(screen, failed, ()), 80)
    assert "nobody is left" in text
    assert "failed" in text


def test_progress_is_a_line_a_hop() -> None:
    def run(screen: Screen) -> None:
        with Progress(Shown.PLAIN, screen) as progress:
            progress.tell(DRAFT)
            progress.tell(replace(CHECK, status="failed"))
            assert progress.run == ID

    lines = printed(run, 100).strip().split("\n")
    assert lines[0].split() == ["yes", "draft", "smollm2/local", "9.2", "s"]
    assert lines[1].split()[:3] == ["NO", "check", "claim-gates/here"]
    assert lines[1].endswith("(from the journal)")


def test_nobody_watches_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.tell(DRAFT)
    assert capsys.readouterr() == ("", "")
    assert progress.run == ID

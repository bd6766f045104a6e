"""Whether a tool may be called: what is unknown is strict, the tightest rule counts."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st

from orchestrator.project.tools_schema import ToolMatch, ToolRule
from orchestrator.tooling.permit import (
    Allowed,
    Circumstances,
    NeedsApproval,
    Permit,
    Refused,
    call_limits,
    permit,
)
from orchestrator.tooling.values import ToolSpec
from orchestrator.types import TOOL_LEVELS, ToolLevel

KNOWN = Circumstances(environment="prod", data_class="internal", risk="normal")


def tool(level: ToolLevel = "read", **said: object) -> ToolSpec:
    return ToolSpec(name="t", description="", level=level, **said)  # type: ignore[arg-type]


def strictness(found: Permit) -> int:
    return (Allowed, NeedsApproval, Refused).index(type(found))


@pytest.mark.parametrize(
    ("level", "kind"), [("read", Allowed), ("write", NeedsApproval), ("destructive", NeedsApproval)]
)
def test_what_reads_is_allowed_and_all_else_needs_an_approval(
    level: ToolLevel, kind: type[Permit]
) -> None:
    found = permit(tool(level), rules=(), given=KNOWN)
    assert type(found) is kind
    assert found.by_rule == f"level:{level}"


def test_a_tool_that_states_no_level_needs_an_approval_of_models_and_none_in_a_graph() -> None:
    unstated = tool("destructive", stated=False)
    found = permit(unstated, rules=(), given=KNOWN)
    assert isinstance(found, NeedsApproval)
    assert "states no level" in found.why
    declared = Circumstances(declared=True)
    assert permit(unstated, rules=(), given=declared) == Allowed(by_rule="graph")


@pytest.mark.parametrize("level", ["write", "destructive"])
def test_a_graph_that_names_a_tool_with_a_level_needs_the_approval_too(level: ToolLevel) -> None:
    found = permit(tool(level), rules=(), given=Circumstances(declared=True))
    assert isinstance(found, NeedsApproval)


def test_a_rule_of_the_policy_holds_for_a_graph_s_tool_too() -> None:
    rule = ToolRule(name="none", then="refuse")
    found = permit(
        tool("destructive", stated=False), rules=(rule,), given=Circumstances(declared=True)
    )
    assert found == Refused(
        why="the rule 'none' refuses the destructive tool 't'", by_rule="tools:none"
    )


def test_an_allowing_rule_lifts_the_approval_of_what_writes_and_of_nothing_destructive() -> None:
    rule = ToolRule(name="ours", match=ToolMatch(tool="t"), then="allow")
    assert permit(tool("write"), rules=(rule,), given=KNOWN) == Allowed(by_rule="tools:ours")
    found = permit(tool("destructive"), rules=(rule,), given=KNOWN)
    assert isinstance(found, NeedsApproval)


def test_of_rules_that_match_the_tightest_counts_in_any_order() -> None:
    rules = (
        ToolRule(name="go", then="allow"),
        ToolRule(name="ask", then="approve"),
        ToolRule(name="no", then="refuse"),
    )
    for order in itertools.permutations(rules):
        assert permit(tool("write"), rules=order, given=KNOWN).by_rule == "tools:no"
    for order in itertools.permutations(rules[:2]):
        assert permit(tool("read"), rules=order, given=KNOWN).by_rule == "tools:ask"


def test_destructive_never_in_prod() -> None:
    rule = ToolRule(
        name="never", match=ToolMatch(level="destructive", environment="prod"), then="refuse"
    )
    assert isinstance(permit(tool("destructive"), rules=(rule,), given=KNOWN), Refused)
    dev = Circumstances(environment="dev", data_class="internal", risk="normal")
    assert isinstance(permit(tool("destructive"), rules=(rule,), given=dev), NeedsApproval)
    unknown = Circumstances(data_class="internal", risk="normal")
    assert isinstance(permit(tool("destructive"), rules=(rule,), given=unknown), Refused)


@pytest.mark.parametrize("missing", ["environment", "data_class", "risk"])
def test_what_nobody_knows_allows_nothing(missing: str) -> None:
    match = ToolMatch(environment="prod", data_class="internal", risk="normal")
    rule = ToolRule(name="ours", match=match, then="allow")
    assert isinstance(permit(tool("write"), rules=(rule,), given=KNOWN), Allowed)
    known = {"environment": "prod", "data_class": "internal", "risk": "normal", missing: None}
    less = Circumstances(**known)  # type: ignore[arg-type]
    assert isinstance(permit(tool("write"), rules=(rule,), given=less), NeedsApproval)


def test_a_tool_of_other_environments_is_refused() -> None:
    of_dev = tool("read", environments=("dev", "test"))
    found = permit(of_dev, rules=(), given=KNOWN)
    assert found == Refused(
        why="'t' may be called in dev, test; this is prod", by_rule="tool:t.environments"
    )
    assert isinstance(permit(of_dev, rules=(), given=Circumstances()), Refused)
    assert isinstance(permit(of_dev, rules=(), given=Circumstances(environment="dev")), Allowed)


def test_what_must_stay_at_home_goes_to_no_tool_that_may_hand_it_on() -> None:
    at_home = Circumstances(at_home="route:pii.require.hosting")
    found = permit(tool("read", hosted=True), rules=(), given=at_home)
    assert isinstance(found, Refused)
    assert found.by_rule == "route:pii.require.hosting"
    assert isinstance(permit(tool("read", hosted=False), rules=(), given=at_home), Allowed)
    assert isinstance(permit(tool("read"), rules=(), given=at_home), Refused)
    of_graph = Circumstances(at_home="route:pii.require.hosting", declared=True)
    assert isinstance(permit(tool("read"), rules=(), given=of_graph), Allowed)
    assert isinstance(permit(tool("read", hosted=True), rules=(), given=of_graph), Refused)


def test_a_double_check_asks_for_an_approval_and_stays_where_other_rules_ask_too() -> None:
    rules = (
        ToolRule(name="ask", then="approve"),
        ToolRule(name="twice", match=ToolMatch(level="destructive"), double_check=True),
    )
    found = permit(tool("destructive"), rules=rules, given=KNOWN)
    assert isinstance(found, NeedsApproval)
    assert found.double_check
    assert found.by_rule == "tools:twice"
    found = permit(tool("write"), rules=rules, given=KNOWN)
    assert isinstance(found, NeedsApproval)
    assert not found.double_check


def test_rules_of_a_server_match_its_tools_alone() -> None:
    rule = ToolRule(name="files", match=ToolMatch(server="files"), then="refuse")
    assert isinstance(permit(tool(source="mcp:files"), rules=(rule,), given=KNOWN), Refused)
    assert isinstance(permit(tool(source="mcp:other"), rules=(rule,), given=KNOWN), Allowed)
    assert isinstance(permit(tool(), rules=(rule,), given=KNOWN), Allowed)


def test_limits_are_the_tightest_of_all() -> None:
    rules = (
        ToolRule(name="a", timeout_s=5, calls_per_minute=10),
        ToolRule(name="b", timeout_s=9, calls_per_minute=3, max_output_chars=50),
        ToolRule(name="c", match=ToolMatch(environment="dev"), timeout_s=1),
    )
    spec = tool(timeout_s=7, calls_per_minute=4)
    found = call_limits(spec, rules=rules, given=KNOWN)
    assert (found.timeout_s, found.calls_per_minute, found.most_output_chars) == (5, 3, 50)
    unknown = call_limits(spec, rules=rules, given=Circumstances())
    assert unknown.timeout_s == 1


# ── of any rules ─────────────────────────────────────────────────────────────────────────

NAMES = st.sampled_from(["prod", "dev"])
MATCHES = st.builds(
    ToolMatch,
    level=st.none() | st.sampled_from(TOOL_LEVELS),
    environment=st.none() | NAMES,
    data_class=st.none() | st.sampled_from(["internal", "pii"]),
    risk=st.none() | st.sampled_from(["low", "normal", "high"]),
    tags=st.none() | st.just("x"),
)
RULES = st.lists(
    st.builds(
        ToolRule,
        name=st.just("r"),
        match=MATCHES,
        then=st.none() | st.sampled_from(["allow", "approve", "refuse"]),
        double_check=st.booleans(),
    ),
    max_size=4,
)
GIVEN = st.builds(
    Circumstances,
    environment=st.none() | NAMES,
    data_class=st.none() | st.sampled_from(["internal", "pii"]),
    risk=st.none() | st.sampled_from(["low", "normal", "high"]),
    tags=st.sampled_from([(), ("x",)]),
    at_home=st.none() | st.just("route:home"),
)
SPECS = st.builds(
    ToolSpec,
    name=st.just("t"),
    description=st.just(""),
    level=st.sampled_from(TOOL_LEVELS),
    environments=st.sampled_from([(), ("dev",)]),
    hosted=st.none() | st.booleans(),
)


@settings(max_examples=300, deadline=None)
@drawn(SPECS, RULES, GIVEN)
def test_no_rules_at_all_allow_a_destructive_call(
    spec: ToolSpec, rules: list[ToolRule], given: Circumstances
) -> None:
    if spec.level == "destructive":
        assert not isinstance(permit(spec, rules=rules, given=given), Allowed)


@settings(max_examples=300, deadline=None)
@drawn(SPECS, RULES, GIVEN, st.sampled_from(["environment", "data_class", "risk"]))
def test_to_know_less_is_never_looser(
    spec: ToolSpec, rules: list[ToolRule], given: Circumstances, forgotten: str
) -> None:
    unknown: dict[str, Any] = {forgotten: None}
    less = dataclasses.replace(given, **unknown)
    known = permit(spec, rules=rules, given=given)
    assert strictness(permit(spec, rules=rules, given=less)) >= strictness(known)


@settings(max_examples=300, deadline=None)
@drawn(SPECS, RULES, MATCHES, GIVEN)
def test_a_further_rule_that_does_not_allow_is_never_looser(
    spec: ToolSpec, rules: list[ToolRule], match: ToolMatch, given: Circumstances
) -> None:
    before = strictness(permit(spec, rules=rules, given=given))
    for then in ("approve", "refuse"):
        more = [*rules, ToolRule(name="more", match=match, then=then)]
        assert strictness(permit(spec, rules=more, given=given)) >= before

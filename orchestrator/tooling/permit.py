"""Whether a tool may be called: a pure function, in the spirit of `routing.decide`.

It reads no clock and asks nobody. What is not known makes an answer stricter, never looser; of all
rules that match the tightest counts, and no rule lifts the approval that a destructive tool needs.
What a tool does not say of itself counts as the worst where a model chose it. Where a person named
it in a graph, that person has answered for it, and only what it says and what rules say counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.project.tools_schema import ToolMatch, ToolRule
from orchestrator.tooling.values import CallLimits, ToolSpec
from orchestrator.types import Risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a call besides the tool. `None`: nobody knows."""

    environment: str | None = None
    data_class: str | None = None
    """The strictest of all that the arguments may have been made from."""
    risk: Risk | None = None
    tags: tuple[str, ...] = ()
    at_home: str | None = None
    """The rule that keeps such requests on machines of our own (`route:pii.require.hosting`)."""
    declared: bool = False
    """A person named this tool in a graph, and no model chose it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """It may be called now."""

    by_rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedsApproval:
    """It may be called after a person has agreed to this very call."""

    why: str
    by_rule: str
    double_check: bool = False
    """A second model must find the call sensible before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """It may not be called, whoever agrees."""

    why: str
    by_rule: str


Permit = Allowed | NeedsApproval | Refused


def permit(spec: ToolSpec, *, rules: Sequence[ToolRule], given: Circumstances) -> Permit:
    """Whether the tool may be called under these circumstances, and which rule says so.

    Args:
        rules: `policy.tools`; their order does not matter but for whose name is given of two
            that say the same.
    """
    refusals = _refusals(spec, rules, given)
    refused = next(refusals, None)
    if refused is not None:
        return refused
    double = [r for r in rules if r.double_check and _matches(r.match, spec, given, unknown=True)]
    asking = double or [
        r for r in rules if r.then == "approve" and _matches(r.match, spec, given, unknown=True)
    ]
    if asking:
        rule = f"tools:{asking[0].name}"
        why = f"the rule '{asking[0].name}' asks for an approval of {_what(spec)}"
        return NeedsApproval(why=why, by_rule=rule, double_check=bool(double))
    if spec.level == "read":
        return Allowed(by_rule="level:read")
    if given.declared and not spec.stated:
        return Allowed(by_rule="graph")
    if spec.level == "write":
        allowing = [
            r for r in rules if r.then == "allow" and _matches(r.match, spec, given, unknown=False)
        ]
        if allowing:
            return Allowed(by_rule=f"tools:{allowing[0].name}")
    why = f"{_what(spec)} needs an approval" + ("" if spec.stated else "; it states no level")
    return NeedsApproval(why=why, by_rule=f"level:{spec.level}")


def _refusals(spec: ToolSpec, rules: Sequence[ToolRule], given: Circumstances) -> Iterator[Refused]:
    if spec.refused:
        yield Refused(why=spec.refused, by_rule=f"tool:{spec.name}")
    if spec.environments and given.environment not in spec.environments:
        here = given.environment or "an environment that nobody has named"
        places = ", ".join(spec.environments)
        why = f"'{spec.name}' may be called in {places}; this is {here}"
        yield Refused(why=why, by_rule=f"tool:{spec.name}.environments")
    silent = spec.hosted is None and given.declared
    if given.at_home is not None and spec.hosted is not False and not silent:
        why = (
            f"what '{spec.name}' is given leaves our own machines, or nobody has said that it does "
            "not"
        )
        yield Refused(why=why, by_rule=given.at_home)
    for rule in rules:
        if rule.then == "refuse" and _matches(rule.match, spec, given, unknown=True):
            why = f"the rule '{rule.name}' refuses {_what(spec)}"
            yield Refused(why=why, by_rule=f"tools:{rule.name}")


def call_limits(spec: ToolSpec, *, rules: Sequence[ToolRule], given: Circumstances) -> CallLimits:
    """The tightest of what the tool and every rule that matches says."""
    matching = [r for r in rules if _matches(r.match, spec, given, unknown=True)]
    times = [r.timeout_s for r in matching if r.timeout_s is not None]
    sizes = [r.max_output_chars for r in matching if r.max_output_chars is not None]
    rates = [r.calls_per_minute for r in matching if r.calls_per_minute is not None]
    if spec.calls_per_minute is not None:
        rates.append(spec.calls_per_minute)
    return CallLimits(
        timeout_s=min(spec.timeout_s, *times, spec.timeout_s),
        most_output_chars=min(spec.most_output_chars, *sizes, spec.most_output_chars),
        calls_per_minute=min(rates, default=None),
    )


def _what(spec: ToolSpec) -> str:
    return f"the {spec.level} tool '{spec.name}'"


def _matches(match: ToolMatch, spec: ToolSpec, given: Circumstances, *, unknown: bool) -> bool:
    """Whether every key that is set holds.

    Args:
        unknown: what a key counts for about which nothing is known.
    """
    sure = (
        _among(spec.name, match.tool)
        and (
            match.server is None or (spec.server is not None and _among(spec.server, match.server))
        )
        and _among(spec.level, match.level)
    )
    if not sure:
        return False
    facts = (
        (given.environment, match.environment),
        (given.data_class, match.data_class),
        (given.risk, match.risk),
    )
    for fact, wanted in facts:
        if wanted is not None and (not unknown if fact is None else not _among(fact, wanted)):
            return False
    return match.tags is None or any(_among(tag, match.tags) for tag in given.tags)


def _among(value: str, wanted: Sequence[str] | str | None) -> bool:
    if wanted is None:
        return True
    return value == wanted if isinstance(wanted, str) else value in wanted

"""Deployments become models: those of one name and one maker are one model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.scaffold.from_litellm.catalogue import QUALITY, UNKNOWN_FAMILY, slug
from orchestrator.scaffold.from_litellm.deployments import Found
from orchestrator.scaffold.from_litellm.report import Report
from orchestrator.types import Tier

_NO_TIER: Tier = "mid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of the fleet to be."""

    name: str
    group: str
    declared: Mapping[str, Any]
    """As in fleet.yaml."""
    origins: tuple[str, ...]
    """Where its deployments stood, `config.yaml:12`."""


@dataclass(frozen=True, slots=True)
class Models:
    """All of them, and which of them a name of LiteLLM's stands for."""

    models: tuple[Model, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def grouped(found: Sequence[Found], report: Report, reserved: Sequence[str]) -> Models:
    """The models, in the order in which the configuration names them.

    Args:
        reserved: names that are taken already.
    """
    parts: dict[tuple[str, str], list[Found]] = {}
    for one in found:
        parts.setdefault((one.group, one.family or UNKNOWN_FAMILY), []).append(one)
    taken = set(reserved)
    models: list[Model] = []
    groups: dict[str, tuple[str, ...]] = {}
    for (group, family), members in parts.items():
        first = members[0].spot
        split = group in groups
        name = _free(slug(f"{group}-{family}" if split else group) or "model", taken)
        taken.add(name)
        groups[group] = (*groups.get(group, ()), name)
        if split:
            why = f"'{group}' mixes makers, and a model has one; this part is the model {name}"
            report.changed(first, why, "a route that names the one should name the other too")
        elif name != group:
            report.changed(first, f"'{group}' is called {name} here")
        models.append(
            Model(
                name=name,
                group=group,
                declared=_declared(name, family, members, report),
                origins=tuple(f"{m.spot.file}:{m.spot.line}" for m in members),
            )
        )
    return Models(tuple(models), groups)


def _declared(name: str, family: str, members: Sequence[Found], report: Report) -> dict[str, Any]:
    first = members[0]
    if family == UNKNOWN_FAMILY:
        why = f"who trained {name} is not known; models of the family 'unknown' check nobody's work"
        report.changed(first.spot, why, "set family: in fleet.yaml")
    tier = next((m.tier for m in members if m.tier), None)
    if tier is None:
        tier = _NO_TIER
        why = f"how strong {name} is, is not known; it was taken for a model of the middle"
        report.changed(first.spot, why, "set tier: and tasks: in fleet.yaml")
    contexts = [m.context for m in members if m.context]
    outputs = [m.max_output for m in members if m.max_output]
    common = set(first.can).intersection(*(m.can for m in members))
    declared: dict[str, Any] = {"family": family, "tier": tier}
    if contexts:
        declared["context"] = min(contexts)
    if outputs:
        declared["max_output"] = min(outputs)
    declared["tasks"] = {"*": QUALITY[tier]}
    declared["can"] = [ability for ability in first.can if ability in common]
    ids: set[str] = set()
    declared["deployments"] = []
    for member in members:
        wanted = member.deployment["id"]
        region = member.deployment.get("region")
        if wanted in ids and region:
            wanted = f"{wanted}-{region}"
        free = _free(wanted, ids)
        ids.add(free)
        declared["deployments"].append({**member.deployment, "id": free})
    return declared


def _free(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with a number where that is taken; at most 64 characters."""
    number, name = 1, wanted[:64]
    while name in taken:
        number += 1
        name = f"{wanted[: 63 - len(str(number))]}-{number}"
    return name

"""The sections beside `model_list` become routes, an objective and budgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrator.errors import Problem, ProjectError
from orchestrator.project.names import nearest
from orchestrator.scaffold.from_litellm.catalogue import slug
from orchestrator.scaffold.from_litellm.reading import Config, Keys, Spot
from orchestrator.scaffold.from_litellm.report import Report

_STRATEGIES = {"cost-based-routing": "cost", "latency-based-routing": "latency"}
_WINDOWS = {"1h": "hour", "60m": "hour", "1d": "day", "24h": "day", "30d": "month", "1mo": "month"}
_MAPPINGS = ("router_settings", "litellm_settings", "general_settings", "environment_variables")
_ANY = "*"
_BY_HAND = "write routes in policy.yaml"


@dataclass(slots=True)
class Wishes:
    """What the sections ask for, in LiteLLM's own names."""

    fallbacks: dict[str, tuple[Spot, list[Spot]]] = field(default_factory=dict)
    """Name → where it stands, and what comes next."""
    aliases: dict[str, Spot] = field(default_factory=dict)
    defaults: list[Spot] = field(default_factory=list)
    minimize: str = "cost"
    budget: dict[str, Any] | None = None


def credentials_of(config: Config, report: Report) -> dict[str, Keys]:
    """The named credentials that entries refer to.

    Raises:
        ProjectError: the list is none, or one has no name.
    """
    found: dict[str, Keys] = {}
    problems: list[Problem] = []
    wanted = {
        str(spot.value)
        for entry in config.entries
        if (spot := Keys(Keys(entry).take("litellm_params")).take("litellm_credential_name"))
    }
    for section in config.sections:
        if section.path != ("credential_list",):
            continue
        if not isinstance(section.value, list):
            problems.append(section.problem("the value has the wrong type", "a list"))
        for item in section.items():
            keys = Keys(item)
            name, values = keys.take("credential_name"), keys.take("credential_values")
            if name is None or name.text is None:
                problems.append(item.problem("a credential needs the key 'credential_name'"))
                continue
            if name.text not in wanted:
                report.left(item, "no imported model uses this credential", "drop it")
                continue
            found[name.text] = Keys(values)
            report.unused(keys.rest())
    if problems:
        raise ProjectError(problems)
    return found


def read_sections(sections: Sequence[Spot], report: Report) -> Wishes:
    """What the sections ask for; the rest goes into the report.

    Raises:
        ProjectError: a section is not a mapping.
    """
    wishes = Wishes()
    problems: list[Problem] = []
    for section in sections:
        name = str(section.path[0])
        if name == "credential_list":
            continue  # read before
        if name not in _MAPPINGS:
            report.unused([section])
        elif not isinstance(section.value, dict):
            problems.append(section.problem("the value has the wrong type", "a mapping"))
        else:
            keys = Keys(section)
            if name in ("router_settings", "litellm_settings"):
                _read(keys, wishes, report)
            report.unused(keys.rest())
    if problems:
        raise ProjectError(problems)
    return wishes


def _read(keys: Keys, wishes: Wishes, report: Report) -> None:
    for name in ("model_group_alias", "model_alias_map"):
        for alias, spot in _pairs(keys.take(name), report):
            wishes.aliases.setdefault(alias, spot)
            rest = Keys(spot)
            rest.take("model")
            report.unused(rest.rest())
    for spot in _items(keys.take("fallbacks"), report):
        for name, wanted in _pairs(spot, report):
            if name == _ANY:
                wishes.defaults += _items(wanted, report)
            elif name in wishes.fallbacks:
                report.left(wanted, f"fallbacks of '{name}' were named before", "look at the first")
            else:
                wishes.fallbacks[name] = (wanted, _items(wanted, report))
    wishes.defaults += _items(keys.take("default_fallbacks"), report)
    strategy = keys.take("routing_strategy")
    if strategy is not None:
        wishes.minimize = _STRATEGIES.get(str(strategy.value), wishes.minimize)
        if strategy.value not in _STRATEGIES:
            why = f"there is no '{strategy.value}'; the cheapest that is good enough is chosen"
            report.left(strategy, why, "set objective in policy.yaml")
    if keys.has("max_budget"):
        _budget(keys, wishes, report)


def _budget(keys: Keys, wishes: Wishes, report: Report) -> None:
    most, every = keys.take("max_budget"), keys.take("budget_duration")
    assert most is not None
    window = _WINDOWS.get(str(every.value)) if every else None
    if most.number is None or window is None:
        why = "a budget is a number of dollars an hour, a day or a month"
        report.left(most, why, "write it under budgets in policy.yaml")
        return
    wishes.budget = {"per": "project", "usd": most.number, "window": window}


def _pairs(spot: Spot | None, report: Report) -> Iterator[tuple[str, Spot]]:
    if spot is not None and isinstance(spot.value, dict):
        yield from ((str(key), part) for key, part in spot.parts())
    elif spot is not None:
        report.left(spot, "a mapping of names was expected", _BY_HAND)


def _items(spot: Spot | None, report: Report) -> list[Spot]:
    """The parts of a list; a single text stands for a list of one."""
    if spot is None or isinstance(spot.value, list):
        return spot.items() if spot else []
    if spot.text is not None:
        return [spot]
    report.left(spot, "a list was expected", _BY_HAND)
    return []


def routes_of(
    wishes: Wishes, groups: Mapping[str, tuple[str, ...]], report: Report
) -> list[dict[str, Any]]:
    """A route for each name that LiteLLM's callers may say, chosen by a tag of that name.

    They name a model. Here a request says what it needs, and the policy finds the model; who still
    wants to name one says it as a tag.
    """
    names = _Names(groups, wishes.aliases, report)
    further = {name: names.all(wanted) for name, (_, wanted) in wishes.fallbacks.items()}
    otherwise = names.all(wishes.defaults)
    for name, (spot, _) in wishes.fallbacks.items():
        names.models(name, spot)  # its note, where there is no such model
    used: set[str] = set()
    routes = [
        _route(group, own, further.get(group, otherwise), used) for group, own in groups.items()
    ]
    for alias, spot in wishes.aliases.items():
        target = names.target(spot)
        own = names.models(target, spot)
        if own and alias in groups:
            why = f"a model is called '{alias}' too, and it keeps the name"
            report.left(spot, why, f"write a route with match: {{tags: …}} and primary: {own[0]}")
        elif own:
            after = further.get(alias, further.get(target, otherwise))
            routes.append(_route(alias, own, after, used))
    return routes


def _route(tag: str, own: Sequence[str], further: Sequence[str], used: set[str]) -> dict[str, Any]:
    name = base = f"asked-for-{slug(tag)}"[:60]
    number = 1
    while name in used:
        number += 1
        name = f"{base}-{number}"
    used.add(name)
    rest = [model for model in dict.fromkeys((*own[1:], *further)) if model != own[0]]
    made: dict[str, Any] = {"name": name, "match": {"tags": [tag]}, "primary": own[0]}
    return {**made, "fallbacks": rest} if rest else made


@dataclass(frozen=True, slots=True)
class _Names:
    """From LiteLLM's names to the models of the fleet."""

    groups: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, Spot]
    report: Report

    def target(self, spot: Spot) -> str:
        """What an alias stands for: a name, or a mapping that holds it."""
        if isinstance(spot.value, dict):
            model = Keys(spot).take("model")
            return str(model.value) if model else ""
        return str(spot.value)

    def models(self, name: str, spot: Spot) -> tuple[str, ...]:
        """The models of a name; none, with a note, where it stands for nothing."""
        if name not in self.groups and name in self.aliases:
            name = self.target(self.aliases[name])
        found = self.groups.get(name, ())
        if not found:
            near = nearest(name, self.groups)
            hint = f"; did it mean '{near}'?" if near else ""
            why = f"no imported model is called '{name}'{hint}"
            self.report.left(spot, why, "name models of fleet.yaml in a route of policy.yaml")
        return found

    def all(self, wanted: Sequence[Spot]) -> list[str]:
        """The models of several names, each once."""
        found: dict[str, None] = {}
        for spot in wanted:
            if spot.text is None:
                why = "a fallback with settings of its own; only its name can stand in a route"
                self.report.left(spot, why, "write a route for it in policy.yaml")
                continue
            found |= dict.fromkeys(self.models(spot.text, spot))
        return list(found)

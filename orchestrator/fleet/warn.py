"""What about the fleet is about to become wrong, or has: retired models, prices that are doubtful.

All of it is read from the declarations and litellm's price file. Nothing is asked over the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from orchestrator.fleet.prices import PriceList
from orchestrator.money import Price
from orchestrator.project.fleet_schema import DeploymentDeclaration, Fleet
from orchestrator.project.names import nearest
from orchestrator.project.policy_schema import Policy
from orchestrator.types import Deployment

Code = Literal[
    "retired", "retires_soon", "price_unknown", "price_differs", "model_unknown", "prices_old"
]

SOON_DAYS = 60
"""A retirement that is nearer is worth a warning."""
OLD_DAYS = 120
"""Providers publish new models, and so new prices, more often than that."""
DIFFERENCE = 0.10
"""The share by which a declared price may differ from the listed one."""
_PICO_PER_USD_A_MILLION = 1_000_000
_NAMED_BY_THEIR_USERS = ("azure/", "azure_text/", "sagemaker/", "sagemaker_chat/")
"""There a model's name is that of one's own deployment, so no list can know it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetWarning:
    """One thing to look at."""

    code: Code
    deployment: str | None
    """`model/deployment`; `None` where it is about the whole fleet."""
    message: str
    suggestion: str


def fleet_warnings(
    fleet: Fleet,
    deployments: Sequence[Deployment],
    policy: Policy,
    prices: PriceList,
    today: date,
) -> tuple[FleetWarning, ...]:
    """Everything that is doubtful today, by deployment; what is about the whole fleet comes last.

    Args:
        deployments: as built from `fleet`.
        prices: litellm's price file; where it is empty, nothing is compared with it.
    """
    declared = {
        f"{name}/{deployment.id}": deployment
        for name, model in fleet.models.items()
        for deployment in model.deployments
    }
    limit = _cost_limit(policy)
    found: list[FleetWarning] = []
    for deployment in sorted(deployments, key=lambda d: d.id):
        if deployment.hosting == "self":
            continue
        found += _retirement(deployment, today)
        found += _unknown(deployment, limit, prices)
        found += _difference(deployment, declared[deployment.id], prices)
    found += _old(deployments, declared, prices, today)
    return tuple(found)


def _retirement(deployment: Deployment, today: date) -> Iterator[FleetWarning]:
    try:
        day = date.fromisoformat(deployment.retires or "")
    except ValueError:
        return  # none is stated, or not as a date
    days = (day - today).days
    successor = (
        f"let {deployment.model} name its successor in fleet.yaml, or remove {deployment.id}"
    )
    if days < 0:
        yield FleetWarning(
            code="retired",
            deployment=deployment.id,
            message=f"{deployment.target} was retired on {day}",
            suggestion=successor,
        )
    elif days <= SOON_DAYS:
        when = "today" if days == 0 else "tomorrow" if days == 1 else f"in {days} days"
        yield FleetWarning(
            code="retires_soon",
            deployment=deployment.id,
            message=f"{deployment.target} retires {when}, on {day}",
            suggestion=successor,
        )


def _unknown(deployment: Deployment, limit: str, prices: PriceList) -> Iterator[FleetWarning]:
    if not prices or not deployment.target or prices.find(deployment.target) is not None:
        listed, near = True, ""
    else:
        listed = deployment.target.startswith(_NAMED_BY_THEIR_USERS)
        near = "" if listed else _near(deployment.target, prices)
    meant = f"did you mean '{near}'?" if near else ""
    priced = deployment.price is not None and None not in (
        deployment.price.input,
        deployment.price.output,
    )
    if not priced and limit:
        yield FleetWarning(
            code="price_unknown",
            deployment=deployment.id,
            message=f"the price of {deployment.target} is unknown, so {limit} bars it",
            suggestion=meant or "state its price in fleet.yaml: price: {input: …, output: …}",
        )
    elif not listed and deployment.via == "litellm":
        yield FleetWarning(
            code="model_unknown",
            deployment=deployment.id,
            message=f"litellm's price file does not know the model {deployment.target}",
            suggestion=meant or "check the name; `pip install -U litellm` for newer models",
        )


def _near(model: str, prices: PriceList) -> str:
    provider, slash, _ = model.partition("/")
    names = prices.names()
    # Most names stand there without their provider, which people write nevertheless.
    prefixed = (f"{provider}/{name}" for name in names if slash and "/" not in name)
    return nearest(model, (*names, *prefixed))


def _cost_limit(policy: Policy) -> str:
    """What in the policy bars a model without a price; empty where nothing does."""
    if policy.budgets:
        return "the budget in policy.yaml"
    routes = [route.name for route in policy.routes if route.max_cost_usd is not None]
    return f"the cost limit of the route {routes[0]}" if routes else ""


def _difference(
    deployment: Deployment, declared: DeploymentDeclaration, prices: PriceList
) -> Iterator[FleetWarning]:
    listing = prices.find(deployment.target) if declared.price and deployment.target else None
    if listing is None or deployment.price is None:
        return
    parts = [
        f"{_usd(stated)} for {what}, where litellm's price file says {_usd(listed)}"
        for what, stated, listed in _pairs(deployment.price, listing.price)
        if abs(stated - listed) > DIFFERENCE * listed
    ]
    if parts:
        yield FleetWarning(
            code="price_differs",
            deployment=deployment.id,
            message=f"fleet.yaml states {'; and '.join(parts)} (US dollars a million tokens)",
            suggestion="correct the price, or leave it out to take the listed one",
        )


def _pairs(stated: Price, listed: Price) -> Iterator[tuple[str, int, int]]:
    for what, one, other in (
        ("input", stated.input, listed.input),
        ("output", stated.output, listed.output),
    ):
        if one is not None and other is not None:
            yield what, one, other


def _usd(pico: int) -> str:
    return f"{pico / _PICO_PER_USD_A_MILLION:.6g}"


def _old(
    deployments: Sequence[Deployment],
    declared: Mapping[str, DeploymentDeclaration],
    prices: PriceList,
    today: date,
) -> Iterator[FleetWarning]:
    """Where nobody's price comes from the file, its age does not matter."""
    users = [
        d for d in deployments if d.hosting == "hosted" and d.price and not declared[d.id].price
    ]
    newest = prices.newest
    if not users or newest is None or (today - newest).days <= OLD_DAYS:
        return
    yield FleetWarning(
        code="prices_old",
        deployment=None,
        message=(
            f"the prices of {len(users)} deployments come from a price file that knows no model "
            f"newer than {newest}, {(today - newest).days} days ago"
        ),
        suggestion="pip install -U litellm",
    )

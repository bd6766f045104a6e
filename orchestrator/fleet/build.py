"""From what `fleet.yaml` declares to the deployments that routing and calling see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from orchestrator.errors import UserError
from orchestrator.fleet.prices import Listing, price_list
from orchestrator.money import FREE, Price, PriceStep
from orchestrator.project._values import UnsetVariableError, filled
from orchestrator.project.fleet_schema import (
    DeploymentDeclaration,
    EncoderDeclaration,
    Fleet,
    ModelDeclaration,
    PriceDeclaration,
    Prices,
)
from orchestrator.project.refreshed_schema import Refreshed, RefreshedDeployment
from orchestrator.types import Capacity, Deployment, Encoder

_PICO_PER_USD_A_MILLION = 10**6
_PICO_PER_USD = 10**12
_NOTHING_ASKED = Refreshed()


def build_fleet(
    fleet: Fleet, env: Mapping[str, str], refreshed: Refreshed = _NOTHING_ASKED
) -> tuple[Deployment, ...]:
    """All deployments, sorted by id (`model/deployment`).

    A declared price wins; else a self-hosted deployment is free, and a hosted one costs what
    litellm's price file says, or something unknown (`None`). What a refresh found goes before that
    file. The lesser of the declared and the
    listed context counts, unless a price is declared.
    Endpoints are filled in from `env`; one whose variable is not set stays as written.

    Raises:
        UserError: a deployment says nothing that could be called, or an id is used twice.
    """
    built = sorted(_deployments(fleet, env, refreshed), key=lambda d: d.id)
    for one, other in pairwise(built):
        if one.id == other.id:
            raise UserError(f"fleet.yaml: models.{one.model}: the id of {one.id} is used twice")
    return tuple(built)


def _deployments(
    fleet: Fleet, env: Mapping[str, str], refreshed: Refreshed
) -> Iterator[Deployment]:
    for name, model in fleet.models.items():
        for declared in model.deployments:
            found = _deployment(name, model, declared, env)
            asked = refreshed.deployments.get(found.id)
            yield found if asked is None else _refreshed(found, asked, declared)


def _refreshed(
    found: Deployment, asked: RefreshedDeployment, declared: DeploymentDeclaration
) -> Deployment:
    price = found.price
    if asked.price is not None and declared.price is None and declared.hosting == "hosted":
        price = _declared_price(asked.price)
    known = [tokens for tokens in (found.context, asked.context) if tokens is not None]
    retires = asked.retires or found.retires
    return replace(found, price=price, context=min(known, default=None), retires=retires)


def _deployment(
    name: str, model: ModelDeclaration, declared: DeploymentDeclaration, env: Mapping[str, str]
) -> Deployment:
    target = declared.function or declared.weights or declared.model or ""
    if not target and not declared.discover:
        raise UserError(
            f"fleet.yaml: models.{name}.deployments.{declared.id}: nothing to call; "
            "allowed: one of model, weights, function, or discover: true"
        )
    listing = price_list().find(target) if declared.hosting == "hosted" and target else None
    return Deployment(
        id=f"{name}/{declared.id}",
        model=name,
        family=model.family,
        tier=model.tier,
        via=declared.via,
        target=target,
        provider=_provider(declared),
        endpoint=_endpoint(declared.endpoint, env),
        key=declared.key,
        params={name: value for name, value in declared.params.items() if value},
        hosting=declared.hosting,
        region=declared.region,
        retention_days=declared.retention_days,
        trains_on_data=declared.trains_on_data,
        certifications=declared.certifications,
        context=_context(model, declared, listing),
        max_output=model.max_output or (listing.max_output if listing else None),
        can=model.can,
        tools=model.tools,
        reads=model.reads,
        tasks=dict(model.tasks),
        price=_price(declared, listing),
        first_token_ms=declared.first_token_ms,
        connect_timeout_ms=declared.timeouts.connect_ms,
        first_token_timeout_ms=declared.timeouts.first_token_ms,
        between_tokens_timeout_ms=declared.timeouts.between_tokens_ms,
        tokens_per_second=declared.tokens_per_second,
        prompt_tokens_per_second=declared.prompt_tokens_per_second,
        limits=Capacity(**declared.limits.model_dump()),
        discover=declared.discover,
        encoder=_encoder(declared.encoder),
        retires=listing.retires if listing else None,
    )


def _provider(declared: DeploymentDeclaration) -> str:
    """litellm's names start with the provider; other transports are the provider's own."""
    prefix, slash, _ = (declared.model or "").partition("/")
    return prefix if slash and declared.via == "litellm" else declared.via


def _encoder(declared: EncoderDeclaration | None) -> Encoder | None:
    if declared is None:
        return None
    return Encoder(
        kind=declared.kind,
        labels=dict(declared.labels),
        outputs=dict(declared.outputs),
        threshold=declared.threshold,
    )


def _endpoint(endpoint: str | None, env: Mapping[str, str]) -> str | None:
    if not endpoint:
        return None
    try:
        endpoint = filled(endpoint, env)
    except UnsetVariableError:
        return endpoint
    # `OLLAMA_HOST` and its like are commonly written as `127.0.0.1:11434`.
    return endpoint if "://" in endpoint else f"http://{endpoint}"


def _price(declared: DeploymentDeclaration, listing: Listing | None) -> Price | None:
    if declared.price is not None:
        return _declared_price(declared.price)
    if declared.hosting == "self":
        return FREE
    return listing.price if listing else None


def _declared_price(price: PriceDeclaration) -> Price:
    steps = (PriceStep(above=long.above, price=_prices(long)) for long in price.long)
    each = None if price.per_image is None else round(Decimal(str(price.per_image)) * _PICO_PER_USD)
    ordered = tuple(sorted(steps, key=lambda step: step.above))
    return replace(_prices(price), per_image=each, steps=ordered)


def _prices(declared: Prices) -> Price:
    stated = declared.model_dump(include=set(Prices.model_fields), exclude_none=True)
    for name, usd in stated.items():
        stated[name] = round(Decimal(str(usd)) * _PICO_PER_USD_A_MILLION)
    return Price(**stated)


def _context(
    model: ModelDeclaration, declared: DeploymentDeclaration, listing: Listing | None
) -> int | None:
    listed = listing.context if listing else None
    if declared.price is not None:
        return model.context or listed
    known = [tokens for tokens in (model.context, listed) if tokens is not None]
    return min(known, default=None)

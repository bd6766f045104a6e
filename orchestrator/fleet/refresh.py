"""Asks the providers of a fleet what they list, and says what joins, leaves and changes.

What is found goes into `fleet.refreshed.yaml`; `fleet.yaml` stays a person's own. A model that its
provider does not list any more is not used; one that is listed again is. A model that is new at a
provider is told of and no more: which family it is of, what it is good at and who may send it what
are for a person to say, and routing decides by nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Literal

from orchestrator.fleet.prices import PriceList
from orchestrator.fleet.providers import Ask, NotAskedError, Offer, Offers, Source, source_of
from orchestrator.money import Price
from orchestrator.project.fleet_schema import Fleet, PriceDeclaration, Prices
from orchestrator.project.refreshed_schema import Refreshed, RefreshedDeployment
from orchestrator.types import Deployment

Kind = Literal["leaves", "returns", "price", "context", "retires", "offered"]
_PICO_PER_USD_A_MILLION = 10**6
_PICO_PER_USD = 10**12
_VERSION = re.compile(r"-(\d{8}|\d{4}(-\d{2}-\d{2})?|\d{3}|latest)")
"""What may follow a model's name where an alias stands for the newest of its versions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One provider, and how that went."""

    name: str
    problem: str = ""
    """Why it could not be asked; empty where it answered."""
    models: int = 0
    """How many it lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is other than it was."""

    kind: Kind
    subject: str
    """The deployment, or the provider's name of a model that the fleet does not have."""
    provider: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """What came of asking."""

    asked: tuple[Asked, ...]
    findings: tuple[Finding, ...]
    refreshed: Refreshed
    """What is known now; of providers that could not be asked, what was known before."""


def refresh(
    deployments: Sequence[Deployment],
    fleet: Fleet,
    known: Refreshed,
    env: Mapping[str, str],
    prices: PriceList,
    today: date,
    ask: Ask,
) -> Refresh:
    """Ask everybody at once, and compare.

    Args:
        deployments: those to ask about, as built from `fleet` and `known`.
        known: what the last refresh found.
        prices: litellm's price file, for what providers do not say themselves.
        ask: returns a provider's list, or raises `NotAskedError`.
    """
    places = {d.id: place for d in deployments if (place := source_of(d)) is not None and d.target}
    sources = sorted(set(places.values()), key=lambda s: (s.name, s.url, s.key or ""))
    answers = _ask_all(sources, env, ask)
    declared = {f"{n}/{d.id}": d for n, m in fleet.models.items() for d in m.deployments}
    findings: list[Finding] = []
    found = dict(known.deployments)
    for deployment in deployments:
        place = places.get(deployment.id)
        if place is None:
            continue
        offers = answers[place]
        before = known.deployments.get(deployment.id, RefreshedDeployment())
        own_price = declared[deployment.id].price is not None or deployment.hosting == "self"
        after = _looked_up(deployment, offers, before, prices, own_price=own_price)
        findings += _compared(deployment, place.name, before, after)
        if after != RefreshedDeployment() or deployment.id in found:
            found[deployment.id] = after
    targets = {
        place: [d.target for d in deployments if places.get(d.id) == place] for place in sources
    }
    offered = dict(known.offers)
    for place, offers in answers.items():
        if isinstance(offers, str):
            continue
        findings += _new(place, offers, targets[place], known)
        offered[place.name] = tuple(sorted(offers))
    asked = tuple(
        Asked(name=s.name, problem=a) if isinstance(a, str) else Asked(name=s.name, models=len(a))
        for s, a in answers.items()
    )
    return Refresh(
        asked=asked,
        findings=tuple(findings),
        refreshed=Refreshed(asked=today.isoformat(), deployments=found, offers=offered),
    )


def _ask_all(
    sources: Sequence[Source], env: Mapping[str, str], ask: Ask
) -> dict[Source, Offers | str]:
    def one(source: Source) -> Offers | str:
        try:
            return ask(source, env)
        except NotAskedError as error:
            return str(error)

    if not sources:
        return {}
    with ThreadPoolExecutor(max_workers=min(len(sources), 16)) as pool:
        return dict(zip(sources, pool.map(one, sources), strict=True))


def _looked_up(
    deployment: Deployment,
    offers: Offers | str,
    before: RefreshedDeployment,
    prices: PriceList,
    *,
    own_price: bool,
) -> RefreshedDeployment:
    """What is known of it now. Who could not be asked says nothing against what was known."""
    hosted = deployment.hosting == "hosted"
    listing = prices.find(deployment.target) if hosted else None
    retires = listing.retires if listing and listing.retires else before.retires
    if isinstance(offers, str):
        offer, listed = Offer(context=before.context), before.listed
    else:
        name = listed_as(deployment.target, deployment.via, offers)
        offer, listed = offers.get(name, Offer()), bool(name)
    price = None
    if not own_price:
        price = _price(offer) or (_declaration(listing.price) if listing else None) or before.price
    return RefreshedDeployment(listed=listed, context=offer.context, price=price, retires=retires)


def listed_as(target: str, via: str, offers: Offers) -> str:
    """The name under which a provider lists what a deployment calls; empty where it does not.

    litellm's names begin with the provider. An alias is listed if one of its versions is
    (`claude-sonnet-4-5` by `claude-sonnet-4-5-20250929`), and Ollama's names end in `:latest`.
    """
    bare = target.partition("/")[2] if via == "litellm" and "/" in target else target
    for name in (target, bare, f"{bare}:latest"):
        if name in offers:
            return name
    stem = bare.removesuffix("-latest")
    versions = [n for n in offers if n.startswith(stem) and _VERSION.fullmatch(n[len(stem) :])]
    return max(versions, default=stem if stem in offers else "")


def _price(offer: Offer) -> PriceDeclaration | None:
    if offer.input_usd is None or offer.output_usd is None:
        return None
    return PriceDeclaration(input=offer.input_usd, output=offer.output_usd)


def _declaration(price: Price) -> PriceDeclaration | None:
    """A price of the list as one of a file; `None` where it does not say what matters."""
    parts = (price, *(step.price for step in price.steps))
    if any(None in (part.input, part.output) for part in parts):
        return None
    longer = [{"above": step.above, **_stated(step.price)} for step in price.steps]
    each = {} if price.per_image is None else {"per_image": price.per_image / _PICO_PER_USD}
    return PriceDeclaration.model_validate({**_stated(price), **each, "long": tuple(longer)})


def _stated(price: Price) -> dict[str, float]:
    stated = {name: getattr(price, name) for name in Prices.model_fields}
    return {k: pico / _PICO_PER_USD_A_MILLION for k, pico in stated.items() if pico is not None}


def _compared(
    deployment: Deployment, provider: str, before: RefreshedDeployment, after: RefreshedDeployment
) -> list[Finding]:
    def other(kind: Kind, old: str, new: str) -> Finding:
        return Finding(kind=kind, subject=deployment.id, provider=provider, before=old, after=new)

    found = []
    if before.listed != after.listed:
        words = ("listed", "not listed")
        kind: Kind = "returns" if after.listed else "leaves"
        found.append(other(kind, words[after.listed], words[before.listed]))
    if after.price is not None and after.price != before.price:
        old, new = _usd(before.price), _usd(after.price)
        found.append(other("price", old, new if old != new else "other for caches or long prompts"))
    if after.context is not None and after.context != before.context:
        found.append(other("context", _count(before.context), _count(after.context)))
    if after.retires is not None and after.retires != before.retires:
        found.append(other("retires", before.retires or "", after.retires))
    return found


def _new(place: Source, offers: Offers, targets: Sequence[str], known: Refreshed) -> list[Finding]:
    """What the fleet does not have; after the first time, only what was not there then."""
    ours = {listed_as(target, via, offers) for target in targets for via in ("litellm", "openai")}
    earlier = set(known.offers.get(place.name, ()))
    return [
        Finding(kind="offered", subject=name, provider=place.name)
        for name in sorted(offers)
        if name not in ours and name not in earlier
    ]


def _usd(price: PriceDeclaration | None) -> str:
    return "" if price is None else f"${price.input:g} in, ${price.output:g} out"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def document(refreshed: Refreshed) -> str:
    """`fleet.refreshed.yaml`, as the loader reads it."""
    import yaml

    plain = refreshed.model_dump(mode="json", exclude_defaults=True)
    head = (
        "# yaml-language-server: $schema=schemas/refreshed.schema.json\n"
        "# Written by `mesh fleet refresh --write`. Remove it to go by fleet.yaml alone.\n"
    )
    return head + str(yaml.safe_dump(plain, sort_keys=True, allow_unicode=True, width=100))

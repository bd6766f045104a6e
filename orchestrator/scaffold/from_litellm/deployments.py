"""One entry of `model_list` becomes a deployment, and what it says of its model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from orchestrator.fleet.prices import Listing, price_list
from orchestrator.scaffold.from_litellm.catalogue import (
    CHAT_MODES,
    KEY_VARIABLES,
    OPENAI_COMPATIBLE,
    Listed,
    family_of,
    listed,
    slug,
    tier_of,
)
from orchestrator.scaffold.from_litellm.endpoints import Secrets, host_of
from orchestrator.scaffold.from_litellm.reading import Keys, Spot
from orchestrator.scaffold.from_litellm.report import Report
from orchestrator.types import Tier

_PRICE = "state price: in fleet.yaml"
_OPENAI = "${OPENAI_BASE_URL:-https://api.openai.com/v1}"
_OLLAMA = "${OLLAMA_HOST:-http://127.0.0.1:11434}/v1"
_PARAMS = ("api_version", "aws_region_name", "organization", "vertex_location", "vertex_project")
_CONTEXT = 8192
"""Tokens that nearly every model takes today. One that states no context is never chosen."""
_PROFILES = ("apac.", "eu.", "us.", "us-gov.")
"""Beginnings of Bedrock's profiles, which stay in the regions that they name."""
_LIMITS: Mapping[str, str] = {
    "requests_per_minute": "rpm",
    "tokens_per_minute": "tpm",
    "concurrent": "max_parallel_requests",
}
_ABILITIES: Mapping[str, tuple[str, ...]] = {
    "json": ("supports_response_schema", "supports_native_structured_output"),
    "tools": ("supports_function_calling",),
    "vision": ("supports_vision",),
    "reasoning": ("supports_reasoning",),
    "prefill": ("supports_assistant_prefill",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One entry, translated."""

    spot: Spot
    group: str
    """`model_name` as LiteLLM's callers say it."""
    upstream: str
    """The provider's model as the configuration writes it."""
    family: str | None
    tier: Tier | None
    context: int | None
    max_output: int | None
    can: tuple[str, ...]
    deployment: dict[str, Any] = field(default_factory=dict)
    """As in fleet.yaml; its `id` is only a wish."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says, while it is being translated."""

    spot: Spot
    params: Keys
    info: Keys
    group: str
    model: str
    provider: str
    listing: Listed


def translate(spot: Spot, credentials: Mapping[str, Keys], make: Secrets) -> Found | None:
    """The entry as a deployment; `None` where it names nothing that a fleet can hold.

    Everything that it says is taken, or noted in the report.
    """
    report = make.report
    entry = _entry(spot, credentials, report)
    if entry is None:
        return None
    base = entry.info.take("base_model")
    base_name = base.text or "" if base else ""
    listing = entry.listing or listed(base_name)
    mode = entry.info.take("mode")
    kind = str(mode.value if mode else listing.get("mode", "chat"))
    if kind not in CHAT_MODES:
        why = f"'{entry.model}' is for {kind}, and a fleet holds models that answer with text"
        report.left(spot, why, "keep it where it is")
        return None
    names = [_bare(name) for name in (base_name, entry.model) if name]
    if entry.provider == "azure":  # its deployments are named by whoever made them
        names.append(entry.group)
    deployment = _deployment(entry, make)
    hosted = deployment["hosting"] == "hosted"
    known = price_list().find(deployment["model"]) if hosted else None
    price = _price(entry, report, listing, needed=hosted and known is None)
    if price:
        deployment["price"] = price
    outputs = [entry.info.take(name) for name in ("max_output_tokens", "max_tokens")]
    stated = [_tokens(spot, report) for spot in outputs]
    found = Found(
        spot=spot,
        group=entry.group,
        upstream=entry.model,
        family=family_of(entry.provider, *names),
        tier=tier_of(names[0], listing),
        context=_context(entry, known, listing, report),
        max_output=stated[0]
        or stated[1]
        or (None if known else _whole(listing.get("max_output_tokens"))),
        can=_abilities(entry, listing),
        deployment=deployment,
    )
    report.unused([*entry.params.rest(), *entry.info.rest()])
    return found


def _bare(model: str) -> str:
    """A model's name without its provider."""
    return model.partition("/")[2] or model


def _entry(spot: Spot, credentials: Mapping[str, Keys], report: Report) -> Entry | None:
    keys = Keys(spot)
    name = keys.take("model_name")
    params, info = Keys(keys.take("litellm_params")), Keys(keys.take("model_info"))
    model = params.take("model")
    assert name is not None  # the reader has looked
    assert model is not None
    refused = _no_model(name, model)
    if refused:
        report.left(spot, *refused)
        return None
    report.unused(keys.rest())
    credential = params.take("litellm_credential_name")
    if credential is not None and str(credential.value) in credentials:
        params.add(credentials[str(credential.value)])
    elif credential is not None:
        why = "there is no credential of that name"
        report.left(credential, why, "state key: in fleet.yaml")
    upstream = str(model.value).strip()
    given = params.take("custom_llm_provider")
    provider = str(given.value) if given else ""
    listing = listed(f"{provider}/{upstream}" if provider else upstream, upstream)
    if not provider:
        prefix, slash, _ = upstream.partition("/")
        provider = prefix if slash else str(listing.get("litellm_provider", "openai"))
    elif not upstream.startswith(f"{provider}/"):
        upstream = f"{provider}/{upstream}"
    return Entry(spot, params, info, str(name.value).strip(), upstream, provider, listing)


def _no_model(name: Spot, model: Spot) -> tuple[str, str] | None:
    """Why an entry names no model, and what to do; `None` where it names one."""
    if "*" in str(model.value) or "*" in str(name.value):
        why = f"the wildcard '{name.value}' names no model; a fleet lists the models that it has"
        return why, "write one entry for each model that you use"
    if str(model.value).startswith("auto_router/"):
        why = "a router of LiteLLM's is no model; here the policy chooses"
        return why, "write a route in policy.yaml"
    if model.variable:
        why = f"its model is named by the variable {model.variable} alone"
        return why, "write the model's name, and import again"
    return None


def _deployment(entry: Entry, make: Secrets) -> dict[str, Any]:
    """The deployment without its price, and its keys in the order in which people read them."""
    report, params = make.report, entry.params
    base, key = params.take("api_base") or params.take("base_url"), params.take("api_key")
    endpoint = make.endpoint(base, f"{entry.group}_ENDPOINT") if base else ""
    # Only litellm's transport can name an organisation.
    direct = entry.provider in OPENAI_COMPATIBLE and not params.has("organization")
    settings = {} if direct else _settings(entry, report)
    made: dict[str, Any] = {"id": _id(entry)}
    if direct:
        made["via"] = "openai"
        made["model"] = _bare(entry.model)
        made["endpoint"] = _direct_endpoint(entry.provider, endpoint)
    else:
        made["via"] = "litellm"
        made["model"] = entry.model
        if endpoint:
            made["endpoint"] = endpoint
    if key is not None:
        variable = make.key(key, f"{entry.group}_API_KEY")
    else:
        variable = KEY_VARIABLES.get(entry.provider) if not endpoint or not direct else None
    if variable:
        made["key"] = variable
    if settings:
        made["params"] = settings
    limits = _limits(entry, report)
    if limits:
        made["limits"] = limits
    return {**made, **_place(entry, made, report, base)}


def _direct_endpoint(provider: str, endpoint: str) -> str:
    if provider.startswith("ollama"):
        if not endpoint:
            return _OLLAMA
        return endpoint if endpoint.endswith("/v1") else f"{endpoint}/v1"
    return endpoint or _OPENAI


def _settings(entry: Entry, report: Report) -> dict[str, str]:
    """What litellm must be told besides; a variable that is not set counts as not said."""
    settings: dict[str, str] = {}
    for name in _PARAMS:
        spot = entry.params.take(name)
        if spot is None:
            continue
        if not isinstance(spot.value, str | int | float):
            report.left(spot, "it is not a text", "state it under params: in fleet.yaml")
        elif spot.variable:
            settings[name] = f"${{{spot.variable}:-}}"
        else:
            settings[name] = str(spot.value).replace("${", "$${")
    return settings


def _place(
    entry: Entry, made: Mapping[str, Any], report: Report, base: Spot | None
) -> dict[str, Any]:
    """Whose machine it is, and in which region, as far as the configuration says."""
    host = host_of(made["endpoint"]) if "endpoint" in made else "public"
    where: dict[str, Any] = {"hosting": "self" if host in ("loopback", "private") else "hosted"}
    region = _region(entry, made.get("params", {}), report)
    if region:
        where["region"] = region
    if host == "loopback":
        where.setdefault("region", "local")
        where["discover"] = True
    elif host == "private" and base is not None:
        why = "its address is private, so it was taken to be on a machine of your own"
        do = "look at hosting: in fleet.yaml; rules on personal data rely on it"
        report.changed(base, why, do)
    elif host == "unknown" and base is not None and entry.provider in OPENAI_COMPATIBLE:
        why = "its address comes from a variable, so it was taken to be on somebody else's machine"
        report.changed(base, why, "write hosting: self in fleet.yaml, if it is your own")
    return where


def _region(entry: Entry, params: Mapping[str, str], report: Report) -> str | None:
    """Where it computes: as stated, or by what the call says; `None` where that is not certain."""
    stated = entry.params.take("region_name") or entry.info.take("region")
    if stated is not None and stated.variable:
        why = f"a region is a fact, and only the variable {stated.variable} says it"
        report.left(stated, why, "state region: in fleet.yaml")
        return None
    if stated is not None:
        return slug(str(stated.value)) or None
    model = entry.model.rpartition("/")[2]
    profile = next((p for p in _PROFILES if model.startswith(p)), "")
    if profile or model.startswith("global."):
        return profile.rstrip(".") or None
    asked = params.get("aws_region_name") or params.get("vertex_location") or ""
    return None if "${" in asked or asked == "global" else slug(asked) or None


def _id(entry: Entry) -> str:
    spot = entry.info.take("id")
    wanted = slug(str(spot.value)) if spot else ""
    return wanted or slug(entry.provider) or "direct"


def _price(entry: Entry, report: Report, listing: Listed, *, needed: bool) -> dict[str, float]:
    """US dollars a million tokens, as far as fleet.yaml must say it.

    Args:
        listing: the price file's entry of the model or its base model, for what is not stated.
        needed: the price file has no entry under the deployment's own name.
    """
    price: dict[str, float] = {}
    said = False
    for key, name in (
        ("input", "input_cost_per_token"),
        ("output", "output_cost_per_token"),
        ("cache_read", "cache_read_input_token_cost"),
        ("cache_write", "cache_creation_input_token_cost"),
        ("audio_input", "input_cost_per_audio_token"),
        ("audio_output", "output_cost_per_audio_token"),
        ("reasoning", "output_cost_per_reasoning_token"),
    ):
        spots = [spot for keys in (entry.params, entry.info) if (spot := keys.take(name))]
        stated = spots[0].number if spots else listing.get(name)
        if spots and (stated is None or stated < 0):
            report.left(spots[0], "it is not a number of dollars", _PRICE)
        elif stated is not None:
            said = said or bool(spots)
            price[key] = float(Decimal(str(stated)) * 1_000_000)
    if not said and not needed:
        return {}
    if price and not {"input", "output"} <= set(price):
        why = "a price names both what input and what output costs"
        report.left(entry.spot, why, _PRICE)
        return {}
    return price


def _limits(entry: Entry, report: Report) -> dict[str, int]:
    """How much may be asked of it, as far as the configuration says so."""
    limits: dict[str, int] = {}
    for key, name in _LIMITS.items():
        for spot in [spot for keys in (entry.params, entry.info) if (spot := keys.take(name))]:
            stated = _whole(spot.number)
            if stated is None:
                report.left(spot, "it is not a number above 0", "state limits: in fleet.yaml")
            else:
                limits.setdefault(key, stated)
    return limits


def _abilities(entry: Entry, listing: Listed) -> tuple[str, ...]:
    """What the model can. Of a model that is not listed only what every server does."""
    can = []
    for ability, names in _ABILITIES.items():
        spots = [spot for name in names if (spot := entry.info.take(name))]
        listed_so = any(listing.get(name) for name in names)
        if bool(spots[0].value) if spots else listed_so or (ability == "json" and not listing):
            can.append(ability)
    return (*can, "stream", "cite")


def _context(entry: Entry, known: Listing | None, listing: Listed, report: Report) -> int | None:
    """Tokens of input; `None` where the price file says it under the deployment's own name."""
    stated = _tokens(entry.info.take("max_input_tokens"), report)
    if stated or (known and known.context):
        return stated
    found = _whole(listing.get("max_input_tokens"))
    if found is None:
        why = f"how much text {entry.group} takes is not known; {_CONTEXT} tokens were assumed"
        report.changed(entry.spot, why, "set context: in fleet.yaml")
    return found or _CONTEXT


def _tokens(spot: Spot | None, report: Report) -> int | None:
    found = _whole(spot.number) if spot else None
    if spot and found is None:
        report.left(spot, "it is not a number of tokens", "set it in fleet.yaml")
    return found


def _whole(value: Any) -> int | None:
    whole = isinstance(value, int | float) and value > 0
    return int(value) if whole else None

"""Where providers list their models, and what such a list says."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlsplit

from orchestrator.types import Deployment

ASK_S = 10.0
"""How long one provider may take."""
_MOST_BYTES = 20_000_000
_LISTS: Mapping[str, str] = {
    "anthropic": "https://api.anthropic.com/v1",
    "deepseek": "https://api.deepseek.com",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "together_ai": "https://api.together.xyz/v1",
    "xai": "https://api.x.ai/v1",
}
"""By litellm's name for the provider: the base URL whose `/models` lists what it serves."""
_USD_A_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One model of a list. What the provider does not say is `None`."""

    context: int | None = None
    input_usd: float | None = None
    """US dollars a million tokens, as the next one."""
    output_usd: float | None = None


Offers = Mapping[str, Offer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One place to ask."""

    name: str
    """The provider, or the address of a server: `openai`, `127.0.0.1:11434`."""
    url: str
    """The base URL; empty: it has no list that can be asked for."""
    key: str | None
    """The *name* of the variable that holds the key."""


def source_of(deployment: Deployment) -> Source | None:
    """Whom to ask about a deployment; `None` where nobody: it runs in the process."""
    if deployment.via not in ("openai", "litellm"):
        return None
    provider = deployment.provider if deployment.via == "litellm" else "openai"
    url = (deployment.endpoint or _LISTS.get(provider, "")).rstrip("/")
    host = urlsplit(url).netloc
    known = next((name for name, at in _LISTS.items() if urlsplit(at).netloc == host), "")
    name = known or (host if deployment.endpoint else provider)
    return Source(name=name, url=url, key=deployment.key)


class NotAskedError(Exception):
    """Why there is no list, in words."""


Ask = Callable[[Source, Mapping[str, str]], Offers]


def ask(source: Source, env: Mapping[str, str]) -> Offers:
    """What it lists, by the provider's names. Blocks.

    Raises:
        NotAskedError: it has no list, wants a key that is not set, or did not answer with one.
    """
    if not source.url:
        raise NotAskedError("it has no list of models that could be asked for")
    if "${" in source.url:
        raise NotAskedError(f"its address needs a variable that is not set: {source.url}")
    key = env.get(source.key or "", "")
    if source.key and not key:
        raise NotAskedError(f"{source.key} is not set")
    # Anthropic's list comes in pages; nobody else minds.
    more = "?limit=1000" if source.name == "anthropic" else ""
    request = urllib.request.Request(f"{source.url}/models{more}", headers=_headers(source, key))
    try:
        with _OPENER.open(request, timeout=ASK_S) as response:
            found = offers_in(response.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            raise NotAskedError(f"it answered with HTTP {error.code}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NotAskedError(f"it cannot be reached: {getattr(error, 'reason', error)}") from None
    if not found:
        raise NotAskedError("it answered, and not with a list of models")
    return found


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A key is sent to nobody else."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _headers(source: Source, key: str) -> dict[str, str]:
    headers = {"User-Agent": "model-mesh-orchestrator"}
    if source.name == "anthropic":
        headers["anthropic-version"] = "2023-06-01"
        headers["x-api-key"] = key
    elif key:
        headers["Authorization"] = f"Bearer {key}"
    return headers


def offers_in(body: bytes) -> dict[str, Offer]:
    """The models of a list, as OpenAI, Anthropic, vLLM and OpenRouter write it; else none."""
    try:
        listed = json.loads(body)
        rows = listed["data"] if isinstance(listed, dict) else listed
        return {str(row["id"]).removeprefix("models/"): _offer(row) for row in rows}
    except (ValueError, KeyError, TypeError):
        return {}


def _offer(row: Mapping[str, Any]) -> Offer:
    stated = (row.get(name) for name in ("context_length", "max_model_len", "context_window"))
    context = next((n for n in stated if isinstance(n, int) and n > 0), None)
    pricing = row.get("pricing")
    prices = pricing if isinstance(pricing, Mapping) else {}
    return Offer(
        context=context,
        input_usd=_a_million(prices.get("prompt")),
        output_usd=_a_million(prices.get("completion")),
    )


def _a_million(usd_a_token: Any) -> float | None:
    """OpenRouter writes `"0.00000125"`; a negative number stands for one that varies."""
    try:
        price = Decimal(str(usd_a_token)) * _USD_A_MILLION
    except InvalidOperation:
        return None
    return float(price) if price.is_finite() and price >= 0 else None

"""Parameters of a request that the mesh does not read itself: passed on, or refused."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.gateway.errors import ApiError, bad_request

if TYPE_CHECKING:
    from orchestrator.gateway.chat.openai.completions import Completions

PASSED = (
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "service_tier",
    "verbosity",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "web_search_options",
)
"""Parameters of the API that only a provider can do something with."""
_passed = operator.attrgetter(*PASSED)
_NOTHING = (None,) * len(PASSED)
_REACHING = frozenset(
    {"url", "uri", "host", "hostname", "endpoint", "endpoints", "proxy", "proxies", "address"}
    | {"base", "header", "headers", "apikey", "key", "keys", "secret", "credential"}
    | {"credentials", "password", "auth", "authorization", "bearer", "cookie", "callback"}
    | {"callbacks", "webhook", "webhooks", "provider", "providers", "organization", "project"}
    | {"region", "deployment", "account", "client", "baseurl", "apibase", "hostport", "socket"}
)
"""Words in the name of a parameter that could lead a call elsewhere, or bring a key along."""
_ELSEWHERE = frozenset({"models", "fallbacks", "route", "extra_body", "extra_query", "plugins"})
"""Names of parameters by which gateways behind us would choose another model or provider."""
_ELSEWHERE |= {"lora", "adapter_id"}
_MORE = frozenset({"n_predict", "num_predict", "max_new_tokens", "max_output_tokens", "best_of"})
"""Names by which some servers know `max_tokens` and `n`: nothing would be reserved for these."""
_SCHEMAS = frozenset({"guided_json", "structured_outputs"})
"""Parameters that hold a form for the answer; the names in it are the caller's own."""
_MOST_NAMES = 10_000
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")


def refuse_reaching(others: Mapping[str, Any]) -> None:
    """Refuse what could name an upstream address, a key, a header or another provider.

    Raises:
        ApiError: 400.
    """
    for number, name in enumerate(_names(others)):
        if number >= _MOST_NAMES:
            raise bad_request(f"more than {_MOST_NAMES} names in parameters; send fewer")
        words = {word.lower() for word in _WORDS.findall(name)}
        secret = "token" in words and not words & {"id", "ids"}  # `stop_token_ids` is none
        if name.lower() in _MORE:
            raise bad_request(
                f"the parameter '{name}' is never passed on; say it with 'max_tokens' and 'n'",
                name,
                code="forbidden_parameter",
            )
        if secret or words & _REACHING or name.lower() in _ELSEWHERE:
            raise bad_request(
                f"the parameter '{name:.80}' is never passed on: where a request goes, and with "
                "which key, is for the gateway's fleet to say; leave it out",
                name[:80],
                code="forbidden_parameter",
            )


def _names(value: Any) -> Iterator[str]:
    """All names in it, at every depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            if name not in _SCHEMAS:
                yield from _names(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _names(inner)


def sorted_out(said: Completions, others: dict[str, Any]) -> Mapping[str, Any]:
    """What is passed on: `others`, and what the API names for providers alone.

    Raises:
        ApiError: 400: a parameter that cannot be honoured.
    """
    if said.logprobs or said.top_logprobs:
        raise _cannot(
            "logprobs",
            "log-probabilities are not handed on, since an answer may come from several models; "
            "leave it out",
        )
    if said.store:
        raise _cannot(
            "store", "what is kept, and where, is for the policy to say; leave it out or send false"
        )
    if said.audio is not None or (said.modalities and said.modalities != ["text"]):
        raise _cannot("modalities", "answers are texts; allowed: ['text']")
    if said.functions is not None or said.function_call is not None:
        raise _cannot("functions", "this is the old form; send 'tools' and 'tool_choice'")
    values = _passed(said)
    if values != _NOTHING:
        others |= {n: v for n, v in zip(PASSED, values, strict=True) if v is not None}
    return others


def _cannot(name: str, why: str) -> ApiError:
    return bad_request(f"{name}: {why}", name, code="unsupported_parameter")

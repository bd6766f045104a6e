"""What providers say they used, in the shapes that they say it in, as our `Usage`.

Ours has one meaning: `input` includes what was read from and written to a cache and audio;
`output` includes reasoning and audio. Providers differ in what their totals include:

- OpenAI and most others: as ours, the parts in `prompt_tokens_details` and
  `completion_tokens_details`;
- DeepSeek: as ours, the cached part in `prompt_cache_hit_tokens`;
- Anthropic: `input_tokens` are only those that the cache had no part in; litellm and gateways
  name the parts alike and add them up;
- xAI and Google: reasoning comes on top of `completion_tokens`, as `total_tokens` shows;
- llama.cpp: the `timings` of a chunk that carries no usage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.money import Usage

_MOST = 1_000_000_000
"""Tokens of one answer; a thousand times the longest context."""
_NONE: Mapping[str, Any] = {}
_PARTS = (
    "prompt_tokens_details",
    "input_tokens_details",
    "completion_tokens_details",
    "output_tokens_details",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "prompt_cache_hit_tokens",
)
"""Where a report may name parts of its totals."""


def usage_of(reported: Any) -> Usage | None:
    """The tokens of one report; `None` where it says nothing, or only zeros.

    Some providers send zeros with every chunk before the last; no answer uses nothing.
    """
    if not isinstance(reported, Mapping):
        return None
    plain = _plain(reported)
    if plain is not None:
        return plain
    prompt = _details(reported, "prompt_tokens_details", "input_tokens_details")
    completion = _details(reported, "completion_tokens_details", "output_tokens_details")
    read = _first(
        prompt.get("cached_tokens"),
        reported.get("cache_read_input_tokens"),
        reported.get("prompt_cache_hit_tokens"),
    )
    written = _first(
        reported.get("cache_creation_input_tokens"),
        prompt.get("cache_creation_tokens"),
        prompt.get("cache_write_tokens"),
    )
    reasoning = _count(completion.get("reasoning_tokens"))
    total_in = _first(reported.get("prompt_tokens"), reported.get("input_tokens"))
    total_out = _first(reported.get("completion_tokens"), reported.get("output_tokens"))
    if not total_in and not total_out:
        return None
    more = _count(reported.get("total_tokens")) - total_in - total_out
    if _beside(reported) or read + written > total_in or 0 < more == read + written:
        total_in += read + written
    elif reasoning > total_out or 0 < more == reasoning:
        total_out += reasoning
    return Usage(
        input=total_in,
        output=total_out,
        cached_input=read,
        cache_write=min(written, total_in - read),
        audio_input=min(_count(prompt.get("audio_tokens")), total_in),
        reasoning=reasoning,
        audio_output=min(_count(completion.get("audio_tokens")), total_out),
    )


def _plain(reported: Mapping[str, Any]) -> Usage | None:
    """Of a report that names nothing but totals which add up, the quick way; else `None`."""
    get = reported.get
    read, written = get("prompt_tokens"), get("completion_tokens")
    if type(read) is not int or type(written) is not int or get("total_tokens") != read + written:
        return None
    if not 0 < read <= _MOST or not 0 < written <= _MOST:
        return None
    if len(reported) > 3 and any(map(get, _PARTS)):
        return None
    return Usage(input=read, output=written)


def usage_of_timings(timings: Any) -> Usage | None:
    """The tokens that llama.cpp counted; its `prompt_n` are those that were not in its cache."""
    if not isinstance(timings, Mapping):
        return None
    cached, written = _count(timings.get("cache_n")), _count(timings.get("predicted_n"))
    read = _count(timings.get("prompt_n")) + cached
    return Usage(input=read, output=written, cached_input=cached) if read or written else None


def _beside(reported: Mapping[str, Any]) -> bool:
    """Whether the parts stand beside the input: Anthropic's own shape."""
    own = "input_tokens" in reported and "prompt_tokens" not in reported
    return own and "cache_read_input_tokens" in reported


def _details(reported: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        details = reported.get(name)
        if details and isinstance(details, Mapping):
            return details
    return _NONE


def _first(*values: Any) -> int:
    """The first that counts something; the same number often stands in two places."""
    for value in values:
        if value and (count := _count(value)):
            return count
    return 0


def _count(value: Any) -> int:
    """Zero where it is no number, or one that nobody could have used."""
    return int(value) if isinstance(value, (int, float)) and 0 < value <= _MOST else 0

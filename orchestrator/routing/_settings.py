"""How to call: each setting with the place that set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil

from orchestrator.routing._policy import CompiledRoute
from orchestrator.types import Context, Deployment, Setting, TaskProfile

_EXACT_TASKS = frozenset(
    {"aggregate", "check", "cite", "classify", "extract", "math", "plan", "route", "sql"}
)
_FREE_TEMPERATURE = 0.2
# Lengths are guesses: half as much again keeps a good answer from being cut.
_LENGTH_MARGIN = 1.5


def settings(
    profile: TaskProfile,
    chosen: Deployment,
    routes: Sequence[CompiledRoute],
    context: Context,
) -> Mapping[str, Setting]:
    """`temperature`, `max_tokens`, `reasoning_effort` and `guardrails`; all four, always.

    The agent's own word counts first, then that of the first route that says something, then a
    default by task. `max_tokens` is a limit: the smallest that anybody states, and never more
    than the model can write. Guardrails add up. A `reasoning_effort` of `None` leaves it to
    the provider.
    """
    exact = profile.task in _EXACT_TASKS
    return {
        "temperature": _first("temperature", routes, context)
        or Setting(
            value=0.0 if exact else _FREE_TEMPERATURE, origin=f"default:task {profile.task}"
        ),
        "max_tokens": _max_tokens(profile, chosen, routes, context),
        "reasoning_effort": _first("reasoning_effort", routes, context)
        or Setting(value=None, origin="default"),
        "guardrails": _guardrails(routes, context),
    }


def _stated(name: str, routes: Sequence[CompiledRoute], context: Context) -> Iterator[Setting]:
    agent = context.settings.get(name)
    if agent is not None and agent.value is not None:
        yield agent
    for compiled in routes:
        value = getattr(compiled.route.call, name)
        if value is not None:
            yield Setting(value=value, origin=f"route:{compiled.route.name}")


def _first(name: str, routes: Sequence[CompiledRoute], context: Context) -> Setting | None:
    return next(_stated(name, routes, context), None)


def _max_tokens(
    profile: TaskProfile,
    chosen: Deployment,
    routes: Sequence[CompiledRoute],
    context: Context,
) -> Setting:
    guess = Setting(value=ceil(profile.output_tokens * _LENGTH_MARGIN), origin="default:length")
    limits = list(_stated("max_tokens", routes, context)) or [guess]
    if not chosen.deterministic:
        name = f"fleet:{chosen.model}"
        if chosen.max_output is not None:
            limits.append(Setting(value=chosen.max_output, origin=f"{name}.max_output"))
        if chosen.context is not None:
            room = chosen.context - profile.input_tokens
            limits.append(Setting(value=room, origin=f"{name}.context"))
    return min(limits, key=lambda s: int(s.value))


def _guardrails(routes: Sequence[CompiledRoute], context: Context) -> Setting:
    stated = list(_stated("guardrails", routes, context))
    names = list(dict.fromkeys(name for setting in stated for name in setting.value))
    origin = ", ".join(s.origin for s in stated) or "default"
    return Setting(value=names, origin=origin)

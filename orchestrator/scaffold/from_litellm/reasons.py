"""Why a key of LiteLLM's has no counterpart, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.scaffold.from_litellm.reading import Spot
from orchestrator.scaffold.from_litellm.report import Kind

_Reason = tuple[Kind, str, str]

_ALWAYS = "it is always so here"
_RETRIES: _Reason = (
    "needless",
    "whether and where to try again follows from how a call failed; pauses come from the breaker",
    "",
)
_LIMIT: _Reason = (
    "left",
    "a deployment's limits count requests, tokens of both kinds together, and calls at once",
    "state limits: of each deployment in fleet.yaml, or of callers in policy.yaml",
)
_TIME: _Reason = (
    "left",
    "time belongs to a request and not to a model",
    "set deadline_ms in mesh.yaml, or latency_ms in a route",
)
_CALL: _Reason = (
    "left",
    "how to call is said by the agent or the route, not by the model",
    "write it under call: in a route of policy.yaml or in an agent, if it has that key",
)
_SERVICE: _Reason = ("left", "it belongs to LiteLLM's own service", "keep it there if you run it")
_WATCHING: _Reason = (
    "left",
    "every call is recorded in the trace; there are no callbacks",
    "see mesh trace show, or read the traces from your own Python",
)
_CACHE: _Reason = ("left", "answers are not cached", "nothing")
_SECRET: _Reason = (
    "left",
    "credentials other than a key are read from the environment by the provider's own library",
    "set the variable that it reads; the value does not belong in a file",
)
_SHARE: _Reason = (
    "left",
    "there are no shares of traffic; the policy's objective chooses among what is allowed",
    "set objective in policy.yaml, or primary in a route",
)
_HEADERS: _Reason = ("left", "headers of one's own are not sent", "put a proxy before the model")
_MONEY: _Reason = (
    "left",
    "a budget is for a run, the project, a workspace, user, key, feature or model",
    "add it to budgets in policy.yaml",
)
_GUARD: _Reason = (
    "left",
    "guardrails are not read from LiteLLM's configuration",
    "use data classes and routes in policy.yaml",
)
_PRICE: _Reason = (
    "left",
    "a price is for tokens: of input, output, cache, audio and reasoning",
    "state price: in fleet.yaml",
)
_FALLBACK: _Reason = (
    "needless",
    "a model whose context is too small for a request is never asked",
    "",
)
_ACCESS: _Reason = ("left", "there are no users, teams or access groups here", "keep it there")
_TAGS: _Reason = (
    "left",
    "tags choose routes, not deployments",
    "write a route with match: {tags: …} and require: {models: […]}",
)
_INFO: _Reason = ("needless", "it only describes the model", "")

_ALIKE: tuple[tuple[_Reason, str], ...] = (
    (_LIMIT, "itpm otpm"),
    (_LIMIT, "default_max_parallel_requests global_max_parallel_requests"),
    (_TIME, "timeout stream_timeout request_timeout"),
    (_RETRIES, "num_retries max_retries retry_after retry_policy model_group_retry_policy"),
    (_RETRIES, "allowed_fails allowed_fails_policy cooldown_time disable_cooldowns max_fallbacks"),
    (_CALL, "temperature top_p max_tokens max_completion_tokens stop seed n"),
    (_CALL, "presence_penalty frequency_penalty reasoning_effort thinking response_format"),
    (_CALL, "extra_body tools tool_choice default_litellm_params"),
    (_SHARE, "weight weights order routing_strategy_args routing_groups"),
    (_HEADERS, "extra_headers headers default_headers"),
    (_MONEY, "max_budget budget_duration provider_budget_config"),
    (_WATCHING, "callbacks success_callback failure_callback service_callback"),
    (_WATCHING, "callback_settings audit_log_callbacks turn_off_message_logging"),
    (_CACHE, "cache cache_params cache_responses cache_kwargs caching_groups"),
    (_GUARD, "guardrails guardrail_list prompts policies"),
    (_PRICE, "input_cost_per_second output_cost_per_second"),
    (_ACCESS, "team_id team_public_model_name access_groups blocked"),
    (_INFO, "created_at created_by updated_at updated_by db_model description"),
    (_INFO, "supports_system_messages hidden credential_info"),
    (_FALLBACK, "context_window_fallbacks enable_pre_call_checks"),
    (_TAGS, "tags enable_tag_filtering"),
)
_KNOWN: Mapping[str, _Reason] = {
    **{name: said for said, names in _ALIKE for name in names.split()},
    "api_version": ("needless", "this endpoint takes no version", ""),
    "content_policy_fallbacks": (
        "left",
        "a refusal of the provider's content filter is not routed around",
        "nothing",
    ),
    "drop_params": (
        "needless",
        f"parameters that a provider does not take are left out; {_ALWAYS}",
        "",
    ),
    "modify_params": ("needless", _ALWAYS, ""),
    "set_verbose": ("needless", "MESH_DEBUG=1 in the environment shows more", ""),
    "json_logs": ("needless", "every command has --json", ""),
    "vertex_credentials": (
        "left",
        "Google's own library finds its credentials in the environment",
        "set GOOGLE_APPLICATION_CREDENTIALS to the path of the file",
    ),
}

_SECTIONS: Mapping[str, _Reason] = {
    "general_settings": _SERVICE,
    "environment_variables": (
        "left",
        "a project's files set no variables of the environment",
        "set it in the environment",
    ),
}

_BEGINNINGS: tuple[tuple[str, _Reason], ...] = (
    ("aws_", _SECRET),
    ("azure_", _SECRET),
    ("s3_", _SECRET),
    ("gcs_", _SECRET),
    ("client_", _SECRET),
    ("tenant_", _SECRET),
    ("redis_", _SERVICE),
    ("langfuse", _WATCHING),
    ("input_cost_", _PRICE),
    ("output_cost_", _PRICE),
    ("cache_", _PRICE),
    ("supports_", _INFO),
    ("max_", _LIMIT),
)


def reason(spot: Spot) -> _Reason:
    """What to say of a value that nothing took: its kind, why, and what to do."""
    top = str(spot.path[0]) if spot.path else ""
    name = spot.name
    if top in _SECTIONS:
        return _SECTIONS[top]
    if top == "model_list" and spot.variable == name.upper():
        return ("needless", "the provider's own library reads that variable", "")
    if name in _KNOWN:
        return _KNOWN[name]
    for beginning, said in _BEGINNINGS:
        if name.startswith(beginning):
            return said
    return ("left", "nothing here corresponds to it", "see mesh schema for what a file may say")

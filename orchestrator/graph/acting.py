"""A tool that the graph itself names: the policy's rules hold for it, and a person agrees to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.call_types import CallRequest, Message
from orchestrator.errors import RunError
from orchestrator.graph.ahead import Turn
from orchestrator.graph.pack import pack
from orchestrator.graph.state import Run
from orchestrator.roles.boundary import bounded
from orchestrator.roles.hop import HopWork
from orchestrator.roles.looping.acting import Acting, Denied
from orchestrator.roles.looping.acts import DoubleCheck, Wanted
from orchestrator.roles.looping.second import double_check
from orchestrator.types import as_json


async def may_act(
    run: Run, name: str, turn: Turn, parameters: Mapping[str, Any], looking: HopWork
) -> Mapping[str, Any]:
    """The parameters that the tool of node `name` may be called with.

    Args:
        looking: for a second model, where a rule asks for one.

    Raises:
        WaitingError: a person has to agree first.
        RunError: it may not be called.
    """
    tools, repeats = run.services.tools, run.request.repeats
    if tools is None or (repeats is not None and not repeats.is_live(name, turn.round)):
        return parameters  # what the record says it has brought is taken from there

    async def second(wanted: Wanted) -> DoubleCheck:
        return await double_check(looking, wanted, ())

    acting = Acting(
        services=run.services,
        request=run.request,
        node=name,
        round=turn.round,
        box=lambda: None,
        record=run.record,
        second=second,
        task=run.request.question,
    )
    tool = await tools().get(run.graph.nodes[name].tool or "", f"node '{name}'")
    packed = {key: pack(value) for key, value in parameters.items()}
    request = run.request
    profile = looking.profile(request.question, task=None)
    given_to = Message(role="user", content=json.dumps(as_json(packed), default=str))
    sent = CallRequest(messages=(given_to,))
    profile = bounded(profile, sent, run.services, request.met)
    given = tools().circumstances(profile, declared=True)
    found = await acting.agreed(tool, packed, step="", given=given)
    if isinstance(found, Denied):
        raise RunError(f"node '{name}': the tool '{tool.spec.name}' was not called: {found.why}")
    # What a person has left as it was stays a value; what he has changed is JSON.
    agreed = found.arguments
    kept = {k: parameters[k] if k in packed and packed[k] == v else v for k, v in agreed.items()}
    if tool.spec.level != "read":
        acting.event(tool, "is called", agreed, found.rule, found.ruling)
    return kept

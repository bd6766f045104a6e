"""What the caller of a run may see of its answer.

The steps of a run see every value, since quotes are compared letter by letter with their sources.
So what the policy does not give back is hidden once, in what leaves the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from orchestrator.guard.redacting.redaction import claim, hidden_of
from orchestrator.guard.redacting.redactor import Redactor
from orchestrator.guard.redacting.requests import restored_in
from orchestrator.guard.redacting.restoring import Hiding, whole
from orchestrator.guard.redacting.vault import Vault
from orchestrator.records import AuditEvent, Hop
from orchestrator.roles.services import Services
from orchestrator.types import GiveBack, GuardRule, as_json, from_json

if TYPE_CHECKING:
    from orchestrator.graph.state import Run


def shown(run: Run, value: Any) -> Any:
    """The output of a run as its caller may see it."""
    vault = run.request.vault
    if vault is None or vault.give_back == "all":
        return value
    claim(vault, Redactor(run.services.detectors.find), _texts(as_json(run.inputs)))
    hidden = hidden_of(vault, vault.give_back)
    if not hidden:
        return value
    count = 0

    def hide(text: str) -> str:
        nonlocal count
        hiding = Hiding(hidden)
        made = whole(hiding, text)
        count += hiding.count
        return made

    made = _changed(value, hide)
    if count:
        _tell(run, count, vault.give_back)
    return made


def _tell(run: Run, count: int, give_back: GiveBack) -> None:
    """Say on the trace and to the audit log why placeholders stand in the answer."""
    trace, now = run.request.trace_id, run.services.clock.now()
    places = "1 place of the answer" if count == 1 else f"{count} places of the answer"
    said = f"{places} hidden from the caller: give_back is {give_back}"
    run.record(
        Hop(
            id=f"{trace}.hidden",
            trace_id=trace,
            node=f"{run.graph.output}/hidden",
            role="redaction",
            notes=(said,),
            started_at=now,
        )
    )
    facts = {"hidden": count, "give_back": give_back}
    event = AuditEvent(
        kind="restoration", what=said, at=now, trace_id=trace, by="redaction", facts=facts
    )
    run.services.audit.record(event)


def refilled(services: Services, entries: Iterable[Mapping[str, Any]]) -> Vault:
    """The placeholders of a run that is taken up again, from what its steps were asked.

    Args:
        entries: what is recorded of the run, in order.
    """
    vault = Vault(within=True)
    for entry in entries:
        hop = entry.get("hop") or {}
        stated = (hop.get("decision") or {}).get("guard")  # earlier versions knew of none
        if not stated or not hop.get("prompt"):
            continue
        rule = from_json(GuardRule, stated)
        if rule.redact != "none":
            vault.follow(rule.give_back)
            Redactor(services.detectors.find, rule.kinds).redact(hop["prompt"], vault)
    return vault


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _changed(value: Any, change: Any) -> Any:
    if isinstance(value, BaseModel):
        kind = type(value)
        return kind.model_validate(restored_in(value.model_dump(mode="json"), change))
    if isinstance(value, tuple):
        return tuple(_changed(item, change) for item in value)
    if isinstance(value, list):
        return [_changed(item, change) for item in value]
    return restored_in(value, change)

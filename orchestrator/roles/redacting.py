"""What a hop does about values that some models must not see, and what is put on record of it."""

from __future__ import annotations

from orchestrator.call_types import CallRequest
from orchestrator.guard.redacting.redaction import Redaction
from orchestrator.guard.redacting.redactor import Redactor
from orchestrator.guard.redacting.vault import Vault
from orchestrator.records import AuditEvent, Hop
from orchestrator.roles.services import Request, Services
from orchestrator.types import GuardRule


def redaction_of(
    services: Services, run: Request, request: CallRequest, rule: GuardRule
) -> Redaction | None:
    """The request with placeholders; `None` where the policy asks for none, or nothing is found."""
    if rule.redact == "none":
        return None
    vault = Vault() if run.vault is None else run.vault
    found = Redaction(request, rule, Redactor(services.detectors.find, rule.kinds), vault)
    return found if found.table else None


def audit(services: Services, redaction: Redaction, hop: Hop) -> None:
    """Tell the audit log what was taken out before whom, and what was put back."""
    done, rule = redaction.tally, redaction.rule
    facts = {"node": hop.node, "rules": list(rule.origin)}

    def record(kind: str, what: str, **more: object) -> None:
        services.audit.record(
            AuditEvent(
                kind="redaction" if kind == "redaction" else "restoration",
                what=what,
                at=services.clock.now(),
                trace_id=hop.trace_id,
                by="redaction",
                facts={**facts, **more},
            )
        )

    if done.asked and redaction.found:
        record(
            "redaction",
            redaction.words,
            kinds=dict(redaction.found),
            deployments=list(done.asked),
            data_class=hop.profile.data_class if hop.profile else "",
        )
    if done.restored or done.hidden:
        back = done.restored.total()
        record(
            "restoration",
            f"{back} put back into the answer, {done.hidden} hidden from the caller",
            kinds=dict(done.restored),
            hidden=done.hidden,
            give_back=rule.give_back,
        )

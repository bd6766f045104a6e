"""What the suite in `evals/` holds every answer to."""

from __future__ import annotations

import re

from orchestrator import check
from orchestrator.graph.answer import Answer
from orchestrator.project.suite_schema import Case

from .handbook import banned
from .holding import Resolution

_AMOUNT = re.compile(r"(\d+(?:\.\d\d)?) EUR")


@check("outcome_is_its_tag")
def outcome_is_its_tag(answer: Answer, case: Case) -> str | None:
    """A case says by its first tag what must come of it."""
    found = answer.value
    assert isinstance(found, Resolution)
    wanted = case.tags[0]
    return None if found.outcome == wanted else f"{found.outcome} instead of {wanted}"


@check("promises_what_was_decided")
def promises_what_was_decided(answer: Answer, _case: Case) -> str | None:
    """The letter names the refund and the voucher that were decided, and no other amount."""
    found = answer.value
    assert isinstance(found, Resolution)
    decided = {found.refund_eur, str(found.voucher_eur)} - {"0"}
    promised = {*_AMOUNT.findall(answer.text)}
    return None if promised == decided else f"promised {promised}, decided {decided}"


@check("keeps_the_tone")
def keeps_the_tone(answer: Answer, _case: Case) -> str | None:
    """No word that the handbook bans."""
    said = [word for word in banned() if word in answer.text.lower()]
    return f"it says {', '.join(said)}" if said else None

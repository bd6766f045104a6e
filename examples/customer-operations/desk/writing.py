"""The draft: why the shop does what it does, in sentences that cite the handbook."""

from __future__ import annotations

import json

from orchestrator import builtin, role
from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Citation, Draft, Passage, Sentence
from orchestrator.roles.cited import draft_schema, read_draft
from orchestrator.roles.prompt import fence, fenced_passages
from orchestrator.roles.work import Work
from orchestrator.types import as_json

from .deciding import Decision
from .handbook import banned
from .holding import Held


@role("resolver", variables=("decision", "clauses", "avoid", "faults"))
async def resolve(work: Work) -> Draft:
    """Cited sentences; each quote was found in its clause before anybody sees the draft."""
    decision, clauses = work.one(Decision), work.all(Passage)
    if not clauses:
        return Draft(abstain="there is no clause that the customer may read")
    before = work.maybe(Held)
    faults = before.faults if before else ()
    reply = await work.call(
        variables={
            "decision": fence("decision", decision.says),
            "clauses": fenced_passages(clauses),
            "avoid": ", ".join(banned()),
            "faults": "; ".join(faults) or "nothing",
        },
        inputs={"clauses": as_json(clauses)},
        check=lambda text: read_draft(text, clauses),
        schema=draft_schema(clauses),
    )
    draft: Draft = reply.value
    return draft


@builtin("clause-writer")
def clause_writer(request: CallRequest) -> str:
    """The clauses themselves, word for word: what is said where no model can say it better."""
    sentences = [
        Sentence(
            id=f"s{n}",
            text=clause["text"],
            citations=(
                Citation(
                    file=clause["file"],
                    start=clause["start"],
                    end=clause["end"],
                    quote=clause["text"],
                ),
            ),
        )
        for n, clause in enumerate(request.inputs["clauses"], start=1)
    ]
    return json.dumps({"sentences": as_json(sentences), "abstain": ""}, ensure_ascii=False)

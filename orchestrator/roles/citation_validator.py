"""The citation validator: each quote letter by letter, then whether it carries its sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from orchestrator.errors import CallError, NoCandidateError, OverBudgetError
from orchestrator.evidence.carrying import carried
from orchestrator.evidence.quotes import span_passage, verify_quote
from orchestrator.evidence.support import check_claim
from orchestrator.evidence.values import STANDING, Claim, Draft, Passage, Sentence
from orchestrator.money import total_cost
from orchestrator.project.registry import role
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence
from orchestrator.roles.values import CitationReport
from orchestrator.roles.work import InvalidOutputError, Work
from orchestrator.types import EFFORTS, as_json

GATES = "gates"
Verdicts = dict[str, tuple[bool, float | None, str]]
"""`sentence.number` of a citation → supported, how well in 0..1, and why."""


@role("citation-validator", reads=(Draft, Passage | None), variables=("citations",))
async def validate(work: Work) -> CitationReport:
    """Every citation of the draft with its status and, from effort `scorer` on, its support.

    A model is asked from effort `model` on, only about quotes that stand in their file, and cannot
    say that a quote supports a sentence which it contradicts. Where none can be asked, the gates
    decide alone, and a note says so.
    """
    draft, passages = work.one(Draft), work.all(Passage)
    if work.effort == "none":
        return CitationReport(sentences=draft.sentences, by="nobody")
    begun = perf_counter()
    texts = file_texts(passages)
    found = tuple(_verified(s, texts) for s in draft.sentences)
    ids = [name(s, n) for s in found for n, c in enumerate(s.citations) if c.status in STANDING]
    if not ids or EFFORTS.index(work.effort) < EFFORTS.index("model"):
        return _by_gates(work, found, passages, begun)
    try:
        reply = await work.call(
            variables={"citations": _listed(found)},
            inputs={"sentences": as_json(found), "passages": as_json(passages)},
            check=lambda text: read_support(text, found),
            schema=support_schema(ids),
        )
    except (CallError, NoCandidateError, OverBudgetError) as error:
        work.note(f"checked by gates alone: {error}")
        return _by_gates(work, found, passages, begun)
    judged = tuple(_judged(s, reply.value, passages, work) for s in found)
    cost = total_cost([a.cost_micro_usd for a in reply.attempts])
    return CitationReport(
        sentences=judged, by=reply.deployment, cost_micro_usd=cost, ms=_since(begun)
    )


def _by_gates(
    work: Work, found: Sequence[Sentence], passages: Sequence[Passage], begun: float
) -> CitationReport:
    if work.effort == "quotes":
        return CitationReport(sentences=tuple(found), by=GATES, ms=_since(begun))
    judged = tuple(
        s.model_copy(update={"citations": carried(s, passages, work.embedder)}) for s in found
    )
    return CitationReport(sentences=judged, by=GATES, ms=_since(begun))


def _since(begun: float) -> float:
    return (perf_counter() - begun) * 1000


def name(sentence: Sentence, number: int) -> str:
    """What a citation is called in the exchange with a model."""
    return f"{sentence.id}.{number}"


def file_texts(passages: Sequence[Passage]) -> dict[str, str]:
    """File → its text as far as the passages know it, every character at its own offset."""
    texts: dict[str, list[str]] = {}
    for passage in passages:
        held = texts.setdefault(passage.file, [])
        held.extend("\n" * (passage.end - len(held)))
        held[passage.start : passage.end] = passage.text
    return {file: "".join(held) for file, held in texts.items()}


def _verified(sentence: Sentence, texts: Mapping[str, str]) -> Sentence:
    checked = tuple(
        verify_quote(c, texts.get(c.file, ""), {f: t for f, t in texts.items() if f != c.file})
        for c in sentence.citations
    )
    return sentence.model_copy(update={"citations": checked})


def _listed(sentences: Sequence[Sentence]) -> str:
    blocks = [
        fence("citation", f"Sentence: {s.text}\nQuote: {c.quote}", id=name(s, n))
        for s in sentences
        for n, c in enumerate(s.citations)
        if c.status in STANDING
    ]
    return "\n".join(blocks)


def support_schema(ids: Sequence[str]) -> dict[str, Any]:
    """The JSON Schema of one verdict a citation."""
    item = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "enum": list(ids)},
            "supported": {"type": "boolean"},
            "reason": {"type": "string"},
        },
        "required": ["id", "supported", "reason"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"citations": {"type": "array", "items": item}},
        "required": ["citations"],
        "additionalProperties": False,
    }


def read_support(text: str, sentences: Sequence[Sentence]) -> Verdicts:
    """The verdicts of an output: a list by id, or whole sentences with their citations.

    Raises:
        InvalidOutputError: neither, or no usable verdict.
    """
    value = json_object(text)
    known = {name(s, n) for s in sentences for n in range(len(s.citations))}
    items = [*_entries(value.get("citations")), *_from_sentences(value.get("sentences"))]
    found: Verdicts = {}
    for item in items:
        supported, key = item.get("supported"), str(item.get("id"))
        if key in known and isinstance(supported, bool):
            support = item.get("support")
            score = float(support) if isinstance(support, (int, float)) else None
            before = found.get(key)
            if before is None or before[0]:
                found[key] = (supported, score, str(item.get("reason") or ""))
    if not found:
        raise InvalidOutputError("no verdict on any of the citations")
    return found


def _entries(listed: Any) -> list[dict[str, Any]]:
    return [i for i in listed if isinstance(i, dict)] if isinstance(listed, list) else []


def _from_sentences(listed: Any) -> list[dict[str, Any]]:
    return [
        {**citation, "id": f"{sentence.get('id')}.{number}"}
        for sentence in _entries(listed)
        for number, citation in enumerate(_entries(sentence.get("citations")))
    ]


def _judged(
    sentence: Sentence, verdicts: Verdicts, passages: Sequence[Passage], work: Work
) -> Sentence:
    denied = _denied(sentence, passages, work)
    citations = []
    for number, citation in enumerate(sentence.citations):
        if citation.status not in STANDING:
            citations.append(citation)
            continue
        supported, score, reason = verdicts.get(name(sentence, number), (False, None, "no verdict"))
        if supported and denied:
            supported, reason = False, denied
        citations.append(
            citation.model_copy(
                update={
                    "supported": supported,
                    "support": score,
                    "reason": reason or citation.reason,
                }
            )
        )
    return sentence.model_copy(update={"citations": tuple(citations)})


def _denied(sentence: Sentence, passages: Sequence[Passage], work: Work) -> str:
    """What the quoted spans themselves say against the sentence; empty where nothing."""
    spans = [span_passage(c, passages) for c in sentence.citations]
    if not spans:
        return ""
    claim = Claim(id=sentence.id, sentence=sentence.id, text=sentence.text)
    found = check_claim(claim, spans, work.embedder)
    return found.reason if found.status == "contradicted" else ""

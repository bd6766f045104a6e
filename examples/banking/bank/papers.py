"""The documentation checklist: what Schedule 1 asks for, what was received, what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal

from orchestrator import UserError, builtin, role
from orchestrator.call_types import CallRequest
from orchestrator.evidence.language.words import content_words
from orchestrator.evidence.values import Value
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence
from orchestrator.roles.work import InvalidOutputError, Work

from .casefile import CaseFile, Piece

_PART = "Schedule 1, "
_OLDEST = re.compile(r"not older than (\d+) months?")
_LEAST = 0.35
"""How much of the weight of the shorter text's words must stand in the other."""

State = Literal["there", "missing", "expired", "too old", "not signed"]


class Item(Value):
    """One line of the checklist."""

    required: Piece
    received: Piece | None
    state: State
    reason: str
    by: str
    """Who found the paper that answers the requirement; the dates are compared by code."""


class Checklist(Value):
    """What must be there before money is lent."""

    items: tuple[Item, ...]


@builtin("register-matcher")
def register_matcher(request: CallRequest) -> str:
    """`{"matches": [{"required", "received"}]}`: the paper that shares most words with each.

    Rare words weigh more; a paper answers one requirement, and one with few words in common none.
    """
    required, received = request.inputs["required"], request.inputs["received"]
    words = {r["id"]: _words(r["text"]) for r in [*required, *received]}
    held = list(words.values())
    weight = {w: 1 / sum(w in other for other in held) for found in held for w in found}
    pairs = sorted(
        (
            (-_share(words[a["id"]], words[b["id"]], weight), a["id"], b["id"])
            for a in required
            for b in received
        ),
    )
    matched: dict[str, str] = {}
    for negative, one, paper in pairs:
        if -negative >= _LEAST and one not in matched and paper not in matched.values():
            matched[one] = paper
    return json.dumps({"matches": [{"required": a, "received": b} for a, b in matched.items()]})


def _words(text: str) -> frozenset[str]:
    return frozenset(word.stem for word in content_words(text))


def _share(one: frozenset[str], other: frozenset[str], weight: Mapping[str, float]) -> float:
    common = sum(weight[word] for word in one & other)
    return common / max(1e-9, min(sum(weight[w] for w in one), sum(weight[w] for w in other)))


@role("paper-matcher", reads=(CaseFile,), variables=("required", "received"))
async def match_papers(work: Work) -> Checklist:
    """Each requirement with the paper that answers it, and whether that paper will do."""
    case = work.one(CaseFile)
    required = [c for c in case.evidence if c.id.startswith(_PART)]
    reply = await work.call(
        variables={
            "required": "\n".join(fence("required", p.text, id=p.id) for p in required),
            "received": "\n".join(fence("received", p.text, id=p.id) for p in case.received),
        },
        inputs={
            "required": [{"id": p.id, "text": p.text} for p in required],
            "received": [{"id": p.id, "text": p.cells[1]} for p in case.received],
        },
        check=lambda text: read_matches(text, required, case.received),
    )
    papers = {paper.id: paper for paper in case.received}
    items = []
    for piece in required:
        paper = papers.get(reply.value.get(piece.id, ""))
        state, reason = judge(piece, paper, case.signed)
        items.append(
            Item(required=piece, received=paper, state=state, reason=reason, by=reply.deployment)
        )
    return Checklist(items=tuple(items))


def read_matches(text: str, required: Sequence[Piece], received: Sequence[Piece]) -> dict[str, str]:
    """Requirement → paper, both by id.

    Raises:
        InvalidOutputError: not such a list, an unknown id, or a paper that answers two.
    """
    listed = json_object(text).get("matches")
    if not isinstance(listed, list):
        raise InvalidOutputError("no list of matches")
    found: dict[str, str] = {}
    for item in listed:
        one = str(item.get("required")) if isinstance(item, dict) else ""
        paper = str(item.get("received")) if isinstance(item, dict) else ""
        if one not in {p.id for p in required} or paper not in {p.id for p in received}:
            raise InvalidOutputError(f"{item!r:.90} names what is not there")
        if paper in found.values():
            raise InvalidOutputError(f"{paper} answers two requirements")
        found[one] = paper
    return found


def judge(required: Piece, paper: Piece | None, signed: date) -> tuple[State, str]:
    """Whether a paper will do on the day of signing, and why not. Rules, no judgement.

    Raises:
        UserError: a row of the register that is none.
    """
    if paper is None:
        return "missing", "not received"
    dated, until, by_hand = _read(paper)
    if not by_hand:
        return "not signed", f"{paper.id} is not signed"
    if until and until < signed:
        return "expired", f"valid until {until}, signing is on {signed}"
    oldest = _OLDEST.search(required.text)
    if oldest and dated < _months_before(signed, int(oldest[1])):
        return "too old", f"dated {dated}, more than {oldest[1]} months before {signed}"
    return "there", f"dated {dated}"


def _read(paper: Piece) -> tuple[date, date | None, bool]:
    """When it was made, until when it is valid, whether it is signed."""
    try:
        _, _, dated, until, by_hand = paper.cells
        return (
            date.fromisoformat(dated),
            date.fromisoformat(until) if until else None,
            by_hand == "yes",
        )
    except ValueError as error:
        raise UserError(
            f"{paper.file}: row {paper.id}: {error}; needed: number, document, date, date or "
            "nothing, yes or no"
        ) from error


def _months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or the last one of a month that has no such day."""
    from calendar import monthrange

    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))

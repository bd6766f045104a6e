"""What kind of clause is it? Each gets a class, how sure that is, and the words that decided."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from orchestrator import builtin, role
from orchestrator.call_types import CallRequest
from orchestrator.evidence.values import Value
from orchestrator.roles.output import json_object
from orchestrator.roles.prompt import fence
from orchestrator.roles.work import InvalidOutputError, Work

from .casefile import CaseFile, Piece

CLASSES: Mapping[str, str] = {
    "definition": "says what a word means, or how the text is to be read",
    "facility": "how much is lent, for what, and how it is drawn",
    "condition precedent": "what must be there before money is lent",
    "payment": "interest, repayment, prepayment, taxes and increased costs",
    "fees": "fees, commissions, costs and expenses",
    "representation": "states facts on which the lender relies",
    "covenant": "what must be done, must not be done, or must be kept to",
    "event of default": "what counts as default, and what follows from it",
    "security": "mortgage, pledge, charge, assignment as security, guarantee",
    "transfer": "who may pass on rights and obligations",
    "governing law": "which law and which courts",
    "general": "notices, amendments, counterparts, confidentiality, severability",
}
UNCLEAR = "unclear"
READ_BY_A_PERSON = 0.6
"""Below that much confidence a person looks at the class."""
_BATCH = 40

_CUES: Mapping[str, Sequence[tuple[float, str]]] = {
    "definition": [
        (3, r"^[\W_]*[A-Z][\w ]+[\W_]* (?:means|has the meaning)\b|\bhas the meaning given\b"),
        (2, r"\breferences? to\b|\bsingular\b|\bheadings?\b.* (?:reading|convenience|reference)"),
        (2, r"\bSchedules?\b.* (?:part of|same force)"),
        (1.5, r"#\b(?:definitions?|interpretation|construction)\b"),
    ],
    "facility": [
        (3, r"\bmakes? available\b|\b(?:advance|lend) to\b.* (?:sum|amount|not exceeding)"),
        (2.5, r"\b(?:lent for|towards|applied|used for|use the \w+ (?:solely|only))\b"),
        (2.5, r"\bwatch what\b|\bmonitor\b|\bcommitment period\b|\bavailability period\b"),
        (2.5, r"\butilis|\bdrawdown|\bdraw an?\b|\bdrawn\b|\bborrowing notice\b|\brequest states"),
        (1, r"\beach loan under\b"),
        (1.5, r"#\b(?:facilit|the loan|purpose|utilisation|drawdown|commitment|borrowing|use of)"),
    ],
    "condition precedent": [
        (3, r"\bonly (?:lend|after)\b|\b(?:unless|until|before)\b.* (?:received|holds|obtained)\b"),
        (3, r"\bobligation\b.* lend.* (?:subject to|conditional)\b|\bnot (?:bound|obliged) to\b"),
        (2, r"\bdocuments?\b.* listed\b|\bgreatest age\b|\bsatisfactory to\b|\bconditional on\b"),
        (2.5, r"#\b(?:conditions|first advance)\b"),
    ],
    "payment": [
        (2.5, r"\binterest (?:on|is|accrues|periods?)\b|\bbears? interest\b|\brate of interest\b"),
        (2.5, r"\bmargin is\b|\bE?URIBOR\b|\bSO(?:NIA|FR)\b|\bfixed rate\b|\boverdue\b"),
        (2.5, r"\brepa(?:ys?|id)\b|\bprepa(?:ys?|id)\b|\binstalments?\b|\bpaid back\b|\bset-off\b"),
        (2.5, r"\bdeduction\b|\bgrossed up\b|\bchange of law\b|\b(?:unlawful|illegal) for\b"),
        (2, r"\bcancel\b|\bproceeds\b|\bunlawful\b"),
        (2, r"\bchange of control\b"),
        (1.5, r"#\b(?:interest|(?:re|pre)?payment|tax|illegality|increased costs)"),
    ],
    "fees": [
        (4, r"\b\w+ fee\b|\bfee of\b|\bcommission\b|\b\w+ charge of\b"),
        (3, r"\b(?:pays?|reimburses?|bears?|for the account of)\b.*\b(?:costs|expenses)\b"),
        (3, r"\b(?:costs|expenses|fees)\b.* (?:for the account of|borne by|payable by)\b"),
        (1.5, r"#\b(?:fees?|costs|expenses|commissions?|charges)\b"),
    ],
    "representation": [
        (4, r"\b(?:represents|warrants|confirms)(?: and \w+)? that\b|\brepresentations in\b"),
        (2.5, r"\btrue and (?:fair|accurate|correct)\b|\bduly incorporated\b|\bsole legal owner\b"),
        (2, r"\bbest of its knowledge\b|\bno litigation\b|\bnot necessary that\b|\bis correct\b"),
        (2, r"#\b(?:representations?|warrant|statements)"),
    ],
    "covenant": [
        (2.5, r"\b(?:shall|must) not\b|\bno (?:member|obligor)\b|\bundertakes\b"),
        (2.5, r"\b(?:borrower|company|customer|obligor) (?:shall|must|will)\b"),
        (2, r"\bshall (?:at no time|keep|deliver|ensure|procure|maintain)\b|\bmay not\b"),
        (2, r"\bratio\b|\bshall not (?:exceed|be less)\b|\b(?:be at|no|not) less(?:er)? than\b"),
        (2, r"\bmust (?:be at least|not at any time)\b|\bfinancial covenants\b|\bcured\b"),
        (2, r"\bcertificate\b|\bconsent\b.* will\b"),
        (2, r"#\b(?:undertakings?|covenants?|compliance|duties|key figures)\b"),
    ],
    "event of default": [
        (4, r"\bit is an event of default\b|\bfollowing\b.* is an? (?:event of )?default\b"),
        (
            4,
            r"\bdeclare\b.*\b(?:due|repayable|payable)\b|\bmoratorium\b|\bwinding-up\b|\bcall in\b",
        ),
        (2.5, r"\bsuspends payment\b|\bstated maturity\b|\b(?:insolven|bankrupt)\w* proceed"),
        (2.5, r"\bin arrears\b|\bunable to pay its debts\b"),
        (
            2.5,
            r"#\b(?:events? of default|default$|acceleration|cross.default|termination for cause)",
        ),
    ],
    "security": [
        (4, r"\bguarantees\b|\bguarantee is\b|\bmortgage over\b|\b(?:fixed|floating) charge\b"),
        (4, r"\bpledges\b.* to\b|\bassigns\b.* to\b|\bgrants the (?:lender|bank)\b|\brecourse\b"),
        (2.5, r"\bindulgence\b|\bdischarged\b|\bsurety\b|\bas (?:collateral|security)\b"),
        (2.5, r"#\b(?:guarantee$|mortgages?|charge$|security|pledge|collateral|surety)"),
    ],
    "transfer": [
        (
            4,
            r"\b(?:assign or transfer|novate|transfer (?:its|any of its) rights|sell its claims)\b",
        ),
        (3, r"\bpledge its claims\b|\bsub-participat|\bnew lender\b"),
        (2.5, r"#\b(?:changes? (?:of|to) (?:the )?part|assignments?$|transfers?|succession)"),
    ],
    "governing law": [
        (
            4,
            r"\bgoverned by\b|\bjurisdiction\b|\blaws? of\b|\bservice of process\b|\blaw applies\b",
        ),
        (2, r"#\b(?:law|jurisdiction|courts)\b"),
    ],
    "general": [
        (3, r"\bcounterparts?\b|\boriginals\b|\bin writing\b|\bsigned copy\b"),
        (3, r"\bnotice by e-mail\b|\bwaiver of it\b|\bas a waiver\b|\bamended or waived\b"),
        (
            3,
            r"\bconfidential\b|\bsecret\b|\binvalid\b|\bvalidity of the\b|\bentire agreement\b",
        ),
        (2, r"#\b(?:notices?|communications?|waivers?|amendments?|counterparts|severab|confiden)"),
        (1, r"#\bfinal provisions\b"),
    ],
}
"""Class → weight and words that mark it; what begins with `#` is looked for in the heading."""
_COMPILED = {
    name: [
        (weight, cue.startswith("#"), re.compile(cue.removeprefix("#"), re.I | re.S))
        for weight, cue in cues
    ]
    for name, cues in _CUES.items()
}


class Classified(Value):
    """One clause with its class."""

    clause: Piece
    label: str
    confidence: float = Field(ge=0, le=1)
    words: str
    """The words of the clause or of its heading that decided; empty where nothing did."""
    by: str

    @property
    def unsure(self) -> bool:
        return self.confidence < READ_BY_A_PERSON


class Classes(Value):
    """All clauses with their classes, in their order."""

    clauses: tuple[Classified, ...]


@builtin("clause-reader")
def clause_reader(request: CallRequest) -> str:
    """`{"clauses": [{"id", "class", "confidence", "words"}]}` by words that mark a class."""
    found = [
        {"id": clause["id"], **classify(clause["text"], clause["heading"])}
        for clause in request.inputs["clauses"]
    ]
    return json.dumps({"clauses": found}, ensure_ascii=False)


def classify(text: str, heading: str = "") -> dict[str, Any]:
    """The class whose cues weigh most.

    `confidence` is its share of the weight of all cues that were found, with half a cue for what
    no cue knows: a share, and not a measured probability.
    """
    weights: dict[str, float] = {}
    words: dict[str, str] = {}
    for name, cues in _COMPILED.items():
        found = sorted(_found(cues, text, heading), key=lambda cue: -cue[0])
        if found:
            weights[name] = sum(weight for weight, _ in found)
            words[name] = found[0][1]
    if not weights:
        return {"class": UNCLEAR, "confidence": 0.0, "words": ""}
    best = max(weights, key=lambda name: weights[name])
    share = weights[best] / (sum(weights.values()) + 0.5)
    return {"class": best, "confidence": round(share, 2), "words": words[best]}


def _found(
    cues: Sequence[tuple[float, bool, re.Pattern[str]]], text: str, heading: str
) -> Iterator[tuple[float, str]]:
    for weight, of_heading, pattern in cues:
        if found := pattern.search(heading if of_heading else text):
            yield weight, found[0]


@role("clause-classifier", reads=(CaseFile,), variables=("classes", "clauses"))
async def classify_clauses(work: Work) -> Classes:
    """The class of every clause, forty at a time and all batches at once."""
    pieces = work.one(CaseFile).clauses
    batches = [pieces[at : at + _BATCH] for at in range(0, len(pieces), _BATCH)]
    found = await asyncio.gather(*(_batch(work, batch) for batch in batches))
    return Classes(clauses=tuple(one for batch in found for one in batch))


async def _batch(work: Work, pieces: tuple[Piece, ...]) -> tuple[Classified, ...]:
    listed = [{"id": p.key, "text": p.text, "heading": p.heading} for p in pieces]
    reply = await work.call(
        variables={
            "classes": "\n".join(f"- {name}: {meaning}" for name, meaning in CLASSES.items()),
            "clauses": "\n".join(
                fence("clause", p.text, id=p.key, under=p.heading) for p in pieces
            ),
        },
        inputs={"clauses": listed},
        check=lambda text: read_classes(text, pieces),
    )
    return tuple(
        Classified(
            clause=piece,
            label=said["class"],
            confidence=said["confidence"],
            words=said["words"],
            by=reply.deployment,
        )
        for piece, said in zip(pieces, reply.value, strict=True)
    )


def read_classes(text: str, pieces: Sequence[Piece]) -> list[dict[str, Any]]:
    """One class a clause, in their order; the words that decided stand in the clause.

    Raises:
        InvalidOutputError: a clause is missing, the class is none, or its words are made up.
    """
    listed = json_object(text).get("clauses")
    said = {
        str(item.get("id")): item
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict)
    }
    found = []
    for piece in pieces:
        item = said.get(piece.key)
        if item is None:
            raise InvalidOutputError(f"no class for clause {piece.key}")
        label, words, sure = item.get("class"), item.get("words", ""), item.get("confidence")
        if label not in {*CLASSES, UNCLEAR}:
            raise InvalidOutputError(f"'{label}' is none of {', '.join(CLASSES)}, {UNCLEAR}")
        if not isinstance(words, str) or words not in f"{piece.heading}\n{piece.text}":
            raise InvalidOutputError(f"clause {piece.key} does not say {words!r}")
        if not isinstance(sure, (int, float)) or not 0 <= sure <= 1:
            raise InvalidOutputError(f"the confidence of clause {piece.key} is not in 0 to 1")
        found.append({"class": label, "confidence": float(sure), "words": words})
    return found

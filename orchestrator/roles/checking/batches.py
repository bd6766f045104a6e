"""What a checker is given: claims and the passages they stand or fall by, and nothing else.

Claims that are checked against the same passages go together, so that the passages are sent once
and stand first in the prompt, where providers keep what they have read. Ids are made anew and the
order is random: neither shows where in the draft a claim stood, nor which claim is the canary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from orchestrator.evidence.values import Claim, Passage
from orchestrator.roles.prompt import fence, fenced_passages
from orchestrator.types import as_json

MOST = 8
"""Claims of one call; an answer on many more is cut, or careless at its end."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Claims that are checked against the same passages."""

    claims: tuple[Claim, ...]
    passages: tuple[Passage, ...]
    """In the order of their files: what retrieval thought of them is no evidence."""


def batched(claims: Sequence[Claim], passages: Sequence[Passage]) -> list[Batch]:
    """The claims by the sources that they cite, in the order of the draft, at most `MOST` each.

    A claim is checked against all passages of the files that it cites; one that cites nothing, or
    a file without passages, against all passages.
    """
    ordered = tuple(sorted(passages, key=lambda p: (p.file, p.start)))
    known = {p.file for p in ordered}
    groups: dict[frozenset[str], list[Claim]] = {}
    for claim in claims:
        cited = frozenset(c.file for c in claim.citations) & known
        groups.setdefault(cited or frozenset(known), []).append(claim)
    return [
        Batch(tuple(own[n : n + MOST]), tuple(p for p in ordered if p.file in files))
        for files, own in groups.items()
        for n in range(0, len(own), MOST)
    ]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A batch as one checker sees it."""

    claims: tuple[Claim, ...]
    """In the order in which they are asked, with ids of their own: `c1`, `c2`, …"""
    passages: tuple[Passage, ...]
    asked: Mapping[str, str]
    """Id on the sheet → id of the claim; the canary has none."""
    canary: str = ""
    """The canary's id on the sheet; empty where there is none."""

    @property
    def variables(self) -> dict[str, str]:
        """What is filled into the agent's prompt."""
        listed = "\n".join(fence("claim", c.text, id=c.id) for c in self.claims)
        return {"passages": fenced_passages(self.passages), "claims": listed}

    @property
    def inputs(self) -> dict[str, Any]:
        """The same as values, for deterministic checkers and encoders."""
        claims = [{"id": c.id, "text": c.text, "sentence": c.sentence} for c in self.claims]
        return {"claims": claims, "passages": as_json(self.passages)}

    @property
    def canary_text(self) -> str:
        return next((c.text for c in self.claims if c.id == self.canary), "")


def sheet(batch: Batch, canary: str, chance: Random) -> Sheet:
    """The batch in random order, with the canary somewhere among its claims.

    Args:
        canary: a false claim; empty where there is none.
    """
    texts: list[tuple[str, str]] = [(claim.id, claim.text) for claim in batch.claims]
    texts += [("", canary)] if canary else []
    chance.shuffle(texts)
    numbered = [(f"c{n}", owner, text) for n, (owner, text) in enumerate(texts, start=1)]
    return Sheet(
        claims=tuple(Claim(id=id, sentence=id, text=text) for id, _, text in numbered),
        passages=batch.passages,
        asked={id: owner for id, owner, _ in numbered if owner},
        canary=next((id for id, owner, _ in numbered if not owner), ""),
    )

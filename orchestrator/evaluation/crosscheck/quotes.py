"""How well the quote gate tells spoilt quotes from those that are only written otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.evaluation.crosscheck.corruptions import BAD, GOOD, Corruption, corruptions
from orchestrator.evaluation.crosscheck.progress import OnProgress, silent
from orchestrator.evaluation.crosscheck.report import Figure, Report, rate
from orchestrator.evidence.quotes import verify_quote
from orchestrator.evidence.values import STANDING, Citation, QuoteStatus

_FILE, _OTHER = "the document", "another document"


@dataclass(frozen=True, slots=True)
class Checked:
    """A corruption and what the gate made of it."""

    corruption: Corruption
    citation: Citation

    @property
    def status(self) -> QuoteStatus:
        return self.citation.status or "absent"

    @property
    def right(self) -> bool:
        """A bad one is refused; a good one stands, and its place holds the words that are meant."""
        if not self.corruption.good:
            return self.status not in STANDING
        found = self.citation
        held = self.corruption.document[found.start : found.end] == found.quote
        return (
            self.status in STANDING
            and held
            and _letters(found.quote) == _letters(self.corruption.original)
        )

    @property
    def named(self) -> bool:
        """Whether the status says what was done."""
        return self.right and self.status in self.corruption.expected


def check(corruption: Corruption) -> Checked:
    """What the gate says of one."""
    claimed = Citation(
        file=_FILE, start=corruption.start, end=corruption.end, quote=corruption.quote
    )
    others = {_OTHER: corruption.other} if corruption.other else {}
    return Checked(corruption, verify_quote(claimed, corruption.document, others))


def measure(
    texts: Sequence[str], *, most: int, seed: int, on_progress: OnProgress = silent
) -> list[Checked]:
    """Every corruption of these texts, checked.

    Args:
        most: of each kind.
        on_progress: is told how many are done, of how many there can be.
    """
    found: list[Checked] = []
    for corruption in corruptions(texts, most=most, seed=seed):
        found.append(check(corruption))
        on_progress("quotes", len(found), most * len((*BAD, *GOOD)))
    return found


def quotes_report(checked: Sequence[Checked], *, at_least: float | None = None) -> Report:
    """For all bad and all good ones, and for each kind: the share that is judged rightly, with its
    interval, and the share whose status names what was done.

    Args:
        at_least: what share of the bad ones must be refused; then no good one may be.
    """
    figures: list[Figure] = []
    for good, bar, kinds in ((False, at_least, BAD), (True, 1.0 if at_least else None, GOOD)):
        whole = [c for c in checked if c.corruption.good is good]
        name = "stands" if good else "caught"
        figures.append(_figure("all good ones" if good else "all bad ones", name, whole, bar))
        for kind in kinds:
            own = [c for c in whole if c.corruption.kind == kind]
            if own:
                figures.append(_figure(kind, name, own, None))
                figures.append(rate("named rightly", sum(c.named for c in own), len(own), of=kind))
    return Report(title="Quotes", figures=tuple(figures), notes=tuple(_notes(checked)))


def _figure(kind: str, name: str, checked: Sequence[Checked], at_least: float | None) -> Figure:
    right = sum(c.right for c in checked)
    return rate(name, right, len(checked), of=kind, at_least=at_least)


def _notes(checked: Iterable[Checked]) -> Iterable[str]:
    """The statuses that each kind was given."""
    given: dict[str, Counter[str]] = {}
    for c in checked:
        given.setdefault(c.corruption.kind, Counter())[c.status] += 1
    for kind in (*BAD, *GOOD):
        if kind in given:
            told = ", ".join(f"{n} {status}" for status, n in given[kind].most_common())
            yield f"{kind}: {told}"


def _letters(text: str) -> str:
    """What no typography changes."""
    import unicodedata

    return "".join(c for c in unicodedata.normalize("NFKC", text) if c.isalnum())


def texts_of(files: Sequence[Path]) -> list[str]:
    """The texts in files of labelled claims (their passages), in sources, and in folders of them.

    Raises:
        UserError: one of them cannot be read.
    """
    from orchestrator.evaluation.crosscheck.files import read_claims
    from orchestrator.evidence.sources.documents import open_sources

    found: list[str] = []
    for file in files:
        if file.name.endswith((".jsonl", ".jsonl.gz")):
            found += [passage for row in read_claims(file) for passage in row.passages]
        else:
            found += [document.text for document in open_sources([file])[0]]
    return list(dict.fromkeys(found))

"""The case: clauses, accounts, papers and the bank's policy, each piece with its place."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from orchestrator import UserError, tool
from orchestrator.evidence.selecting.orders import is_order
from orchestrator.evidence.sources.documents import Document, open_sources
from orchestrator.evidence.tools import Toolbox
from orchestrator.evidence.values import Citation, Value

_HEADING = re.compile(r"^#{1,3} +(?P<text>.+)$", re.MULTILINE)
_CLAUSE = re.compile(
    r"^(?:(?P<clause>(?:\d+|[A-Z])\.\d+)|(?P<item>\d+)\.) +(?P<text>\S.*(?:\n(?!\n|#).+)*)$",
    re.MULTILINE,
)
_ROW = re.compile(r"^\| *(?P<first>[^|\n]+?) *\|(?P<rest>.*)\|$", re.MULTILINE)
_RULE = re.compile(r"^\*\*(?P<id>P\d+)\*\* (?P<text>.+)$", re.MULTILINE)
_AMOUNT = re.compile(r"-?\d{1,3}(?:,?\d{3})*(?:\.\d+)?")
_DATED = re.compile(r"^dated (\d{1,2} \w+ \d{4})$", re.MULTILINE)
_TO_REVIEWER = re.compile(
    r"\b(?:reviewer|reader|analyst|credit officer)s? (?:must|shall|should|is to|are to|has to)\b",
    re.IGNORECASE,
)


class Piece(Value):
    """A piece of a file, as it stands there."""

    id: str
    """`17.2`, `Schedule 4, 2`, `P3`, or the first cell of a row."""
    file: str
    start: int
    end: int
    text: str
    doc_hash: str
    heading: str = ""
    orders: bool = False
    """It speaks to who reads it instead of stating something; then it is no evidence."""

    @property
    def name(self) -> str:
        """`clause 17.2`; everything else is called by its id."""
        return f"clause {self.id}" if self.id[0].isdigit() else self.id

    @property
    def key(self) -> str:
        """Unique in the case: the same number may stand in several files."""
        return f"{self.file}:{self.start}"

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells of a row."""
        return tuple(cell.strip() for cell in self.text.strip("|").split("|"))

    def cite(self, quote: str = "") -> Citation:
        """The whole piece, or a part of it, as a citation. `ValueError`: it does not hold that."""
        quote = quote or self.text
        start = self.start + self.text.index(quote)
        return Citation(
            file=self.file,
            start=start,
            end=start + len(quote),
            quote=quote,
            doc_hash=self.doc_hash,
            passage=self.key,
        )


class CaseFile(Value):
    """All that a review reads."""

    agreement: str
    """The file that is signed; the others are its annexes."""
    signed: date
    clauses: tuple[Piece, ...]
    accounts: tuple[Piece, ...]
    received: tuple[Piece, ...]
    rules: tuple[Piece, ...]

    @property
    def evidence(self) -> tuple[Piece, ...]:
        """The clauses that state something: without those that give orders."""
        return tuple(clause for clause in self.clauses if not clause.orders)

    def amount(self, label: str) -> tuple[Decimal, Piece]:
        """What the accounts state under a label for the latest year, and where.

        Raises:
            UserError: there is no such row, or more than one.
        """
        rows = [row for row in self.accounts if row.id == label]
        if len(rows) != 1:
            raise UserError(f"the accounts hold {len(rows)} rows '{label}'; needed is one")
        said = rows[0].cells[1]
        if not _AMOUNT.fullmatch(said):
            raise UserError(f"{rows[0].file}: '{label}' is '{said}'; needed is one like 71,400,000")
        return Decimal(said.replace(",", "")), rows[0]


@tool("read_case")
async def read_case(
    toolbox: Toolbox,
    *,
    agreement: Sequence[str],
    accounts: Sequence[str],
    received: Sequence[str],
    policy: Sequence[str],
) -> CaseFile:
    """The files, cut into clauses, rows and rules.

    Raises:
        SourceError: a file cannot be read.
        UserError: the agreement has no clauses or no date, or one of the others is not what it
            should be.
    """
    read = await asyncio.to_thread(_open, agreement)
    main, signed = _signed(read)
    texts = sorted(read, key=lambda text: text is not main)
    case = CaseFile(
        agreement=main.file,
        signed=signed,
        clauses=tuple(piece for text in texts for piece in clauses_in(text)),
        accounts=tuple(p for d in await asyncio.to_thread(_open, accounts) for p in _rows(d)),
        received=tuple(p for d in await asyncio.to_thread(_open, received) for p in _rows(d)),
        rules=tuple(p for d in await asyncio.to_thread(_open, policy) for p in _rules(d)),
    )
    for name, pieces, form in (
        ("agreement", case.clauses, "'17.2 The ratio …'"),
        ("accounts", case.accounts, "'| Revenue | 71,400,000 |'"),
        ("policy", case.rules, "'**P1** The ratio …'"),
    ):
        if not pieces:
            raise UserError(f"{name}: nothing in it has the form {form}")
    for piece in case.clauses:
        if piece.orders:
            toolbox.note(f"{piece.file}, {piece.name}: gives orders to its reader; no evidence")
    return case


def clauses_in(document: Document) -> Iterator[Piece]:
    """The numbered paragraphs under their headings; those of a schedule are `Schedule 4, 2`."""
    headings = [(m.start(), m["text"].strip()) for m in _HEADING.finditer(document.text)]
    at = 0
    for found in _CLAUSE.finditer(document.text):
        while at + 1 < len(headings) and headings[at + 1][0] < found.start():
            at += 1
        heading = headings[at][1] if headings and headings[at][0] < found.start() else ""
        part = heading.partition(":")[0]
        number = found["clause"] or f"{part}, {found['item']}"
        yield _piece(document, number, found.span("text"), heading)


def _open(paths: Sequence[str]) -> tuple[Document, ...]:
    return open_sources(paths)[0]


def _signed(documents: Sequence[Document]) -> tuple[Document, date]:
    """The document that is signed, and when: the first that has a line with its date."""
    for document in documents:
        if found := _DATED.search(document.text):
            try:
                return document, datetime.strptime(found[1], "%d %B %Y").date()
            except ValueError:
                raise UserError(f"{document.file}: '{found[1]}' is no date") from None
    raise UserError("agreement: no line of it says its date, as 'dated 14 March 2025'")


def _rows(document: Document) -> Iterator[Piece]:
    """The rows of all tables but their heads."""
    for found in _ROW.finditer(document.text):
        after = document.text[found.end() : found.end() + 6]
        if not re.match(r"\n\| *:?-", after) and not set(found["first"]) <= set(":- "):
            yield _piece(document, found["first"], found.span(), "")


def _rules(document: Document) -> Iterator[Piece]:
    for found in _RULE.finditer(document.text):
        yield _piece(document, found["id"], found.span("text"), "")


def _piece(document: Document, id: str, span: tuple[int, int], heading: str) -> Piece:
    text = document.text[span[0] : span[1]]
    return Piece(
        id=id,
        file=document.file,
        start=span[0],
        end=span[1],
        text=text,
        doc_hash=document.hash,
        heading=heading,
        orders=is_order(text) or bool(_TO_REVIEWER.search(text)),
    )

"""Questions over documents of one's own, with what a right answer holds and where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestrator.errors import Problem, SourceError, UserError
from orchestrator.evidence.sources.documents import Document, open_sources
from orchestrator.types import AbstainCause

QUESTIONS = "questions.jsonl"
DOCUMENTS = "documents"
Kind = Literal["answerable", "unanswerable", "contradictory", "poisoned"]


class Span(BaseModel):
    """A piece of a document, found by its text; white space may differ."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str = Field(description="Below `documents/`.")
    quote: str = Field(min_length=3)


class Asked(BaseModel):
    """One question, as a line of `questions.jsonl` declares it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    kind: Kind
    question: str = Field(min_length=3)
    tags: tuple[str, ...] = ()
    sources: tuple[str, ...] = Field(default=(), description="Below `documents/`; all if empty.")
    outcome: Literal["answer", "abstain"]
    cause: AbstainCause | None = None
    facts: tuple[tuple[str, ...], ...] = Field(
        default=(), description="Each must be in the answer, in one of its forms."
    )
    forbidden: tuple[str, ...] = Field(default=(), description="None of them may be in it.")
    spans: tuple[Span, ...] = Field(default=(), description="Where the answer stands.")
    also: tuple[Span, ...] = Field(default=(), description="What may be cited besides.")
    most_sentences: int = Field(default=0, ge=0, description="0: one more than there are spans.")

    @property
    def longest(self) -> int:
        """The most sentences that an answer may have."""
        return self.most_sentences or len(self.spans) + 1

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.outcome == "answer" and (not self.facts or self.cause):
            raise ValueError("an answer has facts and no cause")
        if self.outcome == "abstain" and (self.facts or self.cause is None):
            raise ValueError("an abstention has a cause and no facts")
        if self.cause == "conflict" and len(self.spans) < 2:
            raise ValueError("a conflict has a span for each side")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a span stands: code points into the text of the file `path`."""

    path: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFolder:
    """The questions of a folder with their documents, every span found."""

    folder: Path
    questions: tuple[Asked, ...]
    documents: dict[str, Document]
    """By their path below `documents/`."""

    def sources(self, asked: Asked) -> list[str]:
        """The paths that a question is asked over."""
        if not asked.sources:
            return [(self.folder / DOCUMENTS).as_posix()]
        return [(self.folder / DOCUMENTS / name).as_posix() for name in asked.sources]

    def only(self, kind: Kind | None) -> AskedFolder:
        """Of its questions those of that kind; all where it is `None`.

        Raises:
            UserError: there is none.
        """
        kept = tuple(q for q in self.questions if kind in (None, q.kind))
        if not kept:
            raise UserError(f"{self.folder / QUESTIONS} has no {kind} question")
        return replace(self, questions=kept)

    def places(self, spans: Sequence[Span]) -> tuple[Place, ...]:
        """Where these spans stand. Raises `UserError` where one does not."""
        return tuple(place(self.documents, span) for span in spans)


def read_asked(folder: Path) -> AskedFolder:
    """The questions and documents of a folder.

    Raises:
        UserError: no such folder, no questions, or lines that are none; all of them at once, each
            with `file:line`, what was found and what is allowed. A document cannot be read.
    """
    file = folder / QUESTIONS
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"{file} cannot be read: {why}; a line of it is one question") from error
    try:
        documents = _documents(folder / DOCUMENTS)
    except SourceError as error:
        raise UserError(str(error)) from error
    questions: list[Asked] = []
    problems: list[Problem] = []
    lines_of: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            asked = Asked.model_validate_json(line)
        except ValidationError as error:
            problems += [_problem(file, number, error)]
            continue
        problems += _wrong(asked, file, number, documents)
        if (first := lines_of.setdefault(asked.id, number)) != number:
            said = f"the id is that of line {first}"
            problems.append(Problem(file=str(file), line=number, key="id", message=said))
        questions.append(asked)
    if problems:
        raise UserError("\n".join(map(str, problems)))
    if not questions:
        raise UserError(f"{file}:1: there is no question in this file")
    return AskedFolder(folder=folder, questions=tuple(questions), documents=documents)


def place(documents: dict[str, Document], span: Span) -> Place:
    """Where a span stands in its document; the first place if there are several.

    Raises:
        UserError: no such document, or it does not stand there.
    """
    document = documents.get(span.file)
    if document is None:
        raise UserError(f"there is no document '{span.file}'")
    pattern = r"\s+".join(map(re.escape, span.quote.split()))
    found = re.search(pattern, document.text)
    if found is None:
        raise UserError(f"{span.file} does not hold {span.quote!r}")
    return Place(path=document.file, start=found.start(), end=found.end(), text=found[0])


def _documents(folder: Path) -> dict[str, Document]:
    found, _ = open_sources([folder])
    return {Path(d.file).relative_to(folder).as_posix(): d for d in found}


def _wrong(
    asked: Asked, file: Path, number: int, documents: dict[str, Document]
) -> Iterator[Problem]:
    """What does not stand where the question says, and sources that are not there."""
    for span in (*asked.spans, *asked.also):
        try:
            place(documents, span)
        except UserError as error:
            yield Problem(file=str(file), line=number, key="spans", message=str(error))
    for name in asked.sources:
        if name not in documents:
            said = f"there is no document '{name}'"
            yield Problem(file=str(file), line=number, key="sources", message=said)


def _problem(file: Path, number: int, error: ValidationError) -> Problem:
    from orchestrator.project.names import nearest

    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    near = nearest(key, Asked.model_fields) if first["type"] == "extra_forbidden" else None
    return Problem(file=str(file), line=number, key=key, message=first["msg"], near=near or "")

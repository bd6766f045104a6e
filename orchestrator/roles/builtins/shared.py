"""What the built-in models share: their embedder, and reading typed values from the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from orchestrator.call_types import CallRequest, text_of
from orchestrator.evidence.sources.chunks import readable
from orchestrator.evidence.values import Citation, Draft, Passage, Sentence, Value
from orchestrator.project.protocols import Embedder

V = TypeVar("V", bound=Value)


@lru_cache(maxsize=1)
def embedder() -> Embedder:
    """The static embedder, loaded once and only when a built-in model needs it."""
    from orchestrator.embedding.load import load_embedder

    return load_embedder("static")


def listed(request: CallRequest, name: str, kind: type[V]) -> list[V]:
    """The input of that name as values; JSON-like content and values are both read.

    Raises:
        ValueError: the content is not of that kind (pydantic's error is one).
    """
    items: Any = request.inputs.get(name) or ()
    return [kind.model_validate(item) for item in items]


def question(request: CallRequest) -> str:
    """The input `question`, else the last message of the user."""
    said = str(request.inputs.get("question") or "")
    users = [text_of(m) for m in request.messages if m["role"] == "user"]
    return said or (users[-1] if users else "")


def quoted(spans: Sequence[Citation]) -> tuple[Sentence, ...]:
    """One sentence for each span: its text without markup, the span as its citation."""
    return tuple(
        Sentence(id=f"s{n}", text=shown(c), citations=(c,)) for n, c in enumerate(spans, start=1)
    )


def shown(span: Citation) -> str:
    """The span for a person: markup left out, white space collapsed."""
    return readable(span.quote, span.file).strip(" |") or " ".join(span.quote.split())


def as_draft(spans: Sequence[Citation], reason: str = "") -> Draft:
    """The spans as a draft in the sources' own words; without any, an abstention."""
    if not spans:
        return Draft(abstain=reason or "the sources say nothing about it", verbatim=True)
    return Draft(sentences=quoted(spans), verbatim=True)


def only_text(text: str) -> list[Passage]:
    """A text without a file as the one passage of itself."""
    return [Passage(id="p1", file="text", start=0, end=len(text), text=text, doc_hash="")]

"""Cited sentences: what a model must write, and how each quote is found in its passage."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.evidence.quotes import verify_quote
from orchestrator.evidence.sources.chunks import readable
from orchestrator.evidence.sources.chunks import sentences as sentences_of
from orchestrator.evidence.support import check_claim
from orchestrator.evidence.values import STANDING, Citation, Claim, Draft, Passage, Sentence
from orchestrator.project.protocols import Embedder
from orchestrator.roles.numbered import numbered, numbers_of, unmarked, without_marks
from orchestrator.roles.output import from_object, json_object
from orchestrator.roles.work import InvalidOutputError

MOST_SENTENCES = 60


def draft_schema(
    passages: Sequence[Passage], subtasks: Sequence[str] = (), numbers: Collection[str] = ()
) -> dict[str, Any]:
    """The JSON Schema of cited sentences over these passages.

    Args:
        numbers: of their sentences, where these are what is cited; else quotes are.
    """
    citation: dict[str, Any] = (
        {"type": "string", "enum": list(numbers)}
        if numbers
        else {
            "type": "object",
            "properties": {
                "passage": {"type": "string", "enum": [p.id for p in passages]},
                "quote": {"type": "string", "minLength": 1},
            },
            "required": ["passage", "quote"],
            "additionalProperties": False,
        }
    )
    properties: dict[str, Any] = {
        "text": {"type": "string", "minLength": 1},
        "citations": {"type": "array", "items": citation},
    }
    if subtasks:
        properties["subtask"] = {"type": "string", "enum": list(subtasks)}
    sentence = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {
            "sentences": {"type": "array", "items": sentence, "maxItems": MOST_SENTENCES},
            "abstain": {"type": "string"},
        },
        "required": ["sentences", "abstain"],
        "additionalProperties": False,
    }


def read_draft(
    text: str,
    passages: Sequence[Passage],
    subtasks: Collection[str] = (),
    prefix: str = "",
    embedder: Embedder | None = None,
) -> Draft:
    """`text` as cited sentences, every quote found in the passage that it is said to be from.

    A citation is the number of a sentence as `numbered` shows it (`p1.3`, also in brackets at the
    end of the text), `{passage, quote}`, a bare quote, or a whole citation with offsets, which code
    writes. A sentence is evidence whatever the output calls it, so that no output can keep a
    sentence from being checked.

    Args:
        subtasks: the ids that a sentence may be for.
        prefix: stands before the sentences' ids.
        embedder: where it is given, a sentence that cites nothing gets the span that carries it, if
            one does; see `cited_afterwards`.

    Raises:
        InvalidOutputError: of none of these shapes, or a quote that does not stand in its passage.
    """
    value = json_object(text)
    listed = value.get("sentences", [])
    abstain = value.get("abstain", "")
    if not isinstance(listed, list) or not isinstance(abstain, str):
        raise InvalidOutputError("'sentences' must be a list and 'abstain' a text")
    if len(listed) > MOST_SENTENCES:
        raise InvalidOutputError(f"{len(listed)} sentences are too many; at most {MOST_SENTENCES}")
    by_id = {p.id: p for p in passages}
    spans = numbered(passages).spans
    sentences = [
        _sentence(item, f"{prefix}s{number}", subtasks, _Reader(by_id, spans, number))
        for number, item in enumerate((i for i in listed if not _is_heading(i)), start=1)
    ]
    if not sentences and not abstain.strip():
        raise InvalidOutputError("neither sentences nor a reason to abstain")
    if embedder is not None:
        sentences = [cited_afterwards(s, passages, embedder) for s in sentences]
    if sentences and not any(s.citations for s in sentences):
        raise InvalidOutputError("no sentence cites anything")
    return Draft(
        sentences=tuple(sentences),
        abstain="" if sentences else abstain.strip(),
        verbatim=bool(sentences) and all(is_verbatim(s) for s in sentences),
    )


def _is_heading(item: Any) -> bool:
    return isinstance(item, dict) and item.get("kind") == "heading"


def is_verbatim(sentence: Sentence) -> bool:
    """Whether the sentence is one of its quotes, markup left out."""
    said = " ".join(sentence.text.split())
    return any(
        said in (" ".join(c.quote.split()), " ".join(readable(c.quote, c.file).strip(" |").split()))
        for c in sentence.citations
    )


def attributed(text: str, passages: Sequence[Passage], prefix: str = "") -> tuple[Sentence, ...]:
    """The sentences of a text; those that stand in a passage word for word cite it."""
    found = []
    for number, span in enumerate(sentences_of(text), start=1):
        said = text[span.start : span.end].strip()
        guess = Citation(file="", start=0, end=len(said), quote=said)
        held = [p for p in passages if verify_quote(guess, p.text).status in STANDING]
        citations = (locate(said, held[0], number),) if held else ()
        found.append(Sentence(id=f"{prefix}s{number}", text=said, citations=citations))
    return tuple(found)


def cited_afterwards(
    sentence: Sentence, passages: Sequence[Passage], embedder: Embedder
) -> Sentence:
    """The sentence with a citation, where it has none and a span of the passages carries it."""
    if sentence.citations:
        return sentence
    claim = Claim(id=sentence.id, sentence=sentence.id, text=sentence.text)
    found = check_claim(claim, passages, embedder)
    if found.status != "supported" or found.against is None:
        return sentence
    repaired = found.against.model_copy(update={"afterwards": True, "reason": "", "status": None})
    return sentence.model_copy(update={"citations": (repaired,)})


def _sentence(item: Any, id: str, subtasks: Collection[str], reader: _Reader) -> Sentence:
    number = reader.number
    if not isinstance(item, dict) or not isinstance(item.get("text"), str):
        raise InvalidOutputError(f"sentence {number} has no text")
    text, marks = without_marks(item["text"])
    said = " ".join(text.split())
    if not said:
        raise InvalidOutputError(f"sentence {number} is empty")
    cited = item.get("citations", [])
    if not isinstance(cited, list):
        raise InvalidOutputError(f"the citations of sentence {number} must be a list")
    subtask = item.get("subtask") or ""
    if subtasks and subtask not in subtasks:
        raise InvalidOutputError(f"sentence {number} is for the unknown subtask {subtask!r}")
    found = [c for each in (*cited, *marks) for c in reader.citations(each)]
    places = {(c.file, c.start, c.end): c for c in reversed(found)}
    return Sentence(
        id=id, text=said, citations=tuple(reversed(places.values())), subtask=str(subtask)
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the citations of one sentence."""

    passages: Mapping[str, Passage]
    spans: Mapping[str, Citation]
    number: int
    """Of the sentence, for messages."""

    def citations(self, item: Any) -> tuple[Citation, ...]:
        if isinstance(item, str):
            return self._numbers(item) or (self._anywhere(item),)
        if not isinstance(item, dict):
            raise InvalidOutputError(f"a citation of sentence {self.number} is not an object")
        if "file" in item:
            return (self._whole(item),)
        named, quote = str(item.get("passage")), item.get("quote")
        if not quote and (cited := self._numbers(named)):
            return cited
        passage = self.passages.get(named) or self.passages.get(named.partition(".")[0])
        if passage is None:
            raise InvalidOutputError(
                f"sentence {self.number} cites the unknown passage {item.get('passage')!r}"
            )
        if not isinstance(quote, str):
            raise InvalidOutputError(f"a citation of sentence {self.number} has no quote")
        return (locate(unmarked(quote), passage, self.number),)

    def _numbers(self, said: str) -> tuple[Citation, ...]:
        names = numbers_of(said)
        for name in names:
            if name not in self.spans:
                raise InvalidOutputError(
                    f"sentence {self.number} cites {name}, and there is no such sentence"
                )
        return tuple(self.spans[name] for name in names)

    def _anywhere(self, quote: str) -> Citation:
        """A quote without the passage that it is from: the first that it stands in."""
        refused: InvalidOutputError | None = None
        for passage in self.passages.values():
            try:
                return locate(unmarked(quote), passage, self.number)
            except InvalidOutputError as error:
                refused = refused or error
        raise refused or InvalidOutputError(f"sentence {self.number} cites what is not there")

    def _whole(self, item: dict[str, Any]) -> Citation:
        citation = from_object(Citation, item)
        held = [p for p in self.passages.values() if _holds(p, citation)]
        if not held:
            raise InvalidOutputError(f"sentence {self.number} cites what stands in no passage")
        return citation.model_copy(update={"passage": held[0].id, "doc_hash": held[0].doc_hash})


def locate(quote: str, passage: Passage, number: int = 1) -> Citation:
    """The quote as a span of the file: exactly, else after folding of spaces, dashes and quotes.

    Raises:
        InvalidOutputError: it does not stand in the passage, or is too short to prove anything.
    """
    guess = Citation(file=passage.file, start=0, end=len(quote), quote=quote)
    found = verify_quote(guess, passage.text)
    if found.status not in STANDING:
        raise InvalidOutputError(
            f"sentence {number}, passage {passage.id}: {found.reason}: {quote!r:.90}"
        )
    return Citation(
        file=passage.file,
        start=passage.start + found.start,
        end=passage.start + found.end,
        quote=found.quote,
        doc_hash=passage.doc_hash,
        passage=passage.id,
    )


def _holds(passage: Passage, citation: Citation) -> bool:
    start, end = citation.start - passage.start, citation.end - passage.start
    return (
        citation.file == passage.file
        and 0 <= start < end
        and passage.text[start:end] == citation.quote
    )

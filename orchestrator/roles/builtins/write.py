"""The built-in models that write: in the sources' own words, or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from orchestrator.call_types import CallRequest
from orchestrator.evidence.selecting.central import central
from orchestrator.evidence.selecting.extract import extract
from orchestrator.evidence.selecting.question import ask
from orchestrator.evidence.selecting.select import select
from orchestrator.evidence.values import Citation, Draft, Passage, Sentence
from orchestrator.project.registry import builtin
from orchestrator.roles.builtins.shared import (
    as_draft,
    embedder,
    listed,
    only_text,
    question,
    shown,
)
from orchestrator.roles.values import Result

_ANSWER = 3  # sentences of an answer
_TEXT = 12  # sentences of a text on a topic
_SUMMARY = 5
_ITEMS = 20
_ABILITIES = (
    "No language model is available here, so I can only work with what I am given: "
    "I quote sources, extract facts from them, summarise them and calculate. "
    "Name sources that speak of your question, or set up a model (see `mesh fleet`)."
)


@builtin("extractive-writer")
def extractive_writer(request: CallRequest) -> str:
    """A `Draft` as JSON: the sentences of `passages` that answer `question`, or an abstention.

    Inputs: `question`, `passages`; `exclude` or `rejected`, texts that must not come back;
    `results`, whose cited sentences serve where the passages answer nothing.
    """
    asked = question(request)
    passages = listed(request, "passages", Passage)
    selection = select(
        asked,
        passages,
        embedder(),
        limit=_TEXT if ask(asked).imperative else _ANSWER,
        exclude=_excluded(request),
    )
    if not selection.spans:
        held = [s for r in listed(request, "results", Result) for s in r.sentences if s.citations]
        kept = [s for s in held if s.text not in _excluded(request)]
        if kept:
            return Draft(sentences=tuple(_numbered(kept)), verbatim=True).model_dump_json()
    return as_draft(selection.spans, selection.reason).model_dump_json()


@builtin("extractive-summarizer")
def extractive_summarizer(request: CallRequest) -> str:
    """A `Draft` as JSON: the most central sentences of what is given.

    Inputs: what to summarise, the first of these that is there: `citations`, `sentences`,
    `results` (their citations), `passages`, `text`; `question` narrows passages to its topic;
    `limit` (5) is the most sentences.
    """
    limit = int(request.inputs.get("limit") or _SUMMARY)
    passages = listed(request, "passages", Passage) or only_text(
        str(request.inputs.get("text") or "")
    )
    among = _cited(request)
    asked = ask(question(request))
    if not among and asked.imperative and asked.subject:
        topical = select(asked.text, passages, embedder(), limit=3 * limit)
        if not topical.spans:
            return as_draft((), topical.reason).model_dump_json()
        among = list(topical.spans)
    spans = central(passages, embedder(), limit=limit, among=among or None)
    return as_draft(spans or among[:limit], "there is nothing to summarise").model_dump_json()


@builtin("extractive-extractor")
def extractive_extractor(request: CallRequest) -> str:
    """`{"items": [{value, quote, file, start, end}], "sentences": […], "abstain": ""}` as JSON.

    The items are the dates, amounts, durations, names or addresses that `question` asks for, in
    the order of the documents, else the sentences that answer it. `quote` is the sentence that
    holds the value, `start` and `end` its place. `sentences` says the same as a cited draft.
    """
    found = extract(
        question(request), listed(request, "passages", Passage), embedder(), limit=_ITEMS
    )
    spans = list(dict.fromkeys(item.at for item in found.items))
    items = [
        {
            "value": item.value or shown(item.at),
            "quote": item.at.quote,
            "file": item.at.file,
            "start": item.at.start,
            "end": item.at.end,
        }
        for item in found.items
    ]
    draft = as_draft(spans, found.reason)
    return json.dumps({"items": items, **draft.model_dump(mode="json")}, ensure_ascii=False)


@builtin("extractive-chat")
def extractive_chat(request: CallRequest) -> str:
    """Text: what `passages` say on the question, in their words; else what can be done here."""
    passages = listed(request, "passages", Passage)
    if not passages:
        return _ABILITIES
    asked = question(request)
    limit = _TEXT if ask(asked).imperative else _ANSWER
    selection = select(asked, passages, embedder(), limit=limit)
    if not selection.spans:
        return f"I cannot answer this from the sources: {selection.reason}."
    return " ".join(shown(span) for span in selection.spans)


@builtin("verbatim-phraser")
def verbatim_phraser(request: CallRequest) -> str:
    """The text of the input `draft`, word for word.

    Raises:
        ValueError: there is no draft.
    """
    given: Any = request.inputs.get("draft")
    if given is None:
        raise ValueError("there is no draft to phrase")
    return given if isinstance(given, str) else Draft.model_validate(given).text


def _excluded(request: CallRequest) -> frozenset[str]:
    names = ("exclude", "rejected")
    return frozenset(str(t) for name in names for t in request.inputs.get(name) or ())


def _cited(request: CallRequest) -> list[Citation]:
    """The spans that are to be summarised, where any are named."""
    own = listed(request, "citations", Citation)
    sentences = listed(request, "sentences", Sentence)
    results = listed(request, "results", Result)
    return (
        own
        or [c for s in sentences for c in s.citations]
        or [c for r in results for s in r.sentences for c in s.citations]
    )


def _numbered(sentences: Sequence[Sentence]) -> list[Sentence]:
    return [s.model_copy(update={"id": f"s{n}"}) for n, s in enumerate(sentences, start=1)]

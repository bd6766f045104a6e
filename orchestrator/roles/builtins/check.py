"""The built-in models that judge: claims by gates, quotes by letters, labels by likeness."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.call_types import CallRequest
from orchestrator.evidence.carrying import carried
from orchestrator.evidence.language.words import content_words
from orchestrator.evidence.quotes import verify_quote
from orchestrator.evidence.support import check_claim
from orchestrator.evidence.values import STANDING, Citation, Claim, Passage, Sentence
from orchestrator.project.registry import builtin
from orchestrator.roles.builtins.shared import embedder, listed, question
from orchestrator.roles.labels import labels_in, text_in
from orchestrator.roles.values import Checks, CitationReport

_SHARPNESS = 6.0  # of the softmax over likeness in 0..2


@builtin("claim-gates")
def claim_gates(request: CallRequest) -> str:
    """`Checks` as JSON: each of `claims` against `passages`."""
    passages = listed(request, "passages", Passage)
    checks = tuple(
        check_claim(claim, passages, embedder()) for claim in listed(request, "claims", Claim)
    )
    return Checks(checks=checks, independence="deterministic", by="claim-gates").model_dump_json()


@builtin("quote-verifier")
def quote_verifier(request: CallRequest) -> str:
    """A `CitationReport` as JSON: each citation found again, and whether it carries its sentence.

    Inputs: `sentences`; `texts`, file → its whole text; `passages`, which serve for files that
    have no text.
    """
    passages = listed(request, "passages", Passage)
    texts: Mapping[str, str] = request.inputs.get("texts") or {}
    sentences = tuple(
        s.model_copy(update={"citations": _verified(s, passages, texts)})
        for s in listed(request, "sentences", Sentence)
    )
    return CitationReport(sentences=sentences, by="quote-verifier").model_dump_json()


@builtin("keyword-classifier")
def keyword_classifier(request: CallRequest) -> str:
    """`{"label", "confidence"}` as JSON: the one of `labels` that `text` is most like.

    `labels` is a list of names, or a mapping of names to descriptions; without it they are read
    from the question ("Classify this as bug, question or praise: …").

    Raises:
        ValueError: there are no labels, or no text.
    """
    asked = question(request)
    labels = _labels(request.inputs.get("labels"), asked)
    passages = listed(request, "passages", Passage)
    text = str(request.inputs.get("text") or "") or text_in(asked, passages)
    if not labels:
        raise ValueError("there are no labels to choose from")
    if not text.strip():
        raise ValueError("there is no text to classify")
    scores = _likeness(text, labels)
    label = max(scores, key=lambda name: scores[name])
    return json.dumps({"label": label, "confidence": round(scores[label], 3)}, ensure_ascii=False)


def _verified(
    sentence: Sentence, passages: Sequence[Passage], texts: Mapping[str, str]
) -> tuple[Citation, ...]:
    found = tuple(_found(c, passages, texts) for c in sentence.citations)
    return carried(sentence.model_copy(update={"citations": found}), passages, embedder())


def _found(citation: Citation, passages: Sequence[Passage], texts: Mapping[str, str]) -> Citation:
    """The citation against the file's text, or against each passage of the file in turn."""
    if citation.file in texts:
        return verify_quote(citation, texts[citation.file])
    last = verify_quote(citation, "")
    for passage in passages:
        if passage.file != citation.file:
            continue
        moved = {"start": citation.start - passage.start, "end": citation.end - passage.start}
        last = verify_quote(citation.model_copy(update=moved), passage.text)
        back = {"start": last.start + passage.start, "end": last.end + passage.start}
        last = last.model_copy(update=back)
        if last.status in STANDING:
            return last
    return last


def _labels(given: Any, asked: str) -> dict[str, str]:
    """Name → text that describes the label."""
    if isinstance(given, Mapping):
        return {str(name): f"{name} {text}" for name, text in given.items()}
    return {str(name): str(name) for name in given or labels_in(asked)}


def _likeness(text: str, labels: Mapping[str, str]) -> dict[str, float]:
    """A softmax over cosine plus the share of a label's words that stand in the text."""
    import numpy as np

    held = {w.stem for w in content_words(text)}
    vectors = embedder().embed([text, *labels.values()])
    shares = [
        sum(w.stem in held for w in content_words(d)) / max(1, len(content_words(d)))
        for d in labels.values()
    ]
    scores = _SHARPNESS * (vectors[1:] @ vectors[0] + np.array(shares))
    odds = np.exp(scores - scores.max())
    return {name: float(o) for name, o in zip(labels, odds / odds.sum(), strict=True)}

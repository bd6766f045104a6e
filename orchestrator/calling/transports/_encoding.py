"""What encoders do with a request's inputs: name a class, check claims, put passages in order.

Which of them is asked for shows in the inputs: `claims` are checked against `passages`; with
`task: rerank` the `passages` are ordered by `question`; else a `text` is classified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from orchestrator.embedding.local_models import BiEncoder, Judge, LocalModel
from orchestrator.types import Encoder

if TYPE_CHECKING:
    import numpy as np

Rows = Sequence[tuple[str, ...]]
Scores = Callable[[Rows], "np.ndarray"]
"""Rows of texts or pairs → an array of shape `(rows, outputs)`, or of vectors."""
Inputs = Mapping[str, Any]

_SHARPNESS = 12.0  # of the softmax over cosines, which lie close together
_HYPOTHESIS = "This text is about {}."
_MEANINGS = {"entail": "supported", "contradict": "contradicted", "neutral": "unsupported"}
_CANNOT = {
    "similarity": "vectors tell what is alike, not what follows from what",
    "classifier": "a classifier knows its own classes and nothing else",
}


def answer(spec: Encoder, model: LocalModel, inputs: Inputs, scores: Scores) -> dict[str, Any]:
    """The JSON object that the inputs ask for.

    Classifying gives `{"label", "confidence"}`, checking `{"checks": [{"claim", "status",
    "reason"}]}`, reranking `{"order": [passage ids], "scores": {id: score}}`.

    Raises:
        ValueError: the inputs hold nothing that this kind of encoder can work on.
    """
    if inputs.get("claims"):
        if spec.kind != "pairs":
            raise ValueError(f"it cannot check claims: {_CANNOT[spec.kind]}")
        return _check(spec, cast(Judge, model), inputs, scores)
    if inputs.get("task") == "rerank":
        if spec.kind == "classifier":
            raise ValueError(f"it cannot order passages: {_CANNOT[spec.kind]}")
        return _rerank(spec, model, inputs, scores)
    text = str(inputs.get("text") or "")
    if not text.strip():
        raise ValueError("there is no text to classify")
    if spec.kind == "classifier":
        odds = _own_classes(spec, cast(Judge, model), text, scores)
    else:
        labels = _labels(spec, inputs)
        likeness = _alike if spec.kind == "similarity" else _follows
        odds = likeness(spec, model, text, labels, scores)
    return _classified(_asked_for(odds, inputs))


# ── classes ──────────────────────────────────────────────────────────────────────────────


def _own_classes(spec: Encoder, model: Judge, text: str, scores: Scores) -> dict[str, float]:
    """The classes that the weights were trained on, renamed by `outputs`; the mean over parts."""
    found = scores([(part,) for part in model.windows(text)]).mean(axis=0)
    if not model.labels:
        raise ValueError("the weights have a single output and so no classes")
    odds: dict[str, float] = {}
    for name, value in zip(model.labels, found, strict=True):
        label = spec.outputs.get(name, name)
        odds[label] = odds.get(label, 0.0) + float(value)
    return odds


def _alike(
    _spec: Encoder,
    model: LocalModel,
    text: str,
    labels: Mapping[str, Sequence[str]],
    scores: Scores,
) -> dict[str, float]:
    """The nearest description of each class: a softmax over cosines."""
    texts, owners = _flat(labels)
    parts = model.windows(text)
    vectors = scores([(t,) for t in (*parts, *texts)])
    near = (vectors[len(parts) :] @ vectors[: len(parts)].T).max(axis=1)
    best = {
        label: max(n for n, o in zip(near, owners, strict=True) if o == label) for label in labels
    }
    return _softmax({label: _SHARPNESS * float(value) for label, value in best.items()})


def _follows(
    spec: Encoder, model: LocalModel, text: str, labels: Mapping[str, Sequence[str]], scores: Scores
) -> dict[str, float]:
    """How surely the text entails a description of each class, shared out over the classes."""
    texts, owners = _flat(labels)
    parts = model.windows(text, max(texts, key=len))
    rows = [(part, hypothesis) for hypothesis in texts for part in parts]
    found = _for(spec, cast(Judge, model), scores(rows)).reshape(len(texts), -1).max(axis=1)
    best = {
        label: max(f for f, o in zip(found, owners, strict=True) if o == label) for label in labels
    }
    total = sum(best.values()) or 1.0
    return {label: float(value / total) for label, value in best.items()}


def _labels(spec: Encoder, inputs: Inputs) -> dict[str, tuple[str, ...]]:
    """Class → texts that describe it: the classes of the request, else those that are declared.

    A bare name is put into a sentence, which encoders understand better than a word alone.
    """
    asked = inputs.get("labels") or spec.labels
    texts = asked if isinstance(asked, Mapping) else {}
    labels: dict[str, tuple[str, ...]] = {}
    for name in map(str, asked):
        given = spec.labels.get(name) or texts.get(name) or ()
        described = (given,) if isinstance(given, str) else tuple(given)
        labels[name] = described or (_HYPOTHESIS.format(name),)
    if not labels:
        raise ValueError("there are no labels to choose from")
    return labels


def _asked_for(odds: Mapping[str, float], inputs: Inputs) -> Mapping[str, float]:
    """Where the request names classes, only those of them that the model knows."""
    asked = {str(name).casefold() for name in inputs.get("labels") or ()}
    kept = {label: value for label, value in odds.items() if label.casefold() in asked}
    if asked and not kept:
        raise ValueError(f"it knows none of the classes asked for, only: {', '.join(odds)}")
    return kept or odds


def _classified(odds: Mapping[str, float]) -> dict[str, Any]:
    label = max(odds, key=lambda name: odds[name])
    share = odds[label] / (sum(odds.values()) or 1.0)
    return {"label": label, "confidence": round(share, 3)}


# ── claims ───────────────────────────────────────────────────────────────────────────────


def _check(spec: Encoder, model: Judge, inputs: Inputs, scores: Scores) -> dict[str, Any]:
    """Each claim against each part of each passage; the part that entails it most decides.

    A part that contradicts counts only where none entails, as in SummaC (Laban et al. 2022):
    models of entailment call contradicted what a passage on something else does not say.
    """
    meanings = _meanings(spec, model)
    claims = [(str(c["id"]), str(c["text"])) for c in inputs["claims"]]
    places: list[str] = []
    rows: list[tuple[str, str]] = []
    owners: list[int] = []
    for number, (_, text) in enumerate(claims):
        for passage in inputs.get("passages") or ():
            parts = model.windows(str(passage["text"]), text)
            rows += [(part, text) for part in parts]
            places += [str(passage["id"])] * len(parts)
            owners += [number] * len(parts)
    if not rows:
        return {"checks": [_verdict(id, "unsupported", "there is no passage") for id, _ in claims]}
    found = scores(rows)
    checks = []
    for number, (id, _) in enumerate(claims):
        mine = [n for n, owner in enumerate(owners) if owner == number]
        checks.append(_judged(id, found[mine], [places[n] for n in mine], meanings, spec))
    return {"checks": checks}


def _judged(
    claim: str,
    found: np.ndarray,
    places: Sequence[str],
    meanings: Sequence[str],
    spec: Encoder,
) -> dict[str, str]:
    """The verdict over one claim's parts: `found` has a line for each of `places`."""
    if spec.threshold is not None and found.shape[1] == 1:
        best = int(found[:, 0].argmax())
        held = float(found[best, 0]) >= spec.threshold
        reason = f"{places[best]} scores {found[best, 0]:.2f} of {spec.threshold:.2f} needed"
        return _verdict(claim, "supported" if held else "unsupported", reason)
    said = [meanings[n] for n in found.argmax(axis=1)]
    for status, word in (("supported", "entails"), ("contradicted", "contradicts")):
        lines = [n for n, meaning in enumerate(said) if meaning == status]
        if lines:
            column = [n for n, meaning in enumerate(meanings) if meaning == status]
            sure = found[:, column].sum(axis=1)
            best = max(lines, key=lambda n: float(sure[n]))
            return _verdict(claim, status, f"{places[best]} {word} it ({sure[best]:.2f})")
    return _verdict(claim, "unsupported", "no passage entails it")


def _verdict(claim: str, status: str, reason: str) -> dict[str, str]:
    return {"claim": claim, "status": status, "reason": reason}


def _meanings(spec: Encoder, model: Judge) -> tuple[str, ...]:
    """The verdict that each output stands for.

    Raises:
        ValueError: an output's name says nothing, and neither does the declaration.
    """
    if not model.labels:
        if spec.threshold is None:
            raise ValueError("its single score is no verdict; declare `threshold` where it is one")
        return ("supported",)
    found = []
    for name in model.labels:
        known = (status for word, status in _MEANINGS.items() if word in name.lower())
        meaning = spec.outputs.get(name) or next(known, None)
        if meaning is None:
            raise ValueError(f"what its output '{name}' means is not declared under `outputs`")
        found.append(meaning)
    return tuple(found)


# ── order ────────────────────────────────────────────────────────────────────────────────


def _rerank(spec: Encoder, model: LocalModel, inputs: Inputs, scores: Scores) -> dict[str, Any]:
    """The passages by how well their best part fits the question, the best first."""
    question = str(inputs.get("question") or "")
    passages = [(str(p["id"]), str(p["text"])) for p in inputs.get("passages") or ()]
    if not question.strip() or not passages:
        raise ValueError("there is no question, or no passage to put in order")
    parts = [(id, part) for id, text in passages for part in model.windows(text, question)]
    if isinstance(model, BiEncoder):
        vectors = scores([(question,), *((part,) for _, part in parts)])
        fits = vectors[1:] @ vectors[0]
    else:
        fits = _for(spec, cast(Judge, model), scores([(question, part) for _, part in parts]))
    best: dict[str, float] = {}
    for (id, _), fit in zip(parts, fits, strict=True):
        best[id] = max(best.get(id, float("-inf")), float(fit))
    order = sorted(best, key=lambda id: -best[id])
    return {"order": order, "scores": {id: round(best[id], 4) for id in order}}


# ── shared ───────────────────────────────────────────────────────────────────────────────


def _for(spec: Encoder, model: Judge, found: np.ndarray) -> np.ndarray:
    """One number a row: the single output, or the sum of the outputs that mean `supported`."""
    columns = (
        [n for n, m in enumerate(_meanings(spec, model)) if m == "supported"]
        if model.labels
        else [0]
    )
    result: np.ndarray = found[:, columns].sum(axis=1)
    return result


def _flat(labels: Mapping[str, Sequence[str]]) -> tuple[list[str], list[str]]:
    """All descriptions, and the class that each belongs to."""
    pairs = [(text, label) for label, texts in labels.items() for text in texts]
    return [text for text, _ in pairs], [label for _, label in pairs]


def _softmax(values: Mapping[str, float]) -> dict[str, float]:
    from math import exp

    top = max(values.values())
    odds = {name: exp(value - top) for name, value in values.items()}
    total = sum(odds.values())
    return {name: odd / total for name, odd in odds.items()}

"""What was learned, in one file: it is copied, kept beside others, and put back."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import fields
from typing import Any

import numpy as np

from orchestrator.errors import UserError
from orchestrator.learning.features import Features
from orchestrator.learning.levels import Tally
from orchestrator.learning.predictor import LearnedPredictor
from orchestrator.learning.quality import TextPart
from orchestrator.learning.regions import Means, Regions
from orchestrator.learning.ridge import Fitted

FORMAT = 2
_PARTS = {"features": Features, "regions": Regions, "means": Means, "fitted": Fitted}


def to_bytes(predictor: LearnedPredictor, reader: str) -> bytes:
    """An .npz archive: `about`, a JSON text with the tallies, and the arrays of the text part.

    Args:
        reader: `Reader.name`; what was learned is of use with the same readings alone.
    """
    about: dict[str, Any] = {
        "format": FORMAT,
        "version": predictor.version,
        "reader": reader,
        "tallies": [
            [model, task, tally.n, tally.total, tally.squares]
            for (model, task), tally in sorted(predictor.tallies.items())
        ],
    }
    arrays: dict[str, Any] = {}
    if predictor.text is not None:
        about["models"] = list(predictor.text.models)
        about["meaning"] = predictor.text.features.meaning
        for part in _PARTS:
            value = getattr(predictor.text, part)
            for field in fields(value):
                if field.name != "meaning":
                    arrays[f"{part}.{field.name}"] = getattr(value, field.name)
        arrays["weights"] = predictor.text.weights
    file = io.BytesIO()
    np.savez_compressed(file, about=np.array(json.dumps(about, sort_keys=True)), **arrays)
    return file.getvalue()


def from_bytes(content: bytes, reader: str) -> LearnedPredictor:
    """The predictor that `to_bytes` wrote, of the same version.

    Raises:
        UserError: it is none, is damaged, or was learned from other readings.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            about = json.loads(str(archive["about"]))
            found = _predictor(about, {name: archive[name] for name in archive.files})
            said = about["format"], about["reader"], about["version"]
    except (
        ValueError,
        KeyError,
        TypeError,
        EOFError,
        OSError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise UserError(f"this is no learned state ({error})") from error
    if said[0] != FORMAT:
        raise UserError(f"the learned state has format {said[0]}; this is read: {FORMAT}")
    if said[1] != reader:
        raise UserError(f"it was learned with {said[1]}, and requests are read with {reader}")
    if said[2] != found.version:
        raise UserError(f"the learned state is damaged: it says {said[2]}, and is {found.version}")
    return found


def _predictor(about: dict[str, Any], arrays: dict[str, np.ndarray]) -> LearnedPredictor:
    tallies = {
        (model, task): Tally(n, total, squares)
        for model, task, n, total, squares in about["tallies"]
    }
    if "models" not in about:
        return LearnedPredictor(tallies)
    own: dict[str, dict[str, Any]] = {part: {} for part in _PARTS}
    for name, array in arrays.items():
        part, _, field = name.partition(".")
        if field:
            own[part][field] = array
    own["features"]["meaning"] = about["meaning"]
    made = {part: kind(**own[part]) for part, kind in _PARTS.items()}
    text = TextPart(models=tuple(about["models"]), weights=arrays["weights"], **made)
    return LearnedPredictor(tallies, text)

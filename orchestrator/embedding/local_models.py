"""Transformers that run in this process, each loaded once, whoever asks for it.

A loaded model takes one call at a time: tokenizers are not made for two. What is loaded stays
for the process, the last `MOST_MODELS` of them.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.embedding._text import whole_characters
from orchestrator.embedding.weights import INSTALL, Kind, unfit
from orchestrator.errors import PrerequisiteError

if TYPE_CHECKING:
    import numpy as np

MOST_MODELS = 4
THREADS = max(1, (os.cpu_count() or 1) // 2)
"""Half of the cores. Torch's threads wait for each other at every step: with as many as there are
cores, one other busy process makes a call several times slower (measured on two busy cores: the
same 97 texts in 9.7 s, with one thread in 2.4 s)."""
_PART = 1 << 20
_USUAL_LIMIT = 512
_LOADING = threading.Lock()

M = TypeVar("M", bound="LocalModel")


class LocalModel:
    """A loaded model with its tokenizer. `limit` is the most tokens that it reads at once."""

    def __init__(self, native: Any, folder: Path) -> None:
        self._native = native
        self._tokenizer = native.tokenizer
        self._lock = threading.Lock()
        self.limit = _limit(native)
        self.name = folder.name

    def tokens(self, rows: Sequence[tuple[str, ...]]) -> int:
        """How many tokens the model reads of these texts or pairs, special ones included."""
        columns = [
            [whole_characters(text) for text in column] for column in zip(*rows, strict=True)
        ]
        with self._lock:
            read = self._tokenizer(*columns, truncation=True, max_length=self.limit)
        return sum(len(ids) for ids in read["input_ids"])

    def windows(self, text: str, beside: str = "") -> list[str]:
        """The text in parts that the model reads whole, together with `beside`.

        Parts overlap by a quarter. At least half of the model's limit is left to a part.
        """
        with self._lock:
            beside_ids = self._plain(whole_characters(beside))["input_ids"] if beside else []
            read = self._plain(whole_characters(text))
        size = max(self.limit - 4 - len(beside_ids), self.limit // 2)
        spans = read["offset_mapping"]
        if len(spans) <= size:
            return [text]
        step = max(1, size * 3 // 4)
        firsts = range(0, max(1, len(spans) - size + step), step)
        return [text[spans[n][0] : spans[min(n + size, len(spans)) - 1][1]] for n in firsts]

    def _plain(self, text: str) -> Any:
        return self._tokenizer(
            text, add_special_tokens=False, truncation=False, return_offsets_mapping=True,
            verbose=False,
        )  # fmt: skip


def _limit(native: Any) -> int:
    """Some tokenizers state no limit, or one of 10**30; then the model's own counts."""
    config = getattr(getattr(native[0], "auto_model", None), "config", None)
    positions = int(getattr(config, "max_position_embeddings", 0) or _USUAL_LIMIT)
    return min(int(native.max_seq_length or positions), positions)


class BiEncoder(LocalModel):
    """Texts to unit vectors."""

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """Float32, shape `(len(texts), dimensions)`; what is longer than `limit` is cut off."""
        import numpy as np

        with self._lock:
            found = self._native.encode(
                [whole_characters(text) for text in texts],
                normalize_embeddings=True,
                show_progress_bar=False,
                convert_to_numpy=True,
            )
        return np.asarray(found, dtype=np.float32)


class Judge(LocalModel):
    """Texts or pairs of texts to one probability a label.

    `labels` are the model's own, in the order of its scores. A model with a single output has
    none, and scores by the logistic function of it, independently of all else.
    """

    def __init__(self, native: Any, folder: Path) -> None:
        super().__init__(native, folder)
        named = native.model.config.id2label
        count = int(native.model.config.num_labels)
        self.labels = tuple(str(named[n]) for n in range(count)) if count > 1 else ()

    def scores(self, rows: Sequence[tuple[str, ...]]) -> np.ndarray:
        """Float32 in 0..1, shape `(len(rows), len(labels) or 1)`."""
        import numpy as np
        import torch

        columns = [
            [whole_characters(text) for text in column] for column in zip(*rows, strict=True)
        ]
        with self._lock, torch.inference_mode():
            read = self._tokenizer(
                *columns, truncation=True, max_length=self.limit, padding=True, return_tensors="pt"
            )
            outputs = self._native.model(**read).logits
            odds = outputs.softmax(dim=1) if self.labels else outputs.sigmoid()
        return np.asarray(odds.float().numpy(), dtype=np.float32)


def bi_encoder(folder: Path) -> BiEncoder:
    """The bi-encoder in that folder. Takes seconds the first time.

    Raises:
        PrerequisiteError: sentence-transformers is missing, or the folder holds no such model.
    """
    with _LOADING:
        return _bi_encoder(folder)


def judge(folder: Path, kind: Kind) -> Judge:
    """The cross-encoder or classifier in that folder; as `bi_encoder`."""
    with _LOADING:
        return _judge(folder, kind)


@lru_cache(maxsize=MOST_MODELS)
def _bi_encoder(folder: Path) -> BiEncoder:
    return BiEncoder(_loaded("SentenceTransformer", folder, "similarity"), folder)


@lru_cache(maxsize=MOST_MODELS)
def _judge(folder: Path, kind: Kind) -> Judge:
    return Judge(_loaded("CrossEncoder", folder, kind), folder)


def _loaded(cls: str, folder: Path, kind: Kind) -> Any:
    try:
        import sentence_transformers
        import torch
    except ImportError as error:
        raise PrerequisiteError(f"encoders need the extra `embeddings`: {INSTALL}") from error
    if not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(THREADS)
    wrong = unfit(folder, kind)
    if wrong:
        raise PrerequisiteError(wrong)
    try:
        with _quiet():
            return getattr(sentence_transformers, cls)(
                str(folder), device="cpu", local_files_only=True
            )
    # Whatever a damaged file brings about in three libraries: no common class of errors.
    except Exception as error:
        raise PrerequisiteError(
            f"the weights in {folder} cannot be loaded ({type(error).__name__}: {error})"
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Loads without a progress bar and a report on the terminal."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def digest_of(folder: Path) -> str:
    """The first 8 hex digits of the SHA-256 over the model's files, which a vector depends on."""
    whole = hashlib.sha256()
    files = (p for p in folder.rglob("*") if p.suffix in (".json", ".txt", ".safetensors", ".bin"))
    for path in sorted(files):
        whole.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            while part := file.read(_PART):
                whole.update(part)
    return whole.hexdigest()[:8]

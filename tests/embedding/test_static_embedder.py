"""The static embedder and its files; what every embedder must do is in `tests/conformance/`."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from orchestrator.embedding.static_embedder import FOLDER, StaticEmbedder
from orchestrator.errors import PrerequisiteError

EMBEDDER = StaticEmbedder()
TOKENIZER = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
ROWS = np.load(FOLDER / "vectors.npy").astype(np.float32)
SCALES = np.load(FOLDER / "scales.npy")
pieces = st.sampled_from(
    (
        "The price",
        " is ",
        "40.5 EUR",
        "[UNK]",
        "[PAD]",
        "[pad",
        "##ing",
        "a_b",
        "\x00",
        "\t\r\n",
        "\x7f",
    )
)
texts = st.lists(
    st.one_of(pieces, st.text(max_size=9), st.text("aZ0 .[_{~", max_size=9)), max_size=9
)


@given(texts.map("".join))
@example("x" * 101)
@example("İstanbul naïve 中文")
@settings(max_examples=300, deadline=None)
def test_a_text_is_the_mean_of_the_tokens_that_the_tokenizer_finds(text: str) -> None:
    """Words are remembered with their tokens, and that changes nothing."""
    whole = text.encode("utf-8", "replace").decode()
    ids = [i for i in TOKENIZER.encode(whole, add_special_tokens=False).ids if i != 1]
    if not ids:
        return
    mean = SCALES[ids] @ ROWS[ids]
    for _ in range(2):
        assert EMBEDDER.embed([text])[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-5)


def test_nothing_is_like_an_empty_text() -> None:
    nothing, *texts = StaticEmbedder().embed(["", "The allowance is 40 EUR.", "Cats purr."])
    assert all(abs(float(nothing @ text)) < 0.3 for text in texts)


def test_a_missing_or_damaged_artefact_is_a_prerequisite_error(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="install the package again"):
        StaticEmbedder(tmp_path)
    (tmp_path / "vectors.npy").write_bytes(b"not an array")
    with pytest.raises(PrerequisiteError, match="install the package again"):
        StaticEmbedder(tmp_path)


def test_the_readme_of_the_artefact_tells_its_true_hashes() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in ("vectors.npy", "scales.npy", "tokenizer.json"):
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() in readme
    assert "Apache-2.0" in readme


def test_it_imports_nothing_heavy() -> None:
    code = (
        "import sys; from orchestrator.embedding.load import load_embedder; "
        "load_embedder('static').embed(['x']); "
        "print([m for m in ('torch', 'transformers', 'model2vec', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

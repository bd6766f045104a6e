"""The static embedder and its files; what every embedder must do is in `tests/conformance/`."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.embedding.static_embedder import FOLDER, StaticEmbedder
from orchestrator.errors import PrerequisiteError


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

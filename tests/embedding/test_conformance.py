"""What every embedder must do, run over each of them."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from orchestrator.embedding.load import NAMES, load_embedder
from orchestrator.embedding.static_embedder import FOLDER, StaticEmbedder
from orchestrator.errors import PrerequisiteError, UnknownNameError
from orchestrator.project.protocols import Embedder

HARD = ("", " ", "\n\t", "日本語のテキスト", "\ud800", "\0", "🙂", "a" * 5000)


@pytest.fixture(scope="module", params=NAMES)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    name: str = request.param
    if name == "sentence-transformers" and find_spec("sentence_transformers") is None:
        pytest.skip("sentence-transformers is not installed (the extra `embeddings`)")
    return load_embedder(name)


def test_it_satisfies_the_protocol(embedder: Embedder) -> None:
    assert isinstance(embedder, Embedder)
    assert embedder.name


def test_shape_type_and_length(embedder: Embedder) -> None:
    vectors = embedder.embed(["One text.", "Another text, a little longer.", *HARD])
    assert vectors.shape == (2 + len(HARD), embedder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_texts_give_no_vectors(embedder: Embedder) -> None:
    vectors = embedder.embed([])
    assert vectors.shape == (0, embedder.dimensions)
    assert vectors.dtype == np.float32


def test_the_same_text_has_the_same_vector_alone_and_in_company(embedder: Embedder) -> None:
    alone = embedder.embed(["The allowance is 40 EUR."])[0]
    again = embedder.embed(["Something else entirely.", "The allowance is 40 EUR.", ""])[1]
    assert np.allclose(alone, again, atol=1e-5)


def test_a_very_long_text_is_one_vector_like_a_part_of_it(embedder: Embedder) -> None:
    part = "Employees may work from home three days a week. "
    long, short = embedder.embed([part * 5000, part])
    assert float(long @ short) > 0.8  # a transformer reads only the first part of it


@pytest.mark.parametrize(
    ("text", "near", "far"),
    [
        ("How do I reset my password?", "I forgot my login credentials", "The cat sat on the mat"),
        ("yearly cost of the allowance", "annual expense of the benefit", "a walk in the forest"),
        ("The doctor treats the patient", "a physician in a hospital", "compile the source code"),
    ],
)
def test_similar_beats_dissimilar(embedder: Embedder, text: str, near: str, far: str) -> None:
    query, similar, dissimilar = embedder.embed([text, near, far])
    assert float(query @ similar) > float(query @ dissimilar) + 0.1


def test_nothing_is_like_an_empty_text() -> None:
    nothing, *texts = StaticEmbedder().embed(["", "The allowance is 40 EUR.", "Cats purr."])
    assert all(abs(float(nothing @ text)) < 0.3 for text in texts)


def test_an_unknown_name_is_refused_with_the_near_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'static'"):
        load_embedder("statik")


@pytest.mark.skipif(
    find_spec("sentence_transformers") is not None, reason="sentence-transformers is installed"
)
def test_a_missing_extra_says_how_to_install_it() -> None:
    with pytest.raises(PrerequisiteError, match=r"pip install .*embeddings"):
        load_embedder("sentence-transformers")


def test_a_missing_or_damaged_artefact_is_a_prerequisite_error(tmp_path: Path) -> None:
    with pytest.raises(PrerequisiteError, match="install the package again"):
        StaticEmbedder(tmp_path)
    (tmp_path / "vectors.npy").write_bytes(b"not an array")
    with pytest.raises(PrerequisiteError, match="install the package again"):
        StaticEmbedder(tmp_path)


def test_the_readme_of_the_artefact_tells_its_true_hashes() -> None:
    import hashlib

    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in ("vectors.npy", "scales.npy", "tokenizer.json"):
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() in readme
    assert "Apache-2.0" in readme


def test_the_static_embedder_imports_nothing_heavy() -> None:
    code = (
        "import sys; from orchestrator.embedding.load import load_embedder; "
        "load_embedder('static').embed(['x']); "
        "print([m for m in ('torch', 'transformers', 'model2vec', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

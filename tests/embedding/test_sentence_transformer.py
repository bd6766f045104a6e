"""The accurate embedder, with real weights: its name, where it is refused, and its use."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.embedding.load import load_embedder
from orchestrator.embedding.local_models import bi_encoder, digest_of
from orchestrator.embedding.weights import local_folder
from orchestrator.errors import PrerequisiteError
from orchestrator.evidence.sources.documents import open_sources
from orchestrator.evidence.sources.library import Library
from orchestrator.mesh import Mesh
from tests.conformance.encoders import MINILM, needs_encoders, small_judge

pytestmark = needs_encoders
OFFLINE = {"HF_HUB_OFFLINE": "1"}


def accurate(model: str | None = None, env: dict[str, str] = OFFLINE) -> Any:
    from orchestrator.embedding.sentence_transformer import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(model, env)


@pytest.fixture(scope="module")
def folder() -> Path:
    return local_folder(MINILM, OFFLINE)


def test_the_installed_package_is_taken_before_the_hub(folder: Path) -> None:
    embedder = accurate()
    assert embedder.dimensions == 384
    assert embedder.name == f"sentence-transformers-all-MiniLM-L6-v2-384-{digest_of(folder)}"


def test_other_weights_have_another_name_wherever_they_lie(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    assert accurate(str(copy)).name == accurate(str(folder)).name
    pooling = copy / "1_Pooling" / "config.json"
    swapped = {"cls_token": "true", "mean_tokens": "false"}
    text = pooling.read_text()
    for mode, value in swapped.items():
        text = text.replace(f'"pooling_mode_{mode}": ', f'"pooling_mode_{mode}": {value}, "was": ')
    pooling.write_text(text)
    assert digest_of(copy) != digest_of(folder)


def test_a_model_is_loaded_once_for_all(folder: Path) -> None:
    assert bi_encoder(folder) is bi_encoder(folder)


def test_more_than_a_batch_keeps_its_order() -> None:
    embedder = accurate()
    texts = [f"number {n}" for n in range(260)]
    assert np.allclose(embedder.embed(texts)[259], embedder.embed(texts[259:])[0], atol=1e-5)


def test_a_long_text_comes_in_overlapping_parts_that_hold_all_of_it(folder: Path) -> None:
    model = bi_encoder(folder)
    words = [f"word{n}" for n in range(900)]
    parts = model.windows(" ".join(words))
    assert len(parts) > 2
    assert all(model.tokens([(part,)]) <= model.limit for part in parts)
    assert set(words) == {word for part in parts for word in part.split() if word in set(words)}
    assert model.windows("short") == ["short"]
    assert model.windows("") == [""]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        ("gone", "are not on this machine"),
        ("damaged", "cannot be loaded"),
        ("judge", "make no vectors"),
    ],
)
def test_what_cannot_be_loaded_says_what_to_do(tmp_path: Path, spoil: str, message: str) -> None:
    target = tmp_path / "model"
    if spoil == "judge":
        small_judge(target)
    elif spoil == "damaged":
        target.mkdir()
        (target / "config.json").write_text('{"model_type": "bert"}')
        (target / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(PrerequisiteError, match=message) as caught:
        accurate(str(target))
    assert "embedder: static" in str(caught.value)


async def test_retrieval_finds_by_meaning(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "leave.md").write_text("Parental leave lasts 14 weeks.\n")
    (tmp_path / "docs" / "meals.md").write_text("The canteen opens at noon.\n")
    documents, _ = open_sources([tmp_path / "docs"])
    library = Library(tmp_path / "vectors", accurate())
    found = await library.retrieve("How long may a new mother stay at home?", documents)
    assert Path(found[0].file).name == "leave.md"


def test_the_setting_reaches_profile_and_run(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").write_text("embedder: sentence-transformers\n")
    (tmp_path / "note.txt").write_text(
        "The greenhouse was built in 1987. It is 24 metres long. Vents open above 26 degrees.\n"
    )
    mesh = Mesh.load(tmp_path, env=OFFLINE)
    assert mesh.embedder.name == load_embedder("sentence-transformers", OFFLINE).name
    assert mesh.profile("Summarise this report in three sentences").task == "summarize"
    answer = mesh.run_sync(
        question="When was the greenhouse built?", sources=[str(tmp_path / "note.txt")]
    )
    assert answer.verdict == "accepted"
    assert "1987" in answer.text
    stored = [path.name for path in (tmp_path / ".mesh" / "vectors").iterdir()]
    assert stored

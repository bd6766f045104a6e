"""Where the weights of an in-process model lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.embedding.weights import hub_is_offline, package_folders

_PACKAGE = "package:"
_HUB = "hf:"


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file of a repository on the Hugging Face hub."""

    repo: str
    """`owner/name`."""
    file: str


def resolve_weights(ref: str) -> Path | str:
    """The local file that `ref` stands for, or the reason why there is none. No network.

    Args:
        ref: a path to a .gguf file; `package:NAME`, the first .gguf of an installed package;
            or `hf:owner/repo/file.gguf`, found only where it was downloaded before.
    """
    if ref.startswith(_PACKAGE):
        return _in_package(ref.removeprefix(_PACKAGE))
    if ref.startswith(_HUB):
        hub = hub_file(ref)
        if hub is None:
            return f"'{ref}' is no hub reference; expected hf:owner/repo/file.gguf"
        return _in_hub_cache(hub) or f"{ref} is not downloaded"
    path = Path(ref).expanduser()
    if path.is_file():
        return path
    return f"the weights file {path} does not exist"


def missing_weights(ref: str, env: Mapping[str, str]) -> str:
    """Why a model with these weights cannot run here; empty where it can.

    A hub reference counts as there while the hub may be asked (`HF_HUB_OFFLINE` is not set).
    """
    if hub_file(ref) is not None and not hub_is_offline(env):
        return ""
    found = resolve_weights(ref)
    if isinstance(found, Path):
        return ""
    return f"{found}, and HF_HUB_OFFLINE is set" if hub_file(ref) else found


def hub_file(ref: str) -> HubFile | None:
    """The parts of `hf:owner/repo/file.gguf`; `None` where `ref` is something else."""
    if not ref.startswith(_HUB):
        return None
    owner, _, rest = ref.removeprefix(_HUB).partition("/")
    name, _, file = rest.partition("/")
    return HubFile(repo=f"{owner}/{name}", file=file) if owner and name and file else None


def _in_package(name: str) -> Path | str:
    """The first .gguf in the package's folder."""
    folders = package_folders(name)
    if isinstance(folders, str):
        return folders
    for folder in folders:
        files = sorted(Path(folder).rglob("*.gguf"))
        if files:
            return files[0]
    return f"the weights package {name} holds no .gguf file"


def _in_hub_cache(hub: HubFile) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(hub.repo, hub.file)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None

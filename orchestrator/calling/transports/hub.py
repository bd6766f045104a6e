"""Weights from the hub, downloaded once, with a progress bar where somebody looks."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.embedding.weights import hub_is_offline
from orchestrator.errors import AttemptError
from orchestrator.fleet.weights import HubFile
from orchestrator.types import Outcome


def download(hub: HubFile, env: Mapping[str, str]) -> Path:
    """The file on this machine after a download. Blocks.

    `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_CACHE` and `HF_HUB_OFFLINE` count as they do for the hub's
    own tools.

    Raises:
        AttemptError: `unreachable` where the hub cannot be asked, `auth` where it refuses,
            `invalid_request` where there is no such file.
    """
    name = f"hf:{hub.repo}/{hub.file}"
    elsewhere = "download the file on another machine and name its path"
    if hub_is_offline(env):
        raise AttemptError(
            Outcome.UNREACHABLE, f"{name} is not downloaded and HF_HUB_OFFLINE is set; {elsewhere}"
        )
    try:
        from httpx import HTTPError
        from huggingface_hub import (
            constants,
            errors,
            get_hf_file_metadata,
            hf_hub_download,
            hf_hub_url,
        )
    except ImportError as error:
        raise AttemptError(
            Outcome.UNREACHABLE, f"{name} needs the package huggingface_hub; or {elsewhere}"
        ) from error
    # It would ask its own host for a list first, whatever the endpoint, and report about us.
    constants.HF_HUB_DISABLE_TELEMETRY = True
    endpoint, token = env.get("HF_ENDPOINT"), env.get("HF_TOKEN") or False
    try:
        # One question first: a download would try for half a minute to reach a missing hub.
        get_hf_file_metadata(
            hf_hub_url(hub.repo, hub.file, endpoint=endpoint), token=token, endpoint=endpoint
        )
        path = hf_hub_download(
            hub.repo,
            hub.file,
            endpoint=endpoint,
            token=token,
            cache_dir=env.get("HF_HUB_CACHE"),
            tqdm_class=_bar(),
        )
    except errors.RepositoryNotFoundError as error:  # gated and private ones as well
        message = f"the hub has no {hub.repo}, or shows it only to who sets HF_TOKEN"
        raise AttemptError(Outcome.AUTH, message) from error
    except errors.RemoteEntryNotFoundError as error:
        message = f"{hub.repo} has no file {hub.file}"
        raise AttemptError(Outcome.INVALID_REQUEST, message) from error
    except (HTTPError, errors.HFValidationError, OSError) as error:
        message = f"{name} cannot be downloaded ({error}); {elsewhere}"
        raise AttemptError(Outcome.UNREACHABLE, message) from error
    return Path(path)


def _bar() -> Any:
    """The class that shows the progress: rich's in a terminal, else one that shows nothing."""
    from tqdm import TqdmExperimentalWarning, std  # type: ignore[import-untyped]

    if sys.stderr.isatty():
        from tqdm.rich import tqdm  # type: ignore[import-untyped]

        warnings.filterwarnings("ignore", category=TqdmExperimentalWarning)
        return tqdm

    class Silent(std.tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})

    return Silent

"""The style, the script and the sign: read once, and kept by browsers until they change."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    content: bytes
    media_type: str


@functools.cache
def assets() -> Mapping[str, Asset]:
    """By name; nothing else can be asked for."""
    files = sorted(f for f in FOLDER.iterdir() if f.suffix in _TYPES)
    return {f.name: Asset(f.read_bytes(), _TYPES[f.suffix]) for f in files}


@functools.cache
def version() -> str:
    """Stands in the links to them, and is another one when any of them has changed."""
    contents = b"\0".join(asset.content for asset in assets().values())
    return hashlib.sha256(contents).hexdigest()[:10]

"""Which keys a service asks for: those of its store, or none on loopback with `--open`."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import PrerequisiteError, UserError

if TYPE_CHECKING:
    from orchestrator.gateway.keys.ring import StoredRing
    from orchestrator.gateway.keys.store import KeyStore
    from orchestrator.project.protocols import Clock
    from orchestrator.project.schema import Settings


def open_store(settings: Settings, folder: Path, clock: Clock) -> KeyStore:
    """The store that the project declares; nothing is opened yet.

    Args:
        folder: the project's storage folder, where `storage.database` names no server.
    """
    from orchestrator.gateway.keys.store import FILE, KeyStore

    return KeyStore(settings.storage.database or folder / FILE, clock)


def ring_for(host: str, open_: bool, store: KeyStore, clock: Clock) -> StoredRing | None:
    """The keys for a service that listens on `host`; `None` where it is open to all.

    Reads the store once and closes it again, so that the service may fork. Its keys are watched
    once the ring is started.

    Args:
        open_: no key is asked for.

    Raises:
        UserError: `open_` where others could reach it.
        PrerequisiteError: there is no key yet, so that nobody could ask anything.
        StorageError: the store cannot be read.
    """
    from orchestrator.gateway.keys.ring import StoredRing

    if open_:
        if not is_loopback(host):
            raise UserError(
                f"--open with host '{host}': whoever reaches this machine could spend your money "
                "and read what was asked. Listen on 127.0.0.1, or make a key "
                "(`mesh keys create --admin`) and leave --open out"
            )
        return None
    try:
        if not store.any_good():
            raise PrerequisiteError(
                f"there is no key yet in {store.place}, so nobody could ask anything: make one "
                "with `mesh keys create --admin`, or serve this machine alone with --open"
            )
    finally:
        store.close()
    return StoredRing(store, clock)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on `host`; a name but `localhost` does not."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

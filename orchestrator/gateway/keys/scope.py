"""What a key may ask for. Each of these returns what holds, or refuses with words for the caller.

A scope that says nothing allows everything, and an empty one nothing. A key's scopes and what a
request asks for both hold: a request can narrow what its key allows, and never widen it.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.errors import KeyRefusedError
from orchestrator.gateway.keys.values import OPEN, Access, Key, KeyRing
from orchestrator.guard.detecting.detect import Detectors
from orchestrator.project.names import listing
from orchestrator.types import Caller

_BEARER = "bearer "
_NOBODY = Caller()


def admit(ring: KeyRing | None, authorization: str | None, access: Access = "call") -> Key:
    """The key that an `Authorization` header presents, if it has `access`.

    Args:
        ring: `None` where the gateway is open to all.

    Raises:
        KeyRefusedError: no key, none that is good, or none that may do this.
    """
    if ring is None:
        return OPEN
    if not authorization:
        raise KeyRefusedError(
            "no key was sent: put 'Authorization: Bearer mesh-…' into the request's headers",
            status=401,
            code="missing_key",
        )
    # OpenAI's clients send 'Bearer '; the scheme is case-insensitive (RFC 9110, section 11.1).
    if authorization[:7].lower() != _BEARER:
        raise KeyRefusedError(
            "the header Authorization must read 'Bearer mesh-…'", status=401, code="invalid_key"
        )
    key = ring.find(authorization[7:].strip())
    if access in key.access or "admin" in key.access:
        return key
    raise _refused(key, f"has no '{access}' access; it has: {listing(key.access)}")


def permit_task(key: Key, task: str) -> None:
    """Refuse a task that the key is not for.

    Raises:
        KeyRefusedError: with the tasks that it is for.
    """
    if key.tasks is not None and task not in key.tasks:
        raise _refused(key, f"may not ask for task '{task}'; it may for: {listing(key.tasks)}")


def permit_data_class(key: Key, data_class: str) -> None:
    """Refuse data of a class that the key may not send, also one that is less strict.

    Raises:
        KeyRefusedError: with the classes that it may send.
    """
    allowed = key.data_classes
    if allowed is not None and data_class not in allowed:
        raise _refused(
            key, f"may not send data of class '{data_class}'; it may send: {listing(allowed)}"
        )


def permit_contents(key: Key, data_class: str, texts: Iterable[str], detectors: Detectors) -> None:
    """Refuse data of a class that the key may not send, declared or found in the texts.

    Raises:
        KeyRefusedError: with the classes that it may send.
    """
    if key.data_classes is None:
        return
    permit_data_class(key, data_class)
    found = detectors.found_class(texts)
    if found is not None:
        permit_data_class(key, detectors.stricter(data_class, found.data_class) or data_class)


def models_of(key: Key, wanted: Iterable[str] | None = None) -> tuple[str, ...] | None:
    """The models that may answer, for `Constraints.models`; `None`: any.

    Args:
        wanted: the models that the request allows; `None`: any.

    Raises:
        KeyRefusedError: the key allows none of those.
    """
    if key.models is None:
        return None if wanted is None else tuple(wanted)
    if wanted is None:
        return tuple(sorted(key.models))
    asked = tuple(wanted)
    left = tuple(name for name in asked if name in key.models)
    if asked and not left:
        raise _refused(key, f"may not ask {listing(asked)}; its models are: {listing(key.models)}")
    return left


def on_behalf(key: Key, said: Caller = _NOBODY) -> Caller:
    """Who asks: what the key fixes, and of the rest what the request says."""
    fixed = key.caller
    if said is _NOBODY or said == _NOBODY:
        return fixed
    return Caller(
        workspace=fixed.workspace or said.workspace,
        user=fixed.user or said.user,
        tier=fixed.tier or said.tier,
        key=fixed.key,
        feature=fixed.feature or said.feature,
    )


def _refused(key: Key, why: str) -> KeyRefusedError:
    name = f"'{key.name}' ({key.id})" if key.name else key.id
    return KeyRefusedError(f"key {name} {why}", status=403, code="not_allowed")

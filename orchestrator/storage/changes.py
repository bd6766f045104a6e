"""What is on record of a change that was noticed: who is behind it, and what became otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from orchestrator.errors import StorageError
from orchestrator.storage.operations import Operations, os_user


def described(operations: Operations, subject: str, before: str, after: str) -> Mapping[str, Any]:
    """`by`, and of a policy the names of its keys and routes that say something else.

    Args:
        subject: `policy`, or whatever else an audit log notices.
        before: the hash; empty where there was none.
        after: likewise, of what is in force now.
    """
    found: dict[str, Any] = {"by": os_user()}
    with suppress(StorageError):
        for one in operations.all(20):
            if one.action in ("reload", "rollback") and one.after.startswith(after):
                found |= {"by": one.who, "operation": one.id}
                break
        if subject == "policy" and before:
            texts = [operations.policies(hash) for hash in (before, after)]
            if all(texts):
                found |= changed_names(*(_content(kept[0].text) for kept in texts))
    return found


def changed_names(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What is said otherwise by two policies: their keys, and the names of their routes."""
    keys = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
    old, new = _routes(before), _routes(after)
    routes = {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "changed": [name for name in new if name in old and new[name] != old[name]],
    }
    return {"keys": keys} | {f"routes_{word}": names for word, names in routes.items() if names}


def _routes(policy: Mapping[str, Any]) -> dict[str, Any]:
    routes = policy.get("routes") or ()
    return {str(r.get("name")): r for r in routes if isinstance(r, Mapping)}


def _content(text: str) -> Mapping[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, Mapping) else {}

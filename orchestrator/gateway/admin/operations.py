"""What can be asked of `/admin`: one table, of which routes and their description are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from orchestrator.gateway.admin import acts, bodies

if TYPE_CHECKING:
    from orchestrator.gateway.keys.values import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked for."""

    method: str
    path: str
    name: str
    """Its `operationId`."""
    says: str
    does: Callable[[acts.Act], Any]
    gives: type[msgspec.Struct]
    takes: type[msgspec.Struct] | None = None
    query: tuple[tuple[str, str], ...] = ()
    """The parameters behind the question mark: name, and what it says."""
    status: int = 200

    @property
    def access(self) -> Access:
        return "read" if self.method == "GET" else "admin"


KEYS, KEY = "/admin/keys", "/admin/keys/{id}"
BUDGETS, BUDGET = "/admin/budgets", "/admin/budgets/{per}/{name}"

OPERATIONS = (
    Operation(
        method="GET",
        path=KEYS,
        name="listKeys",
        says="All keys, the newest first.",
        does=acts.list_keys,
        gives=bodies.KeyList,
    ),
    Operation(
        method="POST",
        path=KEYS,
        name="createKey",
        says="Make a key; its secret is in this answer and in no other.",
        does=acts.create_key,
        takes=bodies.NewKey,
        gives=bodies.KeyMade,
        status=201,
    ),
    Operation(
        method="GET",
        path=KEY,
        name="showKey",
        says="One key.",
        does=acts.show_key,
        gives=bodies.KeyView,
    ),
    Operation(
        method="PATCH",
        path=KEY,
        name="changeKey",
        says="Change what a key may do, for whom, or until when.",
        does=acts.change_key,
        takes=bodies.KeyChange,
        gives=bodies.KeyView,
    ),
    Operation(
        method="DELETE",
        path=KEY,
        name="revokeKey",
        says="Revoke a key for ever; every copy of the service refuses it within a second.",
        does=acts.revoke_key,
        gives=bodies.KeyView,
    ),
    Operation(
        method="POST",
        path=f"{KEY}/rotate",
        name="rotateKey",
        says="Give a key a new secret; the old one stays good for a while.",
        does=acts.rotate_key,
        takes=bodies.Rotation,
        gives=bodies.KeyMade,
    ),
    Operation(
        method="GET",
        path=BUDGETS,
        name="listBudgets",
        says="What keys, users and workspaces may spend and ask for.",
        does=acts.list_budgets,
        gives=bodies.AllotmentList,
    ),
    Operation(
        method="GET",
        path=BUDGET,
        name="showBudget",
        says="What one of them may spend and ask for.",
        does=acts.show_budget,
        gives=bodies.AllotmentView,
    ),
    Operation(
        method="PUT",
        path=BUDGET,
        name="setBudget",
        says="Say what one of them may spend and ask for, in the place of what held before.",
        does=acts.set_budget,
        takes=bodies.NewAllotment,
        gives=bodies.AllotmentView,
    ),
    Operation(
        method="DELETE",
        path=BUDGET,
        name="removeBudget",
        says="Take their limits away; those of the policy hold.",
        does=acts.remove_budget,
        gives=bodies.AllotmentView,
    ),
    Operation(
        method="GET",
        path="/admin/usage",
        name="usage",
        says="What was spent, from the ledger: every attempt counts.",
        does=acts.usage,
        gives=bodies.UsageReport,
        query=(
            ("by", "Groups, with commas: key, user, workspace, model, day, … Default: key."),
            ("since", "7d, a day, or a moment of RFC 3339. Default: 30d."),
            ("until", "The same, itself excluded. Default: now."),
        ),
    ),
    Operation(
        method="GET",
        path="/admin/changes",
        name="listChanges",
        says="Who changed what and when, the newest first.",
        does=acts.list_changes,
        gives=bodies.ChangeList,
        query=(
            ("name", "Only of this key, user or workspace."),
            ("before", "Only those with a smaller number, for the next page."),
            ("limit", "At most so many, up to 1000. Default: 100."),
        ),
    ),
)

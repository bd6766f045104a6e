"""What the endpoints of `/admin` take and give. An unknown field is refused; so is a wrong type."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from orchestrator.gateway.keys.records import Status, Subject, Window
from orchestrator.gateway.keys.terms import LONGEST
from orchestrator.gateway.keys.values import Access

Text = Annotated[str, Meta(max_length=LONGEST)]
Word = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
Names = Annotated[list[Word], Meta(max_length=500)]
AccessList = Annotated[list[Access], Meta(min_length=1, max_length=3)]
Usd = Annotated[float, Meta(ge=0, le=1e9)]
PerMinute = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Moment = Annotated[float, Meta(description="Seconds since the epoch.")]


class BudgetOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """At most so many US dollars in each window of the calendar, in UTC; `run`: in each run.

    `soft`: from so many dollars on the cheapest model answers; `true`: from `usd` on, and nothing
    is refused.
    """

    usd: Usd
    window: Window
    soft: Usd | bool | None = None


Budgets = Annotated[list[BudgetOf], Meta(max_length=4)]


# ── taken ────────────────────────────────────────────────────────────────────────────────


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made. A scope of `null` allows everything.

    `expires`: `90d`, a day (`2027-03-31`: to its end in UTC) or a moment of RFC 3339; `null`:
    never.
    """

    name: Text = ""
    access: AccessList = msgspec.field(default_factory=lambda: ["call"])
    tasks: Names | None = None
    models: Names | None = None
    data_classes: Names | None = None
    workspace: Text = ""
    user: Text = ""
    user_tier: Text = ""
    feature: Text = ""
    expires: Word | None = None
    budgets: Budgets = []
    requests_per_minute: PerMinute | None = None
    tokens_per_minute: PerMinute | None = None


class KeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be otherwise; what is left out stays. Budgets: `/admin/budgets/key/{id}`."""

    name: Text | UnsetType = UNSET
    access: AccessList | UnsetType = UNSET
    tasks: Names | UnsetType | None = UNSET
    models: Names | UnsetType | None = UNSET
    data_classes: Names | UnsetType | None = UNSET
    workspace: Text | UnsetType = UNSET
    user: Text | UnsetType = UNSET
    user_tier: Text | UnsetType = UNSET
    feature: Text | UnsetType = UNSET
    expires: Word | UnsetType | None = UNSET


class Rotation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key is to have a new secret. `grace`: how long the old one stays good; `0`: not at all."""

    grace: Word = "24h"


class NewAllotment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody may spend and ask for from now on; what is left out is not limited."""

    budgets: Budgets = []
    requests_per_minute: PerMinute | None = None
    tokens_per_minute: PerMinute | None = None


# ── given ────────────────────────────────────────────────────────────────────────────────


class SecretView(msgspec.Struct, frozen=True, kw_only=True):
    """A secret of a key: its beginning, which is all of it that is ever shown again."""

    shown: str
    made_at: Moment
    ends_at: Annotated[float | None, Meta(description="Set where another took its place.")]
    used_at: Moment | None


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A key, without its secret."""

    id: str
    name: str
    status: Status
    access: list[Access]
    tasks: list[str] | None
    models: list[str] | None
    data_classes: list[str] | None
    workspace: str
    user: str
    user_tier: str
    feature: str
    expires_at: Moment | None
    revoked_at: Moment | None
    made_at: Moment
    made_by: str
    used_at: Moment | None
    secrets: list[SecretView]
    budgets: list[BudgetOf]
    requests_per_minute: int | None
    tokens_per_minute: int | None


class KeyMade(KeyView, frozen=True, kw_only=True):
    """A key with its new secret, which is shown this once."""

    secret: str


class KeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All keys, the newest first."""

    data: list[KeyView]
    object: Literal["list"] = "list"


class AllotmentView(msgspec.Struct, frozen=True, kw_only=True):
    """What a key, user or workspace may spend and ask for."""

    per: Subject
    name: str
    budgets: list[BudgetOf]
    requests_per_minute: int | None
    tokens_per_minute: int | None


class AllotmentList(msgspec.Struct, frozen=True, kw_only=True):
    """All that are limited, by name."""

    data: list[AllotmentView]
    object: Literal["list"] = "list"


class ChangeView(msgspec.Struct, frozen=True, kw_only=True):
    """One administrative act."""

    number: int
    at: Moment
    by: str
    what: str
    per: Subject
    name: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class ChangeList(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first; `before` of the next page is the last one's `number`."""

    data: list[ChangeView]
    object: Literal["list"] = "list"


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Sums over attempts. `cost_usd` is `null` where the cost of a single one is unknown."""

    by: Annotated[dict[str, str], Meta(description="The group's names; empty for the total.")]
    attempts: int
    answers: int
    failed: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: float | None
    known_usd: Annotated[float, Meta(description="Of the attempts whose cost is known.")]
    unknown: Annotated[int, Meta(description="Attempts whose cost nobody knows.")]


class UsageReport(msgspec.Struct, frozen=True, kw_only=True):
    """What was spent, the dearest group first."""

    since: Moment
    until: Moment
    data: list[Spent]
    total: Spent
    under_way: int
    reserved_usd: float
    object: Literal["list"] = "list"

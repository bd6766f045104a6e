"""What a key may ask for, in pairs: what is refused, and the like that passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import KeyRefusedError
from orchestrator.gateway.keys.scope import (
    admit,
    models_of,
    on_behalf,
    permit_data_class,
    permit_task,
)
from orchestrator.gateway.keys.values import OPEN, Access, Key
from orchestrator.types import Caller

NAMES = ("a", "b", "c", "d")
SECRET = "mesh-0123456789"
names = st.frozensets(st.sampled_from(NAMES))


class Ring:
    """Knows one key."""

    def __init__(self, *access: Access) -> None:
        self.key = Key(id="key_1", name="ci", access=frozenset(access))

    def find(self, secret: str) -> Key:
        if secret != SECRET:
            raise KeyRefusedError("unknown", status=401, code="invalid_key")
        return self.key


@pytest.mark.parametrize("header", [f"Bearer {SECRET}", f"bearer  {SECRET} "])
def test_a_key_is_read_off_its_header(header: str) -> None:
    ring = Ring("call")
    assert admit(ring, header) is ring.key


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "missing_key"),
        ("", "missing_key"),
        (SECRET, "invalid_key"),
        (f"Basic {SECRET}", "invalid_key"),
        ("Bearer ", "invalid_key"),
        (f"Bearer {SECRET}x", "invalid_key"),
    ],
)
def test_what_is_no_key_is_refused(header: str | None, code: str) -> None:
    with pytest.raises(KeyRefusedError) as refused:
        admit(Ring("admin"), header)
    assert (refused.value.status, refused.value.code) == (401, code)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("has", "wants", "passes"),
    [
        ("call", "call", True),
        ("call", "read", False),
        ("call", "admin", False),
        ("read", "read", True),
        ("read", "call", False),
        ("read", "admin", False),
        ("admin", "admin", True),
        ("admin", "read", True),
        ("admin", "call", True),
    ],
)
def test_access(has: Access, wants: Access, passes: bool) -> None:
    if passes:
        admit(Ring(has), f"Bearer {SECRET}", wants)
        return
    with pytest.raises(KeyRefusedError, match=f"no '{wants}' access") as refused:
        admit(Ring(has), f"Bearer {SECRET}", wants)
    assert (refused.value.status, refused.value.code) == (403, "not_allowed")


def test_where_all_is_open_nobody_is_asked() -> None:
    assert admit(None, None, "admin") is OPEN


@given(allowed=st.none() | names, asked=st.sampled_from(NAMES))
def test_a_task_or_class_passes_where_it_is_named_or_none_is(
    allowed: frozenset[str] | None, asked: str
) -> None:
    key = Key(id="key_1", tasks=allowed, data_classes=allowed)
    for permit in (permit_task, permit_data_class):
        if allowed is None or asked in allowed:
            permit(key, asked)
            continue
        with pytest.raises(KeyRefusedError, match="key_1 may not") as refused:
            permit(key, asked)
        assert refused.value.status == 403


@given(allowed=st.none() | names, wanted=st.none() | names)
def test_models_are_those_that_key_and_request_allow(
    allowed: frozenset[str] | None, wanted: frozenset[str] | None
) -> None:
    """Neither the key nor the request is ever widened by the other."""
    key = Key(id="key_1", models=allowed)
    everything = frozenset(NAMES)
    expected = (everything if allowed is None else allowed) & (
        everything if wanted is None else wanted
    )
    if allowed is not None and wanted and not expected:
        with pytest.raises(KeyRefusedError, match="may not ask"):
            models_of(key, wanted)
        return
    found = models_of(key, wanted)
    assert (found is None) == (allowed is None and wanted is None)
    assert frozenset(NAMES if found is None else found) == expected


words = st.sampled_from(["", "x", "y"])
callers = st.builds(Caller, workspace=words, user=words, tier=words, key=words, feature=words)


@given(fixed=callers, said=callers)
def test_what_a_key_fixes_wins_and_a_request_fills_in_the_rest(fixed: Caller, said: Caller) -> None:
    who = on_behalf(Key(id=fixed.key, caller=fixed), said)
    for field in ("workspace", "user", "tier", "feature"):
        assert getattr(who, field) == (getattr(fixed, field) or getattr(said, field))
    assert who.key == fixed.key, "no request says which key it was made with"

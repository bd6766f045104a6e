"""Tells a webhook that an act waits, and reads the signed answer that comes back.

Both ways are signed alike: the header `mesh-signature: t=SECONDS,v1=HEX`, where HEX is the
HMAC-SHA-256 of `SECONDS.BODY` with the shared secret. What is older than five minutes is not
taken; and since an answer names one approval, which is decided once, nothing comes of a second one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from orchestrator.errors import PrerequisiteError
from orchestrator.project.approvals_schema import Approvals as Declared
from orchestrator.project.protocols import Clock
from orchestrator.tracing.redact import Mask
from orchestrator.types import as_json

if TYPE_CHECKING:
    from orchestrator.graph.approving import Approval

HEADER = "mesh-signature"
FRESH_S = 300
"""How long a signature is good, in seconds, and how far two clocks may be apart."""
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=([0-9a-f]{64})")


def signed(secret: str, body: bytes, at: float) -> str:
    """The value of the header for that body."""
    stamp = str(int(at))
    return f"t={stamp},v1={_hmac(secret, stamp, body)}"


def is_signed(secret: str, body: bytes, header: str, now: float) -> bool:
    """Whether the header is one of this body, made with the secret a moment ago."""
    found = _SIGNATURE.fullmatch(header.strip())
    if found is None or not secret:
        return False
    good = hmac.compare_digest(_hmac(secret, found[1], body), found[2])
    return good and abs(now - int(found[1])) <= FRESH_S


def _hmac(secret: str, stamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def told(approval: Approval) -> dict[str, object]:
    """What the webhook is sent: all that a person must see, secrets of known shapes masked."""
    mask, act = Mask(), approval.wanted.act
    return {
        "event": "approval_waits",
        "approval": approval.id,
        "run": act.run,
        "node": act.node,
        "tool": act.tool,
        "level": approval.wanted.level,
        "asked_at": approval.asked_at,
        "expires_at": approval.expires_at,
        "question": approval.question,
        "shown": {name: mask.secrets(text) for name, text in approval.shown.items()},
        "double_check": as_json(approval.wanted.check),
    }


def signer(
    declared: Declared, env: Mapping[str, str], clock: Clock
) -> Callable[[bytes], Mapping[str, str]]:
    """The header for each body that goes to the declared webhook.

    Raises:
        PrerequisiteError: the variable that holds its secret is not set.
    """
    secret = env.get(declared.secret or "", "")
    if not secret:
        raise PrerequisiteError(
            f"approvals.webhook of mesh.yaml signs what it sends: set {declared.secret}"
        )
    return lambda body: {HEADER: signed(secret, body, clock.now())}

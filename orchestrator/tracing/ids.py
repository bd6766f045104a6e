"""Names of traces: short enough to type, sortable by time, never the same twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

# Crockford's base 32 in lower case: no i, l, o, u, so nothing is misread.
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
LENGTH = 26
_PAIRS = tuple(a + b for a in ALPHABET for b in ALPHABET)  # ten bits each


def new_trace_id(
    clock: Callable[[], float] = time.time, entropy: Callable[[int], bytes] = random.randbytes
) -> str:
    """A new id: 48 bits of milliseconds, then 80 random bits, as 26 characters.

    Ids made in a later millisecond sort after earlier ones as plain text. They are no secrets: what
    tells them apart may come from a generator that is seeded anew in each process.

    Args:
        clock: seconds since the epoch.
        entropy: gives that many random bytes.
    """
    milliseconds = int(clock() * 1000) & ((1 << 48) - 1)
    number = (milliseconds << 80) | int.from_bytes(entropy(10), "big")
    return "".join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])

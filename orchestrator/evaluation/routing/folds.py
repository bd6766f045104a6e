"""Which queries a router learns from and which it is measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def folds(groups: Sequence[str], k: int, seed: int) -> np.ndarray:
    """For each query its fold, 0 to k - 1.

    A hash of its group and the seed says which, so that a fold depends neither on the order nor on
    what else is in the set, and anyone can compute it again: the first 8 hexadecimal digits of
    SHA-256 over `SEED:GROUP`, modulo k.
    """
    import numpy as np

    return np.array([_number(f"{seed}:{group}") % k for group in groups])


def drawn(groups: Sequence[str], n: int, seed: int) -> np.ndarray:
    """The row numbers of about `n` queries in whole groups: those whose hashes are least."""
    import numpy as np

    order = np.argsort([_number(f"{seed}:labels:{group}") for group in groups], kind="stable")
    return np.sort(order[:n])


def _number(text: str) -> int:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return int(digest[:8], 16)

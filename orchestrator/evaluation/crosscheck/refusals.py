"""What no model can be fitted on, told before minutes of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.errors import UserError
from orchestrator.evaluation.crosscheck.files import ClaimRow, groups, sharing

LEAST_OF_A_LABEL = 50
"""Claims of each label below which a fit is worse than the shipped model more often than not."""
LEAST_GROUPS = 20
"""Sets of passages below which folds say little about passages not seen."""


def refuse_too_few(rows: Sequence[ClaimRow], k: int) -> None:
    """For a model that others are to rely on.

    Raises:
        UserError: the rows are too few, or of one label only, or on too few passages.
    """
    refuse_folds(rows, k)
    for name, count in _labels(rows).items():
        if count < LEAST_OF_A_LABEL:
            raise UserError(
                f"{count} claims are {name}, and at least {LEAST_OF_A_LABEL} of each label are "
                "needed; the shipped model does better than a fit to so few"
            )
    if (found := len(set(groups(rows)))) < LEAST_GROUPS:
        raise UserError(
            f"the claims stand on {found} different sets of passages, and at least {LEAST_GROUPS} "
            "are needed; a fit must be tried on passages that it has not seen"
        )


def refuse_folds(rows: Sequence[ClaimRow], k: int) -> None:
    """For `k` folds of the rows.

    Raises:
        UserError: a label is missing, or the rows stand on too few passages.
    """
    _refuse_one_label(rows, "the files")
    if (found := len(set(groups(rows)))) < k:
        raise UserError(
            f"the claims stand on {found} different sets of passages, too few for {k} folds; "
            + (f"say --folds {found}, or add rows" if found > 1 else "add rows on other passages")
        )


def refuse_left_out(files: Mapping[str, Sequence[ClaimRow]]) -> None:
    """For leaving out one file after the other.

    Raises:
        UserError: there is one file only, or the others hold one label only.
    """
    if len(files) < 2:
        raise UserError("--leave-one-out needs two files or more: each is measured by the others")
    for name, rows in files.items():
        others = [row for other, own in files.items() if other != name for row in own]
        _refuse_one_label(_apart(others, rows), f"what is left to fit without {name}")


def refuse_training(train: Sequence[ClaimRow], rows: Sequence[ClaimRow]) -> None:
    """For fitting on `train` and measuring on `rows`.

    Raises:
        UserError: what of `train` stands on other passages is nothing, or of one label only.
    """
    left = _apart(train, rows)
    if not left:
        raise UserError(
            "nothing is left to fit: all that --train names stands on passages that are measured"
        )
    _refuse_one_label(left, "what --train names")


def _apart(train: Sequence[ClaimRow], rows: Sequence[ClaimRow]) -> list[ClaimRow]:
    return [row for row, lost in zip(train, sharing(train, rows), strict=True) if not lost]


def _refuse_one_label(rows: Sequence[ClaimRow], what: str) -> None:
    for name, count in _labels(rows).items():
        if count == 0:
            raise UserError(f"{what}: no claim is {name}; a threshold lies between both labels")


def _labels(rows: Sequence[ClaimRow]) -> dict[str, int]:
    supported = sum(row.label for row in rows)
    return {"supported": supported, "unsupported": len(rows) - supported}

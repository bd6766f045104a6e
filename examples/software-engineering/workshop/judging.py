"""Whether a change may be kept: the tests decide, and the request is not forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from orchestrator import function


@function("keep_or_send_back")
def keep_or_send_back(
    inputs: Mapping[str, Any],
) -> tuple[Literal["again", "done"], dict[str, Any]]:
    """`again`, with what failed, while tests fail that passed before and rounds are left.

    The change is `kept` where every test that passed before passes after it, and no other fails
    that did not fail before.
    """
    before, after, change = (inputs[name] for name in ("before", "after", "change"))
    wrong = _wrong(before, after, change)
    judged = {"kept": bool(change["diff"]) and not wrong, "failures": wrong}
    provable = bool(change["diff"] and before["passed"])
    if wrong and provable and int(inputs["round"]) < int(inputs["at_most"]):
        return "again", judged
    return "done", judged


def _wrong(
    before: Mapping[str, Any], after: Mapping[str, Any], change: Mapping[str, Any]
) -> list[str]:
    if change["failed"]:
        return [change["failed"]]
    if not change["diff"]:
        return []
    if not before["passed"]:
        why = before["error"] or "no test passes"
        return [f"nothing could prove the change, for before it {why}"]
    if after["error"]:
        return [after["error"]]
    broken = [f"{t}: {why}" for t, why in after["failed"].items() if t not in before["failed"]]
    gone = set(before["passed"]) - set(after["passed"]) - set(after["failed"])
    return [*broken, *(f"{test}: it is not run any more" for test in sorted(gone))]

"""The change itself: any model may write it as a diff, and a deterministic one always can."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator import CallError, builtin, role
from orchestrator.call_types import CallRequest
from orchestrator.errors import NoCandidateError, OverBudgetError
from orchestrator.roles.prompt import fence
from orchestrator.roles.work import Work
from orchestrator.types import from_json

from .code_base import CodeBase
from .dedupe import extract
from .diffs import checked_diff, make_diff
from .planning import Operation, find_blocks, find_symbol
from .rename import rename


@builtin("syntax-tree-refactorer")
def refactor(request: CallRequest) -> str:
    """The operations carried out by syntax tree, as a unified diff.

    After failed tests it also renames strings that are exactly the old name.

    Raises:
        ValueError: an operation cannot be done without changing what the program means.
    """
    before = from_json(CodeBase, request.inputs["code"])
    after = before
    operations = [Operation.model_validate(given) for given in request.inputs["operations"]]
    for operation in sorted(operations, key=_lines_first):
        if operation.kind == "rename":
            symbol = find_symbol(after, operation.target)
            after = rename(after, symbol, operation.new, strings=bool(request.inputs["failures"]))
        else:
            after = extract(after, find_blocks(after, operation), operation.new)
    return make_diff(before.files, after.files)


def _lines_first(operation: Operation) -> tuple[bool, int]:
    """Line numbers are those of the files as they are, so what names lines goes first, upwards."""
    named = operation.kind == "extract"
    return not named, -int(operation.target.rpartition("-")[2]) if named else 0


@role("refactorer", variables=("request", "steps", "files", "failures"))
async def change_code(work: Work) -> dict[str, Any]:
    """A diff that applies, compiles and takes no test away; or why there is none.

    Its `by` is the model that wrote it, `tries` the number of diffs that were tried so far.
    """
    code = from_json(CodeBase, work.inputs["code-base"])
    steps = work.inputs["steps"]["steps"]
    failures = list((work.inputs.get("judge") or {}).get("failures", ()))
    done: dict[str, Any] = {"diff": "", "failed": "", "by": "", "tries": work.round + 1}
    if not steps:
        return done
    touched = list(dict.fromkeys(file for step in steps for file in step["files"]))
    try:
        reply = await work.call(
            variables={
                "request": str(work.inputs["request"]),
                "steps": "\n".join(_line(number, step) for number, step in enumerate(steps, 1)),
                "files": "\n".join(fence("file", code.files[f], path=f) for f in touched),
                "failures": "\n".join(failures) or "(none: this is the first try)",
            },
            inputs={
                "code": {"folder": code.folder, "files": dict(code.files)},
                "operations": [step["operation"] for step in steps],
                "failures": failures,
            },
            check=lambda text: checked_diff(code.files, text),
        )
    except (CallError, NoCandidateError, OverBudgetError) as error:
        said = [a.error for a in getattr(error, "attempts", ()) if a.error]
        return done | {"failed": said[-1] if said else str(error)}
    return done | {"diff": reply.value, "by": reply.model}


def _line(number: int, step: Mapping[str, Any]) -> str:
    return f"{number}. {step['meaning']}; files in this order: {', '.join(step['files'])}"

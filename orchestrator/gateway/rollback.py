"""Back to a policy that was in use: its text becomes policy.yaml again, if the project loads so."""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import ProjectError, StorageError, UserError
from orchestrator.gateway.serve.reload import load_checked, problems_of
from orchestrator.project.load import default_root, load_project
from orchestrator.storage.operations import (
    KeptPolicy,
    Operation,
    Operations,
    keep_policy,
    operation,
)

FILE = "policy.yaml"


def current_hash(root: Path, env: Mapping[str, str] | None = None) -> str:
    """Of the policy as the project declares it now; empty where it does not load."""
    try:
        return load_project(root, env=os.environ if env is None else env).project.policy_hash
    except ProjectError:
        return ""


def difference(root: Path, kept: KeptPolicy) -> list[str]:
    """What a rollback would change, as a unified diff."""
    now = _text(root)
    lines = difflib.unified_diff(
        now.splitlines(),
        kept.text.splitlines(),
        f"{FILE} (as it is)",
        f"{FILE} ({kept.hash})",
        lineterm="",
    )
    return list(lines)


def rollback(
    root: Path,
    storage: Path,
    hash: str,
    who: str,
    *,
    why: str = "",
    env: Mapping[str, str] | None = None,
) -> Operation:
    """Make a kept policy that of the project again. The replaced one is kept, too.

    Args:
        hash: or the beginning of it.

    Raises:
        UserError: there is no such policy, or the project does not load with it; policy.yaml is
            as it was then, and the refusal is on record.
        StorageError: the file, or the record, cannot be written.
    """
    env = os.environ if env is None else env
    operations = Operations(storage)
    kept = operations.policy(hash)
    before = _keep_current(operations, root, env)
    said = {"why": why, "before": before, "after": kept.hash}
    try:
        with tempfile.TemporaryDirectory(prefix="mesh-") as folder:
            (Path(folder) / FILE).write_text(kept.text, encoding="utf-8")
            load_checked(root, env, {FILE: Path(folder) / FILE})
    except UserError as error:
        problems = problems_of(error)
        details = {"problems": problems}
        operations.add(operation("rollback", FILE, who, result="refused", details=details, **said))
        raise UserError(
            f"the project does not load with policy {kept.hash}, so {FILE} stays as it is:\n"
            + "\n".join(problems)
        ) from error
    _write(root / FILE, kept.text)
    done = operation("rollback", FILE, who, **said)
    operations.add(done)
    return done


def _keep_current(operations: Operations, root: Path, env: Mapping[str, str]) -> str:
    """The hash of the policy that is replaced, kept even if nothing has loaded it yet."""
    try:
        loaded = load_project(root, env=env)
    except ProjectError:  # a broken file is what one may want to get rid of
        return ""
    keep_policy(operations, loaded)
    return loaded.project.policy_hash


def _text(root: Path) -> str:
    path = root / FILE
    return (path if path.exists() else default_root() / FILE).read_text("utf-8")


def _write(path: Path, text: str) -> None:
    """All of it or nothing, with the rights that the file had."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text, encoding="utf-8")
        if path.exists():
            shutil.copymode(path, part)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error

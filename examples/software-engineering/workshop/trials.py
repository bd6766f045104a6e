"""Runs the tests of a code base for real: in a copy, in a process of its own, alone and limited.

The copy lies in a temporary folder; the process gets no variable of ours, may open no connection,
and is killed with all that it started when its time is over. That stops accidents. It is no
sandbox: run code that you do not trust in a container. It needs a POSIX system.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from orchestrator import UserError, tool
from orchestrator.evidence.tools import Toolbox
from orchestrator.types import from_json

from .code_base import CodeBase, is_test
from .diffs import apply_diff

SECONDS = 60.0
MOST_FAILURES = 5
_GUARD = f'''\
"""Loaded by every Python of the trial before anything else."""
import resource
import socket

resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS:.0f}, {SECONDS:.0f}))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000_000, 50_000_000))


def refuse(*_args, **_kwargs):
    raise OSError("the tests run without a network")


for name in ("connect", "connect_ex", "sendto", "bind"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = refuse
'''


@tool("run_tests")
async def run_tests(
    toolbox: Toolbox, *, code: Mapping[str, Any], change: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What the tests say: `{"ran", "passed", "failed": {test: why}, "error"}`.

    Args:
        change: what the refactorer returned; its diff is applied to the copy first.

    Raises:
        UserError: pytest is not installed here.
    """
    nothing: dict[str, Any] = {"ran": False, "passed": [], "failed": {}, "error": ""}
    base = from_json(CodeBase, code)
    if change is not None and not change["diff"]:
        return nothing
    if not any(is_test(file) for file in base.files):
        return nothing | {"error": "there is no test"}
    if importlib.util.find_spec("pytest") is None:
        raise UserError("the tests need pytest beside the library: pip install pytest")
    files = dict(base.files)
    if change is not None:
        files |= apply_diff(base.files, change["diff"])
    with tempfile.TemporaryDirectory(prefix="trial-") as folder:
        found = nothing | await _trial(Path(folder), files)
    told = f"{len(found['passed'])} passed, {len(found['failed'])} failed"
    toolbox.note(found["error"] or told)
    return found


async def _trial(folder: Path, files: Mapping[str, str]) -> dict[str, Any]:
    copy, guard, report = folder / "code", folder / "guard", folder / "report.xml"
    for file, text in {f"code/{f}": t for f, t in files.items()}.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(text.encode())
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(_GUARD, encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={copy}", f"--junitxml={report}"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", *options, "-c", os.devnull, "."),
        cwd=copy,
        env=_clean(folder, guard),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        return {"ran": True, "error": f"the tests took more than {SECONDS:.0f} seconds"}
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if not report.is_file():
        return {"ran": True, "error": said.decode("utf-8", "replace")[-1000:].strip()}
    return {"ran": True, **_read(report)}


def _clean(folder: Path, guard: Path) -> dict[str, str]:
    """No key, no setting and no home of ours."""
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PYTHONPATH": str(guard),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def _read(report: Path) -> dict[str, Any]:
    passed: list[str] = []
    failed: dict[str, str] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}".removeprefix("::")
        wrong = next((e for e in case if e.tag in ("failure", "error")), None)
        if wrong is not None:
            failed[name] = (wrong.get("message") or "").strip().split("\n")[0][:300]
        elif case.find("skipped") is None:
            passed.append(name)
    return {"passed": passed, "failed": failed}

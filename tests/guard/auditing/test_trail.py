"""The log beside a real project: decisions, heads, retention, what is forgotten, no secrets."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from typer.testing import CliRunner

from orchestrator.cli._app import build
from orchestrator.guard.auditing.chain import Chain
from orchestrator.guard.auditing.heads import read_heads
from orchestrator.guard.auditing.report import report
from orchestrator.guard.auditing.retention import AuditSweep
from orchestrator.guard.auditing.segments import entries, segments
from orchestrator.guard.auditing.trail import AuditTrail
from orchestrator.guard.auditing.verify import verify
from orchestrator.mesh import Mesh
from orchestrator.project.audit_schema import Anchor
from orchestrator.project.schema import KeepDays
from orchestrator.records import AuditEvent
from orchestrator.storage.sweep import limits

EVENT = AuditEvent(kind="tool", what="ran", at=1e9, facts={"tool": "calc"})


def trail(folder: Path, anchor: Anchor | None = None, now: float = 1e9) -> AuditTrail:
    return AuditTrail(folder / ".mesh", root=folder, project="here", now=lambda: now, anchor=anchor)


def test_who_records_waits_for_no_lock(tmp_path: Path) -> None:
    log = trail(tmp_path)
    with log.chain.lock():  # another process writes
        for _ in range(100):
            log.record(EVENT)
    log.close()
    assert verify(log.chain.folder).entries == 100


def test_heads_go_out_after_so_many_entries_and_at_the_end(tmp_path: Path) -> None:
    anchor = Anchor(
        file="heads.jsonl",
        every=10,
        command=(sys.executable, "-c", "open('in','a').write(input())"),
    )
    log = trail(tmp_path, anchor)
    for _ in range(12):
        log.write([EVENT] * 3)
    log.close()
    lines = (tmp_path / "heads.jsonl").read_text().splitlines()
    heads = list(read_heads(lines, "here"))
    assert [head.number for head in heads] == [3, 15, 27, 36]
    assert (tmp_path / "in").read_text() == "".join(lines)
    assert verify(log.chain.folder, heads).holds
    assert not list(read_heads(lines, "another"))


def test_a_place_that_takes_no_head_is_a_problem_and_no_failure(tmp_path: Path) -> None:
    log = trail(tmp_path, Anchor(url="http://127.0.0.1:1/heads"))
    log.write([EVENT])
    assert log.problem is not None
    assert "did not reach 127.0.0.1" in log.problem
    assert verify(log.chain.folder).entries == 1


def test_old_files_go_on_record_and_the_rest_still_holds(tmp_path: Path) -> None:
    chain = Chain(tmp_path / "audit", segment_bytes=300)
    for day in range(6):
        chain.append([AuditEvent(kind="tool", what="ran", at=1e9 + day * 86_400)])
    held = limits(KeepDays(audit=3), 1e9 + 6 * 86_400)
    sweep = AuditSweep(chain.folder)
    before = len(segments(chain.folder))
    planned = sweep.sweep(held, dry_run=True)
    assert len(segments(chain.folder)) == before
    assert sweep.sweep(held, dry_run=False) == planned
    found = verify(chain.folder)
    assert found.holds
    assert found.removed > 0
    segments(chain.folder)[0].unlink()  # one more, and nobody said so
    broken = verify(chain.folder).broken
    assert broken is not None
    assert "no retention is on record" in broken.problem


def test_the_command_finds_a_change_and_says_where(tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    (root / "mesh.yaml").write_text("audit: {anchor: {file: ../heads.jsonl}}\n")
    mesh = Mesh.load(root)
    mesh.audit_log.record(EVENT)
    mesh.audit_log.record(EVENT)
    mesh.audit_log.close()
    run = CliRunner()
    command = ["audit", "verify", "--json", "--project", str(root)]
    assert json.loads(run.invoke(build(), command).stdout)["holds"] is True
    (path,) = segments(mesh.audit_folder)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"calc", b"calk", 1))
    ended = run.invoke(build(), command)
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["broken"]["line"] == 1
    path.write_bytes(whole.splitlines(keepends=True)[0])
    ended = run.invoke(build(), command)
    assert ended.exit_code == 1
    assert "cut off" in json.loads(ended.stdout)["mismatch"]


def ask(root: Path, *words: str) -> None:
    """In a process of its own, as a person does; the project's root has no model but code."""
    command = [sys.executable, "-m", "orchestrator.cli", "ask", "--project", str(root), *words]
    subprocess.run(command, check=False, capture_output=True, timeout=60)


def test_a_run_is_told_and_forgotten(tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    secret = "sk-" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4"
    for user in ("ana-maria", "ben"):
        subprocess.run(
            [
                sys.executable,
                "-m",
                "orchestrator.cli",
                "ask",
                "--project",
                str(root),
                "--user",
                user,
                f"What is 17% of 240? {secret}",
            ],
            check=False,
            capture_output=True,
            timeout=60,
        )
    mesh = Mesh.load(root)
    kept = b"".join(path.read_bytes() for path in segments(mesh.audit_folder))
    assert secret.encode() not in kept
    assert b"240" not in kept.replace(b'"at":', b"")
    assert b"ana-maria" not in kept
    found = report(entries(mesh.audit_folder), since=None, until=4e9)
    assert found.requests == 2
    reached = next(s for s in found.sections if s.id == "reached")
    assert reached.rows
    run = CliRunner()
    command = ["forget", "--user", "ana-maria", "--project", str(root), "--json"]
    dry = json.loads(run.invoke(build(), command).stdout)
    assert (dry["done"], dry["counts"]["traces"]) == (False, 1)
    done = json.loads(run.invoke(build(), [*command, "--yes"]).stdout)
    assert (done["done"], done["counts"]) == (True, dry["counts"])
    for file in (root / ".mesh").rglob("*"):
        if file.is_file():
            assert b"ana-maria" not in file.read_bytes(), file
    assert len(Mesh.load(root).store.traces(9)) == 1
    with closing(sqlite3.connect(root / ".mesh" / "ledger.sqlite")) as ledger:
        names = {name for (name,) in ledger.execute("SELECT end_user FROM spend")}
    assert names == {"ben", done["subject"]}
    last = list(entries(mesh.audit_folder))[-1]
    assert (last.kind, last.facts["subject"]) == ("deletion", done["subject"])
    assert verify(mesh.audit_folder).holds


def test_strict_classes_go_first(tmp_path: Path) -> None:
    root = tmp_path / "p"
    root.mkdir()
    (root / "mesh.yaml").write_text("storage: {keep_days: {by_class: {confidential: 0}}}\n")
    for data_class in ("internal", "pii"):
        subprocess.run(
            [
                sys.executable,
                "-m",
                "orchestrator.cli",
                "ask",
                "--project",
                str(root),
                "--data-class",
                data_class,
                "What is 17% of 240?",
            ],
            check=False,
            capture_output=True,
            timeout=60,
        )
    mesh = Mesh.load(root)
    assert len(mesh.store.traces(9)) == 2
    mesh.gc()
    (left,) = Mesh.load(root).store.traces(9)
    assert {h.profile.data_class for h in mesh.store.hops(left.id) if h.profile} == {"internal"}

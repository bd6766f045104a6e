"""Every decision of a trace can be made again, and one that comes out otherwise is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.project.load import load_project
from orchestrator.project.policy_schema import Policy
from orchestrator.records import Hop
from orchestrator.replay.redecide import BEFORE, NO_FLEET, Policies, redecide
from orchestrator.replay.values import Redecided
from orchestrator.storage.operations import Operations, keep_policy
from orchestrator.types import FleetSnapshot

from .small import in_mesh, run, write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "project")


def recorded(project: Path) -> tuple[list[Hop], dict[str, FleetSnapshot]]:
    """The decided hops of a run, and the fleets that they saw."""
    trace = run(project, "looped", "why")

    async def work(mesh):  # type: ignore[no-untyped-def]
        hops = [hop for hop in mesh.store.hops(trace) if hop.decision]
        hashes = {hop.decision.fleet_hash for hop in hops}
        return hops, {hash: mesh.store.snapshot(hash) for hash in hashes}

    found: tuple[list[Hop], dict[str, FleetSnapshot]] = in_mesh(project, work)
    return found


def policies(project: Path) -> Policies:
    return Policies(load_project(project, env={}), Operations(project / ".mesh"), {})


def again(project: Path, hops: list[Hop], fleets: dict[str, FleetSnapshot]) -> Redecided:
    return redecide(hops, fleets.get, policies(project))


def test_all_are_the_same(project: Path) -> None:
    found = again(project, *recorded(project))
    assert found.same == found.total == 5
    assert (found.different, found.elsewhere, found.under) == ((), (), None)


def test_a_record_that_was_changed_is_found(project: Path) -> None:
    hops, fleets = recorded(project)
    decision = hops[0].decision
    assert decision is not None
    swapped = replace(decision, chosen="loud/here", fallbacks=("soft/here",))
    notes = replace(decision, notes=("by hand",))
    (chosen,) = again(project, [replace(hops[0], decision=swapped)], fleets).different
    assert (chosen.recorded, chosen.now) == ("loud/here", "soft/here")
    (other,) = again(project, [replace(hops[0], decision=notes)], fleets).different
    assert other.now == "soft/here, with other notes"


def test_what_lacks_its_context_fleet_or_policy_cannot_be_made_again(project: Path) -> None:
    hops, fleets = recorded(project)
    decision = hops[0].decision
    assert decision is not None
    older = replace(hops[0], decision=replace(decision, context=None))
    foreign = replace(hops[1], decision=replace(decision, policy_hash="f" * 16))
    assert again(project, [older], fleets).cannot == {BEFORE: 1}
    assert again(project, hops[:2], {}).cannot == {NO_FLEET: 2}
    assert again(project, [foreign], fleets).cannot == {
        "the text of policy ffffffff is not kept": 1
    }


def test_an_edited_policy_does_not_change_what_was_decided(project: Path) -> None:
    hops, fleets = recorded(project)
    file = project / "policy.yaml"
    file.write_text(file.read_text().replace("maximize: quality", "minimize: latency"))
    found = again(project, hops, fleets)
    assert found.same == found.total == 5
    assert found.under == policies(project).loaded.project.policy_hash


def test_a_policy_that_does_not_load_any_more_is_told(project: Path) -> None:
    file = project / "policy.yaml"
    kept = file.read_text()
    file.write_text(kept + "  - {name: soft, match: {task: [chat]}, primary: soft}\n")
    hops, fleets = recorded(project)
    keep_policy(Operations(project / ".mesh"), load_project(project, env={}))
    file.write_text(kept)
    fleet = project / "fleet.yaml"
    fleet.write_text(fleet.read_text().replace("  soft:\n", "  softer:\n"))
    (why,) = again(project, hops, fleets).cannot
    assert "the project does not load with policy" in why
    assert isinstance(policies(project).get(hops[0].decision.policy_hash), str)  # type: ignore[union-attr]
    assert isinstance(policies(project).loaded.project.policy, Policy)

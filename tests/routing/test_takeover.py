"""Who takes over where deployments are gone."""

from __future__ import annotations

import asyncio
from pathlib import Path

from orchestrator import Mesh
from orchestrator.routing.takeover import Takeover, takeovers
from tests.gateway.serve.service import write_service


def test_only_what_changes_hands_is_told(tmp_path: Path) -> None:
    write_service(tmp_path, "http://127.0.0.1:9/v1")
    mesh = Mesh.load(tmp_path, env={})
    requests = {task: mesh.profile("", task=task) for task in ("chat", "draft")}
    fleet, policy = mesh.fleet(), mesh.project.policy
    assert takeovers(requests, fleet, policy, ["spare/one"]) == ()
    assert takeovers(requests, fleet, policy, ["words/one"]) == tuple(
        Takeover(request=task, before="words/one", after="spare/one") for task in requests
    )
    lost = takeovers(requests, fleet, policy, ["words/one", "spare/one"])
    assert [one.after for one in lost] == [None, None]
    asyncio.run(mesh.close())

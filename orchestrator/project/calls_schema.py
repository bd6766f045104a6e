"""How calls are made: the part `calls` of `mesh.yaml`; see `schema`."""

from __future__ import annotations

from pydantic import Field

from orchestrator.project.declared import Declared, Quality


class Calls(Declared):
    """How calls are made, whoever asks."""

    hedge_share: Quality = Field(
        default=0.05,
        description="The share of all calls that may be made a second time because the first is "
        "slow; 0: none.",
    )

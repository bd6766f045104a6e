"""How the mesh is served over HTTP: the parts `gateway` and `shared` of `mesh.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.project.declared import Declared


class Gateway(Declared):
    """How `mesh serve` serves. Its options go before what stands here."""

    host: str = Field(default="127.0.0.1", min_length=1, description="Where it listens.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        default=8700, description="0: any that is free, printed at the start."
    )
    workers: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Processes that answer; they share the port."
    )
    body_mb: Annotated[int, Field(ge=1, le=200)] = Field(
        default=20, description="The largest request that is read, in megabytes."
    )
    unknown_parameters: Literal["pass", "refuse"] = Field(
        default="pass",
        description="What becomes of parameters that the API does not name: pass them to the "
        "provider as they are, or refuse the request.",
    )


class Shared(Declared):
    """What several processes or machines share: budgets, limits, breakers."""

    url: str | None = Field(
        default=None,
        pattern=r"^(rediss?|valkeys?|unix)://\S+$",
        description="Redis or Valkey, for example ${VALKEY_URL}; unset: shared are the files of "
        "the storage folder alone.",
    )

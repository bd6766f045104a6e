"""How the mesh is served over HTTP: the parts `gateway` and `shared` of `mesh.yaml`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from orchestrator.project._frozen import FrozenDict
from orchestrator.project.declared import Declared, Milliseconds, Name, Table


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
    sources: Table[Name, Annotated[tuple[str, ...], Field(strict=False, min_length=1)]] = Field(
        default_factory=FrozenDict,
        description="Files and folders that callers may let a graph read, under names; from a "
        "caller comes such a name and never a path.",
    )
    log: Literal["auto", "json", "text", "off"] = Field(
        default="auto",
        description="The log on standard error, with a line for each request: JSON, text for a "
        "person, text on a terminal and JSON elsewhere (`auto`), or none for requests (`off`).",
    )
    metrics: Literal["key", "open"] = Field(
        default="key",
        description="Who may read /metrics: keys with `read` access, or everybody who reaches it.",
    )


class Otlp(Declared):
    """A collector of OpenTelemetry spans that is spoken to by OTLP over HTTP."""

    endpoint: str = Field(
        pattern=r"^https?://\S+$",
        description="Where spans go, with the path: http://collector:4318/v1/traces.",
    )
    headers: Table[str, str] = Field(
        default_factory=FrozenDict,
        description="Header → the environment variable that holds its value (a key, for example).",
    )
    timeout_ms: Milliseconds = Field(
        default=10_000, description="How long one batch of spans may take."
    )


class Telemetry(Declared):
    """Where traces go besides the storage folder. What the OTEL_* variables of the environment say
    fills in what does not stand here."""

    service_name: str = Field(
        default="mesh", min_length=1, description="What this service is called there."
    )
    otlp: Otlp | None = Field(
        default=None,
        description="The collector; unset: that of OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or "
        "OTEL_EXPORTER_OTLP_ENDPOINT, if there is one.",
    )


class Shared(Declared):
    """What several processes or machines share: budgets, limits, breakers."""

    url: str | None = Field(
        default=None,
        pattern=r"^(rediss?|valkeys?|unix)://\S+$",
        description="Redis or Valkey, for example ${VALKEY_URL}; unset: shared are the files of "
        "the storage folder alone.",
    )
    name: Name | None = Field(
        default=None,
        description="What this project is called there, the same on every machine, so that two "
        "projects on one server do not mix; unset: the name of its folder.",
    )
    when_gone: Literal["local", "refuse"] = Field(
        default="local",
        description="While the server cannot be reached: every copy goes on with its fair share "
        "of each limit, counted on from what was last known (`local`), or whatever a shared limit "
        "holds for is refused with 503 (`refuse`).",
    )

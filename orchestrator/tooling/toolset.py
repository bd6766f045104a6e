"""The tools of a project: what there is, whether it may be called, and the call itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import UnknownNameError, UserError
from orchestrator.project._check_tools import HTTP_GET, OF_SERVER
from orchestrator.project.load import LoadedProject
from orchestrator.project.protocols import Clock
from orchestrator.project.registry import Registry, ToolFacts
from orchestrator.project.schema import Project
from orchestrator.routing._policy import compile_policy
from orchestrator.sharing.pools import Pools
from orchestrator.tooling.calling import Callings, call_tool, called
from orchestrator.tooling.permit import Circumstances, Permit, call_limits, permit
from orchestrator.tooling.rates import ToolRates
from orchestrator.tooling.signatures import signature_of
from orchestrator.tooling.values import (
    MOST_OUTPUT_CHARS,
    TIMEOUT_S,
    CallLimits,
    Tool,
    ToolCallResult,
    ToolFailure,
    ToolSpec,
)
from orchestrator.types import TaskProfile

if TYPE_CHECKING:
    from orchestrator.tooling.mcp.servers import McpServers
    from orchestrator.tooling.mcp.trust import Kept

ENVIRONMENT = "MESH_ENVIRONMENT"
TRUST = "mcp-tools.json"


class Toolset:
    """All tools of one project: those that its Python registers, the library's, MCP servers'.

    Args:
        env: the environment, for `MESH_ENVIRONMENT` and what MCP servers are given of it.
        rates: counts the calls of every tool.
        servers: the declared MCP servers; `None` where there are none.
    """

    def __init__(
        self,
        project: Project,
        registry: Registry,
        *,
        env: Mapping[str, str],
        clock: Clock,
        rates: ToolRates,
        servers: McpServers | None = None,
    ) -> None:
        self._project, self._clock, self._rates, self._servers = project, clock, rates, servers
        self._local = {t.spec.name: t for t in _registered(registry, project)}
        self.environment: str | None = env.get(ENVIRONMENT) or project.settings.environment
        """Where this runs; `None`: nobody has said, and rules that ask for it are strict."""

    @property
    def local(self) -> Mapping[str, Tool]:
        """Those that need no server, by name."""
        return self._local

    async def all(self) -> Mapping[str, Tool]:
        """Every tool by name; of servers that do not answer none, see `silent`.

        Raises:
            PrerequisiteError: MCP servers are declared and the extra `mcp` is not installed.
        """
        if self._servers is None:
            return self._local
        return {**await self._servers.tools(), **self._local}

    @property
    def silent(self) -> Mapping[str, str]:
        """The MCP servers that did not answer when they were asked last, and why."""
        return {} if self._servers is None else self._servers.silent

    async def get(self, name: str, where: str = "") -> Tool:
        """The tool of that name.

        Raises:
            UnknownNameError: with the near name, and the servers that could not be asked.
            PrerequisiteError: as `all`.
        """
        found = self._local.get(name)
        if found is not None:
            return found
        server, servers = name.partition(OF_SERVER)[0], self._project.settings.tools.mcp
        known = self._local
        if self._servers is not None and server in servers:
            known = {**known, **await self._servers.tools(server)}
            if name in known:
                return known[name]
        if server in self.silent:
            raise UserError(f"tool '{name}': {self.silent[server]}")
        if name == HTTP_GET:
            raise UserError(f"tool '{name}': it is off; name hosts under tools.http_get, mesh.yaml")
        raise UnknownNameError("tool", name, tuple(known), where)

    async def offers(self, names: Iterable[str], where: str = "") -> Mapping[str, Tool]:
        """What a model is offered, by the names that it knows the tools under.

        Raises:
            UnknownNameError, PrerequisiteError: as `get`.
            UserError: a tool that only graphs can call, or two that a model could not tell apart.
        """
        offered: dict[str, Tool] = {}
        for name in names:
            tool = await self.get(name, where)
            if not tool.spec.for_models:
                raise UserError(
                    f"the tool '{name}' takes what JSON cannot hold, so only a graph can call it"
                )
            held = offered.setdefault(tool.spec.offered_as, tool)
            if held.spec.name != name:
                raise UserError(
                    f"a model cannot tell the tools '{held.spec.name}' and '{name}' apart: it "
                    f"knows both as '{tool.spec.offered_as}'"
                )
        return offered

    def changes(self) -> Mapping[str, Kept]:
        """What MCP servers have changed of their tools since somebody agreed, by tool.

        Raises:
            StorageError: what was agreed to cannot be read.
        """
        return {} if self._servers is None else self._servers.changes()

    def agree(self, name: str, to: str, *, by: str) -> bool:
        """A person agrees to what a changed tool is now; see `TrustStore.agree`."""
        return self._servers is not None and self._servers.agree(name, to, by=by)

    def circumstances(self, profile: TaskProfile, *, declared: bool = False) -> Circumstances:
        """What rules ask of a call within a step of this profile.

        Args:
            profile: its data class is the strictest of all that the step has read.
            declared: a person named the tool in a graph, and no model chose it.
        """
        policy = self._project.policy
        at_home = (
            f"route:{route.name}.require.hosting"
            for matched in compile_policy(policy).matching(profile)
            if (route := matched.route).require.hosting == "self"
        )
        of_request = "request.hosting" if profile.constraints.hosting == "self" else None
        known = profile.data_class in policy.data_classes
        return Circumstances(
            environment=self.environment,
            data_class=profile.data_class if known else None,
            risk=profile.risk,
            tags=profile.tags,
            at_home=next(at_home, of_request),
            declared=declared,
        )

    def permit(self, spec: ToolSpec, given: Circumstances) -> Permit:
        """Whether the tool may be called, by the policy's rules."""
        return permit(spec, rules=self._project.policy.tools, given=given)

    def limits(self, spec: ToolSpec, given: Circumstances) -> CallLimits:
        """What one call may take, by the tool and the policy's rules."""
        return call_limits(spec, rules=self._project.policy.tools, given=given)

    async def call(
        self,
        tool: Tool,
        arguments: Mapping[str, Any] | str,
        *,
        box: Any,
        given: Circumstances,
    ) -> ToolCallResult:
        """Call a tool that may be called; see `call_tool`.

        Args:
            box: what it may use; see `tooling.box.Box`.
        """
        limits = self.limits(tool.spec, given)
        made_with = Callings(limits=limits, rates=self._rates, clock=self._clock)
        return await call_tool(tool.spec, tool.function, arguments, box=box, limits=made_with)


def open_toolset(
    loaded: LoadedProject,
    *,
    env: Mapping[str, str],
    clock: Clock,
    pools: Pools | None = None,
    folder: Path | None = None,
) -> Toolset:
    """The tools of a loaded project.

    Args:
        pools: the limits that this process shares with others; `None`: it counts alone.
        folder: where it is kept what each MCP server's tools were when a person first saw them;
            `None`: nothing is kept.
    """
    project, declared = loaded.project, loaded.project.settings.tools
    servers = None
    if declared.mcp:
        from orchestrator.tooling.mcp.servers import McpServers
        from orchestrator.tooling.mcp.trust import TrustStore

        trust = TrustStore(folder / TRUST if folder else None)
        servers = McpServers(
            declared.mcp, env=env, root=Path(project.root), trust=trust, clock=clock
        )
    rates = ToolRates(clock, pools)
    return Toolset(project, loaded.registry, env=env, clock=clock, rates=rates, servers=servers)


def _registered(registry: Registry, project: Project) -> Iterable[Tool]:
    for name in registry.names("tool"):
        if name != HTTP_GET or project.settings.tools.http_get is not None:
            yield _tool(name, registry)


def _tool(name: str, registry: Registry) -> Tool:
    item = registry.get("tool", name)
    said = registry.facts("tool", name).tool or ToolFacts()
    signature = signature_of(item)

    async def call(box: Any, **arguments: Any) -> Any:
        values = signature.values(arguments)
        return values if isinstance(values, ToolFailure) else await called(item, box, values)

    spec = ToolSpec(
        name=name,
        description=signature.description,
        parameters=signature.schema,
        level=said.level or "destructive",
        stated=said.level is not None,
        environments=said.environments,
        timeout_s=said.timeout_s or TIMEOUT_S,
        most_output_chars=said.max_output_chars or MOST_OUTPUT_CHARS,
        calls_per_minute=said.calls_per_minute,
        data_class=said.data_class,
        hosted=said.hosted,
        source="project" if registry.is_own("tool", name) else "builtin",
        for_models=signature.model is not None,
    )
    return Tool(spec=spec, function=call)

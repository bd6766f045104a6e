"""All transports of one `Mesh`, each made when it is first used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from orchestrator.call_types import Asks
from orchestrator.errors import AttemptError, UnknownNameError
from orchestrator.project.protocols import Clock, Transport
from orchestrator.project.registry import TRANSPORTS, Registry
from orchestrator.types import Outcome


class Transports:
    """Transports by their registered name. Belongs to one event loop.

    A transport is a registered class; it is called with the registry, the environment (keys are
    read from it by name when a call is made) and the clock.
    """

    def __init__(self, registry: Registry, env: Mapping[str, str], clock: Clock) -> None:
        self._registry, self._env, self._clock = registry, env, clock
        self._made: dict[str, Transport] = {}
        self._others: dict[tuple[str, Asks], Transport] = {}

    def get(self, name: str) -> Transport:
        """The transport of that name. Raises `UnknownNameError` with the near name."""
        if name not in self._made:
            kind = self._registry.get("transport", name)
            self._made[name] = cast(Transport, kind(self._registry, self._env, self._clock))
        return self._made[name]

    def bringing(self, asks: Asks, name: str) -> Transport:
        """The transport of that name for what is asked.

        Raises:
            AttemptError: `invalid_request`, where nothing of that name brings it.
        """
        if (name, asks) not in self._others:
            try:
                kind = self._registry.get(TRANSPORTS[asks], name)
            except UnknownNameError as error:
                raise AttemptError(Outcome.INVALID_REQUEST, str(error)) from error
            made = cast(Transport, kind(self._registry, self._env, self._clock))
            self._others[name, asks] = made
        return self._others[name, asks]

    async def close(self) -> None:
        """Close every transport that was made; each can be used again afterwards."""
        made = (*self._made.values(), *self._others.values())
        self._made, self._others = {}, {}
        for transport in made:
            await transport.close()

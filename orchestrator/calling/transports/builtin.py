"""Deterministic models: functions of the library or of the project, called in the process."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Mapping

from orchestrator.call_types import (
    Answering,
    CallEvent,
    CallRequest,
    Finish,
    TextDelta,
    UsageReport,
)
from orchestrator.errors import AttemptError, MeshError, UnknownNameError
from orchestrator.money import Usage
from orchestrator.project.protocols import Clock
from orchestrator.project.registry import Registry, transport
from orchestrator.types import Deployment, Outcome


@transport("builtin")
class BuiltinTransport:
    """Calls the registered builtin that the deployment names. Costs no tokens.

    A `ValueError` of the function means that it can do nothing with this input.
    """

    def __init__(self, registry: Registry, _env: Mapping[str, str], _clock: Clock) -> None:
        self._registry = registry

    async def stream(
        self, deployment: Deployment, request: CallRequest
    ) -> AsyncGenerator[CallEvent, None]:
        """One text, its (empty) usage, and the end. Refuses a request that offers tools."""
        if request.tools:
            named = f"{deployment.id} is deterministic and calls no tools"
            raise AttemptError(Outcome.INVALID_REQUEST, named)
        try:
            model = self._registry.get("builtin", deployment.target, deployment.id)
            text = model(request)
            if inspect.isawaitable(text):
                text = await text
        except UnknownNameError as error:
            raise AttemptError(Outcome.INVALID_REQUEST, str(error)) from error
        except MeshError:
            raise
        except ValueError as error:
            raise AttemptError(Outcome.INVALID_OUTPUT, str(error)) from error
        except Exception as error:  # a project's own code may raise anything
            named = f"{deployment.target} raised {type(error).__name__}: {error}"
            raise AttemptError(Outcome.MALFORMED, named) from error
        if not isinstance(text, str):
            found = type(text).__name__
            raise AttemptError(
                Outcome.MALFORMED, f"{deployment.target} returned {found} instead of str"
            )
        if text:
            yield TextDelta(text)
        yield Answering(model=deployment.target)
        yield UsageReport(usage=Usage())
        yield Finish("stop")

    async def close(self) -> None:
        """Nothing to close."""

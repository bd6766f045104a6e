"""The boundary before every model: the strictest class of all that is sent, and of all that the run
has met before."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.call_types import CallRequest, Message
from orchestrator.guard.detecting.detect import stricter
from orchestrator.routing.data_class import of_profile, raised_to, with_found
from orchestrator.types import Feature, TaskProfile

if TYPE_CHECKING:
    from orchestrator.roles.services import Services

_EARLIER = " (earlier in the run)"


@dataclass(slots=True)
class MetClass:
    """The strictest class of data that a run has met. It rises, and never falls."""

    feature: Feature | None = None

    def meet(self, profile: TaskProfile, data_classes: tuple[str, ...]) -> None:
        """A step was of this class, by what was found in what it sent."""
        found = of_profile(profile)
        if not found.origin.startswith("found:"):
            return  # what the caller declares is known to every step
        known = self.feature.value if self.feature is not None else None
        if known is None or stricter(known, found.value, data_classes) != known:
            origin = found.origin.removesuffix(_EARLIER) + _EARLIER
            self.feature = dataclasses.replace(found, origin=origin)


def texts_of(request: CallRequest) -> Iterator[str]:
    """Every text that is sent: of messages, and what models have tools called with."""
    for message in request.messages:
        yield from _texts(message)


def _texts(message: Message) -> Iterator[str]:
    content = message["content"]
    if isinstance(content, str):
        yield content
    else:
        for part in content or ():
            if part.get("type") == "text":
                yield str(part["text"])
    for call in message.get("tool_calls", ()):
        yield str(call.get("function", {}).get("arguments", ""))


def bounded(
    profile: TaskProfile, request: CallRequest, services: Services, met: MetClass
) -> TaskProfile:
    """The profile of a request with the class that all that it sends makes of it, and the run."""
    detectors, order = services.detectors, services.project.policy.data_classes
    found = detectors.found_class(texts_of(request))
    if found is not None:
        profile = raised_to(profile, with_found(of_profile(profile), found, detectors), order)
        met.meet(profile, order)
    return raised_to(profile, met.feature, order)

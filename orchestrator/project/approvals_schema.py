"""What people write in `mesh.yaml` of acts that wait for a person."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from orchestrator.project.declared import VARIABLE_PATTERN, Declared, WebAddress


class Approvals(Declared):
    """How long an act waits for a person's approval, and who is told of it."""

    hours: Annotated[float, Field(gt=0, le=24 * 90)] = Field(
        default=24,
        description="An act that nobody has approved by then counts as rejected, and an approval "
        "that was not used by then has lapsed.",
    )
    webhook: WebAddress | None = Field(
        default=None, description="Is told, by a signed POST, of every act that begins to wait."
    )
    secret: Annotated[str, Field(pattern=VARIABLE_PATTERN)] | None = Field(
        default=None,
        description="The environment variable that holds the secret which both sign with: what "
        "the webhook is sent, and answers that come to /v1/approvals. Without it none are taken.",
    )

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if self.webhook is not None and self.secret is None:
            raise ValueError("a webhook needs a secret: the name of an environment variable")
        return self

"""`fleet.refreshed.yaml`: what providers said of the fleet, beside what a person declares."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from orchestrator.project._frozen import FrozenDict
from orchestrator.project.declared import Declared, Table
from orchestrator.project.fleet_schema import PriceDeclaration


class RefreshedDeployment(Declared):
    """What was found out about one deployment."""

    listed: bool = Field(
        default=True, description="false: its provider does not list the model, so it is not used."
    )
    context: Annotated[int, Field(gt=0)] | None = Field(
        default=None, description="Tokens of input; counts where fleet.yaml does not say fewer."
    )
    price: PriceDeclaration | None = Field(
        default=None, description="US dollars a million tokens; fleet.yaml's own goes before it."
    )
    retires: str | None = Field(
        default=None,
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="The day on which the model is retired.",
    )


class Refreshed(Declared):
    """`fleet.refreshed.yaml`: what `mesh fleet refresh --write` found; without it nothing is."""

    asked: str = Field(
        default="",
        pattern=r"^(\d{4}-\d{2}-\d{2})?$",
        description="The day on which the providers were asked.",
    )
    deployments: Table[str, RefreshedDeployment] = Field(
        default_factory=FrozenDict, description="By MODEL/DEPLOYMENT, as `mesh fleet` lists them."
    )
    offers: Table[str, Annotated[tuple[str, ...], Field(strict=False)]] = Field(
        default_factory=FrozenDict,
        description="What each provider listed, so that the next refresh can say what is new.",
    )

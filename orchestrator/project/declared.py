"""The base of all that is declared, and the words that its classes share.

An unknown key is refused at every level (`extra="forbid"`), values are never coerced from
another type, and a loaded value cannot be changed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from orchestrator.project._frozen import frozen
from orchestrator.project._place import place_of_call
from orchestrator.types import Risk, RiskWord, risk_of

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
VARIABLE_PATTERN = r"^[A-Z][A-Z0-9_]*$"
FAMILY_PATTERN = r"^other-than [a-z0-9._-]+$"
DATABASE_PATTERN = r"^postgres(ql)?://\S+$"
URL_PATTERN = r"^https?://[^/\s?#]+[^\s]*$"

K = TypeVar("K")
V = TypeVar("V")

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=64)]
Table = Annotated[dict[K, V], AfterValidator(frozen)]
"""A mapping that cannot be changed once it is loaded."""
Quality = Annotated[float, Field(ge=0, le=1)]
Usd = Annotated[float, Field(ge=0)]
Milliseconds = Annotated[int, Field(gt=0)]
WebAddress = Annotated[str, Field(pattern=URL_PATTERN)]
DeclaredRisk = Annotated[
    Risk,
    BeforeValidator(risk_of),
    WithJsonSchema({"enum": list(get_args(RiskWord)), "type": "string"}),
]
"""`medium` is another word for `normal`."""


class Declared(BaseModel):
    """The base of everything declared."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, populate_by_name=True, allow_inf_nan=False
    )

    def __init__(self, /, **data: Any) -> None:
        """From Python, with the same names, types and limits as in a file.

        Raises:
            ProjectError: what is wrong, each with file, line and column of the call.
        """
        __tracebackhide__ = True
        place = place_of_call(sys._getframe(1))
        try:
            super().__init__(**data)
        except ValidationError as error:
            from orchestrator.project.in_code import construction_error

            raise construction_error(type(self), data, error, place) from None
        self.__dict__["_place"] = place

    # Only for Python: what pydantic itself validates, a file or a part of one, comes not here.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @model_validator(mode="before")
    @classmethod
    def _lists_are_tuples(cls, data: Any) -> Any:
        """Sequences are tuples once loaded; a list is how people and YAML write them."""
        if not isinstance(data, Mapping):
            return data
        return {key: tuple(v) if isinstance(v, list) else v for key, v in data.items()}

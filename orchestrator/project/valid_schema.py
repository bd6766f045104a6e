"""What the answers of an agent must satisfy: the part `valid` of its front matter; see `schema`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from orchestrator.project.declared import Declared, Name, Table

Language = Literal["python", "json", "yaml", "toml"]
Count = Annotated[int, Field(gt=0)]


class Valid(Declared):
    """What every answer must satisfy, all of it; else it is repaired once, or the next model asked.

    White space around an answer never counts. Of `json_schema`, `code` and `sql` only one can be
    said; what they ask for may stand in a code fence, the only one of the answer.
    """

    json_schema: Table[str, Any] | None = Field(
        default=None,
        description="A JSON Schema of the draft that it names, else 2020-12; formats are checked. "
        "Only models that can: [json] are asked, and they are told the schema.",
    )
    code: Language | None = Field(
        default=None, description="Code in that language that can be parsed; it is never run."
    )
    sql: str | None = Field(
        default=None,
        min_length=1,
        description="SQL that parses in that dialect of sqlglot: postgres, sqlite, mysql, …",
    )
    read_only: bool = Field(
        default=False, description="Of SQL: only queries, nothing that writes, defines or locks."
    )
    statements: Count = Field(default=1, description="Of SQL: at most so many statements.")
    pattern: str | None = Field(
        default=None,
        min_length=1,
        description="A regular expression that the whole answer matches, found out within 0.25 s.",
    )
    min_chars: Count | None = Field(default=None, description="At least so many characters.")
    max_chars: Count | None = Field(default=None, description="At most so many characters.")
    check: Name | tuple[Name, ...] = Field(
        default=(), description="Registered checks of one text; see @check."
    )

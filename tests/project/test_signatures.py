"""What annotations say of a registered function, and what they leave open."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict

from orchestrator.project._signatures import attributes, choice, gives, kinds_of, parameters

if TYPE_CHECKING:
    from nowhere import Hidden  # type: ignore[import-not-found]

T = TypeVar("T")


class Plan(BaseModel):
    steps: tuple[str, ...] = ()

    @property
    def first(self) -> str:
        return self.steps[0]


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Loose:
    def __getattr__(self, name: str) -> str:
        return name


class Shape(Protocol):
    name: str


KNOWN: list[tuple[Any, set[type], bool, bool]] = [
    (Plan, {Plan}, False, False),
    (Plan | None, {Plan}, False, True),
    (tuple[Plan, ...], {Plan}, True, False),
    (Sequence[Plan | str], {Plan, str}, True, False),
    (Annotated[list[Plan], "note"], {Plan}, True, False),
    (Literal["a", 2], {str, int}, False, False),
    (Mapping[str, Plan], {dict}, False, False),
    (None, set(), False, True),
]


@pytest.mark.parametrize(("hint", "classes", "listed", "optional"), KNOWN)
def test_a_hint_that_says_what_it_is(
    hint: Any, classes: set[type], listed: bool, optional: bool
) -> None:
    kinds = kinds_of(hint)
    assert (set(kinds.classes), kinds.listed, kinds.optional) == (classes, listed, optional)
    assert kinds.known


@pytest.mark.parametrize("hint", [Any, object, T, Shape, Plan | Any, list, tuple[Any, ...]])
def test_a_hint_that_leaves_it_open(hint: Any) -> None:
    assert not kinds_of(hint).known


async def _plan(work: Hidden) -> Plan:
    raise NotImplementedError


def _hidden() -> Hidden:
    raise NotImplementedError


def _silent():  # type: ignore[no-untyped-def]
    raise NotImplementedError


def test_one_annotation_that_cannot_be_read_says_nothing_about_the_others() -> None:
    assert gives(_plan).classes == {Plan}
    assert not gives(_hidden).known
    assert not gives(_silent).known
    assert not gives(object()).known


def _two(inputs: Any) -> tuple[Literal["a"], Plan] | tuple[Literal["b"], str]:
    raise NotImplementedError


def _free(inputs: Any) -> tuple[str, Plan]:
    raise NotImplementedError


def test_labels_and_the_value_beside_them() -> None:
    assert choice(_two).labels == ("a", "b")
    assert choice(_two).value.classes == {Plan, str}
    assert choice(_free).labels is None
    assert choice(_free).value.classes == {Plan}
    assert not choice(_plan).possible
    assert choice(_silent).possible


async def _tool(toolbox: Any, *, text: str, most: int | None = None) -> int:
    raise NotImplementedError


@functools.wraps(_tool)
async def _wrapped(*args: Any, **kwargs: Any) -> int:
    return await _tool(*args, **kwargs)


def test_the_parameters_of_a_tool() -> None:
    found = parameters(_tool)
    assert found is not None
    assert {name: p.required for name, p in found.items()} == {"text": True, "most": False}
    assert found["text"].kinds.classes == {str}
    assert found["most"].kinds.optional
    assert parameters(_wrapped) is None  # who wraps may fill in what is missing
    assert parameters(3) is None


def test_attributes_are_known_where_no_others_can_be() -> None:
    held = attributes(Plan)
    assert held is not None
    assert {"steps", "first"} <= set(held)
    assert attributes(Open) is None
    assert attributes(Loose) is None

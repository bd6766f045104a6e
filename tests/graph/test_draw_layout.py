"""Nothing lies on anything else, whatever the graph."""

from __future__ import annotations

import re
from itertools import combinations, pairwise

import pytest

from orchestrator.graph.draw import picture
from orchestrator.graph.draw_layout import Item, Layout, Link, lay_out
from orchestrator.graph.draw_paths import ways

from .graphs import random_graph

Point = tuple[float, float]


def links_of(seed: int) -> tuple[dict[str, tuple[float, float]], list[Link]]:
    drawn = picture(random_graph(seed, size=12))
    sizes = {
        box.name: (80.0 + 30 * (number % 5), 40.0 + 25 * (number % 3))
        for number, box in enumerate(drawn.boxes)
    }
    return sizes, [
        Link(
            source=a.source,
            target=a.target,
            back=a.kind == "back",
            label=(70.0, 18.0) if a.label else None,
        )
        for a in drawn.arrows
    ]


def apart(one: Item, other: Item) -> bool:
    return (
        one.right <= other.left or other.right <= one.left
        or one.bottom <= other.top or other.bottom <= one.top
    )  # fmt: skip


def points(path: str) -> list[Point]:
    """The path as a row of points, curves in sixteen pieces."""
    found: list[Point] = []
    for command, numbers in re.findall(r"([MLVCQ])([-\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        if command == "V":
            found.append((found[-1][0], values[0]))
            continue
        corners = [
            (found[-1] if found else (0.0, 0.0)),
            *zip(values[::2], values[1::2], strict=True),
        ]
        if command in "ML":
            found.append(corners[-1])
            continue
        for step in range(1, 17):
            level = corners
            while len(level) > 1:  # de Casteljau
                level = [
                    (a[0] + (b[0] - a[0]) * step / 16, a[1] + (b[1] - a[1]) * step / 16)
                    for a, b in pairwise(level)
                ]
            found.append(level[0])
    return found


def inside(point: Point, box: Item) -> bool:
    return box.left + 1 < point[0] < box.right - 1 and box.top + 1 < point[1] < box.bottom - 1


def dense(path: str) -> list[Point]:
    row = points(path)
    return [
        (a[0] + (b[0] - a[0]) * n / 20, a[1] + (b[1] - a[1]) * n / 20)
        for a, b in pairwise(row)
        for n in range(21)
    ]


@pytest.mark.parametrize("seed", range(40))
def test_boxes_and_labels_lie_apart(seed: int) -> None:
    sizes, links = links_of(seed)
    layout = lay_out(sizes, links)
    solid = [i for layer in layout.layers for i in layer if i.kind != "joint"]
    assert all(apart(one, other) for one, other in combinations(solid, 2))


@pytest.mark.parametrize("seed", range(40))
def test_no_arrow_runs_through_a_box(seed: int) -> None:
    sizes, links = links_of(seed)
    layout = lay_out(sizes, links)
    found = ways(layout, links)
    for link, path in zip(links, found.paths, strict=True):
        for point in dense(path):
            hit = [name for name, box in layout.boxes.items() if inside(point, box)]
            assert not hit, f"{link.source} to {link.target} runs through {hit}"
        start, end = points(path)[0], points(path)[-1]
        assert touches(start, layout.boxes[link.source])
        assert touches(end, layout.boxes[link.target], by=7.1)


def touches(point: Point, box: Item, by: float = 0.1) -> bool:
    return (
        box.left - by <= point[0] <= box.right + by and box.top - by <= point[1] <= box.bottom + by
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_page_holds_all_of_it(seed: int) -> None:
    sizes, links = links_of(seed)
    layout = lay_out(sizes, links)
    found = ways(layout, links)
    for path in found.paths:
        for x, y in points(path):
            assert found.left - 0.1 <= x <= found.right + 0.1
            assert -30 <= y <= found.bottom + 0.1
    assert set(found.labels) == {n for n, link in enumerate(links) if link.label}


def test_arrows_that_need_not_cross_do_not() -> None:
    names = ["start", "a", "b", "c", "x", "y", "z"]
    pairs = [("a", "z"), ("b", "y"), ("c", "x"), *(("start", n) for n in "abc")]
    layout = lay_out(
        dict.fromkeys(names, (80.0, 40.0)), [Link(source=s, target=t) for s, t in pairs]
    )
    order = [place(layout, name) for name in "abc"]
    below = [place(layout, name) for name in "zyx"]
    assert sorted(range(3), key=order.__getitem__) == sorted(range(3), key=below.__getitem__)


def place(layout: Layout, name: str) -> float:
    return layout.boxes[name].x


def test_a_chain_is_drawn_straight() -> None:
    names = ["a", "b", "c", "d"]
    sizes = {name: (60.0 + 40 * n, 40.0) for n, name in enumerate(names)}
    layout = lay_out(sizes, [Link(source=s, target=t) for s, t in pairwise(names)])
    assert len({round(layout.boxes[name].x, 3) for name in names}) == 1

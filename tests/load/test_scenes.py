"""The scenes at a size for every day; `make soak-gateway` plays them whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.load.scenes import SCENES, Size

pytestmark = pytest.mark.slow
SMALL = Size(at_once=50, seconds=2, pieces=12, gap_ms=50)


@pytest.mark.parametrize("scene", SCENES)
async def test_nothing_is_lost_mixed_up_or_cut(scene: str, tmp_path: Path) -> None:
    found = await SCENES[scene](tmp_path / "project", SMALL)
    # So short a load says nothing of memory: the soak does.
    assert [check for check in found if not check.holds and check.name != "memory"] == []
    assert len(found) > 7

"""Make the pictures of the viewer that README.md shows: docs/pictures/*.png.

    .venv/bin/python scripts/screenshots.py            # needs Chromium, see scripts/browser

The graph of a new project (`mesh init`) is run in a temporary folder, for every working day of a
week that the clock is moved through; two priced models are stand-ins on loopback, and one of them
fails for an hour. Then `mesh ui` shows what was recorded, and a browser takes the pictures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from orchestrator import Mesh, RunOptions  # noqa: E402
from orchestrator.calling.clock import SystemClock  # noqa: E402
from orchestrator.project.load import load_project  # noqa: E402
from orchestrator.scaffold.new_project import GRAPH, new_project  # noqa: E402
from orchestrator.types import Caller  # noqa: E402
from tests.browser.chromium import ARGUMENTS, find  # noqa: E402
from tests.calling.server import Fail, Say, StandIn, Step, Tokens  # noqa: E402
from tests.expert import Expert  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = ROOT / "docs" / "pictures"
LARGEST = 150_000
"""Bytes of a picture."""
DAY, HOUR = 86_400.0, 3600.0
WEEK, SLOTS = 6, 4
"""Days, and times of a day at which somebody asks."""
FLEET = """
  writer-large:
    family: large
    tier: frontier
    context: 32000
    tasks: {{draft: 0.9, check: 0.88, plan: 0.85}}
    can: [json, stream, cite]
    deployments:
      - {{id: hosted, via: openai, model: writer-large, endpoint: "{large}", hosting: hosted,
         region: us, retention_days: 30, trains_on_data: false, first_token_ms: 900,
         tokens_per_second: 60, price: {{input: 3, output: 15}}}}
  writer-small:
    family: small
    tier: small
    context: 32000
    tasks: {{draft: 0.74, check: 0.72, plan: 0.66}}
    can: [json, stream, cite]
    deployments:
      - {{id: hosted, via: openai, model: writer-small, endpoint: "{small}", hosting: hosted,
         region: eu, retention_days: 0, trains_on_data: false, first_token_ms: 300,
         tokens_per_second: 120, price: {{input: 0.25, output: 1}}}}
"""
ASKED = (
    ("How long is the loan period?", "loan period", "desk"),
    ("What is the deposit for power tools?", "deposit", "desk"),
    ("When are donations taken?", "onations", "web"),
    ("How much does a sewing machine course cost?", "sewing machine course", "web"),
    ("Calculate the late fee for 3 tools and 4 days at 2 EUR per tool and day", "late fee", "desk"),
    ("Who is the mayor of Millbrook?", "mayor", "letters"),
)


class MovedClock(SystemClock):
    """The machine's clock, some time away."""

    def __init__(self) -> None:
        self.away = 0.0

    def now(self) -> float:
        return time.time() + self.away

    def monotonic(self) -> float:
        return time.monotonic() + self.away


@dataclass
class Writer:
    """A stand-in that answers as well as it can, and reports tokens like a model would."""

    expert: Expert
    failing: bool = False

    def __call__(self, body: dict[str, Any]) -> Step:
        if self.failing:
            return Fail(503, "the server is overloaded")
        said = self.expert(body)
        assert isinstance(said, Say)
        size = sum(len(message["content"]) for message in body["messages"])
        tokens = Tokens(input=size // 4, output=len(said.text) // 4)
        return Say(said.text, usage=tokens, model=body["model"], delay_s=0.05)


async def live(folder: Path) -> None:
    """A week of the project."""
    large, small = Writer(Expert("")), Writer(Expert(""))
    async with StandIn(large) as large_url, StandIn(small) as small_url:
        fleet = folder / "fleet.yaml"
        added = FLEET.format(large=large_url, small=small_url)
        fleet.write_text(fleet.read_text("utf-8") + added, "utf-8")
        clock = MovedClock()
        env: dict[str, str] = {}
        async with Mesh(load_project(folder, env=env), env=env, clock=clock) as mesh:
            for turn in range(WEEK * SLOTS):
                day, place = divmod(turn, SLOTS)
                clock.away = (day - WEEK) * DAY + (place - 2) * 3 * HOUR
                small.failing = day == 3 and place in (1, 2)
                for question, keyword, feature in ASKED[place % 2 :: 2]:
                    large.expert.keyword = small.expert.keyword = keyword
                    caller = Caller(workspace="library", feature=feature)
                    options = RunOptions(tags=(feature,), caller=caller)
                    await mesh.run(GRAPH, question=question, sources=["sources"], options=options)


async def compare(folder: Path) -> tuple[str, str]:
    """The same question before and after the cheaper model is worth less: two traces."""
    ids = []
    writer = Writer(Expert(ASKED[1][1]))
    async with StandIn(writer) as url:
        fleet = folder / "fleet.yaml"
        text = fleet.read_text("utf-8").split("  writer-large:")[0]
        text += FLEET.format(large=url, small=url)
        for quality in ("draft: 0.74", "draft: 0.5"):
            fleet.write_text(text.replace("draft: 0.74", quality), "utf-8")
            async with Mesh.load(folder, env={}) as mesh:
                answer = await mesh.run(GRAPH, question=ASKED[1][0], sources=["sources"])
                ids.append(answer.trace_id)
    return ids[0], ids[1]


@contextmanager
def pages(folder: Path) -> Iterator[str]:
    """`mesh ui` over the folder."""
    command = [sys.executable, "-m", "orchestrator.cli", "ui", "--port", "0", "--json"]
    with subprocess.Popen(
        [*command, "--project", str(folder)], stdout=subprocess.PIPE, text=True
    ) as served:
        assert served.stdout is not None
        told = ""
        while not told.endswith("}\n"):
            told += served.stdout.readline()
        try:
            yield str(json.loads(told)["url"]).rstrip("/")
        finally:
            served.terminate()


def take(url: str, before: str, after: str, output: Path) -> None:
    """All pictures."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        desk = browser.new_context(
            viewport={"width": 1280, "height": 800}, color_scheme="light", locale="en-GB"
        )
        page = desk.new_page()
        page.goto(url)
        picture(page, output / "list.png")
        page.goto(f"{url}/t/{before}")
        picture(page, output / "trace.png", 900)
        page.locator("#waterfall").get_by_role("link", name="cite", exact=True).last.click()
        page.locator("#claims").wait_for()
        picture(page, output / "hop.png", 1240)
        page.goto(f"{url}/diff?a={before}&b={after}")
        page.locator("tr.first").scroll_into_view_if_needed()
        picture(page, output / "diff.png", 900)
        page.goto(f"{url}/boards")
        picture(page, output / "boards.png", 1120)
        phone = browser.new_context(
            viewport={"width": 390, "height": 780}, device_scale_factor=2, locale="en-GB"
        )
        page = phone.new_page()
        page.goto(f"{url}/t/{before}")
        picture(page, output / "phone.png", 780)
        browser.close()


def picture(page: Page, path: Path, height: int = 800) -> None:
    """What the window shows, in so few colours that the file stays small."""
    from PIL import Image

    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": size["width"], "height": height})
    page.screenshot(path=path)
    for colours in (256, 128, 64):
        with Image.open(path) as image:
            small = image.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
        small.save(path, optimize=True)
        if path.stat().st_size <= LARGEST:
            return
    print(f"{path} is larger than {LARGEST:,} bytes", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--output", type=Path, default=PICTURES)
    parser.add_argument("--keep", type=Path, help="the project's folder, to look at it afterwards")
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    if find() is None:
        parser.exit(1, "screenshots: no Chromium on PATH; scripts/browser installs Debian's\n")
    with tempfile.TemporaryDirectory() as temp:
        folder = (chosen.keep or Path(temp) / "library").resolve()
        new_project(folder)
        with chdir(folder):  # sources are named as somebody in the project's folder names them
            asyncio.run(live(folder))
            before, after = asyncio.run(compare(folder))
        with pages(folder) as url:
            take(url, before, after, chosen.output)


if __name__ == "__main__":
    main()

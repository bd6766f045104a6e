"""Keys, phones, dark rooms, screen readers."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from orchestrator.scaffold.new_project import QUESTION
from tests.browser.looks import (
    framed,
    low_contrast,
    unnamed,
    unordered_headings,
    untitled_columns,
)
from tests.browser.site import Site

PAGES = (
    "/",
    "/boards",
    "/diff",
    "/diff?a={first}&b={other}",
    "/diff?a={first}&b={better}",
    "/t/{first}",
    "/t/{first}/graph",
    "/t/{first}/conversation",
    "HOP",
)


def opened(page: Page, pages: Site, path: str) -> None:
    """Open one of `PAGES`."""
    if path == "HOP":
        page.goto(f"{pages.url}/t/{pages.first}")
        page.locator("#waterfall").get_by_role("link", name="cite", exact=True).click()
        page.locator("#why").wait_for()
    else:
        ids = {"first": pages.first, "other": pages.other, "better": pages.better}
        page.goto(pages.url + path.format(**ids))


def test_keys_alone_lead_from_the_list_to_a_hop_and_back(page: Page, pages: Site) -> None:
    page.goto(pages.url)
    page.keyboard.press("/")
    page.keyboard.type("loan period")
    page.keyboard.press("Enter")
    expect(page.locator("#traces tbody tr[data-at]")).to_have_count(2)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(QUESTION)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#why")).to_be_visible()
    page.keyboard.press("u")
    expect(page.get_by_role("heading", level=1)).to_have_text(QUESTION)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_first_tab_skips_to_the_content(page: Page, pages: Site) -> None:
    page.goto(pages.url)
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("path", PAGES)
def test_everybody_can_read_the_page(page: Page, pages: Site, path: str) -> None:
    opened(page, pages, path)
    found = {
        "frame": framed(page),
        "headings out of order": unordered_headings(page),
        "without a name": unnamed(page),
        "tables without headers": untitled_columns(page),
        "light": low_contrast(page),
    }
    page.emulate_media(color_scheme="dark")
    found["not dark"] = [] if _is_dark(page) else [path]
    found["dark"] = low_contrast(page)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 390, "height": 800})
    wide, room = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    found["cut off on a phone"] = [f"{wide} pixels"] if wide > room else []
    assert not {what: places for what, places in found.items() if places}


def _is_dark(page: Page) -> bool:
    behind = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(int, behind.removeprefix("rgb(").removesuffix(")").split(", "))) < 200

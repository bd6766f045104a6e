"""The exported file, opened from the disk by a browser that has no network."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from orchestrator.scaffold.new_project import QUESTION
from tests.browser.conftest import watch
from tests.browser.exporting import export
from tests.browser.site import QUOTE, Site


@pytest.fixture
def offline(browser: Browser) -> Page:
    """A tab that may ask for nothing."""
    context = browser.new_context(offline=True)
    context.set_default_timeout(10_000)
    return context.new_page()


def test_it_is_read_without_a_network_and_asks_for_nothing(offline: Page, exported: Path) -> None:
    wrong, asked = watch(offline), []
    offline.on("request", lambda request: asked.append(request.url))
    offline.goto(exported.as_uri())
    expect(offline.get_by_role("heading", level=1)).to_have_text(QUESTION)
    offline.locator("#top").get_by_role("link", name="cite", exact=True).click()
    expect(offline.locator("mark:visible").first).to_contain_text(QUOTE)
    expect(offline.locator("#top")).to_be_hidden()
    offline.locator("[data-up]:visible").click()
    expect(offline.locator("#top")).to_be_visible()
    offline.locator("#top").get_by_role("link", name="draft", exact=True).click()
    visible = offline.locator("section.page:visible")
    expect(visible).to_contain_text("extractive-writer/here was chosen")
    expect(visible).to_contain_text("ANTHROPIC_API_KEY is not set")
    visible.get_by_role("link", name="Attempts and cost").click()
    expect(visible.get_by_role("heading", name="Attempts and cost")).to_be_in_viewport()
    sent = [url for url in asked if not url.startswith("data:")]
    assert sent == [exported.as_uri()]
    assert not wrong, wrong
    offline.context.close()


def test_every_link_leads_to_a_place_of_the_file(offline: Page, exported: Path) -> None:
    offline.goto(exported.as_uri())
    lost = offline.evaluate(
        "[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))"
        ".filter(href => !href.startsWith('#') || !document.getElementById(href.slice(1)))"
    )
    assert lost == []
    twice = offline.evaluate(
        "(ids => ids.filter((id, n) => ids.indexOf(id) !== n))"
        "([...document.querySelectorAll('[id]')].map(one => one.id))"
    )
    assert twice == []
    offline.context.close()


def test_keys_walk_through_it(offline: Page, exported: Path) -> None:
    offline.goto(exported.as_uri())
    offline.keyboard.press("j")
    offline.keyboard.press("Enter")
    expect(offline.locator("#h1")).to_be_visible()
    offline.keyboard.press("n")
    expect(offline.locator("#h2")).to_be_visible()
    expect(offline.locator("#h1")).to_be_hidden()
    offline.keyboard.press("u")
    expect(offline.locator("#top")).to_be_visible()
    offline.context.close()


def test_all_of_it_is_there_without_scripts(browser: Browser, exported: Path) -> None:
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(exported.as_uri())
    expect(page.locator("#top")).to_be_visible()
    expect(page.locator("#h1")).to_be_visible()
    context.close()


def test_a_redacted_file_holds_no_text_of_the_request(
    offline: Page, pages: Site, tmp_path: Path
) -> None:
    wrong = watch(offline)
    file = export(pages, tmp_path / "redacted.html", "--redact")
    text = file.read_text("utf-8")
    for word in ("loan period", "7 days", "borrow"):
        assert word not in text, word
    assert "extractive-writer/here" in text
    offline.goto(file.as_uri())
    offline.locator("#top").get_by_role("link", name="draft", exact=True).click()
    expect(offline.locator("section.page:visible")).to_contain_text("was chosen")
    assert not wrong, wrong
    offline.context.close()


def test_its_policy_stops_a_script_that_was_put_in(
    offline: Page, exported: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed.html"
    text = exported.read_text("utf-8")
    extra = "<script>document.title = 'taken over'</script><img src='http://127.0.0.1:9/x.png'>"
    changed.write_text(text.replace("</main>", f"{extra}</main>"), "utf-8")
    refused = watch(offline)
    offline.goto(changed.as_uri())
    assert offline.title() != "taken over"
    assert any("Content Security Policy" in said for said in refused)
    offline.context.close()

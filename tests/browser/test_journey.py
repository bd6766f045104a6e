"""What somebody does who wants to know why: find the trace, the hop, the rule, the source."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from orchestrator.scaffold.new_project import QUESTION
from tests.browser.site import OTHER_QUESTION, QUOTE, Site


def test_the_list_finds_a_trace_and_opens_it(page: Page, pages: Site) -> None:
    page.goto(pages.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("Traces")
    expect(page.locator("#traces tbody tr[data-at]")).to_have_count(3)
    page.get_by_role("searchbox").fill("deposit")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#traces tbody tr[data-at]")).to_have_count(1)
    page.get_by_role("link", name=OTHER_QUESTION).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(OTHER_QUESTION)
    expect(page.get_by_role("table")).to_contain_text("extractive-writer/here")


def test_clicking_tells_why_a_hop_chose_its_model(page: Page, pages: Site) -> None:
    page.goto(pages.url)
    page.locator("#traces").get_by_role("link", name=QUESTION).first.click()
    page.locator("#waterfall").get_by_role("link", name="draft", exact=True).click()
    expect(page.locator("#why")).to_contain_text("better-writer/here was chosen")
    page.get_by_role("navigation", name="This hop").get_by_role("link", name="Decision").click()
    funnel = page.get_by_role("table", name=re.compile("^Every candidate"))
    lost = funnel.get_by_role("row", name=re.compile("^claude-sonnet.direct"))
    expect(lost).to_contain_text("ANTHROPIC_API_KEY is not set")
    expect(lost).to_contain_text("availability")
    chosen = funnel.get_by_role("row", name=re.compile("^better-writer.here"))
    expect(chosen).to_contain_text("chosen")
    expect(chosen).to_contain_text("0.58")


def test_the_cited_span_is_marked_in_its_source(page: Page, pages: Site) -> None:
    page.goto(f"{pages.url}/t/{pages.first}")
    page.locator("#waterfall").get_by_role("link", name="cite", exact=True).click()
    source = page.locator("#claims blockquote").first
    expect(source.locator("mark")).to_contain_text(QUOTE)
    whole = source.inner_text()
    assert len(whole) > len(source.locator("mark").inner_text()) + 100, "nothing stands around it"
    assert "handbook.md" in page.locator("#claims figcaption").first.inner_text()
    colours = source.locator("mark").evaluate(
        "mark => [getComputedStyle(mark).backgroundColor,"
        " getComputedStyle(mark.parentElement).backgroundColor]"
    )
    assert colours[0] != colours[1], "the mark cannot be seen"


def test_two_traces_are_compared_and_their_first_difference_is_marked(
    page: Page, pages: Site
) -> None:
    page.goto(f"{pages.url}/diff")
    page.get_by_label("First trace").fill(pages.first)
    page.get_by_label("Second trace").fill(pages.better)
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("status")).to_contain_text("First difference")
    expect(page.get_by_role("status")).to_contain_text("better-writer")
    marked = page.locator("tr.first")
    expect(marked).to_have_count(1)
    expect(marked).to_contain_text("first difference")
    expect(marked).to_contain_text("decision")
    page.get_by_role("link", name="Show it").click()
    expect(marked).to_be_in_viewport()
    marked.get_by_role("link").first.click()
    expect(page.locator("#why")).to_be_visible()


def test_texts_that_differ_stand_side_by_side(page: Page, pages: Site) -> None:
    page.goto(f"{pages.url}/diff?a={pages.first}&b={pages.other}")
    sides = page.locator(".part", has_text="question").first.locator("pre")
    expect(sides).to_have_count(2)
    expect(sides.nth(0).locator("del")).not_to_have_count(0)
    expect(sides.nth(1).locator("ins")).not_to_have_count(0)
    assert sides.nth(0).inner_text() == QUESTION
    assert sides.nth(1).inner_text() == OTHER_QUESTION
    boxes = [sides.nth(n).bounding_box() for n in range(2)]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    assert abs(boxes[0]["y"] - boxes[1]["y"]) < 2


def test_a_trace_compared_with_itself_is_the_same(page: Page, pages: Site) -> None:
    page.goto(f"{pages.url}/diff?a={pages.first}&b={pages.first}")
    expect(page.get_by_role("status")).to_contain_text("The same")
    expect(page.locator("tr.first")).to_have_count(0)


def test_the_boards_show_plots_and_the_same_as_tables(page: Page, pages: Site) -> None:
    page.goto(pages.url)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Boards").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Boards")
    plot = page.get_by_role("img", name="Share of each model by task")
    expect(plot).to_be_visible()
    chart = page.locator("section.chart", has=plot)
    chart.get_by_text("As a table").click()
    row = chart.get_by_role("row", name=re.compile("^draft"))
    expect(row.get_by_role("cell")).not_to_have_count(0)
    page.get_by_label("Since").select_option("24h")
    page.wait_for_url(re.compile("since=24h"))
    expect(page.get_by_role("img", name="Requests by verdict")).to_be_visible()

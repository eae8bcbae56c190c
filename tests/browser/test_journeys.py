"""From the home page to a confirmed alert: by mouse, by keyboard alone, without scripts; clicks and seconds told."""

import email.policy
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from bench.exchange import Exchange, wait_for
from tests.browser.conftest import Visit

JOURNEYS = [
    ("nl", "lasser", "Zelzate", "45", "Terneuzen"),
    ("sv", "sjuksköterska", "Malmö", "60", "København"),
    ("de", "Elektriker", "Eupen", "45", "Eupen"),
]
"""Language, the work and place that are typed, the minutes by car, a town that must be among what is found."""
CLICKS = 6
TABS = 60


class Clicks:
    """Clicks and counts."""

    def __init__(self, page: Page) -> None:
        self.page, self.count = page, 0

    def __call__(self, selector: str) -> None:
        with self.page.expect_navigation():
            self.page.locator(selector).first.click()
        self.count += 1

    def keys(self, selector: str) -> None:
        """Reaches it with the Tab key from where the reader is, and presses Enter."""
        reach(self.page, selector)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.count += 1


def reach(page: Page, selector: str) -> None:
    """Moves by the Tab key until what is wanted has the focus, which must be seen."""
    for _ in range(TABS):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
            return
    raise AssertionError(f"{selector} is not reached by {TABS} tabs")


def mailed(exchange: Exchange, address: str) -> Iterator[str]:
    """The links of the mail that asks this address to confirm, as paths."""
    for file in (exchange.home / "mail").glob("**/*.eml"):
        message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        text = message.get_body(("plain",))
        if address in str(message["To"]) and text:
            yield from re.findall(r"https?://\S+/subscriptions/confirm/\S+", text.get_content())


def confirm_path(exchange: Exchange, address: str) -> str:
    wait_for(lambda: any(mailed(exchange, address)), 60, "the mail that asks")
    link = urlsplit(next(mailed(exchange, address)))
    return f"{link.path}?{link.query}"


def confirmed(exchange: Exchange, address: str) -> bool:
    """Whether what notify keeps of this address is active."""
    with closing(sqlite3.connect(exchange.home / "store" / "notify.db")) as store:
        kept = [json.loads(one) for (one,) in store.execute("SELECT doc FROM subscriptions")]
    return any(one["address"] == address and one["state"] == "active" for one in kept)


@pytest.mark.parametrize(("language", "work", "home", "minutes", "town"), JOURNEYS)
@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_confirmed_alert_in_six_clicks(
    exchange: Exchange, visit: Visit, tell: Callable[[object], None],
    language: str, work: str, home: str, minutes: str, town: str, scripts: bool,
) -> None:  # fmt: skip
    address = f"{language}-{scripts}@example.org".lower()
    began, page = time.monotonic(), visit(f"/?lang={language}", java_script_enabled=scripts)
    click = Clicks(page)
    page.fill("#near", home)
    page.fill("#q", work)
    if page.input_value("#minutes") != minutes:
        page.select_option("#minutes", minutes)
        click.count += 2
    click("form.search button")
    page.wait_for_selector("ol.hits li")
    assert town in page.inner_text("ol.hits")
    page.fill("#address", address)
    click("form[action='/subscriptions'] button")
    page.wait_for_selector("main h1")
    page.goto(confirm_path(exchange, address))  # the link in the mail: one click
    click.count += 1
    click("main form button")
    assert confirmed(exchange, address)
    assert click.count <= CLICKS
    tell(f"{work} in {home}: {click.count} clicks, {time.monotonic() - began:.1f} s")


def test_the_same_by_keyboard_alone(exchange: Exchange, visit: Visit, tell: Callable[[object], None]) -> None:
    address = "keyboard@example.org"
    page = visit("/?lang=nl")
    click = Clicks(page)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip", "the first stop leads to the content"
    page.keyboard.press("Enter")
    reach(page, "#near")
    page.keyboard.type("Zelzate")
    reach(page, "#q")
    page.keyboard.type("lasser")
    click.keys("form.search button")
    page.wait_for_selector("ol.hits li")
    reach(page, "#address")
    page.keyboard.type(address)
    click.keys("form[action='/subscriptions'] button")
    page.wait_for_selector("main h1")
    page.goto(confirm_path(exchange, address))
    click.keys("main form button")
    assert confirmed(exchange, address)
    tell(f"keyboard alone: {click.count + 1} times Enter on a button or link")


def test_the_script_swaps_the_results_and_keeps_the_address(visit: Visit) -> None:
    page = visit("/?lang=nl&near=Zelzate&minutes=60")
    page.evaluate("window.same = true")
    page.locator("nav .chips a").first.click()
    page.wait_for_url("**country=**")
    page.wait_for_selector("main:not([aria-busy])")
    assert page.evaluate("window.same"), "the page was not loaded anew"
    assert page.locator("nav .chips .here").inner_text().startswith(("België", "Nederland"))
    narrowed = page.inner_text("main h2[aria-live]")
    page.reload()
    assert page.inner_text("main h2[aria-live]") == narrowed, "the address says it all"
    page.go_back()
    page.wait_for_function("!location.search.includes('country')")
    page.wait_for_selector("main:not([aria-busy])")
    assert page.inner_text("main h2[aria-live]") != narrowed

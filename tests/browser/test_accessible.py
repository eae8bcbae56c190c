"""Every page in every language, with nothing, one, many and an error: axe finds nothing, and 320 pixels are enough."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from bench.shots import STEADY
from pendler.speech import LANGUAGES
from tests.browser.conftest import Visit

SHOWN = "demo-nl:lasser-terneuzen"
PAGES = {
    "home": "/",
    "many": "/?near=Malmö&minutes=60&speaks=sv&pay=20000",
    "one": "/?q=binnenvaart&near=Sluiskil&minutes=15",
    "empty": "/?q=xyzzy",
    "error": "/?near=Nowhereville&licence=B",
    "two places": "/?near=Halle",
    "vacancy": f"/vacancies/{SHOWN}?near=Zelzate",
    "no vacancy": "/vacancies/nobody:1",
    "selection": "/selection?ref=demo-nl:lasser-terneuzen&ref=demo-be:lasser-gent",
    "no selection": "/selection",
    "selection over": "/selection?ref=demo-nl:lasser-terneuzen&made=2020-01-01",
    **STEADY,
    "accessibility": "/accessibility",
    "terms": "/terms",
    "contact": "/contact",
    "status": "/status",
    "check": "/check",
    "deliver": "/deliver",
    "sources": "/sources",
    "wrong": f"/wrong/{SHOWN}",
    "my searches": "/subscriptions/link",
    "outbox": "/outbox",
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    return [f"{one['id']}: {node['target']}" for one in found for node in one["nodes"]]


def wider(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_and_320_pixels_are_enough(
    visit: Visit, tell: Callable[[object], None], language: str, colours: str
) -> None:
    given = {"viewport": {"width": 320, "height": 640}, "bypass_csp": True, "color_scheme": colours}
    page, wrong = visit("/", **given), dict[str, object]()
    for name, path in PAGES.items():
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
        assert page.get_attribute("html", "lang") == language, name
        if found := violations(page):
            wrong[name] = found
        if wider(page) > 0:
            wrong[f"{name}, width"] = f"{wider(page)} pixels too wide"
    assert wrong == {}
    tell(f"{len(PAGES)} pages in {language}, {colours}: 0 violations, none wider than 320 pixels")

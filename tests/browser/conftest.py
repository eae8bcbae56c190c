"""An exchange with the demonstration, and Debian's Chromium to look at it with."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from bench.exchange import DEMONSTRATED, Exchange, running, wait_for

CHROMIUM = shutil.which("chromium")
BLOCKED = """() => { window.reports = []; document.addEventListener("securitypolicyviolation",
    report => window.reports.push(report.violatedDirective + " " + report.blockedURI)); }"""
"""Notes in the page what the Content-Security-Policy refuses."""

Visit = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def exchange(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Exchange]:
    with running(tmp_path_factory.mktemp("browser"), places_file, {"work": ()}, PENDLER_DEMO="1") as exchange:
        wait_for(lambda: exchange.open_ads() == DEMONSTRATED, 90, "the demonstration")
        yield exchange


@pytest.fixture(scope="session")
def key(exchange: Exchange) -> str:
    """A key of the source `se`; made before the browser starts, whose loop keeps out others."""
    return exchange.key("se")


@pytest.fixture(scope="session")
def browser(key: str) -> Iterator[Browser]:
    if not CHROMIUM:
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser, exchange: Exchange) -> Iterator[Visit]:
    """Opens a tab of its own; what is given goes to the browser's context."""
    contexts = []

    def opened(path: str, **given: object) -> Page:
        context = browser.new_context(base_url=str(exchange.http.base_url), **given)  # type: ignore[arg-type]
        contexts.append(context)
        context.add_init_script(f"({BLOCKED})()")
        page = context.new_page()
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        context.close()

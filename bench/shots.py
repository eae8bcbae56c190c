"""Pictures of the pages for people to look at: `make shots`. Three widths, light and dark, into var/shots.

Languages may be named: `python -m bench.shots nl de`; without, all seven.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench.exchange import DEMONSTRATED, running, wait_for
from pendler.place_file import build
from pendler.speech import LANGUAGES

CHOSEN = "&".join(f"ref=demo-{ref}" for ref in ("nl:lasser-terneuzen", "be:lasser-gent", "dk:svejser-aabenraa"))
STEADY = {
    "boards": "/boards",
    "board": "/boards/jobs-abroad-for-danes",
    "partnerships": "/partnerships",
    "partnership": "/partnerships/oresund",
    "numbers": "/numbers",
    "unknown": "/unknown",
    "privacy": "/privacy",
}
"""Pages that are there whoever asks for what."""
PAGES = {
    "home": "/",
    "results": "/?q=welder&near=Zelzate&minutes=60",
    "both-sides": "/?near=Malmö&minutes=60&speaks=sv",
    "nothing": "/?q=xyzzy",
    "error": "/?near=Nowhereville",
    "vacancy": "/vacancies/demo-nl:lasser-terneuzen?near=Zelzate",
    "selection": f"/selection?{CHOSEN}",
    **STEADY,
}
WIDTHS = (360, 768, 1280)
COLOURS = ("light", "dark")
HEIGHT = 2400
"""Pixels of a page that are shown at the most."""


def shots(folder: Path, languages: list[str]) -> Iterator[Path]:
    """Takes all pictures of an exchange with the demonstration."""
    with tempfile.TemporaryDirectory() as home:
        places = Path(home) / "places.db"
        build(places, lambda _: None)
        with running(Path(home) / "exchange", places, {"work": ()}, PENDLER_DEMO="1") as exchange:
            wait_for(lambda: exchange.open_ads() == DEMONSTRATED, 90, "the demonstration")
            with sync_playwright() as playwright:
                chromium = shutil.which("chromium")
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                yield from taken(browser, str(exchange.http.base_url), folder, languages)
                browser.close()


def taken(browser: Browser, site: str, folder: Path, languages: list[str]) -> Iterator[Path]:
    """The pictures, one after another: `results-nl-360-dark.png`."""
    for colours in COLOURS:
        for width in WIDTHS:
            size = {"width": width, "height": 900}
            context = browser.new_context(base_url=site, viewport=size, color_scheme=colours)  # type: ignore[arg-type]
            page = context.new_page()
            for language in languages:
                for name, path in PAGES.items():
                    page.goto(f"{path}{'&' if '?' in path else '?'}lang={language}")
                    whole = int(page.evaluate("document.documentElement.scrollHeight"))
                    clip = {"x": 0, "y": 0, "width": width, "height": min(whole, HEIGHT)}
                    picture = folder / f"{name}-{language}-{width}-{colours}.png"
                    page.screenshot(path=picture, full_page=True, clip=clip)  # type: ignore[arg-type]
                    yield picture
            context.close()


if __name__ == "__main__":
    target = Path("var/shots")
    target.mkdir(parents=True, exist_ok=True)
    for picture in shots(target, sys.argv[1:] or list(LANGUAGES)):
        print(picture)

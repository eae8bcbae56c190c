"""Pictures of the pages for people to look at: `make shots`. Three widths, seven languages, into var/shots.

Chromium lays nothing out narrower than 500 pixels, so each page is shown in a frame of the width that is wanted.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.exchange import DEMONSTRATED, Exchange, running, wait_for
from pendler.place_file import build
from pendler.speech import LANGUAGES

PAGES = {
    "home": "/",
    "results": "/?q=welder&near=Zelzate&minutes=60",
    "both-sides": "/?near=Malmö&minutes=60&speaks=sv",
    "nothing": "/?q=xyzzy",
    "error": "/?near=Nowhereville",
    "vacancy": "/vacancies/demo-nl:lasser-terneuzen?near=Zelzate",
    "boards": "/boards",
    "board": "/boards/jobs-abroad-for-danes",
    "partnership": "/partnerships/oresund",
    "numbers": "/numbers",
    "unknown": "/unknown",
    "privacy": "/privacy",
}
WIDTHS = {360: 2400, 768: 1800, 1280: 1400}
"""Pixels: a width, and how much of the page below it."""
FRAME = (
    '<!doctype html><style>body{{margin:0}}</style><iframe src="{}" width="{}" height="{}" frameborder="0"></iframe>'
)


def shots(folder: Path, languages: list[str]) -> Iterator[Path]:
    """Takes all pictures of an exchange with the demonstration."""
    with tempfile.TemporaryDirectory() as home:
        places = Path(home) / "places.db"
        build(places, lambda _: None)
        with running(Path(home) / "exchange", places, {"work": ()}, PENDLER_DEMO="1") as exchange:
            wait_for(lambda: exchange.open_ads() == DEMONSTRATED, 90, "the demonstration")
            for language in languages:
                for name, path in PAGES.items():
                    page = _kept(exchange, path, language, Path(home))
                    for width, height in WIDTHS.items():
                        yield _taken(page, folder / f"{name}-{language}-{width}.png", width, height)


def _kept(exchange: Exchange, path: str, language: str, home: Path) -> Path:
    """The page as a file: the exchange forbids to be framed."""
    html = exchange.http.get(path, headers={"Accept-Language": language}).text
    base = f'<head><base href="{exchange.http.base_url}">'
    page = home / "page.html"
    page.write_text(html.replace("<head>", base, 1), "utf-8")
    return page


def _taken(page: Path, picture: Path, width: int, height: int) -> Path:
    frame = page.with_name("frame.html")
    frame.write_text(FRAME.format(page.as_uri(), width, height), "utf-8")
    with tempfile.TemporaryDirectory() as profile:
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        command += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}"]
        command += [f"--window-size={width},{height}", f"--screenshot={picture}", frame.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return picture


if __name__ == "__main__":
    target = Path("var/shots")
    target.mkdir(parents=True, exist_ok=True)
    for taken in shots(target, sys.argv[1:] or list(LANGUAGES)):
        print(taken)

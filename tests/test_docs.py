"""The documentation is true: what it shows is run, what it lists is complete, what is generated is as committed."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.exchange import Exchange, running, wait_for
from deploy.reference import documents, outdated
from pendler.settings import Settings
from services.ingest.feed import feeds

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_generated_files_are_as_committed(tmp_path: Path, places_file: Path) -> None:
    shutil.copy(places_file, tmp_path / "places.db")
    made = asyncio.run(documents(Settings(home=tmp_path)))
    assert outdated(made) == [], "run `make schemas` and look at the difference"


def as_written(page: str, exchange: Exchange, folder: Path, **environment: str) -> str:
    """What the commands of a page print when they are run one after the other."""
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / page).read_text("utf-8"), re.M | re.S)
    assert blocks
    known = {"PENDLER_HOME": str(exchange.home), "PENDLER_URL": f"http://127.0.0.1:{exchange.port}"}
    script = "set -euo pipefail\n" + "\n".join(blocks).replace("/tmp/", f"{folder}/")
    done = subprocess.run(
        ["bash", "-c", script.replace(".venv/bin/pendler", f"{sys.executable} -m pendler")],
        env={**os.environ, **known, **environment}, capture_output=True, text=True, timeout=300, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory, places_file: Path) -> Iterator[Exchange]:
    with running(tmp_path_factory.mktemp("docs") / "home", places_file) as exchange:
        yield exchange


def test_the_tutorial_works_as_written(exchange: Exchange, tmp_path: Path) -> None:
    told = as_written("tutorial-first-delivery.md", exchange, tmp_path)
    assert '"held": 1' in told
    assert "my-service:1" in told
    assert '"isco":"7212"' in told


def test_a_feed_without_code_works_as_written(exchange: Exchange, tmp_path: Path) -> None:
    told = as_written("tutorial-first-feed.md", exchange, tmp_path)
    assert '"held": 1' in told
    assert "first-feed:1" in told
    assert '"rule": "title-missing", "at": "/job"' in told
    assert "wrong.yaml line 11, fields/citty: Extra inputs are not permitted" in told
    wait_for(lambda: exchange.http.get("/v1/vacancies/first-feed:1").is_success, 60, "the offer to be visible")


def test_delivering_and_following_work_as_written(exchange: Exchange, tmp_path: Path) -> None:
    told = as_written("how-to-deliver.md", exchange, tmp_path, PENDLER_KEY=exchange.key("my-service"))
    assert '"outcomes":{"published":1}' in told
    assert '"outcomes":{"closed":1}' in told
    assert '"state":"committed"' in told
    exchange.command("source", "rights", "my-service", "--way", "search", "--way", "changes")
    wait_for(lambda: '"vacancy"' in exchange.http.get("/v1/changes").text, 30, "a vacancy to be passed on")
    assert "changes" in as_written("how-to-follow.md", exchange, tmp_path)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


def test_the_readme_fits_a_screen_and_names_what_make_has() -> None:
    readme, makefile = (ROOT / "README.md").read_text("utf-8"), (ROOT / "Makefile").read_text("utf-8")
    assert len(readme.splitlines()) <= 40
    for target in re.findall(r"^make (\w+)", readme, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_every_feed_has_a_sample_and_a_golden() -> None:
    for name in feeds():
        assert list((ROOT / "tests" / "feeds").glob(f"{name}.sample.*")), name
        assert (ROOT / "tests" / "feeds" / f"{name}.golden.json").is_file(), name


def test_decisions_say_when_to_look_again() -> None:
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert decisions
    for decision in decisions:
        assert "**Revisit when**" in decision.read_text("utf-8"), decision.name

"""The documentation is true: what it shows is run, what it lists is complete, what is generated is as committed."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.exchange import running
from deploy.reference import documents, outdated
from pendler.settings import Settings
from services.ingest.feed import feeds

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_generated_files_are_as_committed(tmp_path: Path, places_file: Path) -> None:
    shutil.copy(places_file, tmp_path / "places.db")
    made = asyncio.run(documents(Settings(home=tmp_path)))
    assert outdated(made) == [], "run `make schemas` and look at the difference"


def test_the_tutorial_works_as_written(tmp_path: Path, places_file: Path) -> None:
    tutorial = (ROOT / "docs" / "tutorial-first-delivery.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", tutorial, re.M | re.S)
    assert len(blocks) >= 4
    with running(tmp_path / "home", places_file) as exchange:
        environment = {
            **os.environ,
            "PENDLER_HOME": str(exchange.home),
            "PENDLER_URL": f"http://127.0.0.1:{exchange.port}",
        }
        script = "set -euo pipefail\n" + "\n".join(blocks).replace(".venv/bin/pendler", f"{sys.executable} -m pendler")
        script = script.replace("/tmp/ad.json", f"{tmp_path}/ad.json")
        done = subprocess.run(
            ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=90, cwd=ROOT
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"published": 1' in done.stdout
    assert "my-service:1" in done.stdout
    assert '"isco":"7212"' in done.stdout


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

"""Real files of employment services, pushed into a running exchange at their own time: all settled, all found.

The files are no part of this project: they lie beside it. Where they are absent the test says so.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.exchange import Exchange, running, wait_for

REAL = Path(__file__).resolve().parents[2] / "shared" / "feeds"
THEN = {
    "2019-02-01T12:00:00Z": {
        "se_jobtech": ["se_jobtech/*2019*"],
        "eures_hrxml": ["eures_hrxml_no/*", "eures_hrxml_se/*"],
    },
    "2024-11-04T12:00:00Z": {"de_ba": ["de_ba/*2024*"]},
    "2026-08-15T12:00:00Z": {"se_jobtech": ["se_jobtech/*2026*"]},
}


@pytest.mark.parametrize("clock", THEN)
def test_every_real_record_is_settled_and_found(clock: str, tmp_path: Path, places_file: Path) -> None:
    if not REAL.is_dir():
        pytest.skip("the folder ../shared/feeds with the services' real files is not here")
    with running(tmp_path / "home", places_file, PENDLER_NOW=clock) as exchange:
        for feed, patterns in THEN[clock].items():
            paths = sorted(path for pattern in patterns for path in REAL.glob(pattern))
            assert paths
            for number, (path, read) in enumerate(readings(exchange, feed, paths, clock).items()):
                push_and_find(exchange, f"{feed.replace('_', '-')}-{number}", feed, path, read)
        wait_for(lambda: exchange.audit()["unaccounted"] == 0, 20, "the books to be even")


def readings(exchange: Exchange, feed: str, paths: list[Path], clock: str) -> dict[Path, list[dict[str, Any]]]:
    """What `pendler normalise` says of each file."""
    told = exchange.command("normalise", "--feed", feed, "--now", clock.removesuffix("Z"), *map(str, paths))
    lines = [json.loads(line) for line in told.splitlines()]
    return {path: [{**line, "now": clock} for line in lines if line["file"] == str(path)] for path in paths}


def push_and_find(exchange: Exchange, source: str, feed: str, path: Path, read: list[dict[str, Any]]) -> None:
    """Delivers a file; finds each of its open vacancies by its title, the others among all."""
    key = exchange.key(source)
    report = exchange.push(source, feed, key, path.read_bytes(), Prefer="wait=20")
    assert sum(report["outcomes"].values()) == report["accepted"] == len(read)
    assert report["pending"] == 0
    for line in read:
        if line["outcome"] == "published" and not ended(line["vacancy"], line["now"]):
            title = line["vacancy"]["profiles"][0]["title"]
            wait_for(lambda line=line, title=title: found(exchange, source, line["id"], q=title), 20, title)  # type: ignore[misc]
        else:
            wait_for(lambda line=line: found(exchange, source, line["id"], status="any"), 20, line["id"])  # type: ignore[misc]


def test_the_command_pushes_a_real_file(tmp_path: Path, places_file: Path) -> None:
    if not REAL.is_dir():
        pytest.skip("the folder ../shared/feeds with the services' real files is not here")
    with running(tmp_path / "home", places_file, PENDLER_NOW="2026-08-15T12:00:00Z") as exchange:
        told = exchange.command(
            "push", "--source", "se", "--feed", "se_jobtech", "--key", exchange.key("se"),
            "--url", f"http://127.0.0.1:{exchange.port}", str(REAL / "se_jobtech" / "jobsearch_search_2026_a.json"),
        )  # fmt: skip
        assert json.loads(told.splitlines()[-1])["outcomes"] == {"published": 1}


def ended(vacancy: dict[str, str], clock: str) -> bool:
    """Whether the time by which to apply had passed then."""
    ends = [vacancy[name] for name in ("apply_by", "expires") if vacancy[name]]
    return bool(ends) and min(ends) <= clock


def found(exchange: Exchange, source: str, identity: str, **asked: str) -> bool:
    refs = [one["ref"] for one in exchange.search(source=source, **asked)["vacancies"]]
    return f"{source}:{identity}" in refs
